//! After the run: what everybody says, gathered into the case that the checks judge.

use super::{plan::Plan, stage::Stage};
use crate::{
    checks::{
        AfterHeal, Answer, Attempt, AttemptLine, CarrierEntry, Case, Command, CommandKind, FaultFelt,
        Outcome, ParkedEvent, Places, ProbeResult, ProviderEntry, Receipt, RegionDump, Rules, Settling, Tap,
    },
    cloud::{Dump, QueueDepth, Usage},
    engine::regions::RegionProcess,
    faults::FaultRecord,
    history::{HistoryRecord, Op, Outcome as Recorded},
    robots::Delivery,
    scenario::{Fault, GoalPhase, Metric, Scenario},
    third_parties::{carrier::Carrier, payment_3p::Provider},
};
use contracts::{error::Code, ids::ProductId, stock::StockLevel};
use futures::future::try_join_all;
use loadtests::clock::RunClock;
use std::{collections::BTreeMap, path::PathBuf};

/// What the surviving regions say at the end.
#[derive(Default)]
pub struct LastWords {
    /// When they were asked, ms since the Unix epoch.
    pub at_ms: i64,
    /// Everything each holds.
    pub dumps: Vec<RegionDump>,
    /// How full the queues of each are.
    queues: Vec<BTreeMap<String, QueueDepth>>,
    /// The events that each published.
    pub taps: Vec<Tap>,
    /// What each was used for.
    pub usages: Vec<Usage>,
}

/// Asks the survivors for everything.
///
/// # Errors
/// When one does not answer.
pub async fn ask_survivors(stage: &Stage) -> anyhow::Result<LastWords> {
    let at_ms = stage.clock.wall_ms_at(stage.clock.now_us());
    let words = try_join_all(stage.survivors().map(|region| ask(stage, region))).await?;
    let mut last = LastWords { at_ms, ..LastWords::default() };
    for (dump, queues, tap, usage) in words {
        last.dumps.push(dump);
        last.queues.push(queues);
        last.taps.push(tap);
        last.usages.push(usage);
    }
    Ok(last)
}

type Words = (RegionDump, BTreeMap<String, QueueDepth>, Tap, Usage);

async fn ask(stage: &Stage, region: &RegionProcess) -> anyhow::Result<Words> {
    let control = region.control();
    let Dump { tables, queues } = control.dump().await?;
    let events = control.tap().await?;
    let usage = control.usage().await?;
    let continent = stage.plan.scenario.topology.continent_of(&region.name);
    let name = region.name.to_string();
    let continent = continent.map(ToString::to_string).unwrap_or_default();
    let tap = Tap { region: name.clone(), events, dropped: usage.events.tap_dropped };
    Ok((RegionDump { region: name, continent, tables }, queues, tap, usage))
}

impl LastWords {
    fn parked(&self) -> Vec<ParkedEvent> {
        let queues = self.dumps.iter().zip(&self.queues);
        queues.flat_map(|(dump, queues)| parked(&dump.region, queues)).collect()
    }
}

/// What happened, as far as the simulator itself knows it.
pub struct Course<'a> {
    /// What customers did and saw.
    pub records: &'a [HistoryRecord],
    /// What broke.
    pub faults: &'a [FaultRecord],
    /// When the load ended, microseconds since the run's start.
    pub load_ended_us: u64,
    /// Security probes.
    pub probes: Vec<ProbeResult>,
    /// Log files.
    pub logs: Vec<PathBuf>,
    /// The catalogue.
    pub products: &'a [ProductId],
}

/// Gathers everything. `before` was said while what was lost was still away, `healed` when it was back.
pub fn case(stage: &Stage, course: Course<'_>, before: LastWords, healed: Option<LastWords>) -> Case {
    let scenario = &stage.plan.scenario;
    let origin_ms = stage.clock.origin_wall_ms();
    // Where every region stands at the end, this is how they ended.
    let all_stand = before.dumps.len() == scenario.topology.regions.len();
    let last = healed.as_ref().unwrap_or(&before);
    let (parked, dumped_ms) = (last.parked(), last.at_ms);
    let (taps, after_heal) = match healed {
        Some(healed) => (healed.taps, AfterHeal::Dumped(healed.dumps)),
        None if all_stand => (before.taps, AfterHeal::AsBefore),
        None => (before.taps, AfterHeal::Unknown),
    };
    Case {
        places: Places::from(&scenario.topology),
        rules: rules(scenario),
        attempts: course.records.iter().filter_map(|record| attempt(record, origin_ms)).collect(),
        commands: course.records.iter().filter_map(|record| command(record, origin_ms)).collect(),
        answers: Some(course.records.iter().filter_map(answer).collect()),
        after_heal,
        before_heal: before.dumps,
        provider: Some(provider(&stage.provider)),
        carrier: Some(carrier(&stage.carrier)),
        taps: Some(taps),
        parked: Some(parked),
        faults: course.faults.iter().map(|record| felt(stage.clock, record)).collect(),
        initial_stock: Some(initial_stock(&stage.plan, course.products)),
        receipts: Some(receipts(stage)),
        settling: Some(Settling {
            began_ms: stage.clock.wall_ms_at(course.load_ended_us),
            allowed_ms: (scenario.settle.within_s * 1e3) as i64,
            dumped_ms,
            robots_worked: true,
        }),
        probes: Some(course.probes),
        logs: course.logs,
    }
}

