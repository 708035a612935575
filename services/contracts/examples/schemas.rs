//! Writes the schemas of the events to `services/contracts/schemas`, one file for each detail type.

use contracts::schemas;
use std::{fs, io, path::Path};

fn main() -> io::Result<()> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    for document in schemas::documents() {
        let file = directory.join(document.file());
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, format!("{:#}\n", document.schema))?;
    }
    Ok(())
}
