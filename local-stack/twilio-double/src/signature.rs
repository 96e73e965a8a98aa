//! Twilio's webhook signature, as Twilio documents it: <https://www.twilio.com/docs/usage/security>.
//!
//! It shares no code with the service's own check, so that each tests the other.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

/// The `X-Twilio-Signature` of a form POST: base64 of HMAC-SHA1, under the Auth Token, of the URL followed by every
/// parameter's name and value, sorted by name.
pub fn signature<'a>(auth_token: &str, url: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(auth_token.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(signed_text(url, parameters).as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The same by HMAC-SHA256 under a SharedKey's secret.
pub fn shared_key_signature<'a>(
    secret: &str,
    url: &str,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(signed_text(url, parameters).as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

fn signed_text<'a>(url: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut parameters: Vec<_> = parameters.into_iter().collect();
    parameters.sort_unstable();
    // Each distinct value of a repeated name counts once.
    parameters.dedup();
    let mut text = url.to_owned();
    for (name, value) in parameters {
        text.push_str(name);
        text.push_str(value);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";

    /// The test vector of Twilio's helper libraries.
    #[test]
    fn a_form_is_signed_as_the_helper_libraries_do() {
        let parameters = [
            ("CallSid", "CA1234567890ABCDE"),
            ("Caller", "+14158675309"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
        ];
        assert_eq!(signature("12345", URL, parameters), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    }

    /// The test vector of twilio-python for repeated names.
    #[test]
    fn repeated_names_count_once_for_each_value() {
        let parameters = [
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ];
        assert_eq!(signature("12345", URL, parameters), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
    }
}
