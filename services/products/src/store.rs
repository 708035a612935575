//! The tables of this service: here the products, and a copy of them in memory for readers.

mod baskets;
mod notices;

pub(crate) use baskets::Baskets;
pub(crate) use notices::{NotTaken, Notices};

use crate::events;
use contracts::{
    Product, ProductId,
    events::Happening,
    resources::{IndexSpec, Key, Replication, TableSpec},
};
use futures::future::try_join_all;
use platform::{
    Platform, Table, TableError,
    outbox::{self, Outbox, Pending},
    tables::Condition,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};

/// The products.
pub(crate) const PRODUCTS: TableSpec = TableSpec {
    service: crate::NAME,
    table: "",
    partition: Key::text("productId"),
    sort: None,
    indexes: &[
        IndexSpec { name: "category", partition: Key::text("category"), sort: Key::text("productId") },
        IndexSpec { name: outbox::INDEX, partition: Key::text("outbox"), sort: Key::number("since") },
    ],
    replication: Replication::Global,
};

/// The tables of this service.
pub const TABLES: &[TableSpec] = &[PRODUCTS, baskets::BASKETS, notices::WISHES, notices::NOTICES];

/// How old the copy may be.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// How old it may be while the table does not answer: an old catalogue is better than none, and prices are
/// compared with the table itself before an order is accepted.
const USABLE_FOR: Duration = Duration::from_secs(300);
/// Products that the copy holds at most.
const PRODUCTS_MAX: usize = 20_000;
/// Products read in one call.
const SCAN_PAGE: usize = 500;

/// All products, in the order of their ids.
pub(crate) type Catalogue = BTreeMap<ProductId, Product>;

/// A product as it is stored: with the events that the bus may not have yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) product: Product,
    #[serde(flatten)]
    pending: Pending,
}

struct Copy {
    read_at: Instant,
    products: Arc<Catalogue>,
}

/// The products of this region.
#[derive(Clone)]
pub(crate) struct Store {
    platform: Platform,
    table: Table,
    outbox: Outbox,
    copy: Arc<Mutex<Option<Copy>>>,
}

impl Store {
    pub(crate) fn new(platform: &Platform) -> Self {
        let table = platform.table(&PRODUCTS);
        let outbox = Outbox::new(platform, table.clone());
        Store { platform: platform.clone(), table, outbox, copy: Arc::default() }
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// The catalogue, at most [`FRESH_FOR`] old while the table answers.
    pub(crate) async fn catalogue(&self) -> Result<Arc<Catalogue>, TableError> {
        // Whoever comes while the table is being read waits for that one reading.
        let mut copy = self.copy.lock().await;
        let now = self.platform.world.instant();
        let age = copy.as_ref().map(|copy| now.saturating_duration_since(copy.read_at));
        if let (Some(held), Some(age)) = (copy.as_ref(), age)
            && age < FRESH_FOR
        {
            return Ok(held.products.clone());
        }
        match self.read_all().await {
            Ok(products) => {
                let products = Arc::new(products);
                *copy = Some(Copy { read_at: now, products: products.clone() });
                Ok(products)
            }
            Err(cause) => match copy.as_ref().filter(|_| age.is_some_and(|age| age < USABLE_FOR)) {
                Some(held) => {
                    tracing::warn!(%cause, "the catalogue cannot be read; an older copy is used");
                    Ok(held.products.clone())
                }
                None => Err(cause),
            },
        }
    }

    async fn read_all(&self) -> Result<Catalogue, TableError> {
        let mut catalogue = Catalogue::new();
        let mut token: Option<String> = None;
        loop {
            let page = self.table.scan::<Product>(SCAN_PAGE, token.as_deref()).await?;
            catalogue.extend(page.items.into_iter().map(|product| (product.product_id, product)));
            token = page.next_token;
            if token.is_none() {
                return Ok(catalogue);
            }
            if catalogue.len() >= PRODUCTS_MAX {
                tracing::error!(limit = PRODUCTS_MAX, "the catalogue is larger than its copy may be");
                return Ok(catalogue);
            }
        }
    }

    /// The products with these ids, read consistently; unknown ones are missing from the answer.
    pub(crate) async fn read_now(
        &self,
        ids: impl Iterator<Item = ProductId>,
    ) -> Result<Catalogue, TableError> {
        let gets = ids.map(|id| self.table.get::<Product>(self.table.key(id.to_string(), None)));
        let found = try_join_all(gets).await?;
        Ok(found.into_iter().flatten().map(|product| (product.product_id, product)).collect())
    }

    /// A product and its pending events, read consistently.
    pub(crate) async fn row(&self, id: ProductId) -> Result<Option<Row>, TableError> {
        self.table.get(self.table.key(id.to_string(), None)).await
    }

    /// Stores the next version of a product over what was read, with its event inside. Readers of this process see it
    /// at once.
    ///
    /// # Errors
    /// [`TableError::Conflict`] when the product changed since it was read.
    pub(crate) async fn save(
        &self,
        held: Option<Row>,
        product: Product,
        happening: Happening,
    ) -> Result<Product, TableError> {
        let condition = match &held {
            Some(held) => Condition::version(held.product.version),
            None => Condition::new_item("productId"),
        };
        let event = events::event(&self.platform, &product, happening);
        let mut row = Row { product, pending: held.map(|held| held.pending).unwrap_or_default() };
        self.outbox.add(&mut row.pending, &event);
        self.table.put(&row, condition).await?;
        let key = self.table.key(row.product.product_id.to_string(), None);
        self.outbox.notify(key, &mut row.pending);
        self.show(&row.product).await;
        Ok(row.product)
    }

    /// Puts a product into the copy, where there is one.
    async fn show(&self, product: &Product) {
        if let Some(copy) = self.copy.lock().await.as_mut() {
            let products = Arc::make_mut(&mut copy.products);
            if products.get(&product.product_id).is_none_or(|shown| shown.version < product.version) {
                products.insert(product.product_id, product.clone());
            }
        }
    }

    /// Writes a product that is not there yet.
    pub(crate) async fn add(&self, product: &Product) -> Result<(), TableError> {
        match self.table.put(product, Condition::new_item("productId")).await {
            Err(TableError::Conflict) => Ok(()),
            done => done,
        }
    }
}
