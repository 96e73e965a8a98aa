//! `cargo run -p toolbox --bin venv -- lint checkov` prints the folders of these environments' programs, joined by
//! colons for `PATH`. Missing environments are created.

use std::{env, error::Error};

use toolbox::{Venv, python};

fn main() -> Result<(), Box<dyn Error>> {
    let mut folders = Vec::new();
    for name in env::args().skip(1) {
        let venv = Venv::named(&name).ok_or_else(|| format!("there is no environment `{name}`"))?;
        let python = python(venv)?;
        folders.extend(python.parent().map(|folder| folder.display().to_string()));
    }
    println!("{}", folders.join(":"));
    Ok(())
}
