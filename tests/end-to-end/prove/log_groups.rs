//! CloudWatch Logs of the local stack: Lambda's part, which is to write the functions' lines into their log groups.

use std::{collections::BTreeMap, time::Duration};

use local_stack::{Role, values};
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::support::{OwnStack, now_ms};

/// All instances of a function write to one file, and so to one stream.
const STREAM: &str = "all-instances";

/// The most events of one request (`PutLogEvents`, CloudWatch Logs API Reference).
const MAX_EVENTS: usize = 10_000;

/// The log groups of some functions.
pub(super) struct LogGroups<'a> {
    stack: &'a OwnStack,
    roles: &'a [Role],
    http: Client,
}

impl<'a> LogGroups<'a> {
    /// Creates a group for each role, under the role's name.
    pub(super) async fn create(stack: &'a OwnStack, roles: &'a [Role]) -> Self {
        let groups = Self {
            stack,
            roles,
            http: Client::new(),
        };
        for role in roles {
            let group = json!({ "logGroupName": role.name() });
            groups.call("CreateLogGroup", &group).await;
            let stream = json!({ "logGroupName": role.name(), "logStreamName": STREAM });
            groups.call("CreateLogStream", &stream).await;
        }
        groups
    }

    /// Writes every line into its group, soon after the function has written it. It has no end.
    pub(super) async fn keep_up_to_date(&self) {
        let mut written = BTreeMap::new();
        loop {
            for role in self.roles {
                let log = self.stack.log(*role).unwrap();
                let from = written.entry(role.name()).or_insert(0);
                // The last line may be incomplete.
                let until = log.rfind('\n').map_or(*from, |end| end + 1);
                let lines: Vec<_> = log[*from..until].lines().collect();
                for lines in lines.chunks(MAX_EVENTS) {
                    self.write(*role, lines).await;
                }
                *from = until;
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    async fn write(&self, role: Role, lines: &[&str]) {
        let now = now_ms();
        let events: Vec<_> = lines
            .iter()
            .map(|line| json!({ "timestamp": now, "message": line }))
            .collect();
        let events = json!({ "logGroupName": role.name(), "logStreamName": STREAM, "logEvents": events });
        self.call("PutLogEvents", &events).await;
    }

    /// The emulator finds the service by the credential's scope and checks no signature.
    async fn call(&self, operation: &str, request: &Value) {
        let scope = format!(
            "{}/20261129/{}/logs/aws4_request",
            values::ACCESS_KEY_ID,
            values::REGION
        );
        let answer = self
            .http
            .post(self.stack.aws_endpoint())
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("Logs_20140328.{operation}"))
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
            )
            .body(request.to_string())
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{operation}: {}", answer.status());
    }
}
