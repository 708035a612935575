//! What it takes for the lines of an order to be what the catalogue says, and the rules for changing and searching
//! the catalogue. No storage, no time.

pub(crate) mod baskets;
pub(crate) mod change;
pub(crate) mod draft;
pub(crate) mod notices;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod search;

use contracts::{OrderLine, Product, ProductId, bodies::products::ValidateResponse};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Lines that are compared in one request at most.
pub(crate) const LINES_MAX: usize = 100;

/// Compares every line with the catalogue. Each line counts, also where two name the same product: else
/// fifty units at price 0 could hide behind one at the true price.
pub(crate) fn validate(lines: &[OrderLine], catalogue: &BTreeMap<ProductId, Product>) -> ValidateResponse {
    let mut reasons = Vec::new();
    let mut truths: BTreeMap<ProductId, Value> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for line in lines {
        let product = catalogue.get(&line.product_id);
        let mut found = faults(line, product);
        if !seen.insert(line.product_id) {
            found.push(format!("Product {} is listed more than once", line.product_id));
        }
        if !found.is_empty() {
            truths.entry(line.product_id).or_insert_with(|| truth(line, product));
            reasons.extend(found);
        }
    }
    if reasons.is_empty() {
        return ValidateResponse { message: contracts::bodies::products::ALL_VALID.into(), products: None };
    }
    ValidateResponse { message: reasons.join(". "), products: Some(truths.into_values().collect()) }
}

fn faults(line: &OrderLine, product: Option<&Product>) -> Vec<String> {
    let id = line.product_id;
    let Some(product) = product else { return vec![format!("Product {id} not found")] };
    let mut faults = Vec::new();
    if !product.active {
        faults.push(format!("Product {id} is no longer sold"));
    }
    if line.name != product.name {
        faults.push(format!("Invalid value for 'name' of product {id}"));
    }
    if line.package != product.package {
        faults.push(format!("Invalid value for 'package' of product {id}"));
    }
    if line.price != product.price {
        let (said, is) = (line.price, product.price);
        faults.push(format!("Invalid value for 'price' of product {id}: {said}, it is {is}"));
    }
    faults
}

/// What the catalogue says, or what was asked where it says nothing.
fn truth(line: &OrderLine, product: Option<&Product>) -> Value {
    match product {
        Some(product) => json!({
            "productId": product.product_id,
            "name": product.name,
            "package": product.package,
            "price": product.price,
        }),
        None => json!({
            "productId": line.product_id,
            "name": line.name,
            "package": line.package,
            "price": line.price,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::bodies::products::ALL_VALID;
    use proptest::prelude::*;

    fn catalogue() -> BTreeMap<ProductId, Product> {
        let products = crate::catalogue().expect("the embedded catalogue");
        products.into_iter().map(|product| (product.product_id, product)).collect()
    }

    fn line(product: &Product, quantity: u32) -> OrderLine {
        OrderLine {
            product_id: product.product_id,
            name: product.name.clone(),
            package: product.package,
            price: product.price,
            quantity,
        }
    }

    fn lines(count: usize) -> Vec<OrderLine> {
        catalogue().values().take(count).map(|product| line(product, 2)).collect()
    }

    #[test]
    fn true_lines_are_valid() {
        assert_eq!(validate(&lines(7), &catalogue()).message, ALL_VALID);
    }

    #[test]
    fn a_free_line_cannot_hide_behind_a_true_one_of_the_same_product() {
        let mut lines = lines(1);
        let free = OrderLine { price: 0, quantity: 50, ..lines[0].clone() };
        lines.insert(0, free);
        let answer = validate(&lines, &catalogue());
        assert!(answer.message.contains("'price'") && answer.message.contains("more than once"));
        assert_eq!(answer.products.expect("true values").len(), 1);
    }

    #[test]
    fn a_product_that_is_unknown_or_no_longer_sold_is_refused() {
        let mut catalogue = catalogue();
        let known = lines(2);
        catalogue.remove(&known[0].product_id);
        if let Some(product) = catalogue.get_mut(&known[1].product_id) {
            product.active = false;
        }
        let answer = validate(&known, &catalogue);
        assert!(answer.message.contains("not found") && answer.message.contains("no longer sold"));
    }

    proptest! {
        #[test]
        fn any_tampering_with_any_line_is_found(which in 0usize..7, field in 0u8..3, by in 1i64..10_000) {
            let mut lines = lines(7);
            let line = &mut lines[which];
            match field {
                0 => line.price -= by,
                1 => line.name.push('x'),
                _ => line.package.weight = line.package.weight.wrapping_add(by as u32),
            }
            let id = line.product_id.to_string();
            let answer = validate(&lines, &catalogue());
            prop_assert!(answer.message.contains(&id));
            prop_assert_eq!(answer.products.map(|products| products.len()), Some(1));
        }
    }
}
