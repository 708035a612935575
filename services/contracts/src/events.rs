//! Events: what happened, in EventBridge's envelope, with our own metadata inside the detail.

use crate::{
    address::Address,
    bodies::{ops::RegionState, users::AgeVerdict, warehouse::ReserveRefusal},
    ids::{EventId, OrderId, ProductId, Region, UserId, WarehouseId},
    order::Order,
    product::Product,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::value::MapDeserializer};
use serde_json::Value;

/// The `source` of each service's events.
pub mod source {
    /// Orders.
    pub const ORDERS: &str = "ecommerce.orders";
    /// Warehouse.
    pub const WAREHOUSE: &str = "ecommerce.warehouse";
    /// Payment.
    pub const PAYMENT: &str = "ecommerce.payment";
    /// Delivery.
    pub const DELIVERY: &str = "ecommerce.delivery";
    /// Products.
    pub const PRODUCTS: &str = "ecommerce.products";
    /// Users.
    pub const USERS: &str = "ecommerce.users";
    /// The platform itself.
    pub const PLATFORM: &str = "ecommerce.platform";

    /// The source of a service's events, where it publishes any.
    pub fn of_service(service: &str) -> Option<&'static str> {
        let all = [ORDERS, WAREHOUSE, PAYMENT, DELIVERY, PRODUCTS, USERS, PLATFORM];
        all.into_iter().find(|source| source.strip_prefix("ecommerce.") == Some(service))
    }
}

/// What an event says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The same in every region that creates the event again.
    pub event_id: EventId,
    /// `bigsmokes.{service}.{DetailType}/{major}`.
    pub schema: String,
    /// The kind of thing that changed, such as `order`.
    pub aggregate: String,
    /// Which one.
    pub aggregate_id: String,
    /// Its version after the change.
    pub aggregate_version: u64,
    /// The epoch of the owner that made the change.
    pub epoch: u64,
    /// The region of that owner.
    pub home_region: Region,
    /// When.
    pub produced_at: Timestamp,
    /// The attempt or order that all related events share.
    pub correlation_id: String,
    /// The event or command that caused this one.
    pub causation_id: String,
    /// W3C trace context.
    #[schemars(regex(pattern = "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
}

/// Units of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductUnits {
    /// The product.
    pub product_id: ProductId,
    /// Units.
    pub quantity: u32,
}

/// The detail of payment events.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentOutcome {
    /// The order.
    pub order_id: OrderId,
    /// Minor units.
    #[schemars(range(min = 0))]
    pub amount: i64,
    /// ISO 4217.
    #[schemars(regex(pattern = "^[A-Z]{3}$"))]
    pub currency: String,
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Why, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The detail of a refund, of which an order may have several: `amount` is what this one paid back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentRefund {
    /// As of all payment events.
    #[serde(flatten)]
    pub outcome: PaymentOutcome,
    /// Which of the order's refunds it is: why it was paid back, as the effect's key has it, such as `return`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<String>,
    /// What all of the order's refunds have paid back so far, this one included, minor units.
    #[schemars(range(min = 0))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded_total: Option<i64>,
}

