//! What the door needs to know of a request and of its answer, to meter and to capture it.

use dynoxide::actions::{
    batch_get_item, batch_write_item, delete_item, get_item, put_item, query, scan, transact_get_items,
    transact_write_items, update_item,
};
use dynoxide::types::ConsumedCapacity;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A metered request.
pub(super) trait Request: DeserializeOwned {
    /// Whether it writes.
    const WRITES: bool;

    /// The tables it touches, by physical name; one may be named twice.
    fn tables(&self) -> Vec<&str>;

    /// How much the caller wants to know of what it consumed.
    fn capacity(&mut self) -> &mut Option<String>;

    /// Takes off the idempotency token.
    ///
    /// The SDK adds one to every transaction by itself, and the engine sweeps its cache of ten minutes' tokens
    /// at each. The services never set one: their writes are conditional.
    fn forget_token(&mut self) {}
}

/// A metered answer.
pub(super) trait Answer: Serialize {
    /// What was consumed, table by table. Leaves it in the answer only where `keep` says so.
    fn consumed(&mut self, keep: bool) -> Vec<ConsumedCapacity>;
}

fn taken<T: Clone>(place: &mut Option<T>, keep: bool) -> Option<T> {
    if keep { place.clone() } else { place.take() }
}

/// A name or an ARN, as a name.
pub(super) fn physical(name: &str) -> &str {
    name.rsplit_once(":table/").map_or(name, |(_, name)| name)
}

macro_rules! on_one_table {
    ($writes:literal, $request:ty, $answer:ty) => {
        impl Request for $request {
            const WRITES: bool = $writes;

            fn tables(&self) -> Vec<&str> {
                vec![physical(&self.table_name)]
            }

            fn capacity(&mut self) -> &mut Option<String> {
                &mut self.return_consumed_capacity
            }
        }

        impl Answer for $answer {
            fn consumed(&mut self, keep: bool) -> Vec<ConsumedCapacity> {
                taken(&mut self.consumed_capacity, keep).into_iter().collect()
            }
        }
    };
}

on_one_table!(false, get_item::GetItemRequest, get_item::GetItemResponse);
on_one_table!(false, query::QueryRequest, query::QueryResponse);
on_one_table!(false, scan::ScanRequest, scan::ScanResponse);
on_one_table!(true, put_item::PutItemRequest, put_item::PutItemResponse);
on_one_table!(true, update_item::UpdateItemRequest, update_item::UpdateItemResponse);
on_one_table!(true, delete_item::DeleteItemRequest, delete_item::DeleteItemResponse);

macro_rules! on_several_tables {
    ($writes:literal, $request:ty, $answer:ty, $tables:expr $(, $forget:expr)?) => {
        impl Request for $request {
            const WRITES: bool = $writes;

            fn tables(&self) -> Vec<&str> {
                let names: fn(&Self) -> Vec<&str> = $tables;
                names(self).into_iter().map(physical).collect()
            }

            fn capacity(&mut self) -> &mut Option<String> {
                &mut self.return_consumed_capacity
            }

            $(fn forget_token(&mut self) {
                let forget: fn(&mut Self) = $forget;
                forget(self);
            })?
        }

        impl Answer for $answer {
            fn consumed(&mut self, keep: bool) -> Vec<ConsumedCapacity> {
                taken(&mut self.consumed_capacity, keep).unwrap_or_default()
            }
        }
    };
}

on_several_tables!(
    false,
    batch_get_item::BatchGetItemRequest,
    batch_get_item::BatchGetItemResponse,
    |request| { request.request_items.keys().map(String::as_str).collect() }
);
on_several_tables!(
    true,
    batch_write_item::BatchWriteItemRequest,
    batch_write_item::BatchWriteItemResponse,
    |request| request.request_items.keys().map(String::as_str).collect()
);
on_several_tables!(
    false,
    transact_get_items::TransactGetItemsRequest,
    transact_get_items::TransactGetItemsResponse,
    |request| request.transact_items.iter().map(|item| item.get.table_name.as_str()).collect()
);
on_several_tables!(
    true,
    transact_write_items::TransactWriteItemsRequest,
    transact_write_items::TransactWriteItemsResponse,
    |request| request.transact_items.iter().filter_map(written_table).collect(),
    |request| request.client_request_token = None
);

fn written_table(item: &transact_write_items::TransactWriteItem) -> Option<&str> {
    let put = item.put.as_ref().map(|action| &action.table_name);
    let update = item.update.as_ref().map(|action| &action.table_name);
    let delete = item.delete.as_ref().map(|action| &action.table_name);
    let check = item.condition_check.as_ref().map(|action| &action.table_name);
    put.or(update).or(delete).or(check).map(String::as_str)
}
