//! Who drives a shard: takeovers on false or right suspicion, lost replies, processes that start again.
//!
//! Bounds: 3 regions, each with a copy and each a successor; 3 epochs; as many restarts as stated. Whom a region
//! suspects is arbitrary in each step, so two may well drive a shard at once; each message of a takeover and of a
//! write may be lost on its way there or back.
//!
//! What no other model asks: once everybody hears everybody again, does every region find an owner for a request?

use contracts::{Region, journal::Ballot};
use orders::journal::{
    W,
    rules::{self, Decision, Tally},
};
use stateright::{Model, Property};

const N: usize = 3;
/// Epochs of the search.
const EPOCHS: u8 = 3;
/// Epochs that the healed world may still need.
const SPARE: u8 = 9;
/// Times that a customer asks again.
const ATTEMPTS: usize = 8;
const REGIONS: [&str; N] = ["us-east-1", "eu-west-1", "ap-southeast-1"];

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A region that is taken for the owner and is not says nothing of it.
    NotDisowned,
    /// Any outranking ballot unseats an owner, also one that it has outranked since.
    OldNewsUnseats,
}

/// What is searched.
pub(crate) struct Ownership {
    broken: Option<Broken>,
    restarts: u8,
    regions: [Region; N],
    ballots: Vec<Ballot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Lead {
    epoch: u8,
    region: u8,
    incarnation: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    incarnation: u8,
    /// The epoch under which it holds the shard.
    held: Option<u8>,
    /// The last owner that it knows: epoch and region.
    hint: Option<(u8, u8)>,
    /// Who unseated it last: other writes of that time may tell it again, later.
    unseated: Option<Lead>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// What each copy has promised.
    leases: [Option<Lead>; N],
    processes: [Process; N],
    restarts: u8,
    /// A process took the shard twice under one ballot.
    repeated: bool,
    /// The highest epoch that each process has held.
    highest: [u8; N],
}

/// What becomes of one message to a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Lost,
    ReplyLost,
    /// The copy still hears the present owner.
    Sticks,
    Answered,
}

const FATES: [Fate; 4] = [Fate::Lost, Fate::ReplyLost, Fate::Sticks, Fate::Answered];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Take { region: u8, epoch: u8, fates: [Fate; N] },
    Write { region: u8, fates: [Fate; N] },
    OldNews(u8),
    Restart(u8),
}

impl Ownership {
    pub(crate) fn new(restarts: u8) -> Self {
        let mut ballots = Vec::new();
        for epoch in 0..=EPOCHS + SPARE {
            for region in REGIONS {
                ballots.extend((0..=restarts).map(|incarnation| Ballot {
                    epoch: u64::from(epoch),
                    region: region.into(),
                    incarnation: incarnation.to_string(),
                }));
            }
        }
        Ownership { broken: None, restarts, regions: REGIONS.map(Region::from), ballots }
    }

    pub(crate) fn broken(self, broken: Broken) -> Self {
        Ownership { broken: Some(broken), ..self }
    }

    fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    fn ballot(&self, lead: Lead) -> &Ballot {
        let region = usize::from(lead.epoch) * N + usize::from(lead.region);
        &self.ballots[region * (usize::from(self.restarts) + 1) + usize::from(lead.incarnation)]
    }

    fn lead(state: &State, region: usize, epoch: u8) -> Lead {
        Lead { epoch, region: region as u8, incarnation: state.processes[region].incarnation }
    }

    /// Whom a region takes for the owner, itself included; `dead` are those that it leaves out.
    fn route(&self, state: &State, region: usize, dead: &[usize]) -> usize {
        let process = state.processes[region];
        if process.held.is_some() {
            return region;
        }
        let hint = process.hint.map(|(_, owner)| &self.regions[usize::from(owner)]);
        let candidates = hint.into_iter().chain(&self.regions);
        let live = |candidate: &Region| !dead.iter().any(|dead| self.regions[*dead] == *candidate);
        let driver = rules::driver(candidates, live);
        self.regions.iter().position(|region| Some(region) == driver).unwrap_or(region)
    }

    /// The epoch of the next takeover.
    fn next_epoch(state: &State, region: usize, at_least: u8) -> u8 {
        state.processes[region].hint.map_or(at_least, |(epoch, _)| at_least.max(epoch + 1))
    }

    fn learn(process: &mut Process, lead: Lead) {
        if process.hint.is_none_or(|(epoch, _)| epoch <= lead.epoch) {
            process.hint = Some((lead.epoch, lead.region));
        }
    }

