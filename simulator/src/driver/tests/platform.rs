//! A platform of a few lines, with a payment provider: right where the driver looks, and wrong on demand.

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use contracts::keys;
use loadtests::{
    Customer,
    population::{default_shares, generate},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

const DELIVERY: i64 = 1_500;

/// What is wrong with it.
#[derive(Clone, Copy, Default)]
pub(super) struct Mood {
    /// Answers nothing in between, counted from its start; then all at once.
    pub(super) stall: Option<(Duration, Duration)>,
    /// Every so many requests fail with 503; 0 for none.
    pub(super) fail_every: u64,
    /// Accepts orders that it should refuse.
    pub(super) accept_anything: bool,
}

pub(super) struct Platform {
    pub(super) url: String,
    state: Arc<Mutex<Books>>,
}

struct Books {
    mood: Mood,
    began: Instant,
    requests: u64,
    attempts: usize,
    people: Vec<Customer>,
    authorised: BTreeMap<String, i64>,
    spent: BTreeMap<String, String>,
    orders: BTreeMap<String, (String, Value)>,
    bodies: BTreeMap<String, Value>,
}

impl Platform {
    pub(super) async fn serve(mood: Mood) -> Self {
        let state = Arc::new(Mutex::new(Books {
            mood,
            began: Instant::now(),
            requests: 0,
            attempts: 0,
            people: generate(1, 40, &default_shares()),
            authorised: BTreeMap::new(),
            spent: BTreeMap::new(),
            orders: BTreeMap::new(),
            bodies: BTreeMap::new(),
        }));
        let router = Router::new().route("/graphql", post(graphql)).route("/preauth", post(pre_authorise));
        let router = router.with_state(Arc::clone(&state));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Platform { url, state }
    }

    pub(super) fn orders(&self) -> BTreeSet<String> {
        self.state.lock().unwrap().orders.keys().cloned().collect()
    }

    pub(super) fn attempts(&self) -> usize {
        self.state.lock().unwrap().attempts
    }
}

type Shared = State<Arc<Mutex<Books>>>;

async fn pre_authorise(State(books): Shared, headers: HeaderMap, Json(body): Json<Value>) -> Json<Value> {
    assert_eq!(headers["x-api-key"], "merchant");
    let mut books = books.lock().unwrap();
    let token = format!("paid-{}", books.authorised.len());
    books.authorised.insert(token.clone(), body["amount"].as_i64().unwrap());
    Json(json!({ "paymentToken": token }))
}

async fn graphql(State(books): Shared, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    let (began, mood, number) = {
        let mut books = books.lock().unwrap();
        books.requests += 1;
        (books.began, books.mood, books.requests)
    };
    if let Some((from, to)) = mood.stall
        && (from..to).contains(&began.elapsed())
    {
        sleep_until(began + to).await;
    }
    let query = body["query"].as_str().unwrap();
    if query.contains("__typename") {
        return Json(json!({ "data": {} })).into_response();
    }
    let mut books = books.lock().unwrap();
    if query.contains("createOrder(") {
        books.attempts += 1;
    }
    if mood.fail_every > 0 && number.is_multiple_of(mood.fail_every) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let user = user(&books, &headers);
    let data = answer(&mut books, &user, query, &body["variables"], &headers);
    let served_by = [("x-served-by", "eu-west-1"), ("x-attempts", "1")];
    (served_by, Json(json!({ "data": data }))).into_response()
}

fn user(books: &Books, headers: &HeaderMap) -> Customer {
    let name = headers["authorization"].to_str().unwrap().strip_prefix("Bearer ").unwrap();
    books.people.iter().find(|customer| customer.username == name).unwrap().clone()
}

fn answer(books: &mut Books, user: &Customer, query: &str, variables: &Value, headers: &HeaderMap) -> Value {
    let product = |id: Value| json!({ "productId": id, "name": "Corona", "price": 1_001, "package": {} });
    let own = |order: Option<&(String, Value)>| match order {
        Some((of, order)) if *of == user.username => order.clone(),
        _ => Value::Null,
    };
    if query.contains("createOrder(") {
        json!({ "createOrder": create(books, user, &variables["order"], headers) })
    } else if query.contains("cancelOrder(") {
        json!({ "cancelOrder": change(books, user, &variables["input"], "NEW", "CANCELLING", headers) })
    } else if query.contains("requestReturn(") {
        let (from, to) = ("FULFILLED", "RETURN_REQUESTED");
        json!({ "requestReturn": change(books, user, &variables["input"], from, to, headers) })
    } else if query.contains("getOrders(") {
        json!({ "getOrders": { "orders": [], "nextToken": null } })
    } else if query.contains("getOrderByKey(") {
        let id = keys::order_id(&user.sub, variables["idempotencyKey"].as_str().unwrap()).to_string();
        json!({ "getOrderByKey": own(books.orders.get(&id)) })
    } else if query.contains("getOrder(") {
        let id = variables["orderId"].as_str().unwrap();
        deliver(books, id);
        json!({ "getOrder": own(books.orders.get(id)) })
    } else if query.contains("getProducts(") {
        let page = [product(json!("00000000-0000-0000-0000-000000000001"))];
        json!({ "getProducts": { "products": page, "nextToken": null } })
    } else if query.contains("searchProducts(") {
        json!({ "searchProducts": { "products": [], "nextToken": null } })
    } else if query.contains("getProduct(") {
        json!({ "getProduct": product(variables["productId"].clone()) })
    } else if query.contains("putCartItem(") {
        let input = &variables["input"];
        let item = json!({ "product": product(input["productId"].clone()), "quantity": input["quantity"] });
        json!({ "putCartItem": { "cartId": "c", "items": [item], "total": 1, "currency": "USD" } })
    } else {
        json!({ "getDeliveryPricing": { "pricing": DELIVERY, "currency": "USD" } })
    }
}

fn create(books: &mut Books, user: &Customer, body: &Value, headers: &HeaderMap) -> Value {
    let key = headers["idempotency-key"].to_str().unwrap();
    assert_eq!(body["idempotencyKey"], key);
    let id = keys::order_id(&user.sub, key).to_string();
    let refuse = |code: &str| json!({ "success": false, "message": "no", "code": code, "retryable": false });
    if let Some((_, order)) = books.orders.get(&id).cloned() {
        let same = books.bodies[&id] == *body;
        return if same {
            json!({ "success": true, "order": order })
        } else {
            refuse("IDEMPOTENCY_KEY_REUSED")
        };
    }
    let total = match checked(books, body) {
        Ok(total) => total,
        Err(code) if !books.mood.accept_anything => return refuse(code),
        Err(_) => 0,
    };
    let token = body["paymentToken"].as_str().unwrap().to_owned();
    books.spent.insert(token, id.clone());
    let order = json!({
        "orderId": id, "userId": user.sub, "status": "NEW", "total": total, "version": 1, "currency": "USD",
    });
    books.orders.insert(id.clone(), (user.username.clone(), order.clone()));
    books.bodies.insert(id, body.clone());
    json!({ "success": true, "message": "", "order": order, "durability": "MULTI_CONTINENT" })
}

/// An order is delivered as soon as somebody looks for it.
fn deliver(books: &mut Books, id: &str) {
    if let Some((_, order)) = books.orders.get_mut(id).filter(|(_, order)| order["status"] == "NEW") {
        advance(order, "FULFILLED");
    }
}

fn advance(order: &mut Value, status: &str) {
    order["status"] = json!(status);
    order["version"] = json!(order["version"].as_u64().unwrap() + 1);
}

/// Moves the caller's own order from one status to another, if it stands there.
fn change(
    books: &mut Books,
    user: &Customer,
    input: &Value,
    from: &str,
    to: &str,
    headers: &HeaderMap,
) -> Value {
    assert_eq!(input["idempotencyKey"], headers["idempotency-key"].to_str().unwrap());
    let (of, order) = books.orders.get_mut(input["orderId"].as_str().unwrap()).unwrap();
    assert_eq!(*of, user.username, "another customer's order");
    if order["status"] != from {
        return json!({ "success": false, "message": "no", "code": "CONFLICT", "order": null });
    }
    advance(order, to);
    json!({ "success": true, "message": null, "code": null, "order": order })
}

/// The total of an honest order.
fn checked(books: &Books, body: &Value) -> Result<i64, &'static str> {
    let lines = body["products"].as_array().unwrap();
    let mut total = body["deliveryPrice"].as_i64().unwrap();
    if total != DELIVERY {
        return Err("VALIDATION_FAILED");
    }
    let mut seen = BTreeSet::new();
    for line in lines {
        let (price, quantity) = (line["price"].as_i64().unwrap(), line["quantity"].as_i64().unwrap());
        let new = seen.insert(line["productId"].as_str().unwrap());
        if !new || price < 1_000 || !(1..=99).contains(&quantity) {
            return Err("VALIDATION_FAILED");
        }
        total += price * quantity;
    }
    let token = body["paymentToken"].as_str().unwrap();
    let covered = books.authorised.get(token).is_some_and(|amount| *amount >= total);
    if !covered || books.spent.contains_key(token) { Err("PAYMENT_REFUSED") } else { Ok(total) }
}
