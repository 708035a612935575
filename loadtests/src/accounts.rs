//! Customers who are signed in: the file by which the simulator hands them to a child process.

use crate::population::Customer;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, BufReader, BufWriter, Write},
    path::Path,
};

/// A customer and the token that the platform takes for theirs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// Who.
    #[serde(flatten)]
    pub customer: Customer,
    /// What they prove it with.
    pub token: String,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SignedIn").field(&self.customer).finish()
    }
}

/// Reads the file.
pub fn read(path: &Path) -> io::Result<Vec<SignedIn>> {
    Ok(serde_json::from_reader(BufReader::new(File::open(path)?))?)
}

/// Writes the file, for the eyes of its owner only.
pub fn write(path: &Path, accounts: &[SignedIn]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = BufWriter::new(options.open(path)?);
    serde_json::to_writer(&mut file, accounts)?;
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::population::{default_shares, generate};

    #[test]
    fn accounts_read_back_and_show_no_secret() {
        let people = generate(1, 3, &default_shares());
        let signed_in = |customer: Customer| SignedIn { token: "secret-token".to_owned(), customer };
        let accounts: Vec<SignedIn> = people.into_iter().map(signed_in).collect();
        let path = std::env::temp_dir().join(format!("bigsmokes-{}-accounts.json", std::process::id()));
        write(&path, &accounts).expect("written");
        assert!(read(&path).expect("read") == accounts);
        assert!(!format!("{accounts:?}").contains("secret-token"));
        std::fs::remove_file(&path).expect("removed");
    }
}
