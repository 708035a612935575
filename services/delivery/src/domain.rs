//! The life of a delivery. No HTTP, no storage, no clock.
//!
//! An order is dispatched with the key `{orderId}:dispatch`. Where that key had to be voided, because the
//! goods were lost before they left, the next one is `{orderId}:dispatch:2`, and so on: a number is only used
//! after the one before was voided at the carrier, and a voided key never dispatches. So at most one parcel
//! leaves, whoever asks.

use crate::clients::Left;
use contracts::{
    Address, FieldError, OrderId, WarehouseId,
    bodies::delivery::{DeliveryReport, DeliveryStatus, DeliveryView, ReleaseRequest, ReturnReport},
    events::ProductUnits,
};
use serde::{Deserialize, Serialize};

/// A reason's length at most, bytes.
const REASON_BYTES_MAX: usize = 500;

/// A delivery as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    pub(crate) status: DeliveryStatus,
    pub(crate) address: Address,
    pub(crate) lines: Vec<ProductUnits>,
    pub(crate) warehouse_id: WarehouseId,
    pub(crate) requires_adult_signature: bool,
    /// The number of the key that it leaves, or will never leave, with.
    pub(crate) dispatch: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tracking_id: Option<String>,
    /// Whether an adult signed, once delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) adult_signature: Option<bool>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What the customer sent back, once delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) came_back: Option<ReturnReport>,
}

/// The carrier's key for an order's dispatch of this number.
pub(crate) fn dispatch_key(order_id: OrderId, number: u32) -> String {
    match number {
        0 | 1 => format!("{order_id}:dispatch"),
        number => format!("{order_id}:dispatch:{number}"),
    }
}

impl Delivery {
    /// Forgets whom it went to, and what people wrote.
    pub(crate) fn forget_person(&mut self) {
        self.address.forget_person();
        self.reason = None;
    }

    fn new(request: &ReleaseRequest, dispatch: u32) -> Self {
        Delivery {
            status: DeliveryStatus::New,
            address: request.address.clone(),
            lines: request.lines.clone(),
            warehouse_id: request.warehouse_id.clone(),
            requires_adult_signature: request.requires_adult_signature,
            dispatch,
            tracking_id: None,
            adult_signature: None,
            reason: None,
            came_back: None,
        }
    }

    /// The same delivery, on its way.
    pub(crate) fn started(self, tracking_id: String) -> Self {
        Delivery { status: DeliveryStatus::InProgress, tracking_id: Some(tracking_id), ..self }
    }

    /// The same delivery, as far as the carrier says that it is.
    pub(crate) fn followed(self, left: &Left) -> Self {
        let started = self.started(left.tracking_id.clone());
        match (left.delivered(), &left.returned_because) {
            (Some(signed), _) => {
                Delivery { status: DeliveryStatus::Completed, adult_signature: Some(signed), ..started }
            }
            (None, Some(reason)) => {
                Delivery { status: DeliveryStatus::Failed, reason: Some(reason.clone()), ..started }
            }
            (None, None) => started,
        }
    }

    /// The same delivery, which will never leave.
    pub(crate) fn voided(self, dispatch: u32) -> Self {
        Delivery { status: DeliveryStatus::Voided, dispatch, ..self }
    }

    /// Whether the carrier was, or may have been, told.
    fn left(&self) -> bool {
        matches!(self.status, DeliveryStatus::InProgress | DeliveryStatus::Completed | DeliveryStatus::Failed)
    }

    /// With what came back, where that was not known yet.
    pub(crate) fn with_return(self, came_back: Option<ReturnReport>) -> Self {
        Delivery { came_back: self.came_back.clone().or(came_back), ..self }
    }

    /// As callers see it.
    pub(crate) fn view(&self, order_id: OrderId, version: u64) -> DeliveryView {
        DeliveryView {
            order_id,
            status: self.status,
            address: self.address.clone(),
            tracking_id: self.tracking_id.clone(),
            requires_adult_signature: self.requires_adult_signature,
            warehouse_id: self.warehouse_id.clone(),
            came_back: self.came_back.clone(),
            version,
        }
    }
}

/// What is known of a delivery when a release arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Held<'a> {
    /// Nothing.
    Nothing,
    /// What an earlier owner stored.
    Earlier(&'a Delivery),
    /// What was stored under the same epoch.
    Own(&'a Delivery),
}

/// What to do about a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// It is as it should be.
    Stands,
    /// Store this.
    Store(Delivery),
    /// Ask the carrier whether it left already; store it as it is, or as started.
    Ask(Delivery),
    /// Void its key, and store it as voided, or as started where it left already.
    Void(Delivery),
}

