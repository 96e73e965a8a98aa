//! `cargo run -p toolbox --bin flex_plugin` has the Flex plugin built by Twilio's builder, and prints the folder in which
//! `build/recording-vault.js` is. What it takes is installed when it's missing.

fn main() -> Result<(), toolbox::ToolError> {
    println!("{}", toolbox::flex_plugin()?.display());
    Ok(())
}
