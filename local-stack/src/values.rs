//! The names and credentials of the local stack. None of them opens anything elsewhere.

use twilio_double::flex_token;

/// Region of everything.
pub const REGION: &str = "us-east-1";

/// The emulated AWS account.
pub const AWS_ACCOUNT_ID: &str = "000000000000";

/// What the emulators take for an access key: anything.
pub const ACCESS_KEY_ID: &str = "test";

/// Its secret.
pub const SECRET_ACCESS_KEY: &str = "local-stack-secret-access-key";

/// The bucket that recordings go to.
pub const BUCKET: &str = "recording-vault-local";

/// The group that the functions put their schedules in.
pub const SCHEDULE_GROUP: &str = "recording-vault";

/// The role that schedules act in. The emulator wants its name, and asks nothing of it.
pub const SCHEDULE_ROLE_ARN: &str = "arn:aws:iam::000000000000:role/schedules";

/// The Twilio account.
pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";
/// The call of callbacks that are not told another.
pub const CALL_SID: &str = "CA00000000000000000000000000000001";

/// The account's Auth Token: it signs callbacks.
pub const AUTH_TOKEN: &str = "local-stack-auth-token";

/// The SharedKey that may sign callbacks in its place.
pub const SHARED_KEY_SID: &str = "webhooks_sharedkey_00000000000000000000000001";

/// Its secret, for HMAC-SHA256.
pub const SHARED_KEY_SECRET: &str = "local-stack-shared-key-secret";

/// The API key that the functions use.
pub const API_KEY_SID: &str = "SK00000000000000000000000000000001";

/// Its secret.
pub const API_KEY_SECRET: &str = "local-stack-api-key-secret";

/// The TaskRouter workspace.
pub const WORKSPACE_SID: &str = "WS00000000000000000000000000000001";

/// A Flex token that validates, as a supervisor's.
pub const FLEX_TOKEN: &str = flex_token!("local-stack-flex-token");

/// A Flex token that validates, as an agent's.
pub const AGENT_TOKEN: &str = flex_token!("local-stack-agent-token");

/// The customer of every call, in callbacks and tasks.
pub const CUSTOMER_NUMBER: &str = "+15550100777";

/// The customer's name, in tasks.
pub const CUSTOMER_NAME: &str = "local-stack-customer-name";

/// The number that the customer calls.
pub const CONTACT_CENTRE_NUMBER: &str = "+15550100888";

/// Base of the public address that Twilio would call, and that is signed.
pub const PUBLIC_BASE_URL: &str = "https://callback.local.test";

/// The path of the callback.
pub const CALLBACK_PATH: &str = "/recording-status-callback";

/// Id of the key that links are signed with.
pub const LINK_KEY_ID: &str = "k1";

/// The link key, by which the links in `events/` are signed. Deployments generate theirs.
pub const LINK_KEY: &str = "a-key-for-tests-only-a-key-for-tests-only-a-key";
