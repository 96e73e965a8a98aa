//! Whole objects: existing and missing ones, and their metadata.

use std::collections::HashMap;

use aws_sdk_s3::{
    operation::list_objects_v2::ListObjectsV2Output,
    types::{BucketVersioningStatus, VersioningConfiguration},
};

use crate::{
    expectation::{Expectation, Observed, expectations, said, said_to_head},
    server::Server,
};

pub(crate) const EXPECTATIONS: &[Expectation] = expectations![
    get_of_a_missing_key,
    head_of_a_missing_key,
    get_of_a_deleted_key_in_a_versioned_bucket,
    user_metadata_comes_back,
    metadata_over_2_kb,
    keys_are_listed_in_order_from_anywhere,
];

/// `NoSuchKey`: "The specified key does not exist", with 404.
///
/// Amazon S3 API Reference, "Error responses"; GetObject. Without the permission `s3:ListBucket`, S3 answers 403.
async fn get_of_a_missing_key(server: &Server) -> Observed {
    let reply = server.get(&server.free_key()).range("bytes=0-9").send().await;
    Observed::new("404 NoSuchKey", said(&reply))
}

/// "A message body isn't included, so you can't determine the exception beyond these HTTP response codes."
///
/// Amazon S3 API Reference, "HeadObject".
async fn head_of_a_missing_key(server: &Server) -> Observed {
    let reply = server.head(&server.free_key()).send().await;
    Observed::new("404", said_to_head(&reply))
}

/// If the current version is a delete marker, S3 answers as if the object was deleted, with the header
/// `x-amz-delete-marker: true`.
///
/// Amazon S3 API Reference, "GetObject"; User Guide, "Working with delete markers".
async fn get_of_a_deleted_key_in_a_versioned_bucket(server: &Server) -> Observed {
    let (s3, bucket, key) = (&server.s3, format!("{}-versioned", server.bucket), "key");
    let enabled = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Enabled)
        .build();
    s3.create_bucket().bucket(&bucket).send().await.unwrap();
    let versioning = s3.put_bucket_versioning().bucket(&bucket);
    versioning.versioning_configuration(enabled).send().await.unwrap();
    s3.put_object().bucket(&bucket).key(key).send().await.unwrap();
    s3.delete_object().bucket(&bucket).key(key).send().await.unwrap();

    let reply = s3.get_object().bucket(&bucket).key(key).range("bytes=0-9").send().await;
    let marked = reply.as_ref().err().and_then(|error| {
        let reply = error.raw_response()?;
        reply.headers().get("x-amz-delete-marker")
    });
    let marker = marked.map_or_else(|| "no marker".to_owned(), |value| format!("marker {value}"));
    Observed::in_turn("404 NoSuchKey, then marker true", [said(&reply), marker])
}

/// User-defined metadata is stored with the object, with names in lower case. GetObject and HeadObject return it.
///
/// Amazon S3 User Guide, "Working with object metadata"; PutObject, HeadObject, GetObject.
async fn user_metadata_comes_back(server: &Server) -> Observed {
    let key = server.free_key();
    let request = server.put(&key, b"body").content_type("audio/x-wav");
    request.metadata("duration", "61 s").send().await.unwrap();
    let head = server.head(&key).send().await.unwrap();
    let get = server.get(&key).range("bytes=0-1").send().await.unwrap();
    Observed::in_turn(
        "audio/x-wav for 61 s, then audio/x-wav for 61 s",
        [
            described(head.content_type(), head.metadata()),
            described(get.content_type(), get.metadata()),
        ],
    )
}

fn described(content_type: Option<&str>, metadata: Option<&HashMap<String, String>>) -> String {
    let duration = metadata.and_then(|metadata| metadata.get("duration"));
    let duration = duration.map_or("no time", String::as_str);
    format!("{} for {duration}", content_type.unwrap_or("nothing"))
}

/// User-defined metadata, the bytes of all names and values, "is limited to 2 KB in size": `MetadataTooLarge`.
///
/// Amazon S3 User Guide, "Working with object metadata"; API Reference, "Error responses"; PutObject.
async fn metadata_over_2_kb(server: &Server) -> Observed {
    let request = server
        .put(&server.free_key(), b"body")
        .metadata("note", "x".repeat(2 * 1024));
    Observed::new("400 MetadataTooLarge", said(&request.send().await))
}

/// "Lists keys after this specified key. StartAfter can be any key in the bucket", or a key that does not exist. The
/// keys are in "lexicographical order based on their key names". `NextContinuationToken` is present if there are more.
///
/// Amazon S3 API Reference, "ListObjectsV2".
async fn keys_are_listed_in_order_from_anywhere(server: &Server) -> Observed {
    for name in ["c", "a", "e", "B", "d"] {
        server.store(&format!("listed/{name}"), b"").await;
    }
    let list = || {
        server
            .s3
            .list_objects_v2()
            .bucket(&server.bucket)
            .prefix("listed/")
            .max_keys(2)
    };
    let first = list().start_after("listed/aa").send().await.unwrap();
    let rest = list()
        .start_after("listed/aa")
        .set_continuation_token(first.next_continuation_token.clone());
    let rest = rest.send().await.unwrap();
    let names = |page: &ListObjectsV2Output| {
        let keys = page
            .contents()
            .iter()
            .filter_map(|object| object.key()?.strip_prefix("listed/"));
        keys.collect::<String>()
    };
    let end = if rest.next_continuation_token.is_none() {
        "the end"
    } else {
        "more"
    };
    Observed::in_turn(
        "cd, then e, then the end",
        [names(&first), names(&rest), end.to_owned()],
    )
}
