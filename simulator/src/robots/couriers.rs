//! Couriers: they take new parcels of their region, carry them, and report where anybody answers. What customers send
//! back goes with whoever comes by.

use super::{
    returns,
    work::{Hand, IN_HAND_MAX, LOOK_EVERY, PAGES_MAX, Step, count, number, strikes},
};
use contracts::{
    graphql,
    ids::{OrderId, Region},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::task::JoinSet;

/// How long a parcel is on the road, at least and at most. A run has no days to wait.
const ROAD_MS: std::ops::Range<u64> = 300..1_500;
/// A parcel that every region disowns for so long was never there.
const PATIENCE: Duration = Duration::from_secs(90);
/// Tells this mishap apart from others.
const SALT: u64 = 0x726f_6164;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewDeliveries {
    deliveries: Vec<NewDelivery>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewDelivery {
    order_id: OrderId,
}

/// Works until it is time to go home. Where the region is lost, there are no new parcels until it comes back; those in
/// hand are delivered all the same.
pub(super) async fn work(hand: Hand, region: Region) {
    let mut in_hand: BTreeSet<OrderId> = BTreeSet::new();
    let mut carrying = JoinSet::new();
    let mut bringing = JoinSet::new();
    hand.first_turn().await;
    while !hand.is_stopped() {
        for order in new_parcels(&hand, &region).await {
            if in_hand.len() < 2 * IN_HAND_MAX && hand.share.holds(number(&order)) && in_hand.insert(order) {
                let (hand, region) = (hand.clone(), region.clone());
                carrying.spawn(async move {
                    carry(&hand, &region, order).await;
                    order
                });
            }
        }
        while bringing.len() < IN_HAND_MAX
            && let Some(parcel) = hand.returns.take()
        {
            let (hand, region) = (hand.clone(), region.clone());
            bringing.spawn(async move { returns::bring_back(&hand, &region, parcel).await });
        }
        hand.pause(LOOK_EVERY).await;
        while bringing.try_join_next().is_some() {}
        while let Some(ended) = carrying.try_join_next() {
            let Ok(order) = ended else { continue };
            in_hand.remove(&order);
        }
    }
    while carrying.join_next().await.is_some() {}
    while bringing.join_next().await.is_some() {}
}

async fn new_parcels(hand: &Hand, region: &Region) -> Vec<OrderId> {
    let mut found = Vec::new();
    let mut next_token = None;
    for _ in 0..PAGES_MAX {
        let variables = json!({ "nextToken": next_token });
        let page = hand.ask(region, graphql::GET_NEW_DELIVERIES, variables, "getNewDeliveries").await;
        let page = page.ok().and_then(|page| serde_json::from_value::<NewDeliveries>(page).ok());
        let Some(page) = page else { break }; // looked for again after the pause
        found.extend(page.deliveries.into_iter().map(|delivery| delivery.order_id));
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    found
}

async fn carry(hand: &Hand, region: &Region, order: OrderId) {
    let input = json!({ "input": { "orderId": order } });
    match step(hand, region, graphql::START_DELIVERY, input, "startDelivery").await {
        Some(Step::Done) => count(&hand.tally.taken),
        Some(Step::CalledOff) => return count(&hand.tally.called_off),
        None => return,
    }
    let road = ROAD_MS.start + number(&order) % (ROAD_MS.end - ROAD_MS.start);
    tokio::time::sleep(Duration::from_millis(road)).await;
    let fails = strikes(&order, SALT, hand.failures.delivery_pct);
    let reported = match fails {
        true => {
            let input = json!({ "input": { "orderId": order, "reason": "nobody was at home" } });
            step(hand, region, graphql::FAIL_DELIVERY, input, "failDelivery").await
        }
        false => {
            let input = json!({ "input": { "orderId": order, "adultSignature": true } });
            step(hand, region, graphql::COMPLETE_DELIVERY, input, "completeDelivery").await
        }
    };
    match reported {
        Some(Step::Done) if fails => count(&hand.tally.delivery_failed),
        Some(Step::Done) => count(&hand.tally.delivered),
        Some(Step::CalledOff) => count(&hand.tally.called_off),
        None => {}
    }
}

/// One step, at the own region or, where that is not reachable, at any other one.
async fn step(hand: &Hand, region: &Region, document: &str, input: Value, field: &str) -> Option<Step> {
    let since = tokio::time::Instant::now();
    let disowned = || since.elapsed() > PATIENCE;
    hand.insist(|| hand.ground.reports(region), document, input, field, disowned).await
}
