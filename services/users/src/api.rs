//! Routes.

use crate::{
    age::Ages,
    domain::{self, CartOf},
    error::UsersError,
    store::Store,
};
use axum::extract::State;
use contracts::{
    CartId, UserId,
    bodies::users::{AgeCallback, AgeVerification, AgeView, CartView, Me, MergeRequest},
    events::ProductUnits,
};
use platform::{
    ApiError, Caller, Customer, Deadline, Json,
    identity::AGE_CHECK,
    request::{CalledBy, Callers, Path},
    routes::{self, Routes, Who, get, post},
};

/// Who asks before there is an order.
struct Orders;

impl Callers for Orders {
    const NAMES: &'static [&'static str] = &["orders"];
}

/// This service in other regions.
struct Own;

impl Callers for Own {
    const NAMES: &'static [&'static str] = &[crate::NAME];
}

/// Every route of the service.
pub(crate) fn routes(store: Store, ages: Ages) -> Routes {
    let ages = Routes::new()
        .route(
            post("/me/age-verification", Who::Person, "Where the caller can have their age verified")
                .gives::<AgeVerification>(),
            start_age_verification,
        )
        .route(
            post(
                "/backend/age-verifications/callback",
                Who::Partner(AGE_CHECK),
                "Takes the verdict of the age checker, any number of times",
            )
            .takes::<AgeCallback>(),
            age_found,
        )
        .route(
            post(
                "/backend/age-verifications",
                Who::services::<Own>(),
                "Takes a verdict that came in elsewhere",
            )
            .takes::<AgeCallback>(),
            age_handed_on,
        )
        .with_state(ages);
    Routes::new()
        .route(get("/me", Who::Person, "Who the caller is").gives::<Me>(), me)
        .route(
            get("/backend/{user_id}/age", Who::services::<Orders>(), "What is known of a customer's age")
                .gives::<AgeView>(),
            age,
        )
        .route(get("/cart", Who::Person, "The caller's cart").gives::<CartView>(), cart)
        .route(
            routes::put("/cart/items", Who::Person, "Lays units of a product into the caller's cart")
                .takes::<ProductUnits>()
                .gives::<CartView>(),
            put_in_cart,
        )
        .route(
            post(
                "/cart/merge",
                Who::Person,
                "Lays what is in an anonymous cart into the caller's, and empties it",
            )
            .takes::<MergeRequest>()
            .gives::<CartView>()
            .also(&[409]),
            merge,
        )
        .route(
            post(
                "/carts",
                Who::Anyone,
                "Begins an anonymous cart: whoever knows its id may use it for a day",
            )
            .takes::<ProductUnits>()
            .gives::<CartView>(),
            begin_cart,
        )
        .route(get("/carts/{cart_id}", Who::Anyone, "An anonymous cart").gives::<CartView>(), anonymous_cart)
        .route(
            routes::put(
                "/carts/{cart_id}/items",
                Who::Anyone,
                "Lays units of a product into an anonymous cart",
            )
            .takes::<ProductUnits>()
            .gives::<CartView>(),
            put_in_anonymous_cart,
        )
        .with_state(store)
        .merge(ages)
}

async fn me(State(store): State<Store>, Customer(person): Customer) -> Result<Json<Me>, ApiError> {
    let age_verdict = store.age(&person.user_id).await?.verdict;
    Ok(Json(Me { user_id: person.user_id, age_verdict }))
}

async fn start_age_verification(
    State(ages): State<Ages>,
    Customer(person): Customer,
) -> Result<Json<AgeVerification>, ApiError> {
    Ok(Json(ages.start(person).await?))
}

async fn age_found(
    State(ages): State<Ages>,
    caller: Caller,
    deadline: Deadline,
    body: Result<Json<AgeCallback>, ApiError>,
) -> Result<Json<()>, ApiError> {
    caller.partner(AGE_CHECK)?;
    Ok(Json(ages.found(&body?.0, deadline).await?))
}

async fn age_handed_on(
    State(ages): State<Ages>,
    _: CalledBy<Own>,
    Json(told): Json<AgeCallback>,
) -> Result<Json<()>, ApiError> {
    Ok(Json(ages.handed_on(&told).await?))
}

async fn age(
    State(store): State<Store>,
    _: CalledBy<Orders>,
    Path(user_id): Path<UserId>,
) -> Result<Json<AgeView>, ApiError> {
    Ok(Json(store.age(&user_id).await?))
}

async fn cart(State(store): State<Store>, Customer(person): Customer) -> Result<Json<CartView>, ApiError> {
    Ok(Json(store.cart(&CartOf::Customer(person.user_id)).await?))
}

async fn put_in_cart(
    State(store): State<Store>,
    Customer(person): Customer,
    Json(item): Json<ProductUnits>,
) -> Result<Json<CartView>, ApiError> {
    put(&store, &CartOf::Customer(person.user_id), item).await
}

async fn merge(
    State(store): State<Store>,
    Customer(person): Customer,
    Json(asked): Json<MergeRequest>,
) -> Result<Json<CartView>, ApiError> {
    let anonymous = CartOf::Bearer(asked.anonymous_cart_id);
    Ok(Json(store.merge(&CartOf::Customer(person.user_id), &anonymous).await?))
}

async fn begin_cart(
    State(store): State<Store>,
    Json(item): Json<ProductUnits>,
) -> Result<Json<CartView>, ApiError> {
    put(&store, &CartOf::Bearer(store.new_cart()), item).await
}

async fn anonymous_cart(
    State(store): State<Store>,
    Path(cart_id): Path<CartId>,
) -> Result<Json<CartView>, ApiError> {
    Ok(Json(store.cart(&CartOf::Bearer(cart_id)).await?))
}

async fn put_in_anonymous_cart(
    State(store): State<Store>,
    Path(cart_id): Path<CartId>,
    Json(item): Json<ProductUnits>,
) -> Result<Json<CartView>, ApiError> {
    put(&store, &CartOf::Bearer(cart_id), item).await
}

async fn put(store: &Store, cart: &CartOf, item: ProductUnits) -> Result<Json<CartView>, ApiError> {
    if let Some(fault) = domain::fault(&item) {
        return Err(UsersError::Invalid(fault).into());
    }
    Ok(Json(store.put_in_cart(cart, item).await?))
}
