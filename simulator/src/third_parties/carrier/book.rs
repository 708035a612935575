//! The carrier's rules and its books. No network and no clock: time is an argument.

use super::wire::{Dispatch, DispatchRequest, Event, LedgerEntry};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use std::collections::{BTreeMap, BTreeSet};

/// Many times what the longest run makes; the carrier refuses what it could not write down.
const MAX_ENTRIES: usize = 2_000_000;

/// Why something was not done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refusal {
    /// The key was voided before.
    KeyVoided,
    /// The key was used for another parcel.
    KeyReused,
    /// A parcel is under way with this key.
    AlreadyDispatched(Box<Dispatch>),
    /// There is no such parcel.
    NotFound,
    /// It was handed over, or brought back, before.
    Over,
    /// Only an adult may take it, against a signature.
    NeedsAdult,
    /// The ledger is full.
    Full,
    /// The request cannot be read, and why.
    Malformed(String),
}

pub(super) struct Book {
    rng: StdRng,
    by_key: BTreeMap<String, Dispatch>,
    keys: BTreeMap<String, String>,
    voided: BTreeSet<String>,
    ledger: Vec<LedgerEntry>,
}

impl Book {
    pub(super) fn new(seed: u64) -> Self {
        Book {
            rng: StdRng::seed_from_u64(seed),
            by_key: BTreeMap::new(),
            keys: BTreeMap::new(),
            voided: BTreeSet::new(),
            ledger: Vec::new(),
        }
    }

    pub(super) fn ledger(&self) -> &[LedgerEntry] {
        &self.ledger
    }

    pub(super) fn by_key(&self, key: &str) -> Option<&Dispatch> {
        self.by_key.get(key)
    }

    /// Takes a parcel and names it, once for each key.
    pub(super) fn dispatch(&mut self, request: &DispatchRequest, at_ms: i64) -> Result<String, Refusal> {
        self.room()?;
        if self.voided.contains(&request.key) {
            self.enter(entry(Event::Refused, request, at_ms));
            return Err(Refusal::KeyVoided);
        }
        if let Some(known) = self.by_key.get(&request.key) {
            if known.request != *request {
                return Err(Refusal::KeyReused);
            }
            let tracking_id = known.tracking_id.clone();
            let again = LedgerEntry { replayed: true, ..entry(Event::Dispatched, request, at_ms) };
            self.enter(LedgerEntry { tracking_id: Some(tracking_id.clone()), ..again });
            return Ok(tracking_id);
        }
        let tracking_id = format!("BX{:012X}", self.rng.random::<u64>() >> 16);
        let taken = entry(Event::Dispatched, request, at_ms);
        self.enter(LedgerEntry { tracking_id: Some(tracking_id.clone()), ..taken });
        self.keys.insert(tracking_id.clone(), request.key.clone());
        let dispatch = Dispatch {
            request: request.clone(),
            tracking_id: tracking_id.clone(),
            dispatched_at_ms: at_ms,
            delivered_at_ms: None,
            signed_by_adult: false,
            returned_because: None,
        };
        self.by_key.insert(request.key.clone(), dispatch);
        Ok(tracking_id)
    }

    /// Makes sure that nothing is ever dispatched with a key. Says whether the key was voided before.
    pub(super) fn void(&mut self, key: &str, at_ms: i64) -> Result<bool, Refusal> {
        self.room()?;
        if let Some(dispatch) = self.by_key.get(key).cloned() {
            let late = entry(Event::VoidTooLate, &dispatch.request, at_ms);
            self.enter(LedgerEntry { tracking_id: Some(dispatch.tracking_id.clone()), ..late });
            return Err(Refusal::AlreadyDispatched(Box::new(dispatch)));
        }
        let replayed = !self.voided.insert(key.to_owned());
        self.enter(LedgerEntry { replayed, ..blank(Event::Voided, key, at_ms) });
        Ok(replayed)
    }

    /// Hands a parcel over.
    pub(super) fn deliver(
        &mut self,
        tracking_id: &str,
        adult: bool,
        at_ms: i64,
    ) -> Result<Dispatch, Refusal> {
        self.room()?;
        let key = self.keys.get(tracking_id).ok_or(Refusal::NotFound)?;
        let dispatch = self.by_key.get_mut(key).ok_or(Refusal::NotFound)?;
        if dispatch.request.adult_signature && !adult {
            return Err(Refusal::NeedsAdult);
        }
        if dispatch.returned_because.is_some() {
            return Err(Refusal::Over);
        }
        let replayed = dispatch.delivered_at_ms.is_some();
        if !replayed {
            dispatch.delivered_at_ms = Some(at_ms);
            dispatch.signed_by_adult = adult;
        }
        let dispatch = dispatch.clone();
        let handed = entry(Event::Delivered, &dispatch.request, at_ms);
        self.enter(LedgerEntry {
            tracking_id: Some(tracking_id.to_owned()),
            adult_signature: dispatch.signed_by_adult,
            replayed,
            ..handed
        });
        Ok(dispatch)
    }

    /// Brings a parcel back.
    pub(super) fn bring_back(
        &mut self,
        tracking_id: &str,
        reason: &str,
        at_ms: i64,
    ) -> Result<Dispatch, Refusal> {
        self.room()?;
        let key = self.keys.get(tracking_id).ok_or(Refusal::NotFound)?;
        let dispatch = self.by_key.get_mut(key).ok_or(Refusal::NotFound)?;
        if dispatch.delivered_at_ms.is_some() {
            return Err(Refusal::Over);
        }
        let replayed = dispatch.returned_because.is_some();
        dispatch.returned_because.get_or_insert_with(|| reason.to_owned());
        let dispatch = dispatch.clone();
        let returned = entry(Event::Returned, &dispatch.request, at_ms);
        self.enter(LedgerEntry {
            tracking_id: Some(tracking_id.to_owned()),
            adult_signature: false,
            replayed,
            ..returned
        });
        Ok(dispatch)
    }

    fn enter(&mut self, entry: LedgerEntry) {
        let seq = self.ledger.len() as u64 + 1;
        self.ledger.push(LedgerEntry { seq, ..entry });
    }

    fn room(&self) -> Result<(), Refusal> {
        if self.ledger.len() < MAX_ENTRIES { Ok(()) } else { Err(Refusal::Full) }
    }
}

fn entry(event: Event, request: &DispatchRequest, at_ms: i64) -> LedgerEntry {
    LedgerEntry {
        order_id: Some(request.order_id.clone()),
        warehouse_id: Some(request.warehouse_id.clone()),
        country: request.address.get("country").and_then(|country| country.as_str()).map(str::to_owned),
        adult_signature: request.adult_signature,
        ..blank(event, &request.key, at_ms)
    }
}

fn blank(event: Event, key: &str, at_ms: i64) -> LedgerEntry {
    LedgerEntry {
        seq: 0,
        at_ms,
        event,
        key: key.to_owned(),
        order_id: None,
        tracking_id: None,
        warehouse_id: None,
        country: None,
        adult_signature: false,
        replayed: false,
    }
}
