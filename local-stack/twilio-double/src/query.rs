//! Query strings and forms: decoded pairs in order, and their form in the call log.

use form_urlencoded::{Serializer, parse};

use super::problem::Problem;

/// Decoded name and value pairs of a query string or of a form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(encoded: &[u8]) -> Self {
        Self(parse(encoded).into_owned().collect())
    }

    pub(super) fn first(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.0
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.first(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// Twilio ignores unknown parameters. The double refuses them: otherwise a misspelt filter would match everything.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(Problem::invalid(format!(
                "the double does not know the parameter {name}"
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn without(&self, names: &[&str]) -> Self {
        Self(
            self.0
                .iter()
                .filter(|(name, _)| !names.contains(&name.as_str()))
                .cloned()
                .collect(),
        )
    }

    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    pub(super) fn encode(&self) -> String {
        Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }

    /// The form for the call log, not encoded. Only parameters that are known to contain no secret keep their value.
    pub(super) fn masked(&self) -> String {
        let shown = self.0.iter().map(|(name, value)| {
            let value = if PUBLIC_PARAMETERS.contains(&name.as_str()) {
                value
            } else {
                "***"
            };
            format!("{name}={value}")
        });
        shown.collect::<Vec<_>>().join("&")
    }
}

/// Every query parameter that the double's operations accept. None of them is defined to contain a secret.
const PUBLIC_PARAMETERS: &[&str] = &[
    "AssignmentStatus",
    "CallSid",
    "ConferenceSid",
    "DateCreated",
    "DateCreated<",
    "DateCreated>",
    "EvaluateTaskAttributes",
    "FriendlyName",
    "IncludeSoftDeleted",
    "Ordering",
    "Page",
    "PageSize",
    "PageToken",
    "RequestedChannels",
    "WorkflowSid",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_survive_encoding() {
        let query = Query::parse(b"DateCreated%3E=2026-11-20&a=1+2&a=%26");
        assert_eq!(query.first("DateCreated>"), Some("2026-11-20"));
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1 2", "&"]);
        assert_eq!(Query::parse(query.encode().as_bytes()), query);
    }

    #[test]
    fn an_unknown_parameter_keeps_its_name_and_loses_its_value() {
        let query = Query::parse(b"PageSize=2&token=eyJ&Signature=x");
        assert_eq!(query.masked(), "PageSize=2&token=***&Signature=***");
    }
}
