//! The rules of orders, without HTTP, storage or time of their own.

pub mod command;
pub mod create;
pub mod destinations;
pub mod life;
mod refunds;
#[cfg(test)]
pub(crate) mod samples;
pub mod steps;
pub mod timers;
