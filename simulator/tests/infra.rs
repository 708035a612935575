//! What Terraform reads about tables and events is what the services declare, and its experiments are what the scenarios are
//! exported as.

use contracts::resources::{FieldFilter, IndexSpec, Key, KeyType, Replication, Subscription, TableSpec};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

fn infra() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra")
}

fn on_record(file: &str) -> Vec<Value> {
    let path = infra().join(file);
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
    let index = |index: &IndexSpec| {
        let (partition, sort) = (key(&index.partition), key(&index.sort));
        let mut told = json!({ "name": index.name, "partition": partition, "sort": sort });
        if spec.is_local(index) {
            told["local"] = json!(true);
        }
        told
    };
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

/// The files of a folder by name.
fn files_of(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()));
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("an entry");
        let text = fs::read_to_string(entry.path()).expect("a file");
        (entry.file_name().to_string_lossy().into_owned(), text)
    };
    entries.map(file).collect()
}

#[test]
fn the_experiments_on_record_are_what_the_scenarios_are_exported_as() {
    let recorded = fs::read_dir(infra().join("experiments")).expect("the experiments");
    let folders: Vec<PathBuf> = recorded.map(|entry| entry.expect("an entry").path()).collect();
    assert!(folders.len() >= 2, "{folders:?}");
    for folder in folders {
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        let path = simulator::scenario::find(&name).unwrap_or_else(|fault| panic!("{fault}"));
        let engine = simulator::scenario::Engine::Virtual;
        let scenario =
            simulator::scenario::load_for(&path, engine).unwrap_or_else(|faults| panic!("{faults}"));
        let export =
            simulator::export::fis::export(&scenario).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        let exported: BTreeMap<String, String> = export.files().expect("JSON").into_iter().collect();
        let again = format!("cargo run -p simulator -- export fis {name} --out infra/experiments/{name}");
        assert_eq!(files_of(&folder), exported, "write them again: {again}");
    }
}

#[test]
fn terraform_fills_in_what_the_experiments_leave_open() {
    let module = fs::read_to_string(infra().join("modules/experiments/main.tf")).expect("the module");
    for variable in simulator::export::fis::VARIABLES {
        let given = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == variable);
        assert!(module.lines().any(given), "modules/experiments/main.tf gives no {variable}");
    }
}

#[test]
fn the_dashboards_show_the_metrics_that_the_services_write() {
    let text = fs::read_to_string(infra().join("modules/watch/dashboards.tf")).unwrap();
    let block = text.split_once("business = {").unwrap().1.split_once('}').unwrap().0;
    let shown: BTreeMap<&str, Vec<&str>> = block
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(service, names)| (service.trim(), names.split('"').skip(1).step_by(2).collect()))
        .collect();
    let written: BTreeMap<&str, Vec<&str>> =
        platform::metrics::NAMES.iter().map(|(service, names)| (*service, names.to_vec())).collect();
    assert_eq!(shown, written);
}
