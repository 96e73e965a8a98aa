//! S3: conditional writes, multipart uploads, checksums, ranges and versions.

use aws_sdk_s3::{
    error::SdkError,
    operation::get_object::{GetObjectError, GetObjectOutput},
    types::{
        BucketVersioningStatus, ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart, VersioningConfiguration,
    },
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::{
    Promise,
    server::{BUCKET, Server, said},
};

const CONDITIONAL_WRITES: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html";
const COMPLETE: &str = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html";
const ABORT: &str = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html";
const LIST_UPLOADS: &str = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html";
const INTEGRITY: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html";
const GET: &str = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html";
const HEAD: &str = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html";
const ERRORS: &str = "https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html";
const METADATA: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html";
const DELETE_MARKER: &str = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html";

/// A CRC-32 that none of the bodies here has.
const WRONG_CRC32: &str = "AAAAAA==";

/// S3's smallest part, but for the last one of an upload.
const MIN_PART: usize = 5 * 1024 * 1024;

pub(crate) const PROMISES: &[Promise] = &[
    Promise {
        name: "put-if-absent",
        source: CONDITIONAL_WRITES,
        expected: "412 PreconditionFailed",
        seen: |server| Box::pin(async move { put_twice_if_absent(&server, "put-if-absent").await }),
    },
    Promise {
        name: "complete-if-absent",
        source: CONDITIONAL_WRITES,
        expected: "412 PreconditionFailed",
        seen: |server| {
            Box::pin(async move {
                put(&server, "complete-if-absent", b"faster").await;
                let upload = Upload::start(&server, "complete-if-absent").await;
                let parts = [upload.part(1, b"slower").await];
                upload.complete(parts, Some("*")).await
            })
        },
    },
    Promise {
        name: "complete-min-part-size",
        source: COMPLETE,
        expected: "400 EntityTooSmall",
        seen: |server| {
            Box::pin(async move {
                let upload = Upload::start(&server, "complete-min-part-size").await;
                let parts = [upload.part(1, b"small").await, upload.part(2, b"last").await];
                upload.complete(parts, None).await
            })
        },
    },
    Promise {
        name: "complete-small-last-part",
        source: COMPLETE,
        expected: "taken",
        seen: |server| {
            Box::pin(async move {
                let upload = Upload::start(&server, "complete-small-last-part").await;
                let parts = [upload.part(1, &vec![7; MIN_PART]).await, upload.part(2, b"last").await];
                upload.complete(parts, None).await
            })
        },
    },
    Promise {
        name: "complete-wrong-part-etag",
        source: COMPLETE,
        expected: "400 InvalidPart",
        seen: |server| {
            Box::pin(async move {
                let upload = Upload::start(&server, "complete-wrong-part-etag").await;
                let mut part = upload.part(1, b"body").await;
                part.e_tag = Some("\"00000000000000000000000000000000\"".to_owned());
                upload.complete([part], None).await
            })
        },
    },
    Promise {
        name: "complete-wrong-part-checksum",
        source: INTEGRITY,
        expected: "400 InvalidPart",
        seen: |server| {
            Box::pin(async move {
                let upload = Upload::start(&server, "complete-wrong-part-checksum").await;
                let mut part = upload.part(1, b"body").await;
                part.checksum_crc32 = Some(WRONG_CRC32.to_owned());
                upload.complete([part], None).await
            })
        },
    },
    Promise {
        name: "put-wrong-checksum",
        source: INTEGRITY,
        expected: "400 BadDigest",
        seen: |server| {
            Box::pin(async move {
                let request = server.s3.put_object().bucket(BUCKET).key("put-wrong-checksum");
                let body = b"body".to_vec().into();
                said(request.body(body).checksum_crc32(WRONG_CRC32).send().await)
            })
        },
    },
    Promise {
        name: "part-wrong-checksum",
        source: INTEGRITY,
        expected: "400 BadDigest",
        seen: |server| {
            Box::pin(async move {
                let upload = Upload::start(&server, "part-wrong-checksum").await;
                let request = server
                    .s3
                    .upload_part()
                    .bucket(BUCKET)
                    .key(&upload.key)
                    .upload_id(&upload.id);
                let request = request.part_number(1).body(b"body".to_vec().into());
                said(request.checksum_crc32(WRONG_CRC32).send().await)
            })
        },
    },
    Promise {
        name: "uploads-are-listed",
        source: LIST_UPLOADS,
        expected: "listed with its time, then not",
        seen: |server| {
            Box::pin(async move {
                let upload = Upload::start(&server, "uploads-are-listed").await;
                let before = upload.is_listed().await;
                upload.abort().await;
                let after = upload.is_listed().await;
                match (before, after) {
                    (Some(true), None) => "listed with its time, then not".to_owned(),
                    seen => format!("{seen:?}"),
                }
            })
        },
    },
    Promise {
        name: "part-after-abort",
        source: ABORT,
        expected: "404 NoSuchUpload",
        seen: |server| {
            Box::pin(async move {
                let upload = Upload::start(&server, "part-after-abort").await;
                upload.abort().await;
                let request = server
                    .s3
                    .upload_part()
                    .bucket(BUCKET)
                    .key(&upload.key)
                    .upload_id(&upload.id);
                said(request.part_number(1).body(b"late".to_vec().into()).send().await)
            })
        },
    },
    Promise {
        name: "complete-after-abort",
        source: COMPLETE,
        expected: "404 NoSuchUpload",
        seen: |server| {
            Box::pin(async move {
                let upload = Upload::start(&server, "complete-after-abort").await;
                let parts = [upload.part(1, b"body").await];
                upload.abort().await;
                upload.complete(parts, None).await
            })
        },
    },
    Promise {
        name: "metadata-over-2-kb",
        source: METADATA,
        expected: "400 MetadataTooLarge",
        seen: |server| {
            Box::pin(async move {
                let request = server.s3.put_object().bucket(BUCKET).key("metadata-over-2-kb");
                said(request.metadata("note", "x".repeat(2_100)).send().await)
            })
        },
    },
    Promise {
        name: "range",
        source: GET,
        expected: "bytes 2-5/10",
        seen: |server| Box::pin(async move { range(&server, b"0123456789", "bytes=2-5").await }),
    },
    Promise {
        name: "range-past-the-end",
        source: GET,
        expected: "bytes 8-9/10",
        seen: |server| Box::pin(async move { range(&server, b"0123456789", "bytes=8-4000").await }),
    },
    Promise {
        name: "suffix-range",
        source: GET,
        expected: "bytes 7-9/10",
        seen: |server| Box::pin(async move { range(&server, b"0123456789", "bytes=-3").await }),
    },
    Promise {
        name: "suffix-longer-than-the-object",
        source: GET,
        expected: "bytes 0-9/10",
        seen: |server| Box::pin(async move { range(&server, b"0123456789", "bytes=-4000").await }),
    },
    Promise {
        name: "range-behind-the-end",
        source: ERRORS,
        expected: "416 InvalidRange",
        seen: |server| Box::pin(async move { range(&server, b"0123456789", "bytes=10-20").await }),
    },
    Promise {
        name: "range-of-an-empty-object",
        source: ERRORS,
        expected: "416 InvalidRange",
        seen: |server| Box::pin(async move { range(&server, b"", "bytes=0-20").await }),
    },
    Promise {
        name: "get-if-match-of-another-version",
        source: GET,
        expected: "412 PreconditionFailed",
        seen: |server| {
            Box::pin(async move {
                let old = put(&server, "get-if-match", b"old").await;
                put(&server, "get-if-match", b"new").await;
                said(
                    get(&server, "get-if-match")
                        .if_match(old)
                        .range("bytes=0-1")
                        .send()
                        .await,
                )
            })
        },
    },
    Promise {
        name: "get-if-match-of-this-version",
        source: GET,
        expected: "taken",
        seen: |server| {
            Box::pin(async move {
                let etag = put(&server, "get-if-match", b"this").await;
                said(
                    get(&server, "get-if-match")
                        .if_match(etag)
                        .range("bytes=0-1")
                        .send()
                        .await,
                )
            })
        },
    },
    Promise {
        name: "head-if-match-of-another-version",
        source: HEAD,
        expected: "412",
        seen: |server| {
            Box::pin(async move {
                let old = put(&server, "head-if-match", b"old").await;
                put(&server, "head-if-match", b"new").await;
                let request = server.s3.head_object().bucket(BUCKET).key("head-if-match");
                status(&said(request.if_match(old).send().await))
            })
        },
    },
    Promise {
        name: "etag-is-strong-and-the-same-everywhere",
        source: GET,
        expected: "quoted, same",
        seen: |server| Box::pin(async move { etags(&server).await }),
    },
    Promise {
        name: "get-of-nothing",
        source: ERRORS,
        expected: "404 NoSuchKey",
        seen: |server| Box::pin(async move { said(get(&server, "nothing").send().await) }),
    },
    Promise {
        name: "head-of-nothing",
        source: HEAD,
        expected: "404",
        seen: |server| {
            Box::pin(async move {
                let request = server.s3.head_object().bucket(BUCKET).key("nothing");
                status(&said(request.send().await))
            })
        },
    },
    Promise {
        name: "get-of-a-delete-marker",
        source: DELETE_MARKER,
        expected: "404 NoSuchKey",
        seen: |server| Box::pin(async move { delete_marker(&server).await }),
    },
];

fn get(server: &Server, key: &str) -> aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder {
    server.s3.get_object().bucket(BUCKET).key(key)
}

/// Stores, and gives back the ETag.
async fn put(server: &Server, key: &str, body: &[u8]) -> String {
    let request = server
        .s3
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .body(body.to_vec().into());
    request.send().await.unwrap().e_tag.unwrap()
}

async fn put_twice_if_absent(server: &Server, key: &str) -> String {
    let put = || server.s3.put_object().bucket(BUCKET).key(key).if_none_match("*").send();
    match said(put().await).as_str() {
        "taken" => said(put().await),
        refused => format!("the first: {refused}"),
    }
}

/// Content-Range of the reply, once its body is those bytes.
async fn range(server: &Server, body: &[u8], range: &str) -> String {
    put(server, "range", body).await;
    let reply: Result<GetObjectOutput, SdkError<GetObjectError, HttpResponse>> =
        get(server, "range").range(range).send().await;
    let Ok(reply) = reply else {
        return said(reply);
    };
    let content_range = reply.content_range.unwrap_or_default();
    let sent = reply.body.collect().await.unwrap().to_vec();
    let bounds = content_range.trim_start_matches("bytes ").split(['-', '/']);
    let bounds: Vec<usize> = bounds.filter_map(|number| number.parse().ok()).collect();
    match bounds[..] {
        [first, last, _] if sent == body[first..=last] => content_range,
        _ => format!("{} bytes for {content_range:?}", sent.len()),
    }
}

async fn etags(server: &Server) -> String {
    let key = "etags";
    let etag = put(server, key, b"0123456789").await;
    let whole = get(server, key).send().await.unwrap().e_tag.unwrap();
    let part = get(server, key).range("bytes=1-2").send().await.unwrap().e_tag.unwrap();
    let head = server.s3.head_object().bucket(BUCKET).key(key).send().await.unwrap();
    let quoted = etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"');
    if quoted && [&whole, &part, &head.e_tag.unwrap()].iter().all(|seen| **seen == etag) {
        "quoted, same".to_owned()
    } else {
        format!("{etag}, {whole}, {part}")
    }
}

async fn delete_marker(server: &Server) -> String {
    let bucket = "contract-versioned";
    let s3 = &server.s3;
    let versioned = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    s3.create_bucket().bucket(bucket).send().await.unwrap();
    let versioning = s3
        .put_bucket_versioning()
        .bucket(bucket)
        .versioning_configuration(versioned);
    versioning.send().await.unwrap();
    s3.put_object().bucket(bucket).key("k").send().await.unwrap();
    s3.delete_object().bucket(bucket).key("k").send().await.unwrap();
    said(s3.get_object().bucket(bucket).key("k").range("bytes=0-9").send().await)
}

/// The first word of what was said: a reply to HEAD has no body to carry a code.
fn status(said: &str) -> String {
    said.split(' ').next().unwrap_or_default().to_owned()
}

/// A multipart upload that is under way.
struct Upload {
    server: Server,
    key: String,
    id: String,
}

impl Upload {
    async fn start(server: &Server, key: &str) -> Self {
        let request = server.s3.create_multipart_upload().bucket(BUCKET).key(key);
        let upload = request
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await
            .unwrap();
        Self {
            server: server.clone(),
            key: key.to_owned(),
            id: upload.upload_id.unwrap(),
        }
    }

    async fn part(&self, number: i32, body: &[u8]) -> CompletedPart {
        let request = self
            .server
            .s3
            .upload_part()
            .bucket(BUCKET)
            .key(&self.key)
            .upload_id(&self.id);
        let request = request.part_number(number).body(body.to_vec().into());
        let part = request
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .send()
            .await
            .unwrap();
        CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag)
            .set_checksum_crc32(part.checksum_crc32)
            .build()
    }

    async fn complete(&self, parts: impl IntoIterator<Item = CompletedPart>, if_none_match: Option<&str>) -> String {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.into_iter().collect()))
            .build();
        let request = self
            .server
            .s3
            .complete_multipart_upload()
            .bucket(BUCKET)
            .key(&self.key)
            .upload_id(&self.id);
        let request = request.set_if_none_match(if_none_match.map(ToOwned::to_owned));
        said(request.multipart_upload(parts).send().await)
    }

    async fn abort(&self) {
        let request = self
            .server
            .s3
            .abort_multipart_upload()
            .bucket(BUCKET)
            .key(&self.key)
            .upload_id(&self.id);
        request.send().await.unwrap();
    }

    /// Whether it's listed with the time it began at; `None` when it isn't listed at all.
    async fn is_listed(&self) -> Option<bool> {
        let request = self.server.s3.list_multipart_uploads().bucket(BUCKET).prefix(&self.key);
        let listed = request.send().await.unwrap();
        let listed = listed
            .uploads()
            .iter()
            .find(|upload| upload.upload_id() == Some(&*self.id))?;
        Some(listed.initiated().is_some())
    }
}
