//! The environment of a function: the variables that Lambda sets, and the settings that `template.yaml` gives to its
//! role.

use crate::{Role, resources::Resources, values};

/// The addresses and options for a function's settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) resources: &'a Resources,
    pub(crate) twilio_base: &'a str,
    pub(crate) playback_base: &'a str,
    /// The pages that may read playback's answers: Flex and the stack's own page.
    pub(crate) flex_origins: &'a str,
    /// Whether jobs go through the queues. Without queues, the webhook runs them itself, with the settings of all
    /// roles.
    pub(crate) queues: bool,
    /// The template's `ValidateTokensAs`.
    pub(crate) validate_tokens_as: &'a str,
}

/// The variables of one role. Of two with the same name, the later one counts.
pub(crate) fn environment(role: Role, aws_endpoint: &str, around: Surroundings<'_>) -> Vec<(String, String)> {
    let (_, memory) = role.limits();
    let mut pairs = vec![
        ("AWS_LAMBDA_FUNCTION_NAME", role.name()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_REGION", values::REGION),
        ("AWS_ACCESS_KEY_ID", values::ACCESS_KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", values::SECRET_ACCESS_KEY),
        ("AWS_ENDPOINT_URL", aws_endpoint),
        ("TWILIO_ACCOUNT_SID", values::ACCOUNT_SID),
        ("TWILIO_API_BASE", around.twilio_base),
        ("TWILIO_TASKROUTER_BASE", around.twilio_base),
        ("TWILIO_IAM_BASE", around.twilio_base),
        ("TWILIO_FLEX_API_BASE", around.twilio_base),
    ];
    match (role, around.queues) {
        (Role::Webhook, true) => {
            pairs.push(("ROLE", role.name()));
            pairs.extend(webhook(around.resources));
            pairs.push(("LINKS_QUEUE_URL", &around.resources.links.url));
            pairs.push(("COPIES_QUEUE_URL", &around.resources.copies.url));
        }
        (Role::Webhook, false) => {
            pairs.extend(webhook(around.resources));
            pairs.extend(linker(around));
            pairs.extend(copier(around.resources));
            pairs.extend(schedules(around.resources));
        }
        (Role::Linker | Role::LateLinker, _) => {
            let Resources { links, late_links, .. } = around.resources;
            pairs.push(("ROLE", role.setting()));
            pairs.extend(linker(around));
            if role == Role::Linker {
                pairs.push(("LINKS_QUEUE_URL", &links.url));
                pairs.push(("LATE_LINKS_QUEUE_URL", &late_links.url));
            } else {
                pairs.push(("LINKS_QUEUE_URL", &late_links.url));
            }
            pairs.push(("LINKS_DEAD_LETTERS_URL", &links.dead_letters_url));
            // Marks of the deletions that it schedules.
            pairs.push(("RECORDINGS_BUCKET", values::BUCKET));
            pairs.extend(schedules(around.resources));
        }
        (Role::Copier, _) => {
            pairs.push(("ROLE", role.name()));
            pairs.extend(copier(around.resources));
        }
        (Role::Operator, _) => {
            pairs.push(("ROLE", role.name()));
            pairs.extend(operator(around));
            pairs.extend(schedules(around.resources));
        }
        (Role::Playback, _) => {
            pairs.extend(playback(around));
            match around.validate_tokens_as {
                "account" => pairs.push(("TWILIO_AUTH_TOKEN_SECRET", &around.resources.auth_token_secret)),
                "api-key" => pairs.push(("TWILIO_API_KEY_SECRET", &around.resources.api_key_secret)),
                _ => (),
            }
        }
    }
    let own = pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.chain([("AWS_LAMBDA_FUNCTION_MEMORY_SIZE".to_owned(), memory.to_string())])
        .collect()
}

type Pairs<'a, const N: usize> = [(&'static str, &'a str); N];

fn webhook(resources: &Resources) -> Pairs<'_, 3> {
    [
        ("TWILIO_AUTH_TOKEN_SECRET", &resources.auth_token_secret),
        ("TWILIO_SHARED_KEYS_SECRET", &resources.shared_keys_secret),
        ("PUBLIC_BASE_URL", values::PUBLIC_BASE_URL),
    ]
}

fn linker(around: Surroundings<'_>) -> Pairs<'_, 4> {
    [
        ("TWILIO_API_KEY_SECRET", &around.resources.api_key_secret),
        ("TWILIO_WORKSPACE_SID", values::WORKSPACE_SID),
        ("PLAYBACK_BASE_URL", around.playback_base),
        ("LINK_KEYS_SECRET", &around.resources.link_keys_secret),
    ]
}

fn copier(resources: &Resources) -> Pairs<'_, 5> {
    [
        ("TWILIO_API_KEY_SECRET", &resources.api_key_secret),
        ("RECORDINGS_BUCKET", values::BUCKET),
        ("KMS_KEY_ARN", &resources.kms_key_arn),
        ("KMS_DECRYPT_KEY_ARNS", &resources.kms_key_arn),
        ("TWILIO_ENCRYPTION_KEY_ARNS", &resources.twilio_encryption_key_arns),
    ]
}

/// With the template's `OperatorLinks`.
fn operator(around: Surroundings<'_>) -> Pairs<'_, 6> {
    [
        ("TWILIO_API_KEY_SECRET", &around.resources.api_key_secret),
        ("RECORDINGS_BUCKET", values::BUCKET),
        ("KMS_DECRYPT_KEY_ARNS", &around.resources.kms_key_arn),
        ("COPIES_QUEUE_URL", &around.resources.copies.url),
        ("LINK_KEYS_SECRET", &around.resources.link_keys_secret),
        ("PLAYBACK_BASE_URL", around.playback_base),
    ]
}

/// For roles that create schedules.
fn schedules(resources: &Resources) -> Pairs<'_, 4> {
    [
        ("SCHEDULE_GROUP", values::SCHEDULE_GROUP),
        ("SCHEDULE_ROLE_ARN", values::SCHEDULE_ROLE_ARN),
        ("COPIES_QUEUE_ARN", &resources.copies.arn),
        ("COPIES_DEAD_LETTERS_ARN", &resources.copies.dead_letters_arn),
    ]
}

fn playback(around: Surroundings<'_>) -> Pairs<'_, 6> {
    [
        ("VALIDATE_TOKENS_AS", around.validate_tokens_as),
        ("RECORDINGS_BUCKET", values::BUCKET),
        ("KMS_DECRYPT_KEY_ARNS", &around.resources.kms_key_arn),
        ("LINK_KEYS_SECRET", &around.resources.link_keys_secret),
        ("PLAYBACK_BASE_URL", around.playback_base),
        ("FLEX_ORIGINS", around.flex_origins),
    ]
}
