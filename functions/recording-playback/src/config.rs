//! The function's settings, read once at startup.

use std::time::Duration;

use service::{
    aws::Timeouts,
    settings::{BadSettings, Settings, base_url, boolean, list, origin},
};
use sid::AccountSid;
use twilio::client::Endpoints;
use vault::{KeyArn, ReaderConfig};

use crate::cors::FlexOrigins;

/// The roles that may listen if `ALLOWED_ROLES` is not set. Agents may listen only if it names them.
const DEFAULT_ROLES: [&str; 2] = ["admin", "supervisor"];

/// An hour, in seconds. The Player renews the link of a segment's only recording while its page is open. It never renews
/// the links of a segment with several recordings, so a link must last for one listening.
const DEFAULT_LINK_TTL_S: u64 = 60 * 60;

/// A week, in seconds. Anyone who has a link may listen, so a mistyped setting must not make links last for years.
const MAX_LINK_TTL_S: u64 = 7 * 24 * 60 * 60;

/// 1 MiB: half a minute of dual-channel 8 kHz WAV at 32 kB/s. Bytes that a listener skips still cost money, and a longer
/// reply saves almost nothing ("The longest reply" in `docs/COST.md`).
const DEFAULT_MAX_RANGE_BYTES: u64 = 1024 * 1024;

/// Configuration of the playback function.
#[derive(Debug)]
pub struct Config {
    /// `RECORDINGS_BUCKET`, `KMS_DECRYPT_KEY_ARNS` (comma-separated full ARNs) and `TWILIO_ACCOUNT_SID`: the account that
    /// owns the recordings, and whose Flex tokens are accepted.
    pub vault: ReaderConfig,
    /// `TWILIO_FLEX_API_BASE` and `TWILIO_IAM_BASE`: the hosts that validate tokens. By default, Twilio's US1 hosts.
    pub twilio_endpoints: Endpoints,
    /// `VALIDATE_TOKENS_AS`: the endpoint and the credential that validate Flex tokens.
    pub token_validation: TokenValidation,
    /// `LINK_KEYS_SECRET`: id or ARN of the secret with the link keys.
    pub link_keys_secret: String,
    /// `ALLOWED_ROLES`, comma-separated: Flex roles that may listen.
    pub allowed_roles: Vec<String>,
    /// `MEDIA_URL_TTL`: how long a link plays, in seconds.
    pub link_ttl_s: u64,
    /// `MAX_RANGE_BYTES`: the most plaintext that answers an open range of a browser that requests the rest by itself.
    pub max_range_bytes: u64,
    /// `ACCEPT_SEGMENT_LINKS`: whether links that never expire play.
    pub accept_segment_links: bool,
    /// `PLAYBACK_BASE_URL`: the origin of links. By default, the event's domain.
    pub base_url: Option<String>,
    /// `FLEX_ORIGINS`, comma-separated: origins whose pages may read the answers.
    pub flex_origins: FlexOrigins,
}

/// The endpoint at Twilio that validates a Flex token, and the credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenValidation {
    /// `flex`, the default: the endpoint that Flex UI uses, with the token itself.
    Flex,
    /// `player`: the older endpoint, with the token itself.
    Player,
    /// `account`: the older endpoint, with the account's SID and Auth Token.
    Account {
        /// `TWILIO_AUTH_TOKEN_SECRET`: id or ARN of the secret.
        auth_token_secret: String,
    },
    /// `api-key`: the older endpoint, with an API key.
    ApiKey {
        /// `TWILIO_API_KEY_SECRET`: id or ARN of the secret.
        api_key_secret: String,
    },
}

impl Config {
    /// How long AWS may take. S3 and KMS answer in tens of milliseconds, a listener is waiting, and a player retries after a
    /// 503.
    pub const AWS_TIMEOUTS: Timeouts = Timeouts {
        attempt: Duration::from_secs(5),
        operation: Duration::from_secs(15),
    };

