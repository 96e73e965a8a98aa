//! `cargo run -p toolbox --bin flex_plugin` builds the Flex plugin with Twilio's builder, and prints the folder that
//! contains `build/recording-vault.js`. Missing tools are installed.

fn main() -> Result<(), toolbox::ToolError> {
    println!("{}", toolbox::flex_plugin()?.display());
    Ok(())
}
