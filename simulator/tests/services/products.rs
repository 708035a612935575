//! The catalogue.

use std::collections::BTreeMap;

use axum::Router;
use contracts::{Code, OrderLine, bodies::products::*};
use http::Method;
use platform::Platform;
use platform::inbox;
use platform::network::Network;
use serde_json::{Value, json};

use crate::outside::Outside;
use crate::support::{Needs, Running, eventually};

async fn shop() -> Running {
    let place = Outside::new().region("us-east-1").await;
    products::seed(&place.platform).await.unwrap();
    products::seed(&place.platform).await.unwrap();
    place
}

fn lines(count: usize) -> Vec<OrderLine> {
    let products = products::catalogue().unwrap().into_iter().take(count);
    let line = |product: contracts::Product| OrderLine {
        product_id: product.product_id,
        name: product.name,
        package: product.package,
        price: product.price,
        quantity: 1,
    };
    products.map(line).collect()
}

#[tokio::test]
async fn anybody_can_page_through_the_whole_catalogue() {
    let place = shop().await;
    let (mut seen, mut token) = (0, String::new());
    loop {
        let page = place.ask("", Method::GET, &format!("/products/?limit=25{token}"), &Value::Null).await;
        assert_eq!(page.0, 200);
        seen += page.1["products"].as_array().unwrap().len();
        match page.1["nextToken"].as_str() {
            Some(next) => token = format!("&nextToken={next}"),
            None => break,
        }
    }
    assert_eq!(seen, products::catalogue().unwrap().len());
    let robustos = place.ask("", Method::GET, "/products/category/robusto", &Value::Null).await;
    assert!(robustos.1["products"].as_array().unwrap().iter().all(|found| found["category"] == "robusto"));
    let bad = place.ask("", Method::GET, "/products/?nextToken=nonsense", &Value::Null).await;
    assert_eq!((bad.0, &bad.1["code"]), (400, &json!("BAD_REQUEST")));
}

#[tokio::test]
async fn a_product_that_is_known_already_is_not_sent_again() {
    let place = shop().await;
    let path = format!("/products/{}", lines(1)[0].product_id);
    let (status, headers, _) = place.send(Method::GET, &path, &[], &Value::Null).await;
    let etag = headers["etag"].to_str().unwrap();
    assert_eq!((status, etag), (200, "\"1\""));
    let (status, ..) = place.send(Method::GET, &path, &[("if-none-match", etag)], &Value::Null).await;
    assert_eq!(status, 304);
    let unknown =
        place.ask("", Method::GET, "/products/00000000-0000-0000-0000-000000000000", &Value::Null).await;
    assert_eq!((unknown.0, &unknown.1["code"]), (404, &json!("NOT_FOUND")));
    let no_id = place.ask("", Method::GET, "/products/nothing", &Value::Null).await;
    assert_eq!(no_id.0, 400);
}

#[tokio::test]
async fn lines_are_valid_when_every_one_is_what_the_catalogue_says() {
    let place = shop().await;
    let ask = async |products: Vec<OrderLine>| -> ValidateResponse {
        place
            .call("orders", Method::POST, "products", "/backend/validate", &ValidateRequest { products })
            .await
            .unwrap()
    };
    assert_eq!(ask(lines(7)).await.message, ALL_VALID);
    let mut lines = lines(2);
    let free = OrderLine { price: 0, quantity: 50, ..lines[1].clone() };
    lines.insert(0, free);
    let answer = ask(lines).await;
    assert_ne!(answer.message, ALL_VALID);
    assert_eq!(answer.products.unwrap().len(), 1);
}

#[tokio::test]
async fn validation_is_for_orders_only_and_bad_bodies_have_one_clear_answer() {
    let place = shop().await;
    let request = ValidateRequest { products: lines(1) };
    let other = place
        .call::<ValidateResponse>("warehouse", Method::POST, "products", "/backend/validate", &request)
        .await;
    assert_eq!(other.unwrap_err().code(), Some(Code::Forbidden));
    let unsigned = place.ask("", Method::POST, "/products/backend/validate", &json!({})).await;
    assert_eq!((unsigned.0, &unsigned.1["code"]), (401, &json!("UNAUTHENTICATED")));
    let missing = place
        .call::<ValidateResponse>("orders", Method::POST, "products", "/backend/validate", &json!({}))
        .await;
    let missing = missing.unwrap_err();
    assert_eq!(missing.code(), Some(Code::BadRequest));
    assert!(missing.to_string().contains("Missing 'products' in body"), "{missing}");
}

