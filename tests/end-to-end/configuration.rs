//! A binary with a bad configuration says everything that is wrong with it, and doesn't start.

use std::process::Command;

use toolbox::workspace_root;

fn start(package: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", package])
        .current_dir(workspace_root())
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[test]
fn every_bad_variable_of_the_callback_is_told_at_once() {
    let (started, told) = start("recording-callback", &[("MEDIA_FORMAT", "ogg"), ("LINK_MODE", "pigeon")]);
    assert!(!started);
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
        assert!(told.contains(name), "{name} is not told: {told}");
    }
    assert!(!told.contains("pigeon"), "values are not repeated");
}

#[test]
fn every_bad_variable_of_the_playback_is_told_at_once() {
    let variables = [("MAX_RANGE_BYTES", "lots"), ("MEDIA_URL_TTL", "-1"), ("FLEX_ORIGINS", "flex")];
    let (started, told) = start("recording-playback", &variables);
    assert!(!started);
    for name in [
        "RECORDINGS_BUCKET",
        "KMS_DECRYPT_KEY_ARNS",
        "TWILIO_ACCOUNT_SID",
        "LINK_KEYS_SECRET",
        "MAX_RANGE_BYTES",
        "MEDIA_URL_TTL",
        "FLEX_ORIGINS",
    ] {
        assert!(told.contains(name), "{name} is not told: {told}");
    }
    assert!(!told.contains("lots"), "values are not repeated");
}
