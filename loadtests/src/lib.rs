//! The customers of the shop: who they are, what they ask for, how an answer is understood.
//!
//! Goose drives their journeys from here ([`attack`]); the simulator's open-loop driver uses the same
//! people, baskets, requests and judgements, so that both mean the same by "acknowledged".

pub mod accounts;
pub mod attack;
pub mod basket;
pub mod client;
pub mod clock;
pub mod dice;
pub mod history;
pub mod journeys;
pub mod population;
pub mod summary;

pub use attack::{AttackConfig, AttackError, attack};
pub use population::{CARD_CANARY, Customer};
pub use summary::Summary;
