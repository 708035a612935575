//! The arrows between crates run one way: contracts <- platform <- services <- simulator; loadtests know
//! contracts only; no service knows another.

use std::{collections::BTreeSet, fs, path::Path};

const SERVICES: [&str; 7] =
    ["users", "products", "orders", "warehouse", "delivery", "payment", "frontend-api"];
const OURS: [&str; 12] = [
    "contracts",
    "platform",
    "users",
    "products",
    "orders",
    "warehouse",
    "delivery",
    "payment",
    "frontend-api",
    "loadtests",
    "simulator",
    "benches",
];

fn manifest(folder: &str) -> toml::Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("Cargo.toml");
    let text = fs::read_to_string(&path).unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
    text.parse().unwrap_or_else(|cause| panic!("{}: {cause}", path.display()))
}

/// Our own crates that a crate depends on, tests left out.
fn depends_on(folder: &str) -> BTreeSet<String> {
    let manifest = manifest(folder);
    let dependencies = manifest.get("dependencies").and_then(toml::Value::as_table);
    let names = dependencies.into_iter().flat_map(toml::Table::keys);
    names.filter(|name| OURS.contains(&name.as_str())).cloned().collect()
}

fn of(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn contracts_know_nobody_and_the_platform_knows_contracts() {
    assert_eq!(depends_on("services/contracts"), of(&[]));
    assert_eq!(depends_on("services/platform"), of(&["contracts"]));
}

#[test]
fn no_service_knows_another() {
    for service in SERVICES {
        let known = depends_on(&format!("services/{service}"));
        assert!(known.is_subset(&of(&["contracts", "platform"])), "{service} knows {known:?}");
    }
}

#[test]
fn loadtests_know_contracts_only() {
    assert_eq!(depends_on("loadtests"), of(&["contracts"]));
}

#[test]
fn every_service_can_be_built_for_drills_and_none_is_by_itself() {
    let features =
        |folder: &str| manifest(folder).get("features").map(ToString::to_string).unwrap_or_default();
    assert_eq!(features("services/platform").trim(), "{ chaos = [] }");
    for service in SERVICES {
        assert_eq!(
            features(&format!("services/{service}")).trim(),
            r#"{ chaos = ["platform/chaos"] }"#,
            "{service}"
        );
    }
    assert_eq!(features("simulator"), "");
}
