use super::*;
use axum::{
    Router,
    body::Body,
    extract::Path,
    http::Request as HttpRequest,
    routing::{get, post},
};
use contracts::{ErrorBody, UserId, graphql};
use http::StatusCode;
use platform::{Config, World, identity::Person, network::Network};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tower::ServiceExt;

/// The authority under which a region's services stand.
const REGION: &str = "region.test";

fn config() -> Config {
    let continent =
        |id: &str| json!({ "id": id, "journal_region": "eu-west-1", "successors": ["eu-west-1"] });
    serde_json::from_value(json!({
        "env": "test",
        "region": "eu-west-1",
        "regions": [{ "name": "eu-west-1", "continent": "eu", "url": format!("http://{REGION}/{{service}}") }],
        "continents": [continent("am"), continent("eu"), continent("ap")],
        "shards": 4,
        "warehouses": [],
        "pools": [],
        "provider_url": "http://provider.test",
        "carrier_url": "http://carrier.test",
        "age_check_url": "http://age-check.test",
        "heartbeat_ms": 50,
        "suspect_after_ms": 250,
        "secrets": { "service_key": "s", "payment_key": "p", "provider_key": "k", "age_check_key": "a" },
    }))
    .expect("a configuration")
}

/// The door in front of these services.
fn door(services: Router) -> Router {
    let network = Network::new();
    network.mount(REGION, services);
    let http = aws_smithy_http_client::Builder::new().build_http();
    let platform = Platform::new(World::new(0, 1, http), config(), network).expect("a platform");
    routes(&platform).into_parts().0
}

fn person(groups: &[&str]) -> Caller {
    let groups: BTreeSet<String> = groups.iter().map(ToString::to_string).collect();
    Caller::Person(Person { user_id: UserId::from("ann"), home: "eu".into(), groups })
}

async fn ask(door: Router, caller: Caller, query: &str, variables: Value) -> (StatusCode, Value) {
    let body = json!({ "query": query, "variables": variables });
    let request = HttpRequest::post("/graphql")
        .header("content-type", "application/json")
        .header("authorization", "Bearer t")
        .extension(caller)
        .body(Body::from(body.to_string()))
        .expect("a request");
    answer(door, request).await
}

async fn answer(door: Router, request: HttpRequest<Body>) -> (StatusCode, Value) {
    let response = door.oneshot(request).await.expect("an answer");
    let status = response.status();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.expect("a body");
    let body = serde_json::from_slice(&bytes);
    (status, body.unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned())))
}

fn orders(create: fn() -> Response) -> Router {
    let routes = Router::new().route("/", post(async move || create()));
    Router::new().nest("/orders", routes)
}

fn order_input() -> Value {
    let address =
        json!({ "name": "Ann", "streetAddress": "1", "city": "Miami", "country": "US", "phoneNumber": "+1" });
    let line = json!({ "productId": "0190c2f4-0000-7000-8000-000000000001", "name": "Robusto", "price": 1200,
                       "package": { "width": 1, "length": 1, "height": 1, "weight": 1 } });
    json!({ "order": { "products": [line], "address": address, "deliveryPrice": 0, "paymentToken": "tok_1" } })
}

fn refusal(code: Code) -> Response {
    let status = StatusCode::from_u16(code.status()).expect("a status");
    (status, Json(ErrorBody::new(code, "no"))).into_response()
}

#[tokio::test]
async fn a_retryable_failure_of_an_order_tells_the_edge_to_try_elsewhere() {
    type Case = (fn() -> Response, u16, Code, bool);
    let cases: [Case; 4] = [
        (|| refusal(Code::DurabilityUnavailable), 503, Code::DurabilityUnavailable, true),
        (|| refusal(Code::Deadline), 503, Code::Deadline, true),
        (|| refusal(Code::IdempotencyKeyReused), 200, Code::IdempotencyKeyReused, false),
        (|| "nonsense".into_response(), 500, Code::Internal, true),
    ];
    for (create, status, code, retryable) in cases {
        let (told, body) = ask(door(orders(create)), person(&[]), graphql::CREATE_ORDER, order_input()).await;
        let order = &body["data"]["createOrder"];
        assert_eq!(told.as_u16(), status, "{body}");
        assert_eq!(order["success"], json!(false), "{body}");
        assert_eq!(order["code"], json!(code.to_string()), "{body}");
        assert_eq!(order["retryable"], json!(retryable), "{body}");
    }
}

