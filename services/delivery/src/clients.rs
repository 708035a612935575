//! Calls to the carrier.

use crate::{
    domain::{Delivery, dispatch_key},
    error::Error,
};
use contracts::{Address, OrderId, WarehouseId, events::ProductUnits};
use platform::{
    Deadline, Platform,
    calls::{CallError, Credential, Target},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One call at most.
const CALL_LIMIT: Duration = Duration::from_secs(2);
/// What is kept of the caller's budget to store the outcome.
const MARGIN: Duration = Duration::from_millis(60);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DispatchRequest<'a> {
    key: String,
    order_id: OrderId,
    address: &'a Address,
    lines: &'a [ProductUnits],
    warehouse_id: &'a WarehouseId,
    adult_signature: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dispatched {
    tracking_id: String,
}

/// What left, as the carrier knows it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Left {
    pub(crate) tracking_id: String,
    /// When it was handed over, if it was.
    #[serde(default)]
    delivered_at_ms: Option<i64>,
    #[serde(default)]
    signed_by_adult: bool,
    /// Why it was brought back, if it was.
    #[serde(default)]
    pub(crate) returned_because: Option<String>,
}

impl Left {
    /// Whether it was handed over, and if so whether an adult signed.
    pub(crate) fn delivered(&self) -> Option<bool> {
        self.delivered_at_ms.map(|_| self.signed_by_adult)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DeliveredRequest {
    adult_signature: bool,
}

#[derive(Serialize)]
struct ReturnedRequest<'a> {
    reason: &'a str,
}

#[derive(Deserialize)]
struct VoidAnswer {
    voided: bool,
    /// Whether it was voided before.
    #[serde(default)]
    replayed: bool,
}

/// What became of a void.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Voided {
    /// The key is voided now; nobody did that before.
    First,
    /// Somebody had voided it before, and may have gone on to the next number.
    Again,
    /// Too late: it left, with this tracking id.
    TooLate(String),
}

/// The carrier.
#[derive(Clone)]
pub(crate) struct Carrier {
    platform: Platform,
}

impl Carrier {
    pub(crate) fn new(platform: &Platform) -> Self {
        Carrier { platform: platform.clone() }
    }

    /// Tells the carrier that a parcel was handed over: whoever follows this region will ask there. Says whether it
    /// agrees; else the parcel was brought back before.
    pub(crate) async fn delivered(
        &self,
        tracking_id: &str,
        adult_signature: bool,
        deadline: Deadline,
    ) -> Result<bool, Error> {
        self.tell(tracking_id, "delivered", &DeliveredRequest { adult_signature }, deadline).await
    }

    /// Tells the carrier that a parcel is brought back. Says whether it agrees; else it was handed over before.
    pub(crate) async fn returned(
        &self,
        tracking_id: &str,
        reason: &str,
        deadline: Deadline,
    ) -> Result<bool, Error> {
        self.tell(tracking_id, "returned", &ReturnedRequest { reason }, deadline).await
    }

    async fn tell(
        &self,
        tracking_id: &str,
        what: &str,
        body: &impl Serialize,
        deadline: Deadline,
    ) -> Result<bool, Error> {
        let path = format!("/dispatches/{tracking_id}/{what}");
        let told =
            self.target().post::<serde_json::Value>(Credential::None, &path, body, bounded(deadline)).await;
        match told {
            Ok(_) => Ok(true),
            Err(CallError::Unexpected { status: 409, .. }) => Ok(false),
            Err(cause) => Err(cause.into()),
        }
    }

    /// What left with a key, where something did.
    pub(crate) async fn find(
        &self,
        order_id: OrderId,
        number: u32,
        deadline: Deadline,
    ) -> Result<Option<Left>, Error> {
        let path = format!("/dispatches/by-key/{}", dispatch_key(order_id, number));
        let answer = self.target().get::<Left>(Credential::None, &path, bounded(deadline)).await;
        match answer {
            Ok(left) => Ok(Some(left)),
            Err(CallError::Unexpected { status: 404, .. }) => Ok(None),
            Err(cause) => Err(cause.into()),
        }
    }

    /// Hands a parcel over, once for its key. `None` where the key is voided.
    pub(crate) async fn dispatch(
        &self,
        order_id: OrderId,
        delivery: &Delivery,
        deadline: Deadline,
    ) -> Result<Option<String>, Error> {
        let request = DispatchRequest {
            key: dispatch_key(order_id, delivery.dispatch),
            order_id,
            address: &delivery.address,
            lines: &delivery.lines,
            warehouse_id: &delivery.warehouse_id,
            adult_signature: delivery.requires_adult_signature,
        };
        let sent = self.target().post(Credential::None, "/dispatches", &request, bounded(deadline)).await;
        match sent {
            Ok(Dispatched { tracking_id }) => Ok(Some(tracking_id)),
            Err(CallError::Unexpected { status: 409, .. }) => Ok(None),
            // The key was used from another warehouse: that parcel is the one that left.
            Err(CallError::Unexpected { status: 422, .. }) => {
                let left = self.find(order_id, delivery.dispatch, deadline).await?;
                Ok(left.map(|left| left.tracking_id))
            }
            Err(cause) => Err(cause.into()),
        }
    }

    /// Makes sure that nothing is ever dispatched with a key, unless it left already.
    pub(crate) async fn void(
        &self,
        order_id: OrderId,
        number: u32,
        deadline: Deadline,
    ) -> Result<Voided, Error> {
        let path = format!("/dispatches/by-key/{}/void", dispatch_key(order_id, number));
        let sent = self.target().post::<VoidAnswer>(Credential::None, &path, &(), bounded(deadline)).await;
        match sent {
            Ok(VoidAnswer { voided: true, replayed: false }) => Ok(Voided::First),
            Ok(VoidAnswer { voided: true, replayed: true }) => Ok(Voided::Again),
            Ok(VoidAnswer { voided: false, .. }) => {
                Err(Error::Carrier("a void was answered with neither yes nor no"))
            }
            Err(CallError::Unexpected { status: 409, .. }) => {
                let left = self.find(order_id, number, deadline).await?;
                left.map(|left| Voided::TooLate(left.tracking_id))
                    .ok_or(Error::Carrier("a key cannot be voided, yet nothing left with it"))
            }
            Err(cause) => Err(cause.into()),
        }
    }

    fn target(&self) -> Target<'_> {
        let config = &self.platform.config;
        let target = self.platform.calls.outside("carrier", &config.carrier_url);
        target.header("x-api-key", &config.secrets.provider_key)
    }
}

fn bounded(deadline: Deadline) -> Deadline {
    deadline.earlier(MARGIN).at_most(CALL_LIMIT)
}
