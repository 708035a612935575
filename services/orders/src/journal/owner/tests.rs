use super::*;
use contracts::{Code, ErrorBody, OrderId};

fn ballot(epoch: u64, region: &str) -> Ballot {
    Ballot { epoch, region: region.into(), incarnation: "a".into() }
}

pub(super) fn entry(epoch: u64, body: &str) -> Entry {
    let order_id = OrderId(uuid::Uuid::from_u128(1));
    let value = EntryValue::Refused {
        order_id,
        request_hash: body.to_owned(),
        answer: ErrorBody::new(Code::Conflict, ""),
    };
    Entry::open("am-00".into(), "key".into(), ballot(epoch, "us-east-1"), value)
}

#[test]
fn a_new_value_joins_what_was_recovered() {
    let mut held = Held::new(ballot(2, "eu-west-1"));
    let (_, work) = held.begin(entry(1, "recovered"), true);
    assert_eq!(work.map(|work| work.entry.ballot), Some(ballot(2, "eu-west-1")));
    assert!(held.begin(entry(2, "new"), false).1.is_none());
    assert_eq!(held.recovering, 1);
}

#[test]
fn the_highest_epoch_known_never_falls() {
    let mut state = State::default();
    let shard = ShardId::from("am-00");
    state.learn(&shard, &ballot(3, "us-east-1"));
    state.learn(&shard, &ballot(2, "eu-west-1"));
    assert_eq!(state.hints.get(&shard), Some(&(3, "us-east-1".into())));
    state.refused(&shard, &ballot(2, "eu-west-1"));
    assert_eq!(state.hints.get(&shard), Some(&(3, "eu-west-1".into())));
}

#[test]
fn work_of_an_earlier_ballot_finds_no_shard_of_its_own() {
    let mut state = State::default();
    state.held.insert("am-00".into(), Held::new(ballot(3, "us-east-1")));
    assert!(state.held_under(&entry(1, "a")).is_none());
    assert!(state.held_under(&entry(3, "a")).is_some());
}
