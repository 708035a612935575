//! Parsed expressions by their text: the services repeat a few dozen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::{Condition, FILTER, Grammar, KeyCondition, Parsed, Projection, Update};
use crate::cloud::dynamo::error::{Result, invalid};
use crate::cloud::lock;

/// Texts kept of each kind; at more than that all are forgotten.
const TEXTS_MAX: usize = 4096;

/// The expressions parsed so far.
#[derive(Default)]
pub(in super::super) struct Cache {
    conditions: Shelf<Condition>,
    key_conditions: Shelf<KeyCondition>,
    updates: Shelf<Update>,
    projections: Shelf<Projection>,
}

type Shelf<T> = Mutex<HashMap<Box<str>, Arc<Parsed<T>>>>;

impl Cache {
    pub(in super::super) fn condition(&self, text: &str) -> Result<Arc<Parsed<Condition>>> {
        parsed(&self.conditions, text, Condition::PARAMETER)
    }

    /// A filter is a condition by another name.
    pub(in super::super) fn filter(&self, text: &str) -> Result<Arc<Parsed<Condition>>> {
        parsed(&self.conditions, text, FILTER)
    }

    pub(in super::super) fn key_condition(&self, text: &str) -> Result<Arc<Parsed<KeyCondition>>> {
        parsed(&self.key_conditions, text, KeyCondition::PARAMETER)
    }

    pub(in super::super) fn update(&self, text: &str) -> Result<Arc<Parsed<Update>>> {
        parsed(&self.updates, text, Update::PARAMETER)
    }

    pub(in super::super) fn projection(&self, text: &str) -> Result<Arc<Parsed<Projection>>> {
        parsed(&self.projections, text, Projection::PARAMETER)
    }
}

fn parsed<T: Grammar>(shelf: &Shelf<T>, text: &str, parameter: &str) -> Result<Arc<Parsed<T>>> {
    let mut kept = lock(shelf);
    if let Some(known) = kept.get(text) {
        return Ok(known.clone());
    }
    let parsed = T::parse(text).map_err(|fault| invalid(format!("Invalid {parameter}: {fault}")))?;
    let parsed = Arc::new(parsed);
    if kept.len() >= TEXTS_MAX {
        kept.clear();
    }
    kept.insert(text.into(), parsed.clone());
    Ok(parsed)
}
