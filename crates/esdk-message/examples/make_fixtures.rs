//! Writes the known-answer messages of `tests/fixtures`. They change only if the stored format changes.

use std::{error::Error, fs, path::Path};

#[path = "../tests/fixtures/cases.rs"]
mod cases;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for (number, (name, len)) in (0..).zip(cases::CASES) {
        fs::write(folder.join(name).with_extension("esdk"), cases::message(number, len)?)?;
    }
    Ok(())
}
