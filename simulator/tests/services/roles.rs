//! Who may do what: every route of every service, and every field of the public door, tried by everybody.
//!
//! What is tried comes from the services' own descriptions, so nothing can be forgotten here.

mod fields;
mod place;

use std::collections::BTreeSet;

use contracts::schemas::least;
use futures::future::join_all;
use http::Method;
use platform::{openapi, ops};
use serde_json::{Value, json};

use place::{Place, Who};

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// 401.
    Unknown,
    /// 403.
    Forbidden,
    /// Anything else.
    LetIn,
}

/// What must become of a call of what is open to `open`, in the words of descriptions.
fn expected(who: &Who, open: &BTreeSet<String>) -> Outcome {
    let is_open = |word: &str| open.contains(word);
    let let_in = match who {
        Who::Impostor => return Outcome::Unknown,
        Who::Nobody if is_open("anyone") => return Outcome::LetIn,
        Who::Nobody => return Outcome::Unknown,
        Who::Person(groups) => {
            let admin = groups.contains(&"admin") && open.iter().any(|word| word.starts_with("group:"));
            is_open("person") || admin || groups.iter().any(|group| is_open(&format!("group:{group}")))
        }
        Who::Service(name) => is_open(&format!("service:{name}")),
    };
    if let_in || is_open("anyone") { Outcome::LetIn } else { Outcome::Forbidden }
}

fn outcome(status: u16, body: &Value) -> Outcome {
    // An order that the law forbids is 403 as well: the code tells.
    match (status, body["code"].as_str()) {
        (401, Some("UNAUTHENTICATED")) => Outcome::Unknown,
        (403, Some("FORBIDDEN")) => Outcome::Forbidden,
        _ => Outcome::LetIn,
    }
}

/// One route, as its service describes it.
struct Route {
    method: Method,
    url: String,
    body: Value,
    open: BTreeSet<String>,
    /// Whether it reads no caller.
    bare: bool,
}

fn routes(base: &str, document: &Value) -> Vec<Route> {
    let route = |path: &str, method: &str, operation: &Value| Route {
        method: method.to_uppercase().parse().unwrap(),
        url: format!("{base}{}", filled(path)),
        body: least(&operation["requestBody"]["content"]["application/json"]["schema"], document),
        open: serde_json::from_value(operation["x-callers"].clone()).unwrap(),
        bare: operation["responses"].get("401").is_none(),
    };
    let paths = document["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, operations)| {
        let operations = operations.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (path, method, operation))
    });
    operations.map(|(path, method, operation)| route(path, method, operation)).collect()
}

/// A path with something in the place of each parameter.
fn filled(path: &str) -> String {
    let part = |part: &str| match part {
        "{orderId}" | "{productId}" => "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
        "{warehouseId}" => "wh-am".to_owned(),
        parameter if parameter.starts_with('{') => "word".to_owned(),
        fixed => fixed.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_it_says_and_nobody_else() {
    let place = Place::start().await;
    let (mut violations, mut tried) = (Vec::new(), 0);
    for (base, document) in place.described().await {
        for route in routes(&base, &document) {
            let calls = place.callers.iter().map(|caller| {
                let call = place.call(caller, &route.method, &route.url, &route.body);
                async move { (caller, call.await) }
            });
            for (caller, (status, body)) in join_all(calls).await {
                let wanted = if route.bare { Outcome::LetIn } else { expected(&caller.who, &route.open) };
                tried += 1;
                if outcome(status, &body) != wanted {
                    let (method, url, name) = (&route.method, &route.url, &caller.name);
                    violations.push(format!("{method} {url} by {name}: not {wanted:?}: {status} {body}"));
                }
            }
        }
    }
    assert!(violations.is_empty(), "{} of {tried}:\n{}", violations.len(), violations.join("\n"));
}

/// What every service tells anybody.
const COMMON: [&str; 5] = ["/healthz", "/readyz", "/version", openapi::PATH, ops::DESCRIPTION];
/// What else anybody may call.
const PUBLIC: [&str; 10] = [
    "/products/",
    "/products/{productId}",
    "/products/{productId}/recommendations",
    "/products/category/{category}",
    "/products/search",
    "/users/carts",
    "/users/carts/{cartId}",
    "/users/carts/{cartId}/items",
    "/frontend-api/graphql",
    "/frontend-api/schema.graphql",
];

/// Whether the contract lets such callers use a path at all: the beginning of a path says whom it is for.
fn may_be_open(service: &str, path: &str, caller: &str) -> bool {
    let (for_services, for_staff) = (caller.starts_with("service:"), caller.starts_with("group:"));
    match caller {
        "anyone" => COMMON.contains(&path) || PUBLIC.contains(&format!("{service}{path}").as_str()),
        _ if path.starts_with("/backend/") => for_services || for_staff || caller == "partner:age-check",
        _ if path.starts_with("/admin/") => for_staff,
        _ if path.starts_with("/ops/") => matches!(caller, "service:ops" | "group:admin"),
        _ => !for_services,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_route_is_open_to_whom_its_path_is_not_for() {
    let mut violations = Vec::new();
    for (_, document) in Place::start().await.described().await {
        let service = document["servers"][0]["url"].as_str().unwrap();
        for (path, operations) in document["paths"].as_object().unwrap() {
            let callers = operations.as_object().unwrap().values().flat_map(|operation| {
                let callers = operation["x-callers"].as_array().unwrap().iter();
                callers.map(|caller| caller.as_str().unwrap())
            });
            let wrong = callers.filter(|caller| !may_be_open(service, path, caller));
            violations.extend(wrong.map(|caller| format!("{service}{path} is open to {caller}")));
        }
    }
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_description_refers_to_what_it_holds() {
    for (base, document) in Place::start().await.described().await {
        assert_eq!(document["openapi"], json!("3.1.0"));
        for reference in references(&document) {
            assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{base}: {reference}");
        }
    }
}

fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => {
            let here = fields.get("$ref").and_then(Value::as_str);
            fields.values().flat_map(references).chain(here).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
