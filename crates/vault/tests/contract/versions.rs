//! Versions: the versions of an object, and how they are removed permanently.

use aws_sdk_s3::{
    error::SdkError,
    operation::{
        delete_object::builders::DeleteObjectFluentBuilder,
        head_object::{HeadObjectError, HeadObjectOutput},
        list_object_versions::builders::ListObjectVersionsFluentBuilder,
    },
    types::{ObjectLockLegalHold, ObjectLockLegalHoldStatus},
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use crate::{
    expectation::{Expectation, Observed, expectations, said, said_to_head},
    server::Server,
};

pub(crate) const EXPECTATIONS: &[Expectation] = expectations![
    versions_and_delete_markers_are_listed,
    versions_are_listed_page_by_page,
    a_bucket_without_versions_lists_null,
    a_deleted_version_is_gone,
    a_deleted_delete_marker_uncovers,
    deleting_what_is_gone,
    put_returns_its_version,
    a_locked_version_is_not_deleted,
    head_reports_a_lock,
    a_locked_version_is_hidden,
    head_reports_a_delete_marker,
];

/// "Returns metadata about all versions of the objects in a bucket". The newest version of a key comes first. Delete
/// markers have a separate element.
///
/// Amazon S3 API Reference, "ListObjectVersions"; User Guide, "Listing objects in a versioning-enabled bucket".
async fn versions_and_delete_markers_are_listed(server: &Server) -> Observed {
    let bucket = Versioned::new(server).await;
    let (first, newer) = (bucket.put().await, bucket.put().await);
    bucket.delete(None).send().await.unwrap();
    let listed = bucket.list().send().await.unwrap();
    let ids: Vec<_> = listed
        .versions()
        .iter()
        .map(|object| object.version_id().unwrap())
        .collect();
    let markers = listed.delete_markers().len();
    let order = if ids == [&newer, &first] {
        "newest first"
    } else {
        "otherwise"
    };
    Observed::new(
        "2 newest first, 1 marker",
        format!("{} {order}, {markers} marker", ids.len()),
    )
}

/// "When the response is truncated", `NextKeyMarker` and `NextVersionIdMarker` are the start of the next page.
///
/// Amazon S3 API Reference, "ListObjectVersions".
async fn versions_are_listed_page_by_page(server: &Server) -> Observed {
    let bucket = Versioned::new(server).await;
    for _ in 0..3 {
        bucket.put().await;
    }
    let (mut pages, mut ids) = (0, Vec::new());
    let (mut key, mut version) = (None, None);
    loop {
        let page = bucket
            .list()
            .max_keys(2)
            .set_key_marker(key)
            .set_version_id_marker(version);
        let page = page.send().await.unwrap();
        pages += 1;
        ids.extend(
            page.versions()
                .iter()
                .map(|object| object.version_id().unwrap().to_owned()),
        );
        if page.is_truncated() != Some(true) || pages == 4 {
            break;
        }
        (key, version) = (page.next_key_marker, page.next_version_id_marker);
    }
    let listed = ids.len();
    ids.dedup();
    Observed::new("2 pages, 3 of 3", format!("{pages} pages, {} of {listed}", ids.len()))
}

/// "Objects stored in your bucket before you set the versioning state have a version ID of null". They can also be
/// deleted by this ID.
///
/// Amazon S3 User Guide, "How S3 Versioning works"; API Reference, "DeleteObject".
async fn a_bucket_without_versions_lists_null(server: &Server) -> Observed {
    let key = server.free_key();
    server.store(&key, b"body").await;
    let list = server.s3.list_object_versions().bucket(&server.bucket).prefix(&key);
    let listed = list.send().await.unwrap();
    let id = listed
        .versions()
        .first()
        .and_then(|object| object.version_id())
        .unwrap_or("none");
    let delete = server
        .s3
        .delete_object()
        .bucket(&server.bucket)
        .key(&key)
        .version_id(id);
    let deleted = delete.send().await;
    let left = said_to_head(&server.head(&key).send().await);
    Observed::in_turn("null, then done, then 404", [id.to_owned(), said(&deleted), left])
}

/// "To permanently delete a versioned object, you must use DELETE Object versionId."
///
/// Amazon S3 User Guide, "Deleting object versions from a versioning-enabled bucket".
async fn a_deleted_version_is_gone(server: &Server) -> Observed {
    let bucket = Versioned::new(server).await;
    let (first, newer) = (bucket.put().await, bucket.put().await);
    let deleted = bucket.delete(Some(&newer)).send().await;
    let left = bucket.list().send().await.unwrap();
    let left: Vec<_> = left
        .versions()
        .iter()
        .map(|object| object.version_id().unwrap())
        .collect();
    let left = if left == [&first] { "the other" } else { "otherwise" };
    Observed::in_turn("done, then the other", [said(&deleted), left.to_owned()])
}

/// "If you delete the delete marker", the version below it becomes the current one again.
///
/// Amazon S3 User Guide, "Managing delete markers".
async fn a_deleted_delete_marker_uncovers(server: &Server) -> Observed {
    let bucket = Versioned::new(server).await;
    bucket.put().await;
    let marker = bucket.delete(None).send().await.unwrap();
    let covered = said_to_head(&bucket.head().await);
    let deleted = bucket.delete(marker.version_id()).send().await;
    let uncovered = said_to_head(&bucket.head().await);
    Observed::in_turn("404, then done, then done", [covered, said(&deleted), uncovered])
}

/// Deletions are idempotent: a version that another erasure has deleted causes no error.
///
/// Amazon S3 API Reference, "DeleteObject".
async fn deleting_what_is_gone(server: &Server) -> Observed {
    let bucket = Versioned::new(server).await;
    let id = bucket.put().await;
    let (first, second) = (
        bucket.delete(Some(&id)).send().await,
        bucket.delete(Some(&id)).send().await,
    );
    Observed::in_turn("done, then done", [said(&first), said(&second)])
}

/// "Version ID of the object": the writer deletes exactly the version that it stored.
///
/// Amazon S3 API Reference, "PutObject", "GetObject" and "HeadObject".
async fn put_returns_its_version(server: &Server) -> Observed {
    let bucket = Versioned::new(server).await;
    let put = bucket.put().await;
    let head = bucket.head().await.unwrap().version_id;
    let get = server.s3.get_object().bucket(&bucket.name).key(KEY).range("bytes=0-0");
    let get = get.send().await.unwrap().version_id;
    let same = [head, get].iter().all(|id| id.as_ref() == Some(&put));
    Observed::new("the same", if same { "the same" } else { "otherwise" })
}

/// `x-amz-delete-marker: true` with the 404 means: "the object was deleted and a delete marker is its current version".
/// For a key that was never used, or whose marker was removed, the 404 has no such header.
///
/// Amazon S3 User Guide, "Working with delete markers"; API Reference, "HeadObject".
async fn head_reports_a_delete_marker(server: &Server) -> Observed {
    let bucket = Versioned::new(server).await;
    let described = async || match bucket.head().await {
        Ok(_) => "done".to_owned(),
        Err(error) => {
            let reply = error.raw_response().unwrap();
            let marker = reply.headers().get("x-amz-delete-marker").unwrap_or("none");
            format!("{} {marker}", reply.status().as_u16())
        }
    };
    let empty = described().await;
    bucket.put().await;
    bucket.delete(None).send().await.unwrap();
    let covered = described().await;
    bucket.put().await;
    let replaced = described().await;
    bucket.delete(None).send().await.unwrap();
    let listed = bucket.list().send().await.unwrap();
    let objects = listed.versions().iter().map(|object| object.version_id().unwrap());
    let markers = listed
        .delete_markers()
        .iter()
        .map(|marker| marker.version_id().unwrap());
    for id in objects.chain(markers) {
        bucket.delete(Some(id)).send().await.unwrap();
    }
    Observed::in_turn(
        "404 none, then 404 true, then done, then 404 none",
        [empty, covered, replaced, described().await],
    )
}

/// A version under a legal hold or in its retention period is not deleted. The answer is 403 `AccessDenied`, as for a
/// missing permission.
///
/// Amazon S3 User Guide, "How S3 Object Lock works".
async fn a_locked_version_is_not_deleted(server: &Server) -> Observed {
    let bucket = Versioned::new(server).await;
    let (held, free) = (bucket.put().await, bucket.put().await);
    bucket.hold(&held).await;
    let refused = bucket.delete(Some(&held)).send().await;
    let deleted = bucket.delete(Some(&free)).send().await;
    Observed::in_turn("403 AccessDenied, then done", [said(&refused), said(&deleted)])
}

/// `x-amz-object-lock-legal-hold`: "Specifies whether a legal hold is in effect for this object". It distinguishes the
/// two causes of the 403.
///
/// Amazon S3 API Reference, "HeadObject".
async fn head_reports_a_lock(server: &Server) -> Observed {
    let bucket = Versioned::new(server).await;
    let (held, free) = (bucket.put().await, bucket.put().await);
    bucket.hold(&held).await;
    let described = async |id: &str| {
        let request = server.s3.head_object().bucket(&bucket.name).key(KEY).version_id(id);
        let reply = request.send().await.unwrap();
        let hold = reply.object_lock_legal_hold_status();
        hold.map_or_else(|| "none".to_owned(), ToString::to_string)
    };
    Observed::in_turn("ON, then none", [described(&held).await, described(&free).await])
}

/// "If you issue a simple DELETE request … S3 creates a delete marker", whether the version is locked or not.
///
/// Amazon S3 User Guide, "How S3 Object Lock works", "Object Lock and delete markers".
async fn a_locked_version_is_hidden(server: &Server) -> Observed {
    let bucket = Versioned::new(server).await;
    let held = bucket.put().await;
    bucket.hold(&held).await;
    let hidden = bucket.delete(None).send().await;
    Observed::in_turn("done, then 404", [said(&hidden), said_to_head(&bucket.head().await)])
}

const KEY: &str = "key";

/// A bucket with versions and locks, and one key.
struct Versioned<'a> {
    server: &'a Server,
    name: String,
}

