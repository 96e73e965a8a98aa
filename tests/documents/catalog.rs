//! Parses the statements of docs/CATALOG.md as Athena's SQL and as DuckDB's, because no Athena runs here. `tests/end-to-end`
//! runs the questions on DuckDB.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

use serde_json::{Value, json};
use toolbox::{Venv, python};

use crate::sources::read;

const CATALOG: &str = "docs/CATALOG.md";

/// Prints the names and types of the columns of each definition, and the columns, tables and functions of each question.
/// Athena uses Hive's grammar for definitions and Trino's for questions.
const PARSE: &str = "
import json, sys, sqlglot
from sqlglot import exp
view, table, *questions = json.loads(sys.argv[1])
strict = {'error_level': sqlglot.ErrorLevel.RAISE}
parsed = sqlglot.parse_one(table, dialect='athena', **strict)
columns = {column.name: column.kind.sql('trino') for column in parsed.this.expressions}
properties = {p.name: p.args['value'].name for p in parsed.args['properties'].expressions if type(p) is exp.Property}
asked = []
for question in questions:
    for dialect in ('athena', 'trino', 'duckdb'):
        found = sqlglot.parse_one(question, dialect=dialect, **strict)
        given = {alias.alias for alias in found.find_all(exp.Alias)}
        asked.append({
            'columns': sorted({column.name for column in found.find_all(exp.Column)} - given),
            'tables': sorted({table.name for table in found.find_all(exp.Table)}),
            'functions': sorted({call.sql_name() for call in found.find_all(exp.Func) if not isinstance(call, exp.Connector)}),
        })
sqlglot.parse_one(view, dialect='duckdb', **strict)
print(json.dumps({'columns': columns, 'properties': properties, 'asked': asked}))
";

/// The functions of the questions, which both engines document alike: DuckDB's `date_diff` counts the boundaries of seconds
/// and Trino's counts whole seconds, which is the same for times without fractions.
const FUNCTIONS: [&str; 9] = [
    "CAST",
    "COUNT",
    "DATEDIFF",
    "MAX",
    "MIN",
    "REPLACE",
    "ROUND",
    "SUBSTRING",
    "SUM",
];

fn statements() -> Vec<String> {
    let text = read(CATALOG);
    let blocks = text.split("```sql\n").skip(1);
    blocks
        .map(|block| block.split("\n```").next().unwrap().to_owned())
        .collect()
}

fn parsed() -> Value {
    let parsed = Command::new(python(Venv::Sql).unwrap())
        .args(["-c", PARSE, &json!(statements()).to_string()])
        .output()
        .unwrap();
    assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
    serde_json::from_slice(&parsed.stdout).unwrap()
}

/// The columns of the view, with the types that Athena has for them.
fn columns_of_the_view() -> BTreeMap<String, String> {
    let view = statements().remove(0);
    let (_, columns) = view.split_once("columns = {\n").unwrap();
    let lines = columns.lines().take_while(|line| line.contains(':'));
    lines
        .map(|line| {
            let (name, kind) = line.trim().trim_end_matches(',').split_once(": ").unwrap();
            (name.to_owned(), kind.trim_matches('\'').to_owned())
        })
        .collect()
}

#[test]
fn both_engines_have_the_same_columns() {
    let parsed = parsed();
    let columns = parsed["columns"].as_object().unwrap();
    let columns = columns
        .iter()
        .map(|(name, kind)| (name.clone(), kind.as_str().unwrap().to_owned()));
    assert_eq!(columns.collect::<BTreeMap<_, _>>(), columns_of_the_view());
}

#[test]
fn both_engines_have_every_field_of_a_receipt() {
    let schema: Value = serde_json::from_str(&read("docs/receipt.schema.json")).unwrap();
    let fields: BTreeSet<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(columns_of_the_view().into_keys().collect::<BTreeSet<_>>(), fields);
}

#[test]
fn the_table_finds_the_file_of_each_day() {
    let parsed = parsed();
    let properties = &parsed["properties"];
    assert_eq!(properties["projection.enabled"], "true");
    assert_eq!(properties["projection.day.type"], "date");
    assert_eq!(properties["projection.day.format"], "yyyy-MM-dd");
    assert_eq!(
        properties["storage.location.template"],
        "s3://BUCKET/catalog/day=${day}/"
    );
}

#[test]
fn every_question_is_valid_for_both_engines_and_uses_what_both_have() {
    let parsed = parsed();
    let asked = parsed["asked"].as_array().unwrap();
    assert!(asked.len() >= 3 * 8, "{asked:?}");
    let mut known: BTreeSet<_> = columns_of_the_view().into_keys().collect();
    known.insert("day".to_owned());
    let names = |value: &Value| -> BTreeSet<String> {
        let names = value.as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    for question in asked {
        assert!(names(&question["columns"]).is_subset(&known), "{question}");
        assert_eq!(question["tables"], json!(["receipts"]), "{question}");
        let functions = names(&question["functions"]);
        assert!(
            functions.iter().all(|name| FUNCTIONS.contains(&name.as_str())),
            "{question}"
        );
    }
}

#[test]
fn an_analyst_may_read_the_catalog_and_no_recording() {
    let text = read(CATALOG);
    let (_, policy) = text.split_once("```json\n").unwrap();
    let policy: Value = serde_json::from_str(policy.split("\n```").next().unwrap()).unwrap();
    let listed = |value: &Value| match value {
        Value::Array(values) => values.clone(),
        value => vec![value.clone()],
    };
    let mut of_the_bucket = Vec::new();
    for statement in policy["Statement"].as_array().unwrap() {
        assert_eq!(statement["Effect"], "Allow");
        for action in listed(&statement["Action"]) {
            for resource in listed(&statement["Resource"]) {
                let (action, resource) = (action.as_str().unwrap(), resource.as_str().unwrap());
                assert!(!action.contains('*') && resource != "*", "{statement}");
                if resource.starts_with("arn:aws:s3:::BUCKET") {
                    of_the_bucket.push(format!("{action} {}", &resource["arn:aws:s3:::".len()..]));
                }
                if resource == "RECORDINGS_KEY_ARN" {
                    assert_eq!(action, "kms:Decrypt");
                    // Without it, the statement would open recordings.
                    let context = &statement["Condition"]["StringEquals"]["kms:EncryptionContext:aws:s3:arn"];
                    assert_eq!(*context, "arn:aws:s3:::BUCKET");
                }
            }
        }
    }
    of_the_bucket.sort();
    let expected = [
        "s3:GetBucketLocation BUCKET",
        "s3:GetObject BUCKET/catalog/*",
        "s3:ListBucket BUCKET",
    ];
    assert_eq!(of_the_bucket, expected);
}
