//! Installs the archive of a release with nothing from the checkout: in an empty folder, with the commands of its
//! INSTALL.md, the AWS CLI and SAM. Then it starts the released binaries as the deployment configures them.
//!
//! `tests/end-to-end` runs the other way of INSTALL.md, the setup.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use local_stack::{Binaries, Build};
use serde_json::Value;
use toolbox::{Ministack, Venv, python};

use crate::{
    account::{Account, BUCKET, STACK, without_metric_math},
    start::every_function_starts,
};

/// glibc of Amazon Linux 2023, where the functions run.
const GLIBC: u32 = 34;

#[tokio::test]
#[ignore = "needs the archive of scripts/release in RELEASE_ARCHIVE; .ci/run makes it"]
async fn the_archive_deploys_as_its_install_page_says_and_its_functions_start() {
    // No macro is expanded in this account.
    let account = Account::open(Ministack::start().unwrap());
    let release = Unpacked::new(&account, &archive());
    let [checked, _, by_the_aws_cli, by_sam] = &release.commands()[..] else {
        panic!("INSTALL.md must have four blocks of commands")
    };
    assert_eq!(release.run(checked), "OK\n");
    release.simplify_monitoring();
    for commands in [by_the_aws_cli, &by_sam.replace(STACK, "by-sam")] {
        let commands = commands
            .replace("BUCKET", BUCKET)
            .replace("ACCOUNT_SID", "AC00000000000000000000000000000001")
            .replace("WORKSPACE_SID", "WS00000000000000000000000000000001");
        release.run(&commands);
    }

    assert_eq!(account.status(), "CREATE_COMPLETE");
    let by_sam = "client('cloudformation').describe_stacks(StackName='by-sam')['Stacks'][0]['StackStatus']";
    assert_eq!(account.evaluate(by_sam), "CREATE_COMPLETE");
    assert!(account.outputs()["CallRecordingWebhookUrl"].contains("?taskSid={taskSid}#"));
    let description = release.json("template.json")["Description"].clone();
    let version = format!(" Version {}.", env!("CARGO_PKG_VERSION"));
    assert!(description.as_str().unwrap().ends_with(&version), "{description}");
    let binaries = Binaries::build(Build::Release).unwrap();
    every_function_starts(&binaries, &account.environments()).await;
    for role in [local_stack::Role::Webhook, local_stack::Role::Playback] {
        let needed = newest_glibc(&fs::read(binaries.of(role).unwrap()).unwrap());
        assert!((2..=GLIBC).contains(&needed), "{role} needs glibc 2.{needed}");
    }
}

/// The schema is in a package of Checkov's environment.
const VALIDATE: &str = "import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
with open(sys.argv[1], encoding='utf-8') as file:
    sys.exit(JsonStrictValidator(SchemaVersion.V1_6).validate_str(file.read()))";

#[test]
#[ignore = "needs the archive of scripts/release in RELEASE_ARCHIVE; .ci/run makes it"]
fn the_list_of_libraries_is_valid_cyclonedx_and_each_library_has_its_license() {
    let account = Account::open(Ministack::start().unwrap());
    let release = Unpacked::new(&account, &archive());
    let list = release.folder.join("sbom.cdx.json");
    let mut validate = Command::new(python(Venv::Checkov).unwrap());
    let validated = validate.args(["-c", VALIDATE]).arg(&list).output().unwrap();
    let errors = String::from_utf8_lossy(&validated.stderr);
    assert!(validated.status.success(), "{errors}");

    let licenses = fs::read_to_string(release.folder.join("THIRD-PARTY-LICENSES.txt")).unwrap();
    let components = release.json("sbom.cdx.json")["components"].as_array().unwrap().clone();
    let names: Vec<_> = components
        .iter()
        .map(|component| component["name"].as_str().unwrap())
        .collect();
    for (name, compiled_in) in [
        ("recording-callback", true),
        ("recording-playback", true),
        ("aws-lc-sys", true),
        // These run only while the functions are compiled or tested.
        ("serde_derive", false),
        ("cc", false),
        ("proptest", false),
    ] {
        assert_eq!(names.contains(&name), compiled_in, "{name}");
    }
    for library in components.iter().filter(|component| component["purl"].is_string()) {
        let (name, version) = (library["name"].as_str().unwrap(), library["version"].as_str().unwrap());
        assert!(licenses.contains(&format!("\n{name} {version}: ")), "{name} {version}");
    }
}

/// An archive that is unpacked in an account's folder, which was empty.
struct Unpacked<'a> {
    account: &'a Account,
    folder: PathBuf,
}

impl<'a> Unpacked<'a> {
    fn new(account: &'a Account, archive: &Path) -> Self {
        let mut unpack = Command::new(python(Venv::Interop).unwrap());
        unpack.args(["-m", "tarfile", "--extract"]).arg(archive);
        let unpacked = account.in_account(&mut unpack).status().unwrap();
        assert!(unpacked.success());
        let entries: Vec<_> = fs::read_dir(account.folder()).unwrap().collect();
        let [Ok(root)] = &entries[..] else {
            panic!("the archive must have one folder: {entries:?}")
        };
        Self {
            account,
            folder: root.path(),
        }
    }

    /// The blocks of commands in INSTALL.md.
    fn commands(&self) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join("INSTALL.md")).unwrap();
        let blocks = text.split("```sh\n").skip(1);
        blocks
            .map(|block| block.split("```").next().unwrap().to_owned())
            .collect()
    }

    /// Runs commands as an administrator does, and returns what they print.
    fn run(&self, commands: &str) -> String {
        let tools = [Venv::Interop, Venv::Lint].map(|venv| python(venv).unwrap());
        let [aws, sam] = tools.each_ref().map(|tool| tool.parent().unwrap().display());
        let path = format!("{aws}:{sam}:/usr/bin:/bin");
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", commands]).env_clear();
        let ran = self.account.in_account(&mut bash).env("PATH", path);
        let ran = ran.current_dir(&self.folder).output().unwrap();
        let printed = String::from_utf8(ran.stdout).unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{commands}\n{printed}{said}");
        printed
    }

    /// Replaces the alarms that the emulator refuses.
    fn simplify_monitoring(&self) {
        let monitoring = without_metric_math(self.json("monitoring.json"));
        fs::write(self.folder.join("monitoring.json"), monitoring.to_string()).unwrap();
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.folder.join(name)).unwrap()).unwrap()
    }
}

/// The archive that is tested.
fn archive() -> PathBuf {
    let path = env::var("RELEASE_ARCHIVE").expect("RELEASE_ARCHIVE names the archive that scripts/release made");
    PathBuf::from(path).canonicalize().unwrap()
}

/// The newest version of glibc that a binary's symbols name: 28 for 2.28.
fn newest_glibc(binary: &[u8]) -> u32 {
    let names = binary.split(|byte| *byte == 0);
    let versions = names.filter_map(|name| std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_2."));
    versions
        .filter_map(|version| version.split('.').next()?.parse().ok())
        .max()
        .unwrap_or_default()
}
