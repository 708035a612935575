//! What Terraform reads about tables and events is what the services declare.

use contracts::resources::{FieldFilter, IndexSpec, Key, KeyType, Replication, Subscription, TableSpec};
use serde_json::{Value, json};
use std::{fs, path::Path};

fn on_record(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

fn key(key: &Key) -> Value {
    let letter = match key.kind {
        KeyType::Text => "S",
        KeyType::Number => "N",
    };
    json!({ "name": key.name, "type": letter })
}

fn table(spec: &TableSpec) -> Value {
    let replication = match spec.replication {
        Replication::Global => "global",
        Replication::Regional => "regional",
    };
    let index = |index: &IndexSpec| json!({ "name": index.name, "partition": key(&index.partition), "sort": key(&index.sort) });
    json!({
        "service": spec.service,
        "table": spec.table,
        "replication": replication,
        "partition": key(&spec.partition),
        "sort": spec.sort.as_ref().map(key),
        "indexes": spec.indexes.iter().map(index).collect::<Vec<_>>(),
    })
}

fn subscription(subscription: &Subscription) -> Value {
    let filter = |filter: FieldFilter| json!({ "path": filter.path, "values": filter.values });
    let events: Vec<Value> = subscription
        .events
        .iter()
        .map(|interest| json!({ "source": interest.source, "kinds": interest.kinds, "only": interest.only.map(filter) }))
        .collect();
    json!({ "consumer": subscription.consumer, "events": events })
}

#[test]
fn the_tables_on_record_are_those_of_the_services() {
    let declared: Vec<Value> = simulator::region::tables().iter().map(table).collect();
    assert_eq!(on_record("tables.json"), declared);
}

#[test]
fn the_subscriptions_on_record_are_those_of_the_services() {
    let declared: Vec<Value> = simulator::region::subscriptions().iter().map(subscription).collect();
    assert_eq!(on_record("subscriptions.json"), declared);
}
