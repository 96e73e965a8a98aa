//! The requests by which Twilio validates a token, to the two endpoints that do so.
//!
//! - `POST {flex-api}/v1/Accounts/{AC}/Tokens/Info`, form field `Token`, with the token as its own credential. Flex UI 2.17
//!   calls it (`flexUser.service` of `@twilio/flex-sdk` 3.0.0).
//! - `POST {iam}/v1/Accounts/{AC}/Tokens/validate`, JSON `{"token": …}`. Source: Twilio, *Play back recordings from custom
//!   storage* (`twilio.com/docs/flex/developer/insights/playback-recordings-custom-storage`) and
//!   `twilio-flex-token-validator`.
//!
//! Neither is in Twilio's OpenAPI description, so any answer of an unknown form refuses the token.

use http::{StatusCode, header};
use reqwest::{RequestBuilder, Response};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    error::TokenError,
    token::FlexToken,
    verdict::{Info, Listener, Verdict, now_ms},
};
use crate::client::{ApiError, CALL_TIMEOUT, Client, Credentials, authorize, checked, join, json, send};

/// Which endpoint validates a token, and whose credential the request carries.
#[derive(Clone, Copy, Debug)]
pub enum ValidateAs<'a> {
    /// The endpoint that Flex UI calls, with the token as its own credential.
    Flex,
    /// The older endpoint with the token as its own credential, as in Twilio's sample for the Player.
    Player,
    /// The older endpoint with a credential of the account: its SID and Auth Token, as in `twilio-flex-token-validator`, or an
    /// API key.
    Account(&'a Credentials),
}

/// Twilio's codes for a wrong and for an expired token. Flex UI 2.17 checks for them.
const TOKEN_CODES: [u32; 2] = [20003, 20104];

impl Client {
    /// Asks Twilio whether the token is valid, and returns the user to whom it belongs.
    ///
    /// A missing endpoint (404 or 405) says nothing about the token. If the token is the credential for both endpoints, the
    /// other one is called then. No other answer or failure leads to a second call.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] if Twilio says that the token isn't valid, that it has expired, or that it belongs to another
    /// account. [`TokenError::Unavailable`] for any other failure. It holds [`ApiError::Unauthorized`] if Twilio refused the
    /// account's credential.
    pub async fn validate_flex_token(
        &self,
        token: &FlexToken,
        validate_as: ValidateAs<'_>,
    ) -> Result<Listener, TokenError> {
        let answer = match validate_as {
            ValidateAs::Flex => self.token_info(token).await,
            ValidateAs::Player => self.validate_as_player(token).await,
            ValidateAs::Account(credentials) => return self.validate_as_account(token, credentials).await,
        };
        match answer {
            Err(error) if is_absent(&error) => {
                tracing::warn!(
                    ?validate_as,
                    "Twilio does not have this endpoint for Flex tokens; calling the other one"
                );
                match validate_as {
                    ValidateAs::Flex => self.validate_as_player(token).await,
                    _ => self.token_info(token).await,
                }
            }
            answer => answer,
        }
    }

    async fn token_info(&self, token: &FlexToken) -> Result<Listener, TokenError> {
        let account = self.account.as_str();
        let url = join(&self.endpoints.flex, &["v1", "Accounts", account, "Tokens", "Info"]);
        let token = token.secret();
        let response = send_request(
            self.http
                .post(url)
                .basic_auth("token", Some(token))
                .form(&[("Token", token)]),
        )
        .await?;
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(TokenError::Invalid),
            status @ StatusCode::BAD_REQUEST => Err(match body::<Problem>(response).await {
                Some(problem) if TOKEN_CODES.contains(&problem.code) => TokenError::Invalid,
                _ => status_error(status),
            }),
            _ => body_of(response)
                .await
                .and_then(|info: Info| info.listener(&self.account, now_ms())),
        }
    }

    async fn validate_as_player(&self, token: &FlexToken) -> Result<Listener, TokenError> {
        let response = send_request(self.validation(token).basic_auth("token", Some(token.secret()))).await?;
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(TokenError::Invalid),
            _ => self.verdict(response).await,
        }
    }

    async fn validate_as_account(&self, token: &FlexToken, credentials: &Credentials) -> Result<Listener, TokenError> {
        let response = send_request(authorize(self.validation(token), credentials)).await?;
        match response.status() {
            // The account's credential was refused, unless the body says that the token is invalid.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(verdict_or(response, ApiError::Unauthorized).await),
            _ => self.verdict(response).await,
        }
    }

    fn validation(&self, token: &FlexToken) -> RequestBuilder {
        let account = self.account.as_str();
        let url = join(&self.endpoints.iam, &["v1", "Accounts", account, "Tokens", "validate"]);
        self.http
            .post(url)
            .header(header::CACHE_CONTROL, "no-cache")
            .json(&json!({ "token": token.secret() }))
    }

    /// Reads an answer of the older endpoint. `"valid": false` means that the token isn't valid, under any status.
    async fn verdict(&self, response: Response) -> Result<Listener, TokenError> {
        match response.status() {
            // A wrong account or a missing endpoint says nothing about the token.
            status @ (StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND) => {
                let status = status.as_u16();
                Err(verdict_or(response, ApiError::Status { status }).await)
            }
            _ => body_of(response)
                .await
                .and_then(|verdict: Verdict| verdict.listener(&self.account, now_ms())),
        }
    }
}

async fn send_request(request: RequestBuilder) -> Result<Response, ApiError> {
    send(request.timeout(CALL_TIMEOUT)).await
}

/// Whether the status says that the endpoint doesn't exist.
const fn is_absent(error: &TokenError) -> bool {
    matches!(
        error,
        TokenError::Unavailable(ApiError::NotFound | ApiError::Status { status: 404 | 405 })
    )
}

/// Reads an answer that isn't a success. It may say that the token isn't valid. Otherwise, `error` is returned.
async fn verdict_or(response: Response, error: ApiError) -> TokenError {
    match body::<Verdict>(response).await {
        Some(verdict) if !verdict.valid => TokenError::Invalid,
        _ => error.into(),
    }
}

/// The body of a success.
async fn body_of<T: DeserializeOwned>(response: Response) -> Result<T, TokenError> {
    Ok(json(checked(response).await?).await?)
}

async fn body<T: DeserializeOwned>(response: Response) -> Option<T> {
    json(response).await.ok()
}

const fn status_error(status: StatusCode) -> TokenError {
    TokenError::Unavailable(ApiError::Status {
        status: status.as_u16(),
    })
}

/// The body of a refusal.
#[derive(Deserialize)]
struct Problem {
    code: u32,
}
