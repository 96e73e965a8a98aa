//! Twilio's word on Flex tokens, and the credential that it's asked with.

use secrecy::{ExposeSecret, SecretString};
use twilio::{
    client::{ApiError, Client},
    flex_token::{FlexToken, Listener, TokenError, ValidateAs},
};

use crate::ports::{AuthTokenSource, CheckError, TokenCheck};

/// Asks Twilio whose a Flex token is: with the Player's own header, which needs no secret, or with the account's Auth
/// Token, for accounts that are refused the other form.
#[derive(Debug)]
pub struct TwilioTokens<A> {
    twilio: Client,
    auth_tokens: Option<A>,
}

impl<A: AuthTokenSource> TwilioTokens<A> {
    /// Asks with the Auth Token from `auth_tokens`, or as the Player where there's none.
    pub const fn new(twilio: Client, auth_tokens: Option<A>) -> Self {
        Self { twilio, auth_tokens }
    }

    async fn check_as_account(&self, token: &FlexToken, auth_tokens: &A) -> Result<Listener, CheckError> {
        let known = auth_tokens.current().await?.primary;
        let mut answer = self.ask(token, &known).await;
        if is_refused(&answer) {
            // The Auth Token may have been replaced since the secret was last read.
            let newest = auth_tokens.refreshed().await?.primary;
            if newest.expose_secret() != known.expose_secret() {
                answer = self.ask(token, &newest).await;
            }
        }
        if is_refused(&answer) {
            tracing::error!(
                "Twilio refuses the account's Auth Token, and no Flex token can be checked: put the current one as primary \
                 into the secret that TWILIO_AUTH_TOKEN_SECRET names"
            );
        }
        Ok(answer?)
    }

    async fn ask(&self, token: &FlexToken, auth_token: &SecretString) -> Result<Listener, TokenError> {
        let validate_as = ValidateAs::Account(auth_token);
        self.twilio.validate_flex_token(token, validate_as).await
    }
}

/// Whether it was the Auth Token that Twilio refused: nothing is known of the Flex token then.
const fn is_refused(answer: &Result<Listener, TokenError>) -> bool {
    matches!(answer, Err(TokenError::Unavailable(ApiError::Unauthorized)))
}

impl<A: AuthTokenSource> TokenCheck for TwilioTokens<A> {
    async fn check(&self, token: &FlexToken) -> Result<Listener, CheckError> {
        match &self.auth_tokens {
            Some(auth_tokens) => self.check_as_account(token, auth_tokens).await,
            None => Ok(self.twilio.validate_flex_token(token, ValidateAs::Player).await?),
        }
    }
}
