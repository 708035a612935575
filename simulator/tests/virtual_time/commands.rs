//! What an owner journalled of a customer's command, and did not get to do.

use crate::support::{Fault, kept, records, run_scenario, scenario};
use simulator::history::{HistoryRecord, Op};

/// The journal has the cancellation, the order's row does not.
const UNDONE: Fault = Fault(
    "crash-between-steps",
    "region = \"us-east-1\"\nmoment = \"before\"\noperation = \"TransactWriteItems\"\ntable = \"orders\"\n\
     word = \"CANCELLING\"\nback_after_ms = 2500",
);
const DONE_AND_NOT_TOLD: Fault = Fault(
    "crash-between-steps",
    "region = \"eu-west-1\"\nmoment = \"after\"\noperation = \"TransactWriteItems\"\ntable = \"orders\"\n\
     word = \"CANCELLING\"\nback_after_ms = 2500",
);

#[test]
fn the_next_owner_cancels_what_was_journalled_and_nobody_cancels_twice() {
    let mut scenario =
        scenario("cancelled-between-steps", 11.0, &[(2.5, 2.0, UNDONE), (7.5, 2.0, DONE_AND_NOT_TOLD)]);
    (scenario.load.customers, scenario.load.open_loop_rps) = (90, 30.0);
    scenario.load.mix.cancel = 40.0;
    let outcome = run_scenario(&scenario);
    kept(&outcome, &["D1", "D2", "D3", "D4", "D5", "H1", "P1"]);
    let records = records(&outcome);
    for (home, lost) in [("am", "us-east-1"), ("eu", "eu-west-1")] {
        let by_another = |record: &&HistoryRecord| {
            let cancels = record.op == Op::Cancel && record.home.0 == home && record.code.is_none();
            cancels && record.attempts > Some(1) && record.served_by != Some(lost.into())
        };
        let cut_off = records.iter().find(by_another).expect("somebody whom the owner did not answer");
        // Version 1 is the order as it was made.
        let seen_later = |record: &&HistoryRecord| {
            record.order_id == cut_off.order_id && record.planned_at_us >= cut_off.planned_at_us
        };
        let went_on = records.iter().filter(seen_later).any(|record| record.order_version > Some(1));
        assert!(went_on, "nobody went on with what {lost} had begun: {cut_off:?}");
    }
}
