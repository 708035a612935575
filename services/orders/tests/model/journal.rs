//! Accept, takeover, the end of an entry, and a copy that loses its data: one key of one shard.
//!
//! Bounds: 3 copies, 2 values for the key, 3 epochs with up to 4 owner processes (two of them rivals for epoch 2),
//! at most one copy that loses everything and comes back, once. Not bounded are messages: each request may arrive at
//! any time after it was sent, any number of times and in any order, and each reply may be lost. A crash is a
//! process that takes no further step; its messages still arrive. A reply that comes late is a reply that comes
//! at once to a process that waits before it goes on, so it needs no state of its own.
//!
//! Copies differ in nothing but their contents and each process's view of them, and values in nothing but their
//! names; so copies are kept sorted, and the second value is proposed only after the first.

use contracts::{
    Code, ErrorBody, OrderId,
    journal::{Accepted, Ballot, Entry, EntryState, EntryValue, Incarnations},
};
use orders::journal::{
    W,
    rules::{self, Decision, Grant, Heed, Judgement, Mark, Tally},
};
use stateright::{Model, Property};
use std::fmt::Debug;

/// Copies of the journal.
const N: usize = 3;
/// Values that the key may get.
const VALUES: u8 = 2;
/// Owner processes at most; one more ballot is kept for [`Journal::completes`].
const PROCESSES: usize = 4;

/// A rule that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Copies take what a newer ballot has shut out.
    EpochIgnored,
    /// One copy is enough.
    OneCopy,
    /// A new owner acts on what it read without writing it again.
    NotWrittenAgain,
    /// A new owner lets a new value in before what it read is under way.
    NewBeforeRecovered,
    /// A new owner refuses the key without journalling that.
    RefusedUnjournalled,
    /// A copy keeps an open entry against every newer ballot.
    NeverSuperseded,
    /// An entry is closed before W copies know that it is chosen.
    ClosedInOneStep,
    /// Two processes write under one ballot.
    BallotShared,
    /// Copies promise an epoch to a second owner.
    EpochShared,
    /// A copy that lost its data votes at once.
    VotesAtOnce,
    /// A copy that lost its data votes after reading one other copy.
    ReadsOneOnly,
    /// Writes do not name the incarnations of the copies that they count.
    IncarnationsUnnamed,
    /// A copy refuses whoever knows of a newer incarnation than it does, instead of learning of it.
    IncarnationsNotLearnt,
}

/// What is searched.
pub(crate) struct Journal {
    broken: Option<Broken>,
    /// The ballot of each process; the last one completes.
    ballots: Vec<Ballot>,
    processes: usize,
    /// Whether entries are marked as chosen and closed.
    settles: bool,
    /// Whether a copy may lose its data.
    loses: bool,
    /// Every entry there can be, see [`Journal::entry`].
    entries: Vec<Entry>,
    /// The incarnations before and after a copy lost its data.
    incarnations: [Incarnations; 2],
}

/// An entry: ballot, value, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Cell {
    ballot: u8,
    value: u8,
    state: Stage,
}

/// [`EntryState`], in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Stage {
    Open,
    Chosen,
    Closed,
}

const STAGES: [(Stage, EntryState); 3] = [
    (Stage::Open, EntryState::Open),
    (Stage::Chosen, EntryState::Chosen),
    (Stage::Closed, EntryState::Closed),
];

