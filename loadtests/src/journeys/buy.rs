//! A customer who orders: fills a basket, asks for the delivery price, authorises the payment, orders; and
//! asks again with the same key when the answer leaves them in doubt.

use super::{
    browse,
    shop::{Bought, Shop, Visitor},
    step::{Asked, ask, edge, note, send, token},
};
use crate::{
    basket,
    client::{self, OrderAnswer, PreAuthorised},
    history::{HistoryRecord, Op, Ordered, Outcome, Source},
};
use contracts::{bodies::orders::CreateOrderRequest, keys, order::Order};
use goose::goose::{GooseUser, TransactionError, TransactionResult};
use std::time::Duration;

/// How often a customer in doubt asks again.
const AGAIN: u32 = 2;
/// How long they wait before they do.
const DOUBT: Duration = Duration::from_secs(1);

/// A visit.
pub(super) async fn visit(shop: &Shop, user: &mut GooseUser) -> TransactionResult {
    let mut visitor = shop.visitor(user.weighted_users_index).await.ok_or("more users than customers")?;
    buy(shop, user, &mut visitor).await
}

/// One order, from the catalogue to the answer.
pub(super) async fn buy(shop: &Shop, user: &mut GooseUser, visitor: &mut Visitor) -> TransactionResult {
    visitor.think(shop).await;
    let token = token(shop, user, visitor).await?;
    if visitor.page.is_empty() {
        browse::look(shop, user, visitor, &token).await?;
        visitor.think(shop).await;
    }
    let mut order = basket(visitor)?;
    let request = client::delivery_price(&token, &order.products, &order.address);
    let price = ask(shop, user, visitor, Op::Pricing, request, client::delivery_priced).await?;
    order.delivery_price = price.pricing;
    order.currency = price.currency;
    order.payment_token = pay(shop, user, visitor, &order).await?.payment_token;
    visitor.think(shop).await;
    submit(shop, user, visitor, &token, order).await
}

fn basket(visitor: &mut Visitor) -> Result<CreateOrderRequest, Box<TransactionError>> {
    let products = basket::choose(&visitor.page, &mut visitor.dice);
    if products.is_empty() {
        visitor.page.clear();
        return Err("nothing on the page is for sale".into());
    }
    Ok(basket::draft(products, &visitor.customer.address))
}

/// Authorises the total, at the provider and not at the shop.
async fn pay(
    shop: &Shop,
    user: &mut GooseUser,
    visitor: &Visitor,
    order: &CreateOrderRequest,
) -> Result<PreAuthorised, Box<TransactionError>> {
    let provider = shop.provider.as_ref().ok_or("no payment provider was named")?;
    let total =
        Order::computed_total(&order.products, order.delivery_price).ok_or("the total is too large")?;
    let currency = order.currency.as_deref().unwrap_or("USD");
    let request = client::pre_authorise(&provider.key, &visitor.customer, total, currency);
    let asked = send(user, &provider.url, request).await;
    let reply = asked.reply()?;
    client::pre_authorised(reply).map_err(|trouble| trouble.why.into())
}

async fn submit(
    shop: &Shop,
    user: &mut GooseUser,
    visitor: &mut Visitor,
    token: &str,
    order: CreateOrderRequest,
) -> TransactionResult {
    let key = visitor.next_key(shop);
    let mut outcome = attempt(shop, user, visitor, token, &order, &key).await?;
    for _ in 0..AGAIN {
        if outcome != Outcome::Ambiguous {
            break;
        }
        tokio::time::sleep(DOUBT).await;
        outcome = attempt(shop, user, visitor, token, &order, &key).await?;
    }
    if outcome == Outcome::Refused {
        // Prices or stock may have changed.
        visitor.page.clear();
    }
    Ok(())
}

/// Sends the order once, and writes down what came of it.
async fn attempt(
    shop: &Shop,
    user: &mut GooseUser,
    visitor: &mut Visitor,
    token: &str,
    order: &CreateOrderRequest,
    key: &str,
) -> Result<Outcome, Box<TransactionError>> {
    let sent_at_us = shop.clock.now_us();
    let asked = send(user, edge(shop, visitor)?, client::create_order(token, order, key)).await;
    let mut record = record(shop, visitor, order, key, sent_at_us, &asked);
    let why = match client::order_answer(asked.reply()) {
        OrderAnswer::Acknowledged(promise) => {
            let seen = promise.order;
            let order_id = keys::order_id(&visitor.customer.sub, key);
            record.order_id = Some(seen.as_ref().map_or(order_id, |seen| seen.order_id));
            record.order_version = seen.map(|seen| seen.version);
            let version = record.order_version.unwrap_or(1);
            visitor.remember(Bought {
                order_id: record.order_id.unwrap_or(order_id),
                version,
                key: key.to_owned(),
            });
            None
        }
        OrderAnswer::Refused { code, why } => {
            (record.outcome, record.code) = (Outcome::Refused, code);
            Some(why)
        }
        OrderAnswer::Ambiguous { code, why } => {
            (record.outcome, record.code) = (Outcome::Ambiguous, code);
            Some(why)
        }
    };
    record.why.clone_from(&why);
    let outcome = record.outcome;
    shop.note(record).await;
    note(user, Op::CreateOrder.word(), &asked, why.as_deref()).await?;
    Ok(outcome)
}

fn record(
    shop: &Shop,
    visitor: &Visitor,
    order: &CreateOrderRequest,
    key: &str,
    sent_at_us: u64,
    asked: &Asked,
) -> HistoryRecord {
    let took_us = u64::try_from(asked.took.as_micros()).unwrap_or(u64::MAX);
    HistoryRecord {
        seq: 0,
        source: Source::Goose,
        op: Op::CreateOrder,
        continent: visitor.customer.continent.clone(),
        home: visitor.customer.home.clone(),
        user_id: visitor.customer.sub.clone(),
        idempotency_key: Some(key.to_owned()),
        body_hash: Some(keys::canonical_hash(order)),
        request: Some(Ordered::from(order)),
        probe: None,
        planned_at_us: sent_at_us,
        sent_at_us: Some(sent_at_us),
        answered_at_us: asked.status().map(|_| sent_at_us + took_us),
        wall_ms: shop.clock.wall_ms_at(sent_at_us),
        status: asked.status(),
        served_by: asked.edge.served_by.clone(),
        attempts: asked.edge.attempts,
        refused_by: asked.edge.refused_by.clone(),
        outcome: Outcome::Ok,
        code: None,
        why: None,
        order_id: None,
        order_version: None,
        order_status: None,
        latency_us: Some(took_us),
        phase: None,
    }
}
