use secrecy::SecretString;
/// What the signature covers besides the URL.
pub enum SignedBody<'a> {
    /// GET, or no body.
    None,
    /// `application/x-www-form-urlencoded`: decoded pairs in any order, repeats included.
    Form(&'a [(String, String)]),
    /// Anything else: checked through the query's `bodySHA256`.
    Raw(&'a [u8]),
}
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    #[error("the signature header is not base64 of 20 bytes")] Malformed,
    #[error("the signature does not match")] Mismatch,
    #[error("the body does not match bodySHA256")] BodyHash,
}
/// `url` is the full URL as configured at Twilio, scheme to end of query, percent-encoding untouched. Any of `tokens` may have signed. Port variants are tried. Constant time.
pub fn verify(url: &str, body: &SignedBody<'_>, header: &str, tokens: &[SecretString]) -> Result<(), SignatureError> { todo!() }
/// What Twilio would send in `X-Twilio-Signature`.
pub fn sign(url: &str, body: &SignedBody<'_>, token: &SecretString) -> String { todo!() }
