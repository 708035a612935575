//! The tables of customers' wishes and of the notices that answer them. Each region writes rows of its own in both.

use crate::domain::notices::{Full, ROWS_MAX, Told, Wish, decide, standing};
use contracts::{
    ProductId, Timestamp, UserId,
    resources::{IndexSpec, Key, Replication, TableSpec},
};
use futures::{TryStreamExt, stream};
use platform::{
    Platform, Table, TableError,
    branches::BRANCHES_MAX,
    tables::{Condition, Query, Transaction, text},
};
use serde::{Deserialize, Serialize};

/// Lists who waits for a product, sparse.
const WAITING_INDEX: &str = "waiting";

/// What customers wait for.
pub(super) const WISHES: TableSpec = TableSpec {
    service: crate::NAME,
    table: "wishes",
    partition: Key::text("userId"),
    sort: Some(Key::text("sk")),
    indexes: &[IndexSpec {
        name: WAITING_INDEX,
        partition: Key::text("waitingFor"),
        sort: Key::number("since"),
    }],
    replication: Replication::Global,
};

/// What they were told.
pub(super) const NOTICES: TableSpec = TableSpec {
    service: crate::NAME,
    table: "notices",
    partition: Key::text("userId"),
    sort: Some(Key::text("sk")),
    indexes: &[],
    replication: Replication::Global,
};

