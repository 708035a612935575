//! Orders, with every service of every region behind them, and nothing between the regions.

use std::collections::BTreeMap;
use std::time::Duration;

use contracts::bodies::orders::CreateOrderRequest;
use contracts::events::ProductUnits;
use contracts::{Code, OrderId, ProductId, Region, graphql};
use loadtests::accounts::SignedIn;
use loadtests::client::{self, OrderAnswer, Reply};
use loadtests::clock::RunClock;
use platform::config::Durability;
use serde_json::{Value, json};
use simulator::engine::people::People;
use simulator::engine::{Neighbours, Plan};
use simulator::robots::{Failures, Robots};
use simulator::scenario;
use simulator::third_parties::payment_3p::{Operation, ProviderFaults};

use crate::support::eventually;
use crate::users::{found, signed};

/// Long enough for an order's whole way on a busy machine.
const REST_LIMIT: Duration = Duration::from_secs(40);

pub(crate) struct Shop {
    pub(crate) neighbours: Neighbours,
    people: People,
}

impl Shop {
    pub(crate) async fn open() -> Shop {
        Shop::with(|_| {}).await
    }

    /// With so many units of each product in each warehouse.
    async fn stocked(units: i64) -> Shop {
        Shop::with(|plan| plan.stock_units = units).await
    }

    async fn with(change: impl FnOnce(&mut Plan)) -> Shop {
        let mut scenario = scenario::load(&scenario::find("calm").unwrap()).unwrap();
        scenario.load.customers = 12;
        // Tests run side by side: nobody is to fall under suspicion for being slow.
        scenario.topology.suspect_after_ms = 5_000;
        let mut plan = Plan::new(scenario, Durability::Journal).unwrap();
        change(&mut plan);
        let neighbours = Neighbours::start(plan).await.unwrap();
        let people = neighbours.people().await.unwrap();
        Shop { neighbours, people }
    }

    pub(crate) fn region(&self, place: usize) -> Region {
        self.neighbours.plan.scenario.topology.regions[place].name.clone()
    }

    pub(crate) fn american(&self) -> &SignedIn {
        self.people.customers.iter().find(|one| one.customer.home.0 == "am").unwrap()
    }

    pub(crate) async fn basket(&self, buyer: &SignedIn, draw: u64) -> CreateOrderRequest {
        self.neighbours.basket(&self.region(0), buyer, draw).await.unwrap()
    }

    /// Orders at a region until the answer says something, as a customer would.
    pub(crate) async fn buy(
        &self,
        at: &Region,
        buyer: &SignedIn,
        order: &CreateOrderRequest,
        key: &str,
    ) -> OrderAnswer {
        for _ in 0..20 {
            match self.neighbours.buy(at, buyer, order, key).await.unwrap() {
                OrderAnswer::Ambiguous { .. } => tokio::time::sleep(Duration::from_millis(100)).await,
                definite => return definite,
            }
        }
        panic!("no definite answer")
    }

    async fn send(&self, buyer: &SignedIn, body: Value, key: &str) -> OrderAnswer {
        let request = client::create_order_with(&buyer.token, body, key);
        let (status, body) = self.neighbours.ask(&self.region(0), request).await.unwrap();
        client::order_answer(Ok(Reply { status, body: &body }))
    }

    /// An order of one unit that may be waited for, priced and paid.
    async fn one_to_wait_for(&self, buyer: &SignedIn, draw: u64) -> CreateOrderRequest {
        let mut order = self.basket(buyer, draw).await;
        order.products.truncate(1);
        (order.products[0].quantity, order.allow_backorder) = (1, true);
        let request = client::delivery_price(&buyer.token, &order.products, &order.address);
        let (status, body) = self.neighbours.ask(&self.region(0), request).await.unwrap();
        order.delivery_price = client::delivery_priced(Reply { status, body: &body }).unwrap().pricing;
        order.payment_token = self.neighbours.pay(&buyer.customer, &order).await.unwrap();
        order
    }

