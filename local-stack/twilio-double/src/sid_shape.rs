//! The shape of a SID.

/// Whether the text is two letters and 32 hexadecimal digits, as Twilio's OpenAPI description requires of every SID.
pub(super) fn is_sid(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix)
        .is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
