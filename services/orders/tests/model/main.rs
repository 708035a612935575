//! The order journal, searched exhaustively within stated bounds. The models call the decision functions that the
//! services run; what is broken on purpose is broken here, by a [`journal::Broken`] rule, never in the services.

mod branches;
mod effects;
mod journal;
mod ownership;
mod report;
mod sample;
mod stock;
mod tokens;
