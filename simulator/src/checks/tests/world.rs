//! Two small sound runs: a calm one, and one that lost America.

use super::order_story::{Step, Story, branch};
use crate::checks::{
    AfterHeal, Answer, Attempt, CarrierEntry, Case, Command, CommandKind, FaultFelt, Outcome, Places,
    ProbeResult, ProviderEntry, Receipt, RegionDump, Rules, Settling, Tap, WarehousePlace,
};
use contracts::ProductId;
use contracts::order::{Order, OrderStatus::*};
use contracts::stock::{Movement, StockLevel};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const START_MS: i64 = 1_800_000_000_000;
pub(super) const FLOOD_MS: i64 = START_MS + 10_000;
pub(super) const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-1"];
const WAREHOUSES: [&str; 3] = ["wh-am", "wh-eu", "wh-ap"];
const INITIAL: i64 = 100;

pub(super) fn continent_of(region: &str) -> &'static str {
    match region {
        "us-east-1" => "am",
        "eu-west-1" => "eu",
        "ap-southeast-1" => "ap",
        _ => "",
    }
}

pub(super) fn product() -> ProductId {
    ProductId(uuid::Uuid::from_u128(77))
}

/// Everything that is written down while orders live.
#[derive(Default)]
pub(super) struct Ledgers {
    pub(super) attempts: Vec<Attempt>,
    pub(super) commands: Vec<Command>,
    pub(super) carrier: Vec<CarrierEntry>,
    receipts: Vec<Receipt>,
    provider: Vec<ProviderEntry>,
    replicated: BTreeMap<String, Vec<Value>>,
    /// By region and table.
    regional: BTreeMap<(String, String), Vec<Value>>,
    taps: BTreeMap<String, Vec<Value>>,
    stock: BTreeMap<String, StockLevel>,
}

impl Ledgers {
    pub(super) fn rows(&mut self, table: &str) -> &mut Vec<Value> {
        self.replicated.entry(table.to_owned()).or_default()
    }

    pub(super) fn in_region(&mut self, region: &str, table: &str) -> &mut Vec<Value> {
        self.regional.entry((region.to_owned(), table.to_owned())).or_default()
    }

    pub(super) fn on_continent(&mut self, continent: &str, table: &str) -> &mut Vec<Value> {
        let region =
            REGIONS.iter().find(|region| continent_of(region) == continent).expect("known continent");
        self.in_region(region, table)
    }

    pub(super) fn publish(&mut self, region: &str, envelope: Value) {
        self.taps.entry(region.to_owned()).or_default().push(envelope);
    }

    pub(super) fn provide(&mut self, entry: ProviderEntry) {
        let seq = self.provider.len() as u64 + 1;
        self.provider.push(ProviderEntry { seq, ..entry });
    }

    pub(super) fn move_stock(&mut self, warehouse: &str, movement: Movement, quantity: i64, reference: &str) {
        let level = self.stock.entry(warehouse.to_owned()).or_insert_with(|| full(warehouse));
        let (on_hand, reserved) = match movement {
            Movement::Reserve => (0, quantity),
            Movement::Release => (0, -quantity),
            Movement::Consume => (-quantity, -quantity),
            Movement::Restock | Movement::Receipt => (quantity, 0),
            other => panic!("no such movement here: {other:?}"),
        };
        level.on_hand += on_hand;
        level.reserved += reserved;
        level.version += 1;
        let row = json!({
            "pk": format!("{}#{warehouse}", product()), "seq": level.version, "productId": product(),
            "warehouseId": warehouse, "movement": movement, "quantity": quantity, "reference": reference,
            "onHandAfter": level.on_hand, "reservedAfter": level.reserved,
        });
        self.rows("warehouse.ledger").push(row);
    }

    /// A lorry brings goods, which are booked.
    pub(super) fn receive(&mut self, warehouse: &str, quantity: i64) {
        let reference = format!("{warehouse} lorry {}", self.receipts.len() + 1);
        self.move_stock(warehouse, Movement::Receipt, quantity, &reference);
        let (product_id, warehouse_id) = (product(), warehouse.into());
        self.receipts.push(Receipt { product_id, warehouse_id, quantity, reference, booked: true });
    }

