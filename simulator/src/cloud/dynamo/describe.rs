//! What the tables are, for clients that ask.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Dynamo;
use super::error::{Error, Result, constraint};
use super::json::Text;
use super::key::{Schema, letter};
use super::operations::named;
use super::table::Table;

/// Tables a page of their names has at most.
const NAMES_MAX: i64 = 100;

/// A ListTables request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ListTables<'a> {
    exclusive_start_table_name: Option<Text<'a>>,
    limit: Option<i64>,
}

/// A DescribeTable request.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct DescribeTable<'a> {
    table_name: Option<Text<'a>>,
}

impl Dynamo {
    pub(super) fn list_tables(&self, request: ListTables<'_>) -> Result<String> {
        let limit = request.limit.unwrap_or(NAMES_MAX);
        if !(1..=NAMES_MAX).contains(&limit) {
            return Err(constraint(
                Some(&limit.to_string()),
                "limit",
                "Member must have value from 1 to 100",
            ));
        }
        let start = request.exclusive_start_table_name;
        let mut names =
            self.tables.keys().filter(|name| start.as_ref().is_none_or(|start| ***name > **start));
        let page: Vec<&str> = names.by_ref().take(limit as usize).map(|name| &**name).collect();
        let mut answer = json!({ "TableNames": page });
        if let (Some(last), true) = (page.last(), names.next().is_some()) {
            answer["LastEvaluatedTableName"] = json!(last);
        }
        Ok(answer.to_string())
    }

    pub(super) fn describe_table(&self, request: DescribeTable<'_>) -> Result<String> {
        let name = named(request.table_name.as_deref())?;
        let table = self.table(Some(name)).map_err(|error| match error {
            Error::NotFound(_) => {
                Error::NotFound(format!("Requested resource not found: Table: {name} not found"))
            }
            other => other,
        })?;
        Ok(json!({ "Table": self.description(table) }).to_string())
    }

    fn description(&self, table: &Table) -> Value {
        let arn = self.table_arn(table);
        let store = self.store();
        let rows = &store.tables[table.slot];
        let mut description = json!({
            "TableName": table.name,
            "TableArn": arn,
            "TableStatus": "ACTIVE",
            "CreationDateTime": self.created_ms as f64 / 1000.0,
            "BillingModeSummary": { "BillingMode": "PAY_PER_REQUEST" },
            "ProvisionedThroughput":
                { "NumberOfDecreasesToday": 0, "ReadCapacityUnits": 0, "WriteCapacityUnits": 0 },
            "DeletionProtectionEnabled": false,
            "KeySchema": key_schema(&table.schema),
            "AttributeDefinitions": definitions(table),
            "ItemCount": rows.rows.len(),
            "TableSizeBytes": rows.bytes,
        });
        for (index, entries) in table.indexes.iter().zip(&rows.indexes) {
            let mut told = json!({
                "IndexName": index.name,
                "IndexArn": format!("{arn}/index/{}", index.name),
                "KeySchema": key_schema(&index.schema),
                "Projection": { "ProjectionType": "ALL" },
                "ItemCount": entries.len(),
                "IndexSizeBytes": entries.values().map(|record| record.bytes()).sum::<usize>(),
            });
            // A local one is as its table is.
            if !index.local {
                told["IndexStatus"] = json!("ACTIVE");
            }
            push(&mut description[index.kind()], told);
        }
        if table.global {
            description["StreamSpecification"] =
                json!({ "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" });
            description["LatestStreamArn"] = json!(self.stream_arn(table));
            description["LatestStreamLabel"] = json!(self.stream_label());
        }
        description
    }

    fn table_arn(&self, table: &Table) -> String {
        format!("arn:aws:dynamodb:{}:{}:table/{}", self.region, self.account, table.name)
    }

    pub(super) fn stream_arn(&self, table: &Table) -> String {
        format!("{}/stream/{}", self.table_arn(table), self.stream_label())
    }

    /// All streams are as old as the region.
    pub(super) fn stream_label(&self) -> String {
        format!("{}.{:03}", self.created_ms / 1000, self.created_ms % 1000)
    }
}

/// Adds to a list that may not be there yet.
pub(super) fn push(list: &mut Value, element: Value) {
    match list {
        Value::Array(elements) => elements.push(element),
        none => *none = json!([element]),
    }
}

pub(super) fn key_schema(schema: &Schema) -> Value {
    let kinds = ["HASH", "RANGE"];
    let parts = schema.keys().zip(kinds);
    parts.map(|(key, kind)| json!({ "AttributeName": key.name, "KeyType": kind })).collect()
}

pub(super) fn definitions(table: &Table) -> Value {
    let indexes = table.indexes.iter().flat_map(|index| index.schema.keys());
    let mut keys: Vec<_> = table.schema.keys().chain(indexes).collect();
    keys.sort_unstable_by_key(|key| key.name);
    keys.dedup();
    keys.iter().map(|key| json!({ "AttributeName": key.name, "AttributeType": letter(key.kind) })).collect()
}
