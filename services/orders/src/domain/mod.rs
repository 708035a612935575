//! The rules of orders, without HTTP, storage or time of their own.

pub mod create;
pub mod life;
pub mod steps;
