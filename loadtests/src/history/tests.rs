use super::*;
use std::path::PathBuf;

fn record(number: u64) -> HistoryRecord {
    HistoryRecord {
        seq: 0,
        source: Source::Driver,
        op: Op::CreateOrder,
        continent: "europe".to_owned(),
        home: Continent::from("eu"),
        user_id: UserId::from("ann"),
        idempotency_key: Some(format!("k-{number}")),
        body_hash: Some("abc".to_owned()),
        request: Some(Ordered {
            lines: vec![OrderedLine { product_id: ProductId(uuid::Uuid::nil()), quantity: -1, price: 900 }],
            country: "DE".to_owned(),
            delivery_price: 1_000,
            total: 1_900,
            currency: "USD".to_owned(),
        }),
        probe: Some(Probe::NegativeQuantity),
        planned_at_us: number,
        sent_at_us: Some(number + 1),
        answered_at_us: Some(number + 40_000),
        wall_ms: 1_764_000_000_000,
        status: Some(200),
        served_by: Some(Region::from("eu-west-1")),
        attempts: Some(2),
        refused_by: vec!["us-east-1".into()],
        outcome: Outcome::PlannedRefusal,
        code: Some(Code::ValidationFailed),
        why: None,
        order_id: None,
        order_version: None,
        order_status: None,
        latency_us: Some(40_000),
        phase: Some("steady".to_owned()),
    }
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("bigsmokes-{}-{name}.jsonl", std::process::id()))
}

#[tokio::test]
async fn what_is_written_reads_back_in_order() {
    let path = file("round-trip");
    let (history, task) = History::start(&path).expect("a file");
    for number in 0..2_000 {
        history.record(record(number)).await.expect("an open history");
    }
    drop(history);
    assert_eq!(task.finish().await.expect("written"), 2_000);
    let back = read(&path).expect("readable");
    for (number, found) in (0u64..).zip(&back) {
        assert_eq!(*found, HistoryRecord { seq: number + 1, ..record(number) });
    }
    assert_eq!(back.len(), 2_000);
    std::fs::remove_file(&path).expect("removed");
}

#[tokio::test]
async fn a_broken_line_is_named() {
    let path = file("broken");
    let good = serde_json::to_string(&record(1)).expect("json");
    std::fs::write(&path, format!("{good}\nnot a record\n")).expect("written");
    let fault = read(&path).expect_err("refused").to_string();
    assert!(fault.contains(":2: not a record of a history"), "{fault}");
    std::fs::remove_file(&path).expect("removed");
    assert!(read(&path).expect_err("gone").to_string().contains("cannot read the history"));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_one_clear_error() {
    let full = PathBuf::from("/dev/full");
    let (history, task) = History::start(&full).expect("opens");
    let mut recorded = Ok(());
    while recorded.is_ok() {
        recorded = history.record(record(1)).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(recorded, Err(HistoryClosed));
    let fault = task.finish().await.expect_err("full").to_string();
    assert!(fault.starts_with("cannot write the history /dev/full: "), "{fault}");
}

#[test]
fn only_what_was_sent_is_an_attempt() {
    let sent = record(1);
    assert!(sent.is_attempt() && !sent.acknowledged());
    assert!(!HistoryRecord { sent_at_us: None, outcome: Outcome::Failed, ..sent.clone() }.is_attempt());
    assert!(!HistoryRecord { op: Op::GetOrder, ..sent.clone() }.is_attempt());
    assert!(HistoryRecord { outcome: Outcome::Ok, ..sent }.acknowledged());
}

#[test]
fn a_command_is_no_attempt_and_reads_back() {
    for op in [Op::Cancel, Op::Return] {
        let command = HistoryRecord {
            op,
            outcome: Outcome::Ok,
            order_version: Some(2),
            order_status: Some("CANCELLING".to_owned()),
            ..record(1)
        };
        assert!(command.is_command() && !command.is_attempt() && !command.acknowledged());
        assert!(!HistoryRecord { sent_at_us: None, ..command.clone() }.is_command());
        let line = serde_json::to_string(&command).expect("json");
        assert!(line.contains(&format!("\"op\":\"{}\"", op.word())), "{line}");
        assert_eq!(serde_json::from_str::<HistoryRecord>(&line).expect("a record"), command);
    }
}

#[test]
fn a_line_without_the_status_of_an_order_is_still_a_record() {
    let line = serde_json::to_string(&record(1)).expect("json");
    assert!(!line.contains("order_status"), "{line}");
    assert_eq!(serde_json::from_str::<HistoryRecord>(&line).expect("a record"), record(1));
}
