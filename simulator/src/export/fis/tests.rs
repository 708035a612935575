use super::*;
use crate::{
    cloud::Moment,
    scenario::{Engine, Fault, find, load_for},
};
use contracts::ids::Continent;
use serde_json::{Value, json};

fn shipped(name: &str) -> Scenario {
    let path = find(name).unwrap();
    load_for(&path, Engine::Virtual).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The usual world, in which these go wrong.
fn with(faults: impl IntoIterator<Item = (f64, Fault)>) -> Scenario {
    let faults = faults.into_iter().map(|(at_s, fault)| FaultAt { at_s, fault }).collect();
    Scenario { faults, ..shipped("calm") }
}

fn exported(faults: impl IntoIterator<Item = (f64, Fault)>) -> Export {
    export(&with(faults)).unwrap_or_else(|fault| panic!("{fault}"))
}

fn region(name: &str) -> Region {
    Region(name.to_owned())
}

fn cut(for_s: f64) -> Fault {
    Fault::PowerCut { region: region("eu-west-1"), for_s }
}

fn freeze(for_s: f64) -> Fault {
    Fault::FreezeRegion { region: region("eu-west-1"), for_s }
}

fn template(experiment: &Experiment) -> Value {
    serde_json::to_value(&experiment.template).unwrap()
}

fn regions(export: &Export) -> Vec<&str> {
    export.experiments.iter().map(|experiment| experiment.region.as_str()).collect()
}

/// Names and minutes of what happens in the first experiment.
fn spans(export: &Export) -> Vec<(&str, u32, u32)> {
    let spans = export.experiments[0].spans.iter();
    spans.map(|(name, span)| (name.as_str(), span.from_min, span.to_min)).collect()
}

/// One of each kind.
fn every_kind() -> Vec<Fault> {
    let (eu, us) = (region("eu-west-1"), region("us-east-1"));
    let (from, to, for_s, pct, ms) = (eu.clone(), us.clone(), 5.0, 10.0, 200);
    vec![
        Fault::FloodContinent { continent: Continent("am".to_owned()) },
        Fault::KillRegion { region: us, keep_data: false, back_after_s: None },
        cut(5.0),
        Fault::CrashBetweenSteps {
            region: eu.clone(),
            moment: Moment::After,
            operation: "PutItem".to_owned(),
            table: "orders".to_owned(),
            word: None,
            nth: 1,
            back_after_ms: 1_000,
            for_s,
        },
        Fault::ClockSkew { region: eu.clone(), ms: 500, for_s },
        freeze(5.0),
        Fault::LinkLatency { from: from.clone(), to: to.clone(), add_ms: ms, for_s },
        Fault::LinkLoss { from: from.clone(), to: to.clone(), pct, for_s },
        Fault::LinkReset { from: from.clone(), to: to.clone(), for_s },
        Fault::Partition { from, to, one_way: false, for_s },
        Fault::ReplicationLag { ms, region: None, for_s: None },
        Fault::PauseReplication { region: Some(eu), for_s },
        Fault::ProviderRefuse { pct, for_s },
        Fault::ProviderSlow { ms, for_s },
        Fault::ProviderAnswerLost { pct, for_s },
        Fault::EventDuplicate { pct, for_s },
        Fault::EventDelay { pct, ms, for_s },
        Fault::EventReorder { pct, for_s },
    ]
}

#[test]
fn every_kind_of_fault_is_done_or_left_out_with_a_reason() {
    let all = every_kind();
    let kinds: Vec<String> = all.iter().map(Fault::kind).collect();
    assert_eq!(kinds, Fault::KINDS);

    let export = exported(all.into_iter().map(|fault| (15.0, fault)));
    let done: Vec<String> = export.done.iter().map(|done| done.fault.fault.kind()).collect();
    assert_eq!(done, ["flood-continent", "kill-region", "power-cut", "freeze-region", "pause-replication"]);
    assert_eq!(export.left.len(), Fault::KINDS.len() - done.len());
    let notes = export.notes();
    for left in &export.left {
        assert!(!left.why.is_empty() && !left.nearest.is_empty(), "{left:?}");
        assert!(notes.contains(&format!("| {} | {} | {} |", left.fault, left.why, left.nearest)), "{left:?}");
    }
    for done in &export.done {
        assert!(done.unlike.iter().all(|unlike| notes.contains(unlike)), "{done:?}");
    }
}

#[test]
fn a_flood_is_felt_in_each_region_of_the_continent() {
    let export = export(&shipped("flood-americas")).unwrap();
    assert_eq!(regions(&export), ["us-east-1", "sa-east-1"]);
    let template = template(&export.experiments[0]);
    let fail = json!({
        "actionId": "aws:lambda:invocation-error",
        "description": "flood of am",
        "parameters": { "duration": "PT30M", "invocationPercentage": "100", "preventExecution": "true" },
        "startAfter": ["until-minute-1"],
        "targets": { "Functions": "functions" },
    });
    assert_eq!(template["actions"]["functions-fail"], fail);
    let pause = json!({
        "actionId": "aws:dynamodb:global-table-pause-replication",
        "description": "flood of am",
        "parameters": { "duration": "PT30M" },
        "startAfter": ["until-minute-1"],
        "targets": { "Tables": "global-tables" },
    });
    assert_eq!(template["actions"]["replication-paused"], pause);
    let wait = json!({
        "actionId": "aws:fis:wait",
        "description": "Until minute 1",
        "parameters": { "duration": "PT1M" },
    });
    assert_eq!(template["actions"]["until-minute-1"], wait);
    assert_eq!(template["actions"].as_object().map(serde_json::Map::len), Some(3));
    assert_eq!(export.experiments[0].action_minutes(), 61);
    assert_eq!(export.experiments[0].price(), "6.10 USD");
}

#[test]
fn targets_are_this_platforms_in_this_region() {
    let template = template(&export(&shipped("flood-americas")).unwrap().experiments[1]);
    let functions = json!({
        "resourceType": "aws:lambda:function",
        "resourceTags": { "platform": "${platform}", "environment": "${environment}", "region": "sa-east-1" },
        "selectionMode": "ALL",
    });
    assert_eq!(template["targets"]["functions"], functions);
    let tables = &template["targets"]["global-tables"];
    assert_eq!(tables["resourceType"], "aws:dynamodb:global-table");
    assert_eq!(tables["resourceTags"]["replication"], "global");
    assert_eq!(
        template["stopConditions"],
        json!([{ "source": "aws:cloudwatch:alarm", "value": "${alarm_arn}" }])
    );
    assert_eq!(template["experimentOptions"]["emptyTargetResolutionMode"], "fail");
    let report = &template["experimentReportConfiguration"];
    assert_eq!(report["outputs"]["s3Configuration"]["bucketName"], "${report_bucket}");
    assert_eq!(report["dataSources"]["cloudWatchDashboards"][0]["dashboardIdentifier"], "${dashboard_arn}");
    assert_eq!(template["roleArn"], "${role_arn}");
}

#[test]
fn two_short_cuts_stay_two_with_a_time_between_them() {
    let export = export(&shipped("over-and-back")).unwrap();
    assert_eq!(regions(&export), ["us-east-1"]);
    let expected = [
        ("functions-fail", 1, 7),
        ("functions-fail-2", 8, 14),
        ("replication-paused", 1, 7),
        ("replication-paused-2", 8, 14),
    ];
    assert_eq!(spans(&export), expected);
    let template = template(&export.experiments[0]);
    assert_eq!(template["actions"]["until-minute-8"]["startAfter"], json!(["until-minute-1"]));
    assert_eq!(template["actions"]["until-minute-8"]["parameters"]["duration"], "PT7M");
    assert_eq!(export.experiments[0].at_once(), 3); // two of the first cut, and the wait for the second
}

#[test]
fn a_freeze_delays_as_long_as_it_lasts_and_as_fis_can() {
    let delay = |for_s: f64| {
        let action =
            &template(&exported([(20.0, freeze(for_s))]).experiments[0])["actions"]["functions-wait"];
        assert_eq!(action["actionId"], "aws:lambda:invocation-add-delay");
        assert_eq!(action["targets"], json!({ "Functions": "functions" }));
        (action["parameters"]["startupDelayMilliseconds"].clone(), action["parameters"]["duration"].clone())
    };
    assert_eq!(delay(2.5), (json!("2500"), json!("PT1M")));
    assert_eq!(delay(61.0), (json!("61000"), json!("PT2M")));
    assert_eq!(delay(1_800.0), (json!("900000"), json!("PT30M")));
}

#[test]
fn replication_pauses_in_one_region_or_in_all() {
    let pause = |region| Fault::PauseReplication { region, for_s: 60.0 };
    let one = exported([(20.0, pause(Some(region("eu-west-1"))))]);
    assert_eq!(regions(&one), ["eu-west-1"]);
    assert_eq!(spans(&one), [("replication-paused", 1, 7)]); // FIS may need 5 min to stop it
    assert!(template(&one.experiments[0])["targets"].get("functions").is_none());
    let all = exported([(20.0, pause(None))]);
    assert_eq!(regions(&all), ["us-east-1", "sa-east-1", "eu-west-1", "ap-southeast-1"]);
}

#[test]
fn what_overlaps_in_a_region_becomes_one_action() {
    let export = exported([(20.0, freeze(120.0)), (80.0, freeze(300.0)), (900.0, freeze(60.0))]);
    assert_eq!(spans(&export), [("functions-wait", 1, 7), ("functions-wait-2", 16, 17)]);
    let actions = &template(&export.experiments[0])["actions"];
    assert_eq!(actions["functions-wait"]["description"], "eu-west-1 frozen; eu-west-1 frozen");
    assert_eq!(actions["functions-wait"]["parameters"]["startupDelayMilliseconds"], "300000");
    // A cut and a freeze are two things, and both are done.
    assert_eq!(exported([(20.0, freeze(60.0)), (20.0, cut(60.0))]).experiments[0].spans.len(), 3);
}

#[test]
fn what_never_heals_outlasts_everything_else() {
    let gone = Fault::KillRegion { region: region("eu-west-1"), keep_data: false, back_after_s: None };
    let export =
        exported([(15.0, gone), (60.0, Fault::PowerCut { region: region("us-east-1"), for_s: 600.0 })]);
    let of = |name: &str| {
        let experiment =
            export.experiments.iter().find(|experiment| experiment.region.as_str() == name).unwrap();
        let (_, span) = experiment.spans.iter().find(|(_, span)| span.deed == Deed::FunctionsFail).unwrap();
        (span.from_min, span.to_min)
    };
    assert_eq!(of("us-east-1"), (7, 17));
    assert_eq!(of("eu-west-1"), (1, 47));
}

#[test]
fn what_fis_cannot_do_at_all_is_an_error_that_says_why() {
    assert_eq!(
        export(&shipped("calm")).unwrap_err().to_string(),
        "calm has no fault, so there is nothing to export"
    );
    let skew = Fault::ClockSkew { region: region("eu-west-1"), ms: 500, for_s: 5.0 };
    assert_eq!(
        export(&with([(15.0, skew)])).unwrap_err().to_string(),
        "FIS can do no fault of calm: clock of eu-west-1 500 ms off (the clock of a function is AWS's)"
    );
}

#[test]
fn what_fis_does_not_take_is_refused() {
    let twelve_hours = export(&with([(60.0, freeze(43_140.0))]));
    assert_eq!(twelve_hours.unwrap().experiments[0].action_minutes(), 720);
    let longer = export(&with([(60.0, freeze(43_141.0))])).unwrap_err();
    assert_eq!(longer, Unexportable::TooLong { scenario: "calm".to_owned(), minutes: 721 });

    let freezes = |count: u32| with((0..count).map(|at| (f64::from(at) * 120.0 + 60.0, freeze(60.0))));
    assert_eq!(export(&freezes(10)).unwrap().experiments[0].template.actions.len(), 20);
    let more = export(&freezes(11)).unwrap_err();
    assert_eq!(more, Unexportable::TooMany { region: region("eu-west-1"), actions: 22 });
}

#[test]
fn no_text_of_a_scenario_is_taken_for_a_variable() {
    let scenario = Scenario { name: "a${role_arn}%{b".to_owned(), ..with([(15.0, cut(5.0))]) };
    let template = template(&export(&scenario).unwrap().experiments[0]);
    assert_eq!(template["tags"]["scenario"], "a$${role_arn}%%{b");
    assert_eq!(template["description"], "The faults of a$${role_arn}%%{b that eu-west-1 feels");
}
