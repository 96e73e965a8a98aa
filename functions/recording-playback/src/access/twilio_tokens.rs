//! Validates Flex tokens at Twilio, with the credential that the configuration selects.

use std::fmt;

use futures_util::future::BoxFuture;
use secrecy::ExposeSecret;
use service::secrets::{Secret, SecretError, SecretSource, retry_refused};
use sid::AccountSid;
use twilio::{
    auth_tokens::AuthTokens,
    client::{ApiError, Client, Credentials},
    flex_token::{FlexToken, Listener, TokenError, ValidateAs},
};

use crate::ports::{CheckError, TokenCheck};

/// Has Twilio validate Flex tokens.
#[derive(Debug)]
pub struct TwilioTokens {
    twilio: Client,
    method: ValidationMethod,
}

/// The endpoint and the credential of a validation.
pub enum ValidationMethod {
    /// The token itself, at the endpoint that Flex UI uses. It needs no secret.
    Flex,
    /// The token itself, at the older endpoint.
    Player,
    /// A credential of the account, at the older endpoint.
    Account(CredentialKind, Box<dyn SecretSource<Credentials>>),
}

/// A kind of credential of the account.
#[derive(Clone, Copy, Debug)]
pub enum CredentialKind {
    /// The Auth Token.
    AuthToken,
    /// An API key.
    ApiKey,
}

impl TwilioTokens {
    /// Validates tokens at `twilio` with the credential of `method`.
    #[must_use]
    pub const fn new(twilio: Client, method: ValidationMethod) -> Self {
        Self { twilio, method }
    }

    async fn check_as_account(
        &self,
        token: &FlexToken,
        kind: CredentialKind,
        source: &dyn SecretSource<Credentials>,
    ) -> Result<Listener, CheckError> {
        let mut tried: Option<Credentials> = None;
        let validate_with = |credential: Credentials| {
            // Twilio has refused this one already.
            let is_refused = tried.as_ref().is_some_and(|tried| is_same(tried, &credential));
            tried = Some(credential.clone());
            async move {
                if is_refused {
                    return Err(ApiError::Unauthorized.into());
                }
                self.validate(token, ValidateAs::Account(&credential)).await
            }
        };
        let answer = retry_refused(source, is_refused, validate_with).await?;
        if answer.as_ref().is_err_and(is_refused) {
            let (name, setting) = kind.names();
            tracing::error!(
                "Twilio refuses the account's {name}, and no Flex token can be checked: put the current one into the secret \
                 that {setting} names"
            );
        }
        Ok(answer?)
    }

    async fn validate(&self, token: &FlexToken, validate_as: ValidateAs<'_>) -> Result<Listener, TokenError> {
        self.twilio.validate_flex_token(token, validate_as).await
    }
}

/// Whether Twilio refused the account's credential. Such an answer does not mean that the Flex token is invalid.
const fn is_refused(error: &TokenError) -> bool {
    matches!(error, TokenError::Unavailable(ApiError::Unauthorized))
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

impl TokenCheck for TwilioTokens {
    async fn check(&self, token: &FlexToken) -> Result<Listener, CheckError> {
        match &self.method {
            ValidationMethod::Flex => Ok(self.validate(token, ValidateAs::Flex).await?),
            ValidationMethod::Player => Ok(self.validate(token, ValidateAs::Player).await?),
            ValidationMethod::Account(kind, source) => self.check_as_account(token, *kind, &**source).await,
        }
    }
}

/// The secret is not shown.
impl fmt::Debug for ValidationMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flex => f.write_str("Flex"),
            Self::Player => f.write_str("Player"),
            Self::Account(kind, _) => f.debug_tuple("Account").field(kind).finish(),
        }
    }
}

/// The account's SID and its primary Auth Token, as a credential.
#[derive(Debug)]
pub struct AccountAuthToken {
    account: AccountSid,
    secret: Secret<AuthTokens>,
}

impl AccountAuthToken {
    /// The credential of `account` with the Auth Token in `secret`.
    #[must_use]
    pub const fn new(account: AccountSid, secret: Secret<AuthTokens>) -> Self {
        Self { account, secret }
    }

    fn as_credentials(&self, tokens: AuthTokens) -> Credentials {
        Credentials {
            user: self.account.as_str().to_owned(),
            password: tokens.primary,
        }
    }
}

impl SecretSource<Credentials> for AccountAuthToken {
    fn current(&self) -> BoxFuture<'_, Result<Credentials, SecretError>> {
        Box::pin(async { Ok(self.as_credentials(self.secret.current().await?)) })
    }

    fn refreshed(&self) -> BoxFuture<'_, Result<Credentials, SecretError>> {
        Box::pin(async { Ok(self.as_credentials(self.secret.refreshed().await?)) })
    }
}
