//! The business metrics of the services, as lines of CloudWatch's embedded metric format on standard output: where a
//! function runs, its log makes the metrics, and no call is made for them
//! (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
//!
//! They follow from what a service tells: an event counts when the bus has confirmed it to the region that it is of. An
//! event that is published twice, which is rare, counts twice.

use crate::Config;
use contracts::{
    OrderStatus, Timestamp,
    events::{Event, Happening},
};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// A metric's name and its value: how often, or how much in minor units.
type Metric = (&'static str, i64);

/// Every metric, by the service that it is of. Namespaces are `ecommerce.{service}`.
pub const NAMES: &[(&str, &[&str])] = &[
    ("orders", &["orderCreated", "orderCreatedTotal", "orderPackaged", "orderFailed", "orderFulfilled"]),
    ("warehouse", &["packageCreated", "packagingFailed"]),
    ("delivery", &["deliveryCreated", "deliveryCompleted", "deliveryFailed"]),
    ("payment", &["paymentCreated", "paymentProcessed", "paymentCancelled", "amountWon", "amountLost"]),
];

/// Writes what an event counts for, where the configuration wants metrics.
pub(crate) fn count(config: &Config, event: &Event, at: Timestamp) {
    if !config.metrics {
        return;
    }
    if let Some(line) = line(config, event, at) {
        // A log that cannot be written must not stop what it tells of.
        let _ = writeln!(io::stdout().lock(), "{line}");
    }
}

fn line(config: &Config, event: &Event, at: Timestamp) -> Option<Value> {
    let metrics = of(&event.happening);
    let namespace = event.happening.source();
    let service = namespace.rsplit('.').next().filter(|_| !metrics.is_empty())?;
    let names: Vec<Value> =
        metrics.iter().map(|(name, _)| json!({ "Name": name, "Unit": unit(name) })).collect();
    let directive = json!({
        "Namespace": namespace,
        "Dimensions": [["environment", "service"]],
        "Metrics": names,
    });
    let mut line = Map::new();
    line.insert("_aws".into(), json!({ "Timestamp": at.0, "CloudWatchMetrics": [directive] }));
    line.insert("environment".into(), json!(config.env));
    line.insert("service".into(), json!(service));
    line.extend(metrics.into_iter().map(|(name, value)| (name.to_owned(), json!(value))));
    Some(Value::Object(line))
}

fn of(happening: &Happening) -> Vec<Metric> {
    match happening {
        Happening::OrderCreated(order) => vec![("orderCreated", 1), ("orderCreatedTotal", order.total)],
        Happening::OrderModified { old, new, .. } if old.status != new.status => came_to(new.status),
        Happening::PackageCreated { .. } => vec![("packageCreated", 1)],
        Happening::PackagingFailed { .. } => vec![("packagingFailed", 1)],
        Happening::DeliveryStarted { .. } => vec![("deliveryCreated", 1)],
        Happening::DeliveryCompleted { .. } => vec![("deliveryCompleted", 1)],
        Happening::DeliveryFailed { .. } => vec![("deliveryFailed", 1)],
        Happening::PaymentAuthorised(_) => vec![("paymentCreated", 1)],
        Happening::PaymentCaptured(paid) => vec![("paymentProcessed", 1), ("amountWon", paid.amount)],
        Happening::PaymentVoided(given_up) => vec![("paymentCancelled", 1), ("amountLost", given_up.amount)],
        Happening::PaymentRefunded(refund) => vec![("amountLost", refund.outcome.amount)],
        _ => Vec::new(),
    }
}

fn came_to(status: OrderStatus) -> Vec<Metric> {
    match status {
        OrderStatus::Packaged => vec![("orderPackaged", 1)],
        OrderStatus::PackagingFailed | OrderStatus::DeliveryFailed => vec![("orderFailed", 1)],
        OrderStatus::Fulfilled => vec![("orderFulfilled", 1)],
        _ => Vec::new(),
    }
}

/// Amounts have no unit that CloudWatch knows.
fn unit(name: &str) -> &'static str {
    match name {
        "orderCreatedTotal" | "amountWon" | "amountLost" => "None",
        _ => "Count",
    }
}

#[cfg(test)]
mod tests;