    /// One round of a takeover. Gives the highest ballot for which a copy refused, where it was not won.
    fn take(&self, state: &mut State, region: usize, epoch: u8, fates: [Fate; N]) -> Option<Lead> {
        let lead = Self::lead(state, region, epoch);
        let mut refused: Vec<Lead> = Vec::new();
        let mut grants = 0;
        for copy in (0..N).filter(|copy| *copy != region) {
            match self.promise(state, copy, lead, fates[copy]) {
                Some(Ok(())) => grants += 1,
                Some(Err(promised)) => refused.push(promised),
                None => continue,
            }
            // The own copy comes last, and only for a shard that another copy has promised.
            if grants > 0 {
                match self.promise(state, region, lead, fates[region]) {
                    Some(Ok(())) => grants += 1,
                    Some(Err(promised)) => refused.push(promised),
                    None => {}
                }
            }
            if grants >= W {
                let process = &mut state.processes[region];
                state.repeated |= state.highest[region] == epoch;
                state.highest[region] = state.highest[region].max(epoch);
                process.held = Some(epoch);
                Self::learn(process, lead);
                return None;
            }
        }
        let highest = refused.into_iter().max_by_key(|lead| self.ballot(*lead))?;
        // To whom the copies keep, which may be an owner of an older epoch; the epoch known never falls.
        let hint = &mut state.processes[region].hint;
        *hint = Some((hint.map_or(0, |(epoch, _)| epoch).max(highest.epoch), highest.region));
        Some(highest)
    }

    fn promise(&self, state: &mut State, copy: usize, lead: Lead, fate: Fate) -> Option<Result<(), Lead>> {
        let promised = state.leases[copy];
        let answer = match promised.filter(|promised| {
            let sticks = fate == Fate::Sticks && promised.region != lead.region;
            sticks || !rules::may_promise(Some(self.ballot(*promised)), self.ballot(lead))
        }) {
            _ if fate == Fate::Lost => return None,
            Some(promised) => Err(promised),
            None => {
                state.leases[copy] = Some(lead);
                Ok(())
            }
        };
        (fate != Fate::ReplyLost).then_some(answer)
    }

    /// One write of an entry to all copies. Gives whether W copies answered that they have it.
    fn write(&self, state: &mut State, region: usize, fates: [Fate; N]) -> bool {
        let Some(epoch) = state.processes[region].held else { return false };
        let lead = Self::lead(state, region, epoch);
        let mut tally = Tally::default();
        for (copy, fate) in fates.into_iter().enumerate().filter(|(_, fate)| *fate != Fate::Lost) {
            let outranking = state.leases[copy].filter(|held| self.ballot(*held) > self.ballot(lead));
            if outranking.is_none() {
                state.leases[copy] = Some(lead);
            }
            if fate == Fate::Answered {
                tally.count(Some(match outranking {
                    None => contracts::journal::Accepted::Stored,
                    Some(held) => {
                        contracts::journal::Accepted::Outranked { promised: self.ballot(held).clone() }
                    }
                }));
            }
        }
        match tally.decide(W, N) {
            Decision::Chosen => true,
            Decision::Lost(ballot) => {
                self.unseat(state, region, &ballot);
                false
            }
            _ => false,
        }
    }

    fn unseat(&self, state: &mut State, region: usize, by: &Ballot) {
        let per_region = usize::from(self.restarts) + 1;
        let Some(index) = self.ballots.iter().position(|ballot| ballot == by) else { return };
        let (epoch, owner) = (index / per_region / N, index / per_region % N);
        let lead = Lead { epoch: epoch as u8, region: owner as u8, incarnation: (index % per_region) as u8 };
        self.unseat_by(state, region, lead);
    }

    fn unseat_by(&self, state: &mut State, region: usize, by: Lead) {
        let held = state.processes[region].held.map(|epoch| self.ballot(Self::lead(state, region, epoch)));
        let loses = held.is_some_and(|held| rules::unseats(held, self.ballot(by)));
        let process = &mut state.processes[region];
        process.unseated = Some(by);
        if self.is(Broken::OldNewsUnseats) {
            process.hint = Some((by.epoch, by.region));
            process.held = None;
            return;
        }
        Self::learn(process, by);
        if loses {
            process.held = None;
        }
    }

    /// A request that reached the region which is to answer it: takes the shard where it must, and writes.
    fn serve(&self, state: &mut State, region: usize, disowned: &[usize]) -> bool {
        let mut epoch = Self::next_epoch(state, region, 2);
        for _ in 0..3 {
            if state.processes[region].held.is_some() {
                break;
            }
            let Some(highest) = self.take(state, region, epoch, self.healed(state, region, disowned)) else {
                break;
            };
            let highest_region = usize::from(highest.region);
            if highest_region != region && !disowned.contains(&highest_region) {
                break;
            }
            epoch = highest.epoch + 1;
        }
        self.write(state, region, [Fate::Answered; N])
    }

