//! The run's rows, read into the contract's types and merged over regions.

use super::case::{AfterHeal, Attempt, Case, RegionDump};
use contracts::events::{EnvelopeError, Event};
use contracts::ids::{Continent, OrderId, Region, UserId};
use contracts::journal::{Ballot, EntryState, EntryValue};
use contracts::keys;
use contracts::order::{Order, OrderStatus};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Everything that several invariants look at.
pub(super) struct Records<'c> {
    pub(super) case: &'c Case,
    /// Orders that the surviving regions hold before anything comes back.
    pub(super) survivors: Rc<OrderBook>,
    /// Orders that the regions hold last.
    pub(super) last: Rc<OrderBook>,
    /// What was published, and what it says.
    pub(super) events: Vec<(&'c Value, Result<Event, EnvelopeError>)>,
    /// Attempts by the order that they would make.
    pub(super) attempts: BTreeMap<OrderId, Vec<&'c Attempt>>,
}

impl<'c> Records<'c> {
    pub(super) fn read(case: &'c Case) -> Self {
        let mut attempts: BTreeMap<OrderId, Vec<&Attempt>> = BTreeMap::new();
        for attempt in &case.attempts {
            attempts.entry(order_of(attempt)).or_default().push(attempt);
        }
        let survivors = Rc::new(OrderBook::read(case, &case.before_heal));
        let last = match &case.after_heal {
            AfterHeal::Dumped(dumps) => Rc::new(OrderBook::read(case, dumps)),
            AfterHeal::Unknown | AfterHeal::AsBefore => survivors.clone(),
        };
        let envelopes = case.taps.iter().flatten().flat_map(|tap| &tap.events);
        let events = envelopes.map(|envelope| (envelope, Event::from_envelope(envelope))).collect();
        Records { case, survivors, last, events, attempts }
    }

    /// Whether a region's data was lost in the run.
    pub(super) fn lost_data(&self) -> bool {
        self.case.faults.iter().any(|fault| fault.loses_data())
    }
}

/// Whether an order waited for a proof of age from its first step on and never came to the warehouse: nothing may have been
/// packed for it, and nothing paid.
pub(super) fn never_left_review(order: &Order) -> bool {
    let began = order.history.first().is_some_and(|step| step.status == OrderStatus::AgeReview);
    began && order.history.iter().all(|step| step.status != OrderStatus::New)
}

/// The order that an attempt would make.
pub(super) fn order_of(attempt: &Attempt) -> OrderId {
    keys::order_id(&attempt.user_id, &attempt.idempotency_key)
}

/// The customer and key that an order says it came from.
pub(super) fn origin(order: &Order) -> (UserId, String) {
    (order.user_id.clone(), order.idempotency_key.clone())
}

/// All that some regions hold about orders.
#[derive(Default)]
pub(super) struct OrderBook {
    /// Every branch of every order in every region.
    pub(super) rows: BTreeMap<OrderId, Vec<OrderRow>>,
    /// Every copy of every journal entry that makes or refuses an order.
    pub(super) journal: BTreeMap<OrderId, Vec<Copy>>,
    /// Every copy of every journal entry that is a command to an order.
    pub(super) commands: Vec<Copy>,
    /// Effects that the journal has decided on, with the owner that did.
    pub(super) intents: Vec<(OrderId, Branch)>,
    /// Copies of the journal that were dumped.
    copies: usize,
    /// The order to which each copy binds a payment token, by the token's hash.
    bound: BTreeMap<String, Vec<OrderId>>,
    /// Rows that can't be read: table and reason.
    pub(super) unreadable: Vec<(&'static str, String)>,
}

/// One branch of an order, as one region holds it.
pub(super) struct OrderRow {
    /// The region that holds it.
    pub(super) held_by: Region,
    /// The owner that wrote it.
    pub(super) branch: Branch,
    pub(super) order: Order,
}

/// One copy of a journal entry.
pub(super) struct Copy {
    /// Where the copy is.
    pub(super) continent: Continent,
    pub(super) shard: String,
    pub(super) key_hash: String,
    pub(super) ballot: Ballot,
    pub(super) state: EntryState,
    pub(super) value_hash: String,
    pub(super) value: EntryValue,
    /// When it was stored, where the copy says so.
    pub(super) written_ms: Option<i64>,
}

impl OrderBook {
    fn read(case: &Case, dumps: &[RegionDump]) -> Self {
        let mut book = OrderBook::default();
        for dump in dumps {
            items(dump, "orders").for_each(|item| book.add_row(dump, item));
            items(dump, "orders.journal").for_each(|item| book.add_copy(dump, item));
            items(dump, "orders.tokens").for_each(|item| book.add_bound(item));
            book.copies += usize::from(case.places.journal.contains(&Region::from(dump.region.as_str())));
        }
        book
    }

