//! Properties of the template that no linter checks and that other parts of the project rely on.

use std::collections::BTreeSet;

use deployment::{FUNCTIONS, MONITORING, TEMPLATE, listed, of_type, properties, resources};
use serde_json::{Value, json};

/// Resources that links or recordings need.
const KEPT: [&str; 14] = [
    "RecordingsBucket",
    "RecordingsBucketPolicy",
    "RecordingsKey",
    "TwilioEncryptionKeyPair",
    "LinkKeysSecret",
    "PlaybackFunction",
    "PlaybackFunctionUrl",
    "PlaybackFunctionUrlPublicPermissions",
    "PlaybackFunctionURLInvokeAllowPublicAccess",
    "PlaybackRole",
    "PlaybackLogs",
    "CopierLogs",
    "LinkerLogs",
    "OperatorLogs",
];

#[test]
fn playback_streams_and_its_url_is_public() {
    let url = properties("PlaybackFunctionUrl");
    assert_eq!(url["InvokeMode"], "RESPONSE_STREAM");
    assert_eq!(url["AuthType"], "NONE");
    // The function URL has no CORS settings, because the function sends these headers itself. Duplicate headers break
    // browsers.
    assert!(url.get("Cors").is_none());

    // Since October 2025, function URLs need both permissions.
    let by_url = properties("PlaybackFunctionUrlPublicPermissions");
    assert_eq!(by_url["Action"], "lambda:InvokeFunctionUrl");
    let invoke = properties("PlaybackFunctionURLInvokeAllowPublicAccess");
    assert_eq!(invoke["Action"], "lambda:InvokeFunction");
    assert_eq!(invoke["InvokedViaFunctionUrl"], true);
    for permission in [by_url, invoke] {
        assert_eq!(permission["Principal"], "*");
        assert_eq!(permission["FunctionName"], json!({"Ref": "PlaybackFunction"}));
    }
    assert_eq!(of_type(&TEMPLATE, "AWS::Lambda::Url").len(), 1);
}

#[test]
fn the_api_has_the_callback_and_nothing_else() {
    let paths = properties("CallbackApi")["Body"]["paths"].as_object().unwrap();
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["/recording-status-callback"]);
    let settings = &properties("CallbackApiApiGatewayDefaultStage")["DefaultRouteSettings"];
    assert!(settings["ThrottlingRateLimit"].as_u64().is_some_and(|limit| limit > 0));
}

#[test]
fn resources_that_links_and_recordings_depend_on_are_kept() {
    let kept: BTreeSet<_> = resources(&TEMPLATE)
        .iter()
        .filter(|(_, resource)| !resource["DeletionPolicy"].is_null())
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(kept, BTreeSet::from(KEPT));
    for name in KEPT {
        let resource = &TEMPLATE["Resources"][name];
        // Plain `Retain` would leave an empty bucket and a paid key after each creation that is rolled back.
        assert_eq!(resource["DeletionPolicy"], "RetainExceptOnCreate", "{name}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
    }
}

#[test]
fn the_bucket_is_closed_versioned_and_encrypted_under_the_key() {
    let bucket = properties("RecordingsBucket");
    let encryption = &bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"];
    assert_eq!(
        *encryption,
        json!([{
            "BucketKeyEnabled": true,
            "ServerSideEncryptionByDefault": {
                "SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Fn::GetAtt": ["RecordingsKey", "Arn"]},
            },
        }])
    );
    assert_eq!(bucket["VersioningConfiguration"], json!({"Status": "Enabled"}));
    let blocked = bucket["PublicAccessBlockConfiguration"].as_object().unwrap();
    assert!(
        blocked.len() == 4 && blocked.values().all(|on| on == true),
        "{blocked:?}"
    );
    let aborted = &bucket["LifecycleConfiguration"]["Rules"][0]["AbortIncompleteMultipartUpload"];
    assert_eq!(*aborted, json!({"DaysAfterInitiation": 1}));
    let policy = &properties("RecordingsBucketPolicy")["PolicyDocument"]["Statement"];
    assert_eq!(policy[0]["Effect"], "Deny");
    assert_eq!(
        policy[0]["Condition"],
        json!({"Bool": {"aws:SecureTransport": "false"}})
    );
}

