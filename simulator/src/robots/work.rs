//! What pickers and couriers have in common: how they ask, and what they count.

use super::{Ground, Receipts, Returns, Share};
use bytes::Bytes;
use contracts::ids::{OrderId, Region};
use futures::future::{BoxFuture, FutureExt as _};
use http::{Request, Uri, header};
use platform::watch;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// A robot waits this long for an answer.
const LIMIT: Duration = Duration::from_secs(3);
/// Work in hand at a time; more waits in the queue.
pub(super) const IN_HAND_MAX: usize = 16;
/// How often a robot looks for new work. Two who work in one place take turns.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Pages of new work that are read at a time.
pub(super) const PAGES_MAX: usize = 5;
/// The pause before a step is tried again: first, and at most.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LAST: Duration = Duration::from_secs(2);
/// A refusal that may come from two who did something at once is believed when it came so often.
const REFUSALS_BELIEVED: u32 = 5;

/// What goes wrong at work on purpose, percent of all orders. Which ones is fixed by their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Failures {
    /// Packages that cannot be packed.
    pub packaging_pct: f64,
    /// Parcels that cannot be delivered.
    pub delivery_pct: f64,
}

/// What the robots did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Packages completed.
    pub packed: u64,
    /// Packages failed on purpose.
    pub packing_failed: u64,
    /// Parcels taken.
    pub taken: u64,
    /// Parcels handed over.
    pub delivered: u64,
    /// Parcels brought back on purpose.
    pub delivery_failed: u64,
    /// Parcels with what customers sent back.
    #[serde(default)]
    pub brought_back: u64,
    /// Receipts of goods that were booked.
    #[serde(default)]
    pub received: u64,
    /// Work that the shop called off.
    pub called_off: u64,
    /// Steps that had to be tried again.
    pub retries: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(super) packed: AtomicU64,
    pub(super) packing_failed: AtomicU64,
    pub(super) taken: AtomicU64,
    pub(super) delivered: AtomicU64,
    pub(super) delivery_failed: AtomicU64,
    pub(super) brought_back: AtomicU64,
    pub(super) received: AtomicU64,
    pub(super) called_off: AtomicU64,
    pub(super) retries: AtomicU64,
}

impl Tally {
    pub(super) fn counts(&self) -> Counts {
        Counts {
            packed: self.packed.load(Relaxed),
            packing_failed: self.packing_failed.load(Relaxed),
            taken: self.taken.load(Relaxed),
            delivered: self.delivered.load(Relaxed),
            delivery_failed: self.delivery_failed.load(Relaxed),
            brought_back: self.brought_back.load(Relaxed),
            received: self.received.load(Relaxed),
            called_off: self.called_off.load(Relaxed),
            retries: self.retries.load(Relaxed),
        }
    }
}

/// Counts one more.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Relaxed);
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is done.
    Done,
    /// It cannot be done, and trying again is of no use: the shop called the work off.
    CalledOff,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// Not now.
    Later(String),
    /// The shop said no, with this code.
    Refused(String),
}

/// One robot's hands.
#[derive(Clone)]
pub(crate) struct Hand {
    pub(super) token: String,
    pub(super) share: Share,
    pub(super) ground: Ground,
    pub(super) stopped: watch::Receiver<bool>,
    pub(super) tally: Arc<Tally>,
    pub(super) failures: Failures,
    pub(super) returns: Returns,
    pub(super) receipts: Receipts,
}

impl Hand {
    /// Whether it is time to go home.
    pub(super) fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Waits for the first turn to look for work.
    pub(super) async fn first_turn(&self) {
        self.pause(self.share.turn(LOOK_EVERY)).await;
    }

    /// Pauses, or until it is time to go home.
    pub(super) async fn pause(&self, pause: Duration) {
        let mut stopped = self.stopped.clone();
        let _ = tokio::time::timeout(pause, stopped.wait_for(|stopped| *stopped)).await;
    }

    /// Asks a region's public door, and gives one field of the answer.
    pub(super) async fn ask(
        &self,
        region: &Region,
        document: &str,
        variables: Value,
        field: &str,
    ) -> Result<Value, NoAnswer> {
        let body = json!({ "query": document, "variables": variables });
        let (status, answer) = self.post(self.ground.graphql(region), &body).await?;
        read(status, &answer, field)
    }

    /// Sends a report to a route of a service.
    async fn report(&self, region: &Region, path: &str, body: &Value) -> Result<(), NoAnswer> {
        let url = self.ground.base(region).map(|base| format!("{base}{path}"));
        let (status, answer) = self.post(url, body).await?;
        taken(status, &answer)
    }

    /// `url`: none, where the region is not reachable.
    async fn post(&self, url: Option<String>, body: &Value) -> Result<(u16, Bytes), NoAnswer> {
        let later = |why: &dyn std::fmt::Display| NoAnswer::Later(why.to_string());
        let url: Uri =
            url.ok_or_else(|| later(&"the region is not reachable"))?.parse().map_err(|why| later(&why))?;
        let host = url.authority().map(ToString::to_string).unwrap_or_default();
        let request = Request::post(url)
            .header(header::HOST, host)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .body(Bytes::from(body.to_string()))
            .map_err(|cause| later(&cause))?;
        let answer = tokio::time::timeout(LIMIT, self.ground.network.send(request)).await;
        let answer = answer.map_err(|_| later(&"no answer in time"))?.map_err(|cause| later(&cause))?;
        Ok((answer.status().as_u16(), answer.into_body()))
    }