/// How long a wish and a notice are kept, milliseconds.
const KEPT_MS: i64 = 180 * 24 * 3600 * 1000;
/// How often a customer's word is tried again when they say something else at the same time.
const TRIES: usize = 3;
/// Customers who are read at a time when a product comes in.
const PAGE: usize = 100;
/// Pages that are read at most: those who asked last come first, and most who are left were told before.
const PAGES_MAX: usize = 50;
/// Customers who are told at the same time.
const AT_ONCE: usize = 8;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WishRow {
    user_id: UserId,
    /// `{productId}#{region}`.
    sk: String,
    #[serde(flatten)]
    wish: Wish,
    /// The product, while this region knows of no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting_for: Option<ProductId>,
    /// Unix milliseconds.
    since: i64,
    /// Unix seconds.
    ttl: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldRow {
    user_id: UserId,
    /// `{productId}#{version}#{region}`.
    sk: String,
    #[serde(flatten)]
    told: Told,
    /// Unix seconds.
    ttl: i64,
}

/// Why a customer's word is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    #[error(transparent)]
    Full(#[from] Full),
    #[error(transparent)]
    Table(#[from] TableError),
}

/// Who waits for what, and who was told.
#[derive(Clone)]
pub(crate) struct Notices {
    platform: Platform,
    wishes: Table,
    told: Table,
}

impl Notices {
    pub(crate) fn new(platform: &Platform) -> Self {
        let (wishes, told) = (platform.table(&WISHES), platform.table(&NOTICES));
        Notices { platform: platform.clone(), wishes, told }
    }

    /// A transaction that begins with nothing.
    pub(crate) fn begin(&self) -> Transaction {
        self.told.transaction()
    }

    /// Takes a customer's word on whether they wait for a product.
    pub(crate) async fn ask(&self, user: &UserId, product_id: ProductId, on: bool) -> Result<(), NotTaken> {
        let mut tries = 1;
        loop {
            match self.try_ask(user, product_id, on).await {
                Err(NotTaken::Table(TableError::Conflict)) if tries < TRIES => tries += 1,
                done => return done,
            }
        }
    }

    async fn try_ask(&self, user: &UserId, product_id: ProductId, on: bool) -> Result<(), NotTaken> {
        let (wishes, told) = futures::try_join!(self.wishes_of(user), self.told_to(user))?;
        let Some(version) = decide(&wishes, &told, product_id, on)? else { return Ok(()) };
        let region = self.platform.config.region.clone();
        let own = |wish: &&Wish| wish.product_id == product_id && wish.region == region;
        let unchanged = wishes.iter().find(own).map(|own| own.version);
        let unchanged = unchanged.map_or_else(|| Condition::new_item("sk"), Condition::version);
        let (now, sk) = (self.platform.world.now(), format!("{product_id}#{region}"));
        let wish = Wish { product_id, region, version, on };
        let (waiting_for, ttl) = (on.then_some(product_id), ttl(now));
        let row = WishRow { user_id: user.clone(), sk, wish, waiting_for, since: now.0, ttl };
        Ok(self.wishes.put(&row, unchanged).await?)
    }

    async fn wishes_of(&self, user: &UserId) -> Result<Vec<Wish>, TableError> {
        let rows: Vec<WishRow> = self.wishes.query_all(of(user).consistent(), ROWS_MAX).await?;
        Ok(rows.into_iter().map(|row| row.wish).collect())
    }

    /// What a customer was told, by any region.
    pub(crate) async fn told_to(&self, user: &UserId) -> Result<Vec<Told>, TableError> {
        let rows: Vec<ToldRow> = self.told.query_all(of(user).consistent(), ROWS_MAX).await?;
        Ok(rows.into_iter().map(|row| row.told).collect())
    }

    /// Tells everybody who waits for a product that it came in. A repeat tells nobody again.
    pub(crate) async fn tell(&self, product_id: ProductId) -> Result<(), TableError> {
        let waiting = Query::partition("waitingFor", text(product_id.to_string())).index(WAITING_INDEX);
        let (waiting, mut token) = (waiting.newest_first().limit(PAGE), None);
        for _ in 0..PAGES_MAX {
            let page = self.wishes.query::<WishRow>(waiting.clone().after(token.as_deref())?).await?;
            let rows = stream::iter(page.items.into_iter().map(Ok));
            rows.try_for_each_concurrent(AT_ONCE, |row| self.tell_one(row)).await?;
            token = page.next_token;
            if token.is_none() {
                return Ok(());
            }
        }
        tracing::error!(%product_id, limit = PAGE * PAGES_MAX, "more customers wait than are told at once");
        Ok(())
    }

    /// Tells the customer of a row, if their wish still stands.
    async fn tell_one(&self, row: WishRow) -> Result<(), TableError> {
        let product_id = row.wish.product_id;
        let query = of(&row.user_id).begins_with("sk", format!("{product_id}#")).consistent();
        let rows: Vec<WishRow> = self.wishes.query_all(query, BRANCHES_MAX).await?;
        let standing = standing(rows.iter().map(|row| &row.wish)).into_values().next();
        if let Some(wish) = standing.filter(|wish| wish.on) {
            self.put_told(&row.user_id, wish).await?;
        }
        self.no_longer_waiting(row).await
    }

    async fn put_told(&self, user: &UserId, wish: &Wish) -> Result<(), TableError> {
        let (now, Wish { product_id, version, .. }) = (self.platform.world.now(), wish);
        let sk = format!("{product_id}#{version:012}#{}", self.platform.config.region);
        let told = Told { product_id: *product_id, version: *version, at: now };
        let row = ToldRow { user_id: user.clone(), sk, told, ttl: ttl(now) };
        done_before(self.told.put(&row, Condition::new_item("sk")).await)
    }

    /// Takes a row out of the index, where it is this region's own. Others stay until their regions do so or they run
    /// out: they are passed over.
    async fn no_longer_waiting(&self, row: WishRow) -> Result<(), TableError> {
        if row.wish.region != self.platform.config.region {
            return Ok(());
        }
        let unchanged = Condition::version(row.wish.version);
        done_before(self.wishes.put(&WishRow { waiting_for: None, ..row }, unchanged).await)
    }
}

fn of(user: &UserId) -> Query {
    Query::partition("userId", text(user.as_str()))
}

fn ttl(now: Timestamp) -> i64 {
    (now.0 + KEPT_MS) / 1000
}

/// Somebody else did it, or the customer has said something else since.
fn done_before(written: Result<(), TableError>) -> Result<(), TableError> {
    match written {
        Err(TableError::Conflict) => Ok(()),
        written => written,
    }
}
