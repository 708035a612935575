//! The service's tables and items.

use crate::{
    NAME,
    domain::{self, CartOf},
    error::UsersError,
    events,
    reference::Reference,
};
use contracts::{
    CartId, Timestamp, UserId,
    bodies::users::{AgeCallback, AgeVerdict, AgeView, CartView},
    events::{Event, ProductUnits},
    resources::{IndexSpec, Key, Replication, TableSpec},
};
use platform::{
    Platform, Table, TableError,
    outbox::{self, Outbox, Pending},
    tables::{Condition, Query, TransactError, number, text},
    user_pool::NewUser,
};
use serde::{Deserialize, Serialize};

/// Every table of the service.
pub const TABLES: &[TableSpec] = &[PROFILES, CARTS];

const PROFILES: TableSpec = TableSpec {
    service: NAME,
    table: "profiles",
    partition: Key::text("userId"),
    sort: None,
    indexes: &[IndexSpec { name: outbox::INDEX, partition: Key::text("outbox"), sort: Key::number("since") }],
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

/// Changes of one profile hardly ever meet.
const PROFILE_TRIES: u32 = 3;
/// Rows of one cart at the most, those without units included.
const CART_ROWS_MAX: usize = 1_000;

/// A customer's row: since when they are one and the verdict, and nothing that could prove it to somebody else. Their
/// e-mail address is the user pool's: here it stands only in the event that tells of them, until the bus has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    user_id: UserId,
    age_verdict: AgeVerdict,
    /// When the sign-up was confirmed, where this service was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_until: Option<Timestamp>,
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found: Option<Found>,
    #[serde(flatten)]
    pending: Pending,
}

impl Profile {
    /// Of a customer of whom nothing is stored yet.
    fn nothing_known(user_id: &UserId) -> Self {
        Profile {
            user_id: user_id.clone(),
            age_verdict: AgeVerdict::Pending,
            created_at: None,
            valid_until: None,
            version: 0,
            found: None,
            pending: Pending::default(),
        }
    }
}

/// How the verdict came about.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    method: String,
    provider_ref: String,
    at: Timestamp,
    /// When the reference was made that the verdict answers.
    reference_at: Timestamp,
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
    platform: Platform,
    profiles: Table,
    carts: Table,
    outbox: Outbox,
}

