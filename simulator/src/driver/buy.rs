//! Orders: the price and the payment before, the order at its time, and what became of it after.

use super::{
    book::Bought,
    probe::{self, Order},
    read::{judge, resolve_once},
    schedule::{Deal, LEAD, Planned},
    stage::{Ask, Stage},
    verify,
};
use crate::third_parties::age_check::Papers;
use contracts::{bodies::orders::CreateOrderRequest, error::Code, keys, order};
use loadtests::{
    basket,
    client::{self, Delivery, OrderAnswer, Trouble},
    dice::dice,
    history::{HistoryClosed, HistoryRecord, Op, Outcome, Probe},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    time::{sleep, sleep_until, timeout_at},
};

/// The price must be told so long before the order, or the buyer goes by the one told last.
const TIME_TO_PAY: Duration = Duration::from_millis(500);
/// A customer in doubt asks so often what became of the order, and waits so long before each time.
const RESOLVES: usize = 3;
const DOUBT: Duration = Duration::from_secs(1);

pub(super) async fn perform(stage: &Stage, planned: &Planned, deal: Deal) -> Result<(), HistoryClosed> {
    if !deal.prepared() {
        let earlier = stage.book().some(planned.draw);
        return match earlier {
            Some(bought) => {
                submit(stage, planned.at, probe::from_earlier(stage, planned, deal, &bought)).await
            }
            // Nobody has ordered yet; the request still counts.
            None => super::read::perform(stage, planned).await,
        };
    }
    let (tell, told) = oneshot::channel();
    let draft = draft(stage, planned, deal);
    let (asked, ordered) = tokio::join!(
        ask_price(stage, planned, &draft, tell),
        order(stage, planned, deal, draft.clone(), told)
    );
    asked.and(ordered)
}

/// The order as far as it is known before the price is.
fn draft(stage: &Stage, planned: &Planned, deal: Deal) -> CreateOrderRequest {
    let address = &stage.customer(planned.customer).customer.address;
    let catalogue = &stage.config.catalogue;
    let wish = match deal {
        Deal::Honest => stage.config.scarce.wish(planned.draw, catalogue),
        Deal::Repeat | Deal::Bad(_) => None,
    };
    match wish {
        Some(wish) => {
            CreateOrderRequest { allow_backorder: wish.waits, ..basket::draft(wish.lines, address) }
        }
        None => basket::draft(basket::choose(catalogue, &mut dice(planned.draw, "basket")), address),
    }
}

async fn ask_price(
    stage: &Stage,
    planned: &Planned,
    draft: &CreateOrderRequest,
    tell: oneshot::Sender<Delivery>,
) -> Result<(), HistoryClosed> {
    let (customer, planned_us) = (planned.customer, stage.us(planned.at));
    let request = client::delivery_price(&stage.customer(customer).token, &draft.products, &draft.address);
    let (mut record, exchange) = stage.send(Ask { op: Op::Pricing, customer, planned_us, request }).await;
    if let Some(exchange) = exchange {
        let seen = exchange.reply().map_err(Trouble::unknown).and_then(client::delivery_priced);
        if let Ok(price) = &seen {
            stage.book().told(&draft.address.country, price.pricing, price.currency.clone());
            // The buyer may have stopped waiting.
            let _late = tell.send(price.clone());
        }
        judge(&mut record, seen.map(drop));
    }
    stage.done(record).await
}

/// Waits for the price, has the payment authorised and orders at the planned time.
async fn order(
    stage: &Stage,
    planned: &Planned,
    deal: Deal,
    mut draft: CreateOrderRequest,
    told: oneshot::Receiver<Delivery>,
) -> Result<(), HistoryClosed> {
    let at = planned.at + LEAD;
    let price = match timeout_at(stage.moment(at - TIME_TO_PAY), told).await {
        Ok(Ok(price)) => Some((price.pricing, price.currency)),
        _ => stage.book().last_price(&draft.address.country),
    };
    let Some((pricing, currency)) = price else {
        return unsent(stage, planned, at, deal, Outcome::Failed, "no delivery price was ever told").await;
    };
    (draft.delivery_price, draft.currency) = (pricing, currency);
    let Some(token) = pay(stage, planned, at, deal, &draft).await else {
        let why = "the payment provider gave no authorisation";
        return unsent(stage, planned, at, deal, Outcome::Skipped, why).await;
    };
    draft.payment_token = token;
    let key = stage.key(planned.draw);
    let order = probe::new_order(planned.customer, key, deal, Arc::new(draft));
    sleep_until(stage.moment(at)).await;
    submit(stage, at, order).await
}

/// Writes down an order that was never sent.
async fn unsent(
    stage: &Stage,
    planned: &Planned,
    at: Duration,
    deal: Deal,
    outcome: Outcome,
    why: &str,
) -> Result<(), HistoryClosed> {
    sleep_until(stage.moment(at)).await;
    let mut record = stage.record(op_of(deal), planned.customer, stage.us(at));
    (record.outcome, record.why) = (outcome, Some(why.to_owned()));
    stage.done(record).await
}

