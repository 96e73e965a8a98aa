//! The IAM rights that calls to AWS use, recorded for the check of the roles in `template.yaml`.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

use http::request::Parts;
use serde_json::Value;

use super::Call;
use crate::resources::Resources;

/// Writes a line for each right when it is used first: role, IAM action, and the resource by its name in the template. A key
/// is shortened to its first folder (`RecordingsBucket/recordings/*`).
#[derive(Debug)]
pub(crate) struct Rights {
    file: File,
    /// The names of resources in requests, and their names in the template.
    names: Vec<(String, &'static str)>,
    seen: Mutex<BTreeSet<String>>,
}

impl Rights {
    /// Appends to the file, which several stacks may share.
    pub(crate) fn new(file: &Path, resources: &Resources) -> io::Result<Self> {
        Ok(Self {
            file: OpenOptions::new().create(true).append(true).open(file)?,
            names: resources.template_names(),
            seen: Mutex::default(),
        })
    }

    pub(super) fn used(&self, call: &Call, request: &Parts, body: &[u8]) -> io::Result<()> {
        let body = serde_json::from_slice(body).unwrap_or_default();
        for (action, resource) in rights(call, request, &body) {
            let line = format!("{} {action} {}\n", call.role.setting(), self.template_name(&resource));
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if seen.insert(line.clone()) {
                // A single write, so that the lines of several stacks are not mixed.
                (&self.file).write_all(line.as_bytes())?;
            }
        }
        Ok(())
    }

