//! Sets up a browser and Flex UI, and prints their locations as a line of JSON for the scenarios in `tests/browser`.

use std::error::Error;

use toolbox::{browser_modules, chromium, flex_script};

fn main() -> Result<(), Box<dyn Error>> {
    let (chromium, modules, flex) = (chromium()?, browser_modules()?, flex_script()?);
    // The paths are under `target` or Debian's, so that no character needs an escape.
    println!(
        r#"{{"chromium":"{}","modules":"{}","flex":"{}","home":"{}"}}"#,
        chromium.display(),
        modules.display(),
        flex.display(),
        std::env::temp_dir().display()
    );
    Ok(())
}