/// The contract's limits; where the scenario has a goal of its own about how well customers are served, that.
pub(super) fn rules(scenario: &Scenario) -> Rules {
    let usual = Rules::default();
    let target = |metric| {
        let goals =
            scenario.goals.iter().filter(|goal| goal.phase == GoalPhase::Whole && goal.home.is_none());
        goals.filter(|goal| goal.metric == metric).map(|goal| goal.target).next()
    };
    Rules {
        availability_pct_min: target(Metric::Availability).unwrap_or(usual.availability_pct_min),
        recovery_ms_max: target(Metric::Rto).map_or(usual.recovery_ms_max, |seconds| (seconds * 1e3) as i64),
        attention_planned: scenario.faults.iter().any(|at| calls_for_people(&at.fault)),
        card_canary: loadtests::CARD_CANARY.to_owned(),
        ..usual
    }
}

/// Whether a fault makes orders need a person.
fn calls_for_people(fault: &Fault) -> bool {
    matches!(fault, Fault::ProviderRefuse { .. } | Fault::ProviderAnswerLost { .. })
}

pub(super) fn attempt(record: &HistoryRecord, origin_ms: i64) -> Option<Attempt> {
    let ordered = record.request.as_ref().filter(|_| record.is_attempt())?;
    let wall_ms = wall_clock(origin_ms);
    let lines = ordered.lines.iter().map(|line| AttemptLine {
        product_id: line.product_id,
        quantity: u32::try_from(line.quantity).unwrap_or(0), // below none only where it is bad on purpose
        price: line.price,
    });
    Some(Attempt {
        user_id: record.user_id.clone(),
        home: record.home.clone(),
        idempotency_key: record.idempotency_key.clone().unwrap_or_default(),
        body_hash: record.body_hash.clone().unwrap_or_default(),
        lines: lines.collect(),
        country: ordered.country.clone(),
        delivery_price: ordered.delivery_price,
        total: ordered.total,
        currency: ordered.currency.clone(),
        sent_ms: wall_ms(record.sent_at_us?),
        answered_ms: record.answered_at_us.map(wall_ms),
        outcome: concluded(record.outcome),
        order_id: record.order_id,
        served_by: record.served_by.clone(),
        planned_refusal: record.op == Op::BadOrder,
        sold_out: sold_out(record),
        source: serde_word(&record.source),
    })
}

/// Whether a buyer who would not wait was told that the goods have run out, as planned.
fn sold_out(record: &HistoryRecord) -> bool {
    let as_planned = record.op == Op::CreateOrder && record.outcome == Recorded::PlannedRefusal;
    as_planned && record.code == Some(Code::OutOfStock)
}

/// Something that was asked of an order.
pub(super) fn command(record: &HistoryRecord, origin_ms: i64) -> Option<Command> {
    let kind = match record.op {
        Op::Cancel => CommandKind::Cancel,
        Op::Return => CommandKind::Return,
        _ => return None,
    };
    let wall_ms = wall_clock(origin_ms);
    let idempotency_key = record.idempotency_key.clone()?;
    let status = record.order_status.clone().map(serde_json::Value::String);
    Some(Command {
        kind,
        order_id: record.order_id?,
        reason: loadtests::client::reason(&idempotency_key),
        idempotency_key,
        sent_ms: wall_ms(record.sent_at_us?),
        answered_ms: record.answered_at_us.map(wall_ms),
        outcome: concluded(record.outcome),
        order_status: status.and_then(|word| serde_json::from_value(word).ok()),
        order_version: record.order_version,
    })
}

/// From microseconds since the run's start to ms since the Unix epoch.
fn wall_clock(origin_ms: i64) -> impl Fn(u64) -> i64 {
    move |us| origin_ms + (us / 1_000) as i64
}

/// What a customer may conclude.
fn concluded(recorded: Recorded) -> Outcome {
    match recorded {
        Recorded::Ok => Outcome::Acknowledged,
        Recorded::Refused | Recorded::PlannedRefusal => Outcome::Refused,
        _ => Outcome::Ambiguous,
    }
}

