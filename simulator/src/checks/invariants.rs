//! Every invariant of the contract that a run's inputs can decide, in the contract's order.

use super::{
    Invariant, convergence, durability, events, money, payment, progress, regions, security, service_level,
    shipping, stock, stock_ledger,
};

macro_rules! invariants {
    ($($id:literal $judge:path: $title:literal;)*) => {
        &[$(Invariant { id: $id, title: $title, judge: $judge }),*]
    };
}

pub(super) const ALL: &[Invariant] = invariants! {
    "D1" durability::kept: "acknowledged orders are in a survivor as acknowledged, acknowledged commands are done";
    "D2" durability::copied: "acknowledged orders and commands had copies on two continents when acknowledged";
    "D3" durability::refused_means_none: "refused attempts made no order, ambiguous ones at most one; refused commands did nothing";
    "D4" durability::one_per_key: "one order per customer and key, over all regions and all time";
    "D5" convergence::regions_agree: "after the heal all regions hold the same";
    "D6" durability::no_stranger: "no order exists without an attempt";
    "G1" progress::settled: "every order is settled in time, or waits where it may";
    "G2" progress::legal_history: "every history is a path of the contract, without gap, repeat or step back";
    "G3" progress::no_attention: "no order needs a person and no event is parked, unless the faults meant it";
    "P1" payment::captured_once: "the money was taken at most once per order, within what was authorised";
    "P2" payment::captured_total: "what was taken is the order's total, and the total is the sum of its lines";
    "P3" payment::refunds_within: "no more was given back than taken, nothing is both voided and taken";
    "P4" payment::paid_before_dispatch: "nothing left before it was paid";
    "P5" money::net: "in the end every customer paid what the order's end says";
    "P6" money::tokens: "a payment token pays one order; none stays authorised on a settled one";
    "P7" money::books_agree: "our payment ledger and the provider's agree, entry by entry";
    "S1" stock::never_negative: "stock was never negative, promised twice or denied where it never ran out";
    "S2" stock_ledger::on_hand_adds_up: "what lies there is what came in less what went out";
    "S3" stock_ledger::reserved_adds_up: "what is reserved is the sum of the open reservations";
    "S4" stock::held_for_orders: "orders hold exactly the stock that their status says";
    "S5" stock::shipped_what_was_packed: "units taken are units packaged, and no more than were ordered";
    "H1" shipping::dispatched_once: "one parcel per order, and none for a cancelled one";
    "H2" shipping::allowed: "every parcel went to an adult, where its warehouse may ship";
    "H3" shipping::signed: "an adult signed for every parcel that needs it";
    "E1" events::published: "every change was published, and nothing was published without a change";
    "E2" events::applied_once: "no event took effect twice, or was noted without any";
    "E3" events::well_formed: "every event is well formed, and says what was before as it was";
    "E4" events::nothing_waiting: "no event waits unpublished at the end";
    "R1" regions::one_owner: "one region acts for an order at a time, and never again once it was replaced";
    "R2" regions::recovered: "orders of a lost region's customers are taken again in time";
    "L1" service_level::no_late_answer: "no customer waited longer than the limit";
    "L2" service_level::available: "the share of good answers is as promised, the disaster included";
    "L3" service_level::quick_refusal: "overload is answered at once";
    "X1" security::no_card_number: "no card number is in any table, event or log";
    "X2" security::no_trespass: "nobody reads or does what is not theirs";
    "X3" security::no_tampering: "no tampered order was accepted";
};
