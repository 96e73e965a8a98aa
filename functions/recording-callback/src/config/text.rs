//! A setting that is used as it is.

use std::convert::Infallible;

pub(super) fn text(text: &str) -> Result<String, Infallible> {
    Ok(text.to_owned())
}
