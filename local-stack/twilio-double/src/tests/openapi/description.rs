//! Reads Twilio's description.

use std::{fs, path::Path};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use url::Url;

/// A file of Twilio's description.
pub(super) struct Description(Value);

impl Description {
    pub(super) fn read(folder: &Path, file: &str) -> Self {
        let path = folder.join(file);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self(serde_json::from_str(&text).unwrap())
    }

    /// Null if it is not described.
    pub(super) fn operation(&self, path: &str, method: &Method) -> &Value {
        &self.0["paths"][path][method.as_str().to_lowercase()]
    }

    /// The paths of the description, with `{Name}` for each parameter.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0["paths"].as_object().unwrap().keys().map(String::as_str)
    }

    /// A validator for a schema of this description.
    pub(super) fn validator(&self, schema: &Value) -> Validator {
        let mut schema = schema.clone();
        schema["components"] = self.0["components"].clone();
        tighten(&mut schema);
        let options = jsonschema::options().should_validate_formats(true);
        // The description calls paths URIs too (`next_page_uri`).
        let base = Url::parse("https://api.twilio.com").unwrap();
        let options = options.with_format("uri", move |text: &str| base.join(text).is_ok());
        let options = options.with_format("date-time-rfc-2822", |text: &str| {
            OffsetDateTime::parse(text, &Rfc2822).is_ok()
        });
        options.build(&schema).unwrap()
    }
}

/// Converts OpenAPI 3.0 to a stricter JSON Schema: an object has every described property and no other.
fn tighten(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tighten),
        Value::Object(schema) => {
            schema.values_mut().for_each(tighten);
            if schema.get("nullable") == Some(&json!(true))
                && let Some(only) = schema.get("type").cloned()
            {
                schema.insert("type".to_owned(), json!([only, "null"]));
            }
            if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
                let names: Vec<_> = properties.keys().cloned().collect();
                schema.insert("required".to_owned(), json!(names));
                schema.insert("additionalProperties".to_owned(), json!(false));
            }
        }
        _ => {}
    }
}
