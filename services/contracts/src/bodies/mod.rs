//! Requests and answers between services, a file for each service that answers them.

pub mod delivery;
pub mod ops;
pub mod orders;
pub mod payment;
pub mod products;
pub mod users;
pub mod warehouse;
