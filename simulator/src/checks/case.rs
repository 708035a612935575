//! What the checks look at: everything that was said, stored, paid, shipped and published in a run.
//!
//! All moments are milliseconds since the Unix epoch, by the clock of the one machine that ran everything.

use super::commands::Command;
use crate::topology::Topology;
use contracts::ids::{Continent, OrderId, ProductId, Region, UserId, WarehouseId};
use contracts::stock::StockLevel;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// All inputs of the checks. An input that is `None` was not collected; the invariants that need it are
/// then reported as not judged.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Case {
    /// Where regions and warehouses stand.
    pub places: Places,
    /// The limits to judge by.
    pub rules: Rules,
    /// Every attempt to order, as the customers saw it.
    pub attempts: Vec<Attempt>,
    /// Everything that was asked of an order that was there, as the customers saw it.
    #[serde(default)]
    pub commands: Vec<Command>,
    /// Every open-loop request, as the customers saw it.
    pub answers: Option<Vec<Answer>>,
    /// What the surviving regions hold at the end, before anything lost comes back.
    pub before_heal: Vec<RegionDump>,
    /// What the regions hold after those came back that could.
    pub after_heal: AfterHeal,
    /// The payment provider's ledger.
    pub provider: Option<Vec<ProviderEntry>>,
    /// The carrier's ledger.
    pub carrier: Option<Vec<CarrierEntry>>,
    /// Every event published, region by region.
    pub taps: Option<Vec<Tap>>,
    /// Events that were given up and parked.
    pub parked: Option<Vec<ParkedEvent>>,
    /// What broke.
    pub faults: Vec<FaultFelt>,
    /// What lay in the warehouses at the start.
    pub initial_stock: Option<Vec<StockLevel>>,
    /// What lorries brought to the warehouses, as the storekeepers know it.
    #[serde(default)]
    pub receipts: Option<Vec<Receipt>>,
    /// How the run came to rest.
    pub settling: Option<Settling>,
    /// Security probes.
    pub probes: Option<Vec<ProbeResult>>,
    /// Log files to search for secrets.
    pub logs: Vec<PathBuf>,
}

impl Case {
    /// What the regions hold after the heal, where that is known.
    pub fn healed(&self) -> Option<&[RegionDump]> {
        match &self.after_heal {
            AfterHeal::Unknown => None,
            AfterHeal::AsBefore => Some(&self.before_heal),
            AfterHeal::Dumped(dumps) => Some(dumps),
        }
    }

    /// What the regions hold last.
    pub fn last(&self) -> &[RegionDump] {
        self.healed().unwrap_or(&self.before_heal)
    }

    /// What was dumped, each dump once.
    pub fn dumps(&self) -> impl Iterator<Item = &RegionDump> {
        let after = match &self.after_heal {
            AfterHeal::Dumped(dumps) => &dumps[..],
            AfterHeal::Unknown | AfterHeal::AsBefore => &[],
        };
        self.before_heal.iter().chain(after)
    }

    /// The regions that lost their data, whether they came back or not.
    pub fn lost_regions(&self) -> BTreeSet<Region> {
        self.places.regions.keys().filter(|region| self.losses_of(region).next().is_some()).cloned().collect()
    }

    /// The regions that lost their data and did not come back.
    pub fn gone_regions(&self) -> BTreeSet<Region> {
        let gone = |region: &&Region| self.losses_of(region).any(|fault| fault.ended_ms.is_none());
        self.places.regions.keys().filter(gone).cloned().collect()
    }

    /// Whether a region was away at a moment because it had lost its data.
    pub fn was_lost_at(&self, region: &Region, at_ms: i64) -> bool {
        let away = |fault: &FaultFelt| fault.at_ms <= at_ms && fault.ended_ms.is_none_or(|back| at_ms < back);
        self.losses_of(region).any(away)
    }

    /// How far the clocks were off that services wrote moments down by, at most.
    pub fn clocks_off_ms(&self) -> i64 {
        self.faults.iter().map(|fault| fault.clock_off_ms).max().unwrap_or(0)
    }

    /// The faults that took a region's data.
    pub fn losses_of(&self, region: &Region) -> impl Iterator<Item = &FaultFelt> {
        let continent = self.places.regions.get(region).cloned();
        let region = region.clone();
        self.faults.iter().filter(move |fault| {
            let drowned = continent.as_ref().is_some_and(|home| fault.lost_continents.contains(home));
            drowned || fault.lost_regions.contains(&region)
        })
    }

    /// The warehouses whose goods are gone.
    pub fn lost_warehouses(&self) -> BTreeSet<WarehouseId> {
        let on_lost_continents = self.places.warehouses.iter().filter(|warehouse| {
            self.faults.iter().any(|fault| fault.lost_continents.contains(&warehouse.continent))
        });
        let named = self.faults.iter().flat_map(|fault| fault.lost_warehouses.iter().cloned());
        named.chain(on_lost_continents.map(|warehouse| warehouse.id.clone())).collect()
    }

