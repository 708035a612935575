//! The catalogue that ships with the service: `catalogue.json`, with ids derived from the names.

use contracts::{Package, Product, ProductId, Timestamp};
use serde::Deserialize;
use uuid::Uuid;

/// Listed since 2026-01-05T09:00:00Z.
const LISTED: Timestamp = Timestamp(1_767_603_600_000);

/// One line of the file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Listed {
    name: String,
    /// The vitola.
    category: String,
    origin: String,
    wrapper: String,
    strength: String,
    /// Cigars in a box.
    box_size: u32,
    package: Package,
    /// Price of a box, US cents.
    price: i64,
}

/// The embedded catalogue.
///
/// # Errors
/// When the embedded file is not a catalogue.
pub fn catalogue() -> Result<Vec<Product>, serde_json::Error> {
    let listed: Vec<Listed> = serde_json::from_str(include_str!("../catalogue.json"))?;
    Ok(listed.into_iter().map(product).collect())
}

fn product(listed: Listed) -> Product {
    Product {
        product_id: product_id(&listed.name),
        created_date: LISTED,
        modified_date: LISTED,
        tags: vec![listed.origin, listed.wrapper, listed.strength, format!("box-of-{}", listed.box_size)],
        name: listed.name,
        package: listed.package,
        category: listed.category,
        pictures: Vec::new(),
        price: listed.price,
        currency: "USD".into(),
        version: 1,
        active: true,
        age_restricted: true,
    }
}

/// The same name has the same id in every region and every run.
fn product_id(name: &str) -> ProductId {
    let address = format!("https://bigsmokes.example/products/{name}");
    ProductId(Uuid::new_v5(&Uuid::NAMESPACE_URL, address.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_catalogue_is_large_and_every_product_is_whole() {
        let products = catalogue().expect("the embedded catalogue");
        let ids: BTreeSet<_> = products.iter().map(|product| product.product_id).collect();
        assert!(products.len() >= 200);
        assert_eq!(ids.len(), products.len(), "two products share a name");
        for product in products {
            let Package { width, length, height, weight } = product.package;
            assert!(product.price > 0, "{}", product.name);
            assert!([width, length, height, weight].iter().all(|side| *side > 0), "{}", product.name);
        }
    }
}
