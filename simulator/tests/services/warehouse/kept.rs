//! What is told of goods that are kept and given back, and what it costs to be asked again.

use std::collections::BTreeSet;

use super::*;

/// The events of a type, each once however often the bus had it, when there are so many.
async fn told(region: &Running, detail_type: &str, times: usize) -> Vec<Value> {
    let told = eventually(detail_type, async || {
        let told = once_each(region, detail_type);
        (told.len() >= times).then_some(told)
    })
    .await;
    for event in &told {
        schemas::validators().check(detail_type, event).unwrap();
    }
    told
}

fn once_each(region: &Running, detail_type: &str) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let mut told = region.tapped(detail_type);
    told.retain(|event| seen.insert(event["metadata"]["eventId"].to_string()));
    told
}

/// Nothing waits any more: whatever was to be told is told.
async fn quiet(region: &Running) {
    eventually("nothing that is pending", async || {
        let rows = region.cloud.dump_table("warehouse.reservations").unwrap();
        rows.iter().all(|row| row.get("outbox").is_none()).then_some(())
    })
    .await;
}

/// Order, allocation, warehouse and lines, by product.
fn said(event: &Value) -> Value {
    let mut lines: Vec<ProductUnits> = serde_json::from_value(event["lines"].clone()).unwrap();
    lines.sort_by_key(|line| line.product_id);
    json!([event["orderId"], event["allocation"], event["warehouseId"], lines])
}

/// As [`said`] has it.
fn of(order: u128, allocation: u32, lines: &[ProductUnits]) -> Value {
    json!([order_id(order), allocation, "wh-eu", lines])
}

/// Calls of an operation on a table.
fn calls(region: &Running, table: &str, operation: &str) -> u64 {
    let usage = region.cloud.usage();
    let of_table = usage.tables.get(table).and_then(|table| table.get(operation));
    of_table.map_or(0, |usage| usage.calls)
}

#[tokio::test]
async fn what_is_kept_is_told_once_for_each_allocation() {
    let region = Arc::new(start().await);
    let request = wanted(1, vec![units(1, 4), units(2, 2)]);
    let tries = (0..5).map(|_| {
        let (region, request) = (region.clone(), request.clone());
        async move { reserve(&region, &request).await.state }
    });
    assert!(join_all(tries).await.iter().all(|state| *state == ReserveState::Reserved));
    reserve(&region, &ReserveRequest { allocation: 2, ..request.clone() }).await;
    let kept = told(&region, "StockReserved", 2).await;
    quiet(&region).await;
    assert_eq!(once_each(&region, "StockReserved").len(), 2, "repeats tell nothing");
    let (both, none) = ([units(1, 4), units(2, 2)], [units(1, 11)]);
    let said: BTreeSet<String> = kept.iter().map(|event| said(event).to_string()).collect();
    assert_eq!(said, BTreeSet::from([of(1, 1, &both).to_string(), of(1, 2, &both).to_string()]));
    assert_eq!(kept[0]["metadata"]["correlationId"], json!(order_id(1)));
    assert_eq!(reserve(&region, &wanted(2, none.to_vec())).await.state, ReserveState::OutOfStock);
    quiet(&region).await;
    assert_eq!(once_each(&region, "StockReserved").len(), 2, "nothing was kept");
    assert!(once_each(&region, "StockReleased").is_empty());
}

#[tokio::test]
async fn what_goes_back_is_told_once_each_time() {
    let region = start().await;
    let request = wanted(1, vec![units(1, 4), units(2, 2)]);
    for round in 1..=2 {
        reserve(&region, &request).await;
        for epoch in [round, round, round + 1] {
            step(&region, 1, "release", epoch).await.unwrap();
        }
        told(&region, "StockReserved", round as usize).await;
        for event in told(&region, "StockReleased", round as usize).await {
            assert_eq!(said(&event), of(1, 1, &[units(1, 4), units(2, 2)]));
        }
    }
    step(&region, 2, "release", 1).await.unwrap();
    quiet(&region).await;
    let counts = ["StockReserved", "StockReleased"].map(|detail_type| once_each(&region, detail_type).len());
    assert_eq!(counts, [2, 2], "kept again after it went back, it is told again");
    audit(&region);
}

