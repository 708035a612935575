//! The service's tables and items.

use crate::{NAME, domain, error::UsersError};
use contracts::{
    Timestamp, UserId,
    bodies::users::{AgeVerdict, AgeView, CartView},
    events::ProductUnits,
    resources::{Key, Replication, TableSpec},
};
use platform::{
    Platform, Table, TableError, World,
    tables::{Condition, Query, text},
};
use serde::{Deserialize, Serialize};

/// Every table of the service.
pub const TABLES: &[TableSpec] = &[PROFILES, CARTS];

const PROFILES: TableSpec = TableSpec {
    service: NAME,
    table: "profiles",
    partition: Key::text("userId"),
    sort: None,
    indexes: &[],
    replication: Replication::Global,
};

const CARTS: TableSpec = TableSpec {
    service: NAME,
    table: "carts",
    partition: Key::text("cartId"),
    sort: Some(Key::text("productId")),
    indexes: &[],
    replication: Replication::Global,
};

/// How long the cart of a signed-in customer is kept, milliseconds.
const CART_KEPT_MS: i64 = 7 * 24 * 3600 * 1000;
/// Rows of one cart at the most, those without units included.
const CART_ROWS_MAX: usize = 1_000;

/// A customer's row: the verdict, and nothing that could prove it to somebody else.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    user_id: UserId,
    age_verdict: AgeVerdict,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_until: Option<Timestamp>,
    version: u64,
}

/// A product of a cart.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CartRow {
    cart_id: String,
    #[serde(flatten)]
    item: ProductUnits,
    /// Unix seconds.
    ttl: i64,
}

/// The tables of this region.
#[derive(Clone)]
pub(crate) struct Store {
    world: World,
    profiles: Table,
    carts: Table,
}

impl Store {
    pub(crate) fn new(platform: &Platform) -> Self {
        let world = platform.world.clone();
        Store { world, profiles: platform.table(&PROFILES), carts: platform.table(&CARTS) }
    }

    /// What is known of a customer's age as of now.
    pub(crate) async fn age(&self, user_id: &UserId) -> Result<AgeView, TableError> {
        let profile: Option<Profile> = self.profiles.get(self.profiles.key(user_id.as_str(), None)).await?;
        let held =
            profile.map(|profile| AgeView { verdict: profile.age_verdict, valid_until: profile.valid_until });
        Ok(domain::age_at(self.world.now(), held))
    }

    /// Writes a customer's first verdict; one that is there stays.
    pub(crate) async fn put_first_verdict(
        &self,
        user_id: &UserId,
        verdict: AgeVerdict,
    ) -> Result<(), TableError> {
        let profile =
            Profile { user_id: user_id.clone(), age_verdict: verdict, valid_until: None, version: 1 };
        match self.profiles.put(&profile, Condition::new_item("userId")).await {
            Err(TableError::Conflict) => Ok(()),
            written => written,
        }
    }

    /// A cart.
    pub(crate) async fn cart(&self, cart_id: &str) -> Result<CartView, TableError> {
        let query = Query::partition("cartId", text(cart_id)).consistent();
        let rows: Vec<CartRow> = self.carts.query_all(query, CART_ROWS_MAX).await?;
        let now_s = self.world.now().0 / 1000;
        let kept = rows.into_iter().filter(|row| row.item.quantity > 0 && row.ttl > now_s);
        Ok(CartView { cart_id: cart_id.to_owned(), items: kept.map(|row| row.item).collect() })
    }

    /// Puts an item into a cart and gives the cart as it is afterwards.
    pub(crate) async fn put_in_cart(
        &self,
        cart_id: &str,
        item: ProductUnits,
    ) -> Result<CartView, UsersError> {
        let cart = self.cart(cart_id).await?;
        let full = UsersError::CartFull(domain::CART_PRODUCTS_MAX);
        let items = domain::put(cart.items, item).ok_or(full)?;
        let ttl = (self.world.now().0 + CART_KEPT_MS) / 1000;
        // The last word counts, here and in every region: a cart is a wish, not a promise.
        let row = CartRow { cart_id: cart_id.to_owned(), item, ttl };
        self.carts.put(&row, Condition::default()).await?;
        Ok(CartView { cart_id: cart.cart_id, items })
    }
}
