//! What a takeover reads of a shard: entries that are not closed, however many were closed before.

use std::collections::BTreeSet;
use std::time::Duration;

use orders::store::{JOURNAL, UNCLOSED};
use platform::tables::{Query, text};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::paused::{Paused, Setup};

/// Entries are closed within this time.
const QUIET: Duration = Duration::from_secs(60);

/// What names an entry.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Key {
    shard: String,
    key_hash: String,
}

/// Of the entries in all copies, how many are closed and how many are not. The index has those that are not.
async fn entries(shop: &Paused) -> (usize, usize) {
    let (mut all_closed, mut all_unclosed) = (0, 0);
    for (region, place) in &shop.places {
        let rows: Vec<Value> = place.cloud.dump_table("orders.journal").unwrap();
        let (closed, unclosed): (Vec<Value>, Vec<Value>) =
            rows.into_iter().partition(|row| row["state"] == "closed");
        let key = |row: &Value| serde_json::from_value::<Key>(row.clone()).unwrap();
        let shards: BTreeSet<String> = closed.iter().chain(&unclosed).map(|row| key(row).shard).collect();
        let journal = place.platform.table(&JOURNAL);
        let mut found: BTreeSet<Key> = BTreeSet::new();
        for shard in shards {
            let query = Query::partition("shard", text(shard)).index(UNCLOSED).consistent();
            found.extend(journal.query_all::<Key>(query, 1_000).await.unwrap());
        }
        assert_eq!(found, unclosed.iter().map(key).collect(), "{region}");
        all_closed += closed.len();
        all_unclosed += unclosed.len();
    }
    (all_closed, all_unclosed)
}

#[tokio::test(start_paused = true)]
async fn an_entry_is_in_the_index_until_it_is_closed() {
    let shop = Paused::open(Setup::default()).await;
    let bought = shop.buy(0, shop.draft(0, &[(0, 2)]).await, "key").await;
    let (_, unclosed) = entries(&shop).await;
    assert!(unclosed >= 2, "{unclosed} copies of what was just promised");
    shop.command(&bought, "cancel", "cancel", json!({})).await;
    tokio::time::sleep(QUIET).await;
    let (closed, unclosed) = entries(&shop).await;
    assert!(closed >= 6 && unclosed == 0, "{closed} closed, {unclosed} not");
}