/// What happened. The variant's name is the detail type, its content the detail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "detail-type", content = "detail", rename_all_fields = "camelCase")]
#[allow(missing_docs)] // detail types and fields are the contract's own words
pub enum Happening {
    OrderCreated(Box<Order>),
    OrderModified {
        old: Box<Order>,
        new: Box<Order>,
        changed: Vec<String>,
    },
    OrderCancelled {
        order_id: OrderId,
        reason: String,
        by: String,
    },
    OrderDeleted {
        order_id: OrderId,
    },
    ProductCreated(Box<Product>),
    ProductModified {
        old: Box<Product>,
        new: Box<Product>,
        changed: Vec<String>,
    },
    ProductDeleted(Box<Product>),
    StockReserved {
        order_id: OrderId,
        warehouse_id: WarehouseId,
        allocation: u32,
        lines: Vec<ProductUnits>,
    },
    StockReleased {
        order_id: OrderId,
        warehouse_id: WarehouseId,
        allocation: u32,
        lines: Vec<ProductUnits>,
    },
    StockReservationFailed {
        order_id: OrderId,
        warehouse_id: WarehouseId,
        allocation: u32,
        reason: ReserveRefusal,
        lines: Vec<ProductUnits>,
    },
    StockReplenished {
        product_id: ProductId,
        warehouse_id: WarehouseId,
        #[schemars(range(min = 0))]
        available: i64,
    },
    PackagingStarted {
        order_id: OrderId,
        warehouse_id: WarehouseId,
        allocation: u32,
    },
    PackageCreated {
        order_id: OrderId,
        warehouse_id: WarehouseId,
        allocation: u32,
        products: Vec<ProductUnits>,
        #[serde(default)]
        shortages: Vec<ProductUnits>,
    },
    PackagingFailed {
        order_id: OrderId,
        warehouse_id: WarehouseId,
        allocation: u32,
        reason: String,
    },
    WarehouseClosed {
        warehouse_id: WarehouseId,
        continent: String,
        reason: String,
    },
    WarehouseOpened {
        warehouse_id: WarehouseId,
        continent: String,
        reason: String,
    },
    PaymentAuthorised(PaymentOutcome),
    PaymentCaptured(PaymentOutcome),
    PaymentFailed(PaymentOutcome),
    PaymentVoided(PaymentOutcome),
    PaymentRefunded(PaymentRefund),
    PaymentUnknown(PaymentOutcome),
    DeliveryStarted {
        order_id: OrderId,
        tracking_id: String,
    },
    DeliveryCompleted {
        order_id: OrderId,
        address: Address,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        adult_signature: Option<bool>,
    },
    DeliveryFailed {
        order_id: OrderId,
        address: Address,
        reason: String,
        #[serde(default)]
        returned: Vec<ProductUnits>,
    },
    ReturnReceived {
        order_id: OrderId,
        warehouse_id: WarehouseId,
        lines: Vec<ProductUnits>,
        resaleable: bool,
    },
    UserCreated {
        user_id: UserId,
        email: String,
    },
    AgeVerificationCompleted {
        user_id: UserId,
        verdict: AgeVerdict,
        method: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_until: Option<Timestamp>,
    },
    RegionStateChanged {
        region: Region,
        state: RegionState,
        epoch: u64,
    },
}

impl Happening {
    /// The detail type on the bus.
    pub fn detail_type(&self) -> &'static str {
        match self {
            Happening::OrderCreated(_) => "OrderCreated",
            Happening::OrderModified { .. } => "OrderModified",
            Happening::OrderCancelled { .. } => "OrderCancelled",
            Happening::OrderDeleted { .. } => "OrderDeleted",
            Happening::ProductCreated(_) => "ProductCreated",
            Happening::ProductModified { .. } => "ProductModified",
            Happening::ProductDeleted(_) => "ProductDeleted",
            Happening::StockReserved { .. } => "StockReserved",
            Happening::StockReleased { .. } => "StockReleased",
            Happening::StockReservationFailed { .. } => "StockReservationFailed",
            Happening::StockReplenished { .. } => "StockReplenished",
            Happening::PackagingStarted { .. } => "PackagingStarted",
            Happening::PackageCreated { .. } => "PackageCreated",
            Happening::PackagingFailed { .. } => "PackagingFailed",
            Happening::WarehouseClosed { .. } => "WarehouseClosed",
            Happening::WarehouseOpened { .. } => "WarehouseOpened",
            Happening::PaymentAuthorised(_) => "PaymentAuthorised",
            Happening::PaymentCaptured(_) => "PaymentCaptured",
            Happening::PaymentFailed(_) => "PaymentFailed",
            Happening::PaymentVoided(_) => "PaymentVoided",
            Happening::PaymentRefunded(_) => "PaymentRefunded",
            Happening::PaymentUnknown(_) => "PaymentUnknown",
            Happening::DeliveryStarted { .. } => "DeliveryStarted",
            Happening::DeliveryCompleted { .. } => "DeliveryCompleted",
            Happening::DeliveryFailed { .. } => "DeliveryFailed",
            Happening::ReturnReceived { .. } => "ReturnReceived",
            Happening::UserCreated { .. } => "UserCreated",
            Happening::AgeVerificationCompleted { .. } => "AgeVerificationCompleted",
            Happening::RegionStateChanged { .. } => "RegionStateChanged",
        }
    }

    /// The source on the bus.
    pub fn source(&self) -> &'static str {
        match self {
            Happening::OrderCreated(_)
            | Happening::OrderModified { .. }
            | Happening::OrderCancelled { .. }
            | Happening::OrderDeleted { .. } => source::ORDERS,
            Happening::ProductCreated(_)
            | Happening::ProductModified { .. }
            | Happening::ProductDeleted(_) => source::PRODUCTS,
            Happening::StockReserved { .. }
            | Happening::StockReleased { .. }
            | Happening::StockReservationFailed { .. }
            | Happening::StockReplenished { .. }
            | Happening::PackagingStarted { .. }
            | Happening::PackageCreated { .. }
            | Happening::PackagingFailed { .. }
            | Happening::WarehouseClosed { .. }
            | Happening::WarehouseOpened { .. } => source::WAREHOUSE,
            Happening::PaymentAuthorised(_)
            | Happening::PaymentCaptured(_)
            | Happening::PaymentFailed(_)
            | Happening::PaymentVoided(_)
            | Happening::PaymentRefunded(_)
            | Happening::PaymentUnknown(_) => source::PAYMENT,
            Happening::DeliveryStarted { .. }
            | Happening::DeliveryCompleted { .. }
            | Happening::DeliveryFailed { .. }
            | Happening::ReturnReceived { .. } => source::DELIVERY,
            Happening::UserCreated { .. } | Happening::AgeVerificationCompleted { .. } => source::USERS,
            Happening::RegionStateChanged { .. } => source::PLATFORM,
        }
    }

    /// The name of the event's schema, `bigsmokes.{service}.{DetailType}/{major}`.
    pub fn schema(&self) -> String {
        let service = self.source().trim_start_matches("ecommerce.");
        format!("bigsmokes.{service}.{}/1", self.detail_type())
    }
}

