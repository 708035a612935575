//! What people do in the shop: customers, pickers, couriers and the desk. Each asks until the answer is definite.

use std::time::Duration;

use bytes::Bytes;
use contracts::bodies::delivery::{PricingRequest, PricingResponse};
use contracts::bodies::orders::CreateOrderRequest;
use contracts::events::ProductUnits;
use contracts::{Continent, Order, OrderId, OrderStatus, ProductId, Region, keys};
use http::{Method, Request, header};
use loadtests::client::{self, Reply};
use loadtests::{Customer, basket};
use platform::Deadline;
use platform::calls::Credential;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{HOME, LOOK_EVERY, Paused, WAREHOUSE, authority};
use crate::saga::units;
use crate::users::{found, signed};

/// One answer comes within this time, or it does not come.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Whoever asks gives up after this time.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where a picker works: a region and one of its warehouses.
pub(crate) type Post = (&'static str, &'static str);

const AT_HOME: Post = (HOME, WAREHOUSE);

/// Somebody of the staff, by group and the continent of their account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Staff {
    Picker(&'static str),
    Courier,
    Administrator,
}

/// An order that was accepted.
#[derive(Clone)]
pub(crate) struct Bought {
    pub(crate) order_id: OrderId,
    pub(crate) customer: Customer,
    pub(crate) token: String,
    pub(crate) request: CreateOrderRequest,
    pub(crate) key: String,
    /// When it was sent and when the answer was there, Unix ms.
    pub(crate) sent_ms: i64,
    pub(crate) answered_ms: i64,
}

