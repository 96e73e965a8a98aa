//! The three date formats of Twilio's APIs, all in UTC.

use time::{OffsetDateTime, format_description::well_known};

/// TaskRouter: `2014-05-14T14:26:54Z`.
pub(super) fn iso_8601(at: OffsetDateTime) -> String {
    let (date, time) = (at.date(), at.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// Token validation: `2018-09-24T23:22:44.240Z`.
pub(super) fn iso_8601_millis(at: OffsetDateTime) -> String {
    let seconds = iso_8601(at);
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), at.millisecond())
}

/// The 2010 API: `Fri, 14 Oct 2016 21:56:34 +0000`.
pub(super) fn rfc_2822(at: OffsetDateTime) -> String {
    at.format(&well_known::Rfc2822)
        .expect("RFC 2822 can represent every date after 1900 in UTC, and recordings are files of this century")
}

/// The date of a filter: `2016-10-14` (midnight) or an RFC 3339 time.
pub(super) fn parse_filter(text: &str) -> Option<OffsetDateTime> {
    let day_only = !text.contains('T');
    let full = if day_only {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    OffsetDateTime::parse(&full, &well_known::Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_samples_come_out() {
        let at = parse_filter("2016-10-14T21:56:34.240Z").unwrap();
        assert_eq!(iso_8601(at), "2016-10-14T21:56:34Z");
        assert_eq!(iso_8601_millis(at), "2016-10-14T21:56:34.240Z");
        assert_eq!(rfc_2822(at), "Fri, 14 Oct 2016 21:56:34 +0000");
    }

    #[test]
    fn a_filter_is_a_day_or_a_time() {
        assert_eq!(parse_filter("2016-10-14"), parse_filter("2016-10-14T00:00:00Z"));
        for wrong in ["", "yesterday", "2016-13-01", "2016-10-14T"] {
            assert_eq!(parse_filter(wrong), None, "{wrong}");
        }
    }
}