/// An open-loop request. Questions after a doubtful order, and what was left out because the provider failed,
/// are not among them.
pub(super) fn answer(record: &HistoryRecord) -> Option<Answer> {
    use crate::history::Source;
    let judged = record.source == Source::Driver
        && !matches!(record.op, Op::Resolve | Op::VerifyAge | Op::SignIn)
        && record.outcome != Recorded::Skipped;
    judged.then(|| Answer {
        op: record.op.word().to_owned(),
        planned_ms: record.wall_ms,
        answered_ms: record
            .answered_at_us
            .and(record.latency_us)
            .map(|latency| record.wall_ms + (latency / 1_000) as i64),
        wanted: match (record.op, record.outcome) {
            (Op::BadOrder, outcome) => outcome == Recorded::PlannedRefusal,
            (Op::CreateOrder | Op::Cancel | Op::Return, Recorded::PlannedRefusal) => true,
            (_, outcome) => outcome == Recorded::Ok && record.why.is_none(),
        },
        status: record.status,
        code: record.code.map(|code| code.to_string()),
    })
}

/// The word by which a value is serialised.
pub(super) fn serde_word(value: &impl serde::Serialize) -> String {
    let word = serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned));
    word.unwrap_or_default()
}

pub(super) fn felt(clock: RunClock, record: &FaultRecord) -> FaultFelt {
    FaultFelt {
        kind: record.fault.kind(),
        at_ms: clock.wall_ms_at(record.at_us),
        ended_ms: record.ended_us.map(|us| clock.wall_ms_at(us)),
        lost_regions: record.lost_regions.clone(),
        lost_warehouses: record.lost_warehouses.clone(),
        lost_continents: record.lost_continents.clone(),
        clock_off_ms: match record.fault {
            Fault::ClockSkew { ms, .. } => i64::from(ms.unsigned_abs()),
            _ => 0,
        },
    }
}

/// The payment provider's ledger.
pub fn provider(provider: &Provider) -> Vec<ProviderEntry> {
    let entries = provider.ledger().into_iter().map(|entry| ProviderEntry {
        seq: entry.seq,
        at_ms: entry.at_ms,
        operation: serde_word(&entry.operation),
        token: entry.token.to_string(),
        amount: i64::try_from(entry.amount).unwrap_or(i64::MAX),
        key: entry.key,
        ok: entry.ok,
        reference: Some(entry.reference),
        reason: entry.reason,
        replayed: entry.replayed,
    });
    entries.collect()
}

/// The carrier's ledger.
pub fn carrier(carrier: &Carrier) -> Vec<CarrierEntry> {
    let entries = carrier.ledger().into_iter().map(|entry| CarrierEntry {
        seq: entry.seq,
        at_ms: entry.at_ms,
        kind: if entry.replayed { "replayed".to_owned() } else { serde_word(&entry.event) },
        key: entry.key,
        order_id: entry.order_id.and_then(|id| id.parse().ok()),
        tracking_id: entry.tracking_id,
        warehouse_id: entry.warehouse_id.map(|id| id.as_str().into()),
        country: entry.country,
        adult_signature: Some(entry.adult_signature),
    });
    entries.collect()
}

/// One entry for each dead letter; which event it is only the queue knows.
fn parked(region: &str, queues: &BTreeMap<String, QueueDepth>) -> Vec<ParkedEvent> {
    let letters = queues.iter().filter(|(queue, _)| queue.ends_with("-dlq"));
    let parked = letters.flat_map(|(queue, depth)| {
        let event = ParkedEvent {
            region: region.to_owned(),
            consumer: queue.clone(),
            event_id: "not told by the queue".to_owned(),
        };
        std::iter::repeat_n(event, depth.visible + depth.in_flight)
    });
    parked.collect()
}

/// What lies in the warehouses when a run begins.
pub fn initial_stock(plan: &Plan, products: &[ProductId]) -> Vec<StockLevel> {
    let warehouses = &plan.scenario.topology.warehouses;
    let level = |product_id: ProductId, warehouse: &crate::topology::Warehouse| StockLevel {
        product_id,
        warehouse_id: warehouse.id.clone(),
        on_hand: plan.units_at_first(&product_id),
        reserved: 0,
        version: 1,
    };
    products.iter().flat_map(|id| warehouses.iter().map(move |place| level(*id, place))).collect()
}

fn receipts(stage: &Stage) -> Vec<Receipt> {
    let deliveries = stage.receipts.deliveries().into_iter();
    let receipt = |Delivery { receipt, booked }: Delivery| Receipt {
        product_id: receipt.product_id,
        warehouse_id: receipt.warehouse_id,
        quantity: receipt.quantity.into(),
        reference: receipt.reference,
        booked,
    };
    deliveries.map(receipt).collect()
}

/// Adds up the calls of operations that are not emulated.
pub(super) fn unknown_operations<'a>(usages: impl Iterator<Item = &'a Usage>) -> BTreeMap<String, u64> {
    let mut unknown: BTreeMap<String, u64> = BTreeMap::new();
    for (target, count) in usages.flat_map(|usage| &usage.unknown_operations) {
        *unknown.entry(target.clone()).or_default() += count;
    }
    unknown
}
