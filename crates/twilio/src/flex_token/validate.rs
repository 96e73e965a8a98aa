//! The question to Twilio, at the two endpoints that answer it.
//!
//! - `POST {flex-api}/v1/Accounts/{AC}/Tokens/Info`, form field `Token`, with the token as its own credential. Flex UI 2.17
//!   asks here (`flexUser.service` of `@twilio/flex-sdk` 3.0.0).
//! - `POST {iam}/v1/Accounts/{AC}/Tokens/validate`, JSON `{"token": …}`. Source: Twilio, *Play back recordings from custom
//!   storage* (`twilio.com/docs/flex/developer/insights/playback-recordings-custom-storage`) and
//!   `twilio-flex-token-validator`.
//!
//! Neither is in Twilio's OpenAPI description: what isn't known is refused.

use http::{StatusCode, header};
use reqwest::{RequestBuilder, Response};
use secrecy::ExposeSecret;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use super::{
    FlexToken, Listener, TokenError,
    verdict::{Info, Verdict, now_ms},
};
use crate::client::{ApiError, CALL_TIMEOUT, Client, Credentials, authorize, checked, join, json, send};

/// Where Twilio is asked whether a token is valid, and whose credential vouches for the question.
#[derive(Clone, Copy, Debug)]
pub enum ValidateAs<'a> {
    /// The endpoint that Flex UI asks, with the token as its own credential.
    Flex,
    /// The older endpoint with the token as its own credential, as Twilio's sample for the Player has it.
    Player,
    /// The older endpoint with a credential of the account's: its SID and Auth Token, as `twilio-flex-token-validator` has
    /// it, or an API key.
    Account(&'a Credentials),
}

/// Twilio's codes for a wrong and for an expired token, which Flex UI 2.17 goes by.
const TOKEN_CODES: [u32; 2] = [20003, 20104];

impl Client {
    /// Whose the token is, if Twilio says that it is valid.
    ///
    /// An endpoint that isn't there (404 or 405) says nothing about the token. The other endpoint is asked then, where the
    /// token is the credential for both. No other answer, and no missing answer, leads to a second question.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] where Twilio says that the token isn't valid, that it has expired, or that it is another
    /// account's. [`TokenError::Unavailable`] for anything else but a full answer; it holds [`ApiError::Unauthorized`] where
    /// Twilio refused the account's credential.
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
                    "Twilio has no such endpoint for Flex tokens: the other one is asked"
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
        let token = token.0.expose_secret();
        let response = ask(self
            .http
            .post(url)
            .basic_auth("token", Some(token))
            .form(&[("Token", token)]))
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
        let response = ask(self
            .validation(token)
            .basic_auth("token", Some(token.0.expose_secret())))
        .await?;
        match response.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(TokenError::Invalid),
            _ => self.verdict(response).await,
        }
    }

    async fn validate_as_account(&self, token: &FlexToken, credentials: &Credentials) -> Result<Listener, TokenError> {
        let response = ask(authorize(self.validation(token), credentials)).await?;
        match response.status() {
            // It was the account's credential that was refused, unless the body says more.
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
            .json(&json!({ "token": token.0.expose_secret() }))
    }

    /// `valid: false` says that the token isn't valid, whatever the status.
    async fn verdict(&self, response: Response) -> Result<Listener, TokenError> {
        match response.status() {
            // A wrong account or endpoint says nothing about the token.
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

async fn ask(request: RequestBuilder) -> Result<Response, ApiError> {
    send(request.timeout(CALL_TIMEOUT)).await
}

/// Whether the endpoint isn't there, as far as the status says.
const fn is_absent(error: &TokenError) -> bool {
    matches!(
        error,
        TokenError::Unavailable(ApiError::NotFound | ApiError::Status { status: 404 | 405 })
    )
}

/// What an answer that isn't a success says: that the token isn't valid, or nothing about it but this error.
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

/// A refusal of Twilio's.
#[derive(Deserialize)]
struct Problem {
    code: u32,
}