    /// The warehouses whose books cannot be judged: lost, or kept in a region that lost its data.
    pub fn unaccountable_warehouses(&self) -> BTreeSet<WarehouseId> {
        let lost = self.lost_regions();
        let homed = self.places.warehouses.iter().filter(|warehouse| lost.contains(&warehouse.region));
        self.lost_warehouses().into_iter().chain(homed.map(|warehouse| warehouse.id.clone())).collect()
    }

    /// When data was lost last, where any was.
    pub fn last_loss_ms(&self) -> Option<i64> {
        self.faults.iter().filter(|fault| fault.loses_data()).map(|fault| fault.at_ms).max()
    }

    /// When the first data was lost, where any was.
    pub fn first_loss_ms(&self) -> Option<i64> {
        self.faults.iter().filter(|fault| fault.loses_data()).map(|fault| fault.at_ms).min()
    }
}

/// Where regions and warehouses stand.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Places {
    /// The continent of each region.
    pub regions: BTreeMap<Region, Continent>,
    /// The regions that hold copies of the order journal.
    #[serde(default)]
    pub journal: BTreeSet<Region>,
    /// The warehouses.
    pub warehouses: Vec<WarehousePlace>,
}

impl From<&Topology> for Places {
    fn from(topology: &Topology) -> Self {
        let regions = topology.regions.iter().map(|region| (region.name.clone(), region.continent.clone()));
        let warehouses = topology.warehouses.iter().map(|warehouse| WarehousePlace {
            id: warehouse.id.clone(),
            region: warehouse.region.clone(),
            continent: warehouse.continent.clone(),
            ships_to: warehouse.ships_to.clone(),
        });
        let journal = topology.continents.iter().map(|continent| continent.journal_region.clone());
        Places { regions: regions.collect(), journal: journal.collect(), warehouses: warehouses.collect() }
    }
}

/// Where a warehouse stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WarehousePlace {
    /// The warehouse.
    pub id: WarehouseId,
    /// The region that keeps its books.
    pub region: Region,
    /// The continent that it is lost with.
    pub continent: Continent,
    /// Countries that it may ship to; empty for all.
    pub ships_to: Vec<String>,
}

/// The limits to judge by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rules {
    /// No answer may be later than this, ms.
    pub answer_ms_max: i64,
    /// The least share of good answers, percent.
    pub availability_pct_min: f64,
    /// The longest time from a loss to the first order that a survivor confirms, ms.
    pub recovery_ms_max: i64,
    /// Answers that shed load must come faster than this, ms.
    pub shed_ms_max: i64,
    /// The oldest that an unpublished event may be at the end, ms.
    pub outbox_age_ms_max: i64,
    /// When the money is taken.
    pub capture: CapturePolicy,
    /// Whether the plan of faults makes orders need a person's attention.
    pub attention_planned: bool,
    /// The digits with which every synthetic card begins; empty where there was none.
    pub card_canary: String,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            answer_ms_max: 1_000,
            availability_pct_min: 99.9,
            recovery_ms_max: 5_000,
            shed_ms_max: 200,
            outbox_age_ms_max: 60_000,
            capture: CapturePolicy::OnDispatch,
            attention_planned: false,
            card_canary: String::new(),
        }
    }
}

/// When the money is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CapturePolicy {
    /// Before the parcel leaves.
    OnDispatch,
    /// After the parcel has arrived.
    OnDelivery,
}

/// What a customer may conclude from the answer to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The order was promised.
    Acknowledged,
    /// There is no order and never will be.
    Refused,
    /// Nobody can know: anything else, no answer included.
    Ambiguous,
}

/// One attempt to order, as the customer saw it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// Who.
    pub user_id: UserId,
    /// The continent on which the customer's orders are at home.
    pub home: Continent,
    /// The key of the attempt.
    pub idempotency_key: String,
    /// Tells bodies sent under the same key apart.
    pub body_hash: String,
    /// What was ordered: product, units, price of one in minor units.
    pub lines: Vec<AttemptLine>,
    /// Where it goes.
    pub country: String,
    /// Minor units.
    pub delivery_price: i64,
    /// Minor units.
    pub total: i64,
    /// ISO 4217.
    pub currency: String,
    /// When it was sent.
    pub sent_ms: i64,
    /// When the answer was complete.
    pub answered_ms: Option<i64>,
    /// What the answer means.
    pub outcome: Outcome,
    /// The order that the answer names.
    pub order_id: Option<OrderId>,
    /// The region that answered.
    pub served_by: Option<Region>,
    /// Whether the workload meant it to be refused.
    pub planned_refusal: bool,
    /// Whether it was refused because the goods had run out, as the workload expects of goods that do.
    #[serde(default)]
    pub sold_out: bool,
    /// Who recorded it, such as `driver` or `goose`.
    pub source: String,
}

