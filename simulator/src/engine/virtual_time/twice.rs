//! The same run twice: the histories must be the same, byte for byte.

use super::{Options, Outcome, RunFolder, run};
use crate::scenario::Scenario;
use anyhow::Context as _;
use std::{
    fs::File,
    io::{BufRead as _, BufReader, Lines},
    path::Path,
};

/// What came of two runs.
#[derive(Debug)]
pub struct Twice {
    /// The first run.
    pub first: Outcome,
    /// The second one.
    pub second: Outcome,
    /// Where their histories part; `None` where they are the same.
    pub difference: Option<Difference>,
}

/// The first line in which two histories differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its number, from 1.
    pub line: usize,
    /// As the first history has it; `None` where it is over.
    pub first: Option<String>,
    /// As the second one has it.
    pub second: Option<String>,
}

/// Runs a scenario twice, into the folders `first` and `second` of the given one.
///
/// # Errors
/// When a run cannot be done, or a history not be read.
pub fn twice(scenario: &Scenario, options: &Options) -> anyhow::Result<Twice> {
    let once = |name: &str| {
        let folder = RunFolder::make(&options.folder.file(name))?;
        run(scenario, &Options { folder, ..options.clone() })
    };
    let (first, second) = (once("first")?, once("second")?);
    let difference = difference(&first.history, &second.history)?;
    Ok(Twice { first, second, difference })
}

/// Where two histories part; `None` where they are the same.
///
/// # Errors
/// When one cannot be read.
pub fn difference(first: &Path, second: &Path) -> anyhow::Result<Option<Difference>> {
    let (mut first, mut second) = (lines(first)?, lines(second)?);
    for line in 1.. {
        match (first.next().transpose()?, second.next().transpose()?) {
            (None, None) => break,
            (first, second) if first == second => {}
            (first, second) => return Ok(Some(Difference { line, first, second })),
        }
    }
    Ok(None)
}

fn lines(path: &Path) -> anyhow::Result<Lines<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(BufReader::new(file).lines())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_told() {
        let folder = std::env::temp_dir().join(format!("bigsmokes-twice-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("made");
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("written");
            path
        };
        let (one, same) = (file("one", "a\nb\n"), file("same", "a\nb\n"));
        assert_eq!(difference(&one, &same).expect("read"), None);
        let found = difference(&one, &file("other", "a\nc\n")).expect("read").expect("they differ");
        assert_eq!((found.line, found.first.as_deref(), found.second.as_deref()), (2, Some("b"), Some("c")));
        let longer = difference(&one, &file("longer", "a\nb\nc\n")).expect("read").expect("they differ");
        assert_eq!((longer.line, longer.first), (3, None));
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
