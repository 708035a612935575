//! How customers use the shop, one kind of customer a file.

mod browse;
mod buy;
mod shop;
mod step;
mod track;

pub(crate) use shop::{Shop, with_token};

use goose::{
    GooseError,
    goose::{GooseUser, Scenario, Transaction, TransactionResult},
};
use serde::{Deserialize, Serialize};
use std::{pin::Pin, sync::Arc};

/// How many users of each kind, in proportion. A kind with 0 is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    /// Who only look.
    pub browse: usize,
    /// Who order.
    pub buy: usize,
    /// Who follow their orders.
    pub track: usize,
}

impl Default for Weights {
    fn default() -> Self {
        Weights { browse: 4, buy: 5, track: 3 }
    }
}

/// The scenarios of Goose, one a kind of customer.
pub(crate) fn scenarios(shop: &Arc<Shop>, weights: Weights) -> Result<Vec<Scenario>, GooseError> {
    let mut scenarios = Vec::new();
    if weights.browse > 0 {
        let visit = transaction(shop, |shop, user| Box::pin(browse::visit(shop, user)));
        scenarios.push(scenario("browse", shop, weights.browse)?.register_transaction(visit));
    }
    if weights.buy > 0 {
        let visit = transaction(shop, |shop, user| Box::pin(buy::visit(shop, user)));
        scenarios.push(scenario("buy", shop, weights.buy)?.register_transaction(visit));
    }
    if weights.track > 0 {
        let visit = transaction(shop, |shop, user| Box::pin(track::visit(shop, user)));
        scenarios.push(scenario("track", shop, weights.track)?.register_transaction(visit));
    }
    Ok(scenarios)
}

fn scenario(name: &str, shop: &Arc<Shop>, weight: usize) -> Result<Scenario, GooseError> {
    let arrive = transaction(shop, |shop, user| Box::pin(step::arrive(shop, user)));
    let scenario = Scenario::new(name).set_weight(weight)?;
    Ok(scenario.register_transaction(arrive.set_name("arrive").set_on_start()))
}

type Walk<'r> = Pin<Box<dyn Future<Output = TransactionResult> + Send + 'r>>;

/// A transaction that carries the shop with it.
fn transaction(
    shop: &Arc<Shop>,
    walk: impl for<'r> Fn(&'r Shop, &'r mut GooseUser) -> Walk<'r> + Send + Sync + Copy + 'static,
) -> Transaction {
    let shop = Arc::clone(shop);
    Transaction::new(Arc::new(move |user: &mut GooseUser| {
        let shop = Arc::clone(&shop);
        Box::pin(async move { walk(&shop, user).await })
    }))
}
