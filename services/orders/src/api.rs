//! Routes of the orders service.

mod commands;
mod journal;

use crate::{
    NAME,
    commands::Commander,
    create::{Creator, Told},
    domain::create::{self, Attempt},
    erasure::Eraser,
    error::OrdersError,
    events::Events,
    journal::{
        acceptor::LAST_SIGNS,
        owner::{Owner, Route},
    },
    saga::SagaError,
    store::Store,
};
use axum::extract::State;
use contracts::{
    Code, Order, OrderId, Region, ShardId,
    bodies::{
        Forgotten,
        orders::{CreateOrderRequest, CreateOrderResponse, OrderPage},
    },
    events::Event,
    keys,
};
use http::{HeaderMap, HeaderValue, Method, header};
use platform::{
    ApiError, Customer, Deadline, Platform,
    calls::{CallError, Credential, Target},
    identity::{Admin, Person, Staff},
    json::Json,
    replay::Replay,
    request::{CalledBy, Callers, Path, Query},
    routes::{Routes, Who, get, post},
};
use serde::Deserialize;
use std::{ops::Deref, sync::Arc, time::Duration};

/// Marks a request that came from another region: it is answered here or not at all.
const FORWARDED: &str = "x-forwarded-region";
/// Our calls to the owner end this much before the caller's budget does.
const MARGIN: Duration = Duration::from_millis(10);

/// With less than this left nobody is asked again.
const WORTH_ASKING_AGAIN: Duration = Duration::from_millis(100);
/// A heartbeat may come in meanwhile.
const BEFORE_ASKING_AGAIN: Duration = Duration::from_millis(20);

/// The header that names an attempt or a command.
const KEY: &str = "Idempotency-Key";
/// What it is for.
const KEY_SAYS: &str = "Names the attempt: 1 to 64 of A-Z a-z 0-9 _ -. The same one is done once";

/// The orders service of another region.
struct Ours;

impl Callers for Ours {
    const NAMES: &'static [&'static str] = &[NAME];
}

/// Services that look at orders.
struct Readers;

impl Callers for Readers {
    const NAMES: &'static [&'static str] = &["warehouse", "delivery", "payment", "frontend-api"];
}

/// What the routes work with. Clones are the same: each request takes one.
#[derive(Clone)]
pub struct Api(Arc<Parts>);

impl Api {
    /// Of these parts.
    pub fn new(parts: Parts) -> Self {
        Api(Arc::new(parts))
    }
}

impl Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// What an [`Api`] is made of.
pub struct Parts {
    /// The platform.
    pub platform: Platform,
    /// Orders.
    pub store: Store,
    /// Makes orders.
    pub creator: Creator,
    /// Does what is asked of orders that are there.
    pub commander: Commander,
    /// Forgets people.
    pub eraser: Eraser,
    /// Drives shards.
    pub owner: Owner,
    /// Applies events.
    pub events: Events,
}

/// All routes.
pub fn routes(api: Api) -> Routes {
    Routes::new()
        .route(
            post("/", Who::Person, "Makes an order")
                .header(KEY, KEY_SAYS, false)
                .takes::<CreateOrderRequest>()
                .gives::<CreateOrderResponse>()
                .also(&[402, 403, 409]),
            create_order,
        )
        .route(
            get("/", Who::Person, "A page of the caller's orders, newest first").pages().gives::<OrderPage>(),
            list,
        )
        .route(
            get("/{order_id}", Who::Person, "One of the caller's orders")
                .field::<u64>("minVersion", "At least as new as this")
                .gives::<Order>(),
            read,
        )
        .route(
            get("/by-key/{idempotency_key}", Who::Person, "The order that an attempt made").gives::<Order>(),
            by_key,
        )
        .route(
            get("/attention", Who::staff::<Admin>(), "A page of the orders that a person must look at")
                .pages()
                .gives::<OrderPage>(),
            attention,
        )
        .merge(commands::routes())
        .route(
            get("/backend/{order_id}", Who::services::<Readers>(), "An order").gives::<Order>(),
            read_backend,
        )
        .route(
            post("/backend/events", Who::services::<Ours>(), "Applies an event of another region")
                .takes::<Event>()
                .also(&[409]),
            apply_event,
        )
        .route(
            post("/backend/{order_id}/forget", Who::services::<Ours>(), "Forgets here whose order it was")
                .gives::<Forgotten>(),
            forget,
        )
        .merge(journal::routes())
        .with_state(api)
}

