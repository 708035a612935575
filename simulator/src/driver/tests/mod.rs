#![allow(clippy::unwrap_used)]

mod platform;

use super::*;
use crate::scenario::Phase;
use contracts::{
    Package,
    ids::{Continent, ProductId, Region},
};
use loadtests::history::Op;
use loadtests::{
    history::{self, HistoryRecord, Outcome, Probe},
    population::{CARD_CANARY, default_shares, generate},
};
use platform::{Mood, Platform};
use std::{collections::BTreeSet, path::PathBuf};
use tokio::time::Instant;
use uuid::Uuid;

fn catalogue() -> Vec<CatalogueItem> {
    let item = |number: u128| CatalogueItem {
        product_id: ProductId(Uuid::from_u128(number)),
        name: format!("Corona {number}"),
        price: 1_000 + i64::try_from(number).unwrap(),
        currency: Some("USD".to_owned()),
        package: Package { width: 100, length: 200, height: 50, weight: 400 },
        category: Some("corona".to_owned()),
        availability: None,
    };
    (1..=12).map(item).collect()
}

fn config(url: &str, rps: f64, seconds: f64) -> DriverConfig {
    let clock = RunClock::start();
    let people = generate(1, 40, &default_shares());
    let signed_in = |customer: loadtests::Customer| SignedIn { token: customer.username.clone(), customer };
    let continents = ["north-america", "south-america", "europe", "asia"];
    let window = |phase, from_s, to_s| Window { phase, from_s, to_s };
    DriverConfig {
        seed: 11,
        key_mark: String::new(),
        clock,
        begins_at_us: clock.now_us() + 200_000,
        duration: Duration::from_secs_f64(seconds),
        rps,
        mix: Mix::default(),
        probes: Probes { bad: 0.25, repeat: 0.1 },
        windows: vec![
            window(Phase::Steady, 0.0, seconds / 2.0),
            window(Phase::Survived, seconds / 2.0, seconds),
        ],
        edges: continents.map(|continent| (continent.to_owned(), url.to_owned())).into(),
        customers: people.into_iter().map(signed_in).collect(),
        catalogue: catalogue(),
        scarce: ScarceGoods::default(),
        provider: Provider { url: url.to_owned(), key: "merchant".to_owned() },
        unverified: BTreeMap::new(),
        returns: Returns::default(),
        world: None,
    }
}

async fn drive(config: DriverConfig, name: &str) -> (DriverReport, Vec<HistoryRecord>) {
    let path = std::env::temp_dir().join(format!("bigsmokes-{}-driver-{name}.jsonl", std::process::id()));
    let (history, writing) = History::start(&path).unwrap();
    let (_stop, stopped) = watch::channel(false);
    let report = run(config, history, stopped).await.unwrap();
    writing.finish().await.unwrap();
    let records = history::read(&path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(CARD_CANARY) && !text.contains("paid-"), "a secret is in the history");
    std::fs::remove_file(&path).unwrap();
    (report, records)
}

#[test]
fn one_seed_plans_one_schedule() {
    let config = config("http://unused", 60.0, 60.0);
    assert_eq!(plan(&config), plan(&config));
    assert_ne!(plan(&config), plan(&DriverConfig { seed: 12, ..config.clone() }));
}

#[test]
fn the_schedule_has_the_wanted_rates() {
    let config = DriverConfig { probes: Probes::default(), ..config("http://unused", 60.0, 600.0) };
    let planned = plan(&config);
    let prepared = |planned: &&Planned| matches!(planned.what, What::Buy(deal) if deal.prepared());
    let requests = planned.len() + planned.iter().filter(prepared).count();
    assert!((35_000..37_000).contains(&requests), "{requests} requests");
    let honest = planned.iter().filter(|planned| planned.what == What::Buy(Deal::Honest)).count();
    assert!(honest as f64 / 600.0 >= 12.0, "{honest} orders in 600 s");
    assert!(planned.is_sorted_by_key(|planned| planned.at));
    let bad = planned.iter().filter(|planned| matches!(planned.what, What::Buy(Deal::Bad(_)))).count();
    assert!((250..600).contains(&bad), "{bad} bad orders");
}

#[test]
fn commands_take_their_share_and_none_without_one() {
    let config = DriverConfig { probes: Probes::default(), ..config("http://unused", 60.0, 600.0) };
    let is_command = |planned: &&Planned| matches!(planned.what, What::Cancel | What::Return);
    assert_eq!(plan(&config).iter().filter(is_command).count(), 0);
    let mix = Mix { track: 14.0, cancel: 3.0, returns: 1.0, ..Mix::default() };
    let planned = plan(&DriverConfig { mix, ..config.clone() });
    let count = |what: What| planned.iter().filter(|planned| planned.what == what).count();
    // 60 a second for ten minutes, 3 and 1 of 100.
    assert!((900..1_300).contains(&count(What::Cancel)), "{}", count(What::Cancel));
    assert!((260..480).contains(&count(What::Return)), "{}", count(What::Return));
    assert_eq!(planned, plan(&DriverConfig { mix, ..config }));
}

