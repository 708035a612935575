//! What the benches measure with: an order as a customer would make it, and a table of the embedded cloud.

mod peer;
pub mod shelf;

use contracts::{Address, Order, OrderLine, Package, ProductId, bodies::orders::CreateOrderRequest};
use orders::domain::create::{Age, Attempt, Owner, Supply, new_order, request_hash};

/// An order of `lines` lines, as it is journalled.
pub fn order(lines: usize) -> Order {
    let request = request(lines);
    let attempt = Attempt {
        user: "0b6ccd7e-1c43-4ad0-8a53-5e7c0a1f0d11".into(),
        home: "am".into(),
        shard: "am-07".into(),
        idempotency_key: "bench".into(),
        request_hash: request_hash(&request),
    };
    new_order(
        &attempt,
        &request,
        Supply { warehouse_id: "wh-am".into(), kept: true },
        Age::Verified,
        &owner(),
    )
}

/// The owner of that order.
pub fn owner() -> Owner {
    Owner { epoch: 1, region: "us-east-1".into(), at: contracts::Timestamp(1_790_000_000_000) }
}

fn request(lines: usize) -> CreateOrderRequest {
    let line = |number: usize| OrderLine {
        product_id: ProductId(uuid::Uuid::from_u128(number as u128)),
        name: "Robusto de Tampa".into(),
        package: Package { width: 150, length: 240, height: 60, weight: 900 },
        price: 8_900,
        quantity: 2,
    };
    CreateOrderRequest {
        products: (0..lines).map(line).collect(),
        address: Address {
            name: "Ann Example".into(),
            company_name: None,
            street_address: "1 Main Street".into(),
            post_code: Some("33602".into()),
            city: "Tampa".into(),
            state: Some("FL".into()),
            country: "US".into(),
            phone_number: "+1 813 555 0100".into(),
        },
        delivery_price: 1_500,
        payment_token: "2f3d4c5b-6a79-4888-9a9b-acbdcedfe0f1".into(),
        currency: None,
        idempotency_key: None,
        allow_backorder: false,
        accept_partial: true,
        cart_id: None,
    }
}