async fn create_order(
    State(api): State<Api>,
    Customer(person): Customer,
    deadline: Deadline,
    headers: HeaderMap,
    Json(request): Json<CreateOrderRequest>,
) -> Result<Replay<CreateOrderResponse>, ApiError> {
    let key = idempotency_key(&headers, request.idempotency_key.as_deref())?;
    let faults = create::faults(&request, &key);
    if !faults.is_empty() {
        return Ok(Replay::first(refused(OrdersError::Invalid(faults))?));
    }
    let attempt = &attempt(&api, &person, key, create::request_hash(&request));
    let (api, request) = (&api, &request);
    let here = move || async move {
        let Told { body, again } = api.creator.create(attempt.clone(), request.clone(), deadline).await;
        let body = body.map(|order| accepted(api, order)).or_else(refused)?;
        Ok(Replay { body, again })
    };
    api.at_owner(attempt, &headers, deadline, here, move |call, credential, budget| async move {
        let call = call.header("idempotency-key", &attempt.idempotency_key);
        call.exchange(credential, Method::POST, "", Some(request), budget).await.map(Replay::from)
    })
    .await
}

async fn forget(
    State(api): State<Api>,
    _: CalledBy<Ours>,
    Path(order_id): Path<OrderId>,
    deadline: Deadline,
) -> Result<Json<Forgotten>, ApiError> {
    let everything = api.eraser.here(order_id, deadline.earlier(MARGIN)).await?;
    Ok(Json(Forgotten { everything }))
}

/// The key of the attempt: header and body must agree where both are there.
fn idempotency_key(headers: &HeaderMap, in_body: Option<&str>) -> Result<String, ApiError> {
    let header = headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    match (header, in_body) {
        (Some(header), Some(body)) if header != body => {
            Err(ApiError::new(Code::BadRequest, "Idempotency-Key and idempotencyKey differ"))
        }
        (Some(key), _) | (None, Some(key)) => Ok(key.to_owned()),
        (None, None) => Err(ApiError::new(Code::BadRequest, "Missing Idempotency-Key")),
    }
}

fn attempt(api: &Api, person: &Person, idempotency_key: String, request_hash: String) -> Attempt {
    let shard = keys::shard_of(&person.home, &person.user_id, api.platform.config.shards);
    Attempt { user: person.user_id.clone(), home: person.home.clone(), shard, idempotency_key, request_hash }
}

/// Who must answer. A forwarded request is not forwarded again: whoever sent it is told to look elsewhere. It may
/// have found an owner silent that this region hears a moment longer.
async fn owner_of(api: &Api, attempt: &Attempt, headers: &HeaderMap) -> Result<Route, OrdersError> {
    let route = api.creator.route(attempt);
    let (Route::There(owner), true) = (&route, headers.contains_key(FORWARDED)) else { return Ok(route) };
    if api.platform.liveness.lives(owner, LAST_SIGNS).await {
        return Err(OrdersError::NotOwner);
    }
    match api.creator.route(attempt) {
        Route::Here => Ok(Route::Here),
        Route::There(_) => Err(OrdersError::NotOwner),
    }
}

fn accepted(api: &Api, order: Order) -> CreateOrderResponse {
    CreateOrderResponse {
        success: true,
        message: "Order created".into(),
        errors: Vec::new(),
        order: Some(order),
        code: None,
        retryable: None,
        durability: Some(api.creator.durability()),
    }
}

/// A definite refusal is an answer; anything else is an error that may be retried.
fn refused(error: OrdersError) -> Result<CreateOrderResponse, OrdersError> {
    if !error.definite() || error.code().retryable() {
        return Err(error);
    }
    let errors = match &error {
        OrdersError::Invalid(faults) => {
            faults.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect()
        }
        other => vec![other.to_string()],
    };
    Ok(CreateOrderResponse {
        success: false,
        message: "Validation errors".into(),
        errors,
        order: None,
        code: Some(error.code()),
        retryable: Some(false),
        durability: None,
    })
}