/// A region of its own tables with the catalogue in it, on a network with others. America's writes the catalogue.
pub(crate) async fn shop_in(name: &str, network: &Network) -> Running {
    let tables = products::TABLES.iter().copied().chain([inbox::TABLE]).collect();
    let needs = Needs { tables, subscriptions: products::SUBSCRIPTION.into_iter().collect() };
    let build = |platform: Platform| vec![products::service(platform)];
    let place = Running::start(name, network, needs, build, Router::new()).await;
    products::seed(&place.platform).await.unwrap();
    place
}

/// A product that no catalogue has, and what it costs.
fn draft(price: i64) -> Value {
    json!({ "name": "Lancero", "category": "lancero", "price": price,
            "package": { "width": 20, "length": 190, "height": 20, "weight": 12 } })
}

const NEW: &str = "0190c2f4-0000-7000-8000-0000000000aa";

/// An administrator's command, with the version that it is for: status, the answer's version and its body.
async fn command(
    place: &Running,
    token: &str,
    method: Method,
    if_match: Option<&str>,
    draft: &Value,
) -> (u16, String, Value) {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("authorization", bearer.as_str()), ("x-deadline-ms", "8000")];
    headers.extend(if_match.map(|version| ("if-match", version)));
    let path = format!("/products/admin/{NEW}");
    let (status, headers, body) = place.send(method, &path, &headers, draft).await;
    let etag = headers.get("etag").map(|etag| etag.to_str().unwrap().to_owned());
    (status, etag.unwrap_or_default(), body)
}

/// What the bus has had of the product, by type; copies of an event do not count.
fn told(place: &Running) -> BTreeMap<(String, String), Value> {
    let told = place.cloud.tap().into_iter().filter(|event| event["resources"] == json!([NEW]));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    told.map(|event| {
        let id = text(&event["detail"]["metadata"]["eventId"]);
        ((text(&event["detail-type"]), id), event["detail"].clone())
    })
    .collect()
}

async fn told_of(place: &Running, types: &[&str]) -> Vec<Value> {
    let told = eventually("the events", async || {
        let told = told(place);
        (told.len() >= types.len()).then_some(told)
    })
    .await;
    assert!(told.keys().map(|(name, _)| name.as_str()).eq(types.iter().copied()), "{told:?}");
    told.into_values().collect()
}

#[tokio::test]
async fn each_change_of_a_product_is_for_a_version_and_told_once() {
    let place = shop_in("us-east-1", &Network::new()).await;
    let boss = place.token("boss").await;
    let put = async |if_match, price| command(&place, &boss, Method::PUT, if_match, &draft(price)).await;
    let delete = async |if_match| command(&place, &boss, Method::DELETE, if_match, &Value::Null).await;
    let stale = |answer: (u16, String, Value)| {
        assert_eq!((answer.0, &answer.2["code"]), (412, &json!("PRECONDITION_FAILED")), "{answer:?}");
    };
    assert_unknown(&delete(Some("\"1\"")).await);
    for _ in 0..2 {
        let (status, etag, product) = put(None, 900).await;
        assert_eq!((status, etag.as_str(), &product["version"]), (200, "\"1\"", &json!(1)), "{product}");
    }
    stale(put(None, 950).await);
    for _ in 0..2 {
        let (status, etag, product) = put(Some("\"1\""), 950).await;
        assert_eq!((status, etag.as_str(), &product["price"]), (200, "\"2\"", &json!(950)), "{product}");
    }
    stale(put(Some("\"1\""), 990).await);
    stale(delete(Some("\"1\"")).await);
    for unreadable in [Some("2"), Some("W/\"2\""), Some("*"), None] {
        let (status, _, answer) = delete(unreadable).await;
        assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")), "{unreadable:?}: {answer}");
    }
    for _ in 0..2 {
        let (status, etag, product) = delete(Some("\"2\"")).await;
        assert_eq!((status, etag.as_str(), &product["active"]), (200, "\"3\"", &json!(false)), "{product}");
    }
    assert_unknown(&put(Some("\"3\""), 950).await);
    let told = told_of(&place, &["ProductCreated", "ProductDeleted", "ProductModified"]).await;
    assert_eq!((&told[0]["version"], &told[1]["version"]), (&json!(1), &json!(3)));
    let (old, new) = (&told[2]["old"], &told[2]["new"]);
    assert_eq!((&old["price"], &new["price"], &new["version"]), (&json!(900), &json!(950), &json!(2)));
    let changed = told[2]["changed"].as_array().unwrap();
    assert!(changed.contains(&json!("price")) && !changed.contains(&json!("name")), "{changed:?}");
}

/// There is no such product, or none any more.
fn assert_unknown(answer: &(u16, String, Value)) {
    assert_eq!((answer.0, &answer.2["code"]), (404, &json!("NOT_FOUND")), "{answer:?}");
}

