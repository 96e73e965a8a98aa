//! Runs `scripts/smoke_test.py` against this stack. Operators run it against a deployed stack.

use std::process::{Command, Output};

use local_stack::{Stack, values};

use crate::{
    canaries::assert_no_secret,
    support::{Recording, among_others},
};

/// `secrets` sign the callbacks.
async fn smoke_test(stack: &Stack, recording: &str, secrets: &[(&str, &str)]) -> Output {
    let mut script = Command::new("python3");
    script
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/smoke_test.py"))
        .args(["--callback-url", &format!("{}#rc=3&rp=all", stack.callback_url())])
        .args(["--signed-url", &stack.public_callback_url()])
        .args(["--playback-url", stack.playback_url()])
        .args(["--account", values::ACCOUNT_SID, "--recording", recording])
        .envs(secrets.iter().copied())
        .env("FLEX_TOKEN", values::FLEX_TOKEN);
    tokio::task::spawn_blocking(move || script.output())
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn the_smoke_test_passes_on_a_stack_that_works() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 100_000);
    let auth_token = [("TWILIO_AUTH_TOKEN", values::AUTH_TOKEN)];
    let shared_key = [
        ("TWILIO_SHARED_KEY_SID", values::SHARED_KEY_SID),
        ("TWILIO_SHARED_KEY_SECRET", values::SHARED_KEY_SECRET),
    ];
    for secrets in [&auth_token[..], &shared_key] {
        let tested = smoke_test(stack, &recording.sid, secrets).await;
        let output = String::from_utf8(tested.stdout).unwrap();
        assert!(
            tested.status.success(),
            "{output}{}",
            String::from_utf8_lossy(&tested.stderr)
        );
        assert_eq!(output.matches(": ok\n").count(), 10, "{output}");
        assert_no_secret("the smoke test", &output);
    }
}

#[tokio::test]
async fn the_smoke_test_fails_on_a_stack_that_has_another_token() {
    let (stack, _turn) = among_others().await;
    let recording = Recording::new(stack, 100_000);
    recording.bring_in(stack).await;
    let tested = smoke_test(stack, &recording.sid, &[("TWILIO_AUTH_TOKEN", "another token")]).await;
    let output = String::from_utf8(tested.stdout).unwrap();
    assert_eq!(tested.status.code(), Some(1), "{output}");
    assert!(
        output.contains("a signed callback is accepted: FAILED: 403, not 204"),
        "{output}"
    );
    assert!(output.ends_with("1 failed\n"), "{output}");
}