    /// Books one unit that came into the warehouse of a region, as staff do at the door of the first one.
    async fn receive(&self, place: usize, product_id: ProductId, reference: &str) -> Value {
        let topology = &self.neighbours.plan.scenario.topology;
        let warehouse = topology.warehouses.iter().find(|known| known.region == self.region(place)).unwrap();
        let input = json!({
            "productId": product_id, "warehouseId": warehouse.id, "quantity": 1, "reference": reference,
        });
        let body = json!({ "query": graphql::RECEIVE_STOCK, "variables": { "input": input } }).to_string();
        let bearer = format!("Bearer {}", self.people.staff_token);
        let headers = vec![("content-type", "application/json".to_owned()), ("authorization", bearer)];
        let request = client::Request { path: "/graphql".to_owned(), headers, body };
        let (_, body) = self.neighbours.ask(&self.region(0), request).await.unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        answer["data"]["receiveStock"].clone()
    }

    /// Lets the crew work until nothing is left to do.
    pub(crate) async fn settle(&self, failures: Failures) {
        let mut crew = self.neighbours.people().await.unwrap().crew;
        crew.failures = failures;
        let robots = Robots::start(crew, self.neighbours.ground());
        self.neighbours.until_at_rest(REST_LIMIT).await.unwrap();
        robots.stop().await;
    }

