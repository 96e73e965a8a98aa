//! A day of the calendar.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime, format_description::well_known::Iso8601};

/// A day of the calendar, in UTC: `2026-05-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Day(pub(crate) Date);

impl Day {
    pub(crate) fn of_unix_ms(at_ms: i64) -> Self {
        Self(OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1_000)).map_or(Date::MAX, OffsetDateTime::date))
    }
}

impl TryFrom<String> for Day {
    type Error = time::error::Parse;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Date::parse(&text, &Iso8601::DATE).map(Self)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