    /// Everybody hears everybody: a copy keeps to the region that it has promised to, unless that disowned it.
    fn healed(&self, state: &State, region: usize, disowned: &[usize]) -> [Fate; N] {
        let candidate = self.ballot(Self::lead(state, region, 1)).clone();
        let disowned: Vec<Region> = disowned.iter().map(|region| self.regions[*region].clone()).collect();
        state.leases.map(|lease| {
            let sticks =
                lease.is_some_and(|lease| rules::sticks_to(self.ballot(lease), &candidate, &disowned));
            if sticks { Fate::Sticks } else { Fate::Answered }
        })
    }

    /// A customer's request at `entry`, asked again and again in a world where nothing fails any more.
    fn served(&self, state: &State, entry: usize) -> bool {
        let mut state = state.clone();
        let mut disowned: Vec<usize> = Vec::new();
        for _ in 0..ATTEMPTS {
            let owner = self.route(&state, entry, &disowned);
            // What was forwarded is not forwarded again.
            let answers = owner == entry || self.route(&state, owner, &[]) == owner;
            let told = if owner == entry { &disowned[..] } else { &[] };
            if answers && self.serve(&mut state, owner, told) {
                return true;
            }
            if owner != entry && state.processes[owner].held.is_none() && !self.is(Broken::NotDisowned) {
                disowned.push(owner);
            }
        }
        false
    }
}

const SERVED: &str = "once healed, every region finds an owner";
const ONCE: &str = "no process takes a shard twice under one ballot";

impl Model for Ownership {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            leases: [None; N],
            processes: [Process::default(); N],
            restarts: 0,
            repeated: false,
            highest: [0; N],
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        let each =
            || FATES.into_iter().flat_map(|a| FATES.into_iter().flat_map(move |b| FATES.map(|c| [a, b, c])));
        for region in 0..N {
            let process = state.processes[region];
            if process.held.is_some() {
                let writes = each().filter(|fates| !fates.contains(&Fate::Sticks));
                steps.extend(writes.map(|fates| Step::Write { region: region as u8, fates }));
            } else {
                // The first successor takes what nobody has, from the start on.
                let first = region == 0 && process.hint.is_none();
                let epochs = first.then_some(1).into_iter().chain([Self::next_epoch(state, region, 2)]);
                for epoch in epochs.filter(|epoch| *epoch <= EPOCHS) {
                    steps.extend(each().map(|fates| Step::Take { region: region as u8, epoch, fates }));
                }
            }
            if process.unseated.is_some() {
                steps.push(Step::OldNews(region as u8));
            }
            if state.restarts < self.restarts {
                steps.push(Step::Restart(region as u8));
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        match step {
            Step::Take { region, epoch, fates } => {
                _ = self.take(&mut state, usize::from(region), epoch, fates)
            }
            Step::Write { region, fates } => _ = self.write(&mut state, usize::from(region), fates),
            Step::OldNews(region) => {
                let by = last.processes[usize::from(region)].unseated?;
                self.unseat_by(&mut state, usize::from(region), by);
            }
            Step::Restart(region) => {
                let incarnation = last.restarts + 1;
                state.restarts = incarnation;
                state.processes[usize::from(region)] = Process { incarnation, ..Process::default() };
                state.highest[usize::from(region)] = 0;
            }
        }
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(SERVED, |model: &Ownership, state: &State| {
                (0..N).all(|entry| model.served(state, entry))
            }),
            Property::always(ONCE, |_, state: &State| !state.repeated),
            Property::sometimes("two regions hold the shard at once", |_, state: &State| {
                state.processes.iter().filter(|process| process.held.is_some()).count() > 1
            }),
            Property::sometimes("three copies have promised to three regions", |_, state: &State| {
                let mut regions = state.leases.map(|lease| lease.map(|lease| lease.region));
                regions.sort_unstable();
                regions == [Some(0), Some(1), Some(2)]
            }),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{breaks, holds};

    #[test]
    fn every_region_finds_an_owner() {
        holds("ownership", "3 regions, 3 epochs, no restart", Ownership::new(0));
    }

    #[test]
    fn every_region_finds_an_owner_after_a_restart() {
        holds("ownership", "3 regions, 3 epochs, 1 restart", Ownership::new(1));
    }

    #[test]
    fn saying_that_one_is_not_the_owner() {
        breaks("NotDisowned", SERVED, Ownership::new(0).broken(Broken::NotDisowned));
    }

    #[test]
    fn old_news() {
        breaks("OldNewsUnseats", ONCE, Ownership::new(0).broken(Broken::OldNewsUnseats));
    }
}
