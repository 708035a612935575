//! What a copy may take and what a new owner must go on with: pure decisions.

use contracts::{
    Region,
    journal::{Accepted, Ballot, Entry, EntryState, EntryValue, Incarnations},
};
use std::collections::BTreeMap;

/// What a copy does with a proposed entry.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// Write it.
    Write,
    /// It is here already, with the same value.
    Here,
    /// A higher ballot was promised.
    Outranked(Ballot),
    /// Another value is here and stays.
    Held,
}

/// Judges a proposal by what the copy has promised and what it holds under the key.
///
/// - Nothing is taken under a ballot lower than the promised one.
/// - An equal value is acknowledged again.
/// - Another value is superseded only when it is open and its ballot is lower.
pub fn judge(promised: Option<&Ballot>, held: Option<&Entry>, proposed: &Entry) -> Judgement {
    if let Some(promised) = promised.filter(|promised| **promised > proposed.ballot) {
        return Judgement::Outranked(promised.clone());
    }
    match held {
        None => Judgement::Write,
        Some(held) if held.value_hash == proposed.value_hash => match held.state {
            EntryState::Open if held.ballot < proposed.ballot => Judgement::Write,
            _ => Judgement::Here,
        },
        Some(held) if held.state == EntryState::Open && held.ballot < proposed.ballot => Judgement::Write,
        Some(_) => Judgement::Held,
    }
}

/// Whether a copy may promise `wanted`, having promised `promised`: a higher epoch, or the same ballot again.
/// So each copy gives an epoch to one owner only, and no two owners can both have a majority for it.
pub fn may_promise(promised: Option<&Ballot>, wanted: &Ballot) -> bool {
    promised.is_none_or(|promised| promised.epoch < wanted.epoch || promised == wanted)
}

/// What a copy makes of the incarnations that a write counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heed {
    /// They are those that it knows.
    Yes,
    /// The writer knows of a newer one, which the copy must note before it takes the write.
    Learn(Incarnations),
    /// The copy knows of a newer one: the writer counts what is no longer there. These are to be counted.
    Miscounted(Incarnations),
    /// The copy lost what it held itself, and has no vote.
    Returning,
}

/// What a copy makes of a write that counts the incarnations `named`. `known` is what the copy knows of the others
/// and of itself; `None` where it does not vote.
///
/// It learns rather than only refusing: if a copy dies again after it registered at one of two, these two must agree.
pub fn heed(known: Option<&Incarnations>, named: &Incarnations) -> Heed {
    let Some(known) = known else { return Heed::Returning };
    if known == named {
        return Heed::Yes;
    }
    let newest = known.newest(named);
    if newest == *named { Heed::Learn(newest) } else { Heed::Miscounted(newest) }
}

/// How a promise counts beside those that a candidate counted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Together with them.
    Together,
    /// Alone: the others may be those of a copy that has lost them since.
    Alone,
    /// Not at all.
    Void,
}

/// How a promise of a copy that knows the incarnations `answered` counts for a candidate that has counted under
/// `counted` so far.
pub fn grant(counted: &Incarnations, answered: &Incarnations) -> Grant {
    match () {
        () if counted == answered => Grant::Together,
        () if counted.newest(answered) == *answered => Grant::Alone,
        () => Grant::Void,
    }
}

/// The incarnation under which a copy that lost what it held comes back, by what the others know of it.
pub fn next_incarnation<'a>(copy: &Region, known: impl IntoIterator<Item = &'a Incarnations>) -> u64 {
    known.into_iter().map(|known| known.of(copy)).max().unwrap_or(0) + 1
}

/// Whether a takeover must read an entry: one that is closed is chosen on W copies, and its order is stored.
pub fn must_be_read(state: EntryState) -> bool {
    state != EntryState::Closed
}

/// Whether an owner under `held` has lost its shard to `by`. Late news of a ballot that it has outranked since
/// must not unseat it: it would take the shard again under the ballot that it still writes with.
pub fn unseats(held: &Ballot, by: &Ballot) -> bool {
    held < by
}

/// Whom a region takes for the owner of a shard: the first candidate that is live, else the first of all.
/// Candidates are the last known owner, then the successors in their order.
pub fn driver<'a>(
    candidates: impl Iterator<Item = &'a Region> + Clone,
    live: impl Fn(&Region) -> bool,
) -> Option<&'a Region> {
    let first = candidates.clone().next();
    candidates.into_iter().find(|region| live(region)).or(first)
}

