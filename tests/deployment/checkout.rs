//! Deploys from a checkout with the commands of docs/OPERATIONS.md, "Deploy from a checkout": the real `sam` at a
//! terminal, with a stub in place of Cargo.

use std::{env, fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use serde_json::json;
use toolbox::{Venv, python, tool, workspace_root};

use crate::account::Account;

/// Logs how it is called, and makes the binaries that `cargo lambda build` would make.
const CARGO: &str = "#!/bin/sh
if [ \"$1\" != lambda ]; then exec \"$REAL_CARGO\" \"$@\"; fi
echo \"$@\" >> cargo.log
for binary in recording-callback recording-playback; do
    mkdir -p \"target/lambda/$binary\"
    printf '#!/bin/sh\\n' > \"target/lambda/$binary/bootstrap\"
done
";

/// A package with the names of the two binaries, for `cargo metadata`.
const PACKAGE: &str = r#"
[package]
name = "functions"
[[bin]]
name = "recording-callback"
path = "main.rs"
[[bin]]
name = "recording-playback"
path = "main.rs"
"#;

#[test]
fn one_file_sets_the_architecture_of_the_build_and_the_deployment() {
    let checkout = Checkout::open();
    for (architecture, flags) in [("arm64", " --arm64"), ("x86_64", "")] {
        checkout.set("default", &[("Architecture", architecture)]);
        checkout.build(&[]);
        for binary in ["recording-callback", "recording-playback"] {
            let built = format!("lambda build --release{flags} --bin {binary}");
            assert!(checkout.builds().contains(&built), "{built}: {:?}", checkout.builds());
        }
    }
    let shown = checkout.at_terminal(&["deploy"], &[("Deploy this changeset", "y")]);
    assert_eq!(questions(&shown), ["Deploy this changeset? [y/N]"], "{shown}");
    let architectures = checkout.account.evaluate(
        "sorted({architecture for function in client('lambda').list_functions()['Functions'] \
         for architecture in function['Architectures']})",
    );
    assert_eq!(architectures, json!(["x86_64"]));

    guided(&checkout);
}

/// `sam deploy --guided` asks for every parameter, and for the two confirmations that docs/OPERATIONS.md explains. The
/// answers go into a file that Git ignores.
fn guided(checkout: &Checkout) {
    let before = checkout.read("samconfig.toml");
    let answers = [
        ("no authentication", "y"),
        ("SAM configuration file", "samconfig.local.toml"),
        ("Deploy this changeset", "n"),
    ];
    let shown = checkout.at_terminal(&["deploy", "--guided"], &answers);
    let asked = questions(&shown);
    let about_authentication: Vec<_> = asked
        .iter()
        .filter(|question| question.contains("authentication"))
        .collect();
    assert_eq!(
        about_authentication,
        [
            "WebhookFunction has no authentication. Is this okay? [y/N]",
            "PlaybackFunction Function Url has no authentication. Is this okay? [y/N]",
        ]
    );
    let document = fs::read_to_string(workspace_root().join("docs/OPERATIONS.md")).unwrap();
    for question in about_authentication {
        let question = question.trim_end_matches(" [y/N]");
        assert!(
            document.contains(question),
            "docs/OPERATIONS.md does not explain: {question}"
        );
    }
    assert_eq!(checkout.read("samconfig.toml"), before);
    assert!(
        checkout
            .read("samconfig.local.toml")
            .contains("Architecture=\\\"x86_64\\\"")
    );
    for file in [
        "samconfig.local.toml",
        "parameters/default.yaml",
        "parameters/prod.yaml",
    ] {
        let ignored = Command::new("git")
            .args(["check-ignore", "--quiet", file])
            .current_dir(workspace_root())
            .status();
        assert!(ignored.unwrap().success(), "Git does not ignore {file}");
    }
}

#[test]
fn each_environment_is_a_stack_of_its_own() {
    let checkout = Checkout::open();
    for (name, confirms) in [("dev", false), ("stage", true), ("prod", true)] {
        checkout.set(name, &[]);
        checkout.sam(&["validate", "--config-env", name]);
        // Without the question of stage and prod, and nothing is deployed.
        let environment = ["--config-env", name];
        let command = ["deploy", "--no-execute-changeset", "--no-confirm-changeset"];
        let shown = checkout.sam(&[&command[..], &environment].concat());
        let stack = format!("recording-vault-{name}");
        assert!(
            shown.contains(&format!("Stack name                   : {stack}")),
            "{shown}"
        );
        assert!(
            shown.contains(r#""TwilioAccountSid": "AC00000000000000000000000000000000""#),
            "{shown}"
        );
        let tags = checkout.account.evaluate(&format!(
            "{{tag['Key']: tag['Value'] for tag in \
             client('cloudformation').describe_stacks(StackName='{stack}')['Stacks'][0]['Tags']}}"
        ));
        assert_eq!(tags, json!({"application": "recording-vault", "environment": name}));

        let settings = checkout.read("samconfig.toml");
        let (_, own) = settings.split_once(&format!("\n[{name}.deploy.parameters]\n")).unwrap();
        let confirmation = format!("confirm_changeset = {confirms}\n");
        assert!(own.split("\n[").next().unwrap().contains(&confirmation), "{name}");
    }
}

/// In production, somebody must hear of the alarms.
#[test]
fn production_is_not_deployed_without_a_decision_about_alarms() {
    let checkout = Checkout::open();
    let pattern = deployment::TEMPLATE["Parameters"]["AlarmEmail"]["AllowedPattern"]
        .as_str()
        .unwrap();
    for (file, accepted) in [
        ("TwilioAccountSid: AC1\n", false),
        ("AlarmEmail: operator@example.com\n", true),
        (
            "AlarmEmail: \"\"\nAlarmTopicArn: arn:aws:sns:us-east-1:123456789012:alarms\n",
            true,
        ),
    ] {
        fs::write(checkout.path("parameters/prod.yaml"), file).unwrap();
        let email = checkout.account.run(READ_OVERRIDES, &["prod", "AlarmEmail", pattern]);
        assert_eq!(email, json!(accepted), "{file}");
    }
}

/// Reads an environment's overrides as `sam` does. Prints whether the value of a parameter matches its pattern.
const READ_OVERRIDES: &str = "
import json, re, sys
from samcli.cli.types import CfnParameterOverridesType
from samcli.lib.config.samconfig import SamConfig
_, environment, parameter, pattern = sys.argv
values = SamConfig('.').get_all(['global'], 'parameters', environment)['parameter_overrides']
overrides = CfnParameterOverridesType().convert(values, None, None)
print(json.dumps(bool(re.fullmatch(pattern, overrides[parameter]))))
";

/// A checkout's files for `sam`, in an empty account.
struct Checkout {
    account: Account,
}

impl Checkout {
    fn open() -> Self {
        let checkout = Self {
            account: Account::with_templates(),
        };
        for file in ["template.yaml", "samconfig.toml"] {
            fs::copy(workspace_root().join(file), checkout.path(file)).unwrap();
        }
        fs::create_dir(checkout.path("parameters")).unwrap();
        fs::create_dir(checkout.path("bin")).unwrap();
        fs::write(checkout.path("Cargo.toml"), PACKAGE).unwrap();
        fs::write(checkout.path("main.rs"), "fn main() {}\n").unwrap();
        for (program, script) in [("cargo", CARGO), ("cargo-lambda", "#!/bin/sh\n")] {
            let path = checkout.path("bin").join(program);
            fs::write(&path, script).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        checkout
    }

    fn path(&self, file: &str) -> PathBuf {
        self.account.folder().join(file)
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    /// Copies the example of a parameter file and changes values.
    fn set(&self, environment: &str, values: &[(&str, &str)]) {
        let mut file = fs::read_to_string(workspace_root().join("parameters/example.yaml")).unwrap();
        for (name, value) in values {
            let line = file.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
            file = file.replace(&line, &format!("{name}: {value}"));
        }
        fs::write(self.path(&format!("parameters/{environment}.yaml")), file).unwrap();
    }

    fn build(&self, arguments: &[&str]) {
        self.sam(&[&["build"], arguments].concat());
    }

    /// The calls of `cargo lambda` so far.
    fn builds(&self) -> Vec<String> {
        self.read("cargo.log").lines().map(str::to_owned).collect()
    }

    /// Runs `sam` and returns what it printed.
    fn sam(&self, arguments: &[&str]) -> String {
        let mut sam = Command::new(tool(Venv::Lint, "sam").unwrap());
        self.output(sam.args(arguments))
    }

    /// Runs `sam` at a terminal, with answers to its questions. Returns what the terminal showed.
    fn at_terminal(&self, arguments: &[&str], answers: &[(&str, &str)]) -> String {
        let mut terminal = Command::new(python(Venv::Lint).unwrap());
        let answers = json!(answers).to_string();
        terminal
            .args(["-c", include_str!("terminal.py"), &answers])
            .arg(tool(Venv::Lint, "sam").unwrap())
            .args(arguments);
        self.output(&mut terminal)
    }

    fn output(&self, command: &mut Command) -> String {
        let path = format!("{}:{}", self.path("bin").display(), env::var("PATH").unwrap());
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let command = self
            .account
            .in_account(command)
            .env("PATH", path)
            .env("REAL_CARGO", cargo);
        let ended = command.output().unwrap();
        let shown = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(
            ended.status.success(),
            "{shown}{}",
            String::from_utf8_lossy(&ended.stderr)
        );
        shown
    }
}

/// The questions with a choice.
fn questions(shown: &str) -> Vec<String> {
    let asked = shown
        .lines()
        .filter(|line| line.contains("[y/N]: ") && line.contains('?'));
    let question = |line: &str| line.split(": ").next().unwrap().trim().to_owned();
    asked.map(question).collect()
}