/// Has the total authorised before the order is due; tried twice. The provider is no part of the platform.
async fn pay(
    stage: &Stage,
    planned: &Planned,
    at: Duration,
    deal: Deal,
    draft: &CreateOrderRequest,
) -> Option<String> {
    if deal == Deal::Bad(Probe::UnknownToken) {
        return Some(loadtests::population::random_uuid(&mut dice(planned.draw, "token")));
    }
    let total = order::Order::computed_total(&draft.products, draft.delivery_price)?;
    let amount = total + probe::authorised_beyond(deal);
    let (provider, customer) = (&stage.config.provider, &stage.customer(planned.customer).customer);
    let currency = draft.currency.as_deref().unwrap_or("USD");
    let ask = || client::pre_authorise(&provider.key, customer, amount, currency);
    for _ in 0..2 {
        let exchange = timeout_at(stage.moment(at), stage.wire.exchange(&provider.url, ask())).await.ok()?;
        if let Ok(Ok(paid)) = exchange.reply().map(client::pre_authorised) {
            return Some(paid.payment_token);
        }
    }
    None
}

/// Sends the order, judges the answer, and asks again where the answer says nothing.
async fn submit(stage: &Stage, at: Duration, order: Order) -> Result<(), HistoryClosed> {
    let token = &stage.customer(order.customer).token;
    let request = client::create_order_with(token, order.body.clone(), &order.key);
    let (customer, planned_us) = (order.customer, stage.us(at));
    let (mut record, exchange) =
        stage.send(Ask { op: op_of(order.deal), customer, planned_us, request }).await;
    record.idempotency_key = Some(order.key.clone());
    record.body_hash = Some(keys::canonical_hash(&order.body));
    record.request = Some(probe::ordered(&order.body));
    if let Deal::Bad(probe) = order.deal {
        record.probe = Some(probe);
    }
    if let Some(exchange) = exchange {
        let answer = client::order_answer(exchange.reply());
        note(stage, &mut record, &order, answer);
    }
    let (in_doubt, waits) = (record.outcome == Outcome::Ambiguous, verify::wanted(stage, &record));
    stage.done(record).await?;
    match () {
        () if in_doubt => resolve(stage, customer, &order.key).await,
        () if waits => verify::perform(stage, customer).await,
        () => Ok(()),
    }
}

fn op_of(deal: Deal) -> Op {
    match deal {
        Deal::Honest => Op::CreateOrder,
        Deal::Repeat => Op::RepeatOrder,
        Deal::Bad(_) => Op::BadOrder,
    }
}

/// Writes into the record what the answer means.
fn note(stage: &Stage, record: &mut HistoryRecord, order: &Order, answer: OrderAnswer) {
    match answer {
        OrderAnswer::Acknowledged(promise) => {
            record.outcome = Outcome::Ok;
            let order_id = keys::order_id(&record.user_id, &order.key);
            let seen = promise.order.as_ref();
            record.order_id = Some(seen.map_or(order_id, |seen| seen.order_id));
            record.order_version = seen.map(|seen| seen.version);
            record.order_status = seen.map(|seen| seen.status.clone());
            record.why = fault(order, seen.map(|seen| (seen.order_id == order_id, seen.total)));
            if order.deal == Deal::Honest {
                let version = record.order_version.unwrap_or(1);
                let request = Arc::clone(&order.request);
                let (customer, key) = (order.customer, order.key.clone());
                stage.book().bought(Bought { customer, order_id, version, key, request });
            }
        }
        OrderAnswer::Refused { code, why } => {
            let planned = matches!(order.deal, Deal::Bad(_))
                || too_young(stage, record, code)
                || sold_out(stage, record, order, code);
            record.outcome = if planned { Outcome::PlannedRefusal } else { Outcome::Refused };
            (record.code, record.why) = (code, Some(why));
        }
        OrderAnswer::Ambiguous { code, why } => {
            record.outcome = Outcome::Ambiguous;
            (record.code, record.why) = (code, Some(why));
        }
    }
}

/// Whether the shop refused a customer whose papers say that they are too young.
fn too_young(stage: &Stage, record: &HistoryRecord, code: Option<Code>) -> bool {
    let papers = stage.config.unverified.get(&record.user_id);
    // A refusal that was journalled is told again as a conflict.
    matches!(code, Some(Code::AgeNotVerified | Code::Conflict)) && papers == Some(&Papers::TooYoung)
}

/// Whether goods had run out for somebody who does not wait for them: who said so, and who waits for a proof of age
/// already.
fn sold_out(stage: &Stage, record: &HistoryRecord, order: &Order, code: Option<Code>) -> bool {
    let asked = order.deal == Deal::Honest && stage.config.scarce.are_in(&order.request.products);
    let waits = order.request.allow_backorder && !stage.config.unverified.contains_key(&record.user_id);
    // A refusal that was journalled is told again as a conflict.
    asked && !waits && matches!(code, Some(Code::OutOfStock | Code::Conflict))
}

/// What is wrong with an acknowledgement, if anything.
fn fault(order: &Order, seen: Option<(bool, i64)>) -> Option<String> {
    let wanted = order::Order::computed_total(&order.request.products, order.request.delivery_price);
    match (order.deal, seen) {
        (Deal::Bad(_), _) => Some("it should have been refused".to_owned()),
        (_, None) => Some("the acknowledgement shows no order".to_owned()),
        (_, Some((false, _))) => Some("another order was acknowledged".to_owned()),
        // A repeated order may have changed since: only its first answer is bound to the total.
        (Deal::Honest, Some((true, total))) if Some(total) != wanted => {
            Some("the acknowledged total is another one".to_owned())
        }
        _ => None,
    }
}

/// Asks what became of an ambiguous attempt, a few times.
pub(super) async fn resolve(stage: &Stage, customer: usize, key: &str) -> Result<(), HistoryClosed> {
    for _ in 0..RESOLVES {
        sleep(DOUBT).await;
        if resolve_once(stage, customer, key).await?.is_ok() {
            break;
        }
    }
    Ok(())
}