#[tokio::test]
async fn an_unnamed_attempt_gets_a_name_and_is_told_so() {
    let echo = async |headers: HeaderMap, Json(body): Json<Value>| {
        let key = headers["idempotency-key"].to_str().expect("text").to_owned();
        assert_eq!(body["idempotencyKey"], json!(key));
        assert_eq!(body["products"][0]["quantity"], json!(1), "one unit where the client does not say");
        assert_eq!(headers["authorization"], "Bearer t");
        Json(json!({ "success": true, "message": key, "durability": "MULTI_CONTINENT" }))
    };
    let services = Router::new().nest("/orders", Router::new().route("/", post(echo)));
    let (status, body) = ask(door(services), person(&[]), graphql::CREATE_ORDER, order_input()).await;
    let order = &body["data"]["createOrder"];
    assert_eq!((status, &order["success"]), (StatusCode::OK, &json!(true)), "{body}");
    assert_eq!(order["durability"], json!("MULTI_CONTINENT"));
    let message = order["message"].as_str().expect("text");
    assert!(message.starts_with("auto-") && message.contains("idempotencyKey is absent"), "{message}");
}

#[tokio::test]
async fn an_answer_that_orders_gave_before_is_marked_as_such() {
    for again in [false, true] {
        let body = json!({ "success": true, "message": "made", "durability": "MULTI_CONTINENT" });
        let create = async move || Replay { body, again };
        let services = Router::new().nest("/orders", Router::new().route("/", post(create)));
        let body = json!({ "query": graphql::CREATE_ORDER, "variables": order_input() });
        let request = HttpRequest::post("/graphql")
            .header("content-type", "application/json")
            .extension(person(&[]))
            .body(Body::from(body.to_string()))
            .expect("a request");
        let response = door(services).oneshot(request).await.expect("an answer");
        let said = response.headers().get("idempotent-replay").map(|value| value.as_bytes());
        assert_eq!((response.status(), said), (StatusCode::OK, again.then_some(b"true".as_slice())));
    }
}

#[tokio::test]
async fn a_line_that_is_no_line_is_refused_before_anybody_is_asked() {
    let mut input = order_input();
    input["order"]["products"][0]["quantity"] = json!(-9);
    let (status, body) = ask(door(Router::new()), person(&[]), graphql::CREATE_ORDER, input).await;
    let order = &body["data"]["createOrder"];
    assert_eq!((status, &order["code"]), (StatusCode::OK, &json!("VALIDATION_FAILED")), "{body}");
    assert_eq!(order["retryable"], json!(false));
}