    pub(super) fn reservation(&mut self, warehouse: &str, order: &Order, state: &str) {
        let row = json!({
            "orderId": order.order_id, "productId": product(), "warehouseId": warehouse, "branch": branch(1, REGIONS[1]),
            "allocation": order.allocation, "quantity": order.products[0].quantity, "state": state, "version": 2,
        });
        self.rows("warehouse.reservations").push(row);
    }

    fn close_books(&mut self) {
        for warehouse in WAREHOUSES {
            let level = self.stock.entry(warehouse.to_owned()).or_insert_with(|| full(warehouse)).clone();
            let mut row = json!(level);
            row["branch"] = json!(branch(1, REGIONS[1]));
            self.rows("warehouse.stock").push(row);
        }
    }

    fn dumps(&self, regions: &[&str]) -> Vec<RegionDump> {
        let dump = |region: &&str| {
            let mut tables = self.replicated.clone();
            for ((of, table), rows) in &self.regional {
                if of == region {
                    tables.insert(table.clone(), rows.clone());
                }
            }
            RegionDump { region: (*region).to_owned(), continent: continent_of(region).to_owned(), tables }
        };
        regions.iter().map(dump).collect()
    }
}

fn full(warehouse: &str) -> StockLevel {
    StockLevel {
        product_id: product(),
        warehouse_id: warehouse.into(),
        on_hand: INITIAL,
        reserved: 0,
        version: 0,
    }
}

/// Nothing breaks. One order is fulfilled for a customer of each continent, one fails in the warehouse.
pub(super) fn calm() -> Case {
    let mut stories = vec![failed_in_the_warehouse(), fulfilled("eva", "eu", REGIONS[1], "wh-eu", 2_000)];
    stories.push(fulfilled("ann", "am", REGIONS[0], "wh-am", 1_000));
    stories.push(fulfilled("aki", "ap", REGIONS[2], "wh-ap", 3_000));
    let ledgers = play(&stories);
    let mut case = collect(&ledgers, &REGIONS);
    case.after_heal = AfterHeal::AsBefore;
    case
}

/// America goes under at ten seconds. One order fails over, one American is served by Europe afterwards.
pub(super) fn flood() -> Case {
    let stories = [
        failed_in_the_warehouse(),
        fulfilled("eva", "eu", REGIONS[1], "wh-eu", 2_000),
        failed_over(),
        fulfilled("amy", "am", REGIONS[1], "wh-eu", 11_000),
    ];
    let ledgers = play(&stories);
    let mut case = collect(&ledgers, &REGIONS[1..]);
    case.faults.push(FaultFelt {
        kind: "flood-continent".into(),
        at_ms: FLOOD_MS,
        lost_continents: vec!["am".into()],
        ..FaultFelt::default()
    });
    case
}

/// Nothing breaks. One customer cancels in time, one too late, so that the shop only knows of the wish, and one wants to
/// send back what arrived.
pub(super) fn commanded() -> Case {
    let told = |user, at_ms, statuses: &[contracts::OrderStatus], told| Story {
        steps: steps(REGIONS[1], 1, statuses),
        told: Some(told),
        ..fulfilled(user, "eu", REGIONS[1], "wh-eu", at_ms)
    };
    let all = [New, Packaging, Packaged, Paid, Shipped, Fulfilled, ReturnRequested];
    let ledgers = play(&[
        told("rex", 1_000, &all, (CommandKind::Return, 7)),
        told("cat", 2_000, &[New, Cancelling, Cancelled], (CommandKind::Cancel, 2)),
        told(
            "wil",
            3_000,
            &[New, Packaging, Packaging, Packaged, Paid, Shipped, Fulfilled],
            (CommandKind::Cancel, 3),
        ),
    ]);
    let mut case = collect(&ledgers, &REGIONS);
    case.after_heal = AfterHeal::AsBefore;
    case
}