/// The form of example 3 in AWS's "Enforce conditional writes on Amazon S3 buckets". No statement of the bucket or of a role
/// may make an exception.
#[test]
fn a_receipt_is_written_once_by_whomever() {
    let policy = properties("RecordingsBucketPolicy")["PolicyDocument"]["Statement"].as_array();
    let about_receipts: Vec<_> = policy
        .unwrap()
        .iter()
        .filter(|one| one["Sid"] == "ReceiptsAreWrittenOnce")
        .collect();
    let deny = json!({
        "Sid": "ReceiptsAreWrittenOnce",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": {"Fn::Sub": "${RecordingsBucket.Arn}/receipts/*"},
        "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
    });
    assert_eq!(about_receipts, [&deny]);
}

/// Whatever describes a recording goes when the recording goes. Old versions go sooner, except those of receipts, which show
/// that one was deleted.
#[test]
fn what_describes_a_recording_expires_with_it() {
    let rules = properties("RecordingsBucket")["LifecycleConfiguration"]["Rules"]
        .as_array()
        .unwrap();
    let of = |prefix: &str| -> Vec<Value> {
        let conditional = rules.iter().map(|rule| rule.pointer("/Fn::If/1").unwrap_or(rule));
        conditional.filter(|rule| rule["Prefix"] == prefix).cloned().collect()
    };
    let ids: BTreeSet<_> = rules
        .iter()
        .map(|rule| rule.pointer("/Fn::If/1/Id").unwrap_or_else(|| &rule["Id"]).as_str())
        .collect();
    assert_eq!(ids.len(), rules.len(), "each rule has a name of its own");
    let expires = |rules: &[Value]| {
        rules
            .iter()
            .any(|rule| rule["ExpirationInDays"] == json!({"Ref": "DeleteRecordingsAfterDays"}))
    };
    for prefix in ["recordings/", "receipts/", "index/", "catalog/", "deleted-originals/"] {
        assert!(expires(&of(prefix)), "{prefix}");
        let conditions = rules
            .iter()
            .filter(|rule| rule.pointer("/Fn::If/1/Prefix") == Some(&json!(prefix)));
        for rule in conditions.filter(|rule| !rule["Fn::If"][1]["ExpirationInDays"].is_null()) {
            assert_eq!(rule["Fn::If"][0], "DeletesRecordings", "{prefix}");
        }
    }
    for prefix in ["erased/", "deletions/"] {
        assert!(!expires(&of(prefix)), "{prefix}");
    }
    // Without a retention of recordings, only the index and the catalog forget their old versions.
    let unconditional = |prefix: &str| {
        rules
            .iter()
            .filter(|rule| rule["Prefix"] == prefix)
            .cloned()
            .collect::<Vec<_>>()
    };
    for prefix in ["index/", "catalog/"] {
        let [rule] = <[_; 1]>::try_from(unconditional(prefix)).unwrap();
        assert_eq!(
            rule["NoncurrentVersionExpiration"],
            json!({"NoncurrentDays": 1}),
            "{prefix}"
        );
        assert_eq!(rule["ExpiredObjectDeleteMarker"], true, "{prefix}");
    }
    assert_eq!(unconditional("receipts/"), [json!(null); 0]);
}

#[test]
fn no_client_waits_longer_than_its_own_timeout() {
    // Twilio waits 15 s for the answer to a callback. A reply of 190 MB at 1.6 MB/s takes 119 s, and ends 2 s before
    // the timeout.
    assert_eq!(properties("WebhookFunction")["Timeout"], 10);
    assert_eq!(properties("PlaybackFunction")["Timeout"], 130);
    for (function, _) in FUNCTIONS {
        assert_eq!(
            properties(function)["Architectures"],
            json!([{"Ref": "Architecture"}]),
            "{function}"
        );
    }
    assert_eq!(
        TEMPLATE["Parameters"]["Architecture"]["AllowedValues"],
        json!(["arm64", "x86_64"])
    );
}

#[test]
fn queues_feed_one_message_at_a_time_and_say_which_failed() {
    for (source, function, visibility_s) in [
        ("LinkerFunctionLinks", "LinksQueue", 60),
        ("LateLinkerFunctionLateLinks", "LateLinksQueue", 60),
        ("CopierFunctionCopies", "CopiesQueue", 1200),
    ] {
        let mapping = properties(source);
        assert_eq!(mapping["BatchSize"], 1, "{source}");
        assert_eq!(
            mapping["FunctionResponseTypes"],
            json!(["ReportBatchItemFailures"]),
            "{source}"
        );
        assert!(!mapping["ScalingConfig"]["MaximumConcurrency"].is_null(), "{source}");
        let queue = properties(function);
        assert_eq!(queue["VisibilityTimeout"], visibility_s);
        assert!(queue["RedrivePolicy"]["maxReceiveCount"].as_u64() >= Some(5));
    }
    // The copier must recognize its last attempt.
    let receives = &properties("CopiesQueue")["RedrivePolicy"]["maxReceiveCount"];
    let setting = &properties("CopierFunction")["Environment"]["Variables"]["COPIES_MAX_RECEIVES"];
    assert_eq!(setting.as_str(), Some(&*receives.to_string()));
    // Lambda requires this: a message that becomes visible during its invocation would be processed twice.
    assert!(properties("LinkerFunction")["Timeout"].as_u64() < Some(60));
    assert!(properties("LateLinkerFunction")["Timeout"].as_u64() < Some(60));
    assert!(properties("CopierFunction")["Timeout"].as_u64() < Some(1200));
}

#[test]
fn a_link_waits_in_queues_that_neither_drop_nor_give_up_early() {
    for queue in ["LinksQueue", "LateLinksQueue"] {
        let properties = properties(queue);
        assert_eq!(properties["MessageRetentionPeriod"], 4 * 24 * 60 * 60, "{queue}");
        assert_eq!(
            properties["RedrivePolicy"],
            json!({"deadLetterTargetArn": {"Fn::GetAtt": ["LinksDeadLetters", "Arn"]}, "maxReceiveCount": 1000}),
            "{queue}"
        );
    }
    let variable = |function: &str, name: &str| properties(function)["Environment"]["Variables"][name].clone();
    let queue = |name: &str| json!({ "Ref": name });
    assert_eq!(variable("LinkerFunction", "LINKS_QUEUE_URL"), queue("LinksQueue"));
    assert_eq!(
        variable("LinkerFunction", "LATE_LINKS_QUEUE_URL"),
        queue("LateLinksQueue")
    );
    assert_eq!(
        variable("LateLinkerFunction", "LINKS_QUEUE_URL"),
        queue("LateLinksQueue")
    );
    // A function that sends messages to its own queue would form a chain, which Lambda stops.
    assert_eq!(variable("LateLinkerFunction", "LATE_LINKS_QUEUE_URL"), "");
    let late = properties("LateLinkerFunctionLateLinks");
    assert_eq!(late["ScalingConfig"]["MaximumConcurrency"], 2);
}

/// SQS counts the retention of a dead letter from the time when the message was first sent.
#[test]
fn dead_letters_are_kept_for_days_after_their_queue_would_have_dropped_them() {
    const DAYS_TO_LOOK: u64 = 4 * 24 * 60 * 60;
    let retention = |queue: &str| properties(queue)["MessageRetentionPeriod"].as_u64().unwrap();
    let mut fed = 0;
    for (queue, resource) in of_type(&TEMPLATE, "AWS::SQS::Queue") {
        let dead_letters = resource.pointer("/Properties/RedrivePolicy/deadLetterTargetArn/Fn::GetAtt/0");
        match dead_letters.and_then(Value::as_str) {
            Some(dead_letters) => {
                fed += 1;
                let left = retention(dead_letters).saturating_sub(retention(queue));
                assert!(left >= DAYS_TO_LOOK, "{queue}: only {left} s remain in {dead_letters}");
            }
            // The maximum retention of SQS.
            None => assert_eq!(retention(queue), 14 * 24 * 60 * 60, "{queue}"),
        }
    }
    assert_eq!(fed, 3);
}

#[test]
fn concurrency_is_never_set_aside_for_a_queue_or_by_default() {
    for (function, _) in FUNCTIONS {
        let reserved = &properties(function)["ReservedConcurrentExecutions"];
        let public = matches!(function, "WebhookFunction" | "PlaybackFunction");
        assert_eq!(reserved.is_object(), public, "{function}");
    }
    for parameter in ["WebhookReservedConcurrency", "PlaybackReservedConcurrency"] {
        assert_eq!(TEMPLATE["Parameters"][parameter]["Default"], "");
    }
}

#[test]
fn an_operation_that_fails_is_kept_and_not_repeated() {
    let invocations = properties("OperatorFunctionEventInvokeConfig");
    assert_eq!(invocations["MaximumRetryAttempts"], 0);
    assert_eq!(
        invocations["DestinationConfig"]["OnFailure"]["Destination"],
        json!({"Fn::GetAtt": ["OperatorFailures", "Arn"]})
    );
    let nightly = properties("NightlyReconciliation");
    let input: Value = serde_json::from_str(nightly["Target"]["Input"].as_str().unwrap()).unwrap();
    assert_eq!(input, json!({"reconcile": {"scheduled": true}}));
}

#[test]
fn the_catalog_is_written_every_night_only_if_that_is_turned_on() {
    assert_eq!(TEMPLATE["Parameters"]["NightlyCatalog"]["Default"], "false");
    let schedule = &TEMPLATE["Resources"]["NightlyCompaction"];
    assert_eq!(schedule["Condition"], "WritesCatalog");
    let turned_on = json!({"Fn::Equals": [{"Ref": "NightlyCatalog"}, "true"]});
    assert_eq!(TEMPLATE["Conditions"]["WritesCatalog"], turned_on);
    let nightly = properties("NightlyCompaction");
    assert_eq!(nightly["ScheduleExpression"], json!({"Ref": "ReconcileAt"}));
    let input: Value = serde_json::from_str(nightly["Target"]["Input"].as_str().unwrap()).unwrap();
    assert_eq!(input, json!({"catalog": {}}));
}

#[test]
fn recordings_are_looked_for_only_where_wanted_and_in_the_places_own_time() {
    let parameters = &TEMPLATE["Parameters"];
    assert_eq!(parameters["RecordingsExpectedAt"]["Default"], "");
    let at = json!({"Ref": "RecordingsExpectedAt"});
    assert_eq!(
        TEMPLATE["Conditions"]["ExpectsRecordings"],
        json!({"Fn::Not": [{"Fn::Equals": [at, ""]}]})
    );
    assert_eq!(
        TEMPLATE["Resources"]["LookForRecordings"]["Condition"],
        "ExpectsRecordings"
    );
    let schedule = properties("LookForRecordings");
    assert_eq!(schedule["ScheduleExpression"], at);
    assert_eq!(
        schedule["ScheduleExpressionTimezone"],
        json!({"Ref": "RecordingsExpectedTimezone"})
    );
    let input = schedule["Target"]["Input"]["Fn::Sub"].as_str().unwrap();
    let input = input.replace("${RecordingsExpectedWithinHours}", "2");
    let sample = include_str!("../../events/scheduler-arrivals.json");
    let event = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(event(&input), event(sample));
    // The alarm exists only if the schedule does.
    assert_eq!(
        properties("Monitoring")["Parameters"]["ExpectsRecordings"],
        json!({"Fn::If": ["ExpectsRecordings", "true", "false"]})
    );
    assert_eq!(
        MONITORING["Resources"]["NothingArrives"]["Condition"],
        "LooksForRecordings"
    );
}

#[test]
fn schedules_may_invoke_every_alias_and_version_of_the_operator() {
    let statements = properties("SchedulerPolicy")["PolicyDocument"]["Statement"]
        .as_array()
        .unwrap();
    let invoke = statements.iter().find(|one| one["Action"] == "lambda:InvokeFunction");
    assert_eq!(
        invoke.unwrap()["Resource"],
        json!([{"Fn::GetAtt": ["OperatorFunction", "Arn"]}, {"Fn::Sub": "${OperatorFunction.Arn}:*"}])
    );
}

#[test]
fn no_environment_waits_for_the_functions_own_address() {
    for (function, own) in [
        ("WebhookFunction", "CallbackApi"),
        ("PlaybackFunction", "PlaybackFunction"),
    ] {
        let environment = properties(function)["Environment"].to_string();
        assert!(!environment.contains(own), "{function}");
    }
}

#[test]
fn no_environment_and_no_parameter_holds_a_secret() {
    for (function, _) in FUNCTIONS {
        let variables = properties(function)["Environment"]["Variables"].as_object().unwrap();
        for (name, value) in variables {
            assert!(
                !value.to_string().contains("resolve:secretsmanager"),
                "{function}: {name}"
            );
            if name.ends_with("_SECRET") {
                assert!(value.is_object(), "{function}: {name} names a secret of the stack");
            }
        }
    }
    for secret in ["AuthTokenSecret", "SharedKeysSecret", "ApiKeySecret"] {
        // The secrets are created without values: a deployment without values answers 503.
        for value in ["SecretString", "GenerateSecretString"] {
            assert!(properties(secret).get(value).is_none(), "{secret}");
        }
    }
    assert!(properties("LinkKeysSecret")["GenerateSecretString"].is_object());
}

#[test]
fn the_webhook_reads_only_what_callbacks_may_be_signed_by() {
    assert_eq!(TEMPLATE["Parameters"]["CallbacksSignedBy"]["Default"], "auth-token");
    let unless = |value: &str| json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "CallbacksSignedBy"}, value]}]});
    assert_eq!(TEMPLATE["Conditions"]["AcceptsAuthToken"], unless("shared-keys"));
    assert_eq!(TEMPLATE["Conditions"]["AcceptsSharedKeys"], unless("auth-token"));
    assert_eq!(
        TEMPLATE["Resources"]["SharedKeysSecret"]["Condition"],
        "AcceptsSharedKeys"
    );

    let settings = &properties("WebhookFunction")["Environment"]["Variables"];
    let statements = &properties("WebhookRole")["Policies"][0]["PolicyDocument"]["Statement"];
    let about_secrets: Vec<_> = statements
        .as_array()
        .unwrap()
        .iter()
        .filter(|statement| statement.to_string().contains("secretsmanager:"))
        .collect();
    assert_eq!(about_secrets.len(), 2);
    for (condition, setting, secret) in [
        ("AcceptsAuthToken", "TWILIO_AUTH_TOKEN_SECRET", "AuthTokenSecret"),
        ("AcceptsSharedKeys", "TWILIO_SHARED_KEYS_SECRET", "SharedKeysSecret"),
    ] {
        let secret = json!({"Ref": secret});
        assert_eq!(settings[setting], json!({"Fn::If": [condition, secret, ""]}));
        let statement = json!({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret});
        let statement = json!({"Fn::If": [condition, statement, {"Ref": "AWS::NoValue"}]});
        assert!(about_secrets.contains(&&statement), "{condition}");
    }
}

/// An update must not widen who may listen.
#[test]
fn only_operator_links_let_the_operator_read_the_link_keys() {
    assert_eq!(TEMPLATE["Parameters"]["OperatorLinks"]["Default"], "false");
    assert_eq!(
        TEMPLATE["Conditions"]["MakesOperatorLinks"],
        json!({"Fn::Equals": [{"Ref": "OperatorLinks"}, "true"]})
    );
    let settings = &properties("OperatorFunction")["Environment"]["Variables"];
    let keys = json!({"Fn::If": ["MakesOperatorLinks", {"Ref": "LinkKeysSecret"}, ""]});
    assert_eq!(settings["LINK_KEYS_SECRET"], keys);
    let linker = &properties("LinkerFunction")["Environment"]["Variables"];
    assert_eq!(settings["PLAYBACK_BASE_URL"], linker["PLAYBACK_BASE_URL"]);

    let statements = &properties("OperatorRole")["Policies"][0]["PolicyDocument"]["Statement"];
    let of_secrets: Vec<_> = listed(statements)
        .into_iter()
        .filter(|statement| statement["Action"] == "secretsmanager:GetSecretValue")
        .collect();
    let both = json!([{"Ref": "ApiKeySecret"}, {"Ref": "LinkKeysSecret"}]);
    let resources = json!({"Fn::If": ["MakesOperatorLinks", both, [{"Ref": "ApiKeySecret"}]]});
    assert_eq!(of_secrets.len(), 1);
    assert_eq!(of_secrets[0]["Resource"], resources);
}

#[test]
fn playback_reads_a_twilio_credential_only_if_it_validates_tokens() {
    let parameter = &TEMPLATE["Parameters"]["ValidateTokensAs"];
    assert_eq!(parameter["Default"], "flex");
    // `player` and `account` were the first options.
    assert_eq!(
        parameter["AllowedValues"],
        json!(["flex", "player", "account", "api-key"])
    );
    let settings = &properties("PlaybackFunction")["Environment"]["Variables"];
    assert_eq!(settings["VALIDATE_TOKENS_AS"], json!({"Ref": "ValidateTokensAs"}));
    let reads = |secret: &str| {
        let secret = json!({"Ref": secret});
        json!({"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret})
    };
    let mut allowed = vec![reads("LinkKeysSecret")];
    for (condition, value, setting, secret) in [
        (
            "ValidatesTokensAsAccount",
            "account",
            "TWILIO_AUTH_TOKEN_SECRET",
            "AuthTokenSecret",
        ),
        (
            "ValidatesTokensAsApiKey",
            "api-key",
            "TWILIO_API_KEY_SECRET",
            "ApiKeySecret",
        ),
    ] {
        assert_eq!(
            TEMPLATE["Conditions"][condition],
            json!({"Fn::Equals": [{"Ref": "ValidateTokensAs"}, value]})
        );
        assert_eq!(settings[setting], json!({"Fn::If": [condition, {"Ref": secret}, ""]}));
        allowed.push(json!({"Fn::If": [condition, reads(secret), {"Ref": "AWS::NoValue"}]}));
    }
    let statements = properties("PlaybackRole")["Policies"][0]["PolicyDocument"]["Statement"].as_array();
    let about_secrets: Vec<_> = statements
        .unwrap()
        .iter()
        .filter(|statement| statement.to_string().contains("secretsmanager:"))
        .cloned()
        .collect();
    assert_eq!(about_secrets, allowed);
}

#[test]
fn logs_are_json_with_an_end_and_audit_lines_have_their_own() {
    for (function, role) in FUNCTIONS {
        let logging = &properties(function)["LoggingConfig"];
        assert_eq!(logging["LogFormat"], "JSON", "{role}");
        let group = logging["LogGroup"]["Ref"].as_str().unwrap();
        let retention = if role == "webhook" {
            "LogRetentionDays"
        } else {
            assert!(KEPT.contains(&group), "{role}");
            "AuditRetentionDays"
        };
        assert_eq!(
            properties(group)["RetentionInDays"],
            json!({"Ref": retention}),
            "{role}"
        );
    }
}

#[test]
fn outputs_paste_into_twilio() {
    let url = |output: &str, choice: usize| {
        let value = &TEMPLATE["Outputs"][output]["Value"]["Fn::If"];
        assert_eq!(value[0], "HasPublicBaseUrl");
        value[choice]["Fn::Sub"].as_str().unwrap().to_owned()
    };
    // The webhook verifies signatures over `PublicBaseUrl` if it is set, so that callbacks to another URL get 403.
    let bases = [
        (1, "${PublicBaseUrl}"),
        (2, "https://${CallbackApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"),
    ];
    for (choice, base) in bases {
        // The fragment has Twilio's "connection overrides". Without it, Twilio does not retry after a 5xx.
        let callback = format!("{base}/recording-status-callback#rc=3&rp=all");
        assert_eq!(url("CallbackUrl", choice), callback);
        let webhook = callback.replace('#', "?taskSid={taskSid}#");
        assert_eq!(url("CallRecordingWebhookUrl", choice), webhook);
    }
    assert!(TEMPLATE["Outputs"]["UrlProvider"].is_object());
}
