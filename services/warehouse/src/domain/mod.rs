//! The rules, without HTTP, storage or time.

pub(crate) mod packaging;
pub(crate) mod reservation;
pub(crate) mod stock;
