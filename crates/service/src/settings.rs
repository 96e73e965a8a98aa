/// Reads settings and collects every problem, so that a bad deployment is told whole, once.
pub struct Settings;
#[derive(Debug, thiserror::Error)]
#[error("bad configuration:\n{}", .0.join("\n"))]
pub struct BadSettings(pub Vec<String>);
impl Settings {
    pub fn from_env() -> Self { todo!() }
    /// For tests.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self { todo!() }
    /// Missing, empty or unparsable: noted, `None` returned. `parse` gets the trimmed text; its error is shown, the value never.
    pub fn required<T, E: std::fmt::Display>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> { todo!() }
    /// Missing or empty is `Ok(None)`.
    pub fn optional<T, E: std::fmt::Display>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> { todo!() }
    /// Notes a problem that spans settings.
    pub fn problem(&mut self, text: String) { todo!() }
    /// `Ok(value)` when nothing was noted and `value` is there.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, BadSettings> { todo!() }
}
/// `https://…` without query or fragment, or `http://` on a loopback address; trailing slash removed.
pub fn base_url(text: &str) -> Result<url::Url, &'static str> { todo!() }
