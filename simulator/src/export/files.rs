//! The folder that an export leaves.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// An export cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// What an earlier export left would be taken for part of this one.
    #[error("{} is not of this export; remove it, or give another folder with --out", .0.display())]
    NotOfThis(PathBuf),
    /// The system refuses.
    #[error("cannot write {}: {cause}", path.display())]
    Refused {
        /// Which folder or file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// Writes files, each a name and its text, into a folder, and says where they are. Files of the same names are replaced.
///
/// # Errors
/// When the folder has a JSON file of another name, or the system refuses.
pub fn write(folder: &Path, files: &[(String, String)]) -> Result<Vec<PathBuf>, FilesError> {
    let refused = |path: &Path, cause| FilesError::Refused { path: path.to_owned(), cause };
    fs::create_dir_all(folder).map_err(|cause| refused(folder, cause))?;
    for entry in fs::read_dir(folder).map_err(|cause| refused(folder, cause))? {
        let path = entry.map_err(|cause| refused(folder, cause))?.path();
        let is_ours = files.iter().any(|(name, _)| path.ends_with(name));
        if path.extension().is_some_and(|extension| extension == "json") && !is_ours {
            return Err(FilesError::NotOfThis(path));
        }
    }
    let written = files.iter().map(|(name, text)| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|cause| refused(&path, cause))?;
        Ok(path)
    });
    written.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_export_left_is_refused_and_kept() {
        let folder = std::env::temp_dir().join(format!("bigsmokes-export-{}", std::process::id()));
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        write(&folder, &[file("eu.json", "{}"), file("notes.md", "")]).expect("written");
        let again = write(&folder, &[file("eu.json", "{\"a\":1}"), file("notes.md", "")]).expect("written");
        assert_eq!(fs::read_to_string(&again[0]).expect("there"), "{\"a\":1}");

        let fault = write(&folder, &[file("am.json", "{}")]).expect_err("eu.json is there");
        let left = folder.join("eu.json");
        assert_eq!(
            fault.to_string(),
            format!("{} is not of this export; remove it, or give another folder with --out", left.display())
        );
        assert!(left.exists() && !folder.join("am.json").exists());
        fs::remove_dir_all(&folder).expect("removed");
    }
}
