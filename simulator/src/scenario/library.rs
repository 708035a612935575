//! Where scenario files are found by name.

use super::near::near;
use std::path::{Path, PathBuf};

/// No scenario has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct NoSuchScenario {
    /// What was asked for.
    pub name: String,
    /// Known names that it may have meant, nearest first.
    pub near: Vec<String>,
    /// All known names.
    pub known: Vec<String>,
}

impl std::fmt::Display for NoSuchScenario {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "there is no scenario `{}`", self.name)?;
        if !self.near.is_empty() {
            write!(f, "; did you mean {}?", self.near.join(" or "))
        } else if self.known.is_empty() {
            write!(f, ", nor any folder `scenarios` here or above")
        } else {
            write!(f, "; there are {}", self.known.join(", "))
        }
    }
}

/// Finds a scenario's file by its name, or takes `name` as a path when it looks like one.
///
/// # Errors
/// [`NoSuchScenario`], with the names it may have meant.
pub fn find(name: &str) -> Result<PathBuf, NoSuchScenario> {
    let path = Path::new(name);
    if path.components().count() > 1 || name.ends_with(".toml") {
        let missing = || NoSuchScenario { name: name.to_owned(), near: Vec::new(), known: known_names() };
        return if path.is_file() { Ok(path.to_owned()) } else { Err(missing()) };
    }
    let found =
        folders().into_iter().map(|folder| folder.join(format!("{name}.toml"))).find(|path| path.is_file());
    found.ok_or_else(|| {
        let known = known_names();
        let near = near(name, known.iter().map(String::as_str)).into_iter().map(str::to_owned).collect();
        NoSuchScenario { name: name.to_owned(), near, known }
    })
}

/// The name and title of every scenario that [`find`] finds, by name.
pub fn list() -> Vec<(String, String)> {
    known_names().into_iter().map(|name| (name.clone(), title(&name).unwrap_or_default())).collect()
}

fn title(name: &str) -> Option<String> {
    let text = std::fs::read_to_string(find(name).ok()?).ok()?;
    let table: toml::Table = text.parse().ok()?;
    Some(table.get("title")?.as_str()?.to_owned())
}

fn known_names() -> Vec<String> {
    let mut names: Vec<String> = folders().iter().flat_map(|folder| names_in(folder)).collect();
    names.sort();
    names.dedup();
    names
}

/// `scenarios` in the current folder and every one above it, then the one of the source tree.
fn folders() -> Vec<PathBuf> {
    let current = std::env::current_dir().unwrap_or_default();
    let above = current.ancestors().map(|folder| folder.join("scenarios"));
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    above.chain([built]).filter(|folder| folder.is_dir()).collect()
}

pub(super) fn topology_folders() -> Vec<PathBuf> {
    folders().into_iter().map(|folder| folder.join("topologies")).collect()
}

/// The names of the TOML files in a folder, by name.
pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let mut names: Vec<String> =
        files.filter_map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}
