//! An operator's shell: bash, with the AWS CLI and a Python that has boto3.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Output, Stdio},
};

use local_stack::{Stack, values};
use loopback::Server;
use tokio::{io::AsyncWriteExt, process::Command};
use toolbox::{Scratch, Venv};

use super::Block;

pub(super) struct Shell {
    /// Contains `bin` and the files that commands write.
    scratch: Scratch,
    aws: String,
    lambda: String,
}

impl Shell {
    pub(super) async fn for_stack(stack: &Stack) -> Self {
        Self::at(stack.aws_endpoint(), stack.lambda_endpoint()).await
    }

    pub(super) async fn for_emulator(endpoint: &str) -> Self {
        Self::at(endpoint, endpoint).await
    }

    async fn at(aws: &str, lambda: &str) -> Self {
        let tool = |name| tokio::task::spawn_blocking(move || toolbox::tool(Venv::Interop, name).unwrap());
        let scratch = Scratch::new().unwrap();
        fs::create_dir(scratch.path().join("bin")).unwrap();
        for folder in ["scripts", "events"] {
            symlink(toolbox::workspace_root().join(folder), scratch.path().join(folder)).unwrap();
        }
        let shell = Self {
            scratch,
            aws: aws.to_owned(),
            lambda: lambda.to_owned(),
        };
        shell.install(
            "python3",
            &format!("exec '{}' \"$@\"", tool("python").await.unwrap().display()),
        );
        shell.install_aws(&tool("aws").await.unwrap());
        let cargo_lambda = tokio::task::spawn_blocking(|| toolbox::tool(Venv::Stack, "cargo-lambda").unwrap());
        symlink(cargo_lambda.await.unwrap(), shell.folder().join("bin/cargo-lambda")).unwrap();
        shell
    }

    /// Uses Debian's AWS CLI, which has version 2.
    pub(super) async fn with_version_2(self) -> Self {
        let program = tokio::task::spawn_blocking(|| toolbox::program("aws", "awscli").unwrap());
        self.install_aws(&program.await.unwrap());
        self
    }

    /// Neither version reads every endpoint from the environment: Debian's is too old, and the other one must use a
    /// different SQS.
    fn install_aws(&self, program: &Path) {
        let script = format!(
            "if [ \"$1\" = lambda ]; then url='{}'; else url='{}'; fi\nexec '{}' --endpoint-url \"$url\" \"$@\"",
            self.lambda,
            self.aws,
            program.display()
        );
        self.install("aws", &script);
    }

    pub(super) fn install(&self, name: &str, script: &str) {
        let path = self.folder().join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The folder in which commands run.
    pub(super) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// Runs the block to its end and returns its output.
    pub(super) async fn run(&self, block: &Block) -> String {
        let ended = self.bash(block).await;
        // Some of the output may be audio.
        let printed = String::from_utf8_lossy(&ended.stdout).into_owned();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{}\n{printed}{said}", block.text);
        printed
    }

    /// Runs a command that must fail, and returns its output.
    pub(super) async fn fails(&self, command: &str) -> String {
        let ended = self.bash(&Block::of(command)).await;
        assert_eq!(ended.status.code(), Some(1), "{command}");
        String::from_utf8(ended.stderr).unwrap()
    }

    /// Creates a CloudFormation stack with the two outputs that identify a deployment. An empty output is left out.
    pub(super) async fn make_stack(&self, name: &str, function: &str, bucket: &str) {
        let outputs = [("OperatorFunctionName", function), ("Bucket", bucket)];
        let outputs = outputs.into_iter().filter(|(_, value)| !value.is_empty());
        let outputs: serde_json::Map<_, _> = outputs
            .map(|(name, value)| (name.to_owned(), serde_json::json!({"Value": value})))
            .collect();
        let template = serde_json::json!({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs});
        let make = format!(
            "aws cloudformation create-stack --stack-name {name} --template-body '{template}'
             aws cloudformation wait stack-create-complete --stack-name {name}"
        );
        self.run(&Block::of(&make)).await;
    }

    async fn bash(&self, block: &Block) -> Output {
        let path = std::env::var("PATH").unwrap();
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &block.text])
            .current_dir(self.folder())
            .env("PATH", format!("{}/bin:{path}", self.folder().display()))
            .env("HOME", self.folder())
            .env("AWS_ENDPOINT_URL", &self.aws)
            .env("AWS_ENDPOINT_URL_LAMBDA", &self.lambda)
            .env("AWS_DEFAULT_REGION", values::REGION)
            .env("AWS_ACCESS_KEY_ID", values::ACCESS_KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", values::SECRET_ACCESS_KEY)
            .env("AWS_PAGER", "")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut running = bash.spawn().unwrap();
        let mut keyboard = running.stdin.take().unwrap();
        // A command that reads no input may have ended already.
        let _ = keyboard.write_all(block.typed.as_bytes()).await;
        drop(keyboard);
        running.wait_with_output().await.unwrap()
    }
}

/// The address of an S3 that refuses every request, as S3 does without permission. The emulators check no permissions.
pub(super) async fn refusing_s3() -> String {
    const REFUSAL: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
    let server = Server::answering(403, &[("content-type", "application/xml")], REFUSAL).await;
    server.endpoint().to_owned()
}
