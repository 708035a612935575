//! What customers ask of an order that they have: to cancel it, and to send goods back.
//!
//! Whether it is too late for that, the customer learns from the answer: a conflict is as good as a yes.

use super::{
    book::Bought,
    buy, read,
    schedule::{Planned, What},
    stage::{Ask, Stage},
};
use contracts::{error::Code, events::ProductUnits, ids::OrderId};
use loadtests::{
    client::{self, OrderAnswer, Reply, Request},
    history::{HistoryClosed, HistoryRecord, Op, Outcome},
};

/// How the answer to a command is judged.
type Judge = fn(Result<Reply<'_>, &str>) -> OrderAnswer;

/// A command that is ready to be sent.
struct Command {
    op: Op,
    key: String,
    bought: Bought,
    request: Request,
    judge: Judge,
}

/// Sends the command; where there is no order that it could be about, the turn is a look at an order, and counts as one.
pub(super) async fn perform(stage: &Stage, planned: &Planned) -> Result<(), HistoryClosed> {
    // The book is closed again before the command is written: that opens it, too.
    let bought = match planned.what {
        What::Cancel => stage.book().lately(planned.draw),
        _ => stage.book().take_delivered(planned.draw),
    };
    let command = match planned.what {
        What::Cancel => bought.map(|bought| cancel(stage, planned, bought)),
        _ => bought.and_then(|bought| send_back(stage, planned, bought)),
    };
    match command {
        Some(command) => submit(stage, planned, command).await,
        None => read::perform(stage, &Planned { what: What::GetOrder, ..planned.clone() }).await,
    }
}

fn cancel(stage: &Stage, planned: &Planned, bought: Bought) -> Command {
    let key = stage.key(planned.draw);
    let request = client::cancel_order(token_of(stage, &bought), bought.order_id, &key);
    Command { op: Op::Cancel, key, bought, request, judge: client::cancel_answer }
}

/// One unit of the first line: all that fits into any package.
fn send_back(stage: &Stage, planned: &Planned, bought: Bought) -> Option<Command> {
    let key = stage.key(planned.draw);
    let line = bought.request.products.first()?;
    let units = [ProductUnits { product_id: line.product_id, quantity: 1 }];
    stage.book().asks_back(bought.order_id, units.to_vec());
    let request = client::request_return(token_of(stage, &bought), bought.order_id, &units, &key);
    Some(Command { op: Op::Return, key, bought, request, judge: client::return_answer })
}

/// The order's buyer asks, whoever's turn it was.
fn token_of<'s>(stage: &'s Stage, bought: &Bought) -> &'s str {
    &stage.customer(bought.customer).token
}

/// Sends the command, judges the answer, and asks what became of it where the answer says nothing.
async fn submit(stage: &Stage, planned: &Planned, command: Command) -> Result<(), HistoryClosed> {
    let Command { op, key, bought, request, judge } = command;
    let (customer, planned_us) = (bought.customer, stage.us(planned.at));
    let (mut record, exchange) = stage.send(Ask { op, customer, planned_us, request }).await;
    (record.idempotency_key, record.order_id) = (Some(key), Some(bought.order_id));
    if let Some(exchange) = exchange {
        note(&mut record, judge(exchange.reply()), bought.order_id);
    }
    if let Some(status) = &record.order_status {
        stage.saw(bought.order_id, status);
    }
    let in_doubt = record.outcome == Outcome::Ambiguous;
    stage.done(record).await?;
    if in_doubt { buy::resolve(stage, customer, &bought.key).await } else { Ok(()) }
}

/// Writes into the record what the answer means.
pub(super) fn note(record: &mut HistoryRecord, answer: OrderAnswer, order_id: OrderId) {
    match answer {
        OrderAnswer::Acknowledged(done) => {
            record.outcome = Outcome::Ok;
            record.why = match &done.order {
                None => Some("the acknowledgement shows no order".to_owned()),
                Some(seen) if seen.order_id != order_id => Some("another order was acknowledged".to_owned()),
                Some(_) => None,
            };
            record.order_version = done.order.as_ref().map(|seen| seen.version);
            record.order_status = done.order.map(|seen| seen.status);
        }
        OrderAnswer::Refused { code, why } => {
            // The order had gone on by then: shipped, cancelled, or on its way back already.
            let planned = code == Some(Code::Conflict);
            record.outcome = if planned { Outcome::PlannedRefusal } else { Outcome::Refused };
            (record.code, record.why) = (code, Some(why));
        }
        OrderAnswer::Ambiguous { code, why } => {
            record.outcome = Outcome::Ambiguous;
            (record.code, record.why) = (code, Some(why));
        }
    }
}
