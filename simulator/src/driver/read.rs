//! Everything that is not an order: one request, one wanted answer.

use super::{
    book::Bought,
    schedule::{Planned, What},
    stage::{Ask, Stage},
};
use contracts::ids::OrderId;
use loadtests::{
    basket::CatalogueItem,
    client::{self, OrderSeen, Reply, Request, Trouble},
    history::{HistoryClosed, HistoryRecord, Op, Outcome},
};

/// Products on a page.
const PRODUCTS: u32 = 20;
/// What is said of an answer that goes back.
pub(crate) const OLDER: &str = "an older version came than the customer has seen";
/// Orders on a page.
const ORDERS: u32 = 20;

pub(super) async fn perform(stage: &Stage, planned: &Planned) -> Result<(), HistoryClosed> {
    let token = stage.customer(planned.customer).token.as_str();
    let item = item(stage, planned.draw);
    let id = item.product_id;
    match planned.what {
        What::Browse => {
            let request = client::products(token, None, PRODUCTS);
            ask(stage, planned, Op::Browse, request, |reply| client::products_seen(reply).map(drop)).await
        }
        What::Product => {
            let request = client::product(token, id);
            ask(stage, planned, Op::Product, request, |reply| client::product_seen(reply, id).map(drop)).await
        }
        What::Search => {
            let word = item.name.split_whitespace().next().unwrap_or("cigar");
            let request = client::search(token, word);
            ask(stage, planned, Op::Search, request, |reply| client::search_seen(reply).map(drop)).await
        }
        What::Cart => {
            // Always the same number for one customer: two changes at once then want the same answer.
            let units = 1 + u32::try_from(planned.customer % 3).unwrap_or(0);
            let request = client::put_cart_item(token, id, units, &stage.cart_key(planned.draw));
            ask(stage, planned, Op::Cart, request, |reply| client::cart_seen(reply, id, units).map(drop))
                .await
        }
        What::GetOrder | What::GetByKey => track(stage, planned).await,
        What::GetOrders | What::Buy(_) | What::Cancel | What::Return => list(stage, planned).await,
    }
}

fn item(stage: &Stage, draw: u64) -> &CatalogueItem {
    let catalogue = &stage.config.catalogue;
    let count = u64::try_from(catalogue.len()).unwrap_or(1).max(1);
    &catalogue[usize::try_from(draw % count).unwrap_or(0)]
}

/// Looks an acknowledged order up: it must be there, for its buyer, in every region, at any time.
async fn track(stage: &Stage, planned: &Planned) -> Result<(), HistoryClosed> {
    let Some(bought) = stage.book().some(planned.draw) else { return list(stage, planned).await };
    let token = stage.customer(bought.customer).token.as_str();
    // The order's buyer asks, whoever's turn it was.
    let planned = Planned { customer: bought.customer, ..planned.clone() };
    let (op, request) = match planned.what {
        What::GetByKey => (Op::GetByKey, client::order_by_key(token, &bought.key)),
        _ => (Op::GetOrder, client::order(token, bought.order_id, Some(bought.version))),
    };
    let (mut record, exchange) = stage.send(ask_of(stage, &planned, op, request)).await;
    if let Some(exchange) = exchange {
        let seen = exchange.reply().map_err(Trouble::unknown).and_then(|reply| seen(op, reply, &bought));
        if let Ok(seen) = &seen {
            record.order_version = Some(seen.version);
            record.order_status = Some(seen.status.clone());
            stage.saw(seen.order_id, &seen.status);
        }
        judge(&mut record, seen.map(drop));
    }
    record.order_id = Some(bought.order_id);
    record.idempotency_key = Some(bought.key);
    stage.done(record).await
}

fn seen(op: Op, reply: Reply<'_>, bought: &Bought) -> Result<OrderSeen, Trouble> {
    let found = match op {
        Op::GetByKey => {
            client::order_by_key_seen(reply)?.ok_or_else(|| Trouble::unknown("it was not found"))?
        }
        _ => client::order_seen(reply, bought.order_id)?,
    };
    let same = |is: bool, otherwise: &str| if is { Ok(()) } else { Err(Trouble::unknown(otherwise)) };
    same(found.order_id == bought.order_id, "another order came")?;
    same(found.version >= bought.version, OLDER)?;
    Ok(found)
}

async fn list(stage: &Stage, planned: &Planned) -> Result<(), HistoryClosed> {
    let token = stage.customer(planned.customer).token.as_str();
    let request = client::orders(token, ORDERS);
    ask(stage, planned, Op::GetOrders, request, |reply| client::orders_seen(reply).map(drop)).await
}

async fn ask(
    stage: &Stage,
    planned: &Planned,
    op: Op,
    request: Request,
    read: impl FnOnce(Reply<'_>) -> Result<(), Trouble>,
) -> Result<(), HistoryClosed> {
    let (mut record, exchange) = stage.send(ask_of(stage, planned, op, request)).await;
    if let Some(exchange) = exchange {
        judge(&mut record, exchange.reply().map_err(Trouble::unknown).and_then(read));
    }
    stage.done(record).await
}

fn ask_of(stage: &Stage, planned: &Planned, op: Op, request: Request) -> Ask {
    Ask { op, customer: planned.customer, planned_us: stage.us(planned.at), request }
}

/// Writes into the record whether the wanted answer came.
pub(super) fn judge(record: &mut HistoryRecord, seen: Result<(), Trouble>) {
    match seen {
        Ok(()) => record.outcome = Outcome::Ok,
        Err(trouble) => {
            record.outcome = Outcome::Failed;
            record.code = trouble.code;
            record.why = Some(trouble.why);
        }
    }
}

/// Asks what became of an attempt; `Ok(None)` means that there is no order.
pub(super) async fn resolve_once(
    stage: &Stage,
    customer: usize,
    key: &str,
) -> Result<Result<Option<OrderId>, ()>, HistoryClosed> {
    let request = client::order_by_key(&stage.customer(customer).token, key);
    let planned_us = stage.config.clock.now_us();
    let (mut record, exchange) = stage.send(Ask { op: Op::Resolve, customer, planned_us, request }).await;
    let mut found = Err(());
    if let Some(exchange) = exchange {
        let seen = exchange.reply().map_err(Trouble::unknown).and_then(client::order_by_key_seen);
        if let Ok(order) = &seen {
            record.order_id = order.as_ref().map(|order| order.order_id);
            record.order_version = order.as_ref().map(|order| order.version);
            found = Ok(record.order_id);
        }
        judge(&mut record, seen.map(drop));
    }
    record.idempotency_key = Some(key.to_owned());
    stage.done(record).await?;
    Ok(found)
}
