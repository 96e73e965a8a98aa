//! What this version writes in addition to the release before. That release ignores each of these fields and objects.

use serde_json::Value;

/// Fields that are new, by their path. `*` means every element of a list. Text of JSON counts as JSON.
const FIELDS: [&[&str]; 7] = [
    &["messages", "CopiesQueue", "*", "body", "taskSid"],
    &["messages", "CopiesQueue", "*", "body", "reservationSid"],
    &["objects", "*", "metadata", "tasksid"],
    &["objects", "*", "metadata", "reservationsid"],
    &["objects", "*", "text", "work", "verify", "counts", "receipts"],
    &["objects", "*", "text", "work", "backfill", "counts", "withoutReceipt"],
    &["objects", "*", "text", "work", "reconcile", "counts", "withoutReceipt"],
];

/// The folders of new objects.
const FOLDERS: [&str; 3] = ["deleted-originals/", "index/", "receipts/"];

/// Removes the additions from what this version wrote. Each of them must be there.
pub(crate) fn remove(state: &mut Value) {
    let objects = state["objects"].as_array_mut().unwrap();
    for folder in FOLDERS {
        let before = objects.len();
        objects.retain(|object| !object["key"].as_str().unwrap().starts_with(folder));
        assert!(objects.len() < before, "nothing is written to {folder} any more");
    }
    for path in FIELDS {
        assert!(remove_field(state, path) > 0, "{path:?} is not written any more");
    }
}

/// Removes the fields at `path`. Returns how many there were.
fn remove_field(value: &mut Value, path: &[&str]) -> usize {
    match (value, path) {
        (Value::Object(fields), [name]) => usize::from(fields.remove(*name).is_some()),
        (Value::Object(fields), [name, rest @ ..]) => {
            fields.get_mut(*name).map_or(0, |field| remove_field(field, rest))
        }
        (Value::Array(elements), ["*", rest @ ..]) => {
            elements.iter_mut().map(|element| remove_field(element, rest)).sum()
        }
        (Value::String(text), path) => {
            let Ok(mut document @ Value::Object(_)) = serde_json::from_str(text) else {
                return 0;
            };
            let removed = remove_field(&mut document, path);
            *text = document.to_string();
            removed
        }
        _ => 0,
    }
}
