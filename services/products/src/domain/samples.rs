//! Products for tests.

use contracts::{
    Address, Order, OrderId, OrderLine, OrderStatus, Package, PaymentState, Product, ProductId, StockState,
    Timestamp, bodies::products::ProductDraft,
};
use uuid::Uuid;

pub(crate) fn id(number: u128) -> ProductId {
    ProductId(Uuid::from_u128(number))
}

pub(crate) fn product() -> Product {
    Product {
        product_id: id(1),
        created_date: Timestamp(0),
        modified_date: Timestamp(0),
        name: "Volcan Azul Toro, Box of 20".into(),
        package: Package { width: 222, length: 166, height: 63, weight: 740 },
        category: "toro".into(),
        tags: ["nicaragua", "habano", "full", "box-of-20"].map(str::to_owned).to_vec(),
        pictures: vec!["https://pictures.example/toro.jpg".into()],
        price: 19_700,
        currency: "USD".into(),
        version: 1,
        active: true,
        age_restricted: true,
    }
}

pub(crate) fn draft() -> ProductDraft {
    draft_of(&product())
}

pub(crate) fn draft_of(product: &Product) -> ProductDraft {
    let Product { product_id, name, package, category, tags, pictures, price, currency, .. } =
        product.clone();
    ProductDraft { product_id: Some(product_id), name, package, category, tags, pictures, price, currency }
}

/// An order of one unit of each of these products.
pub(crate) fn order(number: u128, products: &[u128]) -> Order {
    let line = |number: &u128| OrderLine {
        product_id: id(*number),
        name: product().name,
        package: product().package,
        price: product().price,
        quantity: 1,
    };
    Order {
        order_id: OrderId(Uuid::from_u128(number)),
        user_id: "ann".into(),
        created_date: Timestamp(1_000),
        modified_date: Timestamp(1_000),
        status: OrderStatus::New,
        products: products.iter().map(line).collect(),
        address: Address {
            name: "Ann".into(),
            company_name: None,
            street_address: "1 Main Street".into(),
            post_code: None,
            city: "Tampa".into(),
            state: None,
            country: "US".into(),
            phone_number: "1".into(),
        },
        delivery_price: 0,
        total: 0,
        currency: "USD".into(),
        version: 1,
        epoch: 1,
        home_region: "us-east-1".into(),
        home: "am".into(),
        shard: contracts::ShardId("am-00".into()),
        idempotency_key: number.to_string(),
        request_hash: String::new(),
        payment_state: PaymentState::Authorised,
        captured: 0,
        refunded: 0,
        stock_state: StockState::Committed,
        warehouse_id: "wh-am".into(),
        allocation: 1,
        accept_partial: true,
        allow_backorder: false,
        attention: false,
        payment_attempt: 1,
        cancel_requested: false,
        returned: Vec::new(),
        tracking_id: None,
        erasure: None,
        history: Vec::new(),
    }
}
