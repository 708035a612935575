//! What the shop costs, and which quota breaks first: from what a run used.
//!
//! [`Consumption`] is measured. [`work`] takes it apart into rates that depend neither on the traffic nor on how many regions
//! stand; [`bill`] prices a month of any traffic in any set of regions; [`headroom`] holds the busiest second against
//! quotas. Prices, parameters and quotas are data with a date and a source each: `simulator/data/{prices,parameters,
//! quotas}.toml`.

mod bill;
mod consumption;
mod headroom;
mod layout;
mod on_premises;
mod parameters;
mod prices;
mod report;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod text;
mod work;

pub use bill::{Basis, Bill, ItemLine, Line, PriceLine};
pub use consumption::{
    Consumption, Idle, Lost, Meter, Quantities, Reading, Readings, RegionUse, ServiceUse, TableUse,
};
pub use headroom::{Headroom, Load, Quota, Raised};
pub use layout::Layout;
pub use on_premises::{OnPremises, OwnLine};
pub use parameters::{Fixed, Parameter, Parameters, Range, SetError};
pub use prices::{DataError, Mark, Price, Prices};
pub use report::{CostReport, Crossing, Data, Failover, LayoutCost, Point};
pub use work::Work;