impl From<Stage> for EntryState {
    fn from(stage: Stage) -> Self {
        STAGES[stage as usize].1
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Life {
    /// It has all that it ever had.
    Kept,
    /// It lost its data and does not vote.
    Returning,
    /// It lost its data and votes again.
    Returned,
}

/// One copy, and what the processes know of it: a bit a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Copy {
    life: Life,
    promised: Option<u8>,
    entry: Option<Cell>,
    /// Whether the new incarnation of the copy that lost its data is registered here.
    knows: bool,
    /// Whether the returning copy has read this one.
    read: bool,
    /// Processes to which this copy has promised, and that have not read it yet.
    raised: u8,
    /// Processes that count its promise.
    granted: u8,
    /// Processes that count it as holding their entry.
    stored: u8,
    /// Processes that count it as having marked their entry.
    marked: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    Asking,
    Leading,
}

/// One owner process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    phase: Phase,
    /// Whether it names the new incarnation.
    knows: bool,
    /// What it goes on with, as far as it has read.
    best: Option<Cell>,
    value: Option<u8>,
    chosen: bool,
    closing: bool,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    copies: [Copy; N],
    processes: [Process; PROCESSES],
    /// Values that a customer was told, a bit each.
    told: u8,
    /// The second value may be proposed once the first was.
    proposed: bool,
    /// A copy took something older than what it held or had promised.
    regressed: bool,
}

/// One step. Numbers are those of process and copy; a reply arrives or is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Start(u8),
    Promise(u8, u8),
    Read(u8, u8),
    Propose(u8, u8),
    Accept { process: u8, copy: u8, replied: bool },
    Refuse(u8),
    Choose { process: u8, copy: u8, replied: bool },
    Close(u8, u8),
    Lose(u8),
    Register(u8),
    ReadBack(u8),
}

fn bit(process: usize) -> u8 {
    1 << process
}

impl Journal {
    /// With the first `processes` of four owner processes: epoch 1, epoch 2, epoch 3, and a rival for epoch 2.
    pub(crate) fn new(processes: usize, settles: bool, loses: bool) -> Self {
        let ballot = |epoch, region: &str, incarnation: &str| Ballot {
            epoch,
            region: region.into(),
            incarnation: incarnation.to_owned(),
        };
        let ballots = vec![
            ballot(1, "us-east-1", "first"),
            ballot(2, "eu-west-1", "first"),
            ballot(3, "us-east-1", "second"),
            ballot(2, "ap-southeast-1", "first"),
            ballot(4, "us-east-1", "third"),
        ];
        let entries = entries(&ballots);
        let first = Incarnations::first(&["us-east-1".into(), "eu-west-1".into(), "ap-southeast-1".into()]);
        let incarnations = [first.clone(), first.with("eu-west-1".into(), 2)];
        Journal { broken: None, ballots, processes, settles, loses, entries, incarnations }
    }

    /// The same with a rule broken.
    pub(crate) fn broken(mut self, broken: Broken) -> Self {
        self.broken = Some(broken);
        if broken == Broken::BallotShared {
            self.ballots[1] = self.ballots[0].clone();
            self.entries = entries(&self.ballots);
        }
        self
    }

    fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    fn w(&self) -> usize {
        if self.is(Broken::OneCopy) { 1 } else { W }
    }

    fn ballot(&self, process: usize) -> &Ballot {
        &self.ballots[process]
    }

    fn entry(&self, cell: Cell) -> &Entry {
        let index = (usize::from(cell.ballot) * usize::from(VALUES) + usize::from(cell.value)) * STAGES.len();
        &self.entries[index + cell.state as usize]
    }

    fn cell(&self, entry: &Entry) -> Cell {
        let index = self.entries.iter().position(|known| known == entry).expect("an entry of the table");
        let state = STAGES[index % STAGES.len()].0;
        let value = (index / STAGES.len() % usize::from(VALUES)) as u8;
        Cell { ballot: (index / STAGES.len() / usize::from(VALUES)) as u8, value, state }
    }

    /// What a reader goes on with.
    fn recover(&self, cells: impl IntoIterator<Item = Cell>) -> Option<Cell> {
        let entries = cells.into_iter().map(|cell| self.entry(cell).clone());
        rules::recover(entries).into_values().next().map(|entry| self.cell(&entry))
    }

