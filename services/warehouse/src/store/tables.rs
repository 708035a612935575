//! The warehouse's tables.

use crate::NAME;
use contracts::resources::{IndexSpec, Key, Replication, TableSpec};
use platform::outbox;

/// Every table of the service.
pub const TABLES: &[TableSpec] = &[PACKAGING, STOCK, RESERVATIONS, REFUSALS, LEDGER, SITES];

/// Lists requests that wait for a picker, by warehouse.
pub(super) const NEW_INDEX: &str = "orderId-new";
/// Lists the stock of a warehouse.
pub(super) const WAREHOUSE_INDEX: &str = "warehouse";
/// Lists reservations that end unless they are committed.
pub(super) const EXPIRING_INDEX: &str = "expiring";

const UNCONFIRMED: IndexSpec =
    IndexSpec { name: outbox::INDEX, partition: Key::text("outbox"), sort: Key::number("since") };

/// Packaging requests: a header and a row for each product, by order.
pub(super) const PACKAGING: TableSpec = TableSpec {
    service: NAME,
    table: "",
    partition: Key::text("orderId"),
    sort: Some(Key::text("sk")),
    indexes: &[
        IndexSpec { name: NEW_INDEX, partition: Key::text("newIn"), sort: Key::text("orderId") },
        UNCONFIRMED,
    ],
    replication: Replication::Global,
};

/// The level of each product in each warehouse.
pub(super) const STOCK: TableSpec = TableSpec {
    service: NAME,
    table: "stock",
    partition: Key::text("pk"),
    sort: Some(Key::text("branch")),
    indexes: &[
        IndexSpec { name: WAREHOUSE_INDEX, partition: Key::text("warehouseId"), sort: Key::text("pk") },
        UNCONFIRMED,
    ],
    replication: Replication::Global,
};

/// What is kept for which order.
pub(super) const RESERVATIONS: TableSpec = TableSpec {
    service: NAME,
    table: "reservations",
    partition: Key::text("orderId"),
    sort: Some(Key::text("sk")),
    indexes: &[
        IndexSpec { name: EXPIRING_INDEX, partition: Key::text("shard"), sort: Key::number("expiresAt") },
        UNCONFIRMED,
    ],
    replication: Replication::Global,
};

/// What was asked for and could not be kept.
pub(super) const REFUSALS: TableSpec = TableSpec {
    service: NAME,
    table: "refusals",
    partition: Key::text("orderId"),
    sort: Some(Key::text("sk")),
    indexes: &[UNCONFIRMED],
    replication: Replication::Global,
};

/// Every movement of stock, append-only.
pub(super) const LEDGER: TableSpec = TableSpec {
    service: NAME,
    table: "ledger",
    partition: Key::text("pk"),
    sort: Some(Key::number("seq")),
    indexes: &[],
    replication: Replication::Global,
};

/// The warehouses themselves: open or closed, and under which epoch.
pub(super) const SITES: TableSpec = TableSpec {
    service: NAME,
    table: "sites",
    partition: Key::text("warehouseId"),
    sort: Some(Key::text("branch")),
    indexes: &[UNCONFIRMED],
    replication: Replication::Global,
};
