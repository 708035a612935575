//! After the load customers look at what became of everything that they asked for.

use super::ready::Ready;
use crate::{
    checks::{Afterwards, SeenKey, SeenOrder, Shown},
    driver::OLDER,
    history::HistoryRecord,
    scenario::Scenario,
    watch::Watch,
};
use contracts::ids::{OrderId, UserId};
use futures::{StreamExt as _, stream};
use loadtests::{accounts::SignedIn, client};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

/// Customers who ask at the same time.
const AT_A_TIME: usize = 16;
/// Between two rounds of questions.
const PAUSE: Duration = Duration::from_secs(2);
/// Who gets no answer to a question about a key or to a page of a list asks so often in all.
const TRIES: usize = 5;
/// Orders on a page, and pages that are read of one customer's list.
const ORDERS: u32 = 100;
const PAGES_MAX: usize = 50;

/// What it takes to look.
pub(super) struct Look<'a> {
    pub(super) ready: &'a Ready,
    pub(super) watch: &'a Watch,
    pub(super) scenario: &'a Scenario,
    /// What customers did and were told.
    pub(super) records: &'a [HistoryRecord],
    /// Whether somebody packs and delivers.
    pub(super) robots_worked: bool,
}

impl Look<'_> {
    /// Looks at everything. Orders that are not shown, or not at rest while somebody works on them, are looked at again
    /// for as long as the scenario gives them to settle.
    pub(super) async fn all(&self) -> Afterwards {
        let customers = self.ready.people.customers.iter();
        let customers: BTreeMap<&UserId, &SignedIn> = customers.map(|one| (&one.customer.sub, one)).collect();
        Afterwards {
            orders: self.orders(&customers).await,
            keys: self.keys(&customers).await,
            lists: self.lists().await,
            seen_before: self.seen_before(),
            went_back: self.went_back(),
            robots_worked: self.robots_worked,
        }
    }

    async fn orders(&self, customers: &BTreeMap<&UserId, &SignedIn>) -> BTreeMap<OrderId, Shown<SeenOrder>> {
        let until = Instant::now() + Duration::from_secs_f64(self.scenario.settle.within_s);
        let promised = self.records.iter().filter(|record| record.acknowledged());
        let promised =
            promised.filter_map(|record| Some((record.order_id?, *customers.get(&record.user_id)?)));
        let mut open: BTreeMap<OrderId, &SignedIn> = promised.collect();
        let mut orders = BTreeMap::new();
        loop {
            let asked = stream::iter(open.iter().map(|(id, one)| self.order(*id, one)));
            let shown: Vec<(OrderId, Shown<SeenOrder>)> = asked.buffer_unordered(AT_A_TIME).collect().await;
            for (order_id, shown) in shown {
                if is_over(&shown, self.robots_worked) {
                    open.remove(&order_id);
                }
                orders.insert(order_id, shown);
            }
            if open.is_empty() || Instant::now() >= until {
                self.watch.say(&format!("{} orders were looked up, {} are open", orders.len(), open.len()));
                return orders;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn order(&self, order_id: OrderId, one: &SignedIn) -> (OrderId, Shown<SeenOrder>) {
        let request = client::order_in_full(&one.token, order_id);
        let answer = self.ready.asker.customer(one, request, client::order_in_full_seen).await;
        (order_id, shown(answer))
    }

    /// What is shown for the key of each attempt.
    async fn keys(&self, customers: &BTreeMap<&UserId, &SignedIn>) -> Vec<SeenKey> {
        let attempts =
            self.records.iter().filter(|record| record.is_attempt() && record.sent_at_us.is_some());
        let keys = attempts.filter_map(|record| Some((&record.user_id, record.idempotency_key.as_deref()?)));
        let keys: BTreeSet<(&UserId, &str)> = keys.collect();
        let asked = keys.into_iter().filter_map(|(user, key)| Some(self.key(customers.get(user)?, key)));
        stream::iter(asked.collect::<Vec<_>>()).buffered(AT_A_TIME).collect().await
    }

    async fn key(&self, one: &SignedIn, key: &str) -> SeenKey {
        let mut order_id = Shown::NoAnswer(String::new());
        for _ in 0..TRIES {
            let request = client::order_by_key(&one.token, key);
            let answer = self.ready.asker.customer(one, request, client::order_by_key_seen).await;
            order_id = shown(answer.map(|order| order.map(|order| order.order_id)));
            if !matches!(order_id, Shown::NoAnswer(_)) {
                break;
            }
        }
        SeenKey { user_id: one.customer.sub.clone(), idempotency_key: key.to_owned(), order_id }
    }

    /// What is new in each customer's list.
    async fn lists(&self) -> BTreeMap<UserId, Option<BTreeSet<OrderId>>> {
        let customers = self.ready.people.customers.iter();
        let asked = customers.map(|one| async { (one.customer.sub.clone(), self.list(one).await) });
        stream::iter(asked.collect::<Vec<_>>()).buffered(AT_A_TIME).collect().await
    }

    /// The newest orders of a customer, up to one that was there before the load.
    async fn list(&self, one: &SignedIn) -> Option<BTreeSet<OrderId>> {
        let before = self.ready.before.get(&one.customer.sub)?;
        let mut found = BTreeSet::new();
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let page = self.page(one, next.as_deref()).await?;
            let ids = page.orders.iter().map(|order| order.order_id);
            let known = ids.clone().any(|id| before.contains(&id));
            found.extend(ids.take_while(|id| !before.contains(id)));
            next = page.next_token;
            if known || next.is_none() {
                return Some(found);
            }
        }
        None
    }

    async fn page(&self, one: &SignedIn, next: Option<&str>) -> Option<client::Orders> {
        for _ in 0..TRIES {
            let request = client::orders_from(&one.token, next, ORDERS);
            if let Ok(page) = self.ready.asker.customer(one, request, client::orders_page).await {
                return Some(page);
            }
        }
        None
    }

    fn seen_before(&self) -> BTreeMap<OrderId, u64> {
        let mut seen: BTreeMap<OrderId, u64> = BTreeMap::new();
        for record in self.records {
            if let Some((order_id, version)) = record.order_id.zip(record.order_version) {
                let highest = seen.entry(order_id).or_default();
                *highest = version.max(*highest);
            }
        }
        seen
    }

    fn went_back(&self) -> BTreeSet<OrderId> {
        let back = self.records.iter().filter(|record| record.why.as_deref() == Some(OLDER));
        back.filter_map(|record| record.order_id).collect()
    }
}

/// Whether there is nothing to wait for.
fn is_over(shown: &Shown<SeenOrder>, robots_worked: bool) -> bool {
    match shown {
        Shown::Found(order) => order.at_rest() || !robots_worked,
        Shown::Nothing | Shown::NoAnswer(_) => false,
    }
}

fn shown<T>(answer: anyhow::Result<Option<T>>) -> Shown<T> {
    match answer {
        Ok(Some(found)) => Shown::Found(found),
        Ok(None) => Shown::Nothing,
        Err(why) => Shown::NoAnswer(format!("{why:#}")),
    }
}
