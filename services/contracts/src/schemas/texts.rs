//! Schemas of the types that are written as one text.

use crate::journal::{Ballot, Incarnations};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

macro_rules! text {
    ($name:ident, $pattern:literal, $description:literal) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "description": $description, "type": "string", "pattern": $pattern })
            }
        }
    };
}

text!(Ballot, "^[0-9]+#[^#]+#.*$", "Who may write to a shard: `{epoch}#{region}#{incarnation}`.");
text!(Incarnations, "^([^=,]+=[0-9]+,?)*$", "The incarnation of each copy: `{region}={number}`, by commas.");
