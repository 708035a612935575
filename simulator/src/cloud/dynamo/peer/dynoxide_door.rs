//! The peer, called as its own door calls it.

use contracts::resources::{Key, TableSpec};
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Answer;
use crate::cloud::dynamo::describe::push;
use crate::cloud::dynamo::key::letter;
use crate::cloud::dynamo::table::{GLOBAL, LOCAL};

/// dynoxide in memory, without streams.
pub(super) struct Peer(Database);

impl Peer {
    pub(super) fn new(specs: &[TableSpec]) -> Self {
        let database = Database::memory().unwrap();
        for spec in specs {
            database.create_table(serde_json::from_value(declaration(spec)).unwrap()).unwrap();
        }
        Peer(database)
    }

    pub(super) fn call(&self, operation: &str, body: &str) -> Answer {
        match operation {
            "GetItem" => self.run(body, Database::get_item),
            "Query" => self.run(body, Database::query),
            "Scan" => self.run(body, Database::scan),
            "BatchGetItem" => self.run(body, Database::batch_get_item),
            "TransactGetItems" => self.run(body, Database::transact_get_items),
            "PutItem" => self.run(body, Database::put_item),
            "UpdateItem" => self.run(body, Database::update_item),
            "DeleteItem" => self.run(body, Database::delete_item),
            "BatchWriteItem" => self.run(body, Database::batch_write_item),
            "TransactWriteItems" => self.run(body, Database::transact_write_items),
            other => panic!("{other} is not compared"),
        }
    }

    fn run<Q: DeserializeOwned, A: Serialize>(
        &self,
        body: &str,
        execute: fn(&Database, Q) -> dynoxide::Result<A>,
    ) -> Answer {
        let answer = read(body).and_then(|request| execute(&self.0, request));
        match answer {
            Ok(answer) => (200, serde_json::to_value(answer).unwrap()),
            Err(error) => (error.status_code(), serde_json::from_str(&error.to_json()).unwrap()),
        }
    }
}

/// Its decoders mark by a prefix which error a refused value is.
fn read<Q: DeserializeOwned>(body: &str) -> dynoxide::Result<Q> {
    serde_json::from_str(body).map_err(|error| {
        let text = error.to_string();
        let hints =
            ["VALIDATION", "missing field", "unknown variant", "invalid type: null", "AttributeValue"];
        if hints.iter().any(|hint| text.contains(hint)) {
            DynoxideError::ValidationException(text)
        } else {
            DynoxideError::SerializationException(text)
        }
    })
}

fn declaration(spec: &TableSpec) -> Value {
    let indexes = spec.indexes.iter().flat_map(|index| [index.partition, index.sort]);
    let mut keys: Vec<Key> = std::iter::once(spec.partition).chain(spec.sort).chain(indexes).collect();
    keys.sort_unstable_by_key(|key| key.name);
    keys.dedup();
    let definition = |key: Key| json!({ "AttributeName": key.name, "AttributeType": letter(key.kind) });
    let mut declaration = json!({
        "TableName": spec.physical_name("test"),
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": key_schema(spec.partition, spec.sort),
        "AttributeDefinitions": keys.into_iter().map(definition).collect::<Vec<_>>(),
    });
    for index in spec.indexes {
        let kind = if spec.is_local(index) { LOCAL } else { GLOBAL };
        push(
            &mut declaration[kind],
            json!({
                "IndexName": index.name,
                "KeySchema": key_schema(index.partition, Some(index.sort)),
                "Projection": { "ProjectionType": "ALL" },
            }),
        );
    }
    declaration
}

fn key_schema(partition: Key, sort: Option<Key>) -> Value {
    let hash = json!({ "AttributeName": partition.name, "KeyType": "HASH" });
    let range = sort.map(|key| json!({ "AttributeName": key.name, "KeyType": "RANGE" }));
    std::iter::once(hash).chain(range).collect()
}
