//! Pickers: they look for new packages of their warehouse and pack them, line by line.

use super::work::{Hand, IN_HAND_MAX, LOOK_EVERY, NoAnswer, PAGES_MAX, Step, count, number, strikes};
use crate::engine::regions::Standing;
use contracts::{
    graphql,
    ids::{OrderId, ProductId, Region},
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tokio::task::JoinSet;

/// Tells this mishap apart from others.
const SALT: u64 = 0x7061_636b;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewPackages {
    packaging_request_ids: Vec<OrderId>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
struct Package {
    products: Vec<Line>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    product_id: ProductId,
    quantity: u32,
}

/// Works until it is time to go home or the warehouse is lost.
pub(super) async fn work(hand: Hand, region: Region) {
    let mut in_hand: BTreeSet<OrderId> = BTreeSet::new();
    let mut packing = JoinSet::new();
    hand.first_turn().await;
    while !hand.is_stopped() && hand.ground.standing(&region) != Standing::Dead {
        for order in new_packages(&hand, &region).await {
            if in_hand.len() < IN_HAND_MAX && hand.share.holds(number(&order)) && in_hand.insert(order) {
                let (hand, region) = (hand.clone(), region.clone());
                packing.spawn(async move {
                    pack(&hand, &region, order).await;
                    order
                });
            }
        }
        hand.pause(LOOK_EVERY).await;
        while let Some(ended) = packing.try_join_next() {
            let Ok(order) = ended else { continue };
            in_hand.remove(&order);
        }
    }
    // Whoever goes home ends what they are at; in a lost warehouse there is nobody left to end anything.
    if hand.ground.standing(&region) != Standing::Dead {
        while packing.join_next().await.is_some() {}
    }
}

async fn new_packages(hand: &Hand, region: &Region) -> Vec<OrderId> {
    let mut found = Vec::new();
    let mut next_token = None;
    for _ in 0..PAGES_MAX {
        let variables = json!({ "nextToken": next_token });
        let page = hand.ask(region, graphql::GET_NEW_PACKAGING, variables, "getNewPackagingRequestIds").await;
        let Ok(page) = page else { break }; // looked for again after the pause
        let Ok(page) = serde_json::from_value::<NewPackages>(page) else { break };
        found.extend(page.packaging_request_ids);
        next_token = page.next_token;
        if next_token.is_none() {
            break;
        }
    }
    found
}

async fn pack(hand: &Hand, region: &Region, order: OrderId) {
    let Some(step) = pack_steps(hand, region, order).await else { return };
    match step {
        Step::CalledOff => count(&hand.tally.called_off),
        Step::Done if strikes(&order, SALT, hand.failures.packaging_pct) => count(&hand.tally.packing_failed),
        Step::Done => count(&hand.tally.packed),
    }
}

async fn pack_steps(hand: &Hand, region: &Region, order: OrderId) -> Option<Step> {
    let input = json!({ "input": { "orderId": order } });
    if step(hand, region, graphql::START_PACKAGING, input.clone(), "startPackaging").await? == Step::CalledOff
    {
        return Some(Step::CalledOff);
    }
    if strikes(&order, SALT, hand.failures.packaging_pct) {
        let input = json!({ "input": { "orderId": order, "reason": "the humidor leaked" } });
        return step(hand, region, graphql::FAIL_PACKAGING, input, "failPackaging").await;
    }
    let package = contents(hand, region, order).await?;
    for line in package.products {
        let units =
            json!({ "input": { "orderId": order, "productId": line.product_id, "quantity": line.quantity } });
        let put = step(hand, region, graphql::UPDATE_PACKAGING, units, "updatePackagingProduct").await?;
        if put == Step::CalledOff {
            return Some(Step::CalledOff);
        }
    }
    step(hand, region, graphql::COMPLETE_PACKAGING, input, "completePackaging").await
}

/// One step, in the warehouse's own region and nowhere else: that is where the goods are.
async fn step(hand: &Hand, region: &Region, document: &str, input: Value, field: &str) -> Option<Step> {
    let lost = || hand.ground.standing(region) == Standing::Dead;
    hand.insist(|| vec![region.clone()], document, input, field, lost).await
}

/// What is to go into a package.
async fn contents(hand: &Hand, region: &Region, order: OrderId) -> Option<Package> {
    loop {
        let input = json!({ "input": { "orderId": order } });
        match hand.ask(region, graphql::GET_PACKAGING, input, "getPackagingRequest").await {
            Ok(package) => return serde_json::from_value(package).ok(),
            Err(NoAnswer::Refused(_) | NoAnswer::Later(_)) => {}
        }
        if hand.is_stopped() || hand.ground.standing(region) == Standing::Dead {
            return None;
        }
        count(&hand.tally.retries);
        hand.pause(LOOK_EVERY).await;
    }
}
