//! The payments, a branch for each region and epoch, and the ledger of what was done.

use crate::{
    domain::{Ended, Operation, Payment},
    events::{self, News},
};
use contracts::{
    OrderId, Region, Timestamp,
    bodies::payment::PaymentView,
    resources::{IndexSpec, Key, Replication, TableSpec},
};
use platform::{
    Platform, Table, TableError,
    branches::{self, BRANCHES_MAX, Branched, Branches},
    outbox::{self, Outbox, Pending},
    tables::{Condition, Query, TransactError, text},
};
use serde::{Deserialize, Serialize};

/// The payments.
pub(crate) const PAYMENTS: TableSpec = TableSpec {
    service: crate::NAME,
    table: "",
    partition: Key::text("orderId"),
    sort: Some(Key::text(branches::SORT)),
    indexes: &[IndexSpec { name: outbox::INDEX, partition: Key::text("outbox"), sort: Key::number("since") }],
    replication: Replication::Global,
};

/// What was done with money, and what was refused. Rows are never changed.
pub(crate) const LEDGER: TableSpec = TableSpec {
    service: crate::NAME,
    table: "ledger",
    partition: Key::text("orderId"),
    sort: Some(Key::number("seq")),
    indexes: &[],
    replication: Replication::Global,
};

/// The tables of this service.
pub const TABLES: &[TableSpec] = &[PAYMENTS, LEDGER];

/// A payment, as one region wrote it under one epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) order_id: OrderId,
    pub(crate) branch: String,
    pub(crate) epoch: u64,
    pub(crate) version: u64,
    #[serde(flatten)]
    pub(crate) payment: Payment,
    #[serde(flatten)]
    outbox: Pending,
}

impl Branched for Row {
    fn branch(&self) -> &str {
        &self.branch
    }
    fn epoch(&self) -> u64 {
        self.epoch
    }
    fn version(&self) -> u64 {
        self.version
    }
}

impl Row {
    pub(crate) fn view(&self) -> PaymentView {
        self.payment.view(self.order_id, self.version)
    }
}

/// One row of the ledger. A new owner that finds an effect at the provider writes it again: its
/// predecessor's row may be lost.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LedgerRow<'a> {
    order_id: OrderId,
    /// The payment's epoch and version and a place within: two owners never share one.
    seq: u64,
    at: Timestamp,
    region: &'a Region,
    operation: Operation,
    key: &'a str,
    /// Minor units: what the provider moved or freed; what was asked for, where it refused.
    amount: i64,
    currency: &'a str,
    outcome: &'static str,
    /// The provider's name for it, where it was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// Places of the ledger within one version of a payment.
const PLACES: u64 = 10;
/// Versions of a payment within one epoch of the ledger.
const VERSIONS: u64 = 1_000_000;

/// What a row is written onto.
pub(crate) struct Base<'a> {
    pub(crate) order_id: OrderId,
    pub(crate) epoch: u64,
    pub(crate) branches: &'a Branches<Row>,
}

/// The payments of this region.
#[derive(Clone)]
pub(crate) struct Store {
    platform: Platform,
    payments: Table,
    ledger: Table,
    outbox: Outbox,
}

impl Store {
    pub(crate) fn new(platform: &Platform) -> Self {
        let payments = platform.table(&PAYMENTS);
        let ledger = platform.table(&LEDGER);
        let outbox = Outbox::new(platform, payments.clone());
        Store { platform: platform.clone(), payments, ledger, outbox }
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Everything that is known of an order's payment.
    pub(crate) async fn load(&self, order_id: OrderId) -> Result<Branches<Row>, TableError> {
        let query = Query::partition("orderId", text(order_id.to_string())).consistent();
        self.payments.query_all(query, BRANCHES_MAX).await.map(Branches::new)
    }

    /// Stores the next version of a payment, with its events inside and its ledger rows beside it.
    ///
    /// # Errors
    /// [`TableError::Conflict`] when this region's branch changed since it was loaded.
    pub(crate) async fn save(
        &self,
        base: &Base<'_>,
        payment: Payment,
        news: &[News],
    ) -> Result<Row, TableError> {
        let mut row = self.next_row(base, payment, news);
        let unchanged = base.branches.unchanged(&row.branch);
        let ended = news.iter().filter_map(|news| match news {
            News::Ended(ended) => Some(ended),
            News::Unknown => None,
        });
        let mut transaction = self.payments.transaction().put(&self.payments, &row, unchanged)?;
        for (place, ended) in (0..PLACES).zip(ended) {
            let entry = self.ledger_row(&row, place, ended);
            transaction = transaction.put(&self.ledger, &entry, Condition::new_item("orderId"))?;
        }
        transaction.commit().await.map_err(conflict)?;
        let key = self.payments.key(row.order_id.to_string(), Some(text(&row.branch)));
        self.outbox.notify(key, &mut row.outbox);
        Ok(row)
    }

    fn next_row(&self, base: &Base<'_>, payment: Payment, news: &[News]) -> Row {
        let Base { order_id, epoch, branches } = *base;
        let here = &self.platform.config.region;
        let branch = branches::name(epoch, here);
        let version = branches.highest().map_or(0, |row| row.version) + 1;
        let mut outbox = branches.named(&branch).map(|row| row.outbox.clone()).unwrap_or_default();
        let before = branches.highest().map(|row| &row.payment);
        let authorised = events::authorised(order_id, before, &payment);
        let told = news.iter().filter_map(|news| events::of(order_id, &payment, news));
        for happening in authorised.into_iter().chain(told) {
            let event = events::event(&self.platform, order_id, epoch, version, happening);
            self.outbox.add(&mut outbox, &event);
        }
        Row { order_id, branch, epoch, version, payment, outbox }
    }

    fn ledger_row<'a>(&'a self, row: &'a Row, place: u64, ended: &'a Ended) -> LedgerRow<'a> {
        LedgerRow {
            order_id: row.order_id,
            seq: (row.epoch * VERSIONS + row.version) * PLACES + place,
            at: self.platform.world.now(),
            region: &self.platform.config.region,
            operation: ended.effect.operation,
            key: &ended.effect.key,
            amount: if ended.done { ended.amount } else { ended.effect.amount },
            currency: &row.payment.currency,
            outcome: if ended.done { "DONE" } else { "REFUSED" },
            reference: ended.reference.as_deref(),
            reason: ended.reason.as_deref(),
        }
    }
}

/// A cancelled transaction may be our own earlier try: whoever reads again sees that.
fn conflict(error: TransactError) -> TableError {
    match error {
        TransactError::Cancelled(_) | TransactError::Busy => TableError::Conflict,
        TransactError::Table(cause) => cause,
    }
}
