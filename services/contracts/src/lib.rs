//! The words all services share: ids, money, events, bodies, error codes, state tables.
//!
//! No I/O and no async lives here; anything in this crate can be used by a checker that shares no
//! other code with the services.

pub mod address;
pub mod bodies;
pub mod error;
pub mod events;
pub mod graphql;
pub mod ids;
pub mod journal;
pub mod keys;
pub mod order;
pub mod product;
pub mod resources;
pub mod schemas;
pub mod states;
pub mod stock;
pub mod time;

pub use address::Address;
pub use error::{Code, ErrorBody, FieldError};
pub use ids::{CartId, Continent, OrderId, ProductId, Region, ShardId, UserId, WarehouseId};
pub use order::{Erasure, Order, OrderLine, OrderStatus, PaymentState, StockState};
pub use product::{Package, Product};
pub use time::Timestamp;