/// Nothing breaks. One order went on when its customer's age was known, one still waits for that, and of one a unit came
/// back.
pub(super) fn reviewed() -> Case {
    let told = |user, at_ms, statuses: &[contracts::OrderStatus]| Story {
        steps: steps(REGIONS[1], 1, statuses),
        ..fulfilled(user, "eu", REGIONS[1], "wh-eu", at_ms)
    };
    let back = [New, Packaging, Packaged, Paid, Shipped, Fulfilled, ReturnRequested, Returned];
    let ledgers = play(&[
        told("rae", 1_000, &[AgeReview, New, Packaging, Packaged, Paid, Shipped, Fulfilled]),
        told("yan", 2_000, &[AgeReview]),
        told("bea", 3_000, &back),
    ]);
    let mut case = collect(&ledgers, &REGIONS);
    case.after_heal = AfterHeal::AsBefore;
    case
}

/// Nothing breaks. One order waited until a lorry came, one waits for more than ever lay there, and a customer who would
/// not wait was told that there is not so much.
pub(super) fn backordered() -> Case {
    let waits = |user, at_ms, quantity, statuses: &[contracts::OrderStatus]| Story {
        quantity,
        steps: steps(REGIONS[1], 1, statuses),
        ..fulfilled(user, "eu", REGIONS[1], "wh-eu", at_ms)
    };
    let ledgers = play(&[
        waits(
            "bob",
            1_000,
            INITIAL as u32 + 1,
            &[Backordered, New, Packaging, Packaged, Paid, Shipped, Fulfilled],
        ),
        waits("wei", 2_000, 500, &[Backordered]),
    ]);
    let mut case = collect(&ledgers, &REGIONS);
    let mut denied = Attempt {
        idempotency_key: "sold out".into(),
        outcome: Outcome::Refused,
        order_id: None,
        sold_out: true,
        ..case.attempts[1].clone()
    };
    denied.lines[0].quantity = 300;
    case.attempts.push(denied);
    case.after_heal = AfterHeal::AsBefore;
    case
}

/// A run in which a region lost everything and came back: it has again what the others have.
pub(super) fn returned() -> Case {
    let mut case = calm();
    read_back(&mut case.before_heal, "us-east-1");
    case.after_heal = AfterHeal::Dumped(case.before_heal.clone());
    case.faults.push(FaultFelt {
        kind: "kill-region".into(),
        at_ms: FLOOD_MS,
        ended_ms: Some(FLOOD_MS + 5_000),
        lost_regions: vec!["us-east-1".into()],
        ..FaultFelt::default()
    });
    case
}

/// A copy of the journal has all that any other one has.
fn read_back(dumps: &mut [RegionDump], region: &str) {
    let copies = dumps.iter().filter_map(|dump| dump.tables.get("orders.journal")).flatten().cloned();
    let by_key: BTreeMap<String, Value> = copies.map(|row| (row["keyHash"].to_string(), row)).collect();
    let back = dumps.iter_mut().find(|dump| dump.region == region).expect("known region");
    back.tables.insert("orders.journal".into(), by_key.into_values().collect());
}

fn play(stories: &[Story]) -> Ledgers {
    let mut ledgers = Ledgers::default();
    stories.iter().for_each(|story| story.play(&mut ledgers));
    ledgers.close_books();
    let refused = Attempt {
        idempotency_key: "tampered".into(),
        outcome: Outcome::Refused,
        planned_refusal: true,
        order_id: None,
        ..ledgers.attempts[0].clone()
    };
    let unanswered = Attempt {
        idempotency_key: "unanswered".into(),
        outcome: Outcome::Ambiguous,
        answered_ms: None,
        ..refused.clone()
    };
    ledgers.attempts.extend([refused, Attempt { planned_refusal: false, ..unanswered }]);
    ledgers
}

fn steps(owner: &'static str, epoch: u64, statuses: &[contracts::OrderStatus]) -> Vec<Step> {
    statuses.iter().map(|status| (*status, epoch, owner)).collect()
}

