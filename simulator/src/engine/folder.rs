//! The folder that a run leaves.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Marks a folder as one of ours, so that a mistyped path is never emptied.
const MARK: &str = ".bigsmokes-run";

/// A run's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is something else in it.
    #[error("{} is not empty and no run of ours left it; give another folder with --out", .0.display())]
    NotOurs(PathBuf),
    /// The system refuses.
    #[error("cannot use the folder {}: {cause}", path.display())]
    Refused {
        /// Which folder or file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// A run's folder, empty but for the mark and `logs`.
#[derive(Clone, Debug)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// Makes the folder; what an earlier run left there is removed.
    ///
    /// # Errors
    /// When there is something else in it, or the system refuses.
    pub fn make(path: &Path) -> Result<RunFolder, FolderError> {
        let refused = |cause| FolderError::Refused { path: path.to_owned(), cause };
        match fs::read_dir(path) {
            Ok(mut entries) => {
                let ours = path.join(MARK).exists();
                if !ours && entries.next().is_some() {
                    return Err(FolderError::NotOurs(path.to_owned()));
                }
                if ours {
                    fs::remove_dir_all(path).map_err(refused)?;
                }
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(refused(cause)),
        }
        fs::create_dir_all(path.join("logs")).map_err(refused)?;
        fs::write(path.join(MARK), "").map_err(refused)?;
        let path = path.canonicalize().map_err(refused)?;
        Ok(RunFolder(path))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Where processes log.
    pub fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file in it.
    ///
    /// # Errors
    /// When the system refuses, such as for a full disk.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), FolderError> {
        let path = self.file(name);
        fs::write(&path, content).map_err(|cause| FolderError::Refused { path, cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_folders_are_emptied() {
        let base = std::env::temp_dir().join(format!("bigsmokes-folder-{}", std::process::id()));
        let run = base.join("run");
        let folder = RunFolder::make(&run).expect("made");
        folder.write("left.txt", b"x").expect("written");
        let again = RunFolder::make(&run).expect("made again");
        assert!(!again.file("left.txt").exists() && again.logs().is_dir());
        fs::create_dir(base.join("other")).expect("made");
        fs::write(base.join("other/precious.txt"), "x").expect("written");
        assert!(matches!(RunFolder::make(&base.join("other")), Err(FolderError::NotOurs(_))));
        assert!(base.join("other/precious.txt").exists());
        fs::remove_dir_all(&base).expect("removed");
    }
}