    /// Reads every setting.
    ///
    /// # Errors
    /// All settings that are missing or invalid, together.
    pub fn from_settings(mut settings: Settings) -> Result<Self, BadSettings> {
        let bucket = settings.required("RECORDINGS_BUCKET", |text| Ok::<_, &str>(text.to_owned()));
        let kms_keys = settings.required("KMS_DECRYPT_KEY_ARNS", |text| list(text, KeyArn::parse));
        let account = settings.required("TWILIO_ACCOUNT_SID", AccountSid::parse);
        let link_keys_secret = settings.required("LINK_KEYS_SECRET", |text| Ok::<_, &str>(text.to_owned()));
        let token_validation = token_validation(&mut settings);
        let iam = settings.optional("TWILIO_IAM_BASE", base_url);
        let flex = settings.optional("TWILIO_FLEX_API_BASE", base_url);
        let roles = settings.optional("ALLOWED_ROLES", |text| {
            list(text, |role| Ok::<_, &str>(role.to_owned()))
        });
        let link_ttl_s = settings.optional("MEDIA_URL_TTL", |text| within(text, MAX_LINK_TTL_S));
        let max_range_bytes = settings.optional("MAX_RANGE_BYTES", |text| within(text, crate::decide::REPLY_LIMIT));
        let accept_segment_links = settings.optional("ACCEPT_SEGMENT_LINKS", boolean);
        let base_url = settings.optional("PLAYBACK_BASE_URL", origin);
        let flex_origins = settings.optional("FLEX_ORIGINS", FlexOrigins::parse);

        let default_endpoints = Endpoints::default();
        let config = || {
            Some(Self {
                vault: ReaderConfig {
                    bucket: bucket?,
                    account: account?,
                    kms_keys: kms_keys?,
                },
                twilio_endpoints: Endpoints {
                    iam: iam.unwrap_or(default_endpoints.iam),
                    flex: flex.unwrap_or(default_endpoints.flex),
                    ..default_endpoints
                },
                token_validation: token_validation?,
                link_keys_secret: link_keys_secret?,
                allowed_roles: roles.unwrap_or_else(|| DEFAULT_ROLES.map(str::to_owned).to_vec()),
                link_ttl_s: link_ttl_s.unwrap_or(DEFAULT_LINK_TTL_S),
                max_range_bytes: max_range_bytes.unwrap_or(DEFAULT_MAX_RANGE_BYTES),
                accept_segment_links: accept_segment_links.unwrap_or(false),
                base_url,
                flex_origins: flex_origins.unwrap_or_default(),
            })
        };
        settings.finish(config())
    }
}

/// `None` if a setting is invalid or missing. A secret is read only if it is used.
fn token_validation(settings: &mut Settings) -> Option<TokenValidation> {
    enum Method {
        Flex,
        Player,
        Account,
        ApiKey,
    }
    let method = settings.optional("VALIDATE_TOKENS_AS", |text| match text {
        "flex" => Ok(Method::Flex),
        "player" => Ok(Method::Player),
        "account" => Ok(Method::Account),
        "api-key" => Ok(Method::ApiKey),
        _ => Err("must be flex, player, account or api-key"),
    });
    let secret = |text: &str| Ok::<_, &str>(text.to_owned());
    Some(match method.unwrap_or(Method::Flex) {
        Method::Flex => TokenValidation::Flex,
        Method::Player => TokenValidation::Player,
        Method::Account => TokenValidation::Account {
            auth_token_secret: settings.required("TWILIO_AUTH_TOKEN_SECRET", secret)?,
        },
        Method::ApiKey => TokenValidation::ApiKey {
            api_key_secret: settings.required("TWILIO_API_KEY_SECRET", secret)?,
        },
    })
}

