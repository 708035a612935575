//! What a takeover reads of a shard: entries that are not closed, however many were closed before.

use std::time::Duration;

use serde_json::Value;

use crate::paused::{Paused, Setup};

/// Entries are closed within this time.
const QUIET: Duration = Duration::from_secs(60);

/// Of all entries in all copies, how many are closed and how many are not. The index has those that are not.
fn entries(shop: &Paused) -> (usize, usize) {
    let copies = shop.places.values();
    let rows = copies.flat_map(|place| -> Vec<Value> { place.cloud.dump_table("orders.journal").unwrap() });
    let (closed, unclosed): (Vec<Value>, Vec<Value>) = rows.partition(|row| row["state"] == "closed");
    assert!(closed.iter().all(|row| row["unclosed"].is_null()), "{closed:?}");
    assert!(unclosed.iter().all(|row| row["unclosed"].is_number()), "{unclosed:?}");
    (closed.len(), unclosed.len())
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_in_the_index_until_it_is_closed() {
    let shop = Paused::open(Setup::default()).await;
    shop.buy(0, shop.draft(0, &[(0, 2)]).await, "key").await;
    let (_, unclosed) = entries(&shop);
    assert!(unclosed >= 2, "{unclosed} copies of what was just promised");
    tokio::time::sleep(QUIET).await;
    let (closed, unclosed) = entries(&shop);
    assert!(closed >= 3 && unclosed == 0, "{closed} closed, {unclosed} not");
}
