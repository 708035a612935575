//! Forgetting whose an order was: nothing that any region stores tells of them, and a region that is away is waited for.

use std::collections::BTreeSet;
use std::time::Duration;

use contracts::{Erasure, OrderStatus, Region};
use http::Method;
use serde_json::{Value, json};

use crate::paused::{Bought, HOME, Paused, Setup, Staff};

const FAR: &str = "ap-southeast-1";
/// Events are on the bus and off their rows, and entries are closed, within this time.
const QUIET: Duration = Duration::from_secs(60);
/// Longer than it takes to look at orders that wait several times.
const SOME_LOOKS: Duration = Duration::from_secs(120);

/// The tables of each region that tell who the customers are or where they live.
fn told_by(shop: &Paused) -> BTreeSet<(String, String)> {
    let address = &shop.plan.customers[0].address;
    let tells = |row: &str| {
        [&address.name, &address.street_address, &address.phone_number].iter().any(|text| row.contains(*text))
    };
    let mut told_by = BTreeSet::new();
    for (region, place) in &shop.places {
        for table in place.cloud.dump().tables.into_keys() {
            let rows: Vec<Value> = place.cloud.dump_table(&table).unwrap();
            if rows.iter().any(|row| tells(&row.to_string())) {
                told_by.insert((region.to_string(), table));
            }
        }
    }
    told_by
}

async fn erase(shop: &Paused, bought: &Bought, at: &str) -> Value {
    let desk = shop.staff(Staff::Administrator).await;
    let path = format!("/orders/{}/erase", bought.order_id);
    shop.insist(&Region::from(at), &desk, Method::POST, &path, "erase", &Value::Null).await
}

#[tokio::test(start_paused = true)]
async fn nothing_that_any_region_stores_tells_whose_an_erased_order_was() {
    let shop = Paused::open(Setup::default()).await;
    let bought = shop.deliver(&[(0, 2), (1, 1)], "key").await;
    tokio::time::sleep(QUIET).await;
    let told = told_by(&shop);
    let tables: BTreeSet<&str> = told.iter().map(|(_, table)| table.as_str()).collect();
    assert_eq!(tables, BTreeSet::from(["delivery", "orders", "orders.journal"]));

    let far = Region::from(FAR);
    shop.close(&far);
    let erasing = erase(&shop, &bought, "eu-west-1").await;
    assert_eq!((&erasing["erasure"], &erasing["address"]["name"]), (&json!("PENDING"), &json!("")));
    tokio::time::sleep(SOME_LOOKS).await;
    assert_eq!(shop.order(&bought).await.erasure, Some(Erasure::Pending), "a region has not been asked");
    assert!(told_by(&shop).iter().all(|(region, _)| region == FAR), "{:?}", told_by(&shop));

    shop.open_again(&far);
    shop.until_order(&bought, "the end", |order| order.erasure == Some(Erasure::Done)).await;
    assert_eq!(told_by(&shop), BTreeSet::new());
    let order = shop.order(&bought).await;
    assert_eq!((order.status, order.total), (OrderStatus::Fulfilled, erasing["total"].as_i64().unwrap()));
    assert_eq!(erase(&shop, &bought, HOME).await["erasure"], json!("DONE"));
    let deleted = shop.home().cloud.tap().into_iter().filter(|event| event["detail-type"] == "OrderDeleted");
    assert_eq!(deleted.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_over_is_erased_and_only_by_administrators() {
    let shop = Paused::open(Setup::default()).await;
    let bought = shop.buy(0, shop.draft(0, &[(0, 1)]).await, "key").await;
    let (home, path) = (Region::from(HOME), format!("/orders/{}/erase", bought.order_id));
    let desk = shop.staff(Staff::Administrator).await;
    let ask = async |token: &str, key: &str| {
        let (status, body) = shop.ask(&home, token, Method::POST, &path, key, &Value::Null).await;
        (status, body["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(ask(&desk, "too-early").await, (409, "CONFLICT".to_owned()));
    assert_eq!(ask(&bought.token, "customer").await, (403, "FORBIDDEN".to_owned()));
    shop.command(&bought, "cancel", "cancel", json!({})).await;
    shop.until_status(&bought, OrderStatus::Cancelled).await;
    assert_eq!(ask(&desk, "too-early").await, (409, "CONFLICT".to_owned()), "a refusal stands for its key");
    assert_eq!(ask(&desk, "again").await.0, 200);
}
