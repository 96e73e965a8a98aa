//! An emulated AWS account, and what a deployment made in it.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use deployment::{expand, listed};
use serde_json::Value;
use toolbox::{Ministack, Scratch, Venv, python, tool, workspace_root};

use crate::start::Environment;

pub(crate) const STACK: &str = "recording-vault";
pub(crate) const BUCKET: &str = "artifacts";

/// An account with an empty bucket, and a folder for what is deployed.
pub(crate) struct Account {
    ministack: Ministack,
    folder: Scratch,
}

impl Account {
    /// An empty folder.
    pub(crate) fn open(ministack: Ministack) -> Self {
        let account = Self {
            ministack,
            folder: Scratch::new().unwrap(),
        };
        account.evaluate(&format!("client('s3').create_bucket(Bucket='{BUCKET}')"));
        account
    }

    /// A folder with a copy of this version's templates, and stubs as the functions' code.
    pub(crate) fn with_templates() -> Self {
        let account = Self::open(Ministack::start_with_sam().unwrap());
        fs::create_dir(account.folder().join("stub")).unwrap();
        account.take_templates(workspace_root());
        account
    }

    /// Deploys from now on the templates of a folder, with other code.
    pub(crate) fn take_templates(&self, of: &Path) {
        let stub = format!("#!/bin/sh\n# {}\n", of.display());
        fs::write(self.folder.path().join("stub/bootstrap"), stub).unwrap();
        let template = fs::read_to_string(of.join("template.yaml")).unwrap();
        let template = template.replace("CodeUri: .\n", "CodeUri: stub\n");
        let monitoring = without_metric_math(expand(&of.join("monitoring.yaml")));
        fs::write(self.folder.path().join("template.yaml"), template).unwrap();
        fs::write(self.folder.path().join("monitoring.yaml"), monitoring.to_string()).unwrap();
    }

    /// The URL of every AWS service.
    pub(crate) fn endpoint(&self) -> &str {
        self.ministack.endpoint()
    }

    /// Deploys, and returns the outputs.
    pub(crate) fn deploy(&self, options: &[&str]) -> BTreeMap<String, String> {
        let mut sam = Command::new(tool(Venv::Lint, "sam").unwrap());
        sam.args(["deploy", "--template-file", "template.yaml", "--stack-name", STACK])
            .args(["--s3-bucket", BUCKET, "--capabilities", "CAPABILITY_IAM"])
            .args(["--no-confirm-changeset", "--no-progressbar", "--parameter-overrides"])
            .arg("TwilioAccountSid=AC00000000000000000000000000000001")
            .arg("TwilioWorkspaceSid=WS00000000000000000000000000000001")
            .args(options);
        let deployed = self.in_account(&mut sam).output().unwrap();
        let output = String::from_utf8_lossy(&deployed.stdout);
        let errors = String::from_utf8_lossy(&deployed.stderr);
        assert!(deployed.status.success(), "{output}{errors}");
        self.outputs()
    }

    /// The stack's outputs.
    pub(crate) fn outputs(&self) -> BTreeMap<String, String> {
        let outputs = self.evaluate(&format!(
            "{{output['OutputKey']: output['OutputValue'] for output in \
             client('cloudformation').describe_stacks(StackName='{STACK}')['Stacks'][0]['Outputs']}}"
        ));
        serde_json::from_value(outputs).unwrap()
    }

    /// The functions' resolved environments by the functions' names in the template.
    pub(crate) fn environments(&self) -> BTreeMap<String, Environment> {
        let environments = self.evaluate(&format!(
            "{{resource['LogicalResourceId']: client('lambda').get_function_configuration(\
             FunctionName=resource['PhysicalResourceId'])['Environment']['Variables'] \
             for resource in client('cloudformation').describe_stack_resources(StackName='{STACK}')['StackResources'] \
             if resource['ResourceType'] == 'AWS::Lambda::Function'}}"
        ));
        serde_json::from_value(environments).unwrap()
    }

    /// The principals that may decrypt with a key: `any`, or the names in the condition of its policy.
    pub(crate) fn allowed_principals(&self, key: &str) -> Vec<String> {
        let policy = self.evaluate(&format!(
            "client('kms').get_key_policy(KeyId='{key}', PolicyName='default')['Policy']"
        ));
        let policy: Value = serde_json::from_str(policy.as_str().unwrap()).unwrap();
        let using = policy["Statement"].as_array().unwrap().iter();
        let using = using.filter(|statement| listed(&statement["Action"]).contains(&&Value::from("kms:Decrypt")));
        let named = using.flat_map(
            |statement| match statement.pointer("/Condition/ArnLike/aws:PrincipalArn") {
                Some(names) => listed(names)
                    .into_iter()
                    .map(|name| name.as_str().unwrap().to_owned())
                    .collect(),
                None => vec!["any".to_owned()],
            },
        );
        named.collect()
    }

    pub(crate) fn delete(&self) {
        self.evaluate(&format!(
            "[client('cloudformation').delete_stack(StackName='{STACK}'), \
             client('cloudformation').get_waiter('stack_delete_complete').wait(StackName='{STACK}')]"
        ));
    }

    /// The newest status of the stack. A deleted stack has a status but no description.
    pub(crate) fn status(&self) -> String {
        let stacks = self.evaluate("client('cloudformation').list_stacks()['StackSummaries']");
        let stacks = stacks.as_array().unwrap().iter();
        let own = stacks.filter(|stack| stack["StackName"] == STACK);
        own.map(|stack| stack["StackStatus"].as_str().unwrap().to_owned())
            .next_back()
            .unwrap()
    }

    /// Evaluates a boto3 expression and returns its value.
    pub(crate) fn evaluate(&self, expression: &str) -> Value {
        let script = format!("import json; from boto3 import client; print(json.dumps({expression}, default=str))");
        self.run(&script, &[])
    }

    /// Runs a Python script with the account's boto3. Returns the JSON that it prints.
    pub(crate) fn run(&self, script: &str, arguments: &[&str]) -> Value {
        let mut boto3 = Command::new(python(Venv::Lint).unwrap());
        let answer = self
            .in_account(boto3.args(["-c", script]).args(arguments))
            .output()
            .unwrap();
        assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        serde_json::from_slice(&answer.stdout).unwrap()
    }

    /// The working folder of [`in_account`](Self::in_account).
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Lets a command use the account, in a folder with the templates.
    pub(crate) fn in_account<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("AWS_ENDPOINT_URL", self.ministack.endpoint())
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("SAM_CLI_TELEMETRY", "0")
    }
}

/// `monitoring.yaml` with alarms on single metrics instead of expressions, which the emulator refuses. `alarms.rs`
/// evaluates the expressions.
pub(crate) fn without_metric_math(mut template: Value) -> Value {
    for (_, resource) in template["Resources"].as_object_mut().unwrap() {
        let properties = resource["Properties"].as_object_mut().unwrap();
        let Some(metrics) = properties.remove("Metrics") else {
            continue;
        };
        let mut stats = metrics.as_array().unwrap().iter().map(|metric| &metric["MetricStat"]);
        let stat = stats.find(|stat| stat.is_object()).unwrap();
        properties.extend(stat["Metric"].as_object().unwrap().clone());
        properties.insert("Statistic".to_owned(), stat["Stat"].clone());
        properties.insert("Period".to_owned(), stat["Period"].clone());
    }
    template
}