    fn add_bound(&mut self, item: &Value) {
        if let (Some(token), Ok(order_id)) = (item["tokenHash"].as_str(), parse(&item["orderId"])) {
            self.bound.entry(token.to_owned()).or_default().push(order_id);
        }
    }

    fn add_row(&mut self, dump: &RegionDump, item: &Value) {
        let (branch, order) = (branch_of(item), parse::<Order>(item));
        match (branch, order) {
            (Some(branch), Ok(order)) => {
                let row = OrderRow { held_by: dump.region.as_str().into(), branch, order };
                self.rows.entry(row.order.order_id).or_default().push(row);
            }
            (None, _) => self.unreadable.push(("orders", format!("{}: has no branch", name_of(item)))),
            (_, Err(why)) => self.unreadable.push(("orders", format!("{}: {why}", name_of(item)))),
        }
    }

    fn add_copy(&mut self, dump: &RegionDump, item: &Value) {
        match copy(dump, item) {
            Ok(Copy { value: EntryValue::Intent { order_id, .. }, state, ballot, .. }) => {
                if state != EntryState::Open {
                    self.intents.push((order_id, Branch { epoch: ballot.epoch, region: ballot.region }));
                }
            }
            // They tell of an order, but do not decide whether there is one.
            Ok(copy)
                if matches!(copy.value, EntryValue::Command { .. } | EntryValue::CommandRefused { .. }) =>
            {
                self.commands.push(copy)
            }
            Ok(copy) => self.journal.entry(copy.value.order_id()).or_default().push(copy),
            Err(why) => self.unreadable.push(("orders.journal", format!("{}: {why}", name_of(item)))),
        }
    }

    /// The order as its readers see it: the highest (epoch, version) of all branches.
    pub(super) fn winner(&self, order_id: &OrderId) -> Option<&OrderRow> {
        self.rows.get(order_id)?.iter().max_by_key(|row| (row.branch.epoch, row.order.version))
    }

    /// Every order, as its readers see it.
    pub(super) fn winners(&self) -> impl Iterator<Item = &OrderRow> {
        self.rows.keys().filter_map(|order_id| self.winner(order_id))
    }

    /// What a takeover would read from the journal: a chosen entry, else the highest ballot.
    pub(super) fn decided(&self, order_id: &OrderId) -> Option<&Copy> {
        self.journal.get(order_id)?.iter().max_by_key(|copy| (copy.settled(), copy.ballot.clone()))
    }

    /// Version 1 of the order as journalled. An open entry whose payment token too many copies bind to another order
    /// makes none: it can never be chosen.
    pub(super) fn journalled(&self, order_id: &OrderId) -> Option<&Order> {
        let decided = self.decided(order_id)?;
        match &decided.value {
            EntryValue::Order { order, token_hash, .. }
                if decided.settled() || !self.token_is_taken(order_id, token_hash) =>
            {
                Some(order)
            }
            _ => None,
        }
    }

    fn token_is_taken(&self, order_id: &OrderId, token_hash: &str) -> bool {
        const MAJORITY: usize = 2;
        let bound = self.bound.get(token_hash).map_or(&[][..], Vec::as_slice);
        let elsewhere = bound.iter().filter(|other| *other != order_id).count();
        elsewhere > 0 && self.copies.saturating_sub(elsewhere) < MAJORITY
    }

    /// Whether the order exists: it has a row, or the journal says that it does.
    pub(super) fn exists(&self, order_id: &OrderId) -> bool {
        self.rows.contains_key(order_id) || self.journalled(order_id).is_some()
    }