    fn judge(&self, copy: &Copy, proposed: Cell) -> Judgement {
        let promised = copy.promised.filter(|_| !self.is(Broken::EpochIgnored));
        let promised = promised.map(|process| self.ballot(usize::from(process)));
        let held = copy.entry.map(|cell| self.entry(cell));
        match rules::judge(promised, held, self.entry(proposed)) {
            Judgement::Write if self.is(Broken::NeverSuperseded) => match copy.entry {
                Some(held) if held.value != proposed.value => Judgement::Held,
                _ => Judgement::Write,
            },
            judgement => judgement,
        }
    }

    fn may_promise(&self, copy: &Copy, process: usize) -> bool {
        let promised = copy.promised.map(|process| self.ballot(usize::from(process)));
        match promised {
            Some(promised) if self.is(Broken::EpochShared) => promised <= self.ballot(process),
            promised => rules::may_promise(promised, self.ballot(process)),
        }
    }

    /// What a process or a copy knows.
    fn known(&self, knows: bool) -> &Incarnations {
        &self.incarnations[usize::from(knows)]
    }

    /// What a copy makes of the incarnations that a request names; it notes newer ones.
    fn heed(&self, copy: &mut Copy, knows: bool) -> Heed {
        if self.is(Broken::IncarnationsUnnamed) {
            return Heed::Yes;
        }
        let known = copy.votes().then(|| self.known(copy.knows));
        match rules::heed(known, self.known(knows)) {
            Heed::Learn(newest) if self.is(Broken::IncarnationsNotLearnt) => Heed::Miscounted(newest),
            Heed::Learn(newest) => {
                copy.knows = newest == *self.known(true);
                Heed::Yes
            }
            other => other,
        }
    }

    /// A copy promises; its answer tells the incarnations that it knows.
    fn promise(&self, copy: &mut Copy, process: usize, knows: bool) -> bool {
        let granted = copy.votes() && self.may_promise(copy, process);
        if granted {
            self.heed(copy, knows);
            copy.promised = Some(process as u8);
        }
        granted
    }

    /// A copy judges an entry, stores it where it may, and answers.
    fn accept(&self, copy: &mut Copy, process: usize, value: u8, knows: bool) -> Option<Accepted> {
        if !copy.votes() {
            return None;
        }
        if let Heed::Miscounted(incarnations) = self.heed(copy, knows) {
            return Some(Accepted::Miscounted { incarnations });
        }
        let proposed = Cell { ballot: process as u8, value, state: Stage::Open };
        match self.judge(copy, proposed) {
            Judgement::Write | Judgement::Here => {
                // A copy keeps the mark of an equal value.
                let state =
                    copy.entry.filter(|held| held.value == value).map_or(Stage::Open, |held| held.state);
                copy.entry = Some(Cell { state, ..proposed });
                copy.promised = Some(process as u8);
                Some(Accepted::Stored)
            }
            Judgement::Outranked(promised) => Some(Accepted::Outranked { promised }),
            Judgement::Held => {
                let held = copy.entry.map(|cell| self.entry(cell).clone())?;
                Some(Accepted::Held { entry: Box::new(held) })
            }
        }
    }

    /// A copy marks an entry; says whether it has the mark, or that the process counts wrong.
    fn mark(&self, copy: &mut Copy, value: u8, knows: bool, to: Stage) -> Result<bool, ()> {
        let Some(held) = copy.entry.filter(|_| copy.votes()) else { return Ok(false) };
        if matches!(self.heed(copy, knows), Heed::Miscounted(_)) {
            return Err(());
        }
        let hash = |value| self.entry(Cell { value, ..held }).value_hash.as_str();
        let from = match to {
            Stage::Closed if self.is(Broken::ClosedInOneStep) => Stage::Chosen,
            _ => held.state,
        };
        match rules::mark(Some((hash(held.value), from.into())), hash(value), to.into()) {
            Mark::Set => {
                copy.entry = Some(Cell { state: to, ..held });
                Ok(true)
            }
            Mark::Already => Ok(true),
            Mark::Refused => Ok(false),
        }
    }

