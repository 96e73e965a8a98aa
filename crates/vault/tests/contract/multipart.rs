//! Multipart uploads: how they become an object, when they do not, and what remains.

use aws_sdk_s3::{
    error::SdkError,
    operation::{
        abort_multipart_upload::{AbortMultipartUploadError, AbortMultipartUploadOutput},
        complete_multipart_upload::{CompleteMultipartUploadError, CompleteMultipartUploadOutput},
        upload_part::builders::UploadPartFluentBuilder,
    },
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::{
    expectation::{Expectation, Observed, expectations, said},
    server::Server,
};

pub(crate) const EXPECTATIONS: &[Expectation] = expectations![
    minimum_part_size,
    small_last_part,
    complete_with_a_wrong_part_etag,
    complete_in_the_wrong_order,
    complete_twice,
    complete_after_abort,
    part_after_abort,
    abort_twice,
    uploads_are_listed_by_prefix_with_their_time,
    uploads_are_listed_page_by_page,
];

/// S3's minimum size of a part, except for the last one (Amazon S3 User Guide, "Amazon S3 multipart upload limits").
const MIN_PART: usize = 5 * 1024 * 1024;

/// `EntityTooSmall`: "Your proposed upload is smaller than the minimum allowed object size. Each part must be at least
/// 5 MB in size, except the last part."
///
/// Amazon S3 API Reference, "CompleteMultipartUpload".
async fn minimum_part_size(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let parts = [
        upload.part(1, &vec![7; MIN_PART - 1]).await,
        upload.part(2, b"last").await,
    ];
    Observed::new("400 EntityTooSmall", said(&upload.complete(parts).await))
}

/// … "except the last part", which may have any size.
///
/// Amazon S3 User Guide, "Amazon S3 multipart upload limits"; UploadPart.
async fn small_last_part(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let parts = [upload.part(1, &vec![7; MIN_PART]).await, upload.part(2, b"last").await];
    Observed::new("done", said(&upload.complete(parts).await))
}

/// `InvalidPart`: "One or more of the specified parts could not be found. The part might not have been uploaded, or the
/// specified ETag might not have matched the uploaded part's ETag."
///
/// Amazon S3 API Reference, "CompleteMultipartUpload".
async fn complete_with_a_wrong_part_etag(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let mut part = upload.part(1, b"body").await;
    part.e_tag = Some("\"00000000000000000000000000000000\"".to_owned());
    Observed::new("400 InvalidPart", said(&upload.complete([part]).await))
}

/// `InvalidPartOrder`: "The list of parts was not in ascending order. The parts list must be specified in order by part
/// number."
///
/// Amazon S3 API Reference, "CompleteMultipartUpload".
async fn complete_in_the_wrong_order(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let (first, second) = (
        upload.part(1, &vec![7; MIN_PART]).await,
        upload.part(2, &vec![8; MIN_PART]).await,
    );
    Observed::new("400 InvalidPartOrder", said(&upload.complete([second, first]).await))
}

/// After the completion, the upload no longer exists: `NoSuchUpload`, "the multipart upload might have been aborted or
/// completed". The object stays. The writer repeats the request if it got no answer.
///
/// Amazon S3 API Reference, "CompleteMultipartUpload".
async fn complete_twice(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let part = upload.part(1, b"body").await;
    let first = upload.complete([part.clone()]).await;
    let second = upload.complete([part]).await;
    let stored = String::from_utf8(server.body(&upload.key).await).unwrap();
    Observed::in_turn(
        "done, then 404 NoSuchUpload, then body",
        [said(&first), said(&second), stored],
    )
}

/// "After a multipart upload is aborted, no additional parts can be uploaded using that upload ID", and it can no
/// longer be completed: `NoSuchUpload`.
///
/// Amazon S3 API Reference, "AbortMultipartUpload" and "CompleteMultipartUpload".
async fn complete_after_abort(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let part = upload.part(1, b"body").await;
    let aborted = upload.abort().await;
    let completed = upload.complete([part]).await;
    Observed::in_turn("done, then 404 NoSuchUpload", [said(&aborted), said(&completed)])
}

/// The same applies to a part whose upload was in progress.
///
/// Amazon S3 API Reference, "AbortMultipartUpload" and "UploadPart".
async fn part_after_abort(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let aborted = upload.abort().await;
    let part = upload.part_request(1, b"late").send().await;
    Observed::in_turn("done, then 404 NoSuchUpload", [said(&aborted), said(&part)])
}

/// `NoSuchUpload` shows the writer that there is nothing left to abort.
///
/// Amazon S3 API Reference, "AbortMultipartUpload".
async fn abort_twice(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let (first, second) = (upload.abort().await, upload.abort().await);
    Observed::in_turn("done, then 404 NoSuchUpload", [said(&first), said(&second)])
}

/// "Lists in-progress multipart uploads in a bucket", those of keys under the prefix, each with `Initiated`, "date and
/// time at which the multipart upload was initiated". An aborted upload is not in progress.
///
/// Amazon S3 API Reference, "ListMultipartUploads".
async fn uploads_are_listed_by_prefix_with_their_time(server: &Server) -> Observed {
    let (wanted, other) = (Upload::start(server).await, Upload::start(server).await);
    let before = listed(server, &wanted.key).await;
    wanted.abort().await.unwrap();
    let after = listed(server, &wanted.key).await;
    other.abort().await.unwrap();
    let only_wanted = before == [(wanted.id, true)];
    match (only_wanted, after.is_empty()) {
        (true, true) => Observed::new("it alone, then none", "it alone, then none"),
        _ => Observed::new("it alone, then none", format!("{before:?}, then {after:?}")),
    }
}

/// `NextKeyMarker` and `NextUploadIdMarker`: "When a list is truncated", they are the start of the next page.
///
/// Amazon S3 API Reference, "ListMultipartUploads".
async fn uploads_are_listed_page_by_page(server: &Server) -> Observed {
    let key = server.free_key();
    let create = || server.s3.create_multipart_upload().bucket(&server.bucket).key(&key);
    for _ in 0..3 {
        create().send().await.unwrap();
    }
    let list = || server.s3.list_multipart_uploads().bucket(&server.bucket).prefix(&key);
    let first = list().max_uploads(2).send().await.unwrap();
    let rest = list().set_key_marker(first.next_key_marker.clone());
    let rest = rest
        .set_upload_id_marker(first.next_upload_id_marker.clone())
        .send()
        .await
        .unwrap();
    let uploads = || first.uploads().iter().chain(rest.uploads());
    for upload in uploads() {
        let abort = server.s3.abort_multipart_upload().bucket(&server.bucket).key(&key);
        abort.set_upload_id(upload.upload_id.clone()).send().await.unwrap();
    }
    let (paged, left) = (uploads().count(), listed(server, &key).await.len());
    Observed::new("3 in two pages, 0 left", format!("{paged} in two pages, {left} left"))
}

/// The uploads under `prefix`, and for each whether the reply has the time at which it was initiated.
async fn listed(server: &Server, prefix: &str) -> Vec<(String, bool)> {
    let request = server.s3.list_multipart_uploads().bucket(&server.bucket).prefix(prefix);
    let reply = request.send().await.unwrap();
    let uploads = reply.uploads().iter();
    uploads
        .map(|upload| (upload.upload_id().unwrap().to_owned(), upload.initiated().is_some()))
        .collect()
}

/// A multipart upload as the writer creates it, with a CRC-32 of every part.
pub(crate) struct Upload<'a> {
    server: &'a Server,
    pub(crate) key: String,
    id: String,
}

