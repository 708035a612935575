//! Who may write, and which copies count.

use crate::ids::Region;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Who may write to a shard: compared by epoch, then region, then process incarnation. Every start of an
/// owner takes a new one, so no two processes ever share a ballot.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ballot {
    /// Rises with every takeover.
    pub epoch: u64,
    /// The owner's region.
    pub region: Region,
    /// The owner's process, unique for each start.
    pub incarnation: String,
}

impl fmt::Display for Ballot {
    /// Text that sorts as ballots do: the epoch has a fixed width.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}#{}#{}", self.epoch, self.region, self.incarnation)
    }
}

/// The text is not a ballot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ballot is epoch#region#incarnation")]
pub struct BallotError;

impl FromStr for Ballot {
    type Err = BallotError;
    fn from_str(text: &str) -> Result<Self, BallotError> {
        let mut parts = text.splitn(3, '#');
        let epoch = parts.next().and_then(|epoch| epoch.parse().ok()).ok_or(BallotError)?;
        let region = parts.next().filter(|region| !region.is_empty()).ok_or(BallotError)?.into();
        let incarnation = parts.next().ok_or(BallotError)?.to_owned();
        Ok(Ballot { epoch, region, incarnation })
    }
}

impl Serialize for Ballot {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ballot {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The incarnation of each copy, by region. A copy that lost what it held comes back under a higher number, so that
/// nobody counts what the lost one had said as if it were still there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incarnations(BTreeMap<Region, u64>);

impl Incarnations {
    /// Of copies that never lost anything.
    pub fn first<'a>(copies: impl IntoIterator<Item = &'a Region>) -> Self {
        Incarnations(copies.into_iter().map(|copy| (copy.clone(), 1)).collect())
    }

    /// The incarnation of one copy; 0 where it is not known.
    pub fn of(&self, copy: &Region) -> u64 {
        self.0.get(copy).copied().unwrap_or(0)
    }

    /// The same with at least this incarnation of a copy.
    pub fn with(mut self, copy: Region, incarnation: u64) -> Self {
        let known = self.0.entry(copy).or_default();
        *known = incarnation.max(*known);
        self
    }

    /// The newest of each copy.
    pub fn newest(&self, other: &Incarnations) -> Self {
        let others = other.0.iter().map(|(copy, incarnation)| (copy.clone(), *incarnation));
        others.fold(self.clone(), |newest, (copy, incarnation)| newest.with(copy, incarnation))
    }
}

impl fmt::Display for Incarnations {
    /// One text for equal incarnations, so that a table can compare them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> = self.0.iter().map(|(copy, number)| format!("{copy}={number}")).collect();
        f.write_str(&each.join(","))
    }
}

/// The text does not name incarnations.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("incarnations are region=number, separated by commas")]
pub struct IncarnationsError;

impl FromStr for Incarnations {
    type Err = IncarnationsError;
    fn from_str(text: &str) -> Result<Self, IncarnationsError> {
        let each = text.split(',').filter(|part| !part.is_empty()).map(|part| {
            let (copy, number) = part.split_once('=').ok_or(IncarnationsError)?;
            Ok((Region::from(copy), number.parse().map_err(|_| IncarnationsError)?))
        });
        Ok(Incarnations(each.collect::<Result<_, _>>()?))
    }
}

impl Serialize for Incarnations {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Incarnations {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ballot(epoch: u64, region: &str, incarnation: &str) -> Ballot {
        Ballot { epoch, region: region.into(), incarnation: incarnation.into() }
    }

    #[test]
    fn the_text_of_ballots_sorts_as_ballots_do() {
        let mut ballots = [
            ballot(10, "ap-southeast-1", "a"),
            ballot(9, "us-east-1", "z"),
            ballot(10, "eu-west-1", "a"),
            ballot(10, "ap-southeast-1", "b"),
        ];
        let mut texts: Vec<String> = ballots.iter().map(Ballot::to_string).collect();
        ballots.sort();
        texts.sort();
        assert_eq!(texts, ballots.iter().map(Ballot::to_string).collect::<Vec<_>>());
    }

    #[test]
    fn incarnations_read_back_as_written_and_the_newest_of_each_wins() {
        let (us, eu): (Region, Region) = ("us-east-1".into(), "eu-west-1".into());
        let first = Incarnations::first([&us, &eu]);
        let later = first.clone().with(eu.clone(), 2);
        assert_eq!(later.to_string(), "eu-west-1=2,us-east-1=1");
        assert_eq!(later.to_string().parse(), Ok(later.clone()));
        assert_eq!(String::new().parse(), Ok(Incarnations::default()));
        assert_eq!("eu-west-1".parse::<Incarnations>(), Err(IncarnationsError));
        assert_eq!(first.newest(&later), later);
        assert_eq!(later.newest(&first.clone().with(us.clone(), 3)), later.clone().with(us.clone(), 3));
        assert_eq!((later.of(&eu), later.of(&"ap-southeast-1".into())), (2, 0));
    }

    #[test]
    fn a_ballot_reads_back_as_written() {
        let ballot = ballot(3, "eu-west-1", "0193-x");
        assert_eq!(ballot.to_string().parse(), Ok(ballot));
        assert_eq!("nonsense".parse::<Ballot>(), Err(BallotError));
    }
}