#[tokio::test]
async fn what_a_package_lacks_goes_back_first_and_the_rest_when_it_is_released() {
    let region = start().await;
    let token = region.token("picker").await;
    packaging(&region, &token, 1, &[units(1, 3), units(2, 2), units(3, 1)]).await;
    pick(&region, &token, 1, "start", json!({})).await;
    for (number, quantity) in [(1, 1), (2, 2)] {
        let action = format!("products/{}", product(number));
        pick(&region, &token, 1, &action, json!({ "quantity": quantity })).await;
    }
    for _ in 0..2 {
        assert_eq!(pick(&region, &token, 1, "complete", json!({})).await.0, 200);
    }
    let short = told(&region, "StockReleased", 1).await;
    assert_eq!(said(&short[0]), of(1, 1, &[units(1, 2), units(3, 1)]));
    for _ in 0..2 {
        step(&region, 1, "release", 3).await.unwrap();
    }
    let all = told(&region, "StockReleased", 2).await;
    assert_eq!(said(&all[1]), of(1, 1, &[units(1, 1), units(2, 2)]));
    quiet(&region).await;
    assert_eq!((region.tapped("StockReserved").len(), once_each(&region, "StockReleased").len()), (1, 2));
    audit(&region);
}

#[tokio::test]
async fn what_leaves_the_warehouse_is_not_released() {
    let region = start().await;
    reserve(&region, &wanted(1, vec![units(1, 4)])).await;
    step(&region, 1, "commit", 1).await.unwrap();
    step(&region, 1, "consume", 1).await.unwrap();
    told(&region, "StockReserved", 1).await;
    quiet(&region).await;
    assert!(region.tapped("StockReleased").is_empty());
}

#[tokio::test]
async fn goods_that_nobody_committed_in_time_are_told_to_be_free() {
    let orders = Router::new()
        .route("/orders/backend/{id}", get(async || ApiError::new(Code::NotFound, "no").into_response()));
    let region = start_in("eu-west-1", &Network::new(), orders).await;
    reserve(&region, &wanted(1, vec![units(1, 2)])).await;
    told(&region, "StockReserved", 1).await;
    region.platform.world.set_skew(16 * MINUTE_MS);
    let free = told(&region, "StockReleased", 1).await;
    assert_eq!(said(&free[0]), of(1, 1, &[units(1, 2)]));
}

#[tokio::test]
async fn an_order_that_goes_on_leaves_the_news_out_without_a_write_of_its_own() {
    let region = start().await;
    let token = region.token("picker").await;
    let lines = [units(1, 1), units(2, 1)];
    reserve(&region, &wanted(1, lines.to_vec())).await;
    let rows = || region.cloud.dump_table("warehouse.reservations").unwrap();
    let waiting_in = rows().iter().filter(|row| row.get("outbox").is_some()).count();
    assert!(waiting_in <= 1, "one event tells of all lines");
    told(&region, "StockReserved", 1).await;
    publish_created(&region, &order(1, &lines)).await;
    eventually("the packaging request", async || {
        waiting(&region, &token).await.contains(&order_id(1)).then_some(())
    })
    .await;
    let committed = rows();
    assert_eq!(committed.len(), 2);
    for row in committed {
        assert_eq!(
            (&row["state"], &row["pending"], row.get("outbox")),
            (&json!("COMMITTED"), &json!({}), None)
        );
    }
    assert_eq!(calls(&region, "warehouse.reservations", "UpdateItem"), 0);
}

#[tokio::test]
async fn news_that_the_bus_did_not_take_wait_in_the_row() {
    let region = start().await;
    let latency_ms = BTreeMap::from([(Service::EventBridge, 60_000)]);
    region.cloud.faults().set(FaultSettings { latency_ms, ..FaultSettings::default() }).unwrap();
    reserve(&region, &wanted(1, vec![units(1, 2)])).await;
    step(&region, 1, "commit", 1).await.unwrap();
    step(&region, 1, "release", 1).await.unwrap();
    reserve(&region, &wanted(1, vec![units(1, 2)])).await;
    let row = region.cloud.dump_table("warehouse.reservations").unwrap().remove(0);
    assert_eq!(row["pending"].as_object().unwrap().len(), 3, "kept, given back, kept again");
    region.cloud.faults().set(FaultSettings::default()).unwrap();
    region.platform.world.set_skew(10_000);
    told(&region, "StockReserved", 2).await;
    let back = told(&region, "StockReleased", 1).await;
    assert_eq!(back[0]["metadata"]["aggregateVersion"], json!(3));
}

#[tokio::test]
async fn who_waits_for_goods_and_asks_again_costs_no_write() {
    let region = start().await;
    let patient = ReserveRequest { allow_backorder: true, ..wanted(1, vec![units(1, 11)]) };
    for _ in 0..5 {
        assert_eq!(reserve(&region, &patient).await.state, ReserveState::Backordered);
    }
    assert_eq!(calls(&region, "warehouse.refusals", "PutItem"), 1);
    let read = region.cloud.usage().tables["warehouse.refusals"]["GetItem"];
    assert_eq!((read.calls, read.read_units), (5, 2.5), "half a unit each");
    reserve(&region, &ReserveRequest { allocation: 2, ..patient }).await;
    assert_eq!(calls(&region, "warehouse.refusals", "PutItem"), 2, "another allocation is refused anew");
    assert_eq!(told(&region, "StockReservationFailed", 2).await.len(), 2);
}
