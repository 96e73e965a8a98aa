//! What a release has deployed and written, in a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};
use toolbox::{Scratch, workspace_root};

use super::{
    activity::{self, now_ms, received, recording},
    service::Service,
};

/// This version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A release's folder.
pub(crate) struct Release {
    pub(crate) folder: PathBuf,
    rest: Value,
}

impl Release {
    /// The latest release before this version.
    pub(crate) fn before_this_version() -> Self {
        let folders = fs::read_dir(folders()).unwrap().map(|entry| entry.unwrap().path());
        let earlier = folders
            .filter(|path| path.is_dir() && number(&path.file_name().unwrap().to_string_lossy()) < number(VERSION));
        let folder = earlier
            .max_by_key(|path| number(&path.file_name().unwrap().to_string_lossy()))
            .unwrap();
        let rest = fs::read_to_string(folder.join("rest.json")).unwrap();
        Self {
            rest: serde_json::from_str(&rest).unwrap(),
            folder,
        }
    }

    /// The data keys of its recordings.
    pub(crate) fn wrapped_keys(&self) -> Vec<Value> {
        self.rest["wrappedKeys"].as_array().unwrap().clone()
    }

    /// The parameters that let the stack use the release's keys. The emulator has none of them, so the test's KMS does.
    pub(crate) fn keys(&self) -> [String; 2] {
        let keys = self.wrapped_keys();
        let [first, .., last] = keys.as_slice() else {
            panic!("not two keys: {keys:?}");
        };
        [("PreviousKmsKeyArns", first), ("PreviousTwilioEncryptionKeyArns", last)]
            .map(|(parameter, key)| format!("{parameter}={}", key["KeyId"].as_str().unwrap()))
    }

    /// A link: `mediaLink`, `segmentLink`, `granted` or `urlProvider`.
    pub(crate) fn link(&self, name: &str) -> &str {
        self.rest["links"][name].as_str().unwrap()
    }

    /// What it wrote into a recording's task, with this base of links.
    pub(crate) fn task_attributes(&self, recording: &str, base: &str) -> String {
        let attributes = self.rest["taskAttributes"][recording].as_str().unwrap();
        let its_base = self.link("urlProvider").split("/media-url").next().unwrap();
        attributes.replace(its_base, base.trim_end_matches('/'))
    }

    /// Puts all recordings and their tasks to Twilio.
    pub(crate) fn put_to_twilio(&self, service: &Service<'_>) {
        for one in recording::ALL {
            activity::add(service, one);
        }
        let media = fs::read(self.folder.join("encrypted.wav")).unwrap();
        activity::keep_encrypted(service, &media, &self.rest["encryptionDetails"]);
    }

    /// A copy of the folder in which waiting links are a minute old, as during an update. Late links are as old as their
    /// queue allows.
    pub(crate) fn as_of_now(&self) -> Scratch {
        let copy = Scratch::new().unwrap();
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
        let file = copy.path().join("state.json");
        let mut state: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for (queue, minutes) in [("LinksQueue", 1), ("LateLinksQueue", 11)] {
            for message in state["messages"][queue].as_array_mut().unwrap() {
                let body = received(message["body"].as_str().unwrap(), now_ms() - minutes * 60_000);
                message["body"] = json!(body);
            }
        }
        fs::write(file, state.to_string()).unwrap();
        copy
    }
}

/// Keeps what this version wrote as its folder, with its templates.
pub(crate) fn keep(written: &Path) {
    let folder = folders().join(VERSION);
    fs::create_dir_all(&folder).unwrap();
    let templates = ["template.yaml", "monitoring.yaml"].map(|name| workspace_root().join(name));
    let written = fs::read_dir(written).unwrap().map(|entry| entry.unwrap().path());
    for file in written.chain(templates) {
        fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
    }
}

fn folders() -> PathBuf {
    workspace_root().join("tests/deployment/upgrade")
}

/// A version's numbers. Other names count as no version.
fn number(version: &str) -> Vec<u64> {
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

/// A value's shape: types instead of values, and the names of fields in order of the alphabet. Text of JSON counts as
/// JSON. A list has the shapes of its elements, each once.
pub(crate) fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("boolean"),
        Value::Number(_) => json!("number"),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(object @ Value::Object(_)) => shape(&object),
            _ => json!("text"),
        },
        Value::Array(elements) => {
            let mut shapes: Vec<_> = elements.iter().map(shape).collect();
            shapes.sort_by_key(Value::to_string);
            shapes.dedup();
            json!(shapes)
        }
        Value::Object(fields) => {
            let mut names: Vec<_> = fields.keys().collect();
            names.sort();
            let fields: Map<_, _> = names
                .into_iter()
                .map(|name| (name.clone(), of_field(name, &fields[name])))
                .collect();
            json!(fields)
        }
    }
}

/// The version and the kind of a message are what an older function decides by.
fn of_field(name: &str, value: &Value) -> Value {
    if ["version", "kind", "status"].contains(&name) {
        value.clone()
    } else {
        shape(value)
    }
}
