//! The events of products. The service listens to none.

use contracts::{
    Product,
    events::{Event, Happening},
    resources::Subscription,
};
use platform::{
    Platform,
    bus::{self, Aggregate},
};

/// The catalogue reacts to no events.
pub const SUBSCRIPTION: Option<Subscription> = None;

/// The one epoch of products: the region that writes them does not change.
const EPOCH: u64 = 1;

/// An event of a product's newest version.
pub(crate) fn event(platform: &Platform, product: &Product, happening: Happening) -> Event {
    let id = product.product_id.to_string();
    let aggregate = Aggregate { kind: "product", id: &id, version: product.version, epoch: EPOCH };
    bus::event(platform, aggregate, &id, happening)
}
