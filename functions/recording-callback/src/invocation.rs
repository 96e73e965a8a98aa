//! The function's events, recognized by their shapes, and its answers.

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    sqs::{SqsBatchResponse, SqsEvent},
};
use lambda_runtime::Diagnostic;
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use service::http_event::{self, Malformed};

use crate::operator::{Command, CommandError, OperatorError};

/// One event.
#[derive(Debug)]
pub(crate) enum Invocation {
    /// A request to the HTTP API (payload format 2.0). A malformed request gets an answer too.
    Http(Result<Box<ApiGatewayV2httpRequest>, Malformed>),
    /// Messages from a queue of jobs.
    Messages(SqsEvent),
    /// A command of an operator.
    Command(Command),
}

/// The answer, in the shape that the event's source requires.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Reply {
    Http(Box<ApiGatewayV2httpResponse>),
    Messages(SqsBatchResponse),
    Command(Value),
}

/// Why an event is not accepted. The text never repeats the event.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvocationError {
    #[error(
        "unknown event: expected an HTTP API request (payload format 2.0, with requestContext.http), \
         SQS messages (Records, each with eventSource aws:sqs), \
         or an operator's command (backfill, reconcile, arrivals, sweep, catalog, erase, link or verify)"
    )]
    UnknownShape,
    #[error("the {0} is malformed")]
    Malformed(&'static str),
    #[error("this role does not accept {0}")]
    OtherRole(&'static str),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    Operator(#[from] OperatorError),
}

/// The error as the invoker gets it. The type's name must not change with this crate's modules.
impl From<InvocationError> for Diagnostic {
    fn from(error: InvocationError) -> Self {
        Self {
            error_type: "InvocationError".to_owned(),
            error_message: error.to_string(),
        }
    }
}

impl Invocation {
    pub(crate) fn parse(event: &RawValue) -> Result<Self, InvocationError> {
        if http_event::is_http(event) {
            return Ok(Self::Http(http_event::parse(event).map(Box::new)));
        }
        // The event is nested too deeply, or holds half of a surrogate pair.
        let event = serde_json::from_str(event.get()).map_err(|_| InvocationError::Malformed("event"))?;
        if is_from_sqs(&event) {
            serde_json::from_value(event)
                .map(Self::Messages)
                .map_err(|_| InvocationError::Malformed("batch of SQS messages"))
        } else if let Some(command) = Command::parse(&event) {
            Ok(Self::Command(command?))
        } else {
            Err(InvocationError::UnknownShape)
        }
    }
}

fn is_from_sqs(event: &Value) -> bool {
    event
        .get("Records")
        .and_then(Value::as_array)
        .is_some_and(|records| !records.is_empty() && records.iter().all(|record| record["eventSource"] == "aws:sqs"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(event: &Value) -> Result<Invocation, InvocationError> {
        Invocation::parse(&serde_json::from_str::<Box<RawValue>>(&event.to_string()).unwrap())
    }

    #[test]
    fn http_api_requests_are_recognized_by_their_context() {
        let event = json!({"version": "2.0", "requestContext": {"http": {"method": "GET", "path": "/"}}});
        assert!(matches!(parse(&event), Ok(Invocation::Http(Ok(_)))));
    }

    #[test]
    fn a_malformed_request_is_a_request_all_the_same() {
        for event in [
            json!({"requestContext": {"http": {"method": "G ET"}}}),
            json!({"requestContext": {"http": {"method": "GET"}}, "headers": {"x-twilio-signature": 1}}),
        ] {
            assert!(matches!(parse(&event), Ok(Invocation::Http(Err(Malformed)))), "{event}");
        }
    }

    #[test]
    fn sqs_messages_are_recognized_by_their_source() {
        let event = json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": "{}"}]});
        assert!(matches!(parse(&event), Ok(Invocation::Messages(_))));
    }

    #[test]
    fn commands_are_recognized_by_their_name() {
        let event = json!({"verify": {"all": true}});
        assert!(matches!(parse(&event), Ok(Invocation::Command(_))));
        let event = json!({"verify": {"all": "canary"}});
        assert!(matches!(parse(&event), Err(InvocationError::Command(_))));
    }

    #[test]
    fn anything_else_is_refused_with_what_was_expected() {
        for event in [
            json!(null),
            json!([]),
            json!("text"),
            json!({}),
            json!({"Records": []}),
            json!({"Records": "aws:sqs"}),
            json!({"Records": [{"eventSource": "aws:s3"}]}),
            json!({"Records": [{"eventSource": "aws:sqs"}, {"eventSource": "aws:sns"}]}),
            json!({"requestContext": {"elb": {}}}),
            json!({"resource": "/", "httpMethod": "POST", "requestContext": {"resourcePath": "/"}}),
        ] {
            let error = parse(&event).unwrap_err().to_string();
            assert!(
                error.contains("requestContext.http") && error.contains("aws:sqs"),
                "{event}"
            );
        }
    }

    #[test]
    fn a_malformed_event_is_named_and_not_repeated() {
        let event = json!({"Records": [{"eventSource": "aws:sqs", "messageId": {"+15550100": "canary"}}]});
        assert_eq!(
            parse(&event).unwrap_err().to_string(),
            "the batch of SQS messages is malformed"
        );
        let deep = format!(r#"{{"verify":{}{}}}"#, "[".repeat(1000), "]".repeat(1000));
        for event in [r#"{"verify":"\ud83d"}"#, &deep] {
            let event: Box<RawValue> = serde_json::from_str(event).unwrap();
            let error = Invocation::parse(&event).unwrap_err();
            assert_eq!(error.to_string(), "the event is malformed");
        }
    }
}
