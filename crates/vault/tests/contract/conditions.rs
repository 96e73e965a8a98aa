//! Conditional requests: an object is never overwritten, and a reader never mixes two versions.

use crate::{
    expectation::{Expectation, Observed, expectations, said, said_to_head},
    multipart::Upload,
    server::Server,
};

pub(crate) const EXPECTATIONS: &[Expectation] = expectations![
    put_if_absent,
    complete_if_absent,
    complete_if_absent_after_another,
    get_if_match,
    get_if_match_of_an_older_version,
    head_if_match_of_an_older_version,
    etag_is_the_same_everywhere,
];

/// `If-None-Match: *`: "Uploads the object only if the object key name does not already exist in the bucket specified.
/// Otherwise, Amazon S3 returns a 412 Precondition Failed error."
///
/// Amazon S3 API Reference, "PutObject".
async fn put_if_absent(server: &Server) -> Observed {
    let key = server.free_key();
    let first = server.put(&key, b"first").if_none_match("*").send().await;
    let second = server.put(&key, b"second").if_none_match("*").send().await;
    let stored = String::from_utf8(server.body(&key).await).unwrap();
    Observed::in_turn(
        "done, then 412 PreconditionFailed, then first",
        [said(&first), said(&second), stored],
    )
}

/// `If-None-Match: *` on CompleteMultipartUpload has no effect if there is no object.
///
/// Amazon S3 User Guide, "How to prevent object overwrites with conditional writes".
async fn complete_if_absent(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let parts = [upload.part(1, b"body").await];
    Observed::new("done", said(&upload.complete_if_absent(parts).await))
}

/// If there is an object, the request fails with 412, and the upload must still be aborted.
///
/// Amazon S3 User Guide, "How to prevent object overwrites with conditional writes"; API Reference,
/// "AbortMultipartUpload".
async fn complete_if_absent_after_another(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let parts = [upload.part(1, b"slower").await];
    server.store(&upload.key, b"faster").await;
    let completed = upload.complete_if_absent(parts).await;
    let aborted = upload.abort().await;
    let stored = String::from_utf8(server.body(&upload.key).await).unwrap();
    Observed::in_turn(
        "412 PreconditionFailed, then done, then faster",
        [said(&completed), said(&aborted), stored],
    )
}

/// `If-Match`: "Return the object only if its entity tag (ETag) is the same as the one specified …
///
/// Amazon S3 API Reference, "GetObject".
async fn get_if_match(server: &Server) -> Observed {
    let key = server.free_key();
    let etag = server.store(&key, b"this").await;
    let reply = server.get(&key).if_match(etag).range("bytes=0-1").send().await;
    Observed::new("done", said(&reply))
}

/// … otherwise, return a 412 (precondition failed) error."
///
/// Amazon S3 API Reference, "GetObject".
async fn get_if_match_of_an_older_version(server: &Server) -> Observed {
    let key = server.free_key();
    let older = server.store(&key, b"older").await;
    server.store(&key, b"newer").await;
    let reply = server.get(&key).if_match(older).range("bytes=0-1").send().await;
    Observed::new("412 PreconditionFailed", said(&reply))
}

/// HeadObject supports the same conditions as GetObject.
///
/// Amazon S3 API Reference, "HeadObject".
async fn head_if_match_of_an_older_version(server: &Server) -> Observed {
    let key = server.free_key();
    let older = server.store(&key, b"older").await;
    server.store(&key, b"newer").await;
    let reply = server.head(&key).if_match(older).send().await;
    Observed::new("412", said_to_head(&reply))
}

/// "An entity tag (ETag) is an opaque identifier assigned by a web server to a specific version of a resource":
/// PutObject, GetObject with and without a range, and HeadObject return the same one, in the quotes of a strong entity
/// tag.
///
/// Amazon S3 API Reference, "GetObject", "HeadObject" and "PutObject".
async fn etag_is_the_same_everywhere(server: &Server) -> Observed {
    let key = server.free_key();
    let put = server.store(&key, b"0123456789").await;
    let whole = server.get(&key).send().await.unwrap().e_tag.unwrap();
    let range = server.get(&key).range("bytes=1-2").send().await.unwrap().e_tag.unwrap();
    let head = server.head(&key).send().await.unwrap().e_tag.unwrap();
    let is_strong = put.len() > 2 && put.starts_with('"') && put.ends_with('"');
    if is_strong && [&whole, &range, &head].iter().all(|etag| **etag == put) {
        Observed::new("strong and the same", "strong and the same")
    } else {
        Observed::new("strong and the same", format!("{put}, {whole}, {range}, {head}"))
    }
}
