//! Our writer still writes the fixtures byte for byte, and our reader still reads them.

// A helper fails like a test.
#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use esdk_message::{DataKey, Profile, open_message};

#[path = "fixtures/cases.rs"]
mod cases;

#[test]
fn the_writer_writes_the_fixtures_byte_for_byte() {
    for (number, (name, len)) in (0..).zip(cases::CASES) {
        assert!(
            cases::message(number, len).unwrap() == fixture(name),
            "{name}.esdk would be written differently"
        );
    }
}

#[test]
fn the_reader_reads_the_fixtures() {
    let data_key = DataKey::from_slice(&cases::DATA_KEY).unwrap();
    for (name, len) in cases::CASES {
        let message = open_message(&fixture(name), &data_key, Profile::VAULT).unwrap();
        assert!(
            message.plaintext == cases::plaintext(len),
            "{name}.esdk holds another plaintext"
        );
        assert_eq!(message.context, cases::context(len).unwrap());
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
        .with_extension("esdk");
    fs::read(file).unwrap()
}