#[tokio::test]
async fn nobody_and_the_wrong_group_are_told_apart() {
    let input = json!({ "input": { "orderId": "0190c2f4-0000-7000-8000-000000000001" } });
    for (caller, code) in [(Caller::Anonymous, "UNAUTHENTICATED"), (person(&["delivery"]), "FORBIDDEN")] {
        let (status, body) = ask(door(Router::new()), caller, graphql::START_PACKAGING, input.clone()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(body["errors"][0]["extensions"]["code"], json!(code), "{body}");
        assert_eq!(body["errors"][0]["extensions"]["retryable"], json!(false), "{body}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_null_and_what_does_not_answer_is_an_error() {
    let lookup = async |Path(id): Path<String>| match id.ends_with('1') {
        true => refusal(Code::NotFound),
        false => refusal(Code::Deadline),
    };
    let services = || Router::new().nest("/orders", Router::new().route("/{id}", get(lookup)));
    let order = |last: u8| json!({ "orderId": format!("0190c2f4-0000-7000-8000-00000000000{last}") });
    let (status, body) = ask(door(services()), person(&[]), graphql::GET_ORDER, order(1)).await;
    assert_eq!((status, body), (StatusCode::OK, json!({ "data": { "getOrder": null } })));
    let (status, body) = ask(door(services()), person(&[]), graphql::GET_ORDER, order(2)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(body["errors"][0]["extensions"]["code"], json!("DEADLINE"), "{body}");
    let (status, body) =
        ask(door(services()), person(&[]), graphql::GET_ORDER, json!({ "orderId": "x" })).await;
    assert_eq!((status, body), (StatusCode::OK, json!({ "data": { "getOrder": null } })));
}

#[tokio::test]
async fn the_schema_may_be_asked_about_as_deep_as_tools_do() {
    let query = "query IntrospectionQuery { __schema { types { fields { args { type { kind ofType { kind ofType \
                 { kind ofType { kind ofType { kind ofType { kind ofType { kind name } } } } } } } } } } } }";
    let (status, body) = ask(door(Router::new()), Caller::Anonymous, query, Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body.get("errors"), None, "{body}");
    let mixed = format!("{{ getProducts {{ nextToken }} {}", &query["query IntrospectionQuery { ".len()..]);
    let (_, body) = ask(door(Router::new()), Caller::Anonymous, &mixed, Value::Null).await;
    assert_eq!(body["errors"][0]["message"], json!("Query is nested too deep."));
}

#[tokio::test]
async fn a_body_that_is_no_request_is_refused_in_our_words() {
    for text in ["{", "7", "{}", r#"{"query":""}"#] {
        let request = HttpRequest::post("/graphql")
            .header("content-type", "application/json")
            .body(Body::from(text))
            .expect("a request");
        let (status, body) = answer(door(Router::new()), request).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::BAD_REQUEST, &json!("BAD_REQUEST")),
            "{text}: {body}"
        );
    }
}

#[tokio::test]
async fn the_explorer_and_the_schema_are_there() {
    for (path, wanted) in [("/graphql", "GraphiQL"), ("/schema.graphql", "type Mutation")] {
        let request = HttpRequest::get(path).body(Body::empty()).expect("a request");
        let (status, body) = answer(door(Router::new()), request).await;
        assert_eq!(status, StatusCode::OK);
        assert!(body.as_str().is_some_and(|text| text.contains(wanted)), "{path}: {body}");
    }
}

/// An order of Ann's as the orders service shows it.
fn order_of_ann(version: u64, status: &str, payment: &str, stock: &str) -> Value {
    let line = json!({ "productId": "0190c2f4-0000-7000-8000-000000000001", "name": "Robusto", "price": 1200,
                       "package": { "width": 1, "length": 1, "height": 1, "weight": 1 }, "quantity": 1 });
    json!({
        "orderId": "0190c2f4-0000-7000-8000-000000000002", "userId": "ann", "status": status, "products": [line],
        "createdDate": "2026-01-01T00:00:00.000Z", "modifiedDate": "2026-01-01T00:00:00.000Z",
        "address": order_input()["order"]["address"], "deliveryPrice": 0, "total": 1200, "currency": "USD",
        "version": version, "epoch": 1, "homeRegion": "eu-west-1", "home": "eu", "shard": "eu-00",
        "idempotencyKey": "k", "requestHash": "h", "paymentState": payment, "captured": 1200, "refunded": 0,
        "stockState": stock, "warehouseId": "wh-eu", "allocation": 1, "acceptPartial": true,
        "allowBackorder": false, "attention": false, "history": [],
    })
}

/// Follows an order; each look at it finds the next of `versions`, and the last one for ever.
async fn followed(versions: Vec<Value>, caller: Caller) -> String {
    let looks = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let show = async move |_: Path<String>| {
        let look = looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Json(versions[look.min(versions.len() - 1)].clone())
    };
    let services = Router::new().nest("/orders", Router::new().route("/{id}", get(show)));
    let body = json!({
        "query": "subscription($id: ID!) { orderUpdated(orderId: $id) { version status } }",
        "variables": { "id": "0190c2f4-0000-7000-8000-000000000002" },
    });
    let request = HttpRequest::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .header("authorization", "Bearer t")
        .extension(caller)
        .body(Body::from(body.to_string()))
        .expect("a request");
    let (status, told) = answer(door(services), request).await;
    assert_eq!(status, StatusCode::OK);
    told.as_str().expect("events").to_owned()
}

#[tokio::test]
async fn an_order_is_followed_until_it_is_over() {
    let packaging = order_of_ann(2, "PACKAGING", "AUTHORISED", "COMMITTED");
    let fulfilled = order_of_ann(3, "FULFILLED", "CAPTURED", "CONSUMED");
    // The first look only tells whether there is such an order.
    let told = followed(vec![packaging.clone(), packaging, fulfilled], person(&[])).await;
    let data = told.lines().filter_map(|line| line.strip_prefix("data: "));
    let data: Vec<Value> = data.filter_map(|text| serde_json::from_str(text).ok()).collect();
    let change = |version: u64, status: &str| json!({ "data": { "orderUpdated": { "version": version, "status": status } } });
    assert_eq!(data, [change(2, "PACKAGING"), change(3, "FULFILLED")], "{told}");
    assert!(told.trim_end().ends_with("event: complete"), "{told}");
}

#[tokio::test]
async fn nobody_follows_the_order_of_somebody_else() {
    let mut order = order_of_ann(1, "NEW", "AUTHORISED", "COMMITTED");
    order["userId"] = json!("bob");
    assert!(followed(vec![order.clone()], person(&[])).await.contains("NOT_FOUND"));
    assert!(followed(vec![order], Caller::Anonymous).await.contains("UNAUTHENTICATED"));
}

/// A users service whose every cart is empty and bears the path that it was asked by.
fn carts() -> Router {
    let tell =
        async |request: HttpRequest<Body>| Json(json!({ "cartId": request.uri().path(), "items": [] }));
    Router::new().nest("/users", Router::new().fallback(tell))
}

/// The path of the cart that was used, or the code of the refusal.
async fn cart_used(caller: Caller, document: &str, variables: Value) -> String {
    let (_, body) = ask(door(carts()), caller, document, variables).await;
    let data = body["data"].as_object().and_then(|data| data.values().next());
    let cart = data.and_then(|cart| cart["cartId"].as_str());
    let code = body["errors"][0]["extensions"]["code"].as_str();
    cart.or(code).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn who_calls_decides_which_cart_is_meant() {
    let id = "5f0c2f40-1111-4222-8333-000000000001";
    let put = |cart: Option<&str>| json!({ "input": { "cartId": cart, "productId": id, "quantity": 1 } });
    let get = |cart: Option<&str>| json!({ "cartId": cart });
    let (nobody, ann) = (Caller::Anonymous, person(&[]));
    let anonymous = format!("/carts/{id}");
    for (caller, document, variables, used) in [
        (&nobody, graphql::PUT_CART_ITEM, put(None), "/carts".to_owned()),
        (&nobody, graphql::PUT_CART_ITEM, put(Some(id)), format!("{anonymous}/items")),
        (&nobody, graphql::PUT_CART_ITEM, put(Some("ann")), "NOT_FOUND".into()),
        (&nobody, graphql::GET_CART, get(None), "UNAUTHENTICATED".into()),
        (&nobody, graphql::GET_CART, get(Some(id)), anonymous),
        (&nobody, graphql::MERGE_CART, json!({ "anonymousCartId": id }), "UNAUTHENTICATED".into()),
        (&ann, graphql::PUT_CART_ITEM, put(None), "/cart/items".into()),
        (&ann, graphql::GET_CART, get(Some("ann")), "/cart".into()),
        (&ann, graphql::GET_CART, get(Some(id)), "NOT_FOUND".into()),
        (&ann, graphql::MERGE_CART, json!({ "anonymousCartId": id }), "/cart/merge".into()),
        (&ann, graphql::MERGE_CART, json!({ "anonymousCartId": "mine" }), "NOT_FOUND".into()),
    ] {
        let asked = format!("{document} {variables}");
        assert_eq!(cart_used(caller.clone(), document, variables).await, used, "{asked}");
    }
}