/// Decides about a release.
pub(crate) fn release(held: Held<'_>, request: &ReleaseRequest) -> Release {
    let (known, own) = match held {
        Held::Nothing => (None, false),
        Held::Earlier(delivery) => (Some(delivery), false),
        Held::Own(delivery) => (Some(delivery), true),
    };
    if let Some(known) = known.filter(|known| known.left()) {
        return if own { Release::Stands } else { Release::Store(known.clone()) };
    }
    let voided = known.is_some_and(|known| known.status == DeliveryStatus::Voided);
    let last = known.map_or(1, |known| known.dispatch.max(1));
    let next = Delivery::new(request, if voided { last + 1 } else { last });
    match (own, voided, request.dispatchable) {
        (true, true, false) => Release::Stands,
        (_, _, false) => Release::Void(next),
        // Nobody but this owner moved it since the carrier was asked.
        (true, false, true) if known == Some(&next) => Release::Stands,
        (true, false, true) => Release::Store(next),
        (_, _, true) => Release::Ask(next),
    }
}

/// What a courier reports.
#[derive(Clone, Debug)]
pub(crate) enum Report {
    /// The parcel is handed over to the carrier.
    Start,
    /// The parcel arrived.
    Complete(DeliveryReport),
    /// The parcel did not arrive.
    Fail(DeliveryReport),
    /// Goods came back from the customer.
    Return(ReturnReport),
}

/// What to do about a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// It was reported before.
    Stands,
    /// Hand it over to the carrier, then store it as started.
    HandOver,
    /// We do not know that it left: ask the carrier first.
    Ask,
    /// Store this.
    Store(Box<Delivery>),
}

/// Why a report is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The delivery is in a state that does not allow it.
    Status(DeliveryStatus),
    /// Other goods came back before.
    ReturnedBefore,
    /// The report breaks a rule.
    Invalid(FieldError),
}

/// Decides about a report.
pub(crate) fn report(held: &Delivery, report: &Report) -> Result<Step, Refused> {
    use DeliveryStatus::{Completed, Failed, InProgress, New, Voided};
    match (report, held.status) {
        (Report::Start, New) => Ok(Step::HandOver),
        (Report::Start, InProgress | Completed) => Ok(Step::Stands),
        (Report::Complete(_), Completed) | (Report::Fail(_), Failed) => Ok(Step::Stands),
        (Report::Complete(_) | Report::Fail(_), New) => Ok(Step::Ask),
        (Report::Complete(said), InProgress) => completed(held, said).map(Box::new).map(Step::Store),
        (Report::Fail(said), InProgress) => failed(held, said).map(Box::new).map(Step::Store),
        (Report::Return(said), Completed) => came_back(held, said),
        (Report::Return(_), status) => Err(Refused::Status(status)),
        (_, status @ (Completed | Failed | Voided)) => Err(Refused::Status(status)),
    }
}

fn completed(held: &Delivery, said: &DeliveryReport) -> Result<Delivery, Refused> {
    if held.requires_adult_signature && said.adult_signature != Some(true) {
        let fault = FieldError::new("adultSignature", "REQUIRED", "must be true: only an adult may take it");
        return Err(Refused::Invalid(fault));
    }
    let (status, adult_signature) = (DeliveryStatus::Completed, said.adult_signature);
    Ok(Delivery { status, adult_signature, ..held.clone() })
}

/// Goods come back once.
fn came_back(held: &Delivery, said: &ReturnReport) -> Result<Step, Refused> {
    match &held.came_back {
        Some(known) if known == said => return Ok(Step::Stands),
        Some(_) => return Err(Refused::ReturnedBefore),
        None => {}
    }
    let sent = |units: &ProductUnits| {
        let sent = held.lines.iter().find(|line| line.product_id == units.product_id);
        sent.map_or(0, |line| line.quantity)
    };
    let wrong = said.lines.iter().position(|units| units.quantity == 0 || units.quantity > sent(units));
    if let Some(index) = wrong {
        let message = format!("must be 1 to {}, what was sent", sent(&said.lines[index]));
        return Err(Refused::Invalid(FieldError::new(format!("lines[{index}].quantity"), "RANGE", message)));
    }
    Ok(Step::Store(Box::new(Delivery { came_back: Some(said.clone()), ..held.clone() })))
}

fn failed(held: &Delivery, said: &DeliveryReport) -> Result<Delivery, Refused> {
    let reason = said.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty());
    let reason = reason.unwrap_or("not stated");
    if reason.len() > REASON_BYTES_MAX {
        let fault =
            FieldError::new("reason", "LENGTH", format!("must have at most {REASON_BYTES_MAX} bytes"));
        return Err(Refused::Invalid(fault));
    }
    Ok(Delivery { status: DeliveryStatus::Failed, reason: Some(reason.to_owned()), ..held.clone() })
}

#[cfg(test)]
mod tests;
