//! What customers and staff ask of an order that is there. Wherever they ask, its owner does it.

use super::{Api, KEY, KEY_SAYS, MARGIN, attempt, idempotency_key};
use crate::{
    commands::Asked,
    domain::{command, create::Attempt},
    error::OrdersError,
};
use axum::extract::State;
use contracts::{
    Code, Order, OrderId,
    bodies::orders::{CancelRequest, PaymentRequest, ReturnRequest},
    journal::Command,
    keys,
};
use http::{HeaderMap, Method};
use platform::{
    ApiError, Customer, Deadline,
    identity::{Admin, Person, Staff},
    json::Json,
    replay::Replay,
    request::Path,
    routes::{Routes, Who, post},
};
use serde::Serialize;

/// What a canceller said who gave no reason.
const NO_REASON: &str = "no reason given";

pub(super) fn routes() -> Routes<Api> {
    Routes::new()
        .route(
            post("/{order_id}/cancel", Who::Person, "Cancels an order, or asks for it")
                .header(KEY, KEY_SAYS, true)
                .takes::<CancelRequest>()
                .gives::<Order>()
                .also(&[409]),
            cancel,
        )
        .route(
            post("/{order_id}/payment", Who::Person, "Pays with another token")
                .header(KEY, KEY_SAYS, true)
                .takes::<PaymentRequest>()
                .gives::<Order>()
                .also(&[402, 409]),
            pay_anew,
        )
        .route(
            post("/{order_id}/returns", Who::Person, "Asks to send goods back")
                .header(KEY, KEY_SAYS, true)
                .takes::<ReturnRequest>()
                .gives::<Order>()
                .also(&[409]),
            send_back,
        )
        .route(
            post("/{order_id}/erase", Who::staff::<Admin>(), "Has every region forget whose order it was")
                .header(KEY, KEY_SAYS, true)
                .gives::<Order>()
                .also(&[409]),
            erase,
        )
}

async fn cancel(
    State(api): State<Api>,
    Customer(person): Customer,
    deadline: Deadline,
    Path(order_id): Path<String>,
    headers: HeaderMap,
    Json(request): Json<CancelRequest>,
) -> Result<Replay<Order>, ApiError> {
    let place = Place::of(&api, &person, &order_id).await?;
    let reason = request.reason.clone().unwrap_or_else(|| NO_REASON.to_owned());
    let command = Command::Cancel { by_staff: place.by_staff, reason };
    place.ask(&api, command, None, "cancel", &request, &headers, deadline).await
}

async fn pay_anew(
    State(api): State<Api>,
    Customer(person): Customer,
    deadline: Deadline,
    Path(order_id): Path<String>,
    headers: HeaderMap,
    Json(request): Json<PaymentRequest>,
) -> Result<Replay<Order>, ApiError> {
    let place = Place::of(&api, &person, &order_id).await?.own()?;
    let token = request.payment_token.clone();
    let command = Command::ReplacePayment { token_hash: keys::token_hash(&token) };
    place.ask(&api, command, Some(token), "payment", &request, &headers, deadline).await
}

async fn send_back(
    State(api): State<Api>,
    Customer(person): Customer,
    deadline: Deadline,
    Path(order_id): Path<String>,
    headers: HeaderMap,
    Json(request): Json<ReturnRequest>,
) -> Result<Replay<Order>, ApiError> {
    let place = Place::of(&api, &person, &order_id).await?.own()?;
    let reason = request.reason.clone().unwrap_or_else(|| NO_REASON.to_owned());
    let command = Command::Return { lines: request.lines.clone(), reason };
    place.ask(&api, command, None, "returns", &request, &headers, deadline).await
}

async fn erase(
    State(api): State<Api>,
    staff: Staff<Admin>,
    deadline: Deadline,
    Path(order_id): Path<String>,
    headers: HeaderMap,
) -> Result<Replay<Order>, ApiError> {
    let place = Place::of(&api, &staff.0, &order_id).await?;
    place.ask(&api, Command::Erase, None, "erase", &(), &headers, deadline).await
}

/// Which order, and who asks.
struct Place {
    order_id: OrderId,
    /// Where the order belongs.
    attempt: Attempt,
    by_staff: bool,
}

impl Place {
    /// Customers see their own orders only, staff see all.
    async fn of(api: &Api, person: &Person, order_id: &str) -> Result<Place, ApiError> {
        let order_id: OrderId = order_id.parse().map_err(|_| OrdersError::NotFound)?;
        let own = attempt(api, person, String::new(), String::new());
        match api.creator.newest(order_id).await? {
            Some(order) if order.user_id != person.user_id && person.groups.contains("admin") => {
                let attempt = Attempt { user: order.user_id, home: order.home, shard: order.shard, ..own };
                Ok(Place { order_id, attempt, by_staff: true })
            }
            Some(order) if order.user_id != person.user_id => Err(OrdersError::NotFound.into()),
            // Where this region does not know it yet, its owner may.
            _ => Ok(Place { order_id, attempt: own, by_staff: false }),
        }
    }

    /// The same, where a customer asks.
    fn own(self) -> Result<Place, ApiError> {
        if self.by_staff { Err(OrdersError::NotFound.into()) } else { Ok(self) }
    }

    #[allow(clippy::too_many_arguments)] // what a request brings
    async fn ask(
        &self,
        api: &Api,
        command: Command,
        payment_token: Option<String>,
        verb: &str,
        body: &impl Serialize,
        headers: &HeaderMap,
        deadline: Deadline,
    ) -> Result<Replay<Order>, ApiError> {
        let asked = &self.asked(command, payment_token, idempotency_key(headers, None)?)?;
        let here = move || self.here(api, asked.clone(), deadline);
        api.at_owner(&self.attempt, headers, deadline, here, move |call, credential, budget| async move {
            let path = format!("/{}/{verb}", self.order_id);
            let call = call.header("idempotency-key", &asked.idempotency_key);
            call.exchange(credential, Method::POST, &path, Some(body), budget).await.map(Replay::from)
        })
        .await
    }

    fn asked(
        &self,
        command: Command,
        payment_token: Option<String>,
        idempotency_key: String,
    ) -> Result<Asked, ApiError> {
        if !keys::valid_idempotency_key(&idempotency_key) {
            let message = "Idempotency-Key must be 1 to 64 of A-Z a-z 0-9 _ -";
            return Err(ApiError::new(Code::BadRequest, message));
        }
        let faults = command::faults(&command);
        if !faults.is_empty() {
            return Err(OrdersError::Invalid(faults).into());
        }
        let of = (!self.by_staff).then(|| self.attempt.user.clone());
        let (order_id, shard) = (self.order_id, self.attempt.shard.clone());
        Ok(Asked { order_id, shard, of, command, payment_token, idempotency_key })
    }

    async fn here(&self, api: &Api, asked: Asked, deadline: Deadline) -> Result<Replay<Order>, OrdersError> {
        let margin = deadline.earlier(MARGIN);
        let held = margin.bound(api.owner.ensure_held(&self.attempt.home, &self.attempt.shard)).await;
        held.map_err(|_| OrdersError::Deadline)??;
        api.commander.carry_out(asked, margin).await
    }
}
