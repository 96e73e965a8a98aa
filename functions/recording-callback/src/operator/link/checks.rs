//! The bounds of a link, and the rules for what an audit line repeats. No I/O.

use std::time::Duration;

/// A week, as for `MEDIA_URL_TTL`. A single link cannot be revoked, so a mistyped number must not make one for years.
pub(super) const MOST_MINUTES: u32 = 7 * 24 * 60;

/// Enough for a name, a company and a reason.
pub(super) const MOST_NAME_CHARS: usize = 100;

/// Telephone numbers have at least this many digits. Audit lines must not have any.
pub(super) const NUMBER_DIGITS: usize = 7;

/// An ARN of a session: 64 characters for the role, 64 for the session's name, and a path.
const MOST_ARN_CHARS: usize = 700;

/// Why a name cannot be in an audit line. No message repeats the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameError {
    #[error("it must have 1 to {MOST_NAME_CHARS} characters, one of them a letter")]
    Length,
    #[error("it must have no control characters, no invisible ones, and no white space but single characters of space")]
    Unprintable,
    #[error(
        "it has {NUMBER_DIGITS} or more digits in a row, which may be a telephone number. Logs hold no telephone numbers"
    )]
    Number,
}

/// How long a link of so many minutes plays. `None` if it is out of bounds.
pub(super) fn lifetime(minutes: u32) -> Option<Duration> {
    (1..=MOST_MINUTES)
        .contains(&minutes)
        .then(|| Duration::from_secs(u64::from(minutes) * 60))
}

/// Whether the name may be in an audit line.
pub(super) fn check_name(name: &str) -> Result<(), NameError> {
    if name.chars().count() > MOST_NAME_CHARS || !name.chars().any(char::is_alphabetic) {
        Err(NameError::Length)
    } else if name.trim() != name || name.chars().any(is_unprintable) {
        Err(NameError::Unprintable)
    } else if has_number(name) {
        Err(NameError::Number)
    } else {
        Ok(())
    }
}

/// Whether the text has the form of the ARN that `sts:GetCallerIdentity` returns.
pub(super) fn is_caller_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let mut is = |check: fn(&str) -> bool| parts.next().is_some_and(check);
    text.len() <= MOST_ARN_CHARS
        && is(|arn| arn == "arn")
        && is(|partition| partition.starts_with("aws") && partition.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        && is(|service| matches!(service, "iam" | "sts"))
        && is(str::is_empty)
        && is(|account| account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
        // The characters of names and paths in IAM and of session names.
        && is(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_/:-".contains(&b)))
}

/// Characters that could make the name look like another one, or end the line: those that are not shown
/// (`Default_Ignorable_Code_Point` in Unicode's DerivedCoreProperties.txt), the empty Braille pattern, and those for private
/// use. The joiners of Persian and of Indian scripts (U+200C and U+200D) are letters of a name.
fn is_unprintable(char: char) -> bool {
    char.is_control()
        || (char.is_whitespace() && char != ' ')
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
}

/// Whether there are seven digits with no letter among them. Numbers are written with many kinds of separators.
fn has_number(name: &str) -> bool {
    name.split(char::is_alphabetic)
        .any(|between| between.chars().filter(|char| char.is_numeric()).count() >= NUMBER_DIGITS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_link_plays_for_a_minute_to_a_week() {
        assert_eq!(lifetime(0), None);
        assert_eq!(lifetime(1), Some(Duration::from_secs(60)));
        assert_eq!(lifetime(10_080), Some(Duration::from_secs(604_800)));
        assert_eq!(lifetime(10_081), None);
        assert_eq!(lifetime(u32::MAX), None);
    }

    #[test]
    fn names_of_people_are_accepted_in_any_script() {
        for name in [
            "Jane Auditor",
            "J",
            "Anne-Marie O’Neill (Example Audit Ltd., case 2026/17)",
            "Zoë Müller",
            "田中 太郎",
            "علی\u{200c}رضا",
            "राम\u{200d} क्ष",
            "auditor@example.com",
            &"é".repeat(100),
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_name_that_could_deceive_a_reader_of_the_log_is_refused() {
        for (name, error) in [
            ("", NameError::Length),
            (" ", NameError::Length),
            ("...", NameError::Length),
            ("17", NameError::Length),
            (&"é".repeat(101), NameError::Length),
            (" Jane", NameError::Unprintable),
            ("Jane ", NameError::Unprintable),
            ("Jane\nAuditor", NameError::Unprintable),
            ("Jane\tAuditor", NameError::Unprintable),
            ("Jane\u{a0}Auditor", NameError::Unprintable),
            ("Jane\u{0}", NameError::Unprintable),
            ("Jane\u{1b}[2K", NameError::Unprintable),
            ("Jane\u{202e}rotiduA", NameError::Unprintable),
            ("Ja\u{200b}ne", NameError::Unprintable),
            ("Jane\u{2028}", NameError::Unprintable),
            ("Jane\u{e0041}", NameError::Unprintable),
            // The fillers are letters.
            ("\u{3164}", NameError::Unprintable),
            ("\u{ffa0}", NameError::Unprintable),
            ("\u{115f}\u{1160}", NameError::Unprintable),
            ("Jane\u{34f}", NameError::Unprintable),
            ("Jane\u{2800}", NameError::Unprintable),
            ("Jane\u{fe0f}", NameError::Unprintable),
            ("Jane\u{180e}", NameError::Unprintable),
        ] {
            assert_eq!(check_name(name), Err(error), "{name:?}");
        }
    }

    #[test]
    fn a_telephone_number_is_refused_however_it_is_written() {
        for number in [
            "+15550100199",
            "555-0100",
            "(0155) 50 10 01 99",
            "0155/501001",
            "5.5.5.0.1.0.0",
            "٠١٥٥٥٠١٠٠",
        ] {
            for name in [
                format!("Jane {number}"),
                format!("{number} Jane"),
                format!("Jane, tel. {number}, audit"),
            ] {
                assert_eq!(check_name(&name), Err(NameError::Number), "{name}");
            }
        }
        for name in ["Jane, case 123456", "Jane 2026, room 101", "A1B2C3D4E5F6G7H8"] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn a_caller_is_named_by_an_arn() {
        for arn in [
            "arn:aws:iam::123456789012:user/jane",
            "arn:aws:iam::123456789012:root",
            "arn:aws:sts::123456789012:assumed-role/Operators/jane@example.com",
            "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Ops_0123456789abcdef/jane",
            "arn:aws-us-gov:iam::123456789012:user/path/to/jane",
        ] {
            assert!(is_caller_arn(arn), "{arn}");
        }
        for text in [
            "",
            "jane",
            "arn:aws:iam::123456789012:",
            "arn:aws:iam::12345678901:user/jane",
            "arn:aws:s3::123456789012:user/jane",
            "arn:aws:iam:us-east-1:123456789012:user/jane",
            "arn:aws:iam::123456789012:user/jane\n",
            "arn:aws:iam::123456789012:user/jane doe",
            "https://example.com/?signature=1",
            &format!("arn:aws:iam::123456789012:user/{}", "j".repeat(700)),
        ] {
            assert!(!is_caller_arn(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_accepted_name_can_break_a_line_or_hold_a_number(name in any::<String>()) {
            if check_name(&name).is_ok() {
                prop_assert!((1..=MOST_NAME_CHARS).contains(&name.chars().count()));
                prop_assert!(!name.chars().any(char::is_control));
                let digits = name.split(|char: char| !char.is_ascii_digit()).map(str::len).max();
                prop_assert!(digits < Some(NUMBER_DIGITS));
            }
        }
    }
}
