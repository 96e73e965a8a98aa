//! Stores cursors: an object in the bucket for each operation, `operations/{name}.json`. The invocation that continues the
//! run reads it, and so do people and scripts.

use std::time::Duration;

use vault::{Bucket, Condition, NewObject, ServiceError, VersionSelector};

use super::cursor::Cursor;

/// S3 answers 409 if two writes cross, even if one of them is the SDK's retry of the other. S3 decides within milliseconds
/// which of them counts.
const CROSSED_TRIES: u32 = 3;
const CROSSED_PAUSE: Duration = Duration::from_millis(200);

/// The cursors in a bucket.
#[derive(Debug)]
pub(super) struct RunStore {
    bucket: Bucket,
}

/// An operation's place in the bucket, with what is stored there.
#[derive(Debug)]
pub(super) struct Found {
    /// `None` if nothing is stored there, or something that is not a cursor of this version.
    pub(super) cursor: Option<Cursor>,
    pub(super) place: Place,
}

/// The place as it was last seen. Only an invocation that knows the latest version can write the next one.
#[derive(Debug)]
pub(super) struct Place {
    etag: Option<String>,
}

/// Why the cursor cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunStoreError {
    #[error("another run of the operation has taken over")]
    Superseded,
    #[error("there is no such operation")]
    Unknown,
    #[error("the operation's state was written by another version")]
    Malformed,
    #[error("the operation's state: S3: {0}")]
    Unavailable(String),
}

impl RunStore {
    pub(super) const fn new(bucket: Bucket) -> Self {
        Self { bucket }
    }

    pub(super) async fn find(&self, operation: &str) -> Result<Found, RunStoreError> {
        let key = key(operation);
        let object = self.bucket.get_object(&key, None, VersionSelector::Current);
        let object = match object.await {
            Ok(object) => object,
            Err(error) if error.code() == Some("NoSuchKey") => {
                return Ok(Found {
                    cursor: None,
                    place: Place { etag: None },
                });
            }
            Err(error) => return Err(unavailable(&error)),
        };
        let etag = object.e_tag;
        let body = object.body.collect().await;
        let body = body.map_err(|_| RunStoreError::Unavailable("the reply broke off".to_owned()))?;
        Ok(Found {
            cursor: serde_json::from_slice(&body.to_vec()).ok(),
            place: Place { etag },
        })
    }

    /// Writes the cursor.
    ///
    /// # Errors
    /// [`RunStoreError::Superseded`] if another invocation has written meanwhile.
    pub(super) async fn save(&self, place: &mut Place, cursor: &Cursor) -> Result<(), RunStoreError> {
        let text = serde_json::to_string_pretty(cursor).map_err(|_| RunStoreError::Malformed)?;
        for _ in 0..CROSSED_TRIES {
            let object = NewObject {
                body: text.clone().into(),
                content_type: Some("application/json"),
                condition: place.etag.clone().map_or(Condition::IfAbsent, Condition::IfMatch),
                ..NewObject::default()
            };
            match self.bucket.put_object(&key(&cursor.operation), object).await {
                // S3 gives every object an ETag. An answer without one proves nothing, and the next write would be unconditional.
                Ok(put) => {
                    let etag = put.e_tag.filter(|etag| !etag.is_empty());
                    place.etag =
                        Some(etag.ok_or_else(|| RunStoreError::Unavailable("an answer without an ETag".to_owned()))?);
                    return Ok(());
                }
                Err(error) if error.code() == Some("ConditionalRequestConflict") => {
                    tokio::time::sleep(CROSSED_PAUSE).await;
                }
                Err(error) if error.code() == Some("PreconditionFailed") => {
                    return self.recognize(place, cursor).await;
                }
                Err(error) => return Err(unavailable(&error)),
            }
        }
        Err(RunStoreError::Unavailable("ConditionalRequestConflict".to_owned()))
    }

    /// The stored cursor may be this very write, if its answer was lost and the SDK then retried it.
    async fn recognize(&self, place: &mut Place, cursor: &Cursor) -> Result<(), RunStoreError> {
        let found = self.find(&cursor.operation).await?;
        if found.cursor.as_ref() != Some(cursor) {
            return Err(RunStoreError::Superseded);
        }
        *place = found.place;
        Ok(())
    }
}