    /// A copy told a leading process of a newer incarnation: it counts anew.
    fn recount(&self, state: &mut State, process: usize) {
        state.processes[process].knows = true;
        for copy in &mut state.copies {
            copy.stored &= !bit(process);
            copy.marked &= !bit(process);
        }
    }

    fn read(&self, state: &mut State, process: usize, copy: usize) {
        let answer = state.copies[copy];
        let asking = &mut state.processes[process];
        match rules::grant(self.known(asking.knows), self.known(answer.knows)) {
            _ if self.is(Broken::IncarnationsUnnamed) => {}
            Grant::Together => {}
            Grant::Void => return,
            Grant::Alone => {
                // Promises made before may be those of the copy that lost them.
                asking.knows = true;
                asking.best = None;
                state.copies.iter_mut().for_each(|copy| copy.granted &= !bit(process));
            }
        }
        let readable = answer.entry.filter(|cell| rules::must_be_read(cell.state.into()));
        asking.best = self.recover(asking.best.into_iter().chain(readable));
        state.copies[copy].granted |= bit(process);
        state.copies[copy].raised &= !bit(process);
        if state.count(|copy| copy.granted, process) >= self.w() {
            self.lead(state, process);
        }
    }

    /// The owner has its majority: what it read is written again.
    fn lead(&self, state: &mut State, process: usize) {
        state.forget(process);
        let leading = &mut state.processes[process];
        leading.phase = Phase::Leading;
        if self.is(Broken::NewBeforeRecovered) {
            return;
        }
        let Some(best) = leading.best.take() else { return };
        leading.value = Some(best.value);
        if self.is(Broken::NotWrittenAgain) {
            leading.chosen = true;
            state.told |= bit(usize::from(best.value));
        }
    }

    /// The owner counts an answer: what follows for the customer is [`Tally::decide`]'s.
    fn count(&self, state: &mut State, process: usize, copy: usize, value: u8, answer: Accepted) {
        if matches!(answer, Accepted::Stored) {
            state.copies[copy].stored |= bit(process);
        }
        let mut tally = Tally::default();
        for _ in 0..state.count(|copy| copy.stored, process) {
            tally.count(Some(Accepted::Stored));
        }
        tally.count(Some(answer).filter(|answer| !matches!(answer, Accepted::Stored)));
        if tally.miscounted.is_some() {
            return self.recount(state, process);
        }
        match tally.decide(self.w(), N) {
            Decision::Chosen => {
                state.processes[process].chosen = true;
                state.forget(process);
                state.told |= bit(usize::from(value));
            }
            Decision::Decided(entry) => state.told |= bit(usize::from(self.cell(&entry).value)),
            _ => {}
        }
    }

    /// From here on nothing fails: whether each majority that lives takes the shard over and gets the key decided,
    /// as the customer was told if anybody was told.
    fn completes(&self, state: &State) -> bool {
        let last = self.ballots.len() - 1;
        let votes: Vec<Copy> = state.copies.iter().copied().filter(Copy::votes).collect();
        let mut healed = state.clone();
        self.return_all(&mut healed);
        let pairs = |copies: &[Copy]| match *copies {
            [a, b, c] => vec![vec![a, b, c], vec![a, b], vec![a, c], vec![b, c]],
            [a, b] => vec![vec![a, b]],
            _ => Vec::new(),
        };
        let mut majorities = pairs(&votes);
        if votes.len() < N {
            majorities.extend(pairs(&healed.copies));
        }
        majorities.into_iter().all(|copies| self.finishes(state, copies, last))
    }

    /// Returns a copy that lost its data, the two others being alive.
    fn return_all(&self, state: &mut State) {
        loop {
            let Some(step) = self.returning_steps(state).next() else { return };
            self.apply(state, step);
        }
    }

