//! The accounts, the release, and the runs of its setup.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use local_stack::{Account, Binaries, Build, Role, values};
use serde_json::Value;
use toolbox::{Scratch, Venv, python, workspace_root};

use super::{
    INSTALL,
    terminal::{Administrator, Event, PSEUDO_TERMINAL, Ran},
    transcript,
};
use crate::{canaries::assert_no_secret, support::wav};

/// The sentence for the law, and the one for the undo.
pub(super) const CONSENT: &str = "I confirm that these calls may be recorded under the laws that apply to them";
pub(super) const DELETE: &str = "Delete the stack recording-vault";

/// The questions.
pub(super) const REGION: &str = "AWS Region, for example eu-central-1: ";
pub(super) const ACCOUNT: &str = "Twilio Account SID (AC...): ";
pub(super) const WORKSPACE: &str = "its name or SID (empty if there is only one): ";
pub(super) const ALARM_EMAIL: &str = "Email address for alarms (empty for none): ";
pub(super) const RETENTION: &str = "Days until recordings are deleted (0 for never) [0]: ";
pub(super) const API_KEY_SID: &str = "API keys, type Standard): ";
pub(super) const API_KEY_SECRET: &str = "Secret of the API key (not shown): ";
pub(super) const AUTH_TOKEN: &str = "to verify that callbacks come from Twilio (not shown): ";
pub(super) const FLEX_TOKEN: &str = "(empty to skip the playback checks) (not shown): ";
pub(super) const FLEX_AUTH_TOKEN: &str = "Nothing stores it for this (not shown): ";
pub(super) const SENTENCE: &str = "> ";

/// What an administrator answers who makes no mistake.
const RIGHT: [(&str, &str); 11] = [
    (REGION, values::REGION),
    (ACCOUNT, values::ACCOUNT_SID),
    (WORKSPACE, ""),
    (ALARM_EMAIL, "ops@example.com"),
    (RETENTION, ""),
    (API_KEY_SID, values::API_KEY_SID),
    (API_KEY_SECRET, values::API_KEY_SECRET),
    (AUTH_TOKEN, values::AUTH_TOKEN),
    (FLEX_TOKEN, values::FLEX_TOKEN),
    (FLEX_AUTH_TOKEN, values::AUTH_TOKEN),
    (SENTENCE, CONSENT),
];

/// A recording that is in the account before the setup, for the proof.
const EARLIER: &str = "RE000000000000000000000000000000e1";

/// Empty accounts, and an unpacked release.
pub(super) struct Bench {
    pub(super) account: Account,
    folder: Scratch,
    release: PathBuf,
    python: PathBuf,
}

/// One run of the setup. It answers as an administrator who makes no mistake, unless it is told otherwise.
#[derive(Default)]
pub(super) struct Run<'a> {
    arguments: Vec<&'a str>,
    answers: Vec<(&'a str, &'a str)>,
    variables: Vec<(&'a str, String)>,
    when: Option<(&'a str, Event<'a>)>,
}

impl<'a> Run<'a> {
    pub(super) fn with(mut self, arguments: &[&'a str]) -> Self {
        self.arguments.extend(arguments);
        self
    }

    pub(super) fn answering(mut self, question: &'a str, answer: &'a str) -> Self {
        self.answers.push((question, answer));
        self
    }

    pub(super) fn variable(mut self, name: &'a str, value: &str) -> Self {
        self.variables.push((name, value.to_owned()));
        self
    }

    pub(super) fn when(mut self, words: &'a str, event: Event<'a>) -> Self {
        self.when = Some((words, event));
        self
    }
}

impl Bench {
    /// Runs the setup with a fault. It must end with this exit code and these words, and must not change Flex. Its
    /// transcript is the document's section with this title.
    pub(super) async fn fails(&self, title: &str, run: Run<'_>, code: i32, words: &[&str]) -> Ran {
        let before = self.account.twilio().flex_configuration();
        let run = run.with(&INSTALL);
        let arguments = run.arguments.clone();
        let ran = self.setup(run).await;
        assert_eq!(ran.code, Some(code), "{title}:\n{}", ran.shown);
        for word in words {
            assert!(ran.shown.contains(word), "{title}: no {word:?} in\n{}", ran.shown);
        }
        let flex = self.account.twilio().flex_configuration();
        let webhook = |flex: &Option<Value>| flex.as_ref().map(|flex| flex["call_recording_webhook_url"].clone());
        assert_eq!(webhook(&flex), webhook(&before), "{title}");
        assert!(self.routing().is_empty(), "{title}: {:?}", self.routing());
        transcript::hold(title, &arguments, &ran);
        ran
    }