    /// Asks something of an order until the answer says something.
    async fn change(
        &self,
        at: &Region,
        request: client::Request,
        read: fn(Reply<'_>) -> Result<client::Changed, client::Trouble>,
    ) -> client::Changed {
        let mut last = String::new();
        for _ in 0..20 {
            let (status, body) = self.neighbours.ask(at, request.clone()).await.unwrap();
            match read(Reply { status, body: &body }) {
                Ok(changed) if changed.code.is_none_or(|code| !code.retryable()) => return changed,
                other => last = format!("{other:?}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("no definite answer: {last}")
    }

    async fn rows(&self, region: &Region, table: &str) -> Vec<Value> {
        let mut dump = self.neighbours.control(region).unwrap().dump().await.unwrap();
        dump.tables.remove(table).unwrap()
    }

    /// What the order came to, by the highest version that a region knows.
    async fn latest(&self, region: &Region) -> Value {
        let rows = self.rows(region, "orders").await;
        rows.into_iter().max_by_key(|row| (row["epoch"].as_u64(), row["version"].as_u64())).unwrap()
    }

    /// The status of one order, as a region knows it.
    async fn status(&self, region: &Region, order_id: OrderId) -> String {
        let mut rows = self.rows(region, "orders").await;
        rows.retain(|row| row["orderId"] == json!(order_id));
        let latest = rows.into_iter().max_by_key(|row| (row["epoch"].as_u64(), row["version"].as_u64()));
        latest.unwrap()["status"].as_str().unwrap().to_owned()
    }

    /// Units held or taken back by product, over all warehouses of a region.
    async fn reserved(&self, region: &Region) -> i64 {
        let rows = self.rows(region, "warehouse.stock").await;
        rows.iter().map(|row| row["reserved"].as_i64().unwrap()).sum()
    }

    fn moves(&self) -> BTreeMap<String, usize> {
        let mut moves = BTreeMap::new();
        for entry in self.neighbours.provider.ledger() {
            *moves.entry(format!("{:?}", entry.operation)).or_default() += 1;
        }
        moves
    }
}

fn acknowledged(answer: OrderAnswer) -> client::OrderSeen {
    match answer {
        OrderAnswer::Acknowledged(promise) => {
            assert_eq!(promise.durability.as_deref(), Some("MULTI_CONTINENT"));
            promise.order.unwrap()
        }
        other => panic!("not acknowledged: {other:?}"),
    }
}

fn refused(answer: OrderAnswer) -> Option<Code> {
    match answer {
        OrderAnswer::Refused { code, .. } => code,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_goes_the_whole_way_once() {
    let shop = Shop::open().await;
    let (buyer, far) = (shop.american().clone(), shop.region(3));
    let order = shop.basket(&buyer, 1).await;
    // Far from home: the request is forwarded to the owner of the customer's shard.
    let seen = acknowledged(shop.buy(&far, &buyer, &order, "key-1").await);
    let mut copies = 0;
    for place in 0..4 {
        let journal = shop.rows(&shop.region(place), "orders.journal").await;
        copies += journal
            .iter()
            .filter(|row| row["value"].to_string().contains(&seen.order_id.to_string()))
            .count();
    }
    assert!(copies >= 2, "{copies} continents hold the acknowledged order");
    shop.settle(Failures::default()).await;
    for place in 0..4 {
        let row = shop.latest(&shop.region(place)).await;
        assert_eq!(
            (row["status"].as_str(), row["orderId"].as_str()),
            (Some("FULFILLED"), Some(&*seen.order_id.to_string()))
        );
    }
    let captures = shop.neighbours.provider.ledger();
    let captures: Vec<_> = captures.iter().filter(|entry| entry.operation == Operation::Capture).collect();
    assert_eq!(captures.iter().map(|entry| entry.amount).collect::<Vec<_>>(), [seen.total.unsigned_abs()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_has_one_order_wherever_it_is_asked_for_and_one_body() {
    let shop = Shop::open().await;
    let buyer = shop.american().clone();
    let order = shop.basket(&buyer, 2).await;
    let first = acknowledged(shop.buy(&shop.region(0), &buyer, &order, "key-2").await);
    for place in 0..4 {
        let again = acknowledged(shop.buy(&shop.region(place), &buyer, &order, "key-2").await);
        assert_eq!((again.order_id, again.total), (first.order_id, first.total));
    }
    let mut other = order.clone();
    other.products[0].quantity += 1;
    assert_eq!(
        refused(shop.buy(&shop.region(1), &buyer, &other, "key-2").await),
        Some(Code::IdempotencyKeyReused)
    );
    let (status, body) =
        shop.neighbours.ask(&shop.region(2), client::order_by_key(&buyer.token, "key-2")).await.unwrap();
    let found = client::order_by_key_seen(Reply { status, body: &body }).unwrap().unwrap();
    assert_eq!(found.order_id, first.order_id);
}

/// What to do to an honest order, and what the contract answers.
type Wrong = (&'static str, fn(&mut Value), Code);

const WRONG: [Wrong; 12] = [
    (
        "a line twice",
        |order| {
            let line = order["products"][0].clone();
            order["products"].as_array_mut().unwrap().push(line)
        },
        Code::ValidationFailed,
    ),
    ("no units", |order| order["products"][0]["quantity"] = json!(0), Code::ValidationFailed),
    ("fewer than no units", |order| order["products"][0]["quantity"] = json!(-1), Code::ValidationFailed),
    ("far too many units", |order| order["products"][0]["quantity"] = json!(100_000), Code::ValidationFailed),
    ("no lines", |order| order["products"] = json!([]), Code::ValidationFailed),
    ("another price", |order| order["products"][0]["price"] = json!(1), Code::ValidationFailed),
    ("a stale delivery price", |order| order["deliveryPrice"] = json!(1), Code::ValidationFailed),
    (
        "a token of nobody",
        |order| order["paymentToken"] = json!("00000000-0000-4000-8000-000000000000"),
        Code::PaymentRefused,
    ),
    ("a currency that is not taken", |order| order["currency"] = json!("EUR"), Code::ValidationFailed),
    ("where nothing is sent", |order| order["address"]["country"] = json!("AQ"), Code::DestinationNotAllowed),
    ("a state that forbids it", |order| in_state(order, "UT"), Code::DestinationNotAllowed),
    ("a state of nowhere", |order| in_state(order, "Utha"), Code::DestinationNotAllowed),
];

fn in_state(order: &mut Value, state: &str) {
    (order["address"]["country"], order["address"]["state"]) = (json!("US"), json!(state));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_honest_customer_sends_is_refused_and_leaves_nothing() {
    let shop = Shop::open().await;
    let (buyer, home) = (shop.american().clone(), shop.region(0));
    let honest = json!(shop.basket(&buyer, 3).await);
    for (number, (what, spoil, code)) in WRONG.iter().enumerate() {
        let mut order = honest.clone();
        spoil(&mut order);
        let answer = shop.send(&buyer, order, &format!("wrong-{number}")).await;
        assert_eq!(refused(answer), Some(*code), "{what}");
    }
    for token in ["", "not.a.token", &format!("{}x", buyer.token)] {
        let nobody = SignedIn { token: token.to_owned(), ..buyer.clone() };
        let answer = shop.send(&nobody, honest.clone(), "wrong-token").await;
        assert!(
            matches!(answer, OrderAnswer::Refused { code: Some(Code::Unauthenticated), .. }),
            "{answer:?}"
        );
    }
    let mut oversized = honest.clone();
    oversized["address"]["companyName"] = json!("x".repeat(70_000));
    assert_eq!(refused(shop.send(&buyer, oversized, "wrong-size").await), Some(Code::PayloadTooLarge));
    for place in 0..4 {
        let region = shop.region(place);
        assert!(shop.rows(&region, "orders").await.is_empty());
        let journalled = shop.rows(&region, "orders.journal").await;
        let refusal = |row: &Value| row["value"].as_str().unwrap().contains(r#""kind":"refused""#);
        assert!(journalled.iter().all(refusal), "{journalled:#?}");
        assert!(shop.rows(&region, "orders.tokens").await.is_empty());
    }
    assert_eq!(shop.reserved(&home).await, 0, "goods are held for an order that is not there");
    assert!(shop.neighbours.provider.ledger().iter().all(|entry| entry.operation != Operation::Capture));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_token_pays_for_one_order_of_one_customer() {
    let shop = Shop::open().await;
    let (buyer, home) = (shop.american().clone(), shop.region(0));
    let order = shop.basket(&buyer, 4).await;
    acknowledged(shop.buy(&home, &buyer, &order, "first").await);
    assert_eq!(refused(shop.buy(&home, &buyer, &order, "second").await), Some(Code::PaymentRefused));
    // Somebody whose orders belong to another continent, who found the token.
    let thief = shop.people.customers.iter().find(|one| one.customer.home.0 != "am").unwrap();
    assert_eq!(refused(shop.buy(&shop.region(2), thief, &order, "third").await), Some(Code::PaymentRefused));
    assert_eq!(shop.rows(&home, "orders").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_that_fails_gives_goods_and_money_back() {
    let shop = Shop::open().await;
    let (buyer, home) = (shop.american().clone(), shop.region(0));
    let order = shop.basket(&buyer, 5).await;
    acknowledged(shop.buy(&home, &buyer, &order, "key").await);
    assert!(shop.reserved(&home).await > 0);
    shop.settle(Failures { packaging_pct: 100.0, delivery_pct: 0.0 }).await;
    let row = shop.latest(&home).await;
    assert_eq!(
        (row["status"].as_str(), row["paymentState"].as_str()),
        (Some("PACKAGING_FAILED"), Some("VOIDED"))
    );
    assert_eq!(shop.reserved(&home).await, 0);
    assert!(!shop.moves().contains_key("Capture"), "{:?}", shop.moves());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_capture_that_is_refused_is_not_shipped_until_another_token_pays() {
    let shop = Shop::open().await;
    let (buyer, home) = (shop.american().clone(), shop.region(0));
    let order = shop.basket(&buyer, 6).await;
    let seen = acknowledged(shop.buy(&home, &buyer, &order, "key").await);
    shop.neighbours.provider.set_faults(ProviderFaults { refuse_pct: 100.0, ..ProviderFaults::default() });
    shop.settle(Failures::default()).await;
    let row = shop.latest(&home).await;
    assert_eq!((&row["status"], &row["paymentState"]), (&json!("PAYMENT_FAILED"), &json!("VOIDED")), "{row}");
    assert!(shop.neighbours.carrier.ledger().is_empty(), "something left without having been paid");
    shop.neighbours.provider.set_faults(ProviderFaults::default());
    let other = shop.basket(&buyer, 6).await;
    let pay = |token: &str, key: &str| client::update_payment(&buyer.token, seen.order_id, token, key);
    let first = shop.change(&home, pay(&order.payment_token, "old"), client::payment_updated).await;
    assert_eq!(first.code, Some(Code::PaymentRefused), "the first token is voided");
    // From the other end of the world, and twice.
    for place in [3, 0] {
        let request = pay(&other.payment_token, "new");
        let paid = shop.change(&shop.region(place), request, client::payment_updated).await;
        assert!(paid.success, "{paid:?}");
    }
    shop.settle(Failures::default()).await;
    let row = shop.latest(&home).await;
    assert_eq!((&row["status"], &row["paymentAttempt"]), (&json!("FULFILLED"), &json!(2)), "{row}");
    assert_eq!(shop.moves().get("Capture"), Some(&2), "the first token was refused, the second one paid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_order_gives_everything_back_and_is_never_packed() {
    let shop = Shop::open().await;
    let (buyer, home) = (shop.american().clone(), shop.region(0));
    let order = shop.basket(&buyer, 7).await;
    let seen = acknowledged(shop.buy(&home, &buyer, &order, "key").await);
    let thief = shop.people.customers.iter().find(|one| one.customer.home.0 != "am").unwrap().clone();
    let cancel = |who: &SignedIn, key: &str| client::cancel_order(&who.token, seen.order_id, key);
    let theirs = shop.change(&home, cancel(&thief, "c-0"), client::cancelled).await;
    assert_eq!(theirs.code, Some(Code::NotFound));
    let cancelled = shop.change(&shop.region(2), cancel(&buyer, "c-1"), client::cancelled).await;
    let after = cancelled.order.expect("an order");
    assert_eq!((cancelled.success, after.status.as_str()), (true, "CANCELLING"));
    let copies = shop.rows(&home, "orders.journal").await;
    assert!(copies.iter().any(|row| row["keyHash"].to_string().contains("command:c-1")));
    let again = shop.change(&home, cancel(&buyer, "c-1"), client::cancelled).await;
    assert!(again.success && again.order.is_some_and(|order| order.order_id == seen.order_id));
    shop.settle(Failures::default()).await;
    let row = shop.latest(&home).await;
    assert_eq!((&row["status"], &row["paymentState"]), (&json!("CANCELLED"), &json!("VOIDED")), "{row}");
    let late = shop.change(&home, cancel(&buyer, "c-2"), client::cancelled).await;
    assert_eq!(late.code, Some(Code::Conflict));
    assert_eq!(shop.reserved(&home).await, 0);
    assert!(!shop.moves().contains_key("Capture"), "{:?}", shop.moves());
    assert!(shop.neighbours.carrier.ledger().is_empty(), "a cancelled order left");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_delivered_is_taken_back() {
    let shop = Shop::open().await;
    let (buyer, home) = (shop.american().clone(), shop.region(0));
    let order = shop.basket(&buyer, 8).await;
    let seen = acknowledged(shop.buy(&home, &buyer, &order, "key").await);
    let units = |quantity| [ProductUnits { product_id: order.products[0].product_id, quantity }];
    let back =
        |lines: &[ProductUnits], key: &str| client::request_return(&buyer.token, seen.order_id, lines, key);
    let early = shop.change(&home, back(&units(1), "r-0"), client::return_requested).await;
    assert_eq!(early.code, Some(Code::Conflict));
    shop.settle(Failures::default()).await;
    for (quantity, key) in [(0, "r-1"), (99, "r-2")] {
        let wrong = shop.change(&home, back(&units(quantity), key), client::return_requested).await;
        assert_eq!(wrong.code, Some(Code::ValidationFailed), "{quantity} units");
    }
    let again = shop.change(&shop.region(1), back(&units(1), "r-0"), client::return_requested).await;
    assert_eq!(again, early, "a refusal stands for its key");
    let asked = shop.change(&shop.region(1), back(&units(1), "r-3"), client::return_requested).await;
    assert!(asked.success, "{asked:?}");
    let other = shop.change(&home, back(&units(1), "r-3b"), client::return_requested).await;
    assert_eq!(other.code, Some(Code::Conflict), "it is on its way back already");
    let reused = shop.change(&home, back(&[], "r-3"), client::return_requested).await;
    assert_eq!(reused.code, Some(Code::ValidationFailed));
    assert_eq!(shop.latest(&home).await["status"], json!("RETURN_REQUESTED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_refused_stays_so_under_its_key() {
    let shop = Shop::stocked(0).await;
    let (buyer, home) = (shop.american().clone(), shop.region(0));
    let order = CreateOrderRequest { allow_backorder: false, ..shop.one_to_wait_for(&buyer, 10).await };
    for at in [&home, &shop.region(2)] {
        let answer = shop.buy(at, &buyer, &order, "key").await;
        assert_eq!(refused(answer), Some(Code::OutOfStock));
        shop.receive(0, order.products[0].product_id, "slip").await;
    }
    acknowledged(shop.buy(&home, &buyer, &order, "another-key").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_that_come_in_go_to_whoever_has_waited_longest() {
    let shop = Shop::stocked(0).await;
    let (buyer, home) = (shop.american().clone(), shop.region(0));
    let order = shop.one_to_wait_for(&buyer, 9).await;
    let product_id = order.products[0].product_id;
    let mut waiting = Vec::new();
    for key in ["first", "second"] {
        let payment_token = shop.neighbours.pay(&buyer.customer, &order).await.unwrap();
        let order = CreateOrderRequest { payment_token, ..order.clone() };
        let seen = acknowledged(shop.buy(&home, &buyer, &order, key).await);
        assert_eq!(seen.status, "BACKORDERED");
        waiting.push(seen.order_id);
    }
    let served = async |order_id: OrderId| {
        eventually("the order to be served", async || {
            (shop.status(&home, order_id).await != "BACKORDERED").then_some(())
        })
        .await;
    };
    // One unit where the orders are driven, booked once.
    for _ in 0..2 {
        let level = shop.receive(0, product_id, "slip 1").await;
        assert_eq!(level["onHand"], json!(1), "{level}");
    }
    served(waiting[0]).await;
    assert_eq!(shop.status(&home, waiting[1]).await, "BACKORDERED");
    // One on another continent, whose bus the orders' owner does not hear.
    shop.receive(2, product_id, "slip 2").await;
    served(waiting[1]).await;
    shop.settle(Failures::default()).await;
    for order_id in waiting {
        assert_eq!(shop.status(&home, order_id).await, "FULFILLED");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_waits_for_its_customers_age_and_goes_on_or_ends_with_the_verdict() {
    let shop = Shop::with(|plan| plan.adults.clear()).await;
    let home = shop.region(0);
    for (place, (verdict, status)) in [("PASSED", "FULFILLED"), ("FAILED", "CANCELLED")].iter().enumerate() {
        let mut americans = shop.people.customers.iter().filter(|one| one.customer.home.0 == "am");
        let buyer = americans.nth(place).unwrap().clone();
        let order = shop.basket(&buyer, 30).await;
        let seen = acknowledged(shop.buy(&home, &buyer, &order, "k-age").await);
        assert_eq!(seen.status, "AGE_REVIEW");
        let key = &shop.neighbours.plan.secrets.age_check_key;
        let told = found(&verification(&shop, &home, &buyer).await, verdict);
        // The age checker may say it twice.
        for _ in 0..2 {
            assert_eq!(callback(&shop, &home, key, &told).await, 200);
        }
        // At once: the sweep of those that wait comes every 30 s.
        eventually("the order to move", async || {
            (shop.status(&home, seen.order_id).await != "AGE_REVIEW").then_some(())
        })
        .await;
        shop.settle(Failures::default()).await;
        assert_eq!(shop.status(&home, seen.order_id).await, *status);
    }
}

/// Begins a customer's verification and gives its reference.
async fn verification(shop: &Shop, at: &Region, buyer: &SignedIn) -> String {
    let body = json!({ "query": graphql::START_AGE_VERIFICATION }).to_string();
    let bearer = format!("Bearer {}", buyer.token);
    let headers = vec![("content-type", "application/json".to_owned()), ("authorization", bearer)];
    let request = client::Request { path: "/graphql".to_owned(), headers, body };
    let (_, body) = shop.neighbours.ask(at, request).await.unwrap();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    let url = answer["data"]["startAgeVerification"]["url"].as_str().expect("an address");
    let asked = url.split_once("?reference=").unwrap().1;
    asked.split_once('&').unwrap().0.to_owned()
}

/// Tells a region a verdict, as the age checker does.
async fn callback(shop: &Shop, at: &Region, key: &str, told: &Value) -> u16 {
    let host = shop.neighbours.address(at).unwrap().to_string();
    let clock = RunClock::start();
    let at_s = (clock.wall_ms_at(clock.now_us()) / 1000).to_string();
    let mut request = http::Request::post(format!("http://{host}/users/backend/age-verifications/callback"))
        .header("host", &host)
        .header("content-type", "application/json");
    for (name, value) in signed(key, &at_s, told) {
        request = request.header(name, value);
    }
    let request = request.body(told.to_string().into()).unwrap();
    platform::network::Network::new().send(request).await.unwrap().status().as_u16()
}
