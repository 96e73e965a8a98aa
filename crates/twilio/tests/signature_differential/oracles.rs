//! Twilio's libraries, in programs of their own.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    thread,
};

use serde::Deserialize;

use crate::request::Request;

/// A library's result for a request.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    pub(crate) accepted: bool,
    /// The signature that the library computes for exactly this URL and body.
    pub(crate) signature: String,
    /// The other forms of the URL that Node returns.
    #[serde(default)]
    pub(crate) forms: Vec<String>,
}

/// `twilio.request_validator.RequestValidator`.
pub(crate) fn python(requests: &[Request]) -> Vec<Answer> {
    let mut oracle = Command::new(toolbox::python(toolbox::Venv::Interop).unwrap());
    oracle.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/signature_differential/python.py"
    ));
    ask(oracle, requests)
}

/// `twilio/lib/webhooks/webhooks.js`.
pub(crate) fn node(requests: &[Request]) -> Vec<Answer> {
    let modules = toolbox::node_modules(include_str!("package.json"), include_str!("package-lock.json")).unwrap();
    let mut oracle = Command::new("node");
    oracle.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/signature_differential/node.mjs"
    ));
    oracle.arg(modules);
    ask(oracle, requests)
}

fn ask(mut oracle: Command, requests: &[Request]) -> Vec<Answer> {
    let mut oracle = oracle.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let lines: String = requests
        .iter()
        .map(|request| serde_json::to_string(request).unwrap() + "\n")
        .collect();
    let mut stdin = oracle.stdin.take().unwrap();
    // More data goes through the pipes than they can buffer.
    let writer = thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = oracle.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let answers: Vec<Answer> = output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(answers.len(), requests.len());
    answers
}