/// What marking an entry as chosen or closed does to a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The entry gets the mark.
    Set,
    /// It has this mark or a later one.
    Already,
    /// It is not here, has another value, or must be marked as chosen first.
    Refused,
}

/// What marking does to a copy that holds `held` (value hash and state) under the key.
pub fn mark(held: Option<(&str, EntryState)>, value_hash: &str, to: EntryState) -> Mark {
    match held.filter(|(hash, _)| *hash == value_hash).map(|(_, state)| (state, to)) {
        Some((EntryState::Open, EntryState::Chosen) | (EntryState::Chosen, EntryState::Closed)) => Mark::Set,
        Some((EntryState::Chosen, EntryState::Chosen) | (EntryState::Closed, _)) => Mark::Already,
        _ => Mark::Refused,
    }
}

/// Whether an entry may be closed: W copies know that it is chosen, and its order is stored on a second
/// continent. Copies without the mark would let a takeover that leaves closed entries out supersede it.
pub fn may_close(marked: usize, w: usize, stored_elsewhere: bool) -> bool {
    marked >= w && stored_elsewhere
}

/// Whether a copy that still hears the present owner keeps its promise to it. Not against another process of the
/// same region, and not where the owner itself told the candidate that it does not drive the shard: a promise may
/// outlive a takeover that never came to its end.
pub fn sticks_to(owner: &Ballot, candidate: &Ballot, disowned: &[Region]) -> bool {
    owner.region != candidate.region && !disowned.contains(&owner.region)
}

/// Whether a copy compares the warehouse's epoch that an entry names with the one it knows. Not where a later owner
/// writes an entry again: it may have been acknowledged, so it becomes an order, and what became of its goods is
/// decided after that.
pub fn checks_warehouse(entry: &Entry) -> bool {
    matches!(&entry.value, EntryValue::Order { order, .. } if order.epoch == entry.ballot.epoch)
}

/// What a new owner goes on with: for each key a chosen entry, else the one with the highest ballot.
pub fn recover(answers: impl IntoIterator<Item = Entry>) -> BTreeMap<String, Entry> {
    let mut best: BTreeMap<String, Entry> = BTreeMap::new();
    for entry in answers {
        match best.get(&entry.key_hash) {
            Some(held) if rank(held) >= rank(&entry) => {}
            _ => {
                best.insert(entry.key_hash.clone(), entry);
            }
        }
    }
    best
}

fn rank(entry: &Entry) -> (bool, &Ballot) {
    (entry.state != EntryState::Open, &entry.ballot)
}

/// What the copies' answers to one proposal add up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// Copies that hold the entry.
    pub stored: usize,
    /// Copies on which the payment token is bound to another order.
    pub token_bound: usize,
    /// Copies that know the warehouse under a newer epoch.
    pub warehouse_moved: usize,
    /// The highest ballot that outranks ours.
    pub outranked: Option<Ballot>,
    /// Another value that is decided for the key.
    pub decided: Option<Box<Entry>>,
    /// The incarnations to count, where a copy knows of a newer one than was counted.
    pub miscounted: Option<Incarnations>,
}

/// What follows from a tally.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// W copies hold it.
    Chosen,
    /// Another value is decided for the key.
    Decided(Box<Entry>),
    /// Another owner has the shard.
    Lost(Ballot),
    /// W copies can never hold it: the token is bound to another order.
    TokenBound,
    /// W copies can never hold it: the warehouse has moved.
    WarehouseMoved,
    /// Not known yet.
    Open,
}

impl Tally {
    /// Counts one copy's answer, or its silence.
    pub fn count(&mut self, answer: Option<Accepted>) {
        match answer {
            Some(Accepted::Stored) => self.stored += 1,
            Some(Accepted::Outranked { promised }) => {
                self.outranked = self.outranked.take().max(Some(promised))
            }
            Some(Accepted::Held { entry }) if entry.state != EntryState::Open => self.decided = Some(entry),
            // An open entry of an equal or higher ballot: somebody else is at work on the key.
            Some(Accepted::Held { entry }) => {
                self.outranked = self.outranked.take().max(Some(entry.ballot));
            }
            Some(Accepted::TokenBound { .. }) => self.token_bound += 1,
            Some(Accepted::WarehouseMoved) => self.warehouse_moved += 1,
            Some(Accepted::Miscounted { incarnations }) => {
                let known = self.miscounted.take().unwrap_or_default();
                self.miscounted = Some(known.newest(&incarnations));
            }
            None => {}
        }
    }

