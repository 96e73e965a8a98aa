use proptest::prelude::*;

use super::*;

const ACCOUNT: &str = "AC00000000000000000000000000000001";
const RECORDING: &str = "REb7190000000000000000000000000002";
const CALL: &str = "CA59870000000000000000000000000003";
const CONFERENCE: &str = "CF00000000000000000000000000000004";

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn minimal() -> Vec<(String, String)> {
    pairs(&[
        ("AccountSid", ACCOUNT),
        ("RecordingSid", RECORDING),
        ("RecordingStatus", "completed"),
    ])
}

fn with(name: &str, value: &str) -> Vec<(String, String)> {
    let mut form = minimal();
    form.retain(|(n, _)| n != name);
    form.push((name.to_owned(), value.to_owned()));
    form
}

#[test]
fn the_documented_callback_of_an_encrypted_call_recording() {
    let cek = "A".repeat(344);
    let details =
        format!(r#"{{"type":"rsa-aes","public_key_sid":"CR1","encrypted_cek":"{cek}","iv":"7MiadYE7QDgVSRm9"}}"#);
    let url = format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/{RECORDING}");
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("RecordingSource", "OutboundAPI"),
            ("EncryptionDetails", &details),
            ("RecordingSid", RECORDING),
            ("RecordingUrl", &url),
            ("RecordingStatus", "completed"),
            ("RecordingChannels", "1"),
            ("ErrorCode", "0"),
            ("CallSid", CALL),
            ("RecordingStartTime", "Tue, 28 May 2019 02:18:02 +0000"),
            ("AccountSid", ACCOUNT),
            ("RecordingDuration", "5"),
            ("RecordingTrack", "both"),
        ])
        .finish();
    let callback = RecordingCallback::from_pairs(&form_pairs(body.as_bytes())).unwrap();
    assert_eq!(
        callback,
        RecordingCallback {
            account_sid: AccountSid::parse(ACCOUNT).unwrap(),
            recording_sid: RecordingSid::parse(RECORDING).unwrap(),
            status: RecordingStatus::Completed,
            facts: RecordingFacts {
                call_sid: Some(CallSid::parse(CALL).unwrap()),
                conference_sid: None,
                channels: Some(1),
                duration_s: Some(5),
                // date -u -d '2019-05-28 02:18:02' +%s
                start_time_ms: Some(1_559_009_882_000),
                source: Some("OutboundAPI".to_owned()),
                track: Some("both".to_owned()),
            },
            error_code: None,
            encryption_details: Some(EncryptionDetails {
                public_key_sid: "CR1".to_owned(),
                encrypted_cek: cek,
                iv: "7MiadYE7QDgVSRm9".to_owned(),
            }),
            unreadable: Vec::new(),
        }
    );
}

#[test]
fn a_conference_recording_that_is_absent() {
    let mut form = with("RecordingStatus", "absent");
    form.extend(pairs(&[
        ("ConferenceSid", CONFERENCE),
        ("CallSid", ""),
        ("ErrorCode", "16101"),
    ]));
    let callback = RecordingCallback::from_pairs(&form).unwrap();
    assert_eq!(callback.status, RecordingStatus::Absent);
    assert_eq!(callback.facts.conference_sid.unwrap().as_str(), CONFERENCE);
    assert_eq!(callback.facts.call_sid, None);
    assert_eq!(callback.error_code, Some(16101));
}

