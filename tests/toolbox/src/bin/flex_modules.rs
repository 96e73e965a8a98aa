//! `cargo run -p toolbox --bin flex_modules` prints the folder `node_modules` of the Flex plugin. It is installed when it's
//! missing.

fn main() -> Result<(), toolbox::ToolError> {
    println!("{}", toolbox::flex_modules()?.display());
    Ok(())
}