    fn finishes(&self, state: &State, mut copies: Vec<Copy>, process: usize) -> bool {
        // Two rounds: the first may teach the candidate of a newer incarnation.
        let mut knows = false;
        for _ in 0..2 {
            let heard =
                copies.iter_mut().filter_map(|copy| self.promise(copy, process, knows).then_some(copy.knows));
            knows = heard.fold(knows, |knows, heard| knows || heard);
        }
        let granted = |copy: &&mut Copy| copy.promised == Some(process as u8) && copy.knows == knows;
        if copies.iter_mut().filter(granted).count() < W {
            return false;
        }
        let readable =
            copies.iter().filter_map(|copy| copy.entry).filter(|cell| rules::must_be_read(cell.state.into()));
        let value = self.recover(readable).map_or(0, |best| best.value);
        let mut tally = Tally::default();
        copies.iter_mut().for_each(|copy| tally.count(self.accept(copy, process, value, knows)));
        let decided = match tally.decide(W, N) {
            Decision::Chosen => value,
            Decision::Decided(entry) => self.cell(&entry).value,
            _ => return false,
        };
        state.told & !bit(usize::from(decided)) == 0
    }

    fn returning_steps<'a>(&'a self, state: &'a State) -> impl Iterator<Item = Step> + 'a {
        let returning = state.copies.iter().any(|copy| copy.life == Life::Returning);
        let others = move || (0..N).filter(move |copy| returning && state.copies[*copy].life == Life::Kept);
        let register =
            others().filter(|copy| !state.copies[*copy].knows).map(|copy| Step::Register(copy as u8));
        let registered = others().all(|copy| state.copies[copy].knows);
        let read = others().filter(move |copy| registered && !state.copies[*copy].read);
        register.chain(read.map(|copy| Step::ReadBack(copy as u8)))
    }

    fn read_back(&self, state: &mut State, copy: usize) {
        let Some(lost) = state.copies.iter().position(|copy| copy.life == Life::Returning) else { return };
        let other = state.copies[copy];
        let back = &mut state.copies[lost];
        let higher = [back.promised, other.promised]
            .into_iter()
            .flatten()
            .max_by_key(|p| self.ballot(usize::from(*p)));
        back.promised = higher;
        back.entry = self.recover(back.entry.into_iter().chain(other.entry));
        state.copies[copy].read = true;
        let read = state.copies.iter().filter(|copy| copy.read).count();
        if read == N - 1 || self.is(Broken::ReadsOneOnly) {
            state.copies[lost].life = Life::Returned;
            state.copies.iter_mut().for_each(|copy| copy.read = false);
        }
    }

    fn lose(&self, state: &mut State, copy: usize) {
        let lost = &mut state.copies[copy];
        let at_once = self.is(Broken::VotesAtOnce);
        *lost = Copy {
            life: if at_once { Life::Returned } else { Life::Returning },
            promised: None,
            entry: None,
            knows: !at_once,
            raised: 0,
            ..*lost
        };
    }

    fn process_steps(&self, state: &State, number: usize, steps: &mut Vec<Step>) {
        let process = &state.processes[number];
        let p = number as u8;
        let each = 0..N as u8;
        match process.phase {
            Phase::Idle => return steps.push(Step::Start(p)),
            Phase::Asking => {
                let raised =
                    each.clone().filter(|copy| state.copies[usize::from(*copy)].raised & bit(number) != 0);
                steps.extend(raised.map(|copy| Step::Read(p, copy)));
            }
            Phase::Leading if process.value.is_none() => {
                let values = if state.proposed { VALUES } else { 1 };
                steps.extend((0..values).map(|value| Step::Propose(p, value)));
                if self.is(Broken::RefusedUnjournalled) {
                    steps.push(Step::Refuse(p));
                }
            }
            Phase::Leading => {}
        }
        steps.extend(each.clone().map(|copy| Step::Promise(p, copy)));
        if process.value.is_some() {
            let replies = if process.chosen { &[false][..] } else { &[true, false] };
            steps.extend(each.clone().flat_map(|copy| {
                replies.iter().map(move |replied| Step::Accept { process: p, copy, replied: *replied })
            }));
        }
        if process.chosen && self.settles {
            let replies = if process.closing { &[false][..] } else { &[true, false] };
            steps.extend(each.clone().flat_map(|copy| {
                replies.iter().map(move |replied| Step::Choose { process: p, copy, replied: *replied })
            }));
            if process.closing || self.is(Broken::ClosedInOneStep) {
                steps.extend(each.map(|copy| Step::Close(p, copy)));
            }
        }
    }

