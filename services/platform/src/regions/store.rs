//! The table of decisions. It never leaves its region: regions tell each other.

use super::{
    NAME,
    standings::{outranks, same},
};
use crate::{
    Platform, Table, TableError,
    bus::{self, Aggregate},
    outbox::{self, Outbox, Pending},
    tables::{Condition, number, text},
};
use contracts::{
    bodies::ops::RegionStanding,
    events::{Event, Happening},
    resources::{IndexSpec, Key, Replication, TableSpec},
};
use serde::{Deserialize, Serialize};

/// What was decided about each region.
pub(super) const TABLE: TableSpec = TableSpec {
    service: NAME,
    table: "regions",
    partition: Key::text("region"),
    sort: None,
    indexes: &[IndexSpec { name: outbox::INDEX, partition: Key::text("outbox"), sort: Key::number("since") }],
    replication: Replication::Regional,
};

/// Regions that are read at most.
const REGIONS_MAX: usize = 100;
/// Tries of a write that others got in front of.
const TRIES: u32 = 4;

#[derive(Serialize, Deserialize)]
struct Row {
    #[serde(flatten)]
    standing: RegionStanding,
    #[serde(flatten)]
    pending: Pending,
}

/// What became of a decision that was to be stored.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kept {
    /// It stands.
    Stands,
    /// Another one does.
    Other(RegionStanding),
}

/// Reads and writes decisions.
#[derive(Clone)]
pub(super) struct Store {
    platform: Platform,
    table: Table,
    pub(super) outbox: Outbox,
}

impl Store {
    pub(super) fn new(platform: &Platform) -> Self {
        let table = platform.table(&TABLE);
        Store { platform: platform.clone(), outbox: Outbox::new(platform, table.clone()), table }
    }

    pub(super) async fn all(&self) -> Result<Vec<RegionStanding>, TableError> {
        let page = self.table.scan::<Row>(REGIONS_MAX, None).await?;
        Ok(page.items.into_iter().map(|row| row.standing).collect())
    }

    /// Stores a decision that another region told of.
    pub(super) async fn keep(&self, standing: &RegionStanding) -> Result<Kept, TableError> {
        self.write(standing, None).await
    }

    /// Stores a decision that was made here, with its event.
    pub(super) async fn decide(&self, standing: &RegionStanding, by: &str) -> Result<Kept, TableError> {
        let (region, state, epoch) = (standing.region.clone(), standing.state, standing.epoch);
        let aggregate = Aggregate { kind: "region", id: standing.region.as_str(), version: epoch, epoch };
        let happening = Happening::RegionStateChanged { region, state, epoch };
        let event = bus::event(&self.platform, aggregate, by, happening);
        self.write(standing, Some(&event)).await
    }

    /// Stores a decision unless the same or a higher one is there. Events that wait in the row stay in it.
    async fn write(&self, standing: &RegionStanding, event: Option<&Event>) -> Result<Kept, TableError> {
        let key = self.table.key(standing.region.as_str(), None);
        for _ in 0..TRIES {
            let held = self.table.get::<Row>(key.clone()).await?;
            let condition = match &held {
                Some(row) if same(&row.standing, standing) => return Ok(Kept::Stands),
                Some(row) if !outranks(standing, &row.standing) => {
                    return Ok(Kept::Other(row.standing.clone()));
                }
                Some(row) => still(&row.standing),
                None => Condition::new_item("region"),
            };
            let pending = held.map(|row| row.pending).unwrap_or_default();
            let mut row = Row { standing: standing.clone(), pending };
            event.into_iter().for_each(|event| self.outbox.add(&mut row.pending, event));
            match self.table.put(&row, condition).await {
                Ok(()) => {
                    self.outbox.notify(key, &mut row.pending);
                    return Ok(Kept::Stands);
                }
                Err(TableError::Conflict) => {}
                Err(other) => return Err(other),
            }
        }
        Err(TableError::Conflict)
    }
}

/// The row still holds this decision.
fn still(standing: &RegionStanding) -> Condition {
    let held = "epoch = :heldEpoch AND decidedIn = :heldIn";
    Condition::default()
        .and(held)
        .value(":heldEpoch", number(standing.epoch))
        .value(":heldIn", text(standing.decided_in.as_str()))
}