#[test]
fn an_answer_to_a_command_is_judged_by_what_it_says() {
    use contracts::{error::Code, ids::OrderId};
    use loadtests::client::{Acknowledged, OrderAnswer, OrderSeen};
    let (config, id) = (config("http://unused", 60.0, 60.0), OrderId(Uuid::from_u128(7)));
    let seen = |order_id| OrderSeen {
        order_id,
        user_id: None,
        status: "CANCELLING".to_owned(),
        total: 900,
        version: 2,
    };
    let done = |order| OrderAnswer::Acknowledged(Acknowledged { order, durability: None });
    let refused = |code| OrderAnswer::Refused { code: Some(code), why: "no".to_owned() };
    let ambiguous = OrderAnswer::Ambiguous { code: Some(Code::Deadline), why: "late".to_owned() };
    let table = [
        (done(Some(seen(id))), Outcome::Ok, true),
        (done(None), Outcome::Ok, false),
        (done(Some(seen(OrderId(Uuid::nil())))), Outcome::Ok, false),
        (refused(Code::Conflict), Outcome::PlannedRefusal, true),
        (refused(Code::NotFound), Outcome::Refused, false),
        (ambiguous, Outcome::Ambiguous, false),
    ];
    for op in [Op::Cancel, Op::Return] {
        for (answer, outcome, good) in table.clone() {
            let mut record = stage_record(&config, op, 1);
            record.latency_us = Some(40_000);
            command::note(&mut record, answer.clone(), id);
            assert_eq!((record.outcome, is_good(&record)), (outcome, good), "{answer:?}");
            let late = HistoryRecord { latency_us: Some(1_000_001), ..record };
            assert!(!is_good(&late));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_cancel_and_send_back_what_is_theirs() {
    let platform = Platform::serve(Mood::default()).await;
    let mix = Mix { cancel: 12.0, returns: 12.0, ..Mix::default() };
    let config = DriverConfig { mix, ..config(&platform.url, 80.0, 11.0) };
    let returns = config.returns.clone();
    let (report, records) = drive(config, "commands").await;
    let whole = report.figures(|_| true, None);
    assert_eq!((whole.refused, whole.ambiguous, whole.failed), (0, 0, 0), "{whole:?}");
    let of = |op: Op| records.iter().filter(move |record| record.op == op);
    for op in [Op::Cancel, Op::Return] {
        assert!(of(op).any(|record| record.outcome == Outcome::Ok), "{op:?}");
        assert!(of(op).all(|record| record.is_command() && record.order_id.is_some()), "{op:?}");
    }
    let keys: BTreeSet<_> =
        records.iter().filter(|one| one.is_command()).map(|one| &one.idempotency_key).collect();
    assert_eq!(keys.len(), of(Op::Cancel).count() + of(Op::Return).count());
    let sent_back = of(Op::Return).filter(|record| record.outcome == Outcome::Ok).count();
    assert_eq!(returns.under_way(), sent_back, "what the shop awaits goes to a courier, once");
    // Only the platform can say that it is too late: it does for what was cancelled before.
    assert!(of(Op::Cancel).any(|record| record.outcome == Outcome::PlannedRefusal));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sound_platform_gives_every_customer_what_they_want() {
    let platform = Platform::serve(Mood::default()).await;
    let config = config(&platform.url, 80.0, 11.0);
    let (report, records) = drive(config.clone(), "sound").await;
    for record in records.iter().filter(|record| !is_good(record)) {
        // A machine under load may be slow, which is not what this test is about.
        assert!(record.latency_us.is_some_and(|us| us > 1_000_000), "{record:?}");
    }
    let whole = report.figures(|_| true, None);
    assert!(whole.requests > 500 && whole.acknowledged > 60 && whole.planned_refusals > 15, "{whole:?}");
    assert_eq!((whole.refused, whole.ambiguous, whole.failed, whole.skipped), (0, 0, 0, 0), "{whole:?}");
    // What was promised is what the platform holds, and no attempt is missing from the history.
    let kept = platform.orders();
    let promised = records.iter().filter(|record| record.acknowledged());
    assert!(promised.clone().all(|record| kept.contains(&record.order_id.unwrap().to_string())));
    let attempts = records.iter().filter(|record| record.is_attempt()).count();
    assert_eq!(attempts, platform.attempts());
    // Every kind of request and every probe took part.
    let ops: Vec<&str> = report.by_op().iter().map(|(op, _)| op.word()).collect();
    for op in ["browse", "product", "search", "cart", "pricing", "create-order", "repeat-order", "bad-order"]
    {
        assert!(ops.contains(&op), "{op} is missing in {ops:?}");
    }
    for op in ["get-order", "get-orders", "get-by-key"] {
        assert!(ops.contains(&op), "{op} is missing in {ops:?}");
    }
    let probes: BTreeSet<Probe> = records.iter().filter_map(|record| record.probe).collect();
    assert!(probes.len() >= 6, "{probes:?}");
    // The history tells the same as the driver.
    let again = DriverReport::of_history(&config, &records);
    assert_eq!(again.figures(|_| true, None), whole);
    assert_eq!(again.timeline, report.timeline);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stall_shows_in_the_latency_of_everyone_who_came_meanwhile() {
    let stall = (Duration::from_millis(3_000), Duration::from_millis(3_900));
    let platform = Platform::serve(Mood { stall: Some(stall), ..Mood::default() }).await;
    let config = config(&platform.url, 60.0, 6.0);
    let (report, records) = drive(config, "stall").await;
    // A closed loop would have had one slow request for each of its users. Here all 0.6 s times 60 requests a
    // second waited for more than 300 ms, and some nearly for the whole stall.
    let slow = records.iter().filter(|record| record.latency_us.is_some_and(|us| us > 300_000)).count();
    assert!(slow > 18, "{slow} slow requests");
    let whole = report.figures(|_| true, None);
    assert!(whole.max_ms.unwrap() > 750.0 && whole.p99_ms.unwrap() > 500.0, "{whole:?}");
    assert!(whole.p50_ms.unwrap() < 300.0, "{whole:?}");
    let worst =
        report.timeline.iter().max_by(|a, b| a.max_ms.unwrap_or(0.0).total_cmp(&b.max_ms.unwrap_or(0.0)));
    assert!((2..=3).contains(&worst.unwrap().at_s), "{worst:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_late_answers_and_false_promises_are_not_good() {
    let mood = Mood { fail_every: 7, accept_anything: true, ..Mood::default() };
    let platform = Platform::serve(mood).await;
    let (report, records) = drive(config(&platform.url, 60.0, 6.0), "failures").await;
    let whole = report.figures(|_| true, None);
    let availability = whole.availability_pct.unwrap();
    assert!((60.0..90.0).contains(&availability), "{availability}");
    assert!(whole.ambiguous > 0 && whole.failed > 0, "{whole:?}");
    let false_promise = |record: &&HistoryRecord| record.op == Op::BadOrder && record.outcome == Outcome::Ok;
    assert!(records.iter().filter(false_promise).count() > 0);
    assert!(records.iter().filter(false_promise).all(|record| !is_good(record) && record.why.is_some()));
    // Whoever was left in doubt asked again, and that counts in no availability.
    let resolves = records.iter().filter(|record| record.op == Op::Resolve).count();
    assert!(resolves as u64 >= whole.ambiguous, "{resolves} for {}", whole.ambiguous);
    let planned =
        records.iter().filter(|record| record.op != Op::Resolve && record.outcome != Outcome::Skipped);
    assert_eq!(planned.count() as u64, whole.requests);
    let worst = report.worst_window(1).unwrap();
    assert!(worst.availability_pct <= availability, "{worst:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_does_not_answer_stops_the_run_before_it_begins() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let path = std::env::temp_dir().join(format!("bigsmokes-{}-no-edge.jsonl", std::process::id()));
    let (history, writing) = History::start(&path).unwrap();
    let (_stop, stopped) = watch::channel(false);
    let fault = run(config(&url, 60.0, 5.0), history, stopped).await.unwrap_err().to_string();
    assert!(fault.starts_with("the driver cannot start: the edge of "), "{fault}");
    writing.finish().await.unwrap();
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_can_be_stopped() {
    let platform = Platform::serve(Mood::default()).await;
    let path = std::env::temp_dir().join(format!("bigsmokes-{}-stopped.jsonl", std::process::id()));
    let (history, writing) = History::start(&path).unwrap();
    let (stop, stopped) = watch::channel(false);
    let began = Instant::now();
    let run = tokio::spawn(run(config(&platform.url, 60.0, 600.0), history, stopped));
    tokio::time::sleep(Duration::from_millis(700)).await;
    stop.send_replace(true);
    let report = run.await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(30) && report.figures(|_| true, None).requests > 5);
    writing.finish().await.unwrap();
    std::fs::remove_file(&path).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_the_run() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let platform = Platform::serve(Mood::default()).await;
    let (history, writing) = History::start(&PathBuf::from("/dev/full")).unwrap();
    let (_stop, stopped) = watch::channel(false);
    let fault = run(config(&platform.url, 60.0, 600.0), history, stopped).await.unwrap_err();
    assert!(matches!(fault, DriverError::History(_)), "{fault}");
    assert!(writing.finish().await.is_err());
}

#[test]
fn recovery_counts_only_survivors_and_the_home_that_was_hit() {
    let base = config("http://unused", 60.0, 20.0);
    let (am, eu) = (Continent::from("am"), Continent::from("eu"));
    let promise = |answered_at_us, home: &Continent, region: &str| {
        let mut record = stage_record(&base, Op::CreateOrder, answered_at_us);
        record.home = home.clone();
        record.served_by = Some(Region::from(region));
        record.outcome = Outcome::Ok;
        record
    };
    let records = [
        promise(9_000_000, &am, "eu-west-1"),
        promise(10_100_000, &am, "us-east-1"),
        promise(10_200_000, &eu, "eu-west-1"),
        promise(11_500_000, &am, "eu-west-1"),
    ];
    let report = DriverReport::of_history(&base, &records);
    let lost = [Region::from("us-east-1"), Region::from("sa-east-1")];
    assert_eq!(report.recovery(10_000_000, &am, &lost), Some(Duration::from_millis(1_500)));
    assert_eq!(report.recovery(12_000_000, &am, &lost), None);
}

#[test]
fn phases_homes_and_windows_are_told_apart() {
    let base = config("http://unused", 60.0, 20.0);
    let begun = base.begins_at_us;
    let at = |second: u64, home: &str, latency_us: u64| {
        let mut record = stage_record(&base, Op::Browse, begun + second * 1_000_000);
        record.home = Continent::from(home);
        (record.outcome, record.latency_us) = (Outcome::Ok, Some(latency_us));
        record
    };
    let mut records: Vec<HistoryRecord> = (0..20).map(|second| at(second, "eu", 50_000)).collect();
    records.extend((12..15).map(|second| at(second, "am", 1_500_000)));
    let report = DriverReport::of_history(&base, &records);
    let steady = report.figures(|phase| phase == Phase::Steady, None);
    assert_eq!((steady.requests, steady.availability_pct), (10, Some(100.0)));
    let survived = report.figures(|phase| phase == Phase::Survived, None);
    assert_eq!((survived.requests, survived.good), (13, 10));
    let american = report.figures(|_| true, Some(&Continent::from("am")));
    assert_eq!((american.requests, american.good), (3, 0));
    assert!((american.max_ms.unwrap() - 1_500.0).abs() < 2.0, "{american:?}");
    let worst = report.worst_window(3).unwrap();
    assert_eq!((worst.from_s, worst.to_s, worst.availability_pct), (12, 15, 50.0));
    assert_eq!(report.figures(|phase| phase == Phase::Healed, None), Figures::default());
}

#[test]
fn the_hdr_log_reads_back() {
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    let base = config("http://unused", 60.0, 20.0);
    let mut record = stage_record(&base, Op::Browse, base.begins_at_us);
    record.latency_us = Some(5_000);
    let path = std::env::temp_dir().join(format!("bigsmokes-{}.hlog", std::process::id()));
    DriverReport::of_history(&base, &[record]).write_hdr_log(&path).unwrap();
    let log = std::fs::read(&path).unwrap();
    let intervals: Vec<_> = IntervalLogIterator::new(&log)
        .filter_map(|entry| match entry.unwrap() {
            LogEntry::Interval(interval) => {
                Some((interval.tag().unwrap().as_str().to_owned(), interval.max()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(intervals.len(), 2);
    assert_eq!(intervals[0].0, "browse");
    assert!((intervals[0].1 - 5_000.0).abs() < 10.0, "{intervals:?}");
    std::fs::remove_file(&path).unwrap();
}

/// A record that was sent and answered at once, with nothing known about what it means.
fn stage_record(config: &DriverConfig, op: Op, at_us: u64) -> HistoryRecord {
    let customer = &config.customers[0].customer;
    let value = serde_json::json!({
        "source": "driver", "op": op, "continent": customer.continent, "home": customer.home,
        "user_id": customer.sub, "planned_at_us": at_us, "sent_at_us": at_us, "answered_at_us": at_us,
        "wall_ms": 0, "outcome": "failed",
    });
    serde_json::from_value(value).unwrap()
}