    fn apply(&self, state: &mut State, step: Step) {
        match step {
            Step::Start(process) => state.processes[usize::from(process)].phase = Phase::Asking,
            Step::Promise(process, copy) => {
                let number = usize::from(process);
                let asking = state.processes[number];
                let copy = &mut state.copies[usize::from(copy)];
                if self.promise(copy, number, asking.knows) && asking.phase == Phase::Asking {
                    copy.raised |= bit(number);
                }
            }
            Step::Read(process, copy) => self.read(state, usize::from(process), usize::from(copy)),
            Step::Propose(process, value) => {
                state.processes[usize::from(process)].value = Some(value);
                state.processes[usize::from(process)].best = None;
                state.proposed = true;
            }
            Step::Accept { process, copy, replied } => {
                self.accept_step(state, usize::from(process), usize::from(copy), replied);
            }
            // The second value stands for the refusal.
            Step::Refuse(_) => state.told |= bit(1),
            Step::Choose { process, copy, replied } => {
                let (number, copy) = (usize::from(process), usize::from(copy));
                let Process { value: Some(value), knows, .. } = state.processes[number] else { return };
                match self.mark(&mut state.copies[copy], value, knows, Stage::Chosen) {
                    Err(()) if replied => self.recount(state, number),
                    Ok(true) if replied => state.copies[copy].marked |= bit(number),
                    _ => {}
                }
                if rules::may_close(state.count(|copy| copy.marked, number), self.w(), true) {
                    state.processes[number].closing = true;
                    state.copies.iter_mut().for_each(|copy| copy.marked &= !bit(number));
                }
            }
            Step::Close(process, copy) => {
                let Process { value: Some(value), knows, .. } = state.processes[usize::from(process)] else {
                    return;
                };
                let copy = usize::from(copy);
                // Whoever closes has nothing left to count; the next marks would tell it all the same.
                if self.mark(&mut state.copies[copy], value, knows, Stage::Closed).is_err() {
                    self.recount(state, usize::from(process));
                }
            }
            Step::Lose(copy) => self.lose(state, usize::from(copy)),
            Step::Register(copy) => state.copies[usize::from(copy)].knows = true,
            Step::ReadBack(copy) => self.read_back(state, usize::from(copy)),
        }
    }

    fn accept_step(&self, state: &mut State, process: usize, copy: usize, replied: bool) {
        let Process { value: Some(value), knows, chosen, .. } = state.processes[process] else { return };
        let before = state.copies[copy];
        let Some(answer) = self.accept(&mut state.copies[copy], process, value, knows) else { return };
        if matches!(answer, Accepted::Stored) {
            let older = |than: u8| self.ballot(process) < self.ballot(usize::from(than));
            let held = before.entry.map(|cell| cell.ballot);
            state.regressed |= before.promised.into_iter().chain(held).any(older);
        }
        if replied && !chosen {
            self.count(state, process, copy, value, answer);
        }
    }
}

fn entries(ballots: &[Ballot]) -> Vec<Entry> {
    let mut entries = Vec::new();
    for ballot in ballots {
        for value in 0..VALUES {
            let order_id = OrderId(uuid::Uuid::from_u128(1));
            let value = EntryValue::Refused {
                order_id,
                request_hash: value.to_string(),
                answer: ErrorBody::new(Code::Conflict, ""),
            };
            let open = Entry::open("am-00".into(), "key".to_owned(), ballot.clone(), value);
            entries.extend(STAGES.map(|(_, state)| Entry { state, ..open.clone() }));
        }
    }
    entries
}

