//! Products for tests.

use contracts::{Package, Product, ProductId, Timestamp, bodies::products::ProductDraft};
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
