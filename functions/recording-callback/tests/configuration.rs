//! With invalid settings, the binary reports all problems and does not start.

use std::process::Command;

#[test]
fn every_bad_variable_is_reported_at_once_without_values() {
    let output = Command::new(env!("CARGO_BIN_EXE_recording-callback"))
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
        .envs([("MEDIA_FORMAT", "ogg"), ("LINK_MODE", "pigeon")])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let log = String::from_utf8(output.stdout).unwrap();
    for name in [
        "TWILIO_ACCOUNT_SID",
        "TWILIO_AUTH_TOKEN_SECRET",
        "TWILIO_API_KEY_SECRET",
        "TWILIO_WORKSPACE_SID",
        "PLAYBACK_BASE_URL",
        "RECORDINGS_BUCKET",
        "KMS_KEY_ARN",
        "MEDIA_FORMAT",
        "LINK_MODE",
    ] {
        assert!(log.contains(name), "{name} is missing from: {log}");
    }
    assert!(!log.contains("pigeon"), "values are not repeated: {log}");
}