impl Api {
    /// Has the owner of an attempt's shard answer: `here` where that is this region, which may have to take the shard
    /// over, and `there` where it is another, by a call in our caller's name. Where the shard changes hands meanwhile the
    /// next owner is asked, as long as the deadline lets it.
    async fn at_owner<'a, T, Here, There>(
        &'a self,
        attempt: &Attempt,
        headers: &HeaderMap,
        deadline: Deadline,
        here: impl Fn() -> Here,
        there: impl Fn(Target<'a>, Credential, Deadline) -> There,
    ) -> Result<T, ApiError>
    where
        Here: Future<Output = Result<T, OrdersError>>,
        There: Future<Output = Result<T, CallError>>,
    {
        loop {
            match owner_of(self, attempt, headers).await? {
                Route::Here => match here().await {
                    // The owner was silent to this region only: the others keep it, so it is asked again.
                    Err(OrdersError::NoOwner) if deadline.remaining() > WORTH_ASKING_AGAIN => {
                        tokio::time::sleep(BEFORE_ASKING_AGAIN).await;
                    }
                    answer => return Ok(answer?),
                },
                Route::There(owner) => {
                    let (call, credential) = self.call_owner(&owner, headers);
                    let asked = there(call, credential, deadline.earlier(MARGIN));
                    if let Some(answer) = self.to_owner(&attempt.shard, &owner, asked, deadline).await? {
                        return Ok(answer);
                    }
                }
            }
        }
    }

    /// A call to the owner in the name of our caller, marked as forwarded.
    fn call_owner(&self, owner: &Region, headers: &HeaderMap) -> (Target<'_>, Credential) {
        let token = headers.get(header::AUTHORIZATION).cloned().unwrap_or(HeaderValue::from_static(""));
        let call = self.platform.calls.in_region(owner, NAME);
        (call.header(FORWARDED, self.platform.config.region.as_str()), Credential::Passed(token))
    }

    /// Waits for the owner's answer. Gives nothing where the owner fell silent meanwhile, or says that it is not
    /// the owner: then the route is another.
    async fn to_owner<T>(
        &self,
        shard: &ShardId,
        owner: &Region,
        asked: impl Future<Output = Result<T, CallError>>,
        deadline: Deadline,
    ) -> Result<Option<T>, ApiError> {
        tokio::select! {
            biased; // an answer that is there counts, however silent its giver has been
            answer = asked => match answer {
                Ok(answer) => Ok(Some(answer)),
                Err(CallError::Unreachable { .. }) => {
                    // The connection broke: wait for the verdict of the heartbeats.
                    let verdict = async {
                        tokio::time::sleep(BEFORE_ASKING_AGAIN).await;
                        self.platform.liveness.until_suspected(owner).await;
                    };
                    deadline.earlier(MARGIN).bound(verdict).await?;
                    Ok(None)
                }
                Err(refused) if refused.code() == Some(OrdersError::NotOwner.code()) => {
                    self.owner.disown(shard, owner);
                    Ok(None)
                }
                Err(other) => Err(other.into()),
            },
            () = self.falls_silent(owner) => Ok(None),
        }
    }