/// An event: what happened, and what it says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// What it says about itself.
    pub metadata: Metadata,
    /// What happened.
    pub happening: Happening,
}

/// Why an envelope from the bus cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EnvelopeError {
    /// A required part is absent or of another type.
    #[error("the envelope is not an event of ours: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The parts contradict each other.
    #[error("the envelope says source {said}, but {detail_type} comes from {expected}")]
    WrongSource {
        /// What the envelope says.
        said: String,
        /// The detail type.
        detail_type: &'static str,
        /// Where that type comes from.
        expected: &'static str,
    },
}

impl Event {
    /// The `detail` on the bus: the happening's own fields with `metadata` beside them.
    pub fn detail(&self) -> Value {
        let mut tagged = serde_json::to_value(&self.happening).unwrap_or(Value::Null);
        let mut detail = tagged.get_mut("detail").map(Value::take).unwrap_or(Value::Null);
        detail["metadata"] = serde_json::to_value(&self.metadata).unwrap_or(Value::Null);
        detail
    }

    /// Reads an event out of EventBridge's envelope. Fields it does not know are ignored.
    ///
    /// # Errors
    /// When the envelope is not one of ours, or its source does not go with its detail type.
    pub fn from_envelope(envelope: &Value) -> Result<Event, EnvelopeError> {
        let metadata = Metadata::deserialize(&envelope["detail"]["metadata"])?;
        // The tag comes first: then the rest is read as what it is, and not kept until the tag is known.
        let tagged = ["detail-type", "detail"].map(|name| (name, &envelope[name]));
        let happening = Happening::deserialize(MapDeserializer::new(tagged.into_iter()))?;
        let said = envelope["source"].as_str().unwrap_or_default();
        if said != happening.source() {
            let (detail_type, expected) = (happening.detail_type(), happening.source());
            return Err(EnvelopeError::WrongSource { said: said.to_owned(), detail_type, expected });
        }
        Ok(Event { metadata, happening })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;

    fn event() -> Event {
        let order_id = OrderId(uuid::Uuid::from_u128(7));
        let happening = Happening::DeliveryStarted { order_id, tracking_id: "T1".into() };
        let metadata = Metadata {
            event_id: keys::event_id("delivery", &order_id.to_string(), 3, 2, happening.detail_type()),
            schema: happening.schema(),
            aggregate: "delivery".into(),
            aggregate_id: order_id.to_string(),
            aggregate_version: 2,
            epoch: 3,
            home_region: "eu-west-1".into(),
            produced_at: Timestamp(0),
            correlation_id: order_id.to_string(),
            causation_id: order_id.to_string(),
            traceparent: None,
        };
        Event { metadata, happening }
    }

    fn envelope(event: &Event) -> Value {
        serde_json::json!({
            "version": "0", "id": "x", "source": event.happening.source(),
            "detail-type": event.happening.detail_type(), "account": "000000000000",
            "time": "2026-01-01T00:00:00Z", "region": "eu-west-1", "resources": [],
            "detail": event.detail(),
        })
    }

    #[test]
    fn an_event_survives_the_bus() {
        let event = event();
        assert_eq!(Event::from_envelope(&envelope(&event)).expect("readable"), event);
    }

    #[test]
    fn an_event_from_the_wrong_source_is_refused() {
        let mut envelope = envelope(&event());
        envelope["source"] = "ecommerce.orders".into();
        assert!(matches!(Event::from_envelope(&envelope), Err(EnvelopeError::WrongSource { .. })));
    }

    #[test]
    fn an_unknown_detail_type_is_refused() {
        let mut envelope = envelope(&event());
        envelope["detail-type"] = "Nonsense".into();
        assert!(matches!(Event::from_envelope(&envelope), Err(EnvelopeError::Malformed(_))));
    }
}