type HeadResult = Result<HeadObjectOutput, SdkError<HeadObjectError, HttpResponse>>;

impl<'a> Versioned<'a> {
    async fn new(server: &'a Server) -> Self {
        let name = format!("{}-{}", server.bucket, server.free_key());
        let create = server.s3.create_bucket().bucket(&name);
        create.object_lock_enabled_for_bucket(true).send().await.unwrap();
        Self { server, name }
    }

    async fn put(&self) -> String {
        let put = self.server.s3.put_object().bucket(&self.name).key(KEY);
        put.body(b"body".to_vec().into())
            .send()
            .await
            .unwrap()
            .version_id
            .unwrap()
    }

    fn list(&self) -> ListObjectVersionsFluentBuilder {
        self.server.s3.list_object_versions().bucket(&self.name).prefix(KEY)
    }

    fn delete(&self, version_id: Option<&str>) -> DeleteObjectFluentBuilder {
        let delete = self.server.s3.delete_object().bucket(&self.name).key(KEY);
        delete.set_version_id(version_id.map(ToOwned::to_owned))
    }

    async fn head(&self) -> HeadResult {
        self.server.s3.head_object().bucket(&self.name).key(KEY).send().await
    }

    async fn hold(&self, version_id: &str) {
        let hold = ObjectLockLegalHold::builder()
            .status(ObjectLockLegalHoldStatus::On)
            .build();
        let request = self.server.s3.put_object_legal_hold().bucket(&self.name).key(KEY);
        request.version_id(version_id).legal_hold(hold).send().await.unwrap();
    }
}
