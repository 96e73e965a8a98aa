//! The line that tells a program where everything is.

use local_stack::{Stack, values};
use serde_json::{Value, json};

/// Documented in the README; the names stay.
pub(crate) fn line(stack: &Stack) -> Value {
    let aws = stack.aws_endpoint();
    json!({
        "callback_url": stack.callback_url(),
        "public_callback_url": stack.public_callback_url(),
        "playback_url": stack.playback_url(),
        "s3_endpoint": aws,
        "kms_endpoint": aws,
        "sqs_endpoint": aws,
        "bucket": values::BUCKET,
        "kms_key_arn": stack.resources().kms_key_arn,
        "region": values::REGION,
        "access_key_id": values::ACCESS_KEY_ID,
        "secret_access_key": values::SECRET_ACCESS_KEY,
        "recordings_dir": stack.recordings_dir(),
        "twilio": {
            "api_base": stack.twilio().api_base(),
            "control_base": stack.twilio().control_base(),
            "account_sid": values::ACCOUNT_SID,
            "auth_token": values::AUTH_TOKEN,
            "api_key_sid": values::API_KEY_SID,
            "api_key_secret": values::API_KEY_SECRET,
            "workspace_sid": values::WORKSPACE_SID,
            "flex_token": values::FLEX_TOKEN,
        },
    })
}
