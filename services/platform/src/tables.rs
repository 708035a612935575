//! DynamoDB tables: items are serde types, writes are conditional, and a lost reply is told from a conflict.

mod transact;

pub use transact::{Cancelled, TransactError, Transaction};

use crate::{page, world::World};
use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use contracts::resources::TableSpec;
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::HashMap, sync::Arc};

/// An item as the SDK holds it.
pub type Item = HashMap<String, AttributeValue>;

/// Every write carries a random token of its own in this attribute. A retried write that fails its
/// condition reads it back: its own token means that the first try had worked.
const WRITE_TOKEN: &str = "writeToken";

/// Why a table did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The condition of a write did not hold.
    #[error("the condition did not hold")]
    Conflict,
    /// No answer in time. The write may have happened.
    #[error("no answer in time")]
    Timeout,
    /// An item is not what it should be.
    #[error("{table}: {cause}")]
    Item {
        /// The table.
        table: String,
        /// What is wrong.
        cause: serde_dynamo::Error,
    },
    /// A page token is not one of ours.
    #[error("the page token is not one of ours")]
    Page,
    /// The database refused.
    #[error("{table}: {code}: {message}")]
    Refused {
        /// The table.
        table: String,
        /// DynamoDB's error code.
        code: String,
        /// DynamoDB's message.
        message: String,
    },
}

/// A string attribute.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A condition on a write.
#[derive(Clone, Debug, Default)]
pub struct Condition {
    expression: Option<String>,
    names: HashMap<String, String>,
    values: Item,
}

impl Condition {
    /// The item must not exist yet. `key` is any key attribute.
    pub fn new_item(key: &str) -> Self {
        Condition::default().and("attribute_not_exists(#new)").name("#new", key)
    }

    /// The item must have this version.
    pub fn version(version: u64) -> Self {
        Condition::default().and("version = :heldVersion").value(":heldVersion", number(version))
    }

    /// Adds an expression that must hold as well.
    pub fn and(mut self, expression: &str) -> Self {
        self.expression = Some(match self.expression {
            Some(held) => format!("({held}) AND ({expression})"),
            None => expression.to_owned(),
        });
        self
    }

    /// Names an attribute.
    pub fn name(mut self, placeholder: &str, attribute: &str) -> Self {
        self.names.insert(placeholder.to_owned(), attribute.to_owned());
        self
    }

    /// Gives a value.
    pub fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values.insert(placeholder.to_owned(), value);
        self
    }

    fn names(&self) -> Option<HashMap<String, String>> {
        (!self.names.is_empty()).then(|| self.names.clone())
    }

    fn values(&self) -> Option<Item> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }
}

/// What to read of a partition.
#[derive(Clone, Debug)]
pub struct Query {
    index: Option<&'static str>,
    partition: (&'static str, AttributeValue),
    sort: Option<(&'static str, &'static str, AttributeValue)>,
    only: &'static [&'static str],
    limit: Option<i32>,
    newest_first: bool,
    start: Option<Item>,
    consistent: bool,
}

impl Query {
    /// All items with this partition key.
    pub fn partition(name: &'static str, value: AttributeValue) -> Self {
        Query {
            index: None,
            partition: (name, value),
            sort: None,
            only: &[],
            limit: None,
            newest_first: false,
            start: None,
            consistent: false,
        }
    }

    /// Through an index.
    pub fn index(mut self, index: &'static str) -> Self {
        self.index = Some(index);
        self
    }

    /// Only items whose sort key begins with `prefix`.
    pub fn begins_with(mut self, name: &'static str, prefix: impl Into<String>) -> Self {
        self.sort = Some((name, "begins_with(#sort, :sort)", text(prefix)));
        self
    }

    /// Only items whose sort key is at most `value`.
    pub fn at_most(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.sort = Some((name, "#sort <= :sort", value));
        self
    }

    /// Only these attributes. The others are read, and paid for, but not sent.
    pub fn only(mut self, names: &'static [&'static str]) -> Self {
        self.only = names;
        self
    }

    /// At most this many items a page.
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit.min(1000) as i32);
        self
    }

    /// Descending by sort key.
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// Sees every write that was acknowledged before (not through a global index).
    pub fn consistent(mut self) -> Self {
        self.consistent = true;
        self
    }

    /// Goes on where a page ended.
    ///
    /// # Errors
    /// [`TableError::Page`] when the token is not one of ours.
    pub fn after(mut self, token: Option<&str>) -> Result<Self, TableError> {
        self.start = token.map(page::decode).transpose().map_err(|_| TableError::Page)?;
        Ok(self)
    }
}

