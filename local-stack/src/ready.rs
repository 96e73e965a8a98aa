//! The description of the stack for a program that uses it.

use serde_json::{Value, json};

use crate::{Stack, values};

impl Stack {
    /// All addresses and credentials: the line that `cargo demo --serve --json` prints. docs/REFERENCE.md documents
    /// its fields, and their names never change.
    #[must_use]
    pub fn ready(&self) -> Value {
        let aws = self.aws_endpoint();
        json!({
            "callback_url": self.callback_url(),
            "public_callback_url": self.public_callback_url(),
            "playback_url": self.playback_url(),
            "page_url": self.page_url(),
            "s3_endpoint": aws,
            "kms_endpoint": aws,
            "sqs_endpoint": aws,
            "lambda_endpoint": self.lambda_endpoint(),
            "bucket": values::BUCKET,
            "kms_key_arn": self.resources().kms_key_arn,
            "region": values::REGION,
            "access_key_id": values::ACCESS_KEY_ID,
            "secret_access_key": values::SECRET_ACCESS_KEY,
            "recordings_dir": self.recordings_dir(),
            "twilio": {
                "api_base": self.twilio().api_base(),
                "control_base": self.twilio().control_base(),
                "account_sid": values::ACCOUNT_SID,
                "auth_token": values::AUTH_TOKEN,
                "shared_key_sid": values::SHARED_KEY_SID,
                "shared_key_secret": values::SHARED_KEY_SECRET,
                "api_key_sid": values::API_KEY_SID,
                "api_key_secret": values::API_KEY_SECRET,
                "workspace_sid": values::WORKSPACE_SID,
                "flex_token": values::FLEX_TOKEN,
            },
        })
    }
}