impl Paused {
    /// A request to a service of a region as a person sends it: status and body. An empty token is nobody's; a null body
    /// is none.
    pub(crate) async fn ask(
        &self,
        at: &Region,
        token: &str,
        method: Method,
        path: &str,
        key: &str,
        body: &Value,
    ) -> (u16, Value) {
        let host = authority(at);
        let mut request = Request::builder().method(method).uri(format!("http://{host}{path}"));
        request = request.header(header::HOST, host).header("idempotency-key", key);
        if !token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let mut bytes = Bytes::new();
        if !body.is_null() {
            request = request.header(header::CONTENT_TYPE, "application/json");
            bytes = Bytes::from(body.to_string());
        }
        let sent = self.network.send(request.body(bytes).unwrap());
        let Ok(answer) = tokio::time::timeout(ANSWER_LIMIT, sent).await else { return (504, Value::Null) };
        let answer = answer.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or(Value::Null))
    }

    /// Asks until it is done: whoever works for the shop comes again until it is their turn.
    pub(crate) async fn insist(
        &self,
        at: &Region,
        token: &str,
        method: Method,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Value {
        let began = tokio::time::Instant::now();
        loop {
            let (status, answer) = self.ask(at, token, method.clone(), path, key, body).await;
            if (200..300).contains(&status) {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "{path}: {status} {answer}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The access token of somebody who signs in.
    pub(crate) async fn sign_in(&self, home: &Continent, username: &str, password: &str) -> String {
        let place = self.plan.scenario.topology.continent(home).unwrap();
        let wanted = client::sign_in(&self.plan.pools[home].client_id, username, password);
        let mut request = Request::post("/");
        for (name, value) in wanted.headers {
            request = request.header(name, value);
        }
        let router = self.places[&place.journal_region].cloud.router();
        let response =
            router.oneshot(request.body(axum::body::Body::from(wanted.body)).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 64 * 1024).await.unwrap();
        client::signed_in(Reply { status, body: &body }).unwrap()
    }

    /// The token of one of the staff.
    pub(crate) async fn staff(&self, who: Staff) -> String {
        let known = self.tokens.lock().unwrap().get(&who).cloned();
        if let Some(token) = known {
            return token;
        }
        let (group, warehouse) = match who {
            Staff::Picker(warehouse) => ("warehouse", Some(warehouse)),
            Staff::Courier => ("delivery", None),
            Staff::Administrator => ("admin", None),
        };
        let fits = |one: &&loadtests::population::Staff| {
            one.group == group
                && warehouse.is_none_or(|id| one.warehouse.as_ref().is_some_and(|at| at.as_str() == id))
        };
        // The first ones live where everybody buys.
        let one = self.plan.staff.iter().find(fits).unwrap();
        let token = self.sign_in(&one.home, &one.username, &one.password).await;
        self.tokens.lock().unwrap().insert(who, token.clone());
        token
    }

    /// An order of so many units of products, by their places in the catalogue, priced and paid. All go to one address.
    pub(crate) async fn draft(&self, buyer: usize, lines: &[(usize, u32)]) -> CreateOrderRequest {
        let products = lines.iter().map(|(place, units)| self.catalogue[*place].line(*units)).collect();
        let mut order = basket::draft(products, &self.plan.customers[0].address);
        let priced = PricingRequest { products: order.products.clone(), address: order.address.clone() };
        let call = self.home().platform.calls.here("delivery");
        let deadline = Deadline::within(ANSWER_LIMIT);
        let price = call.post(Credential::Service("orders"), "/backend/pricing", &priced, deadline).await;
        let price: PricingResponse = price.unwrap();
        (order.delivery_price, order.currency) = (price.pricing, Some(price.currency));
        order.payment_token = self.pay(buyer, &order).await;
        order
    }

    /// Another token for the same total.
    pub(crate) async fn pay(&self, buyer: usize, order: &CreateOrderRequest) -> String {
        let total = Order::computed_total(&order.products, order.delivery_price).unwrap();
        let currency = order.currency.as_deref().unwrap();
        let key = &self.plan.secrets.provider_key;
        let wanted = client::pre_authorise(key, &self.plan.customers[buyer], total, currency);
        let mut request = Request::post(format!("http://provider.local{}", wanted.path));
        for (name, value) in wanted.headers {
            request = request.header(name, value);
        }
        let answer = self.network.send(request.body(Bytes::from(wanted.body)).unwrap()).await.unwrap();
        let reply = Reply { status: answer.status().as_u16(), body: answer.body() };
        client::pre_authorised(reply).unwrap().payment_token
    }

    /// The id that an order of a customer under a key has.
    pub(crate) fn order_id(&self, buyer: usize, key: &str) -> OrderId {
        keys::order_id(&self.plan.customers[buyer].sub, key)
    }

    /// Orders until the order is accepted.
    pub(crate) async fn buy(&self, buyer: usize, request: CreateOrderRequest, key: &str) -> Bought {
        let customer = self.plan.customers[buyer].clone();
        let token = self.sign_in(&customer.home, &customer.username, &customer.password).await;
        let (home, sent_ms) = (Region::from(HOME), self.now_ms());
        let answer = self.insist(&home, &token, Method::POST, "/orders/", key, &json!(request)).await;
        assert_eq!(answer["success"], json!(true), "{answer}");
        let order_id = self.order_id(buyer, key);
        assert_eq!(answer["order"]["orderId"], json!(order_id));
        let (key, answered_ms) = (key.to_owned(), self.now_ms());
        Bought { order_id, customer, token, request, key, sent_ms, answered_ms }
    }

    /// An order of the first customer that is packed whole and delivered.
    pub(crate) async fn deliver(&self, lines: &[(usize, u32)], key: &str) -> Bought {
        let bought = self.buy(0, self.draft(0, lines).await, key).await;
        self.begin_package(bought.order_id).await;
        self.fill_package(bought.order_id, &units(&bought.request)).await;
        self.until_status(&bought, OrderStatus::Paid).await;
        self.take_parcel(bought.order_id).await;
        self.hand_parcel_over(bought.order_id).await;
        self.until_status(&bought, OrderStatus::Fulfilled).await;
        bought
    }

    /// The order as its customer sees it.
    pub(crate) async fn order(&self, bought: &Bought) -> Order {
        let path = format!("/orders/{}", bought.order_id);
        let home = Region::from(HOME);
        let read = self.insist(&home, &bought.token, Method::GET, &path, "-", &Value::Null).await;
        serde_json::from_value(read).unwrap()
    }

    /// Waits until an order is so.
    pub(crate) async fn until_order(&self, bought: &Bought, what: &str, is_so: impl Fn(&Order) -> bool) {
        let what = format!("{what} of {}", bought.order_id);
        self.until(&what, PATIENCE, async || is_so(&self.order(bought).await)).await;
    }

    pub(crate) async fn until_status(&self, bought: &Bought, status: OrderStatus) {
        self.until_order(bought, &status.to_string(), |order| order.status == status).await;
    }

    /// What a customer asks of an order.
    pub(crate) async fn command(&self, bought: &Bought, verb: &str, key: &str, body: Value) {
        let path = format!("/orders/{}/{verb}", bought.order_id);
        self.insist(&Region::from(HOME), &bought.token, Method::POST, &path, key, &body).await;
    }

    /// A picker begins.
    pub(crate) async fn begin_package(&self, order_id: OrderId) {
        self.picker(AT_HOME, Method::POST, &format!("{order_id}/start"), &Value::Null).await;
    }

    /// A picker puts units in and is done.
    pub(crate) async fn fill_package(&self, order_id: OrderId, units: &[ProductUnits]) {
        self.fill_package_at(AT_HOME, order_id, units).await;
    }

    async fn fill_package_at(&self, at: Post, order_id: OrderId, units: &[ProductUnits]) {
        for line in units {
            let path = format!("{order_id}/products/{}", line.product_id);
            self.picker(at, Method::PUT, &path, &json!({ "quantity": line.quantity })).await;
        }
        self.picker(at, Method::POST, &format!("{order_id}/complete"), &Value::Null).await;
    }

    /// A picker of another warehouse packs an order.
    pub(crate) async fn pack_at(&self, at: Post, order_id: OrderId, units: &[ProductUnits]) {
        self.picker(at, Method::POST, &format!("{order_id}/start"), &Value::Null).await;
        self.fill_package_at(at, order_id, units).await;
    }

    /// A picker gives up.
    pub(crate) async fn give_package_up(&self, order_id: OrderId) {
        let body = json!({ "reason": "the humidor leaked" });
        self.picker(AT_HOME, Method::POST, &format!("{order_id}/fail"), &body).await;
    }

    async fn picker(&self, (region, warehouse): Post, method: Method, path: &str, body: &Value) -> Value {
        let token = self.staff(Staff::Picker(warehouse)).await;
        let path = format!("/warehouse/packaging/{path}");
        self.insist(&Region::from(region), &token, method, &path, "-", body).await
    }

    /// A courier takes a parcel.
    pub(crate) async fn take_parcel(&self, order_id: OrderId) {
        self.courier(order_id, "start", Value::Null).await;
    }

    /// A courier hands a parcel over.
    pub(crate) async fn hand_parcel_over(&self, order_id: OrderId) {
        self.courier(order_id, "complete", json!({ "adultSignature": true })).await;
    }

    /// A courier finds nobody.
    pub(crate) async fn bring_parcel_back(&self, order_id: OrderId) {
        self.courier(order_id, "fail", json!({ "reason": "nobody was at home" })).await;
    }

    /// A courier brings goods back that a customer returns.
    pub(crate) async fn return_goods(&self, order_id: OrderId, lines: &[ProductUnits]) {
        self.courier(order_id, "returned", json!({ "lines": lines, "resaleable": true })).await;
    }

    async fn courier(&self, order_id: OrderId, verb: &str, body: Value) {
        let token = self.staff(Staff::Courier).await;
        let path = format!("/delivery/{order_id}/{verb}");
        self.insist(&Region::from(HOME), &token, Method::POST, &path, "-", &body).await;
    }

    /// Goods come into the warehouse at home; `slip` tells one delivery from another.
    pub(crate) async fn receive_goods(&self, product_id: ProductId, units: u32, slip: &str) {
        let token = self.staff(Staff::Picker(WAREHOUSE)).await;
        let body = json!({
            "productId": product_id, "warehouseId": WAREHOUSE, "quantity": units, "reference": slip,
        });
        let path = "/warehouse/admin/stock/receipts";
        self.insist(&Region::from(HOME), &token, Method::POST, path, slip, &body).await;
    }

    /// The age checker gives its verdict on a customer.
    pub(crate) async fn find_age(&self, bought: &Bought, verdict: &str) {
        let home = Region::from(HOME);
        let begin = "/users/me/age-verification";
        let begun = self.insist(&home, &bought.token, Method::POST, begin, "-", &Value::Null).await;
        let asked = begun["url"].as_str().unwrap().split_once("?reference=").unwrap().1;
        let told = found(asked.split_once('&').unwrap().0, verdict);
        let url = format!("http://{}/users/backend/age-verifications/callback", authority(&home));
        let headers = signed(&self.plan.secrets.age_check_key, &(self.now_ms() / 1000).to_string(), &told);
        let mut request = Request::post(url)
            .header(header::HOST, authority(&home))
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::from(told.to_string())).unwrap();
        self.until("the verdict to be taken", PATIENCE, async || {
            let sent = self.network.send(request.clone());
            tokio::time::timeout(ANSWER_LIMIT, sent).await.is_ok_and(|told| told.unwrap().status() == 200)
        })
        .await;
    }
}
