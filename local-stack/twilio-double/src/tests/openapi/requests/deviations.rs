//! Compares a request with the description.

use http::request::Parts;
use serde_json::{Value, json};

use super::{Description, Received};

/// Method and path of a request, with the kind of each SID instead of the SID.
pub(super) fn shape(received: &Received) -> String {
    let segments = received.parts.uri.path().split('/').map(|segment| {
        let (name, extension) = segment.split_at(segment.find('.').unwrap_or(segment.len()));
        match name.len() {
            34 => format!("{{{}}}{extension}", &name[..2]),
            _ => segment.to_owned(),
        }
    });
    format!("{} {}", received.parts.method, Vec::from_iter(segments).join("/"))
}

/// The described operation of a request, and the request's deviations from it. `None` if no operation has its method
/// and path.
pub(super) fn deviations(description: &Description, received: &Received) -> Option<(String, Vec<String>)> {
    let Parts {
        method, uri, headers, ..
    } = &received.parts;
    let (path, in_path) = description
        .paths()
        .find_map(|path| Some((path, path_parameters(path, uri.path())?)))?;
    let operation = description.operation(path, method);
    if operation.is_null() {
        return None;
    }
    let parameter = |place: &str, name: &str| -> Option<&Value> {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let mut named = parameters.filter(|it| it["in"] == place && it["name"] == name);
        named.next().map(|it| &it["schema"])
    };
    let form = &operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]["properties"];
    let pairs = |text: &[u8]| -> Vec<(String, String)> { form_urlencoded::parse(text).into_owned().collect() };

    let values = in_path
        .into_iter()
        .map(|(name, value)| (parameter("path", name), name.to_owned(), value.to_owned()));
    let query = pairs(uri.query().unwrap_or_default().as_bytes())
        .into_iter()
        .map(|(name, value)| (parameter("query", &name), name, value));
    let fields = pairs(&received.body)
        .into_iter()
        .map(|(name, value)| (form.get(&name), name, value));
    let mut deviations: Vec<_> = values
        .chain(query)
        .chain(fields)
        .filter(|(schema, _, value)| !schema.is_some_and(|schema| takes(description, schema, value)))
        .map(|(_, name, value)| format!("{name}={value}"))
        .collect();

    let content_type = headers.get("content-type").map(|value| value.to_str().unwrap());
    if content_type != form.is_object().then_some("application/x-www-form-urlencoded") {
        deviations.push(format!("content-type: {content_type:?}"));
    }
    if headers.contains_key("if-match") && parameter("header", "If-Match").is_none() {
        deviations.push("if-match".to_owned());
    }
    let is_basic = headers
        .get("authorization")
        .is_some_and(|value| value.as_bytes().starts_with(b"Basic "));
    if operation["security"][0].get("accountSid_authToken").is_some() && !is_basic {
        deviations.push("authorization".to_owned());
    }
    Some((format!("{method} {path}"), deviations))
}

/// The values of a described path's parameters, if the path has its shape.
fn path_parameters<'a>(described: &'a str, path: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let (described, path): (Vec<_>, Vec<_>) = (described.split('/').collect(), path.split('/').collect());
    if described.len() != path.len() {
        return None;
    }
    let mut parameters = Vec::new();
    for (described, segment) in described.into_iter().zip(path) {
        match described.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((name, suffix)) => parameters.push((name, segment.strip_suffix(suffix)?)),
            None if described == segment => {}
            None => return None,
        }
    }
    Some(parameters)
}

/// Whether the schema allows a value's text.
fn takes(description: &Description, schema: &Value, text: &str) -> bool {
    let value = match schema["type"].as_str() {
        Some("integer" | "number" | "boolean") => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        _ => json!(text),
    };
    description.validator(schema).is_valid(&value)
}
