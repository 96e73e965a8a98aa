//! Marks: empty objects whose existence says something about a recording.

use crate::{Bucket, Condition, NewObject, ServiceError, head::proof};

/// Writes the mark `key`. An existing mark keeps its time. It needs only `s3:PutObject`.
pub(crate) async fn write_once(bucket: &Bucket, key: &str) -> Result<(), ServiceError> {
    let mark = NewObject {
        condition: Condition::IfAbsent,
        ..NewObject::default()
    };
    match bucket.put_object(key, mark).await {
        Ok(put) => proof("PutObject", put.e_tag).map(drop),
        // The mark exists, or another process is writing it.
        Err(error) if matches!(error.status(), Some(409 | 412)) => Ok(()),
        Err(error) => Err(error),
    }
}
