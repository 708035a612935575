use super::*;
use crate::{
    checks::{SeenAddress, SeenKey, SeenLine, SeenOrder, SeenStep, Shown},
    evidence::Evidence,
    history::{Op, Ordered, OrderedLine, Outcome, Source},
    machine::MachineReport,
    scenario::{self, Metric},
    target::{TargetPool, TargetRegion},
};
use contracts::{
    ids::{OrderId, ProductId, Region},
    keys,
    order::OrderStatus,
};
use loadtests::{Customer, accounts::SignedIn, population};
use std::collections::BTreeSet;

/// Orders that were promised, one a second.
const ORDERS: u64 = 40;

fn customer() -> Customer {
    population::generate(1, 1, &population::default_shares()).remove(0)
}

/// A flood that somebody else is to make, with the goals that customers can tell about.
fn drill() -> Drill {
    let path = scenario::find("flood-americas").expect("it is there");
    let mut scenario = scenario::load(&path).expect("it is right");
    scenario.goals.retain(|goal| matches!(goal.metric, Metric::Lost | Metric::Violations | Metric::Oversold));
    let region = |name: &str, continent: &str| TargetRegion {
        name: name.into(),
        continent: continent.into(),
        graphql: format!("http://{name}.example/graphql"),
    };
    let target = Target {
        name: "shop".to_owned(),
        env: "tests".to_owned(),
        regions: vec![region("us-east-1", "am"), region("eu-west-1", "eu")],
        pools: Vec::<TargetPool>::new(),
        provider: "http://provider.example".to_owned(),
        accounts: PathBuf::from("accounts.json"),
        experiments: BTreeMap::new(),
    };
    let accounts = Accounts { provider_key: String::new(), customers: vec![customer()], staff: Vec::new() };
    Drill { scenario, target, accounts, file: PathBuf::from("target.json"), replay: String::new() }
}

/// The order of a second, acknowledged by a region.
fn bought(second: u64, served_by: &str) -> HistoryRecord {
    let Customer { continent, home, sub, .. } = customer();
    let key = format!("key-{second}");
    let product_id = ProductId(uuid::Uuid::from_u128(1));
    let (planned_at_us, latency_us) = (second * 1_000_000, 80_000);
    HistoryRecord {
        seq: second,
        source: Source::Driver,
        op: Op::CreateOrder,
        continent,
        home,
        order_id: Some(keys::order_id(&sub, &key)),
        user_id: sub,
        idempotency_key: Some(key),
        body_hash: Some("body".to_owned()),
        request: Some(Ordered {
            lines: vec![OrderedLine { product_id, quantity: 2, price: 900 }],
            country: "US".to_owned(),
            delivery_price: 500,
            total: 2_300,
            currency: "USD".to_owned(),
        }),
        probe: None,
        planned_at_us,
        sent_at_us: Some(planned_at_us),
        answered_at_us: Some(planned_at_us + latency_us),
        wall_ms: (planned_at_us / 1_000) as i64,
        status: Some(200),
        served_by: Some(served_by.into()),
        attempts: Some(1),
        refused_by: Vec::new(),
        outcome: Outcome::Ok,
        code: None,
        why: None,
        order_version: Some(1),
        order_status: Some("NEW".to_owned()),
        latency_us: Some(latency_us),
        phase: None,
    }
}

/// What its customer is shown.
fn shown(record: &HistoryRecord) -> SeenOrder {
    let ordered = record.request.as_ref().expect("it is an order");
    let line = |line: &OrderedLine| SeenLine {
        product_id: line.product_id,
        quantity: line.quantity as u32,
        price: line.price,
    };
    SeenOrder {
        order_id: record.order_id.expect("it was acknowledged"),
        user_id: record.user_id.clone(),
        status: OrderStatus::New,
        version: 1,
        products: ordered.lines.iter().map(line).collect(),
        address: SeenAddress { country: ordered.country.clone() },
        delivery_price: ordered.delivery_price,
        total: ordered.total,
        currency: ordered.currency.clone(),
        history: vec![SeenStep { version: 1, status: OrderStatus::New }],
    }
}

/// Until the flood America answers, then Europe does.
fn felt() -> Vec<HistoryRecord> {
    (0..ORDERS).map(|second| bought(second, if second < 15 { "us-east-1" } else { "eu-west-1" })).collect()
}

/// Everything is shown as it was promised.
fn all_there(records: &[HistoryRecord]) -> Afterwards {
    let key = |record: &HistoryRecord| SeenKey {
        user_id: record.user_id.clone(),
        idempotency_key: record.idempotency_key.clone().expect("it has a key"),
        order_id: Shown::Found(record.order_id.expect("it was acknowledged")),
    };
    let orders: BTreeMap<OrderId, Shown<SeenOrder>> =
        records.iter().map(shown).map(|order| (order.order_id, Shown::Found(order))).collect();
    let listed: BTreeSet<OrderId> = orders.keys().copied().collect();
    Afterwards {
        orders,
        keys: records.iter().map(key).collect(),
        lists: BTreeMap::from([(records[0].user_id.clone(), Some(listed))]),
        ..Afterwards::default()
    }
}