#[test]
fn encryption_details_under_every_published_set_of_names() {
    for (key, cek, iv) in [
        ("public_key_sid", "encrypted_cek", "iv"),
        ("encryption_public_key_sid", "encryption_cek", "iv"),
        ("encryption_public_key_sid", "encryption_cek", "encryption_iv"),
    ] {
        for kind in ["", r#""type":"rsa-aes","#] {
            let json = format!(r#"{{{kind}"{key}":"k","{cek}":"c","{iv}":"i"}}"#);
            let details = encryption_details(&json).unwrap();
            assert_eq!(
                (&*details.public_key_sid, &*details.encrypted_cek, &*details.iv),
                ("k", "c", "i")
            );
        }
    }
}

/// The error about a required parameter holds its name, never its value.
#[test]
fn a_malformed_account_or_recording_is_refused() {
    for (name, value) in [
        ("AccountSid", RECORDING),
        ("AccountSid", "null"),
        ("RecordingSid", "RE1"),
        ("RecordingSid", "undefined"),
    ] {
        let error = RecordingCallback::from_pairs(&with(name, value)).unwrap_err();
        assert_eq!(error.to_string(), format!("{name} is malformed"));
    }
}

#[test]
fn a_status_that_is_not_documented_is_unknown() {
    for value in ["paused", "Completed", "completed ", "null", "-1", "\u{e9}"] {
        let callback = RecordingCallback::from_pairs(&with("RecordingStatus", value)).unwrap();
        assert_eq!(callback.status, RecordingStatus::Unknown, "{value:?}");
    }
}

/// Values that Twilio has sent, and other odd values. Each makes only its own parameter unreadable.
#[test]
fn an_odd_optional_parameter_counts_as_absent_and_is_named() {
    let long = "x".repeat(MAX_LABEL_CHARS + 1);
    let huge = "9".repeat(400);
    let anything = [
        "null",
        "undefined",
        "NaN",
        "-1",
        "\u{e9}",
        "%20",
        " ",
        "\r\n",
        &huge,
        "a,b",
    ];
    let numbers = ["5.0", "+5", "5 ", "1e3", "0x5", "5s"];
    let sids = [CALL, CONFERENCE, RECORDING];
    let spaced = sids.map(|sid| format!("{sid} "));
    let mut cases: Vec<(&'static str, &str)> = Vec::new();
    for name in [
        "CallSid",
        "ConferenceSid",
        "RecordingChannels",
        "RecordingDuration",
        "RecordingStartTime",
        "ErrorCode",
    ] {
        cases.extend(anything.map(|value| (name, value)));
    }
    for name in ["RecordingChannels", "RecordingDuration", "ErrorCode"] {
        cases.extend(numbers.map(|value| (name, value)));
    }
    for name in ["CallSid", "ConferenceSid"] {
        cases.extend(spaced.iter().map(|value| (name, value.as_str())));
    }
    for name in ["RecordingSource", "RecordingTrack"] {
        cases.extend([&*long, "\u{e9}", "both ", " both", " ", "both\r\n", &huge].map(|value| (name, value)));
    }
    cases.extend([
        ("CallSid", CONFERENCE),
        ("ConferenceSid", CALL),
        ("ConferenceSid", "CF'"),
        ("RecordingChannels", "dual"),
        ("RecordingChannels", "0"),
        ("RecordingChannels", "3"),
        ("RecordingChannels", "256"),
        ("RecordingDuration", "18446744073709551616"),
        ("RecordingStartTime", "2019-05-28T02:18:02Z"),
        ("RecordingStartTime", "Tue, 28 May 2019 02:18:02 UTC"),
        ("RecordingStartTime", "1559009882"),
        ("ErrorCode", "none"),
        (ENCRYPTION_DETAILS, "null"),
        (ENCRYPTION_DETAILS, "{}"),
        (ENCRYPTION_DETAILS, " "),
    ]);
    let plain = RecordingCallback::from_pairs(&minimal()).unwrap();
    for (name, value) in cases {
        let callback = RecordingCallback::from_pairs(&with(name, value));
        let expected = RecordingCallback {
            unreadable: vec![name],
            ..plain.clone()
        };
        assert_eq!(callback, Ok(expected), "{name}={value:?}");
    }
}

#[test]
fn an_optional_parameter_with_two_values_counts_as_absent() {
    for (name, one, other) in [
        ("CallSid", CALL, "CAffffffffffffffffffffffffffffffff"),
        ("RecordingDuration", "5", "6"),
        ("RecordingTrack", "both", "inbound"),
    ] {
        let mut form = with(name, one);
        form.extend(pairs(&[(name, other)]));
        let callback = RecordingCallback::from_pairs(&form).unwrap();
        assert_eq!(callback.unreadable, [name]);
        // The same value twice counts as one, and a blank one as none.
        for other in [one, ""] {
            let mut form = with(name, one);
            form.extend(pairs(&[(name, other)]));
            assert_eq!(
                RecordingCallback::from_pairs(&form),
                RecordingCallback::from_pairs(&with(name, one))
            );
        }
    }
}

#[test]
fn every_odd_parameter_at_once_leaves_a_callback() {
    let mut form = minimal();
    form.extend(pairs(&[
        ("CallSid", "null"),
        ("RecordingChannels", "dual"),
        ("RecordingDuration", "-1"),
        ("RecordingSource", "\u{e9}"),
    ]));
    let callback = RecordingCallback::from_pairs(&form).unwrap();
    assert_eq!(
        callback.unreadable,
        ["CallSid", "RecordingChannels", "RecordingDuration", "RecordingSource"]
    );
    assert_eq!(callback.status, RecordingStatus::Completed);
}

#[test]
fn encryption_details_that_cannot_be_read_mean_that_the_recording_is_encrypted() {
    let huge = format!(r#"{{"public_key_sid":"{}"}}"#, "x".repeat(MAX_ENCRYPTION_DETAILS_BYTES));
    for value in [
        r#"{"type":"rsa-aes"}"#,
        r#"{"public_key_sid":"CR1","encrypted_cek":1,"iv":"i"}"#,
        "rsa-aes",
        "[]",
        "\u{e9}",
        &huge,
    ] {
        let callback = RecordingCallback::from_pairs(&with(ENCRYPTION_DETAILS, value)).unwrap();
        assert_eq!(
            callback.encryption_details,
            Some(EncryptionDetails::unreadable()),
            "{value}"
        );
        assert_eq!(callback.unreadable, [ENCRYPTION_DETAILS]);
    }
    // It is unknown which of two different values is right.
    let details = r#"{"public_key_sid":"k","encrypted_cek":"c","iv":"i"}"#;
    let mut form = with(ENCRYPTION_DETAILS, details);
    form.extend(pairs(&[(ENCRYPTION_DETAILS, "null")]));
    let callback = RecordingCallback::from_pairs(&form).unwrap();
    assert_eq!(callback.encryption_details, Some(EncryptionDetails::unreadable()));
}

#[test]
fn each_required_parameter_is_missed_by_name() {
    for name in ["AccountSid", "RecordingSid", "RecordingStatus"] {
        let mut form = minimal();
        form.retain(|(n, _)| n != name);
        let missing = |form: &[(String, String)]| RecordingCallback::from_pairs(form).unwrap_err().to_string();
        assert_eq!(missing(&form), format!("{name} is missing"));
        assert_eq!(missing(&with(name, "")), format!("{name} is missing"));
    }
}

#[test]
fn a_known_name_may_repeat_with_the_same_value_only() {
    let mut form = minimal();
    form.push(("RecordingSid".to_owned(), RECORDING.to_owned()));
    assert!(RecordingCallback::from_pairs(&form).is_ok());
    for other in ["", "REffffffffffffffffffffffffffffffff"] {
        let mut form = minimal();
        form.push(("RecordingSid".to_owned(), other.to_owned()));
        assert_eq!(
            RecordingCallback::from_pairs(&form),
            Err(CallbackError::Malformed("RecordingSid"))
        );
    }
}

#[test]
fn form_pairs_keep_blanks_order_and_repeats() {
    assert_eq!(
        form_pairs(b"b=2&a=&b=1&&c&b=2&d=%2B1+%C3%A9&=x"),
        pairs(&[
            ("b", "2"),
            ("a", ""),
            ("b", "1"),
            ("c", ""),
            ("b", "2"),
            ("d", "+1 \u{e9}"),
            ("", "x")
        ])
    );
    assert_eq!(form_pairs(b""), []);
}

proptest! {
    #[test]
    fn parsing_never_panics(form in proptest::collection::vec((
        proptest::sample::select(vec![
            "AccountSid", "RecordingSid", "RecordingStatus", "RecordingStartTime", "EncryptionDetails",
        ]),
        "\\PC{0,40}",
    ), 0..8)) {
        let form: Vec<_> = form.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let _ = RecordingCallback::from_pairs(&form);
    }

    #[test]
    fn unknown_parameters_change_nothing(name in "[a-z.]{1,12}", value in "\\PC{0,40}") {
        let mut form = minimal();
        form.push((name, value));
        prop_assert_eq!(RecordingCallback::from_pairs(&form), RecordingCallback::from_pairs(&minimal()));
    }
}