    /// Decides for `n` copies of which `w` must hold an entry.
    pub fn decide(&self, w: usize, n: usize) -> Decision {
        let impossible = |refusals: usize| refusals > n - w;
        if self.stored >= w {
            Decision::Chosen
        } else if let Some(entry) = &self.decided {
            Decision::Decided(entry.clone())
        } else if let Some(ballot) = &self.outranked {
            Decision::Lost(ballot.clone())
        } else if impossible(self.token_bound) {
            Decision::TokenBound
        } else if impossible(self.warehouse_moved) {
            Decision::WarehouseMoved
        } else {
            Decision::Open
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contracts::{Code, ErrorBody, OrderId};
    use proptest::prelude::*;

    fn ballot(epoch: u64) -> Ballot {
        Ballot { epoch, region: "eu-west-1".into(), incarnation: "a".into() }
    }

    fn entry(epoch: u64, value: &str, state: EntryState) -> Entry {
        let order_id = OrderId(uuid::Uuid::from_u128(1));
        let value = EntryValue::Refused {
            order_id,
            request_hash: value.to_owned(),
            answer: ErrorBody::new(Code::Conflict, ""),
        };
        Entry { state, ..Entry::open("am-00".into(), "k".into(), ballot(epoch), value) }
    }

    #[test]
    fn a_promise_shuts_lower_ballots_out() {
        let proposal = entry(1, "a", EntryState::Open);
        assert_eq!(judge(Some(&ballot(2)), None, &proposal), Judgement::Outranked(ballot(2)));
        assert_eq!(judge(Some(&ballot(1)), None, &proposal), Judgement::Write);
        assert!(!may_promise(Some(&ballot(2)), &ballot(1)));
        assert!(may_promise(Some(&ballot(2)), &ballot(2)));
        assert!(may_promise(Some(&ballot(2)), &ballot(3)));
    }

    #[test]
    fn an_epoch_has_one_owner() {
        let other = Ballot { region: "us-east-1".into(), ..ballot(2) };
        assert!(other > ballot(2));
        assert!(!may_promise(Some(&ballot(2)), &other));
    }

    #[test]
    fn only_open_and_lower_entries_are_superseded() {
        let proposal = entry(2, "b", EntryState::Open);
        assert_eq!(judge(None, Some(&entry(1, "a", EntryState::Open)), &proposal), Judgement::Write);
        assert_eq!(judge(None, Some(&entry(2, "a", EntryState::Open)), &proposal), Judgement::Held);
        assert_eq!(judge(None, Some(&entry(1, "a", EntryState::Chosen)), &proposal), Judgement::Held);
        assert_eq!(judge(None, Some(&entry(1, "a", EntryState::Closed)), &proposal), Judgement::Held);
    }

    #[test]
    fn an_equal_value_is_acknowledged_again() {
        for state in [EntryState::Open, EntryState::Chosen, EntryState::Closed] {
            assert_eq!(
                judge(None, Some(&entry(2, "a", state)), &entry(2, "a", EntryState::Open)),
                Judgement::Here
            );
        }
    }

    #[test]
    fn a_chosen_entry_beats_a_higher_ballot() {
        let best = recover([entry(5, "b", EntryState::Open), entry(1, "a", EntryState::Chosen)]);
        assert_eq!(best["k"].ballot.epoch, 1);
        let best = recover([entry(1, "a", EntryState::Open), entry(5, "b", EntryState::Open)]);
        assert_eq!(best["k"].ballot.epoch, 5);
    }

    fn incarnations(us: u64, eu: u64) -> Incarnations {
        Incarnations::default().with("us-east-1".into(), us).with("eu-west-1".into(), eu)
    }

    #[test]
    fn a_copy_without_an_incarnation_heeds_nobody() {
        assert_eq!(heed(None, &incarnations(1, 1)), Heed::Returning);
    }

    #[test]
    fn a_copy_learns_of_newer_incarnations_and_refuses_who_counts_older_ones() {
        let known = incarnations(1, 2);
        assert_eq!(heed(Some(&known), &known), Heed::Yes);
        assert_eq!(heed(Some(&known), &incarnations(1, 3)), Heed::Learn(incarnations(1, 3)));
        assert_eq!(heed(Some(&known), &incarnations(1, 1)), Heed::Miscounted(known.clone()));
        assert_eq!(heed(Some(&known), &incarnations(2, 1)), Heed::Miscounted(incarnations(2, 2)));
        assert_eq!(heed(Some(&known), &Incarnations::default()), Heed::Miscounted(known));
    }

    #[test]
    fn promises_count_together_only_under_the_same_incarnations() {
        assert_eq!(grant(&incarnations(1, 1), &incarnations(1, 1)), Grant::Together);
        assert_eq!(grant(&incarnations(1, 1), &incarnations(1, 2)), Grant::Alone);
        assert_eq!(grant(&Incarnations::default(), &incarnations(1, 1)), Grant::Alone);
        assert_eq!(grant(&incarnations(1, 2), &incarnations(1, 1)), Grant::Void);
        assert_eq!(grant(&incarnations(1, 2), &incarnations(2, 1)), Grant::Void);
    }

    #[test]
    fn a_copy_comes_back_under_a_number_that_nobody_knows_yet() {
        let known = [incarnations(1, 1), incarnations(1, 3)];
        assert_eq!(next_incarnation(&"eu-west-1".into(), &known), 4);
        assert_eq!(next_incarnation(&"ap-southeast-1".into(), &known), 1);
    }

    #[test]
    fn an_entry_is_closed_in_two_steps() {
        let marked = |held, to| mark(Some(("a", held)), "a", to);
        assert_eq!(marked(EntryState::Open, EntryState::Closed), Mark::Refused);
        assert_eq!(marked(EntryState::Open, EntryState::Chosen), Mark::Set);
        assert_eq!(marked(EntryState::Chosen, EntryState::Closed), Mark::Set);
        assert_eq!(marked(EntryState::Closed, EntryState::Chosen), Mark::Already);
        assert_eq!(mark(Some(("b", EntryState::Open)), "a", EntryState::Chosen), Mark::Refused);
        assert_eq!(mark(None, "a", EntryState::Chosen), Mark::Refused);
        assert!(may_close(2, 2, true) && !may_close(1, 2, true) && !may_close(2, 2, false));
    }

    #[test]
    fn late_news_of_an_older_ballot_unseats_nobody() {
        assert!(unseats(&ballot(2), &ballot(3)));
        assert!(!unseats(&ballot(3), &ballot(2)));
        assert!(!unseats(&ballot(3), &ballot(3)));
    }

    #[test]
    fn a_copy_keeps_to_an_owner_that_did_not_disown_the_shard() {
        let candidate = Ballot { region: "ap-southeast-1".into(), ..ballot(2) };
        assert!(sticks_to(&ballot(1), &candidate, &[]));
        assert!(!sticks_to(&ballot(1), &candidate, &["eu-west-1".into()]));
        assert!(!sticks_to(&ballot(1), &ballot(2), &[]));
    }

    #[test]
    fn the_first_live_candidate_drives_and_the_last_known_owner_where_nobody_lives() {
        let candidates: [Region; 3] = ["us-east-1".into(), "eu-west-1".into(), "ap-southeast-1".into()];
        let driver = |live: &[usize]| {
            driver(candidates.iter(), |region| live.iter().any(|live| candidates[*live] == *region))
        };
        assert_eq!(driver(&[1, 2]), Some(&candidates[1]));
        assert_eq!(driver(&[]), Some(&candidates[0]));
    }

    #[test]
    fn one_copy_with_a_bound_token_does_not_refuse_an_order() {
        let one = Tally { token_bound: 1, ..Tally::default() };
        assert_eq!(one.decide(2, 3), Decision::Open);
        let two = Tally { token_bound: 2, ..Tally::default() };
        assert_eq!(two.decide(2, 3), Decision::TokenBound);
    }

    fn states() -> impl Strategy<Value = EntryState> {
        prop_oneof![Just(EntryState::Open), Just(EntryState::Chosen), Just(EntryState::Closed)]
    }

    proptest! {
        /// Whatever is chosen or closed stays, under any proposal.
        #[test]
        fn decided_entries_are_never_overwritten(held in 0u64..5, proposed in 0u64..5, same: bool, state in states()) {
            let held = entry(held, "a", state);
            let proposal = entry(proposed, if same { "a" } else { "b" }, EntryState::Open);
            let verdict = judge(None, Some(&held), &proposal);
            if state != EntryState::Open {
                prop_assert_ne!(verdict, Judgement::Write);
            }
        }
    }
}