type Completed = Result<CompleteMultipartUploadOutput, SdkError<CompleteMultipartUploadError, HttpResponse>>;
type Aborted = Result<AbortMultipartUploadOutput, SdkError<AbortMultipartUploadError, HttpResponse>>;

impl<'a> Upload<'a> {
    pub(crate) async fn start(server: &'a Server) -> Self {
        let key = server.free_key();
        let request = server.s3.create_multipart_upload().bucket(&server.bucket).key(&key);
        let started = request.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await;
        let id = started.unwrap().upload_id.unwrap();
        Self { server, key, id }
    }

    pub(crate) fn part_request(&self, number: i32, body: &[u8]) -> UploadPartFluentBuilder {
        let request = self.server.s3.upload_part().bucket(&self.server.bucket).key(&self.key);
        request
            .upload_id(&self.id)
            .part_number(number)
            .body(body.to_vec().into())
    }

    pub(crate) async fn part(&self, number: i32, body: &[u8]) -> CompletedPart {
        let request = self.part_request(number, body);
        let sent = request.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await;
        let reply = sent.unwrap();
        CompletedPart::builder()
            .part_number(number)
            .set_e_tag(reply.e_tag)
            .set_checksum_crc32(reply.checksum_crc32)
            .build()
    }

    pub(crate) async fn complete<const N: usize>(&self, parts: [CompletedPart; N]) -> Completed {
        self.send_complete(parts, None).await
    }

    pub(crate) async fn complete_if_absent<const N: usize>(&self, parts: [CompletedPart; N]) -> Completed {
        self.send_complete(parts, Some("*".to_owned())).await
    }

    async fn send_complete<const N: usize>(
        &self,
        parts: [CompletedPart; N],
        if_none_match: Option<String>,
    ) -> Completed {
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(parts.into()))
            .build();
        let s3 = &self.server.s3;
        let request = s3
            .complete_multipart_upload()
            .bucket(&self.server.bucket)
            .key(&self.key);
        let request = request.upload_id(&self.id).multipart_upload(parts);
        request.set_if_none_match(if_none_match).send().await
    }

    pub(crate) async fn abort(&self) -> Aborted {
        let s3 = &self.server.s3;
        let request = s3.abort_multipart_upload().bucket(&self.server.bucket).key(&self.key);
        request.upload_id(&self.id).send().await
    }
}
