//! A deployed stack whose functions run on this machine, one invocation at a time, with their deployed environments.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use local_stack::{Binaries, Role, values};
use serde_json::{Value, json};
use toolbox::{Scratch, workspace_root};
use twilio_double::{Operation, TwilioDouble};

use super::kms::Kms;
use crate::{
    account::{Account, STACK},
    function::{Ended, invoke},
    start::Environment,
};

/// The time that an invocation has. Only the operator stops before its work is done, if it has less.
pub(crate) const ENOUGH: Duration = Duration::from_secs(900);

/// The stack with its double of Twilio.
pub(crate) struct Service<'a> {
    account: &'a Account,
    binaries: &'a Binaries,
    pub(crate) twilio: TwilioDouble,
    recordings: Scratch,
    pub(crate) kms: Kms,
    environments: BTreeMap<String, Environment>,
    /// Physical ids of the stack's resources.
    ids: Value,
}

/// The answer to a request for the playback function.
pub(crate) struct Answer {
    pub(crate) status: u64,
    pub(crate) body: Vec<u8>,
}

impl<'a> Service<'a> {
    /// The stack as it is deployed now, with the secrets of [`values`]. `wrapped` are data keys of another account.
    pub(crate) async fn start(account: &'a Account, binaries: &'a Binaries, wrapped: Vec<Value>) -> Self {
        let recordings = Scratch::new().unwrap();
        let mut service = Self {
            account,
            binaries,
            twilio: TwilioDouble::start(values::twilio_options(recordings.path()))
                .await
                .unwrap(),
            kms: Kms::start(account.endpoint(), wrapped).await,
            recordings,
            environments: BTreeMap::new(),
            ids: Value::Null,
        };
        service.redeployed();
        service.set_secrets();
        service
    }

    fn set_secrets(&self) {
        let key = values::LINK_KEY_ID;
        for (secret, value) in [
            ("AuthTokenSecret", json!({"primary": values::AUTH_TOKEN})),
            (
                "ApiKeySecret",
                json!({"sid": values::API_KEY_SID, "secret": values::API_KEY_SECRET}),
            ),
            ("LinkKeysSecret", json!({"current": key, key: values::LINK_KEY})),
        ] {
            self.aws(&["secret", STACK, secret, &value.to_string()]);
        }
    }

    /// Uses the environments of a new deployment.
    pub(crate) fn redeployed(&mut self) {
        self.environments = self.account.environments();
        self.ids = self.aws(&["resources", STACK]);
        self.aws(&["stop_polling", STACK]);
    }

    /// Runs an operation of `aws.py`.
    pub(crate) fn aws(&self, arguments: &[&str]) -> Value {
        self.account.run(include_str!("aws.py"), arguments)
    }

    /// A variable of a function.
    pub(crate) fn variable(&self, function: &str, name: &str) -> &str {
        &self.environments[function][name]
    }

    /// Puts a file into Twilio's recordings.
    pub(crate) fn keep_at_twilio(&self, file: &str, content: &[u8]) {
        let path = self.recordings.path().join(file);
        fs::write(&path, content).unwrap();
        // Noon on 10 May 2026, so that a backfill can name the day.
        let made = UNIX_EPOCH + Duration::from_secs(1_778_414_400);
        fs::File::options()
            .write(true)
            .open(path)
            .unwrap()
            .set_modified(made)
            .unwrap();
    }

    /// Whether the recording was deleted at Twilio.
    pub(crate) fn is_deleted(&self, recording: &str) -> bool {
        let deletions = self.twilio.calls().into_iter();
        deletions
            .filter(|call| call.operation == Some(Operation::RecordingDelete) && call.status == Some(204))
            .any(|call| call.path.contains(recording))
    }

