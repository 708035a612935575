//! The fields of the public door.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::place::Place;
use super::{Outcome, expected};

/// Who may use each field, by the contract.
const FIELDS: &[(&str, &[&str])] = &[
    (
        "anyone",
        &[
            "getProducts",
            "getProduct",
            "getProductsByCategory",
            "searchProducts",
            "getRecommendations",
            "putCartItem",
        ],
    ),
    (
        "person",
        &[
            "getDeliveryPricing",
            "getOrders",
            "getOrder",
            "getOrderByKey",
            "getCart",
            "me",
            "createOrder",
            "cancelOrder",
            "updatePayment",
            "requestReturn",
            "mergeCart",
            "startAgeVerification",
            "myNotices",
            "notifyWhenBack",
        ],
    ),
    (
        "group:delivery",
        &["getNewDeliveries", "getDelivery", "startDelivery", "completeDelivery", "failDelivery"],
    ),
    (
        "group:warehouse",
        &[
            "getNewPackagingRequestIds",
            "getPackagingRequest",
            "getStock",
            "startPackaging",
            "updatePackagingProduct",
            "completePackaging",
            "failPackaging",
            "receiveStock",
        ],
    ),
    ("group:admin", &["getOrdersNeedingAttention", "getRegions", "putProduct", "deleteProduct"]),
];

const DOOR: &str = "http://us-east-1.local/frontend-api/graphql";

const ABOUT: &str = "{ __schema { queryType { name } mutationType { name } types { name kind \
    fields { name type { ...T } args { name type { ...T } } } inputFields { name type { ...T } } \
    enumValues { name } } } } \
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// The schema, as it tells of itself.
struct Schema(BTreeMap<String, Value>);

impl Schema {
    /// The least value of a type, as GraphQL writes it.
    fn least(&self, of_type: &Value) -> String {
        let inner = &of_type["ofType"];
        match of_type["kind"].as_str().unwrap() {
            "NON_NULL" => self.least(inner),
            "LIST" => format!("[{}]", self.least(inner)),
            "INPUT_OBJECT" => format!("{{{}}}", self.demanded(&self.0[name(of_type)]["inputFields"])),
            "ENUM" => self.0[name(of_type)]["enumValues"][0]["name"].as_str().unwrap().to_owned(),
            _ => match name(of_type) {
                "Int" | "Float" => "1".into(),
                "Boolean" => "true".into(),
                _ => "\"01890a5d-ac96-774b-bcce-b302099a8057\"".into(),
            },
        }
    }

    /// What must be given of some arguments or fields.
    fn demanded(&self, given: &Value) -> String {
        let demanded = given.as_array().unwrap().iter().filter(|one| one["type"]["kind"] == "NON_NULL");
        let written = demanded.map(|one| format!("{}: {}", name(one), self.least(&one["type"])));
        written.collect::<Vec<_>>().join(", ")
    }

    /// The shortest document that uses a field.
    fn document(&self, kind: &str, field: &Value) -> String {
        let mut answer = &field["type"];
        while !answer["ofType"].is_null() {
            answer = &answer["ofType"];
        }
        let (arguments, selection) = (self.demanded(&field["args"]), self.selection(answer));
        let arguments = if arguments.is_empty() { arguments } else { format!("({arguments})") };
        format!("{kind} {{ {}{arguments}{selection} }}", name(field))
    }

    /// Nothing of the answer but its code, where it has one.
    fn selection(&self, answer: &Value) -> &'static str {
        let fields = &self.0[name(answer)]["fields"];
        match fields.as_array() {
            Some(fields) if fields.iter().any(|field| name(field) == "code") => " { __typename code }",
            Some(_) => " { __typename }",
            None => "",
        }
    }
}

fn name(one: &Value) -> &str {
    one["name"].as_str().unwrap()
}

/// Both the door itself and the services behind it may refuse.
fn outcome(status: u16, answer: &Value, field: &str) -> Outcome {
    let told = [&answer["errors"][0]["extensions"]["code"], &answer["data"][field]["code"], &answer["code"]];
    let told: BTreeSet<&str> = told.into_iter().filter_map(Value::as_str).collect();
    match status {
        401 => Outcome::Unknown,
        _ if told.contains("UNAUTHENTICATED") => Outcome::Unknown,
        _ if told.contains("FORBIDDEN") => Outcome::Forbidden,
        _ => Outcome::LetIn,
    }
}

async fn schema(place: &Place) -> (Schema, Vec<(&'static str, Value)>) {
    let nobody = &place.callers[0];
    let (_, about) = place.call(nobody, &Method::POST, DOOR, &json!({ "query": ABOUT })).await;
    let about = &about["data"]["__schema"];
    let types = about["types"].as_array().unwrap().iter();
    let types: BTreeMap<String, Value> = types.map(|one| (name(one).to_owned(), one.clone())).collect();
    let of_root = |kind: &'static str, root: &Value| {
        let fields = types[name(root)]["fields"].as_array().unwrap().clone();
        fields.into_iter().map(move |field| (kind, field)).collect::<Vec<_>>()
    };
    let fields = [of_root("query", &about["queryType"]), of_root("mutation", &about["mutationType"])];
    let fields = fields.concat();
    (Schema(types), fields)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_lets_in_whom_the_contract_says_and_nobody_else() {
    let place = Place::start().await;
    let (schema, fields) = schema(&place).await;
    let mut violations = Vec::new();
    for (kind, field) in fields {
        let open = FIELDS.iter().find(|(_, fields)| fields.contains(&name(&field)));
        let Some((open, _)) = open else {
            violations.push(format!("{}: the table does not say who may use it", name(&field)));
            continue;
        };
        let (open, document) = (BTreeSet::from([(*open).to_owned()]), schema.document(kind, &field));
        let body = json!({ "query": document });
        let calls = place.callers.iter().map(|caller| {
            let call = place.call(caller, &Method::POST, DOOR, &body);
            async move { (caller, call.await) }
        });
        for (caller, (status, answer)) in join_all(calls).await {
            let (wanted, found) = (expected(&caller.who, &open), outcome(status, &answer, name(&field)));
            if found != wanted {
                let caller = &caller.name;
                violations.push(format!("{document} by {caller}: {wanted:?} expected: {status} {answer}"));
            }
        }
    }
    assert!(violations.is_empty(), "{} violations:\n{}", violations.len(), violations.join("\n"));
}