fn judged(records: &[HistoryRecord], afterwards: &Afterwards) -> Evidence {
    let drill = drill();
    let config = DriverConfig {
        seed: 1,
        key_mark: String::new(),
        clock: RunClock::starting_at(0),
        begins_at_us: 0,
        duration: Duration::from_secs(ORDERS),
        rps: 1.0,
        mix: drill.scenario.load.mix,
        probes: Probes::default(),
        windows: drill.scenario.windows(),
        edges: BTreeMap::new(),
        customers: Vec::<SignedIn>::new(),
        catalogue: Vec::new(),
        scarce: ScarceGoods::default(),
        provider: Provider { url: String::new(), key: String::new() },
        unverified: BTreeMap::new(),
        returns: Returns::default(),
        world: None,
    };
    let driver = DriverReport::of_history(&config, records);
    let run = report::Run {
        drill: &drill,
        nearest: &BTreeMap::from([("north-america".to_owned(), Region::from("us-east-1"))]),
        clock: config.clock,
        records,
        driver: &driver,
        afterwards,
        probes: None,
        robots: None,
        machine: MachineReport::default(),
    };
    run.judge().evidence
}

/// The exit code, and why.
fn ends(records: &[HistoryRecord], afterwards: &Afterwards) -> (i32, String) {
    let evidence = judged(records, afterwards);
    (evidence.exit_code, evidence.reasons.join("\n"))
}

#[tokio::test]
async fn a_flood_that_was_felt_and_lost_nothing_is_zero() {
    let records = felt();
    let evidence = judged(&records, &all_there(&records));
    assert_eq!((evidence.exit_code, evidence.reasons), (0, Vec::new()));
    // From the first request that went elsewhere to its answer.
    assert_eq!((evidence.rto_s, evidence.rpo_orders), (Some(0.08), Some(0)));
}

#[tokio::test]
async fn an_order_that_its_customer_is_not_shown_is_eleven() {
    let records = felt();
    let mut afterwards = all_there(&records);
    let lost = records[3].order_id.expect("it was acknowledged");
    afterwards.orders.insert(lost, Shown::Nothing);
    let evidence = judged(&records, &afterwards);
    assert_eq!(evidence.exit_code, 11, "{:?}", evidence.reasons);
    assert_eq!((evidence.orders.lost, evidence.rpo_orders), (1, Some(1)));
    let kept = evidence.invariants.iter().find(|one| one.id == "D1").expect("it is judged");
    assert!(kept.examples[0].contains(&lost.to_string()), "{:?}", kept.examples);
}

/// Spoils what one customer is shown of one order.
fn spoilt(spoil: impl FnOnce(&mut SeenOrder)) -> (i32, String) {
    let records = felt();
    let mut afterwards = all_there(&records);
    let mut order = shown(&records[5]);
    spoil(&mut order);
    afterwards.orders.insert(order.order_id, Shown::Found(order));
    ends(&records, &afterwards)
}

#[tokio::test]
async fn what_is_shown_otherwise_than_it_was_promised_is_eleven() {
    let spoils: [fn(&mut SeenOrder); 6] = [
        |order| order.total += 1,
        |order| order.products[0].price += 1,
        |order| order.address.country = "CA".to_owned(),
        |order| order.version = 0,
        |order| order.history[0].status = OrderStatus::Shipped,
        |order| order.history.clear(),
    ];
    for (number, spoil) in spoils.into_iter().enumerate() {
        let (code, why) = spoilt(spoil);
        assert_eq!(code, 11, "{number}: {why}");
    }
}

#[tokio::test]
async fn a_second_order_for_one_key_is_eleven() {
    let records = felt();
    let mut afterwards = all_there(&records);
    let other = OrderId(uuid::Uuid::from_u128(9));
    afterwards.keys[0].order_id = Shown::Found(other);
    assert!(ends(&records, &afterwards).1.contains("D4 is broken"));
    let mut afterwards = all_there(&records);
    afterwards.lists.values_mut().flatten().next().expect("a list").insert(other);
    let evidence = judged(&records, &afterwards);
    assert_eq!((evidence.exit_code, evidence.orders.duplicated), (11, 1));
}

#[tokio::test]
async fn a_refused_order_that_is_shown_is_eleven() {
    let mut records = felt();
    let afterwards = all_there(&records);
    records[7].outcome = Outcome::Refused;
    let (code, why) = ends(&records, &afterwards);
    assert!(code == 11 && why.contains("D3 is broken"), "{code} {why}");
}

#[tokio::test]
async fn a_fault_that_nobody_made_is_twelve() {
    let records: Vec<HistoryRecord> = (0..ORDERS).map(|second| bought(second, "us-east-1")).collect();
    let (code, why) = ends(&records, &all_there(&records));
    assert_eq!(code, 12);
    assert!(why.contains("nothing shows that the fault was felt: flood of am"), "{why}");
}

#[tokio::test]
async fn who_gets_no_answer_afterwards_proves_nothing() {
    let records = felt();
    let mut afterwards = all_there(&records);
    let silent = records[3].order_id.expect("it was acknowledged");
    afterwards.orders.insert(silent, Shown::NoAnswer("no answer in time".to_owned()));
    let (code, why) = ends(&records, &afterwards);
    assert!(code == 12 && why.contains("1 confirmed orders could not be looked up"), "{code} {why}");
}

#[tokio::test]
async fn what_needs_the_tables_is_not_judged_and_never_kept() {
    let records = felt();
    let evidence = judged(&records, &all_there(&records));
    for id in ["D2", "D5", "P1", "S1", "H1", "E1", "R1", "X1"] {
        let invariant = evidence.invariants.iter().find(|one| one.id == id).expect("it is listed");
        let why = invariant.not_judged.as_deref().unwrap_or_default();
        assert!(why.contains("needs the tables"), "{id}: {why}");
    }
    let oversold = evidence.goals.iter().find(|goal| goal.metric == Metric::Oversold).expect("it is listed");
    assert!(oversold.not_judged.is_some() && !oversold.pass && !oversold.missed());
}