impl Store {
    pub(crate) fn new(platform: &Platform) -> Self {
        let profiles = platform.table(&PROFILES);
        let outbox = Outbox::new(platform, profiles.clone());
        Store { platform: platform.clone(), profiles, carts: platform.table(&CARTS), outbox }
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// What is known of a customer's age as of now.
    pub(crate) async fn age(&self, user_id: &UserId) -> Result<AgeView, TableError> {
        let profile: Option<Profile> = self.profiles.get(self.profiles.key(user_id.as_str(), None)).await?;
        let held =
            profile.map(|profile| AgeView { verdict: profile.age_verdict, valid_until: profile.valid_until });
        Ok(domain::age_at(self.platform.world.now(), held))
    }

    /// Writes a customer's first verdict; one that is there stays.
    pub(crate) async fn put_first_verdict(
        &self,
        user_id: &UserId,
        verdict: AgeVerdict,
    ) -> Result<(), TableError> {
        let profile = Profile { age_verdict: verdict, version: 1, ..Profile::nothing_known(user_id) };
        match self.profiles.put(&profile, Condition::new_item("userId")).await {
            Err(TableError::Conflict) => Ok(()),
            written => written,
        }
    }

    /// Writes that a customer has signed up, with the event that tells of it, once.
    ///
    /// # Errors
    /// A conflict where others keep changing the profile; others as for any call.
    pub(crate) async fn put_customer(&self, user: &NewUser) -> Result<(), TableError> {
        again(|| self.try_customer(user)).await
    }

    async fn try_customer(&self, user: &NewUser) -> Result<(), TableError> {
        let held = self.profile(&user.user_id).await?;
        if held.as_ref().is_some_and(|held| held.created_at.is_some()) {
            return Ok(());
        }
        let unchanged = unchanged(held.as_ref());
        let held = held.unwrap_or_else(|| Profile::nothing_known(&user.user_id));
        let event = events::created(&self.platform, user, held.version + 1);
        let created_at = Some(self.platform.world.now());
        self.put_profile(Profile { created_at, version: held.version + 1, ..held }, &event, unchanged).await
    }

    async fn profile(&self, user_id: &UserId) -> Result<Option<Profile>, TableError> {
        self.profiles.get(self.profiles.key(user_id.as_str(), None)).await
    }

    /// Stores the next version of a profile with its event.
    async fn put_profile(
        &self,
        mut profile: Profile,
        event: &Event,
        unchanged: Condition,
    ) -> Result<(), TableError> {
        self.outbox.add(&mut profile.pending, event);
        self.profiles.put(&profile, unchanged).await?;
        let key = self.profiles.key(profile.user_id.as_str(), None);
        self.outbox.notify(key, &mut profile.pending);
        Ok(())
    }

    /// Writes a verdict, with the event that tells of it, unless one on the same or a later reference is there.
    ///
    /// # Errors
    /// A conflict where other verdicts keep coming; others as for any call.
    pub(crate) async fn put_verdict(
        &self,
        reference: &Reference,
        told: &AgeCallback,
    ) -> Result<(), TableError> {
        again(|| self.try_verdict(reference, told)).await
    }

    async fn try_verdict(&self, reference: &Reference, told: &AgeCallback) -> Result<(), TableError> {
        let held = self.profile(&reference.user_id).await?;
        let held_at = held.as_ref().and_then(|held| Some(held.found.as_ref()?.reference_at));
        if !domain::is_newer(held_at, reference.at) {
            return Ok(());
        }
        let unchanged = unchanged(held.as_ref());
        let held = held.unwrap_or_else(|| Profile::nothing_known(&reference.user_id));
        let event = events::verdict(&self.platform, &reference.user_id, held.version + 1, told);
        let profile = Profile {
            age_verdict: told.verdict,
            valid_until: told.valid_until,
            version: held.version + 1,
            found: Some(Found {
                method: told.method.clone(),
                provider_ref: told.provider_reference.clone(),
                at: self.platform.world.now(),
                reference_at: reference.at,
            }),
            ..held
        };
        self.put_profile(profile, &event, unchanged).await
    }

    /// The id of a new anonymous cart: nobody can guess it.
    pub(crate) fn new_cart(&self) -> CartId {
        let mut bytes = [0; 16];
        self.platform.world.random_bytes(&mut bytes);
        CartId(uuid::Builder::from_random_bytes(bytes).into_uuid())
    }

    /// A cart.
    pub(crate) async fn cart(&self, cart: &CartOf) -> Result<CartView, TableError> {
        let query = Query::partition("cartId", text(cart.key())).consistent();
        let rows: Vec<CartRow> = self.carts.query_all(query, CART_ROWS_MAX).await?;
        let now_s = self.now_s();
        let kept = rows.into_iter().filter(|row| row.item.quantity > 0 && row.ttl > now_s);
        Ok(CartView { cart_id: cart.id(), items: kept.map(|row| row.item).collect() })
    }

    /// Puts an item into a cart and gives the cart as it is afterwards.
    pub(crate) async fn put_in_cart(
        &self,
        cart: &CartOf,
        item: ProductUnits,
    ) -> Result<CartView, UsersError> {
        let held = self.cart(cart).await?;
        let full = UsersError::CartFull(domain::CART_PRODUCTS_MAX);
        let items = domain::put(held.items, item).ok_or(full)?;
        // The last word counts, here and in every region: a cart is a wish, not a promise.
        self.carts.put(&self.row(cart, item), Condition::default()).await?;
        Ok(CartView { cart_id: held.cart_id, items })
    }

    /// Lays what is in an anonymous cart into a customer's, and empties it. Once it is empty, this changes nothing.
    ///
    /// # Errors
    /// [`UsersError::CartFull`] where not all of it has room, a conflict where somebody changes one of the carts
    /// meanwhile: then nothing has changed.
    pub(crate) async fn merge(&self, own: &CartOf, anonymous: &CartOf) -> Result<CartView, UsersError> {
        let (held, added) = futures::try_join!(self.cart(own), self.cart(anonymous))?;
        let full = UsersError::CartFull(domain::CART_PRODUCTS_MAX);
        let changes = domain::merge(&held.items, &added.items).ok_or(full)?;
        let mut transaction = self.carts.transaction();
        for item in changes {
            let no_more = self.no_more_than(item.quantity);
            transaction = transaction.put(&self.carts, &self.row(own, item), no_more)?;
        }
        for item in added.items {
            let (as_read, emptied) = (units_are(item.quantity), ProductUnits { quantity: 0, ..item });
            transaction = transaction.put(&self.carts, &self.row(anonymous, emptied), as_read)?;
        }
        if !transaction.is_empty() {
            transaction.commit().await.map_err(changed_meanwhile)?;
        }
        Ok(self.cart(own).await?)
    }

    fn row(&self, cart: &CartOf, item: ProductUnits) -> CartRow {
        let ttl = (self.platform.world.now().0 + cart.kept_ms()) / 1000;
        CartRow { cart_id: cart.key(), item, ttl }
    }

    /// The row holds no more units than this, or none that still count.
    fn no_more_than(&self, units: u32) -> Condition {
        let condition =
            Condition::default().and("attribute_not_exists(#units) OR #units <= :units OR #ttl <= :now");
        let condition = condition.name("#units", "quantity").name("#ttl", "ttl");
        condition.value(":units", number(units)).value(":now", number(self.now_s()))
    }

    /// The time, Unix seconds.
    fn now_s(&self) -> i64 {
        self.platform.world.now().0 / 1000
    }
}

/// The condition for writing a profile: unchanged since it was read, or new.
fn unchanged(held: Option<&Profile>) -> Condition {
    held.map_or_else(|| Condition::new_item("userId"), |held| Condition::version(held.version))
}

/// Tries a change of a profile again where others were faster.
async fn again<F: Future<Output = Result<(), TableError>>>(change: impl Fn() -> F) -> Result<(), TableError> {
    let mut tries = 1;
    loop {
        match change().await {
            Err(TableError::Conflict) if tries < PROFILE_TRIES => tries += 1,
            done => return done,
        }
    }
}

fn units_are(units: u32) -> Condition {
    Condition::default().and("#units = :units").name("#units", "quantity").value(":units", number(units))
}

/// It may be our own earlier try: whoever tries again finds an empty cart then.
fn changed_meanwhile(error: TransactError) -> UsersError {
    match error {
        TransactError::Cancelled(_) | TransactError::Busy => UsersError::CartChanged,
        TransactError::Table(cause) => cause.into(),
    }
}