/// A line of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptLine {
    /// The product.
    pub product_id: ProductId,
    /// Units.
    pub quantity: u32,
    /// Price of one, minor units.
    pub price: i64,
}

/// Goods that somebody brought to a warehouse.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// The product.
    pub product_id: ProductId,
    /// Where it came in.
    pub warehouse_id: WarehouseId,
    /// Units.
    pub quantity: i64,
    /// The document that came with them. No other one has the same.
    pub reference: String,
    /// Whether the warehouse said that they are booked. Otherwise nobody can know.
    pub booked: bool,
}

/// One open-loop request, as the customer saw it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Answer {
    /// What was asked, such as `create-order`.
    pub op: String,
    /// When it was meant to be sent.
    pub planned_ms: i64,
    /// When the answer was complete; `None` where there was none.
    pub answered_ms: Option<i64>,
    /// Whether it was the wanted answer, or a refusal that the workload planned.
    pub wanted: bool,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The error code.
    pub code: Option<String>,
}

/// What one region holds: plain JSON items by table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RegionDump {
    /// The region.
    pub region: String,
    /// Its continent.
    pub continent: String,
    /// Items by table, `service` or `service.table`.
    pub tables: BTreeMap<String, Vec<Value>>,
}

/// What the regions hold after the heal.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub enum AfterHeal {
    /// Not known: a region is away for good.
    #[default]
    Unknown,
    /// The same as before: nothing was away.
    AsBefore,
    /// Dumped once more.
    Dumped(Vec<RegionDump>),
}

/// A line of the payment provider's ledger.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderEntry {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at_ms: i64,
    /// `preauth`, `capture`, `void`, `refund` or `update`.
    pub operation: String,
    /// The payment token.
    pub token: String,
    /// Minor units.
    pub amount: i64,
    /// The key that the caller gave.
    pub key: Option<String>,
    /// Whether it took effect.
    pub ok: bool,
    /// The provider's reference.
    pub reference: Option<String>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// Whether an earlier answer was repeated, without effect.
    pub replayed: bool,
}

/// A line of the carrier's ledger.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CarrierEntry {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at_ms: i64,
    /// `dispatched`, `delivered`, `returned`, `voided` or `replayed`.
    pub kind: String,
    /// The key that the caller gave, `{orderId}:dispatch`.
    pub key: String,
    /// The order.
    #[serde(alias = "orderId")]
    pub order_id: Option<OrderId>,
    /// The parcel.
    #[serde(alias = "trackingId")]
    pub tracking_id: Option<String>,
    /// Where it left from.
    #[serde(alias = "warehouseId")]
    pub warehouse_id: Option<WarehouseId>,
    /// Where it goes, ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// Whether an adult signed, on delivery.
    #[serde(alias = "adultSignature")]
    pub adult_signature: Option<bool>,
}

/// Every event that one region published.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tap {
    /// The region.
    pub region: String,
    /// The envelopes, in order.
    pub events: Vec<Value>,
    /// Events that the tap could not keep.
    pub dropped: u64,
}

/// An event that was given up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ParkedEvent {
    /// Where.
    pub region: String,
    /// Whose queue.
    pub consumer: String,
    /// Which event.
    pub event_id: String,
}

/// A fault, and what was lost with it for good: data that did not come back by itself. A region that lost its data
/// may come back without it; then the fault has an end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FaultFelt {
    /// What kind.
    pub kind: String,
    /// When it began.
    pub at_ms: i64,
    /// When it ended; `None` where it never did.
    pub ended_ms: Option<i64>,
    /// Regions that lost their data.
    pub lost_regions: Vec<Region>,
    /// Warehouses that lost their goods.
    pub lost_warehouses: Vec<WarehouseId>,
    /// Continents that are gone, with their regions and warehouses.
    pub lost_continents: Vec<Continent>,
    /// How far a clock was off, either way; 0 for other faults.
    pub clock_off_ms: i64,
}

impl FaultFelt {
    /// Whether any region's data went with it.
    pub fn loses_data(&self) -> bool {
        !self.lost_regions.is_empty() || !self.lost_continents.is_empty()
    }
}

/// How the run came to rest.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Settling {
    /// When the faults (or a loss that is never healed: its first moment) and the load were over.
    pub began_ms: i64,
    /// How long orders have to settle, ms.
    pub allowed_ms: i64,
    /// When the regions' last dumps were taken.
    pub dumped_ms: i64,
    /// Whether pickers and couriers worked.
    pub robots_worked: bool,
}

/// A security probe.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProbeResult {
    /// `X2` or `X3`.
    pub invariant: String,
    /// What was tried.
    pub name: String,
    /// What should have come.
    pub wanted: String,
    /// What came.
    pub got: String,
    /// Whether it was as wanted.
    pub passed: bool,
}
