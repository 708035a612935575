//! What a delivery costs: boxes times the fee of the country.

use crate::countries;
use contracts::{
    Address, FieldError, OrderLine,
    bodies::delivery::{PricingRequest, PricingResponse},
};

/// What a box holds, cubic millimetres.
const BOX_VOLUME_MM3: u128 = 500 * 500 * 500;
/// What a box may weigh, grams.
const BOX_WEIGHT_G: u128 = 12_000;
/// Lines that are priced at most.
const LINES_MAX: usize = 100;
/// Units of a line at most.
const QUANTITY_MAX: u32 = 99;

/// The price of a delivery, US cents.
pub(crate) fn price(request: PricingRequest) -> Result<PricingResponse, Vec<FieldError>> {
    let address = request.address.normalised();
    let faults = faults(&request.products, &address);
    if !faults.is_empty() {
        return Err(faults);
    }
    let fee = countries::fee_per_box(&address.country);
    let pricing = i64::try_from(boxes(&request.products)).ok().and_then(|boxes| boxes.checked_mul(fee));
    match pricing.filter(|pricing| *pricing <= i64::from(i32::MAX)) {
        Some(pricing) => Ok(PricingResponse { pricing, currency: "USD".into() }),
        None => Err(vec![FieldError::new("products", "SIZE", "are too large to be sent")]),
    }
}

fn faults(lines: &[OrderLine], address: &Address) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if lines.is_empty() || lines.len() > LINES_MAX {
        faults.push(FieldError::new("products", "COUNT", format!("must have 1 to {LINES_MAX} lines")));
    }
    for (index, line) in lines.iter().enumerate() {
        if line.quantity == 0 || line.quantity > QUANTITY_MAX {
            let field = format!("products[{index}].quantity");
            faults.push(FieldError::new(field, "RANGE", format!("must be 1 to {QUANTITY_MAX}")));
        }
    }
    if !countries::assigned(&address.country) {
        faults.push(FieldError::new("address.country", "COUNTRY", "must be an ISO 3166-1 alpha-2 code"));
    }
    faults
}

/// Boxes for all units of all lines: as many as volume or weight need, and at least one.
fn boxes(lines: &[OrderLine]) -> u128 {
    let of_all = |of_one: fn(&OrderLine) -> u128| -> u128 {
        lines
            .iter()
            .map(|line| of_one(line).saturating_mul(u128::from(line.quantity)))
            .fold(0, u128::saturating_add)
    };
    let by_volume = of_all(volume_mm3).div_ceil(BOX_VOLUME_MM3);
    let by_weight = of_all(|line| u128::from(line.package.weight)).div_ceil(BOX_WEIGHT_G);
    by_volume.max(by_weight).max(1)
}

fn volume_mm3(line: &OrderLine) -> u128 {
    let package = line.package;
    u128::from(package.width) * u128::from(package.length) * u128::from(package.height)
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::{Package, ProductId};
    use proptest::prelude::*;

    fn line(package: Package, quantity: u32) -> OrderLine {
        let product_id = ProductId(uuid::Uuid::from_u128(1));
        OrderLine { product_id, name: "A box".into(), package, price: 1, quantity }
    }

    fn cube(side: u32, weight: u32, quantity: u32) -> OrderLine {
        line(Package { width: side, length: side, height: side, weight }, quantity)
    }

    fn request(products: Vec<OrderLine>, country: &str) -> PricingRequest {
        let address = serde_json::json!({
            "name": "Ann", "streetAddress": "1 Street", "city": "Town", "country": country, "phoneNumber": "1",
        });
        PricingRequest { products, address: serde_json::from_value(address).expect("an address") }
    }

    fn priced(products: Vec<OrderLine>, country: &str) -> i64 {
        price(request(products, country)).expect("a price").pricing
    }

    #[test]
    fn quantity_counts_and_the_larger_need_of_boxes_wins() {
        assert_eq!(priced(vec![cube(10, 1, 1)], "US"), 1500);
        assert_eq!(priced(vec![cube(500, 1, 3)], "US"), 3 * 1500);
        assert_eq!(priced(vec![cube(10, 12_000, 2)], "US"), 2 * 1500);
        assert_eq!(priced(vec![cube(500, 12_001, 1)], "US"), 2 * 1500);
    }

    #[test]
    fn a_country_is_read_in_any_case_and_must_exist() {
        assert_eq!(priced(vec![cube(10, 1, 1)], "pl"), 1000);
        for country in ["PO", "", "USA"] {
            let faults = price(request(vec![cube(10, 1, 1)], country)).expect_err("no such country");
            assert_eq!(faults[0].field, "address.country");
        }
    }

    #[test]
    fn nothing_and_impossible_amounts_are_refused() {
        assert!(price(request(vec![], "US")).is_err());
        assert!(price(request(vec![cube(1, 1, 0)], "US")).is_err());
        assert!(price(request(vec![cube(1, 1, 100)], "US")).is_err());
        assert!(price(request(vec![cube(u32::MAX, u32::MAX, 99)], "US")).is_err());
    }

    fn any_line() -> impl Strategy<Value = OrderLine> {
        (0u32..1500, 0u32..1500, 0u32..1500, 0u32..30_000, 1u32..50).prop_map(
            |(width, length, height, weight, quantity)| {
                line(Package { width, length, height, weight }, quantity)
            },
        )
    }

    proptest! {
        #[test]
        fn more_never_costs_less_and_splitting_a_line_changes_nothing(
            lines in prop::collection::vec(any_line(), 1..8), more in any_line(), which in any::<prop::sample::Index>(),
        ) {
            let price_before = priced(lines.clone(), "US");
            let mut longer = lines.clone();
            longer.push(more);
            prop_assert!(priced(longer, "US") >= price_before);

            let mut split = lines.clone();
            let one = which.get(&lines).clone();
            let index = which.index(lines.len());
            if one.quantity > 1 {
                split[index].quantity = one.quantity - 1;
                split.push(OrderLine { quantity: 1, ..one });
            }
            prop_assert_eq!(priced(split, "US"), price_before);
        }

        #[test]
        fn the_boxes_hold_it_all(lines in prop::collection::vec(any_line(), 1..8)) {
            let boxes = boxes(&lines);
            let volume: u128 = lines.iter().map(|line| volume_mm3(line) * u128::from(line.quantity)).sum();
            let weight: u128 = lines.iter().map(|line| u128::from(line.package.weight * line.quantity)).sum();
            prop_assert!(boxes * BOX_VOLUME_MM3 >= volume && boxes * BOX_WEIGHT_G >= weight);
            let fewer = boxes - 1;
            let too_few = fewer * BOX_VOLUME_MM3 < volume || fewer * BOX_WEIGHT_G < weight;
            prop_assert!(fewer == 0 || too_few);
        }
    }
}
