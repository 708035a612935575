//! Companies that are not ours and stand outside of all regions: they survive a flood, and their books say what
//! really happened.

pub mod age_check;
pub mod carrier;
mod network;
pub mod payment_3p;

use std::sync::Arc;

/// Where a third party gets the time from: milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;