fn within(text: &str, max: u64) -> Result<u64, String> {
    match text.parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(format!("not a whole number from 1 to {max}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    const NEEDED: [(&str, &str); 4] = [
        ("RECORDINGS_BUCKET", "recordings"),
        ("KMS_DECRYPT_KEY_ARNS", KEY),
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
        ("LINK_KEYS_SECRET", "link-keys"),
    ];

    fn config(more: &[(&str, &str)]) -> Result<Config, BadSettings> {
        Config::from_settings(Settings::from_pairs(NEEDED.into_iter().chain(more.iter().copied())))
    }

    #[test]
    fn four_settings_are_needed_and_the_rest_have_defaults() {
        let config = config(&[]).unwrap();
        assert_eq!(config.vault.bucket, "recordings");
        assert_eq!(config.vault.kms_keys.len(), 1);
        assert_eq!(config.token_validation, TokenValidation::Flex);
        assert_eq!(config.allowed_roles, ["admin", "supervisor"]);
        assert_eq!(config.link_ttl_s, 3_600);
        assert_eq!(config.max_range_bytes, 1_048_576);
        assert!(!config.accept_segment_links);
        assert_eq!(config.base_url, None);
        assert_eq!(config.twilio_endpoints.iam.as_str(), "https://iam.twilio.com/");
        assert_eq!(config.twilio_endpoints.flex.as_str(), "https://flex-api.twilio.com/");
        assert!(config.flex_origins.allows(&"https://flex.twilio.com".parse().unwrap()));
    }

    #[test]
    fn every_setting_is_read() {
        let two_keys = format!("{KEY}, {KEY}");
        let config = config(&[
            ("KMS_DECRYPT_KEY_ARNS", &two_keys),
            ("VALIDATE_TOKENS_AS", "player"),
            ("TWILIO_IAM_BASE", "http://127.0.0.1:8001"),
            ("TWILIO_FLEX_API_BASE", "http://127.0.0.1:8002"),
            ("ALLOWED_ROLES", "supervisor, wfo.full_access"),
            ("MEDIA_URL_TTL", "60"),
            ("MAX_RANGE_BYTES", "65536"),
            ("ACCEPT_SEGMENT_LINKS", "true"),
            ("PLAYBACK_BASE_URL", "https://listen.example.com/"),
            ("FLEX_ORIGINS", "https://flex.example.com"),
        ])
        .unwrap();
        assert_eq!(config.vault.kms_keys.len(), 2);
        assert_eq!(config.token_validation, TokenValidation::Player);
        assert_eq!(config.twilio_endpoints.iam.as_str(), "http://127.0.0.1:8001/");
        assert_eq!(config.twilio_endpoints.flex.as_str(), "http://127.0.0.1:8002/");
        assert_eq!(config.allowed_roles, ["supervisor", "wfo.full_access"]);
        assert_eq!(config.link_ttl_s, 60);
        assert_eq!(config.max_range_bytes, 65_536);
        assert!(config.accept_segment_links);
        assert_eq!(config.base_url.as_deref(), Some("https://listen.example.com"));
        assert!(!config.flex_origins.allows(&"https://flex.twilio.com".parse().unwrap()));
    }

    /// The template gives every function all of its settings. They are empty if an option is off.
    #[test]
    fn a_secret_is_read_only_if_its_credential_is_used() {
        let account = TokenValidation::Account {
            auth_token_secret: "auth-token".to_owned(),
        };
        let api_key = TokenValidation::ApiKey {
            api_key_secret: "api-key".to_owned(),
        };
        for (value, method) in [
            ("flex", TokenValidation::Flex),
            ("player", TokenValidation::Player),
            ("account", account),
            ("api-key", api_key),
        ] {
            let settings = [
                ("VALIDATE_TOKENS_AS", value),
                ("TWILIO_AUTH_TOKEN_SECRET", "auth-token"),
                ("TWILIO_API_KEY_SECRET", "api-key"),
            ];
            assert_eq!(config(&settings).unwrap().token_validation, method);
        }
        for (value, missing) in [
            ("account", "TWILIO_AUTH_TOKEN_SECRET"),
            ("api-key", "TWILIO_API_KEY_SECRET"),
        ] {
            let error = config(&[("VALIDATE_TOKENS_AS", value), (missing, " ")]).unwrap_err();
            assert_eq!(error.0.len(), 1);
            assert!(error.0[0].contains(missing), "{error}");
        }
    }

    /// Links would lead to paths that this function does not have.
    #[test]
    fn a_base_url_with_a_path_is_refused() {
        for base in ["https://listen.example.com/vault", "https://listen.example.com//"] {
            let error = config(&[("PLAYBACK_BASE_URL", base)]).unwrap_err();
            assert_eq!(error.0, ["PLAYBACK_BASE_URL: must have no path"]);
        }
    }

    #[test]
    fn every_bad_setting_is_reported_at_once() {
        let bad = [
            ("KMS_DECRYPT_KEY_ARNS", "alias/canary"),
            ("TWILIO_ACCOUNT_SID", "canary"),
            ("VALIDATE_TOKENS_AS", "canary"),
            ("TWILIO_IAM_BASE", "http://canary.example.com"),
            ("TWILIO_FLEX_API_BASE", "http://canary.example.com"),
            ("ALLOWED_ROLES", ","),
            ("MEDIA_URL_TTL", "0"),
            ("MAX_RANGE_BYTES", "190000001"),
            ("ACCEPT_SEGMENT_LINKS", "canary"),
            ("PLAYBACK_BASE_URL", "canary"),
            ("FLEX_ORIGINS", "canary"),
        ];
        let error = Config::from_settings(Settings::from_pairs(bad))
            .unwrap_err()
            .to_string();
        for name in bad
            .map(|(name, _)| name)
            .into_iter()
            .chain(["RECORDINGS_BUCKET", "LINK_KEYS_SECRET"])
        {
            assert!(error.contains(name), "{name} is missing from: {error}");
        }
        assert!(!error.contains("canary"), "{error}");
    }
}
