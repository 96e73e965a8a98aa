//! An emulated AWS account, and what a deployment made in it.

use std::{collections::BTreeMap, path::Path, process::Command};

use serde_json::Value;
use toolbox::{Ministack, Scratch, Venv, python};

use crate::start::Environment;

pub(crate) const STACK: &str = "recording-vault";
pub(crate) const BUCKET: &str = "artifacts";

/// An account with an empty bucket, and an empty folder for what is deployed.
pub(crate) struct Account {
    ministack: Ministack,
    folder: Scratch,
}

impl Account {
    pub(crate) fn open(ministack: Ministack) -> Self {
        let account = Self {
            ministack,
            folder: Scratch::new().unwrap(),
        };
        account.evaluate(&format!("client('s3').create_bucket(Bucket='{BUCKET}')"));
        account
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
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
        let mut boto3 = Command::new(python(Venv::Lint).unwrap());
        let answer = self.in_account(boto3.args(["-c", &script])).output().unwrap();
        assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        serde_json::from_slice(&answer.stdout).unwrap()
    }

    /// A command that runs in the folder and in the account.
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
