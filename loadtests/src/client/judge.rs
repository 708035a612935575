//! What came of an attempt to order, or of a command to an order: acknowledged, refused or ambiguous. Nothing else
//! exists.

use super::{
    steps::{OrderSeen, field},
    wire::{Reply, Trouble},
};
use contracts::error::Code;
use serde::Deserialize;

/// What the customer was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderAnswer {
    /// `success: true` arrived: a promise.
    Acknowledged(Acknowledged),
    /// `success: false`, and trying again is of no use: there is no order, or nothing was done to it.
    Refused {
        /// The code.
        code: Option<Code>,
        /// For a person.
        why: String,
    },
    /// Anything else, no answer included: there may be an order or none, it may be done or not.
    Ambiguous {
        /// The code, where one came.
        code: Option<Code>,
        /// For a person.
        why: String,
    },
}

/// A promise. The order may be missing from it; the promise stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    /// The order, as far as the answer showed it.
    pub order: Option<OrderSeen>,
    /// What the answer says about durability.
    pub durability: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    success: bool,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    code: Option<Code>,
    #[serde(default)]
    retryable: Option<bool>,
    #[serde(default)]
    durability: Option<String>,
    // Read apart: a promise with an order that cannot be read is still a promise.
    #[serde(default)]
    order: Option<serde_json::Value>,
}

/// Judges the answer to `createOrder`; `Err` holds why none came.
pub fn order_answer(reply: Result<Reply<'_>, &str>) -> OrderAnswer {
    answer_to("createOrder", reply)
}

/// Judges the answer to `cancelOrder`. Acknowledged means that it is done, or that the shop knows of the wish: the status
/// of the order says which.
pub fn cancel_answer(reply: Result<Reply<'_>, &str>) -> OrderAnswer {
    answer_to("cancelOrder", reply)
}

/// Judges the answer to `requestReturn`.
pub fn return_answer(reply: Result<Reply<'_>, &str>) -> OrderAnswer {
    answer_to("requestReturn", reply)
}

fn answer_to(operation: &str, reply: Result<Reply<'_>, &str>) -> OrderAnswer {
    let reply = match reply {
        Ok(reply) => reply,
        Err(why) => return OrderAnswer::Ambiguous { code: None, why: why.to_owned() },
    };
    match field::<Answer>(reply, operation) {
        Ok(answer) => judge(answer),
        Err(Trouble { code, refused: true, why }) => OrderAnswer::Refused { code, why },
        Err(Trouble { code, refused: false, why }) => OrderAnswer::Ambiguous { code, why },
    }
}

fn judge(answer: Answer) -> OrderAnswer {
    if answer.success {
        let order = answer.order.and_then(|order| serde_json::from_value(order).ok());
        return OrderAnswer::Acknowledged(Acknowledged { order, durability: answer.durability });
    }
    let code = answer.code;
    // An answer that says neither is taken for ambiguous: that claims less.
    let retryable = answer.retryable.or(code.map(Code::retryable)).unwrap_or(true);
    let why = answer.message.unwrap_or_default();
    if retryable { OrderAnswer::Ambiguous { code, why } } else { OrderAnswer::Refused { code, why } }
}
