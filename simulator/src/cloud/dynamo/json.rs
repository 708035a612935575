//! Attribute values as the wire has them: `{"S": "text"}`.

mod read;
mod write;

pub(super) use read::{INVALID, Pairs, Text};
pub(super) use write::{Object, write_item, write_list, write_text};