fn fulfilled(
    user: &'static str,
    home: &'static str,
    owner: &'static str,
    warehouse: &'static str,
    at_ms: i64,
) -> Story {
    let steps = steps(owner, 1, &[New, Packaging, Packaged, Paid, Shipped, Fulfilled]);
    let copies = &["eu", "ap"];
    Story { user, home, at_ms, quantity: 2, warehouses: [warehouse; 2], steps, copies, told: None }
}

fn failed_in_the_warehouse() -> Story {
    let steps = steps(REGIONS[1], 1, &[New, Packaging, PackagingFailed]);
    Story {
        user: "max",
        home: "eu",
        at_ms: 500,
        quantity: 3,
        warehouses: ["wh-eu"; 2],
        steps,
        copies: &["am", "eu", "ap"],
        told: None,
    }
}

/// Accepted in America two seconds before the flood; Europe takes it over and ships from another warehouse.
fn failed_over() -> Story {
    let mut steps = steps(REGIONS[0], 1, &[New]);
    steps.extend(self::steps(
        REGIONS[1],
        2,
        &[Reallocating, New, Packaging, Packaged, Paid, Shipped, Fulfilled],
    ));
    Story {
        user: "joe",
        home: "am",
        at_ms: 8_000,
        quantity: 1,
        warehouses: ["wh-am", "wh-eu"],
        steps,
        copies: &["am", "eu"],
        told: None,
    }
}

fn collect(ledgers: &Ledgers, standing: &[&str]) -> Case {
    Case {
        places: places(),
        rules: Rules { card_canary: "4000056655".into(), ..Rules::default() },
        attempts: ledgers.attempts.clone(),
        commands: ledgers.commands.clone(),
        answers: Some(answers()),
        before_heal: ledgers.dumps(standing),
        after_heal: AfterHeal::Unknown,
        provider: Some(ledgers.provider.clone()),
        carrier: Some(ledgers.carrier.clone()),
        taps: Some(taps(ledgers)),
        parked: Some(Vec::new()),
        faults: Vec::new(),
        receipts: Some(ledgers.receipts.clone()),
        initial_stock: Some(WAREHOUSES.iter().map(|warehouse| full(warehouse)).collect()),
        settling: Some(Settling {
            began_ms: START_MS + 20_000,
            allowed_ms: 60_000,
            dumped_ms: START_MS + 140_000,
            robots_worked: true,
        }),
        probes: Some(vec![probe("X2", "another customer's order"), probe("X3", "a negative quantity")]),
        logs: Vec::new(),
    }
}

fn places() -> Places {
    let warehouses = WAREHOUSES.iter().zip(REGIONS).map(|(id, region)| WarehousePlace {
        id: (*id).into(),
        region: region.into(),
        continent: continent_of(region).into(),
        ships_to: if *id == "wh-ap" { vec!["DE".into(), "JP".into()] } else { Vec::new() },
    });
    let regions = REGIONS.iter().map(|region| ((*region).into(), continent_of(region).into()));
    let journal = REGIONS.map(Into::into).into();
    Places { regions: regions.collect(), journal, warehouses: warehouses.collect() }
}

/// Every region's tap. A flooded region's own is lost with it; what Europe publishes again is in Europe's.
fn taps(ledgers: &Ledgers) -> Vec<Tap> {
    let taps = ledgers.taps.iter();
    taps.map(|(region, events)| Tap { region: region.clone(), events: events.clone(), dropped: 0 }).collect()
}

fn answers() -> Vec<Answer> {
    let answer = |at: i64| Answer {
        op: "get-order".into(),
        planned_ms: START_MS + 10 * at,
        answered_ms: Some(START_MS + 10 * at + 80),
        wanted: true,
        status: Some(200),
        code: None,
    };
    let mut answers: Vec<Answer> = (0..2_000).map(answer).collect();
    let shed =
        Answer { status: Some(429), code: Some("RATE_LIMITED".into()), wanted: false, ..answer(2_001) };
    answers.push(shed);
    answers
}

fn probe(invariant: &str, name: &str) -> ProbeResult {
    let (wanted, got) = ("a refusal".into(), "a refusal".into());
    ProbeResult { invariant: invariant.into(), name: name.into(), wanted, got, passed: true }
}
