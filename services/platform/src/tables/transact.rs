//! Transactions: all writes or none.

use super::{Condition, Item, Table, TableError};
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{ConditionCheck, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update},
};
use serde::Serialize;

/// Why a transaction did not happen.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// At least one condition did not hold; by item, in the order in which they were added.
    #[error("a condition did not hold")]
    Cancelled(Vec<Cancelled>),
    /// Another transaction was on one of the items; nothing happened and the same may work now.
    #[error("another transaction was at work on an item")]
    Busy,
    /// Anything else.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// One item's part in a cancelled transaction.
#[derive(Clone, Debug, Default)]
pub struct Cancelled {
    /// Whether this item's condition failed.
    pub failed: bool,
    /// The item as it is, where its condition failed and it exists.
    pub held: Option<Item>,
}

/// Writes that happen together or not at all.
#[derive(Clone, Debug)]
pub struct Transaction {
    client: Client,
    items: Vec<TransactWriteItem>,
    last_first: bool,
}

const RETURN_HELD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

impl Transaction {
    pub(super) fn new(client: Client) -> Self {
        Transaction { client, items: Vec::new(), last_first: false }
    }

    /// How many items it has.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it has no items.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Writes an item where `condition` holds.
    ///
    /// # Errors
    /// When the value cannot be an item.
    pub fn put(
        mut self,
        table: &Table,
        value: &impl Serialize,
        condition: Condition,
    ) -> Result<Self, TableError> {
        let put = Put::builder()
            .table_name(table.name())
            .set_item(Some(table.item(value)?))
            .set_condition_expression(condition.expression.clone())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .return_values_on_condition_check_failure(RETURN_HELD);
        let put = put.build().map_err(|cause| built(table, &cause))?;
        self.items.push(TransactWriteItem::builder().put(put).build());
        Ok(self)
    }

    /// Changes an item by an update expression where `condition` holds.
    ///
    /// # Errors
    /// When the parts do not make an update.
    pub fn update(
        mut self,
        table: &Table,
        key: Item,
        update: &str,
        condition: Condition,
    ) -> Result<Self, TableError> {
        let update = Update::builder()
            .table_name(table.name())
            .set_key(Some(key))
            .update_expression(update)
            .set_condition_expression(condition.expression.clone())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .return_values_on_condition_check_failure(RETURN_HELD);
        let update = update.build().map_err(|cause| built(table, &cause))?;
        self.items.push(TransactWriteItem::builder().update(update).build());
        Ok(self)
    }

    /// Only goes through where `condition` holds for an item that is not written.
    ///
    /// # Errors
    /// When the parts do not make a check.
    pub fn check(mut self, table: &Table, key: Item, condition: Condition) -> Result<Self, TableError> {
        let check = ConditionCheck::builder()
            .table_name(table.name())
            .set_key(Some(key))
            .set_condition_expression(condition.expression.clone())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .return_values_on_condition_check_failure(RETURN_HELD);
        let check = check.build().map_err(|cause| built(table, &cause))?;
        self.items.push(TransactWriteItem::builder().condition_check(check).build());
        Ok(self)
    }

    /// For [`Planted::InboxApart`](crate::planted::Planted): the last item is written by itself, before the others.
    pub(crate) fn last_one_first(mut self) -> Self {
        self.last_first = true;
        self
    }

    /// Does it.
    ///
    /// # Errors
    /// [`TransactError::Cancelled`] where a condition did not hold: then nothing was written.
    pub async fn commit(mut self) -> Result<(), TransactError> {
        if cfg!(debug_assertions) && std::mem::take(&mut self.last_first) {
            let items = self.items.pop().into_iter().collect();
            let first = Transaction { client: self.client.clone(), items, last_first: false };
            Box::pin(first.commit()).await?;
        }
        if self.items.is_empty() {
            return Ok(());
        }
        let sent = self.client.transact_write_items().set_transact_items(Some(self.items)).send().await;
        match sent {
            Ok(_) => Ok(()),
            Err(error) => Err(refused(error)),
        }
    }
}

fn refused<R>(error: SdkError<TransactWriteItemsError, R>) -> TransactError {
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error() {
        let reasons = cancelled.cancellation_reasons();
        let failed = |code: &str| reasons.iter().any(|reason| reason.code() == Some(code));
        if failed("ConditionalCheckFailed") {
            return TransactError::Cancelled(reasons.iter().map(cancelled_item).collect());
        }
        if failed("TransactionConflict") {
            return TransactError::Busy;
        }
    }
    TransactError::Table(match &error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            TableError::Timeout
        }
        _ => TableError::Refused {
            table: "transaction".into(),
            code: error.code().unwrap_or("unknown").to_owned(),
            message: error.message().unwrap_or_default().to_owned(),
        },
    })
}

fn cancelled_item(reason: &aws_sdk_dynamodb::types::CancellationReason) -> Cancelled {
    Cancelled { failed: reason.code() == Some("ConditionalCheckFailed"), held: reason.item.clone() }
}

fn built(table: &Table, cause: &aws_sdk_dynamodb::error::BuildError) -> TableError {
    TableError::Refused {
        table: table.name().to_owned(),
        code: "incomplete".into(),
        message: cause.to_string(),
    }
}