    /// Tries a step until it is done or called off; `None` when it is time to go home, or when `lost` says
    /// that the work is gone. `regions` says where to try, anew each time.
    pub(super) async fn insist(
        &self,
        regions: impl Fn() -> Vec<Region>,
        document: &str,
        variables: Value,
        field: &str,
        lost: impl Fn() -> bool,
    ) -> Option<Step> {
        let tell = |region: Region| {
            let variables = variables.clone();
            async move { self.ask(&region, document, variables, field).await.and_then(accepted) }.boxed()
        };
        self.insist_on(regions, tell, field, lost).await
    }

    /// The same for a [report](Hand::report) to a route of a service.
    pub(super) async fn insist_on_report(
        &self,
        regions: impl Fn() -> Vec<Region>,
        path: &str,
        body: &Value,
        lost: impl Fn() -> bool,
    ) -> Option<Step> {
        let tell = |region: Region| async move { self.report(&region, path, body).await }.boxed();
        self.insist_on(regions, tell, path, lost).await
    }

    async fn insist_on<'a>(
        &self,
        regions: impl Fn() -> Vec<Region>,
        tell: impl Fn(Region) -> BoxFuture<'a, Result<(), NoAnswer>>,
        what: &str,
        lost: impl Fn() -> bool,
    ) -> Option<Step> {
        let mut pause = RETRY_FIRST;
        let mut refusals = 0;
        loop {
            for region in regions() {
                match tell(region.clone()).await {
                    Ok(()) => return Some(Step::Done),
                    Err(NoAnswer::Refused(code)) if definite(&code) => refusals += 1,
                    Err(why) => tracing::debug!(%region, ?why, what, "a robot tries again"),
                }
            }
            if refusals >= REFUSALS_BELIEVED {
                return Some(Step::CalledOff);
            }
            if self.is_stopped() || lost() {
                return None;
            }
            count(&self.tally.retries);
            self.pause(pause).await;
            pause = (pause * 2).min(RETRY_LAST);
        }
    }
}

/// Codes that say that the order went another way. That something is not known is not one of them: a survivor
/// may only not know it yet.
fn definite(code: &str) -> bool {
    matches!(code, "CONFLICT" | "VALIDATION_FAILED" | "BAD_REQUEST" | "FORBIDDEN")
}

/// A mutation's answer: `{success, message, code}`.
fn accepted(answer: Value) -> Result<(), NoAnswer> {
    if answer["success"] == Value::Bool(true) {
        return Ok(());
    }
    Err(NoAnswer::Refused(answer["code"].as_str().unwrap_or_default().to_owned()))
}

/// The answer to a report: a status, and a code where it was not taken. Here a conflict is no refusal: the region has
/// yet to hear that the parcel was delivered, or others are at the same goods.
fn taken(status: u16, body: &[u8]) -> Result<(), NoAnswer> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    let answer = serde_json::from_slice::<Value>(body).unwrap_or_default();
    match answer["code"].as_str() {
        Some(code) if code != "CONFLICT" => Err(NoAnswer::Refused(code.to_owned())),
        _ => Err(NoAnswer::Later(format!("status {status}"))),
    }
}

fn read(status: u16, body: &[u8], field: &str) -> Result<Value, NoAnswer> {
    let later = |why: String| NoAnswer::Later(why);
    let mut answer: Value =
        serde_json::from_slice(body).map_err(|_| later(format!("status {status}, no JSON")))?;
    let found = answer["data"][field].take();
    if status == 200 && !found.is_null() {
        return Ok(found);
    }
    let code = answer["errors"][0]["extensions"]["code"].as_str().or(answer["code"].as_str());
    match code {
        Some(code) => Err(NoAnswer::Refused(code.to_owned())),
        None => Err(later(format!("status {status}, no `{field}`"))),
    }
}

/// A number that belongs to an order for good: the last bits of its id, which are a hash.
pub(super) fn number(order: &OrderId) -> u64 {
    order.0.as_u64_pair().1
}

/// Whether an order is one of so many percent. `salt` tells different mishaps apart.
pub(super) fn strikes(order: &OrderId, salt: u64, pct: f64) -> bool {
    let mixed = (number(order) ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    (mixed % 10_000) as f64 / 100.0 < pct
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_field_a_refusal_or_nothing() {
        let data = br#"{"data":{"startDelivery":{"success":false,"code":"CONFLICT"}}}"#;
        let answer = read(200, data, "startDelivery").expect("a field");
        assert_eq!(accepted(answer), Err(NoAnswer::Refused("CONFLICT".to_owned())));
        let error = br#"{"data":null,"errors":[{"message":"no","extensions":{"code":"NOT_FOUND"}}]}"#;
        assert_eq!(read(200, error, "getDelivery"), Err(NoAnswer::Refused("NOT_FOUND".to_owned())));
        assert!(matches!(read(503, b"busy", "getDelivery"), Err(NoAnswer::Later(_))));
    }

    #[test]
    fn a_report_is_taken_refused_or_unheard() {
        assert_eq!(taken(200, b"{}"), Ok(()));
        let refused = taken(400, br#"{"code":"VALIDATION_FAILED"}"#);
        assert_eq!(refused, Err(NoAnswer::Refused("VALIDATION_FAILED".to_owned())));
        assert!(matches!(taken(409, br#"{"code":"CONFLICT"}"#), Err(NoAnswer::Later(_))));
        assert!(matches!(taken(503, b"busy"), Err(NoAnswer::Later(_))));
    }

    #[test]
    fn mishaps_strike_their_share_and_always_the_same() {
        let orders: Vec<OrderId> =
            (0..10_000u128).map(|n| OrderId(uuid::Uuid::from_u128(n * 0x0123_4567_89ab_cdef))).collect();
        let struck = orders.iter().filter(|order| strikes(order, 1, 2.0)).count();
        assert!((100..300).contains(&struck), "{struck}");
        assert!(orders.iter().all(|order| strikes(order, 1, 2.0) == strikes(order, 1, 2.0)));
    }
}
