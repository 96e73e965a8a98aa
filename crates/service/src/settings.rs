//! Settings from environment variables. They are read once at the start, and all problems are reported together.

use std::{collections::BTreeMap, env, fmt};

pub use base_url::{InvalidBaseUrl, origin, parse as base_url};

/// Reads settings one by one and collects their problems, so that one error reports everything that is wrong with a
/// deployment.
///
/// ```
/// # use service::settings::Settings;
/// let mut settings = Settings::from_pairs([("RETRIES", "three")]);
/// let bucket = settings.required("BUCKET", |text| Ok::<_, &str>(text.to_owned()));
/// let retries = settings.optional("RETRIES", str::parse::<u32>);
/// let error = settings.finish(bucket.map(|bucket| (bucket, retries))).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "bad configuration: BUCKET is missing; RETRIES: invalid digit found in string",
/// );
/// ```
#[derive(Debug)]
pub struct Settings {
    values: BTreeMap<String, String>,
    problems: Vec<String>,
}

/// All problems with the settings: names and reasons, never values.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad configuration: {}", .0.join("; "))]
pub struct BadSettings(pub Vec<String>);

impl Settings {
    /// Reads the process's environment. Variables that aren't Unicode count as missing.
    #[must_use]
    pub fn from_env() -> Self {
        Self::new(
            env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// Reads the given values, for tests.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::new(
            pairs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        )
    }

    fn new(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            values: values.into_iter().collect(),
            problems: Vec::new(),
        }
    }

    /// Reads a required setting. If it is missing or empty, or can't be parsed, the problem is recorded and `None` is
    /// returned.
    ///
    /// `parse` gets the trimmed text. Its error is shown to the operator, so it must not repeat the value.
    pub fn required<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if self.text(name).is_none() {
            self.problem(format!("{name} is missing"));
        }
        self.optional(name, parse)
    }

    /// Reads an optional setting. A missing or empty one is `None`. If it can't be parsed, the problem is recorded.
    pub fn optional<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        match parse(self.text(name)?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(format!("{name}: {error}"));
                None
            }
        }
    }

    /// Records a problem that concerns several settings.
    pub fn problem(&mut self, text: String) {
        self.problems.push(text);
    }

    /// Returns the configuration if no problem was recorded.
    ///
    /// # Errors
    /// [`BadSettings`] with all problems recorded so far.
    ///
    /// # Panics
    /// If `value` is `None` although no problem was recorded. Code that drops a value must record why.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, BadSettings> {
        if !self.problems.is_empty() {
            return Err(BadSettings(self.problems));
        }
        Ok(value.expect("a problem is recorded for every missing value"))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.values
            .get(name)
            .map(|text| text.trim())
            .filter(|text| !text.is_empty())
    }
}

/// Parses a list of at least one element, separated by commas. Spaces around the elements are ignored.
///
/// # Errors
/// The error of `parse` for the first element that it refuses, or a text that says that the list is empty.
pub fn list<T, E: ToString>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, String> {
    let elements: Vec<T> = text
        .split(',')
        .map(str::trim)
        .filter(|element| !element.is_empty())
        .map(|element| parse(element).map_err(|error| error.to_string()))
        .collect::<Result<_, _>>()?;
    if elements.is_empty() {
        return Err("is an empty list".to_owned());
    }
    Ok(elements)
}

/// Parses `true` or `false`.
///
/// # Errors
/// For any other text.
pub fn boolean(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "must be true or false")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_reported_at_once_without_values() {
        let mut settings = Settings::from_pairs([("COUNT", "canary"), ("EMPTY", "  ")]);
        settings.required("COUNT", str::parse::<u8>);
        settings.required("EMPTY", str::parse::<u8>);
        settings.required("GONE", str::parse::<u8>);
        settings.problem("A and B exclude one another".to_owned());
        let error = settings.finish(Some(())).unwrap_err();
        assert_eq!(error.0.len(), 4);
        let text = error.to_string();
        for name in ["COUNT", "EMPTY", "GONE", "A and B"] {
            assert!(text.contains(name), "{text}");
        }
        assert!(!text.contains("canary"), "{text}");
    }

    #[test]
    fn good_settings_are_trimmed_and_optional_ones_may_be_missing() {
        let mut settings = Settings::from_pairs([("COUNT", " 7 ")]);
        let count = settings.required("COUNT", str::parse::<u8>);
        assert_eq!(settings.optional("OTHER", str::parse::<u8>), None);
        assert_eq!(settings.finish(count), Ok(7));
    }
}
