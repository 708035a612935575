//! Rows whose owner can move: each region writes a branch of its own, and readers take the highest.
//!
//! Replication is last-writer-wins, so two regions never write one item. A row's sort key `branch` is
//! `{epoch}#{region}`: what a cut-off owner still writes never overwrites its successor's branch.

use crate::tables::Condition;
use contracts::Region;

/// The name of the sort key.
pub const SORT: &str = "branch";
/// Branches of one thing that are read at most: one for each takeover and region.
pub const BRANCHES_MAX: usize = 256;

/// The sort key of the branch that `region` writes under `epoch`. It sorts as epochs do.
pub fn name(epoch: u64, region: &Region) -> String {
    format!("{epoch:012}#{region}")
}

/// A row of a branch.
pub trait Branched {
    /// Its sort key.
    fn branch(&self) -> &str;
    /// The epoch of the owner that wrote it.
    fn epoch(&self) -> u64;
    /// +1 for each change, over all branches.
    fn version(&self) -> u64;
}

/// All branches of one thing, as a consistent read found them in this region.
#[derive(Clone, Debug)]
pub struct Branches<R>(Vec<R>);

impl<R: Branched> Branches<R> {
    /// The branches found.
    pub fn new(rows: Vec<R>) -> Self {
        Branches(rows)
    }

    /// All of them, in no order that means anything.
    pub fn rows(&self) -> impl Iterator<Item = &R> {
        self.0.iter()
    }

    /// The branch that readers take: the highest epoch, then the highest version. Equal ones are told
    /// apart by name, so that every region takes the same.
    pub fn highest(&self) -> Option<&R> {
        self.0.iter().max_by_key(|row| (row.epoch(), row.version(), row.branch()))
    }

    /// The branch with this name.
    pub fn named(&self, branch: &str) -> Option<&R> {
        self.0.iter().find(|row| row.branch() == branch)
    }

    /// The condition under which this branch may be written: as it was read, or not there.
    pub fn unchanged(&self, branch: &str) -> Condition {
        match self.named(branch) {
            Some(row) => Condition::version(row.version()),
            None => Condition::new_item(SORT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Row(&'static str, u64, u64);

    impl Branched for Row {
        fn branch(&self) -> &str {
            self.0
        }
        fn epoch(&self) -> u64 {
            self.1
        }
        fn version(&self) -> u64 {
            self.2
        }
    }

    #[test]
    fn a_successor_beats_a_longer_branch_of_its_predecessor() {
        let branches = Branches::new(vec![Row("1#am", 1, 9), Row("2#eu", 2, 5), Row("2#ap", 2, 4)]);
        assert_eq!(branches.highest(), Some(&Row("2#eu", 2, 5)));
    }

    #[test]
    fn names_sort_as_epochs_do() {
        let region = Region::from("eu-west-1");
        assert!(name(9, &region) < name(10, &region));
    }
}