    /// The release is made from this checkout's templates and the binaries beside the tests. If `RELEASE_ARCHIVE` names
    /// an archive, it is used instead.
    pub(super) async fn start() -> Self {
        tokio::task::spawn_blocking(Self::start_blocking).await.unwrap()
    }

    fn start_blocking() -> Self {
        let (folder, python) = (Scratch::new().unwrap(), python(Venv::Lint).unwrap());
        let release = match env::var_os("RELEASE_ARCHIVE") {
            Some(archive) => unpacked(Path::new(&archive), folder.path()),
            None => {
                let release = folder.path().join("recording-vault");
                fs::create_dir(&release).unwrap();
                let binaries = Binaries::build(Build::BesideTests).unwrap();
                let (callback, playback) = (
                    binaries.of(Role::Webhook).unwrap(),
                    binaries.of(Role::Playback).unwrap(),
                );
                make(&python, &[&release, &callback, &playback]);
                release
            }
        };
        let account = Account::start().unwrap_or_else(|error| panic!("{error}"));
        fs::write(account.recordings_dir().join(format!("{EARLIER}.wav")), wav(7, 60_044)).unwrap();
        Self {
            account,
            folder,
            release,
            python,
        }
    }

    /// Runs `scripts/setup.py` of the release at a terminal, in the release's folder.
    pub(super) async fn setup(&self, run: Run<'_>) -> Ran {
        let mut program = tokio::process::Command::new(&self.python);
        program
            .args(["-c", PSEUDO_TERMINAL])
            .arg(&self.python)
            .arg("scripts/setup.py")
            .args(&run.arguments)
            .current_dir(&self.release)
            .env_clear()
            .envs(self.account.environment())
            .env("HOME", self.folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .envs(run.variables);
        let administrator = Administrator {
            // Of two answers to one question, the first one counts.
            answers: [&run.answers[..], &RIGHT].concat(),
            when: run.when,
        };
        let ran = administrator.runs(program).await;
        let backup = fs::read_to_string(self.backup()).unwrap_or_default();
        assert_no_secret("the setup", &ran.shown);
        assert_no_secret("the setup's backup", &backup);
        ran
    }

    /// What the proof has left in TaskRouter: the SIDs of tasks, and the names of queues and workflows.
    pub(super) fn routing(&self) -> Vec<String> {
        let twilio = self.account.twilio();
        [twilio.task_sids(), twilio.routing_names()].concat()
    }

    /// The backup file of the setup.
    pub(super) fn backup(&self) -> PathBuf {
        let name = format!("recording-vault-setup-recording-vault-{}.json", values::REGION);
        self.release.join(name)
    }

    /// A file of the release.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.release.join(name)
    }

    /// Whether nothing is left in AWS that the setup creates first.
    pub(super) async fn is_empty(&self) -> bool {
        let config = self.account.sdk_config();
        let buckets = aws_sdk_s3::Client::new(&config).list_buckets().send().await.unwrap();
        let queues = aws_sdk_sqs::Client::new(&config).list_queues().send().await.unwrap();
        buckets.buckets().is_empty() && queues.queue_urls().is_empty()
    }
}

/// Unpacks an archive into an empty folder.
fn unpacked(archive: &Path, folder: &Path) -> PathBuf {
    let unpacking = Command::new("tar")
        .arg("xzf")
        .arg(archive)
        .args(["--strip-components", "1", "-C"])
        .arg(folder)
        .status();
    assert!(unpacking.unwrap().success());
    folder.to_owned()
}

fn make(python: &Path, arguments: &[&Path]) {
    let made = Command::new(python)
        .arg(workspace_root().join("scripts/tests/releases.py"))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
