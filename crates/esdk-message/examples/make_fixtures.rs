//! Writes the known-answer messages of `tests/fixtures`. They change only when the format does, and that's a new format.

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
