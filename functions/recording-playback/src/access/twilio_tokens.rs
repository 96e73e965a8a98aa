//! Twilio's word on Flex tokens, and the credential that it's asked with.

use secrecy::ExposeSecret;
use service::secrets::{Secret, SecretError};
use sid::AccountSid;
use twilio::{
    auth_tokens::AuthTokens,
    client::{ApiError, Client, Credentials},
    flex_token::{FlexToken, Listener, TokenError, ValidateAs},
};

use crate::ports::{CheckError, CredentialKind, CredentialSource, TokenCheck};

/// Asks Twilio whose a Flex token is.
#[derive(Debug)]
pub struct TwilioTokens<S> {
    twilio: Client,
    voucher: Voucher<S>,
}

/// Who vouches for the question.
#[derive(Debug)]
pub enum Voucher<S> {
    /// The token itself, at the endpoint that Flex UI asks: needs no secret.
    Flex,
    /// The token itself, at the older endpoint.
    Player,
    /// A credential of the account's, at the older endpoint.
    Account(S),
}

impl<S: CredentialSource> TwilioTokens<S> {
    /// Asks `twilio` with the credential of `voucher`.
    pub const fn new(twilio: Client, voucher: Voucher<S>) -> Self {
        Self { twilio, voucher }
    }

    async fn check_as_account(&self, token: &FlexToken, source: &S) -> Result<Listener, CheckError> {
        let known = source.current().await?;
        let mut answer = self.ask(token, ValidateAs::Account(&known)).await;
        if is_refused(&answer) {
            // The credential may have been replaced since the secret was last read.
            let newest = source.refreshed().await?;
            if !is_same(&newest, &known) {
                answer = self.ask(token, ValidateAs::Account(&newest)).await;
            }
        }
        if is_refused(&answer) {
            let (name, setting) = source.kind().names();
            tracing::error!(
                "Twilio refuses the account's {name}, and no Flex token can be checked: put the current one into the secret \
                 that {setting} names"
            );
        }
        Ok(answer?)
    }

    async fn ask(&self, token: &FlexToken, validate_as: ValidateAs<'_>) -> Result<Listener, TokenError> {
        self.twilio.validate_flex_token(token, validate_as).await
    }
}

/// Whether it was the account's credential that Twilio refused: nothing is known of the Flex token then.
const fn is_refused(answer: &Result<Listener, TokenError>) -> bool {
    matches!(answer, Err(TokenError::Unavailable(ApiError::Unauthorized)))
}

fn is_same(one: &Credentials, other: &Credentials) -> bool {
    one.user == other.user && one.password.expose_secret() == other.password.expose_secret()
}

impl CredentialKind {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::AuthToken => ("Auth Token", "TWILIO_AUTH_TOKEN_SECRET"),
            Self::ApiKey => ("API key", "TWILIO_API_KEY_SECRET"),
        }
    }
}

impl<S: CredentialSource> TokenCheck for TwilioTokens<S> {
    async fn check(&self, token: &FlexToken) -> Result<Listener, CheckError> {
        match &self.voucher {
            Voucher::Flex => Ok(self.ask(token, ValidateAs::Flex).await?),
            Voucher::Player => Ok(self.ask(token, ValidateAs::Player).await?),
            Voucher::Account(source) => self.check_as_account(token, source).await,
        }
    }
}

/// The secret that a credential of the account's is kept in.
#[derive(Debug)]
pub enum AccountSecret {
    /// The account's SID and its primary Auth Token.
    AuthToken(AccountSid, Secret<AuthTokens>),
    /// An API key's SID and secret.
    ApiKey(Secret<Credentials>),
}

impl CredentialSource for AccountSecret {
    fn kind(&self) -> CredentialKind {
        match self {
            Self::AuthToken(..) => CredentialKind::AuthToken,
            Self::ApiKey(_) => CredentialKind::ApiKey,
        }
    }

    async fn current(&self) -> Result<Credentials, SecretError> {
        match self {
            Self::AuthToken(account, secret) => Ok(as_credentials(account, secret.current().await?)),
            Self::ApiKey(secret) => secret.current().await,
        }
    }

    async fn refreshed(&self) -> Result<Credentials, SecretError> {
        match self {
            Self::AuthToken(account, secret) => Ok(as_credentials(account, secret.refreshed().await?)),
            Self::ApiKey(secret) => secret.refreshed().await,
        }
    }
}

fn as_credentials(account: &AccountSid, tokens: AuthTokens) -> Credentials {
    Credentials {
        user: account.as_str().to_owned(),
        password: tokens.primary,
    }
}