impl Found {
    /// The cursor that must exist.
    pub(super) fn expect(self) -> Result<(Cursor, Place), RunStoreError> {
        match self {
            Self {
                cursor: Some(cursor),
                place,
            } => Ok((cursor, place)),
            Self {
                place: Place { etag: Some(_) },
                ..
            } => Err(RunStoreError::Malformed),
            Self { .. } => Err(RunStoreError::Unknown),
        }
    }
}

fn key(operation: &str) -> String {
    format!("operations/{operation}.json")
}

fn unavailable(error: &ServiceError) -> RunStoreError {
    RunStoreError::Unavailable(error.code().unwrap_or("no answer").to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        operator::{
            command::{Recordings, Verify},
            verify::VerifyRun,
            work::Work,
        },
        testing::{emulated::Emulated, loopback::Loopback},
    };

    const OPERATION: &str = "verify-all";

    fn cursor(run: i64) -> Cursor {
        Cursor::new(
            Work::Verify(VerifyRun::new(Verify {
                recordings: Recordings::All,
                receipts: false,
                restart: false,
            })),
            run,
        )
    }

    async fn store() -> (Emulated, RunStore) {
        let aws = Emulated::start().await;
        let runs = RunStore::new(aws.bucket());
        (aws, runs)
    }

    #[tokio::test]
    async fn a_cursor_comes_back_as_it_was_kept() {
        let (_aws, runs) = store().await;
        let mut place = runs.find(OPERATION).await.unwrap().place;
        for step in [0, 7] {
            let cursor = Cursor { step, ..cursor(1) };
            runs.save(&mut place, &cursor).await.unwrap();
            assert_eq!(runs.find(OPERATION).await.unwrap().cursor, Some(cursor));
        }
    }

    #[tokio::test]
    async fn a_write_that_is_answered_without_an_etag_is_not_taken_for_one() {
        let server = Loopback::start(|_| (200, None, json!(null))).await;
        let runs = RunStore::new(Bucket::new(aws_sdk_s3::Client::new(&server.aws()), "bucket"));
        let mut place = Place { etag: None };
        let refused = runs.save(&mut place, &cursor(1)).await;
        assert!(matches!(refused, Err(RunStoreError::Unavailable(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn the_second_writer_writes_nothing() {
        let (_aws, runs) = store().await;
        let mut first = runs.find(OPERATION).await.unwrap().place;
        let mut late = runs.find(OPERATION).await.unwrap().place;
        runs.save(&mut first, &cursor(1)).await.unwrap();
        let refused = runs.save(&mut late, &cursor(2)).await;
        assert!(matches!(refused, Err(RunStoreError::Superseded)));

        let mut second = runs.find(OPERATION).await.unwrap().place;
        runs.save(&mut second, &cursor(2)).await.unwrap();
        let refused = runs.save(&mut first, &cursor(1)).await;
        assert!(matches!(refused, Err(RunStoreError::Superseded)));
        assert_eq!(runs.find(OPERATION).await.unwrap().cursor, Some(cursor(2)));
    }

    #[tokio::test]
    async fn a_write_whose_answer_was_lost_was_a_write() {
        let (_aws, runs) = store().await;
        // The SDK does the same if it got no answer: it writes the same again, over the version of before.
        for step in 0..3 {
            let cursor = Cursor { step, ..cursor(1) };
            let mut place = runs.find(OPERATION).await.unwrap().place;
            let mut before = Place {
                etag: place.etag.clone(),
            };
            runs.save(&mut place, &cursor).await.unwrap();
            runs.save(&mut before, &cursor).await.unwrap();
            assert_eq!(before.etag, place.etag);
        }
    }

    #[tokio::test]
    async fn an_object_that_is_no_cursor_can_be_replaced_but_not_continued() {
        let (aws, runs) = store().await;
        let found = runs.find(OPERATION).await.unwrap();
        assert!(matches!(found.expect(), Err(RunStoreError::Unknown)));
        let put = aws.s3().put_object().bucket(&aws.name).key(key(OPERATION));
        put.body(b"{}".to_vec().into()).send().await.unwrap();
        let found = runs.find(OPERATION).await.unwrap();
        assert!(matches!(found.expect(), Err(RunStoreError::Malformed)));
        let mut place = runs.find(OPERATION).await.unwrap().place;
        runs.save(&mut place, &cursor(1)).await.unwrap();
    }
}