    /// Every copy of every journal entry but the intents.
    pub(super) fn entries(&self) -> impl Iterator<Item = &Copy> {
        self.journal.values().flatten().chain(&self.commands)
    }

    /// Every order that exists, in a row or in the journal.
    pub(super) fn existing(&self) -> impl Iterator<Item = OrderId> {
        let journal_only = self.journal.keys().filter(|id| !self.rows.contains_key(*id));
        let journal_only = journal_only.filter(|id| self.journalled(id).is_some());
        self.rows.keys().chain(journal_only).copied()
    }

    /// Notes the unreadable rows of one table as breaches.
    pub(super) fn report_unreadable(&self, table: &str, tally: &mut super::Tally) {
        for (_, why) in self.unreadable.iter().filter(|(of, _)| *of == table) {
            tally.broken(format!("a row of {table} cannot be read: {why}"), [table]);
        }
    }
}

impl Copy {
    /// Whether the entry can no longer be superseded.
    pub(super) fn settled(&self) -> bool {
        matches!(self.state, EntryState::Chosen | EntryState::Closed)
    }
}

fn copy(dump: &RegionDump, item: &Value) -> Result<Copy, String> {
    let text = |name: &str| item[name].as_str().ok_or_else(|| format!("{name} is absent"));
    let value = match &item["value"] {
        Value::String(json) => serde_json::from_str(json),
        other => serde_json::from_value(other.clone()),
    };
    Ok(Copy {
        continent: dump.continent.as_str().into(),
        shard: text("shard")?.to_owned(),
        key_hash: text("keyHash")?.to_owned(),
        ballot: text("ballot")?.parse().map_err(|why| format!("{why}"))?,
        state: parse(&item["state"])?,
        value_hash: text("valueHash")?.to_owned(),
        value: value.map_err(|why| why.to_string())?,
        written_ms: item["writtenAt"].as_i64(),
    })
}

/// Who wrote a row: the owner's epoch and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Branch {
    pub(super) epoch: u64,
    pub(super) region: Region,
}

/// The branch in a row's sort key `{epoch:012}#{region}`, which may have other parts around it.
pub(super) fn branch_of(item: &Value) -> Option<Branch> {
    ["branch", "sk", "sort"].iter().find_map(|name| branch_in(item[*name].as_str()?))
}

fn branch_in(sort_key: &str) -> Option<Branch> {
    let parts: Vec<&str> = sort_key.split('#').collect();
    let is_epoch = |part: &str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit());
    let at = parts.iter().position(|part| is_epoch(part))?;
    Some(Branch { epoch: parts[at].parse().ok()?, region: (*parts.get(at + 1)?).into() })
}

/// The items of a table.
pub(super) fn items<'d>(dump: &'d RegionDump, table: &str) -> impl Iterator<Item = &'d Value> {
    dump.tables.get(table).into_iter().flatten()
}

/// The items of a table in all regions, with the region.
pub(super) fn all_items<'d>(
    dumps: &'d [RegionDump],
    table: &'d str,
) -> impl Iterator<Item = (&'d RegionDump, &'d Value)> {
    dumps.iter().flat_map(move |dump| items(dump, table).map(move |item| (dump, item)))
}

/// Whether any region was asked for a table.
pub(super) fn has_table(dumps: &[RegionDump], table: &str) -> bool {
    dumps.iter().any(|dump| dump.tables.contains_key(table))
}

/// Reads an item as one of the contract's types.
pub(super) fn parse<T: DeserializeOwned>(item: &Value) -> Result<T, String> {
    T::deserialize(item).map_err(|why| why.to_string())
}

/// The order in front of an effect key such as `{orderId}:capture:1`, or of a reference.
pub(super) fn order_in(key: &str) -> Option<OrderId> {
    key.get(..36)?.parse().ok()
}

/// A name for an item that can't be read.
fn name_of(item: &Value) -> String {
    ["orderId", "keyHash", "pk"].iter().find_map(|name| item[*name].as_str()).unwrap_or("(no id)").to_owned()
}
