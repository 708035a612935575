//! A scenario's faults for tools outside of the simulator.

mod files;
pub mod fis;

pub use files::{FilesError, write};