    /// Waits until an owner that is heard is heard no more. One that is silent already is asked only where nobody at
    /// all is heard: its answer, or the end of the time budget, is all that can be waited for.
    async fn falls_silent(&self, owner: &Region) {
        if self.platform.liveness.suspected(owner) {
            return std::future::pending().await;
        }
        self.platform.liveness.until_suspected(owner).await;
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListQuery {
    limit: Option<i64>,
    next_token: Option<String>,
}

async fn list(
    State(api): State<Api>,
    Customer(person): Customer,
    Query(query): Query<ListQuery>,
) -> Result<Json<OrderPage>, ApiError> {
    let limit = Store::page_limit(query.limit);
    let page = api.store.of_user(&person.user_id, limit, query.next_token.as_deref()).await?;
    Ok(Json(OrderPage { orders: page.items, next_token: page.next_token }))
}

/// Orders that a person must look at, for administrators.
async fn attention(
    State(api): State<Api>,
    _: Staff<Admin>,
    Query(query): Query<ListQuery>,
) -> Result<Json<OrderPage>, ApiError> {
    let limit = Store::page_limit(query.limit);
    let page = api.store.needing_attention(limit, query.next_token.as_deref()).await?;
    Ok(Json(OrderPage { orders: page.items, next_token: page.next_token }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadQuery {
    min_version: Option<u64>,
}

/// A customer's own order. Where this region is behind, the owner is asked.
async fn read(
    State(api): State<Api>,
    Customer(person): Customer,
    deadline: Deadline,
    Path(order_id): Path<String>,
    Query(query): Query<ReadQuery>,
    headers: HeaderMap,
) -> Result<Json<Order>, ApiError> {
    let order_id: OrderId = order_id.parse().map_err(|_| OrdersError::NotFound)?;
    let wanted = query.min_version.unwrap_or(1);
    let (api, person) = (&api, &person);
    let theirs = move |order: Option<Order>| order.filter(|order| order.user_id == person.user_id);
    let known = &theirs(api.creator.newest(order_id).await?);
    if let Some(order) = known.as_ref().filter(|order| order.version >= wanted) {
        return Ok(Json(order.clone()));
    }
    let attempt = &attempt(api, person, String::new(), String::new());
    let here = move || async move {
        let newest = api.creator.newest_as_owner(attempt, order_id);
        let newest = deadline.earlier(MARGIN).bound(newest).await.map_err(|_| OrdersError::Deadline)??;
        theirs(newest).or(known.clone()).ok_or(OrdersError::NotFound)
    };
    let newest =
        api.at_owner(attempt, &headers, deadline, here, move |call, credential, budget| async move {
            call.get(credential, &format!("/{order_id}?minVersion={wanted}"), budget).await
        });
    // An older version is better than none.
    newest.await.or_else(|cause| known.clone().ok_or(cause)).map(Json)
}

/// The order that an attempt made: resolves an answer that got lost.
async fn by_key(
    State(api): State<Api>,
    Customer(person): Customer,
    deadline: Deadline,
    Path(idempotency_key): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Order>, ApiError> {
    if !keys::valid_idempotency_key(&idempotency_key) {
        return Err(OrdersError::NotFound.into());
    }
    let attempt = attempt(&api, &person, idempotency_key, String::new());
    if let Some(record) = api.store.get(attempt.order_id()).await? {
        return Ok(Json(record.order));
    }
    let (api, attempt) = (&api, &attempt);
    let here = move || async move {
        let found = deadline.earlier(MARGIN).bound(api.creator.find(attempt)).await;
        found.map_err(|_| OrdersError::Deadline)??.ok_or(OrdersError::NotFound)
    };
    api.at_owner(attempt, &headers, deadline, here, move |call, credential, budget| async move {
        call.get(credential, &format!("/by-key/{}", attempt.idempotency_key), budget).await
    })
    .await
    .map(Json)
}

async fn read_backend(
    State(api): State<Api>,
    _: CalledBy<Readers>,
    Path(order_id): Path<String>,
) -> Result<Json<Order>, ApiError> {
    let order_id: OrderId =
        order_id.parse().map_err(|_| ApiError::new(Code::BadRequest, "orderId is not an id"))?;
    let record = api.store.get(order_id).await?.ok_or(OrdersError::NotFound)?;
    Ok(Json(record.order))
}

async fn apply_event(
    State(api): State<Api>,
    _: CalledBy<Ours>,
    Json(event): Json<Event>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let applied = api.events.apply(&event).await;
    applied.map_err(|cause| match cause {
        SagaError::NotOwner => OrdersError::NotOwner.into(),
        other => ApiError::new(Code::InProgress, other.to_string()),
    })?;
    Ok(Json(serde_json::Value::Null))
}
