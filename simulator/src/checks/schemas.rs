//! The events' schemas, read from the files that are published, and not from the types that the services are made of.

use contracts::schemas::{Fault, Validators};
use serde_json::Value;
use std::sync::LazyLock;

/// The file of one detail type.
macro_rules! files {
    ($($service:literal: $($detail_type:literal)+;)+) => {
        &[$($((
            $detail_type,
            include_str!(concat!(
                "../../../services/contracts/schemas/", $service, "/", $detail_type, "/1.0.json"
            )),
        )),+),+]
    };
}

const FILES: &[(&str, &str)] = files! {
    "orders": "OrderCreated" "OrderModified" "OrderCancelled" "OrderDeleted";
    "products": "ProductCreated" "ProductModified" "ProductDeleted";
    "warehouse": "StockReserved" "StockReleased" "StockReservationFailed" "StockReplenished" "PackagingStarted" "PackageCreated"
        "PackagingFailed" "WarehouseClosed" "WarehouseOpened";
    "payment": "PaymentAuthorised" "PaymentCaptured" "PaymentFailed" "PaymentVoided" "PaymentRefunded" "PaymentUnknown";
    "delivery": "DeliveryStarted" "DeliveryCompleted" "DeliveryFailed" "ReturnReceived";
    "users": "UserCreated" "AgeVerificationCompleted";
    "platform": "RegionStateChanged";
};

/// Whether an event is what its schema says.
pub(super) fn check(envelope: &Value) -> Result<(), Fault> {
    static COMPILED: LazyLock<Validators> = LazyLock::new(|| {
        let read = |(detail_type, text): &(&'static str, &str)| {
            Some((*detail_type, serde_json::from_str(text).ok()?))
        };
        Validators::new(FILES.iter().filter_map(read))
    });
    let detail_type = envelope["detail-type"].as_str().unwrap_or_default();
    COMPILED.check(detail_type, &envelope["detail"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::schemas::PUBLISHED;
    use std::collections::BTreeSet;

    #[test]
    fn every_published_detail_type_has_its_file_here() {
        let files: BTreeSet<&str> = FILES.iter().map(|(detail_type, _)| *detail_type).collect();
        let published = PUBLISHED.iter().flat_map(|(_, detail_types)| detail_types.iter().copied());
        assert_eq!(files, published.collect());
    }
}
