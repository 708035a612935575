//! The life of a packaging request: NEW, IN_PROGRESS, then COMPLETED or FAILED.

use contracts::{
    Order, OrderStatus, ProductId,
    bodies::warehouse::{PackagingLine, PackagingStatus},
    events::ProductUnits,
};

/// The reason of a request that failed because the package stayed empty.
pub(crate) const NOTHING_PACKED: &str = "nothing was packed";

/// What a command comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The request goes to this status.
    Go(PackagingStatus),
    /// It was done before: success, and nothing happens again.
    Done,
}

/// The request is in a status that does not allow the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the packaging is {0:?}")]
pub(crate) struct NotNow(pub(crate) PackagingStatus);

/// A picker begins.
pub(crate) fn start(status: PackagingStatus) -> Result<Decision, NotNow> {
    match status {
        PackagingStatus::New => Ok(Decision::Go(PackagingStatus::InProgress)),
        PackagingStatus::InProgress => Ok(Decision::Done),
        other => Err(NotNow(other)),
    }
}

/// A picker is done. An empty package is a failed one; `reason` tells it from one that a picker gave up.
pub(crate) fn complete(
    status: PackagingStatus,
    reason: Option<&str>,
    lines: &[PackagingLine],
) -> Result<Decision, NotNow> {
    match status {
        PackagingStatus::InProgress if lines.iter().all(|line| line.packaged_quantity == 0) => {
            Ok(Decision::Go(PackagingStatus::Failed))
        }
        PackagingStatus::InProgress => Ok(Decision::Go(PackagingStatus::Completed)),
        PackagingStatus::Completed => Ok(Decision::Done),
        PackagingStatus::Failed if reason == Some(NOTHING_PACKED) => Ok(Decision::Done),
        other => Err(NotNow(other)),
    }
}

/// A picker gives up.
pub(crate) fn fail(status: PackagingStatus) -> Result<Decision, NotNow> {
    match status {
        PackagingStatus::New | PackagingStatus::InProgress => Ok(Decision::Go(PackagingStatus::Failed)),
        PackagingStatus::Failed => Ok(Decision::Done),
        other => Err(NotNow(other)),
    }
}

/// What lies in the package, without lines that have nothing in it.
pub(crate) fn packed(lines: &[PackagingLine]) -> Vec<ProductUnits> {
    units(lines, |line| line.packaged_quantity)
}

/// What was ordered and does not lie in the package.
pub(crate) fn shortages(lines: &[PackagingLine]) -> Vec<ProductUnits> {
    units(lines, |line| line.quantity.saturating_sub(line.packaged_quantity))
}

fn units(lines: &[PackagingLine], of: impl Fn(&PackagingLine) -> u32) -> Vec<ProductUnits> {
    let units = lines.iter().map(|line| ProductUnits { product_id: line.product_id, quantity: of(line) });
    units.filter(|units| units.quantity > 0).collect()
}

/// Whether a change of an order asks for a package: it may be packed now, has another warehouse, or a new owner,
/// who may not have heard how far its package is.
pub(crate) fn asked_for(order: &Order, changed: &[String]) -> bool {
    let other = |what: &str| changed.iter().any(|field| field == what);
    match order.status {
        OrderStatus::New => true,
        OrderStatus::Packaging => other("warehouseId") || other("epoch"),
        OrderStatus::Packaged | OrderStatus::Paid => other("warehouseId"),
        _ => false,
    }
}

/// The empty lines of a new request.
pub(crate) fn lines_of(order: &Order) -> Vec<PackagingLine> {
    let line = |product_id: ProductId, quantity| PackagingLine { product_id, quantity, packaged_quantity: 0 };
    order.products.iter().map(|product| line(product.product_id, product.quantity)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use PackagingStatus::{Completed, Failed, InProgress, New};

    fn line(number: u128, quantity: u32, packaged_quantity: u32) -> PackagingLine {
        PackagingLine { product_id: ProductId(uuid::Uuid::from_u128(number)), quantity, packaged_quantity }
    }

    #[test]
    fn a_repeat_is_done_and_makes_no_second_event() {
        let lines = [line(1, 2, 2)];
        assert_eq!(start(InProgress), Ok(Decision::Done));
        assert_eq!(complete(Completed, None, &lines), Ok(Decision::Done));
        assert_eq!(complete(Failed, Some(NOTHING_PACKED), &[line(1, 2, 0)]), Ok(Decision::Done));
        assert_eq!(fail(Failed), Ok(Decision::Done));
    }

    #[test]
    fn an_empty_package_is_a_failed_one() {
        let nothing = [line(1, 2, 0), line(2, 1, 0)];
        assert_eq!(complete(InProgress, None, &nothing), Ok(Decision::Go(Failed)));
        assert_eq!(complete(InProgress, None, &[line(1, 2, 0), line(2, 1, 1)]), Ok(Decision::Go(Completed)));
    }

    #[test]
    fn nothing_leaves_an_end() {
        assert_eq!(start(Completed), Err(NotNow(Completed)));
        assert_eq!(start(Failed), Err(NotNow(Failed)));
        assert_eq!(fail(Completed), Err(NotNow(Completed)));
        assert_eq!(complete(Failed, Some("dropped"), &[]), Err(NotNow(Failed)));
        assert_eq!(complete(New, None, &[line(1, 1, 1)]), Err(NotNow(New)));
    }

    #[test]
    fn packed_and_short_units_make_the_order() {
        let lines = [line(1, 3, 1), line(2, 2, 2), line(3, 1, 0)];
        let sum = |units: Vec<ProductUnits>| units.iter().map(|units| units.quantity).sum::<u32>();
        assert_eq!(packed(&lines).len(), 2);
        assert_eq!(shortages(&lines).len(), 2);
        assert_eq!(sum(packed(&lines)) + sum(shortages(&lines)), 6);
    }
}
