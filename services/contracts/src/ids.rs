//! One typed id per thing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

uuid_id! {
    /// An order. Derived from the customer and the idempotency key (see [`crate::keys::order_id`]), so
    /// the same attempt has the same id in every region.
    OrderId
}
uuid_id! {
    /// An event, identical in every region that creates it again (see [`crate::keys::event_id`]).
    EventId
}
uuid_id! {
    /// A product of the catalogue.
    ProductId
}
uuid_id! {
    /// The cart of somebody who has not signed in. Random: whoever knows it may use the cart.
    CartId
}
text_id! {
    /// A customer or a member of staff: the `sub` of their user pool.
    UserId
}
text_id! {
    /// A warehouse, such as `wh-eu`.
    WarehouseId
}
text_id! {
    /// A region of the cloud, such as `eu-west-1`.
    Region
}
text_id! {
    /// A continent with a journal region of its own: `am`, `eu`, `ap`.
    Continent
}
text_id! {
    /// A shard of the orders, `{continent}-{number}`: one owner drives it at a time.
    ShardId
}