#[tokio::test]
async fn readers_see_a_change_at_once_and_know_it_by_its_etag() {
    let place = shop_in("us-east-1", &Network::new()).await;
    let boss = place.token("boss").await;
    let path = format!("/products/{NEW}");
    let read = async |held: &str| {
        let (status, headers, _) =
            place.send(Method::GET, &path, &[("if-none-match", held)], &Value::Null).await;
        (status, headers.get("etag").map(|etag| etag.to_str().unwrap().to_owned()))
    };
    assert_eq!(read("\"1\"").await, (404, None));
    command(&place, &boss, Method::PUT, None, &draft(900)).await;
    assert_eq!(read("\"1\"").await, (304, Some("\"1\"".to_owned())));
    command(&place, &boss, Method::PUT, Some("\"1\""), &draft(950)).await;
    assert_eq!(read("\"1\"").await, (200, Some("\"2\"".to_owned())));
    assert_eq!(read("W/\"1\", W/\"2\"").await, (304, Some("\"2\"".to_owned())));
    command(&place, &boss, Method::DELETE, Some("\"2\""), &Value::Null).await;
    assert_eq!(read("\"2\"").await, (404, None));
}

#[tokio::test]
async fn nobody_but_administrators_changes_the_catalogue() {
    let place = shop_in("us-east-1", &Network::new()).await;
    let path = format!("/products/admin/{NEW}");
    // What a body must look like only administrators hear.
    for (method, body) in [(Method::PUT, draft(900)), (Method::PUT, json!(7)), (Method::DELETE, Value::Null)]
    {
        let nobody = place.ask("", method.clone(), &path, &body).await;
        assert_eq!((nobody.0, &nobody.1["code"]), (401, &json!("UNAUTHENTICATED")), "{method} {body}");
        for who in ["ann", "picker", "courier"] {
            let refused = place.ask(&place.token(who).await, method.clone(), &path, &body).await;
            assert_eq!((refused.0, &refused.1["code"]), (403, &json!("FORBIDDEN")), "{who}: {method} {body}");
        }
        let path = format!("/admin/{NEW}");
        let service = place.call::<Value>("orders", method, "products", &path, &body).await;
        assert_eq!(service.unwrap_err().code(), Some(Code::Forbidden));
    }
    assert_eq!(place.ask("", Method::GET, &format!("/products/{NEW}"), &Value::Null).await.0, 404);
    assert_eq!(told(&place).len(), 0);
}

#[tokio::test]
async fn a_draft_that_breaks_rules_is_refused_with_a_field_each() {
    let place = shop_in("us-east-1", &Network::new()).await;
    let boss = place.token("boss").await;
    let mut bad = draft(-1);
    (bad["category"], bad["pictures"]) = (json!("Two Words"), json!(["ftp://x"]));
    let (status, _, answer) = command(&place, &boss, Method::PUT, None, &bad).await;
    let fields = answer["details"].as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap());
    assert_eq!((status, fields.collect::<Vec<_>>()), (422, vec!["category", "pictures[0]", "price"]));
}

#[tokio::test]
async fn a_change_is_made_by_the_one_region_that_writes_wherever_it_is_asked_for() {
    let network = Network::new();
    let elsewhere = shop_in("eu-west-1", &network).await;
    let boss = elsewhere.token("boss").await;
    // The region that writes is not there yet: nothing is changed here instead.
    let (status, _, answer) = command(&elsewhere, &boss, Method::PUT, None, &draft(900)).await;
    assert_eq!((status, &answer["code"]), (503, &json!("DEADLINE")), "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("us-east-1"), "{answer}");
    let home = shop_in("us-east-1", &network).await;
    let (status, etag, _) = command(&elsewhere, &boss, Method::PUT, None, &draft(900)).await;
    assert_eq!((status, etag.as_str()), (200, "\"1\""));
    let (status, _, answer) = command(&elsewhere, &boss, Method::PUT, Some("\"5\""), &draft(950)).await;
    assert_eq!((status, &answer["code"]), (412, &json!("PRECONDITION_FAILED")), "{answer}");
    let (status, etag, _) = command(&elsewhere, &boss, Method::DELETE, Some("\"1\""), &Value::Null).await;
    assert_eq!((status, etag.as_str()), (200, "\"2\""));
    told_of(&home, &["ProductCreated", "ProductDeleted"]).await;
    let rows = elsewhere.cloud.dump_table("products").unwrap();
    assert!(rows.iter().all(|row| row["productId"] != json!(NEW)), "written in two regions");
    assert_eq!(told(&elsewhere).len(), 0);
}
