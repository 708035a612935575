//! How far regions are apart, from a data file that names its sources.

use contracts::ids::Region;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

const DATA: &str = include_str!("../../data/round_trips.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoundTrips {
    source: Vec<Source>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // what, dated and mark are for whoever reads the file
struct Source {
    what: String,
    dated: String,
    mark: String,
    pairs: BTreeMap<String, u32>,
}

static PAIRS: LazyLock<BTreeMap<String, u32>> = LazyLock::new(|| {
    // The file is part of the program and a test reads it; an unreadable one leaves every pair unknown,
    // and the loader of scenarios then says so.
    let sources = toml::from_str::<RoundTrips>(DATA).map(|file| file.source).unwrap_or_default();
    sources.into_iter().flat_map(|source| source.pairs).collect()
});

/// The round trip between two regions, ms; `None` where no figure is known. A region is 0 from itself.
pub fn round_trip_ms(a: &Region, b: &Region) -> Option<u32> {
    if a == b {
        return Some(0);
    }
    let known = |a: &Region, b: &Region| PAIRS.get(&format!("{a}/{b}")).copied();
    known(a, b).or_else(|| known(b, a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_file_can_be_read_and_works_both_ways() {
        let file: RoundTrips = toml::from_str(DATA).expect("data file");
        assert!(file.source.iter().all(|source| !source.dated.is_empty() && !source.mark.is_empty()));
        assert_eq!(round_trip_ms(&"us-east-1".into(), &"eu-west-1".into()), Some(70));
        assert_eq!(round_trip_ms(&"ap-southeast-1".into(), &"eu-west-1".into()), Some(175));
        assert_eq!(round_trip_ms(&"eu-west-1".into(), &"eu-west-1".into()), Some(0));
        assert_eq!(round_trip_ms(&"eu-west-1".into(), &"mars-north-1".into()), None);
    }
}