impl Copy {
    const NEW: Copy = Copy {
        life: Life::Kept,
        promised: None,
        entry: None,
        knows: false,
        read: false,
        raised: 0,
        granted: 0,
        stored: 0,
        marked: 0,
    };

    fn votes(&self) -> bool {
        self.life != Life::Returning
    }

    fn holds(&self, value: u8) -> bool {
        self.entry.is_some_and(|held| held.value == value)
    }
}

impl State {
    fn count(&self, of: impl Fn(&Copy) -> u8, process: usize) -> usize {
        self.copies.iter().filter(|copy| of(copy) & bit(process) != 0).count()
    }

    /// Clears what a process no longer looks at.
    fn forget(&mut self, process: usize) {
        for copy in &mut self.copies {
            copy.raised &= !bit(process);
            copy.granted &= !bit(process);
            copy.stored &= !bit(process);
        }
    }

    /// Whether any two copies that vote include one that holds the value.
    fn on_every_majority(&self, value: u8) -> bool {
        let without = self.copies.iter().filter(|copy| copy.votes() && !copy.holds(value)).count();
        without < W
    }
}

const ONE_ORDER: &str = "one order a key";
const NEVER_LOST: &str = "every majority finds what a customer was told";
const NO_OLDER: &str = "no copy goes back to an older epoch";
const ONE_OWNER: &str = "an epoch has one owner";
const PROGRESS: &str = "every majority that lives can go on";

