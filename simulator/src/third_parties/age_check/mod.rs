//! The age checker: a customer opens the page that the shop sent them to and shows papers; a while later the shop is
//! told what they say, by a signed webhook (Standard Webhooks), again and again until it takes it or the checker gives up.
//!
//! It knows the shop's regions by their doors only: whichever answers hands the verdict on to the customer's home.

mod http;
#[cfg(test)]
mod tests;
mod webhook;

use super::{Clock, network::Network};
use crate::robots::Ground;
use aws_lc_rs::hmac;
use axum::Router;
use contracts::bodies::users::{AgeCallback, AgeVerdict};
use loadtests::dice::{Dice, dice};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use std::{
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};

/// How long papers are looked at. A run has no hours to wait.
const LOOKS_MS: Range<u64> = 300..2_000;
/// The pause before a webhook is sent again: first, and at most.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LAST: Duration = Duration::from_secs(4);
/// A webhook that nobody takes is given up after so long; then the customer has to come again.
const PATIENCE: Duration = Duration::from_secs(30);
/// Verifications at a time, at most.
const OPEN_MAX: usize = 1_024;

/// What a customer's papers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Papers {
    /// Old enough to buy cigars.
    OfAge,
    /// Too young.
    TooYoung,
}

impl Papers {
    fn verdict(self) -> AgeVerdict {
        match self {
            Papers::OfAge => AgeVerdict::Passed,
            Papers::TooYoung => AgeVerdict::Failed,
        }
    }
}

/// What a checker is told at its start.
pub struct AgeCheckConfig {
    /// What its webhooks are signed with.
    pub key: String,
    /// Round trip between it and its visitors.
    pub rtt: Duration,
    /// Random spread of that, percent, either way.
    pub jitter_pct: f32,
    /// The shop's regions.
    pub shop: Ground,
}

/// The checker. Clones are the same checker.
#[derive(Clone)]
pub struct AgeChecker(Arc<Inner>);

struct Inner {
    clock: Clock,
    network: Network,
    key: hmac::Key,
    shop: Ground,
    desk: Mutex<Desk>,
}

struct Desk {
    dice: Dice,
    begun: u64,
    telling: JoinSet<()>,
}

/// Too many verifications are under way.
#[derive(Debug)]
struct Busy;

impl AgeChecker {
    /// A checker with nobody at its desk.
    pub fn new(seed: u64, clock: Clock, config: AgeCheckConfig) -> Self {
        let desk = Desk { dice: dice(seed, "age checker"), begun: 0, telling: JoinSet::new() };
        AgeChecker(Arc::new(Inner {
            clock,
            network: Network::new(config.rtt, config.jitter_pct, seed),
            key: hmac::Key::new(hmac::HMAC_SHA256, config.key.as_bytes()),
            shop: config.shop,
            desk: Mutex::new(desk),
        }))
    }

    /// Its HTTP door.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    /// Verifications of which the shop has not been told yet, and will be.
    pub fn under_way(&self) -> usize {
        let mut desk = self.desk();
        while desk.telling.try_join_next().is_some() {}
        desk.telling.len()
    }

    /// Takes somebody's papers; the shop hears later what they say.
    fn look(&self, reference: String, papers: Papers) -> Result<(), Busy> {
        if self.under_way() >= OPEN_MAX {
            return Err(Busy);
        }
        let mut desk = self.desk();
        desk.begun += 1;
        let looks = Duration::from_millis(desk.dice.random_range(LOOKS_MS));
        let found = AgeCallback {
            reference,
            verdict: papers.verdict(),
            method: "document".to_owned(),
            provider_reference: format!("check-{}", desk.begun),
            valid_until: None,
        };
        let checker = self.clone();
        desk.telling.spawn(async move {
            tokio::time::sleep(looks).await;
            checker.tell(&found).await;
        });
        Ok(())
    }

    /// Tells the shop, until a region takes it.
    async fn tell(&self, found: &AgeCallback) {
        let (begun, mut pause) = (Instant::now(), RETRY_FIRST);
        while begun.elapsed() < PATIENCE {
            for region in self.0.shop.reachable() {
                let now_ms = (self.0.clock)();
                match webhook::send(&self.0.shop, &region, &self.0.key, now_ms, found).await {
                    Ok(()) => return,
                    Err(why) => tracing::debug!(%region, %why, "the age checker tells it again"),
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY_LAST);
        }
        tracing::info!(check = found.provider_reference, "the age checker gives up");
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.0.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for AgeChecker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgeChecker").finish_non_exhaustive()
    }
}
