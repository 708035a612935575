use super::*;
use contracts::PaymentState::{
    Authorised, Captured, Conflicted, PartiallyRefunded, Refunded, Unknown, Voided,
};
use proptest::prelude::*;

const TOTAL: i64 = 10_000;

fn command(operation: Operation, name: &str, amount: i64, attempt: u32) -> Command {
    let key = format!("o:{}:{name}", operation.word());
    let effect = Effect { operation, key, amount, attempt };
    Command { effect, currency: "USD".into(), payment_ref: format!("sealed {attempt}") }
}

fn capture(attempt: u32) -> Command {
    command(Operation::Capture, &attempt.to_string(), TOTAL, attempt)
}

fn void(attempt: u32) -> Command {
    command(Operation::Void, &attempt.to_string(), TOTAL, attempt)
}

fn refund(cause: &str, amount: i64) -> Command {
    command(Operation::Refund, cause, amount, 1)
}

fn ended(command: &Command, done: bool) -> Ended {
    let amount = if done { command.effect.amount } else { 0 };
    let reference = done.then(|| format!("P {}", command.effect.key));
    Ended { effect: command.effect.clone(), done, amount, reference, reason: (!done).then(|| "no".into()) }
}

/// The payment after commands were carried out, each with the provider's answer.
fn after(steps: &[(Command, bool)]) -> Payment {
    let fresh = Payment { state: Authorised, authorised: TOTAL, ..Payment::new(&steps[0].0) };
    steps.iter().fold(fresh, |held, (command, done)| {
        let begun = begin(&held, command).expect("allowed");
        settle(&begun, ended(command, *done), false)
    })
}

#[test]
fn the_table_of_states() {
    let captured = after(&[(capture(1), true)]);
    assert_eq!((captured.state, captured.captured), (Captured, TOTAL));
    assert_eq!(after(&[(capture(1), false)]).state, Authorised);
    assert_eq!(after(&[(void(1), true)]).state, Voided);
    let part = after(&[(capture(1), true), (refund("a", 1_000), true)]);
    assert_eq!((part.state, part.refunded), (PartiallyRefunded, 1_000));
    let all = after(&[(capture(1), true), (refund("a", 1_000), true), (refund("b", 9_000), true)]);
    assert_eq!((all.state, all.refunded), (Refunded, TOTAL));
    let refused = after(&[(capture(1), true), (refund("a", 1_000), false)]);
    assert_eq!((refused.state, refused.attention), (Captured, true));
}

#[test]
fn a_repeated_command_is_answered_by_what_is_stored() {
    assert_eq!(decide(&after(&[(capture(1), true)]), &capture(1)), Ok(Step::Stands));
    assert!(matches!(decide(&after(&[(capture(1), false)]), &capture(1)), Err(Denied::Refused(_))));
    assert_eq!(decide(&after(&[(void(1), true)]), &void(1)), Ok(Step::Stands));
    let other_amount = command(Operation::Capture, "1", TOTAL + 1, 1);
    assert_eq!(decide(&after(&[(capture(1), true)]), &other_amount), Err(Denied::KeyReused));
}

#[test]
fn what_was_begun_is_resumed_by_its_key_and_finished_before_anything_else() {
    let held = after(&[(capture(1), true)]);
    let begun = unknown(&begin(&held, &refund("a", 1_000)).expect("allowed"));
    assert_eq!(begun.state, Unknown);
    assert_eq!(decide(&begun, &refund("a", 1_000)), Ok(Step::Resume));
    assert_eq!(decide(&begun, &refund("b", 1)), Ok(Step::FinishFirst(refund("a", 1_000).effect)));
}

#[test]
fn another_token_is_captured_only_after_the_one_before_is_voided() {
    let refused = after(&[(capture(1), false)]);
    assert!(matches!(begin(&refused, &capture(2)), Err(Denied::Conflict(_))));
    let voided = after(&[(capture(1), false), (void(1), true)]);
    let begun = begin(&voided, &capture(2)).expect("allowed");
    assert_eq!((begun.attempt, begun.payment_ref.as_str()), (2, "sealed 2"));
    // The first token never comes back.
    assert!(matches!(begin(&voided, &command(Operation::Capture, "1b", TOTAL, 1)), Err(Denied::Conflict(_))));
}

#[test]
fn a_refused_capture_is_not_tried_under_another_key() {
    let refused = after(&[(capture(1), false)]);
    assert!(matches!(
        begin(&refused, &command(Operation::Capture, "1b", TOTAL, 1)),
        Err(Denied::Conflict(_))
    ));
}

