//! An order for models whose functions want a whole one.

use contracts::{Order, Timestamp, bodies::orders::CreateOrderRequest, keys};
use orders::domain::create::{self, Attempt, Owner};

/// The owner of an epoch: epochs alternate between two regions.
pub(crate) fn owner(epoch: u64) -> Owner {
    let region = if epoch % 2 == 1 { "us-east-1" } else { "eu-west-1" };
    Owner { epoch, region: region.into(), at: Timestamp(0) }
}

/// The order that a customer's attempt makes under an epoch.
pub(crate) fn order(epoch: u64) -> Order {
    let request: CreateOrderRequest = serde_json::from_value(serde_json::json!({
        "products": [],
        "address": { "name": "A", "streetAddress": "B 1", "city": "C", "country": "US", "phoneNumber": "1" },
        "deliveryPrice": 500,
        "paymentToken": "token",
    }))
    .expect("a request");
    let (user, home) = ("user".into(), "am".into());
    let shard = keys::shard_of(&home, &user, 1);
    let request_hash = create::request_hash(&request);
    let attempt = Attempt { user, home, shard, idempotency_key: "key".to_owned(), request_hash };
    create::new_order(
        &attempt,
        &request,
        create::Supply { warehouse_id: "warehouse".into(), kept: true },
        create::Age::Verified,
        &owner(epoch),
    )
}
