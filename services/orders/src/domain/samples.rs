//! An order to test with.

use super::create::{Age, Attempt, Owner, Supply, new_order};
use contracts::{Address, Order, OrderLine, Timestamp, bodies::orders::CreateOrderRequest};

/// What a customer sends.
pub(crate) fn request(products: Vec<OrderLine>) -> CreateOrderRequest {
    CreateOrderRequest {
        products,
        address: Address {
            name: "Ann".into(),
            company_name: None,
            street_address: "1 Main Street".into(),
            post_code: None,
            city: "Tampa".into(),
            state: None,
            country: "us".into(),
            phone_number: "1".into(),
        },
        delivery_price: 1500,
        payment_token: "t".into(),
        currency: None,
        idempotency_key: Some("k".into()),
        allow_backorder: false,
        accept_partial: true,
        cart_id: None,
    }
}

/// Version 1 of the order that came of it.
pub(crate) fn order() -> Order {
    let attempt = Attempt {
        user: "ann".into(),
        home: "am".into(),
        shard: "am-00".into(),
        idempotency_key: "k".into(),
        request_hash: "h".into(),
    };
    let owner = Owner { epoch: 1, region: "us-east-1".into(), at: Timestamp(0) };
    let supply = Supply { warehouse_id: "wh-am".into(), kept: true };
    new_order(&attempt, &request(Vec::new()), supply, Age::Verified, &owner)
}
