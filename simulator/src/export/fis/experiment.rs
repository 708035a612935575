//! What one region's experiment does, and when.

use super::{
    mapping::Deed,
    template::{
        Action, Dashboard, DataSources, Options, Outputs, Report, S3, StopCondition, Target, Template,
        description, duration, literal, variable,
    },
};
use contracts::ids::Region;
use std::collections::{BTreeMap, BTreeSet};

/// What an action costs a minute, in hundredths of a US dollar: list price, gathered on 2026-11-23 from
/// aws.amazon.com/fis/pricing (GovCloud: 12). That page has no other price for an action that only waits, so waits count.
pub const ACTION_MINUTE_CENTS: u32 = 10;

/// How much of the time before and after is in FIS's report, minutes; its default.
const REPORT_AROUND_MIN: u32 = 20;

/// A deed and when it is done, minutes after the experiment began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) deed: Deed,
    pub(super) from_min: u32,
    pub(super) to_min: u32,
    /// The faults that it stands for, in a few words each.
    pub(super) faults: Vec<String>,
}

/// The experiment of one region.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// Where it runs.
    pub region: Region,
    /// What FIS is told.
    pub template: Template,
    pub(super) spans: Vec<(String, Span)>,
    waits: Vec<Wait>,
}

/// A time in which nothing happens. Each begins when the one before is over, so that only one at a time counts against the
/// ten actions that FIS runs side by side.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wait {
    from_min: u32,
    to_min: u32,
}

impl Experiment {
    /// The experiment that does all of `spans` in `region`.
    pub(super) fn new(scenario: &str, region: &Region, spans: Vec<Span>) -> Experiment {
        let spans = named(merged(spans));
        let waits = waits(&spans);
        let mut actions: BTreeMap<String, Action> =
            spans.iter().map(|(name, span)| (name.clone(), action(span))).collect();
        actions.extend(waits.iter().map(|wait| (wait.name(), wait.action())));
        let template = Template {
            description: description(&format!("The faults of {scenario} that {region} feels")),
            targets: spans.iter().map(|(_, span)| target(span.deed, region)).collect(),
            actions,
            stop_conditions: vec![StopCondition {
                source: "aws:cloudwatch:alarm",
                value: variable("alarm_arn"),
            }],
            role_arn: variable("role_arn"),
            // A target that is not there means that the drill would prove nothing.
            experiment_options: Options {
                account_targeting: "single-account",
                empty_target_resolution_mode: "fail",
            },
            experiment_report_configuration: report(scenario),
            tags: BTreeMap::from([
                ("Name".to_owned(), literal(&format!("{scenario}-{region}"))),
                ("scenario".to_owned(), literal(scenario)),
            ]),
        };
        Experiment { region: region.clone(), template, spans, waits }
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        format!("{}.json", self.region)
    }

    /// How many minutes all its actions take together, waits included.
    pub fn action_minutes(&self) -> u32 {
        let acting: u32 = self.spans.iter().map(|(_, span)| span.to_min - span.from_min).sum();
        let waiting: u32 = self.waits.iter().map(|wait| wait.to_min - wait.from_min).sum();
        acting + waiting
    }

    /// The same in US dollars.
    pub fn price(&self) -> String {
        let cents = self.action_minutes() * ACTION_MINUTE_CENTS;
        format!("{}.{:02} USD", cents / 100, cents % 100)
    }

    /// The most actions that run side by side.
    pub(super) fn at_once(&self) -> usize {
        let running = |minute: u32| {
            let acting = self.spans.iter().filter(|(_, span)| (span.from_min..span.to_min).contains(&minute));
            let waiting = self.waits.iter().filter(|wait| (wait.from_min..wait.to_min).contains(&minute));
            acting.count() + waiting.count()
        };
        let begins = self
            .spans
            .iter()
            .map(|(_, span)| span.from_min)
            .chain(self.waits.iter().map(|wait| wait.from_min));
        begins.map(running).max().unwrap_or_default()
    }
}

impl Wait {
    fn name(&self) -> String {
        wait_until(self.to_min)
    }

    fn action(&self) -> Action {
        let before = (self.from_min > 0).then(|| wait_until(self.from_min));
        Action {
            action_id: "aws:fis:wait",
            description: format!("Until minute {}", self.to_min),
            parameters: BTreeMap::from([("duration", duration(self.to_min - self.from_min))]),
            start_after: before.into_iter().collect(),
            targets: BTreeMap::new(),
        }
    }
}

fn wait_until(minute: u32) -> String {
    format!("until-minute-{minute}")
}

