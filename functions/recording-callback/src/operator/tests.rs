mod backfill;
mod catalog;
mod erase;
mod find;
mod index;
mod link;
mod reconcile;
mod resume;
mod script;
mod sweep;
mod twilio;
mod verify;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use ::twilio::client::Credentials;
use serde_json::{Value, json, value::RawValue};
use service::secrets::{Secret, Secrets};

use self::twilio::Twilio;
use super::*;
use crate::{
    config::DeletionConfig,
    invocation::Invocation,
    testing::{emulated::Emulated, loopback::Loopback},
};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:operator";

/// An operator whose AWS is emulated, with a Twilio of its own.
struct World {
    aws: Emulated,
    twilio: Twilio,
    operator: Operator,
    queue_url: String,
}

impl World {
    async fn start(twilio: Twilio) -> Self {
        Self::with(twilio, None).await
    }

    /// A world in which originals are deleted, even without a link.
    async fn deleting_unlinked(twilio: Twilio) -> Self {
        Self::with(twilio, Some(Duration::from_secs(7_200))).await
    }

    async fn with(twilio: Twilio, delete_after: Option<Duration>) -> Self {
        let aws = Emulated::start().await;
        let queue = aws.sqs().create_queue().queue_name(&aws.name).send().await.unwrap();
        let queue_url = queue.queue_url.unwrap();
        let account = TwilioAccount::new(
            twilio.client(),
            Secret::new(
                &Secrets::new(&twilio.server.aws()),
                "api-key".to_owned(),
                Credentials::parse_api_key,
            ),
        );
        let config = OperatorConfig {
            vault: aws.reader_config(),
            copies_queue_url: queue_url.clone(),
            links: None,
            schedules: aws.schedules(),
            deletion: delete_after.map(|after| DeletionConfig {
                after,
                unlinked: true,
                schedules: aws.schedules(),
                copies_queue_arn: "arn:aws:sqs:us-east-1:000000000000:copies".to_owned(),
                dead_letters_arn: "arn:aws:sqs:us-east-1:000000000000:dead-letters".to_owned(),
                bucket: aws.name.clone(),
            }),
        };
        Self {
            operator: Operator::new(&aws.config, account, config),
            aws,
            twilio,
            queue_url,
        }
    }

    /// Invokes with all the time that Lambda gives.
    async fn invoke(&self, event: Value) -> Result<Value, OperatorError> {
        self.invoke_for(Duration::from_secs(15 * 60), event).await
    }

    /// Invokes with time for one piece of work.
    async fn invoke_briefly(&self, event: Value) -> Result<Value, OperatorError> {
        self.invoke_for(FINISHING + PIECE, event).await
    }

    async fn invoke_for(&self, time: Duration, event: Value) -> Result<Value, OperatorError> {
        self.invoke_as(FUNCTION, time, event).await
    }

    async fn invoke_as(&self, function_arn: &str, time: Duration, event: Value) -> Result<Value, OperatorError> {
        static INVOCATIONS: AtomicU32 = AtomicU32::new(0);
        let request_id = format!("request-{}", INVOCATIONS.fetch_add(1, Ordering::Relaxed));
        let event = RawValue::from_string(event.to_string()).unwrap();
        let Ok(Invocation::Command(command)) = Invocation::parse(&event) else {
            panic!("not a command");
        };
        let invoked = Invoked {
            function_arn,
            request_id: &request_id,
            deadline: Instant::now() + time,
        };
        self.operator.run(command, invoked).await
    }

    /// The queued messages, by RecordingSid.
    async fn queued(&self) -> Vec<Value> {
        let mut messages: Vec<Value> = Vec::new();
        loop {
            let receive = self.aws.sqs().receive_message().queue_url(&self.queue_url);
            let received = receive.max_number_of_messages(10).send().await.unwrap();
            let bodies = received.messages().iter().map(|message| message.body().unwrap());
            let before = messages.len();
            messages.extend(bodies.map(|body| serde_json::from_str::<Value>(body).unwrap()));
            if messages.len() == before {
                break;
            }
        }
        messages.sort_by_key(|message| message["recordingSid"].to_string());
        messages
    }

    /// The names of the schedules, in order.
    async fn scheduled(&self) -> Vec<String> {
        let listed = self.aws.scheduler().list_schedules().group_name(&self.aws.name);
        let listed = listed.send().await.unwrap();
        let mut names: Vec<_> = listed
            .schedules()
            .iter()
            .map(|schedule| schedule.name().unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    /// Removes the schedule, as when it runs. Returns its target's ARN and the event.
    async fn fire(&self, name: &str) -> (String, Value) {
        let get = self
            .aws
            .scheduler()
            .get_schedule()
            .group_name(&self.aws.name)
            .name(name);
        let schedule = get.send().await.unwrap();
        let delete = self.aws.scheduler().delete_schedule().group_name(&self.aws.name);
        delete.name(name).send().await.unwrap();
        let target = schedule.target().unwrap();
        (
            target.arn().to_owned(),
            serde_json::from_str(target.input().unwrap()).unwrap(),
        )
    }

    /// The cursor of an operation.
    async fn state(&self, operation: &str) -> Value {
        let key = format!("operations/{operation}.json");
        let object = self.aws.s3().get_object().bucket(&self.aws.name).key(key);
        let body = object.send().await.unwrap().body.collect().await.unwrap();
        serde_json::from_slice(&body.to_vec()).unwrap()
    }

    /// Fires the schedules of an operation with this answer until it has ended.
    async fn see_through(&self, mut answer: Value) -> Result<Value, OperatorError> {
        while answer["status"] == "running" {
            let [name] = <[_; 1]>::try_from(self.scheduled().await).unwrap();
            let (_, event) = self.fire(&name).await;
            answer = self.invoke(event).await?;
        }
        Ok(answer)
    }

    /// Writes the cursor of an operation as an older version or a killed invocation has left it.
    async fn set_state(&self, operation: &str, state: &Value) {
        let key = format!("operations/{operation}.json");
        let put = self.aws.s3().put_object().bucket(&self.aws.name).key(key);
        put.body(state.to_string().into_bytes().into()).send().await.unwrap();
    }

    async fn receipt(&self, recording: &str) -> Value {
        let key = format!("receipts/{recording}.json");
        let object = self.aws.s3().get_object().bucket(&self.aws.name).key(key);
        let body = object.send().await.unwrap().body.collect().await.unwrap();
        serde_json::from_slice(&body.to_vec()).unwrap()
    }

    /// Replaces a receipt, which the bucket's policy would not allow.
    async fn set_receipt(&self, recording: &str, text: &str) {
        let key = format!("receipts/{recording}.json");
        let put = self.aws.s3().put_object().bucket(&self.aws.name).key(key);
        put.body(text.as_bytes().to_vec().into()).send().await.unwrap();
    }

    /// The number of objects under `recordings/`.
    async fn stored(&self) -> usize {
        self.keys("recordings/").await.len()
    }

    async fn keys(&self, prefix: &str) -> Vec<String> {
        let list = self.aws.s3().list_objects_v2().bucket(&self.aws.name);
        let listed = list.prefix(prefix).send().await.unwrap();
        let keys = listed.contents().iter().map(|object| object.key().unwrap().to_owned());
        keys.collect()
    }

    async fn mark_as_erased(&self, recording: &str) {
        let key = format!("erased/{recording}");
        let put = self.aws.s3().put_object().bucket(&self.aws.name).key(key);
        put.send().await.unwrap();
    }
}

fn sid(number: u32) -> String {
    format!("RE{number:032x}")
}