impl Model for Journal {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        let process = Process {
            phase: Phase::Idle,
            knows: false,
            best: None,
            value: None,
            chosen: false,
            closing: false,
        };
        vec![State {
            copies: [Copy::NEW; N],
            processes: [process; PROCESSES],
            told: 0,
            proposed: false,
            regressed: false,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        (0..self.processes).for_each(|process| self.process_steps(state, process, steps));
        if self.loses && state.copies.iter().all(|copy| copy.life == Life::Kept) {
            steps.extend((0..N as u8).map(Step::Lose));
        }
        steps.extend(self.returning_steps(state));
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut state = last.clone();
        self.apply(&mut state, step);
        state.copies.sort_unstable();
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(ONE_ORDER, |_, state: &State| state.told.count_ones() <= 1),
            Property::always(NEVER_LOST, |_, state: &State| {
                (0..VALUES)
                    .all(|value| state.told & bit(usize::from(value)) == 0 || state.on_every_majority(value))
            }),
            Property::always(NO_OLDER, |_, state: &State| !state.regressed),
            Property::always(ONE_OWNER, |model: &Journal, state: &State| {
                let leading = (0..PROCESSES).filter(|p| state.processes[*p].phase == Phase::Leading);
                let mut epochs: Vec<u64> = leading.map(|p| model.ballot(p).epoch).collect();
                let owners = epochs.len();
                epochs.sort_unstable();
                epochs.dedup();
                epochs.len() == owners
            }),
            Property::always(PROGRESS, |model: &Journal, state: &State| model.completes(state)),
        ];
        // Nothing of the above is true only because nothing happens.
        properties.push(Property::sometimes(
            "the last owner gets an order through",
            |model: &Journal, state: &State| state.processes[model.processes - 1].chosen,
        ));
        if self.settles {
            properties.push(Property::sometimes("an entry is closed everywhere", |_, state: &State| {
                state.copies.iter().all(|copy| copy.entry.is_some_and(|held| held.state == Stage::Closed))
            }));
        }
        if self.loses {
            properties.push(Property::sometimes(
                "a copy that lost its data votes again",
                |_, state: &State| {
                    state.copies.iter().any(|copy| copy.life == Life::Returned && copy.entry.is_some())
                },
            ));
        }
        properties
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{asked_for_in_full, breaks, holds};

    #[test]
    fn copies_that_keep_their_data() {
        holds("takeover", "3 copies, 2 values, 3 epochs", Journal::new(3, true, false));
    }

    #[test]
    fn rivals_for_an_epoch() {
        holds(
            "rivals",
            "3 copies, 2 values, 3 epochs, 4 processes, nothing is closed",
            Journal::new(4, false, false),
        );
    }

    #[test]
    fn a_copy_that_loses_its_data_and_comes_back() {
        holds("loss", "3 copies, 2 values, 2 epochs, 1 copy loses its data", Journal::new(2, true, true));
    }

    #[test]
    fn three_epochs_with_loss() {
        holds(
            "loss",
            "3 copies, 2 values, 3 epochs, 1 copy loses its data, nothing is closed",
            Journal::new(3, false, true),
        );
    }

    #[test]
    fn three_epochs_with_loss_and_closing() {
        if asked_for_in_full("loss and closing") {
            let bounds = "3 copies, 2 values, 3 epochs, 1 copy loses its data";
            holds("loss and closing", bounds, Journal::new(3, true, true));
        }
    }

    fn caught(broken: Broken, property: &'static str, model: Journal) {
        breaks(&format!("{broken:?}"), property, model.broken(broken));
    }

    #[test]
    fn the_epoch_check() {
        caught(Broken::EpochIgnored, NO_OLDER, Journal::new(2, false, false));
        caught(Broken::EpochIgnored, ONE_ORDER, Journal::new(3, false, false));
    }

    #[test]
    fn two_copies() {
        caught(Broken::OneCopy, ONE_ORDER, Journal::new(2, false, false));
        caught(Broken::OneCopy, NEVER_LOST, Journal::new(2, false, false));
    }

    #[test]
    fn writing_again() {
        caught(Broken::NotWrittenAgain, NEVER_LOST, Journal::new(3, false, false));
        caught(Broken::NotWrittenAgain, ONE_ORDER, Journal::new(3, false, false));
    }

    #[test]
    fn what_was_read_comes_first() {
        caught(Broken::NewBeforeRecovered, ONE_ORDER, Journal::new(2, false, false));
    }

    #[test]
    fn refusals_are_journalled() {
        caught(Broken::RefusedUnjournalled, ONE_ORDER, Journal::new(3, false, false));
    }

    #[test]
    fn superseding() {
        caught(Broken::NeverSuperseded, PROGRESS, Journal::new(2, false, false));
    }

    #[test]
    fn closing_in_two_steps() {
        caught(Broken::ClosedInOneStep, ONE_ORDER, Journal::new(3, true, false));
    }

    #[test]
    fn a_ballot_for_each_process() {
        caught(Broken::BallotShared, ONE_ORDER, Journal::new(3, false, false));
    }

    #[test]
    fn an_epoch_for_each_owner() {
        caught(Broken::EpochShared, ONE_OWNER, Journal::new(4, false, false));
    }

    #[test]
    fn coming_back_empty() {
        caught(Broken::VotesAtOnce, NEVER_LOST, Journal::new(1, false, true));
        caught(Broken::VotesAtOnce, ONE_ORDER, Journal::new(2, false, true));
    }

    #[test]
    fn reading_both() {
        caught(Broken::ReadsOneOnly, NEVER_LOST, Journal::new(1, false, true));
        caught(Broken::ReadsOneOnly, ONE_ORDER, Journal::new(2, false, true));
    }

    #[test]
    fn naming_incarnations() {
        caught(Broken::IncarnationsUnnamed, NEVER_LOST, Journal::new(2, false, true));
    }

    #[test]
    fn learning_of_incarnations() {
        caught(Broken::IncarnationsNotLearnt, PROGRESS, Journal::new(1, false, true));
    }
}