#[test]
fn captured_money_is_not_voided_and_no_more_than_it_is_refunded() {
    let captured = after(&[(capture(1), true)]);
    assert_eq!(begin(&captured, &void(1)), Err(CAPTURED));
    assert!(matches!(begin(&captured, &refund("a", TOTAL + 1)), Err(Denied::Conflict(_))));
    assert!(matches!(begin(&after(&[(void(1), true)]), &refund("a", 1)), Err(Denied::Conflict(_))));
}

#[test]
fn another_amount_than_ours_stops_everything() {
    let begun = begin(&after(&[(capture(1), false), (void(1), true)]), &capture(2)).expect("allowed");
    let conflicted = settle(&begun, Ended { amount: 1, ..ended(&capture(2), true) }, false);
    assert_eq!((conflicted.state, conflicted.attention), (Conflicted, true));
    for command in [capture(2), void(2), refund("a", 1)] {
        assert!(matches!(decide(&conflicted, &command), Err(Denied::Conflict(_))));
    }
}

#[test]
fn a_void_overtakes_a_capture_and_yields_to_it_where_that_came_first() {
    let begun = unknown(&begin(&Payment::new(&capture(1)), &capture(1)).expect("allowed"));
    assert!(may_overtake(&capture(1).effect, &void(1)) && !may_overtake(&capture(1).effect, &refund("a", 1)));
    let overtaken = begin(&begun, &void(1)).expect("allowed");
    let refused = settle(&overtaken, ended(&void(1), false), false);
    let facts = TokenFacts { authorised: TOTAL, captured: TOTAL, refunded: 0, voided: false };
    let rebuilt = refused.rebuilt(Some(facts), vec![ended(&capture(1), true)]);
    assert_eq!((rebuilt.state, rebuilt.captured), (Captured, TOTAL));
    assert_eq!(decide(&rebuilt, &void(1)), Err(CAPTURED));
}

#[test]
fn a_new_owner_believes_the_provider() {
    let lost = Payment::new(&refund("a", 4_000));
    let facts = TokenFacts { authorised: TOTAL, captured: TOTAL, refunded: 1_000, voided: false };
    let rebuilt = lost.rebuilt(Some(facts), vec![ended(&capture(1), true)]);
    assert_eq!((rebuilt.state, rebuilt.captured, rebuilt.refunded), (PartiallyRefunded, TOTAL, 1_000));
    // The refund that was unaccounted for is found by its key: it counts once.
    let found = settle(&rebuilt, ended(&refund("b", 1_000), true), true);
    assert_eq!((found.refunded, found.unaccounted), (1_000, 0));
    // One that is made now comes on top.
    let made = settle(&rebuilt, ended(&refund("a", 4_000), true), false);
    assert_eq!(made.refunded, 5_000);
}

#[test]
fn money_that_no_key_explains_is_a_conflict() {
    let facts = TokenFacts { authorised: TOTAL, captured: TOTAL, refunded: 0, voided: false };
    let rebuilt = Payment::new(&capture(1)).rebuilt(Some(facts), Vec::new());
    assert_eq!((rebuilt.state, rebuilt.attention), (Conflicted, true));
    let facts = TokenFacts { captured: 1, ..facts };
    let less = Ended { amount: 1, ..ended(&command(Operation::Capture, "1", 1, 1), true) };
    let rebuilt = Payment::new(&capture(1)).rebuilt(Some(facts), vec![less]).compared(&capture(1));
    assert_eq!(rebuilt.state, Conflicted);
}

/// A provider with one token, as the third party behaves: once for each key, never beyond its sums.
#[derive(Default)]
struct Provider {
    by_key: BTreeMap<String, Ended>,
    captured: i64,
    refunded: i64,
    voided: bool,
    captures: u32,
}

impl Provider {
    fn ask_for(&mut self, effect: &Effect) -> Ended {
        if let Some(ended) = self.by_key.get(&effect.key) {
            return ended.clone();
        }
        let done = match effect.operation {
            Operation::Capture => !self.voided && self.captured + effect.amount <= TOTAL,
            Operation::Void => !self.voided && self.captured < TOTAL,
            Operation::Refund => self.refunded + effect.amount <= self.captured,
        };
        if done {
            match effect.operation {
                Operation::Capture => {
                    (self.captured, self.captures) = (self.captured + effect.amount, self.captures + 1)
                }
                Operation::Void => self.voided = true,
                Operation::Refund => self.refunded += effect.amount,
            }
        }
        let amount = if done { effect.amount } else { 0 };
        let ended = Ended { effect: effect.clone(), done, amount, reference: None, reason: None };
        self.by_key.insert(effect.key.clone(), ended.clone());
        ended
    }

