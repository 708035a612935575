//! What all users of an attack share, and what each remembers.

use crate::{
    accounts::SignedIn,
    attack::{Pool, Provider},
    basket::CatalogueItem,
    clock::RunClock,
    dice::{Dice, dice},
    history::{History, HistoryRecord, Outcome},
    population::Customer,
    summary::OrderCounts,
};
use contracts::ids::OrderId;
use rand::RngExt;
use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{Mutex as Turn, MutexGuard},
    time::Instant,
};

/// A user remembers this many of their orders.
const ORDERS_KEPT: usize = 20;

/// The attack as its users see it.
pub(crate) struct Shop {
    pub(crate) edges: BTreeMap<String, String>,
    pub(crate) provider: Option<Provider>,
    pub(crate) pool: Option<Pool>,
    pub(crate) clock: RunClock,
    pub(crate) think_ms: RangeInclusive<u64>,
    pub(crate) history: Option<History>,
    visitors: Vec<Turn<Visitor>>,
    orders: Mutex<OrderCounts>,
}

/// One user's customer and what they remember.
pub(crate) struct Visitor {
    pub(crate) customer: Customer,
    pub(crate) token: Option<String>,
    /// When the token was got here; absent for one that was given.
    pub(crate) signed_in: Option<Instant>,
    pub(crate) dice: Dice,
    pub(crate) page: Vec<CatalogueItem>,
    pub(crate) orders: Vec<Bought>,
    attempts: u32,
}

/// An order that was acknowledged.
#[derive(Clone)]
pub(crate) struct Bought {
    pub(crate) order_id: OrderId,
    pub(crate) version: u64,
    pub(crate) key: String,
}

impl Shop {
    pub(crate) fn open(config: &crate::AttackConfig, clock: RunClock, history: Option<History>) -> Self {
        Shop {
            edges: config.edges.clone(),
            provider: config.provider.clone(),
            pool: config.pool.clone(),
            clock,
            think_ms: config.think_ms.0..=config.think_ms.1.max(config.think_ms.0),
            history,
            visitors: Vec::new(),
            orders: Mutex::default(),
        }
    }

    pub(crate) fn with_visitors(mut self, seed: u64, accounts: Vec<(Customer, Option<String>)>) -> Self {
        let visitor = |(customer, token): (Customer, Option<String>)| Visitor {
            dice: dice(seed, &format!("goose {}", customer.index)),
            customer,
            token,
            signed_in: None,
            page: Vec::new(),
            orders: Vec::new(),
            attempts: 0,
        };
        self.visitors = accounts.into_iter().map(visitor).map(Turn::new).collect();
        self
    }

    /// The customer of one Goose user. Each user has one of their own, so nobody ever waits here.
    pub(crate) async fn visitor(&self, user: usize) -> Option<MutexGuard<'_, Visitor>> {
        Some(self.visitors.get(user)?.lock().await)
    }

    /// The edge for customers of a continent: theirs, or the one for all.
    pub(crate) fn edge(&self, continent: &str) -> Option<&str> {
        self.edges.get(continent).or_else(|| self.edges.get(crate::attack::EVERYWHERE)).map(String::as_str)
    }

    pub(crate) fn counts(&self) -> OrderCounts {
        *self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an attempt and writes it down. A history that cannot be written ends the attack.
    pub(crate) async fn note(&self, record: HistoryRecord) {
        self.count(record.outcome);
        if let Some(history) = &self.history
            && history.record(record).await.is_err()
        {
            goose::trigger_killswitch("the history cannot be written");
        }
    }

    fn count(&self, outcome: Outcome) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        orders.attempted += 1;
        match outcome {
            Outcome::Ok => orders.acknowledged += 1,
            Outcome::Refused => orders.refused += 1,
            _ => orders.ambiguous += 1,
        }
    }
}

impl Visitor {
    /// A while to look at what came.
    pub(crate) async fn think(&mut self, shop: &Shop) {
        let ms = self.dice.random_range(shop.think_ms.clone());
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }

    /// A key that no other attempt of this customer has, in this attack or another one.
    pub(crate) fn next_key(&mut self, shop: &Shop) -> String {
        self.attempts += 1;
        format!("g{:x}-{}", shop.clock.origin_wall_ms(), self.attempts)
    }

    /// Some product of the page.
    pub(crate) fn some_product(&mut self) -> Option<CatalogueItem> {
        if self.page.is_empty() {
            return None;
        }
        let place = self.dice.random_range(0..self.page.len());
        self.page.get(place).cloned()
    }

    pub(crate) fn remember(&mut self, bought: Bought) {
        if self.orders.len() == ORDERS_KEPT {
            self.orders.remove(0);
        }
        self.orders.push(bought);
    }
}

/// A signed-in customer as the shop takes them.
pub(crate) fn with_token(account: SignedIn) -> (Customer, Option<String>) {
    (account.customer, Some(account.token))
}
