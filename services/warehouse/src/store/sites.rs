//! The warehouses themselves: open or closed. Any region may record that one closed, each in a branch of
//! its own: the home region may be under water.

use super::{Store, TRIES, branch, stock::FIRST_EPOCH};
use crate::error::WarehouseError;
use contracts::{WarehouseId, bodies::warehouse::WarehouseNotice, events::Happening};
use platform::{
    branches::{BRANCHES_MAX, Branched, Branches},
    bus::{self, Aggregate},
    outbox::Pending,
    tables::{Query, TableError, text},
};
use serde::{Deserialize, Serialize};

/// A warehouse, as one region knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Site {
    /// Its id.
    pub(crate) warehouse_id: WarehouseId,
    branch: String,
    version: u64,
    /// Whether it takes reservations.
    pub(crate) open: bool,
    /// Whether its goods are lost.
    #[serde(default)]
    pub(crate) lost: bool,
    /// Why it was closed or opened.
    #[serde(default)]
    pub(crate) reason: String,
    #[serde(flatten)]
    pending: Pending,
}

impl Branched for Site {
    fn branch(&self) -> &str {
        &self.branch
    }
    /// The epoch under which its stock is sold.
    fn epoch(&self) -> u64 {
        branch::epoch(&self.branch)
    }
    fn version(&self) -> u64 {
        self.version
    }
}

/// What becomes of a warehouse.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// It takes reservations again.
    Open(WarehouseNotice),
    /// It takes none.
    Close(WarehouseNotice),
}

impl Notice {
    fn happening(&self, warehouse_id: WarehouseId, continent: String) -> Happening {
        match self {
            Notice::Open(notice) => {
                Happening::WarehouseOpened { warehouse_id, continent, reason: notice.reason.clone() }
            }
            Notice::Close(notice) => {
                let reason =
                    if notice.lost { format!("lost: {}", notice.reason) } else { notice.reason.clone() };
                Happening::WarehouseClosed { warehouse_id, continent, reason }
            }
        }
    }

    /// The row of `branch` after the notice, given the rows of all branches.
    fn after(&self, rows: &Branches<Site>, warehouse_id: &WarehouseId, branch: String) -> Site {
        let (open, notice) = match self {
            Notice::Open(notice) => (true, notice),
            Notice::Close(notice) => (false, notice),
        };
        let own = rows.named(&branch);
        Site {
            warehouse_id: warehouse_id.clone(),
            version: rows.highest().map_or(0, |held| held.version) + 1,
            open,
            lost: !open && notice.lost,
            reason: notice.reason.clone(),
            pending: own.map(|own| own.pending.clone()).unwrap_or_default(),
            branch,
        }
    }
}

impl Store {
    /// A warehouse, by its highest branch.
    pub(crate) async fn site(&self, warehouse_id: &WarehouseId) -> Result<Option<Site>, TableError> {
        Ok(self.site_rows(warehouse_id).await?.highest().cloned())
    }

    async fn site_rows(&self, warehouse_id: &WarehouseId) -> Result<Branches<Site>, TableError> {
        let query = Query::partition("warehouseId", text(warehouse_id.as_str())).consistent();
        Ok(Branches::new(self.sites.query_all(query, BRANCHES_MAX).await?))
    }

    /// Opens or closes a warehouse, once: a repeat is a success without another event.
    pub(crate) async fn notice(
        &self,
        warehouse_id: &WarehouseId,
        notice: &Notice,
    ) -> Result<Site, WarehouseError> {
        let config = &self.platform.config;
        let known = config.warehouse(warehouse_id);
        let known = known.ok_or_else(|| WarehouseError::NoSuchWarehouse(warehouse_id.clone()))?;
        for tried in 0..TRIES {
            self.pause(tried).await;
            let rows = self.site_rows(warehouse_id).await?;
            let own = self.own_branch(rows.highest().map_or(FIRST_EPOCH, Site::epoch));
            let mut after = notice.after(&rows, warehouse_id, own);
            if let Some(held) = rows.highest()
                && (held.open, held.lost) == (after.open, after.lost)
            {
                return Ok(held.clone());
            }
            let happening = notice.happening(warehouse_id.clone(), known.continent.0.clone());
            self.tell_of_site(&mut after, happening);
            if self.put_site(&rows, &after).await? {
                let key = self.sites.key(warehouse_id.as_str(), Some(text(&after.branch)));
                self.sites_outbox.notify(key, &mut after.pending);
                return Ok(after);
            }
        }
        Err(WarehouseError::Contended)
    }

    /// Opens a warehouse that nobody knows yet, without telling.
    pub(crate) async fn put_first_site(&self, warehouse_id: &WarehouseId) -> Result<(), WarehouseError> {
        let notice = Notice::Open(WarehouseNotice { reason: "first opening".into(), lost: false });
        let site = notice.after(&Branches::new(Vec::new()), warehouse_id, self.own_branch(FIRST_EPOCH));
        self.put_site(&Branches::new(Vec::new()), &site).await?;
        Ok(())
    }

    async fn put_site(&self, rows: &Branches<Site>, after: &Site) -> Result<bool, TableError> {
        match self.sites.put(after, rows.unchanged(&after.branch)).await {
            Ok(()) => Ok(true),
            Err(TableError::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn tell_of_site(&self, site: &mut Site, happening: Happening) {
        let id = site.warehouse_id.as_str();
        let aggregate = Aggregate { kind: "warehouse", id, version: site.version, epoch: site.epoch() };
        let event = bus::event(&self.platform, aggregate, id, happening);
        self.sites_outbox.add(&mut site.pending, &event);
    }
}
