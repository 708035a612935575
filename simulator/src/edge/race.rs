//! Tries of one request in several regions; the first good answer wins.

use super::{
    Inner,
    answer::{Answer, NoAnswer},
    counters::count,
    health::SILENCE,
    path::Path,
};
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use std::{pin::pin, sync::Arc};
use tokio::time::{Duration, Instant, sleep, sleep_until};

/// What the services have, from the customer's request to the answer's arrival.
const BUDGET: Duration = Duration::from_millis(900);
/// Less than this is not worth a try.
const LEAST: Duration = Duration::from_millis(20);

/// A request, whole, so that it can be sent more than once.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Ask {
    /// Whether sending it twice is safe: reads, and changes that carry an idempotency key.
    pub(super) fn repeatable(&self) -> bool {
        let change = self.body.windows(8).any(|word| word == b"mutation");
        !change || self.headers.contains_key("idempotency-key")
    }
}

/// How a request ended.
pub(super) struct Outcome {
    /// The answer and the region that gave it; `None` when no region gave any.
    pub(super) answer: Option<(Answer, Arc<Path>)>,
    pub(super) attempts: u32,
    /// The regions whose answer was no, for now: another one was asked where that was safe.
    pub(super) refused_by: Vec<Arc<Path>>,
}

/// One request's tries.
struct Race<'e> {
    edge: &'e Inner,
    ask: &'e Ask,
    arrived: Instant,
    tried: Vec<usize>,
    refused_by: Vec<usize>,
}

/// Sends a request until an answer is good, or none can be had any more. It may take for ever: the caller cuts it off.
pub(super) async fn run(edge: &Inner, ask: &Ask, arrived: Instant) -> Outcome {
    let mut race = Race { edge, ask, arrived, tried: Vec::new(), refused_by: Vec::new() };
    let repeatable = ask.repeatable();
    let mut hedge = pin!(sleep_until(arrived + edge.hedge_after));
    let mut hedged = !repeatable;
    let mut tries = FuturesUnordered::new();
    let mut fallback = None;
    tries.extend(race.next());
    loop {
        tokio::select! {
            biased; // two that come at once come in one order
            ended = tries.next() => match ended {
                Some((Ok(answer), index)) if !answer.retryable() => return race.ended(Some((answer, index))),
                Some((result, index)) => {
                    race.refused_by.extend(result.is_ok().then_some(index));
                    let may_repeat = repeatable || matches!(result, Err(NoAnswer::NotSent));
                    fallback = result.ok().map(|answer| (answer, index)).or(fallback);
                    if may_repeat && let Some(another) = race.next() {
                        count(&edge.counters.retries);
                        tries.push(another);
                    }
                }
                None => return race.ended(fallback),
            },
            () = &mut hedge, if !hedged => {
                hedged = true;
                if let Some(another) = race.next() {
                    count(&edge.counters.hedges);
                    tries.push(another);
                }
            }
        }
    }
}

impl<'e> Race<'e> {
    /// A try in the next region, if one is left that can answer in time.
    fn next(&mut self) -> Option<impl Future<Output = (Result<Answer, NoAnswer>, usize)> + use<'e>> {
        let index = self.choose()?;
        self.tried.push(index);
        let (edge, ask) = (self.edge, self.ask);
        let budget = self.budget(index);
        Some(async move { (attempt(edge, ask, index, budget).await, index) })
    }

    /// The nearest healthy region on another continent than the first one tried, else the nearest healthy one, else
    /// the nearest at all: a wrong idea of health must not keep a request from being tried.
    fn choose(&self) -> Option<usize> {
        let paths = &self.edge.paths;
        let untried = |i: &usize| !self.tried.contains(i) && self.budget(*i) >= LEAST;
        let left: Vec<usize> = (0..paths.len()).filter(untried).collect();
        let first = self.tried.first().map(|first| &paths[*first].continent);
        let elsewhere = |i: &usize| Some(&paths[*i].continent) != first;
        let healthy = |i: &usize| self.edge.health.healthy(*i);
        let find = |wanted: &dyn Fn(&usize) -> bool| left.iter().copied().find(|i| wanted(i));
        find(&|i| healthy(i) && elsewhere(i))
            .or_else(|| find(&healthy))
            .or_else(|| find(&elsewhere))
            .or_else(|| find(&|_| true))
    }

    /// What a region has from the request's arrival there, so that its answer is back in time.
    fn budget(&self, index: usize) -> Duration {
        BUDGET.saturating_sub(self.arrived.elapsed()).saturating_sub(self.edge.paths[index].rtt)
    }

    fn ended(&self, answer: Option<(Answer, usize)>) -> Outcome {
        let path = |index: usize| Arc::clone(&self.edge.paths[index]);
        let answer = answer.map(|(answer, index)| (answer, path(index)));
        let refused_by = self.refused_by.iter().copied().map(path).collect();
        Outcome { answer, attempts: self.tried.len() as u32, refused_by }
    }
}

async fn attempt(edge: &Inner, ask: &Ask, index: usize, budget: Duration) -> Result<Answer, NoAnswer> {
    let mut answer = pin!(edge.paths[index].send(ask, budget));
    let result = tokio::select! {
        biased;
        result = &mut answer => result,
        () = sleep(SILENCE) => {
            edge.health.unanswered(index);
            answer.await
        }
    };
    if result.is_ok() {
        edge.health.heard(index);
    }
    result
}
