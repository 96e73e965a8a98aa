//! Asks the sample questions of docs/CATALOG.md. The operator's function writes the catalog, DuckDB reads it, and this module
//! computes every answer from the receipts themselves.

mod answers;

use std::fs;

use local_stack::{Role, Stack, values};
use serde_json::{Value, json};
use tokio::process::Command;
use toolbox::Venv;

use self::answers::{ANSWERS, Known};
use super::{Block, CATALOG, Shell, block_with, blocks};
use crate::support::{OwnStack, Recording, options};

/// The statements that come before the questions: the view of DuckDB and the table of Athena.
const DEFINITIONS: usize = 2;

/// Prints the answer to each question as JSON. The questions are the arguments.
const ASK: &str = "
import json, sys, duckdb
for statement in open('receipts.sql').read().split(';'):
    if statement.strip():
        duckdb.execute(statement)
for question in sys.argv[1:]:
    print(json.dumps(duckdb.execute(question).fetchall()))
";

/// Puts a receipt and its entry in the index, as the copier does.
async fn put(stack: &Stack, receipt: &Value, day: &str) {
    let sid = receipt["recordingSid"].as_str().unwrap();
    let entry = format!("index/day/{}/{sid}", day.replace('-', "/"));
    for (key, body) in [
        (format!("receipts/{sid}.json"), receipt.to_string()),
        (entry, String::new()),
    ] {
        let put = stack.s3().put_object().bucket(values::BUCKET).key(key);
        put.body(body.into_bytes().into()).send().await.unwrap();
    }
}

/// The receipts in the bucket. The copier wrote those of real recordings.
async fn receipts(stack: &Stack) -> Vec<Value> {
    let s3 = stack.s3();
    let mut pages = s3
        .list_objects_v2()
        .bucket(values::BUCKET)
        .prefix("receipts/")
        .into_paginator()
        .send();
    let mut receipts = Vec::new();
    while let Some(page) = pages.next().await {
        for object in page.unwrap().contents() {
            let get = s3.get_object().bucket(values::BUCKET).key(object.key().unwrap());
            let body = get.send().await.unwrap().body.collect().await.unwrap();
            receipts.push(serde_json::from_slice(&body.to_vec()).unwrap());
        }
    }
    receipts
}

/// Writes the catalog as the document says, brings it to the laptop, and asks the questions. Returns the rows of each answer.
async fn ask(shell: &Shell, questions: &[Block]) -> Vec<Value> {
    let operate = block_with(CATALOG, "vault.py operate").with("NAME", "vault");
    let printed = shell.run(&operate).await;
    assert!(printed.contains(" done: days "), "{printed}");
    let sync = block_with(CATALOG, "aws s3 sync").with("BUCKET", values::BUCKET);
    let printed = shell.run(&sync).await;
    assert!(printed.contains("2026-11-01"), "{printed}");

    let python = tokio::task::spawn_blocking(|| toolbox::python(Venv::Sql).unwrap());
    let asked = Command::new(python.await.unwrap())
        .args(["-c", ASK])
        .args(questions.iter().map(|question| &question.text))
        .current_dir(shell.folder())
        .output()
        .await
        .unwrap();
    let (printed, said) = (
        String::from_utf8(asked.stdout).unwrap(),
        String::from_utf8_lossy(&asked.stderr),
    );
    assert!(asked.status.success(), "{said}");
    printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Compares each answer with the one that is computed here.
fn check(answers: &[Value], questions: &[Block], known: &[Known]) {
    assert_eq!((answers.len(), questions.len()), (ANSWERS.len(), ANSWERS.len()));
    for ((answer, question), expected) in answers.iter().zip(questions).zip(ANSWERS) {
        let expected = expected(known);
        assert!(!expected.is_empty(), "no row is expected: {}", question.text);
        assert_eq!(*answer, json!(expected), "{}", question.text);
    }
}

#[tokio::test]
async fn duckdb_answers_the_sample_questions_over_the_catalog_that_the_operator_wrote() {
    let stack = OwnStack::start(options()).await;
    let shell = Shell::for_stack(&stack).await;
    shell.make_stack("vault", Role::Operator.name(), values::BUCKET).await;
    let program = tokio::task::spawn_blocking(|| toolbox::tool(Venv::Sql, "duckdb").unwrap());
    shell.install("duckdb", &format!("exec '{}' \"$@\"", program.await.unwrap().display()));
    let mut statements = blocks(CATALOG, "sql");
    let questions = statements.split_off(DEFINITIONS);
    fs::write(shell.folder().join("receipts.sql"), &statements[0].text).unwrap();

    let (kept, erased) = (Recording::new(&stack, 20_000), Recording::new(&stack, 20_000));
    for recording in [&kept, &erased] {
        recording.bring_in(&stack).await;
    }
    for (receipt, day) in answers::generated() {
        put(&stack, &receipt, &day).await;
    }
    let known = answers::known(&receipts(&stack).await);
    assert!(known.iter().any(|one| one.is(&kept.sid)), "the copier wrote a receipt");
    check(&ask(&shell, &questions).await, &questions, &known);

    // An erasure removes the file of the day. The next run writes it again, without the recording.
    let answer = stack
        .invoke(Role::Operator, &json!({"erase": erased.sid}))
        .await
        .unwrap();
    assert!(!answer.failed, "{answer:?}");
    let known: Vec<_> = known.into_iter().filter(|one| !one.is(&erased.sid)).collect();
    check(&ask(&shell, &questions).await, &questions, &known);
    let copies = walk(&shell.folder().join("catalog"));
    assert!(copies.iter().all(|file| !file.contains(&erased.sid)) && !copies.is_empty());
}

/// The contents of the files of a synchronized catalog.
fn walk(folder: &std::path::Path) -> Vec<String> {
    let days = fs::read_dir(folder).unwrap().map(|day| day.unwrap().path());
    days.map(|day| fs::read_to_string(day.join("receipts.jsonl")).unwrap())
        .collect()
}
