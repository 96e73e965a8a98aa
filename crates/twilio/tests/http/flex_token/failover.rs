//! Only a missing endpoint leads to a call of the other one.

use loopback::absent;
use sid::AccountSid;
use twilio::client::Endpoints;

use super::*;

/// Two hosts of Twilio with one endpoint each.
struct Hosts {
    flex: Server,
    iam: Server,
}

impl Hosts {
    async fn new(flex: (u16, &str), iam: (u16, &str)) -> Self {
        Self {
            flex: Server::answering(flex.0, &[("location", "/")], flex.1).await,
            iam: Server::answering(iam.0, &[("location", "/")], iam.1).await,
        }
    }

    async fn validate(&self, validate_as: ValidateAs<'_>) -> Result<Listener, TokenError> {
        let endpoints = Endpoints {
            iam: self.iam.url.clone(),
            flex: self.flex.url.clone(),
            ..Endpoints::default()
        };
        let account = AccountSid::parse(&sid("AC", '0')).unwrap();
        let client = twilio::client::Client::new(account, endpoints).unwrap();
        client.validate_flex_token(&token(), validate_as).await
    }

    /// The number of requests to each host.
    fn calls(&self) -> (usize, usize) {
        (self.flex.requests().len(), self.iam.requests().len())
    }
}

/// With and without Twilio's own code, and as a proxy would answer.
const ABSENT: [(u16, &str); 4] = [
    (404, ""),
    (
        404,
        r#"{"code":20404,"message":"The requested resource was not found"}"#,
    ),
    (404, "<html>"),
    (405, r#"{"code":20004,"message":"Method not allowed"}"#),
];

#[tokio::test]
async fn an_endpoint_that_is_not_there_leads_to_the_other_with_the_same_credential() {
    let valid = valid().to_string();
    for absent in ABSENT {
        let hosts = Hosts::new(absent, (200, &valid)).await;
        hosts.validate(ValidateAs::Flex).await.unwrap();
        assert_eq!(hosts.calls(), (1, 1));
        assert_eq!(
            hosts.iam.only_request().header("authorization"),
            Some(&*own_authorization())
        );
        assert_eq!(
            hosts.iam.only_request().target,
            format!("/v1/Accounts/{}/Tokens/validate", sid("AC", '0'))
        );

        let hosts = Hosts::new((200, &valid), absent).await;
        hosts.validate(ValidateAs::Player).await.unwrap();
        assert_eq!(hosts.calls(), (1, 1));
        assert_eq!(
            hosts.flex.only_request().header("authorization"),
            Some(&*own_authorization())
        );
        assert_eq!(
            hosts.flex.only_request().target,
            format!("/v1/Accounts/{}/Tokens/Info", sid("AC", '0'))
        );
    }
}

#[tokio::test]
async fn the_answer_of_the_other_endpoint_decides() {
    let refused = json!({"valid": false}).to_string();
    for (status, body, is_invalid) in [
        (401, "", true),
        (200, &*refused, true),
        (500, "", false),
        (404, "", false),
    ] {
        let hosts = Hosts::new((404, ""), (status, body)).await;
        let error = hosts.validate(ValidateAs::Flex).await.unwrap_err();
        assert_eq!(matches!(error, TokenError::Invalid), is_invalid, "{status}: {error}");
        assert_eq!(hosts.calls(), (1, 1), "{status}");
        let hosts = Hosts::new((status, body), (404, "")).await;
        let error = hosts.validate(ValidateAs::Player).await.unwrap_err();
        assert_eq!(matches!(error, TokenError::Invalid), is_invalid, "{status}: {error}");
        assert_eq!(hosts.calls(), (1, 1), "{status}");
    }
}

#[tokio::test]
async fn no_other_answer_leads_to_a_second_request() {
    let valid = valid().to_string();
    for status in [204, 302, 307, 400, 401, 403, 408, 410, 429, 500, 501, 502, 503, 504] {
        let hosts = Hosts::new((status, ""), (200, &valid)).await;
        hosts.validate(ValidateAs::Flex).await.unwrap_err();
        assert_eq!(hosts.calls(), (1, 0), "{status}");
        let hosts = Hosts::new((200, &valid), (status, "")).await;
        hosts.validate(ValidateAs::Player).await.unwrap_err();
        assert_eq!(hosts.calls(), (0, 1), "{status}");
    }
    // The older endpoint has answered about the token, under any status.
    let hosts = Hosts::new((200, &valid), (404, r#"{"valid":false}"#)).await;
    hosts.validate(ValidateAs::Player).await.unwrap_err();
    assert_eq!(hosts.calls(), (0, 1));
}

/// The newer endpoint always has the token as the credential, so a call of it would use another credential.
#[tokio::test]
async fn the_accounts_credential_is_never_taken_elsewhere() {
    let valid = valid().to_string();
    for absent in ABSENT {
        for credentials in [auth_token(), api_key()] {
            let hosts = Hosts::new((200, &valid), absent).await;
            let error = hosts.validate(ValidateAs::Account(&credentials)).await.unwrap_err();
            assert!(matches!(error, TokenError::Unavailable(_)), "{error}");
            assert_eq!(hosts.calls(), (0, 1));
        }
    }
}

#[tokio::test]
async fn no_answer_leads_nowhere() {
    let twilio = Server::answering(200, &[], &valid().to_string()).await;
    let endpoints = |flex: &Url, iam: &Url| Endpoints {
        iam: iam.clone(),
        flex: flex.clone(),
        ..Endpoints::default()
    };
    let absent = absent().await;
    for (endpoints, validate_as) in [
        (endpoints(&absent, &twilio.url), ValidateAs::Flex),
        (endpoints(&twilio.url, &absent), ValidateAs::Player),
    ] {
        let account = AccountSid::parse(&sid("AC", '0')).unwrap();
        let client = twilio::client::Client::new(account, endpoints).unwrap();
        let error = client.validate_flex_token(&token(), validate_as).await.unwrap_err();
        assert!(
            matches!(error, TokenError::Unavailable(ApiError::Transport(_))),
            "{error}"
        );
    }
    assert!(twilio.requests().is_empty());
}
