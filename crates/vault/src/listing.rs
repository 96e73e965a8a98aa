//! Lists of keys, over as many pages as needed.

use crate::{Bucket, ServiceError};

/// Returns at most `max` of the keys under `prefix` that follow `after`, as `parse` reads them. Keys that it does not know are
/// skipped. There are fewer only at the end of the bucket.
pub(crate) async fn list<T>(
    bucket: &Bucket,
    prefix: &str,
    after: Option<String>,
    max: u16,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, ServiceError> {
    let max = usize::from(max);
    let mut listed = Vec::with_capacity(max);
    let mut next = None;
    while listed.len() < max {
        let left = (max - listed.len()) as i32;
        let page = bucket.list_objects(prefix, after.clone(), next, left).await?;
        let keys = page.contents().iter().filter_map(|object| object.key());
        listed.extend(keys.filter_map(&parse));
        next = page.next_continuation_token;
        if next.is_none() {
            break;
        }
    }
    Ok(listed)
}