    /// A resource that is not in the template keeps its name in the request.
    fn template_name(&self, resource: &Resource) -> String {
        let named = self.names.iter().find(|(name, _)| *name == resource.name);
        let name = named.map_or(resource.name.as_str(), |(_, name)| name);
        match &resource.within {
            Some(within) => format!("{name}/{within}"),
            None => name.to_owned(),
        }
    }
}

/// The resource that a request names, and the part of it.
struct Resource {
    name: String,
    within: Option<String>,
}

/// The actions that a call must be allowed, and their resources, as in the Service Authorization Reference.
fn rights(call: &Call, request: &Parts, body: &Value) -> Vec<(String, Resource)> {
    let whole = |name: &str| Resource {
        name: name.to_owned(),
        within: None,
    };
    let field = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    match (call.service.as_str(), call.operation.as_str()) {
        ("s3", operation) => {
            let versioned = query_value(request, "versionId").is_some();
            vec![(format!("s3:{}", s3_action(operation, versioned)), s3_resource(request))]
        }
        ("kms", operation) => vec![(format!("kms:{operation}"), whole(field("/KeyId")))],
        ("secretsmanager", operation) => vec![(format!("secretsmanager:{operation}"), whole(field("/SecretId")))],
        ("sqs", operation) => {
            let action = operation.strip_suffix("Batch").unwrap_or(operation);
            vec![(format!("sqs:{action}"), whole(field("/QueueUrl")))]
        }
        ("scheduler", operation) => {
            let group = query_value(request, "groupName").unwrap_or_else(|| field("/GroupName").to_owned());
            let schedules = Resource {
                name: group,
                within: Some("*".to_owned()),
            };
            let passed = field("/Target/RoleArn");
            let passes = (!passed.is_empty()).then(|| ("iam:PassRole".to_owned(), whole(passed)));
            [(format!("scheduler:{operation}"), schedules)]
                .into_iter()
                .chain(passes)
                .collect()
        }
        (service, operation) => vec![(format!("{service}:{operation}"), whole(request.uri.path()))],
    }
}

fn s3_action(operation: &str, versioned: bool) -> &str {
    match (operation, versioned) {
        ("GetObject" | "HeadObject", false) => "GetObject",
        ("GetObject" | "HeadObject", true) => "GetObjectVersion",
        ("PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload", _) => "PutObject",
        ("DeleteObject", true) => "DeleteObjectVersion",
        ("ListObjects" | "HeadBucket", _) => "ListBucket",
        ("ListObjectVersions", _) => "ListBucketVersions",
        ("ListMultipartUploads", _) => "ListBucketMultipartUploads",
        (other, _) => other,
    }
}

/// The bucket, or the folder of the key, in a path-style path.
fn s3_resource(request: &Parts) -> Resource {
    let path = request.uri.path().trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    let folder = key.split_once('/').map(|(folder, _)| format!("{folder}/*"));
    Resource {
        name: bucket.to_owned(),
        within: folder.or_else(|| (!key.is_empty()).then(|| key.to_owned())),
    }
}

fn query_value(request: &Parts, name: &str) -> Option<String> {
    let query = request.uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::json;

    use super::*;
    use crate::Role;

    /// The rights of a request that is signed for a service.
    fn used(service: &str, method: &str, uri: &str, target: Option<&str>, body: &Value) -> Vec<String> {
        let credential =
            format!("AWS4-HMAC-SHA256 Credential=test/20261123/us-east-1/{service}/aws4_request, SignedHeaders=host");
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("authorization", credential.as_bytes());
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let call = Call::of(Role::Copier, &parts, body.to_string().as_bytes());
        rights(&call, &parts, body)
            .into_iter()
            .map(|(action, Resource { name, within })| match within {
                Some(within) => format!("{action} {name}/{within}"),
                None => format!("{action} {name}"),
            })
            .collect()
    }

    #[test]
    fn s3_operations_are_rights_on_buckets_and_folders() {
        for (method, uri, right) in [
            ("GET", "/b/recordings/RE1", "s3:GetObject b/recordings/*"),
            ("HEAD", "/b/recordings/RE1", "s3:GetObject b/recordings/*"),
            (
                "HEAD",
                "/b/recordings/RE1?versionId=v",
                "s3:GetObjectVersion b/recordings/*",
            ),
            ("PUT", "/b/erased/RE1", "s3:PutObject b/erased/*"),
            ("POST", "/b/recordings/RE1?uploads", "s3:PutObject b/recordings/*"),
            (
                "PUT",
                "/b/recordings/RE1?partNumber=1&uploadId=u",
                "s3:PutObject b/recordings/*",
            ),
            ("POST", "/b/recordings/RE1?uploadId=u", "s3:PutObject b/recordings/*"),
            (
                "DELETE",
                "/b/recordings/RE1?uploadId=u",
                "s3:AbortMultipartUpload b/recordings/*",
            ),
            ("DELETE", "/b/recordings/RE1", "s3:DeleteObject b/recordings/*"),
            (
                "DELETE",
                "/b/recordings/RE1?versionId=v",
                "s3:DeleteObjectVersion b/recordings/*",
            ),
            ("GET", "/b/?list-type=2&prefix=recordings%2F", "s3:ListBucket b"),
            ("GET", "/b?versions&prefix=recordings%2FRE1", "s3:ListBucketVersions b"),
            ("GET", "/b/?uploads", "s3:ListBucketMultipartUploads b"),
        ] {
            assert_eq!(used("s3", method, uri, None, &Value::Null), [right], "{method} {uri}");
        }
    }

    #[test]
    fn the_json_protocols_name_their_resource_in_the_body() {
        for (service, target, body, right) in [
            ("kms", "TrentService.Decrypt", json!({"KeyId": "k"}), "kms:Decrypt k"),
            (
                "secretsmanager",
                "secretsmanager.GetSecretValue",
                json!({"SecretId": "s"}),
                "secretsmanager:GetSecretValue s",
            ),
            (
                "sqs",
                "AmazonSQS.SendMessageBatch",
                json!({"QueueUrl": "q"}),
                "sqs:SendMessage q",
            ),
        ] {
            assert_eq!(used(service, "POST", "/", Some(target), &body), [right]);
        }
    }

    #[test]
    fn creating_a_schedule_passes_its_role() {
        let body = json!({"GroupName": "g", "Target": {"RoleArn": "r"}});
        assert_eq!(
            used("scheduler", "POST", "/schedules/RE1", None, &body),
            ["scheduler:CreateSchedule g/*", "iam:PassRole r"]
        );
        assert_eq!(
            used("scheduler", "DELETE", "/schedules/RE1?groupName=g", None, &Value::Null),
            ["scheduler:DeleteSchedule g/*"]
        );
    }
}