/// A page of items.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins.
    pub next_token: Option<String>,
}

/// One table of this region.
#[derive(Clone, Debug)]
pub struct Table {
    client: Client,
    world: World,
    name: Arc<str>,
    partition: &'static str,
    sort: Option<&'static str>,
}

impl Table {
    /// The table that `spec` describes, in environment `env`.
    pub fn new(client: Client, world: World, spec: &TableSpec, env: &str) -> Self {
        let name = spec.physical_name(env).into();
        Table { client, world, name, partition: spec.partition.name, sort: spec.sort.map(|key| key.name) }
    }

    /// The physical name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether an attribute is part of the key.
    pub fn is_key(&self, attribute: &str) -> bool {
        attribute == self.partition || self.sort == Some(attribute)
    }

    /// The key of an item: partition and, where the table has one, sort value.
    pub fn key(&self, partition: impl Into<String>, sort: Option<AttributeValue>) -> Item {
        let mut key = Item::from([(self.partition.to_owned(), text(partition))]);
        if let (Some(name), Some(value)) = (self.sort, sort) {
            key.insert(name.to_owned(), value);
        }
        key
    }

    /// Turns a value into an item, with a write token of its own.
    ///
    /// # Errors
    /// [`TableError::Item`] when the value cannot be an item.
    pub fn item(&self, value: &impl Serialize) -> Result<Item, TableError> {
        let mut item: Item = serde_dynamo::to_item(value).map_err(|cause| self.item_error(cause))?;
        item.insert(WRITE_TOKEN.to_owned(), number(self.world.random_u64()));
        Ok(item)
    }

    /// Turns an item into a value.
    ///
    /// # Errors
    /// [`TableError::Item`] when the item is not such a value.
    pub fn value<T: DeserializeOwned>(&self, item: Item) -> Result<T, TableError> {
        serde_dynamo::from_item(item).map_err(|cause| self.item_error(cause))
    }

    /// Reads one item, consistently.
    ///
    /// # Errors
    /// When the table does not answer or the item is not such a value.
    pub async fn get<T: DeserializeOwned>(&self, key: Item) -> Result<Option<T>, TableError> {
        self.read(key, true).await
    }

    /// Reads one item at half the price; the answer may be a moment behind.
    ///
    /// # Errors
    /// As for [`Table::get`].
    pub async fn peek<T: DeserializeOwned>(&self, key: Item) -> Result<Option<T>, TableError> {
        self.read(key, false).await
    }

    async fn read<T: DeserializeOwned>(&self, key: Item, consistent: bool) -> Result<Option<T>, TableError> {
        let sent = self.client.get_item().table_name(self.name()).set_key(Some(key));
        let answer = sent.consistent_read(consistent).send().await.map_err(|error| self.sdk_error(error))?;
        answer.item.map(|item| self.value(item)).transpose()
    }

