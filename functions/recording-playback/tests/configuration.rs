//! With invalid settings, the binary reports all problems and does not start.

use std::process::Command;

#[test]
fn every_bad_variable_is_reported_at_once_without_values() {
    let output = Command::new(env!("CARGO_BIN_EXE_recording-playback"))
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
        .envs([
            ("MAX_RANGE_BYTES", "lots"),
            ("MEDIA_URL_TTL", "-1"),
            ("FLEX_ORIGINS", "flex"),
        ])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8(output.stdout).unwrap();
    for name in [
        "RECORDINGS_BUCKET",
        "KMS_DECRYPT_KEY_ARNS",
        "TWILIO_ACCOUNT_SID",
        "LINK_KEYS_SECRET",
        "MAX_RANGE_BYTES",
        "MEDIA_URL_TTL",
        "FLEX_ORIGINS",
    ] {
        assert!(log.contains(name), "{name} is missing from: {log}");
    }
    assert!(!log.contains("lots"), "values are not repeated: {log}");
}