/// Of two actions of one kind that overlap FIS does only the first, so they become one.
fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.deed.order(), span.from_min, span.to_min));
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut() {
            Some(last) if last.deed.order() == span.deed.order() && span.from_min < last.to_min => {
                last.deed = last.deed.stronger(span.deed);
                last.to_min = last.to_min.max(span.to_min);
                last.faults.extend(span.faults);
            }
            _ => merged.push(span),
        }
    }
    merged
}

fn named(spans: Vec<Span>) -> Vec<(String, Span)> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let name = |span: Span| {
        let word = span.deed.word();
        let count = counts.entry(word).or_default();
        *count += 1;
        let name = if *count == 1 { word.to_owned() } else { format!("{word}-{count}") };
        (name, span)
    };
    spans.into_iter().map(name).collect()
}

fn waits(spans: &[(String, Span)]) -> Vec<Wait> {
    let begins: BTreeSet<u32> =
        spans.iter().map(|(_, span)| span.from_min).filter(|minute| *minute > 0).collect();
    let from = std::iter::once(0).chain(begins.iter().copied());
    from.zip(&begins).map(|(from_min, to_min)| Wait { from_min, to_min: *to_min }).collect()
}

fn action(span: &Span) -> Action {
    let mut parameters = BTreeMap::from([("duration", duration(span.to_min - span.from_min))]);
    match span.deed {
        Deed::FunctionsFail => parameters
            .extend([("invocationPercentage", "100".to_owned()), ("preventExecution", "true".to_owned())]),
        Deed::FunctionsWait { delay_ms } => parameters.extend([
            ("invocationPercentage", "100".to_owned()),
            ("startupDelayMilliseconds", delay_ms.to_string()),
        ]),
        Deed::ReplicationPaused => {}
    }
    let (key, target) = span.deed.target();
    Action {
        action_id: span.deed.action_id(),
        description: description(&span.faults.join("; ")),
        parameters,
        start_after: (span.from_min > 0).then(|| wait_until(span.from_min)).into_iter().collect(),
        targets: BTreeMap::from([(key, target)]),
    }
}

fn target(deed: Deed, region: &Region) -> (String, Target) {
    let mut resource_tags = BTreeMap::from([
        ("platform", variable("platform")),
        ("environment", variable("environment")),
        ("region", region.to_string()),
    ]);
    let (_, name) = deed.target();
    let resource_type = match deed {
        Deed::FunctionsFail | Deed::FunctionsWait { .. } => "aws:lambda:function",
        Deed::ReplicationPaused => {
            // Tables that stay in their region have the other tags as well.
            resource_tags.insert("replication", "global".to_owned());
            "aws:dynamodb:global-table"
        }
    };
    (name.to_owned(), Target { resource_type, resource_tags, selection_mode: "ALL" })
}

fn report(scenario: &str) -> Report {
    Report {
        outputs: Outputs {
            s3_configuration: S3 {
                bucket_name: variable("report_bucket"),
                prefix: literal(&format!("reports/{scenario}")),
            },
        },
        data_sources: DataSources {
            cloud_watch_dashboards: vec![Dashboard { dashboard_identifier: variable("dashboard_arn") }],
        },
        pre_experiment_duration: duration(REPORT_AROUND_MIN),
        post_experiment_duration: duration(REPORT_AROUND_MIN),
    }
}

impl Deed {
    /// FIS's word for it.
    pub(super) fn action_id(self) -> &'static str {
        match self {
            Deed::FunctionsFail => "aws:lambda:invocation-error",
            Deed::FunctionsWait { .. } => "aws:lambda:invocation-add-delay",
            Deed::ReplicationPaused => "aws:dynamodb:global-table-pause-replication",
        }
    }

    /// Ours.
    fn word(self) -> &'static str {
        match self {
            Deed::FunctionsFail => "functions-fail",
            Deed::FunctionsWait { .. } => "functions-wait",
            Deed::ReplicationPaused => "replication-paused",
        }
    }

    fn order(self) -> u8 {
        match self {
            Deed::FunctionsFail => 0,
            Deed::FunctionsWait { .. } => 1,
            Deed::ReplicationPaused => 2,
        }
    }

    /// FIS's word for what it acts on, and the target's name.
    fn target(self) -> (&'static str, &'static str) {
        match self {
            Deed::FunctionsFail | Deed::FunctionsWait { .. } => ("Functions", "functions"),
            Deed::ReplicationPaused => ("Tables", "global-tables"),
        }
    }

    /// Which of two of a kind is felt more.
    fn stronger(self, other: Deed) -> Deed {
        match (self, other) {
            (Deed::FunctionsWait { delay_ms: one }, Deed::FunctionsWait { delay_ms: two }) => {
                Deed::FunctionsWait { delay_ms: one.max(two) }
            }
            _ => self,
        }
    }
}