    /// Writes an item where `condition` holds.
    ///
    /// # Errors
    /// [`TableError::Conflict`] where it does not; others as for any call.
    pub async fn put(&self, value: &impl Serialize, condition: Condition) -> Result<(), TableError> {
        let item = self.item(value)?;
        let token = item.get(WRITE_TOKEN).cloned();
        let sent = self
            .client
            .put_item()
            .table_name(self.name())
            .set_item(Some(item))
            .set_condition_expression(condition.expression.clone())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match sent.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let held = error.as_service_error().and_then(|error| match error {
                    aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(
                        failed,
                    ) => failed.item(),
                    _ => None,
                });
                let own = held.is_some_and(|held| held.get(WRITE_TOKEN) == token.as_ref());
                if own { Ok(()) } else { Err(self.sdk_error(error)) }
            }
        }
    }

    /// Changes an item by an update expression where `condition` holds.
    ///
    /// # Errors
    /// [`TableError::Conflict`] where it does not; others as for any call.
    pub async fn update(&self, key: Item, update: &str, condition: Condition) -> Result<(), TableError> {
        let sent = self
            .client
            .update_item()
            .table_name(self.name())
            .set_key(Some(key))
            .update_expression(update)
            .set_condition_expression(condition.expression.clone())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values());
        sent.send().await.map_err(|error| self.sdk_error(error))?;
        Ok(())
    }

    /// Reads one page.
    ///
    /// # Errors
    /// When the table does not answer or an item is not such a value.
    pub async fn query<T: DeserializeOwned>(&self, query: Query) -> Result<Page<T>, TableError> {
        let page = self.query_items(query).await?;
        let items = page.items.into_iter().map(|item| self.value(item));
        Ok(Page { items: items.collect::<Result<_, _>>()?, next_token: page.next_token })
    }

    /// Reads one page of items as they are.
    ///
    /// # Errors
    /// When the table does not answer.
    pub async fn query_items(&self, query: Query) -> Result<Page<Item>, TableError> {
        let (partition, value) = query.partition;
        let mut expression = "#partition = :partition".to_owned();
        let mut sent = self
            .client
            .query()
            .table_name(self.name())
            .set_index_name(query.index.map(str::to_owned))
            .expression_attribute_names("#partition", partition)
            .expression_attribute_values(":partition", value)
            .set_limit(query.limit)
            .scan_index_forward(!query.newest_first)
            .set_exclusive_start_key(query.start)
            .consistent_read(query.consistent);
        if let Some((name, condition, value)) = query.sort {
            expression = format!("{expression} AND {condition}");
            sent = sent.expression_attribute_names("#sort", name).expression_attribute_values(":sort", value);
        }
        if !query.only.is_empty() {
            let names: Vec<String> = (0..query.only.len()).map(|index| format!("#only{index}")).collect();
            sent = sent.projection_expression(names.join(", "));
            for (placeholder, name) in names.into_iter().zip(query.only) {
                sent = sent.expression_attribute_names(placeholder, *name);
            }
        }
        let answer = sent.key_condition_expression(expression).send().await;
        let answer = answer.map_err(|error| self.sdk_error(error))?;
        let next_token = answer.last_evaluated_key.as_ref().map(page::encode);
        Ok(Page { items: answer.items.unwrap_or_default(), next_token })
    }

    /// Reads all pages, `limit` items at most.
    ///
    /// # Errors
    /// As [`Table::query`].
    pub async fn query_all<T: DeserializeOwned>(
        &self,
        query: Query,
        limit: usize,
    ) -> Result<Vec<T>, TableError> {
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = self.query(query.clone().after(token.as_deref())?).await?;
            items.extend(page.items);
            token = page.next_token;
            if token.is_none() || items.len() >= limit {
                return Ok(items);
            }
        }
    }

    /// Reads one page of the whole table.
    ///
    /// # Errors
    /// As [`Table::query`].
    pub async fn scan<T: DeserializeOwned>(
        &self,
        limit: usize,
        token: Option<&str>,
    ) -> Result<Page<T>, TableError> {
        let start = token.map(page::decode).transpose().map_err(|_| TableError::Page)?;
        let sent = self
            .client
            .scan()
            .table_name(self.name())
            .limit(limit as i32)
            .set_exclusive_start_key(start)
            .send()
            .await;
        let answer = sent.map_err(|error| self.sdk_error(error))?;
        let items = answer.items.unwrap_or_default().into_iter().map(|item| self.value(item));
        let next_token = answer.last_evaluated_key.as_ref().map(page::encode);
        Ok(Page { items: items.collect::<Result<_, _>>()?, next_token })
    }

    /// A transaction that begins with nothing; tables of one region can be mixed in it.
    pub fn transaction(&self) -> Transaction {
        Transaction::new(self.client.clone())
    }

    fn item_error(&self, cause: serde_dynamo::Error) -> TableError {
        TableError::Item { table: self.name.to_string(), cause }
    }

    fn sdk_error<E: ProvideErrorMetadata, R>(&self, error: SdkError<E, R>) -> TableError {
        match &error {
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
                TableError::Timeout
            }
            _ if error.code() == Some("ConditionalCheckFailedException") => TableError::Conflict,
            _ => TableError::Refused {
                table: self.name.to_string(),
                code: error.code().unwrap_or("unknown").to_owned(),
                message: error.message().unwrap_or_default().to_owned(),
            },
        }
    }
}
