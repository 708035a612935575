//! What is to be had of each product, as of a moment ago: a catalogue page must not cost a stock query for
//! each of its products.

use crate::{
    clients::Clients,
    domain::{Availability, availability},
};
use contracts::ProductId;
use futures::future::join_all;
use platform::Deadline;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::{sync::Mutex, time::Instant};

/// Older than this, it is asked for again.
const FRESH: Duration = Duration::from_secs(2);
/// How long asking may take.
const LIMIT: Duration = Duration::from_millis(300);

/// Units of each product that nobody has spoken for, over all warehouses.
type Units = Arc<HashMap<ProductId, i64>>;

/// The copy of all warehouses' stock.
pub(crate) struct Shelves {
    clients: Clients,
    seen: RwLock<Option<(Instant, Units)>>,
    /// Held by the one request that asks; the others take what was seen before.
    asking: Mutex<()>,
}

impl Shelves {
    pub(crate) fn new(clients: &Clients) -> Self {
        Shelves { clients: clients.clone(), seen: RwLock::default(), asking: Mutex::default() }
    }

    /// How well a product is to be had; nothing, where no warehouse said so yet.
    /// `sold` says whether it is still part of the catalogue.
    pub(crate) async fn availability(
        &self,
        product: ProductId,
        sold: bool,
        deadline: Deadline,
    ) -> Option<Availability> {
        if !self.fresh()
            && let Ok(_asking) = self.asking.try_lock()
        {
            self.ask(deadline.at_most(LIMIT)).await;
        }
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let (_, units) = seen.as_ref()?;
        units.get(&product).map(|units| availability(*units, sold))
    }

    fn fresh(&self) -> bool {
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let now = self.clients.platform().world.instant();
        seen.as_ref().is_some_and(|(at, _)| now.saturating_duration_since(*at) < FRESH)
    }

    async fn ask(&self, deadline: Deadline) {
        let platform = self.clients.platform();
        let warehouses = platform.config.warehouses.iter();
        let levels = join_all(warehouses.map(|known| self.clients.stock_in(&known.id, deadline))).await;
        let mut units: HashMap<ProductId, i64> = HashMap::new();
        for level in levels.into_iter().flatten().flatten() {
            *units.entry(level.product_id).or_default() += level.on_hand - level.reserved;
        }
        // Also a failure is remembered for a while: the old numbers stay and nobody waits for new ones.
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        let known = seen.take().map(|(_, known)| known).filter(|_| units.is_empty());
        *seen = Some((platform.world.instant(), known.unwrap_or_else(|| Arc::new(units))));
    }
}
