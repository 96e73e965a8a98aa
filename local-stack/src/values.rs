//! The names and credentials of the local stack. They are valid nowhere else.

use std::path::Path;

use twilio_double::{TwilioOptions, flex_token};

/// The region of all resources.
pub const REGION: &str = "us-east-1";

/// The emulated AWS account.
pub const AWS_ACCOUNT_ID: &str = "000000000000";

/// The access key id. The emulators accept any.
pub const ACCESS_KEY_ID: &str = "test";

/// The secret access key.
pub const SECRET_ACCESS_KEY: &str = "local-stack-secret-access-key";

/// The bucket that recordings go to.
pub const BUCKET: &str = "recording-vault-local";

/// The group of the functions' schedules.
pub const SCHEDULE_GROUP: &str = "recording-vault";

/// The role for schedules. The emulator requires an ARN but does not check it.
pub const SCHEDULE_ROLE_ARN: &str = "arn:aws:iam::000000000000:role/schedules";

/// The Twilio account.
pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";
/// The CallSid of a callback, unless the test sets another.
pub const CALL_SID: &str = "CA00000000000000000000000000000001";

/// The account's Auth Token, which signs callbacks.
pub const AUTH_TOKEN: &str = "local-stack-auth-token";

/// The SharedKey that may sign callbacks instead.
pub const SHARED_KEY_SID: &str = "webhooks_sharedkey_00000000000000000000000001";

/// The SharedKey's secret, for HMAC-SHA256.
pub const SHARED_KEY_SECRET: &str = "local-stack-shared-key-secret";

/// The API key that the functions use.
pub const API_KEY_SID: &str = "SK00000000000000000000000000000001";

/// The API key's secret.
pub const API_KEY_SECRET: &str = "local-stack-api-key-secret";

/// The TaskRouter workspace.
pub const WORKSPACE_SID: &str = "WS00000000000000000000000000000001";

/// A valid Flex token of a supervisor.
pub const FLEX_TOKEN: &str = flex_token!("local-stack-flex-token");

/// A valid Flex token of an agent.
pub const AGENT_TOKEN: &str = flex_token!("local-stack-agent-token");

/// The customer of every call, in callbacks and tasks.
pub const CUSTOMER_NUMBER: &str = "+15550100777";

/// The customer's name, in tasks.
pub const CUSTOMER_NAME: &str = "local-stack-customer-name";

/// The number that the customer calls.
pub const CONTACT_CENTER_NUMBER: &str = "+15550100888";

/// Base of the public address that Twilio would call. Signatures cover it.
pub const PUBLIC_BASE_URL: &str = "https://callback.local.test";

/// The path of the callback.
pub const CALLBACK_PATH: &str = "/recording-status-callback";

/// The id of the key that signs links.
pub const LINK_KEY_ID: &str = "k1";

/// The key that signs links, including those in `events/`. A deployment generates its own.
pub const LINK_KEY: &str = "a-key-for-tests-only-a-key-for-tests-only-a-key";

/// The Twilio account with the recordings in a folder.
#[must_use]
pub fn twilio_options(recordings_dir: &Path) -> TwilioOptions {
    TwilioOptions {
        account_sid: ACCOUNT_SID.to_owned(),
        auth_token: AUTH_TOKEN.to_owned(),
        api_key_sid: API_KEY_SID.to_owned(),
        api_key_secret: API_KEY_SECRET.to_owned(),
        workspace_sid: WORKSPACE_SID.to_owned(),
        flex_token: FLEX_TOKEN.to_owned(),
        recordings_dir: recordings_dir.to_owned(),
    }
}