    /// Runs a function. `settings` replace deployed ones.
    pub(crate) async fn run(&self, function: &str, event: &Value, left: Duration, settings: &[(&str, &str)]) -> Ended {
        let mut environment = self.environments[function].clone();
        let twilio = self.twilio.api_base();
        for (name, value) in [
            ("AWS_ENDPOINT_URL", self.account.endpoint()),
            ("AWS_ENDPOINT_URL_KMS", &self.kms.endpoint),
            ("TWILIO_API_BASE", &twilio),
            ("TWILIO_TASKROUTER_BASE", &twilio),
            ("TWILIO_FLEX_API_BASE", &twilio),
            ("TWILIO_IAM_BASE", &twilio),
        ]
        .iter()
        .chain(settings)
        {
            environment.insert((*name).to_owned(), (*value).to_owned());
        }
        let role = deployment::FUNCTIONS
            .iter()
            .find(|(name, _)| *name == function)
            .unwrap()
            .1;
        let role = Role::ALL.into_iter().find(|known| known.name() == role).unwrap();
        let binary = self.binaries.of(role).unwrap();
        let name = self.ids[function].as_str().unwrap();
        let arn = format!("arn:aws:lambda:us-east-1:000000000000:function:{name}");
        invoke(&binary, &environment, &arn, event, left).await
    }

    /// Runs a function, and returns its response.
    pub(crate) async fn answer(&self, function: &str, event: &Value) -> Value {
        match self.run(function, event, ENOUGH, &[]).await {
            Ended::Response(response) => serde_json::from_slice(&response).unwrap(),
            Ended::Error(error) => panic!("{function}: {error}"),
        }
    }

    /// Delivers one message of a queue to a function, and deletes it if it is done. Returns the message's body, and
    /// whether it is done.
    pub(crate) async fn deliver(&self, queue: &str, function: &str) -> Option<(String, bool)> {
        let event = self.aws(&["event", STACK, queue]);
        let record = event["Records"].get(0)?;
        let answer = self.answer(function, &event).await;
        let is_done = answer["batchItemFailures"].as_array().unwrap().is_empty();
        if is_done {
            self.aws(&["done", STACK, queue, record["receiptHandle"].as_str().unwrap()]);
        }
        Some((record["body"].as_str().unwrap().to_owned(), is_done))
    }

    /// Delivers every message of a queue to a function, which must accept all. Returns their bodies.
    pub(crate) async fn deliver_all(&self, queue: &str, function: &str) -> Vec<String> {
        let mut bodies = Vec::new();
        while let Some((body, is_done)) = self.deliver(queue, function).await {
            assert!(is_done, "{function}: {body}");
            bodies.push(body);
        }
        bodies
    }

    /// Gives a function a message that is in no queue.
    pub(crate) async fn hand(&self, function: &str, body: &str, settings: &[(&str, &str)]) {
        let event = json!({"Records": [{
            "messageId": "handed", "receiptHandle": "none", "body": body, "attributes": {},
            "messageAttributes": {}, "eventSource": "aws:sqs",
        }]});
        let ended = self.run(function, &event, ENOUGH, settings).await;
        assert_eq!(
            ended,
            Ended::Response(br#"{"batchItemFailures":[]}"#.to_vec()),
            "{body}"
        );
    }

    /// Requests a link's path and query from the playback function, with a supervisor's token if it is for the Player.
    pub(crate) async fn get(&self, url: &str) -> Answer {
        let (path, query) = target(url);
        let mut event = sample("function-url-media-url.json");
        event["rawPath"] = json!(path);
        event["rawQueryString"] = json!(query);
        event["requestContext"]["http"]["path"] = json!(path);
        let credentials = STANDARD.encode(format!("token:{}", values::FLEX_TOKEN));
        event["headers"]["authorization"] = json!(format!("Basic {credentials}"));
        event.as_object_mut().unwrap().remove("queryStringParameters");
        match self.run("PlaybackFunction", &event, ENOUGH, &[]).await {
            Ended::Response(response) => Answer::parse(&response),
            Ended::Error(error) => panic!("{error}"),
        }
    }
}

impl Answer {
    /// The head of a streamed response is JSON, which eight NUL bytes end.
    fn parse(response: &[u8]) -> Self {
        let end = response.windows(8).position(|bytes| bytes == [0; 8]).unwrap();
        let head: Value = serde_json::from_slice(&response[..end]).unwrap();
        Self {
            status: head["statusCode"].as_u64().unwrap(),
            body: response[end + 8..].to_vec(),
        }
    }
}

/// A URL's path and query.
pub(crate) fn target(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("https://").unwrap();
    let path = &rest[rest.find('/').unwrap()..];
    path.split_once('?').unwrap_or((path, ""))
}

/// A sample event of `events/`.
pub(crate) fn sample(name: &str) -> Value {
    let path = workspace_root().join("events").join(Path::new(name));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}