    fn facts(&self) -> TokenFacts {
        let voided = self.voided && self.captured == 0;
        TokenFacts { authorised: TOTAL, captured: self.captured, refunded: self.refunded, voided }
    }
}

/// What happens to an order's money: commands, with answers that arrive, get lost, or requests that never
/// arrive; and owners that lose all of their rows.
#[derive(Clone, Debug)]
enum Act {
    Do(Command, Fate),
    LoseRows,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Answered,
    AnswerLost,
    NeverArrived,
}

fn act() -> impl Strategy<Value = Act> {
    let commands = prop_oneof![
        Just(capture(1)),
        Just(void(1)),
        Just(refund("a", 4_000)),
        Just(refund("b", 6_000)),
        Just(refund("c", 2_000)),
    ];
    let fates = prop_oneof![Just(Fate::Answered), Just(Fate::AnswerLost), Just(Fate::NeverArrived)];
    prop_oneof![8 => (commands, fates).prop_map(|(command, fate)| Act::Do(command, fate)), 1 => Just(Act::LoseRows)]
}

/// The desk in small: look until the command is answered, or its answer is lost.
fn carry_out(held: &mut Option<Payment>, provider: &mut Provider, command: &Command, fate: Fate) {
    for _ in 0..8 {
        let Some(payment) = held.clone() else {
            *held = Some(rebuild(Payment::new(command), provider).compared(command));
            continue;
        };
        let effect = match decide(&payment, command) {
            Err(_) | Ok(Step::Stands) => return,
            Ok(Step::Seek | Step::Resume) => command.effect.clone(),
            Ok(Step::FinishFirst(begun)) => begun,
        };
        if let Some(found) = provider.by_key.get(&effect.key).cloned() {
            *held = Some(end(&payment, found, true, provider));
            continue;
        }
        let overtakes = may_overtake(&effect, command);
        let begun = match payment.effect.is_some() && !overtakes {
            true => Ok(payment),
            false => begin(&payment, command),
        };
        let Ok(begun) = begun else { return };
        let asked = begun.effect.clone().expect("begun");
        *held = Some(begun.clone());
        match fate {
            Fate::Answered => {
                let ended = provider.ask_for(&asked);
                *held = Some(end(&begun, ended, false, provider));
            }
            Fate::AnswerLost => {
                provider.ask_for(&asked);
                return *held = Some(unknown(&begun));
            }
            Fate::NeverArrived => return *held = Some(unknown(&begun)),
        }
    }
}

fn end(held: &Payment, ended: Ended, sought: bool, provider: &Provider) -> Payment {
    let settled = settle(held, ended.clone(), sought);
    if ended.effect.operation == Operation::Void { rebuild(settled, provider) } else { settled }
}

fn rebuild(held: Payment, provider: &Provider) -> Payment {
    let capture = provider.by_key.get("o:capture:1").filter(|ended| ended.done).cloned();
    held.rebuilt(Some(provider.facts()), capture.into_iter().collect())
}

proptest! {
    #[test]
    fn whatever_is_lost_money_moves_once_and_the_books_agree(acts in prop::collection::vec(act(), 1..40)) {
        let (mut held, mut provider) = (None, Provider::default());
        for act in acts {
            match act {
                Act::Do(command, fate) => carry_out(&mut held, &mut provider, &command, fate),
                Act::LoseRows => held = None,
            }
            prop_assert!(provider.captures <= 1);
            prop_assert!(provider.refunded <= provider.captured && provider.captured <= TOTAL);
        }
        // All that was begun is finished; then both sides say the same.
        for command in [void(1), refund("a", 4_000), refund("b", 6_000), refund("c", 2_000), capture(1)] {
            carry_out(&mut held, &mut provider, &command, Fate::Answered);
        }
        let held = held.expect("stored");
        prop_assert_eq!(held.effect, None);
        prop_assert!(!held.attention || held.state != Conflicted);
        prop_assert_eq!((held.captured, held.refunded), (provider.captured, provider.refunded));
        prop_assert_eq!(held.state == Voided, provider.voided && provider.captured == 0);
    }
}
