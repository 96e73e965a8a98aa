//! Sets up a browser and Flex UI, and prints where they are, as the scenarios in `tests/browser` take it: a line of JSON.

use std::error::Error;

use toolbox::{browser_modules, chromium, flex_script};

fn main() -> Result<(), Box<dyn Error>> {
    let (chromium, modules, flex) = (chromium()?, browser_modules()?, flex_script()?);
    // Paths under `target`, and of Debian's: no character in them needs an escape.
    println!(
        r#"{{"chromium":"{}","modules":"{}","flex":"{}","home":"{}"}}"#,
        chromium.display(),
        modules.display(),
        flex.display(),
        std::env::temp_dir().display()
    );
    Ok(())
}
