//! S3's lists of objects and Twilio's list of recordings, from the ordered keys in memory.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use serde_json::json;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc2822};

use super::{parameter, store::Object};
use crate::Failure;

/// The most keys on one page, as at S3.
const PAGE: usize = 1_000;

/// The answer to ListObjectsV2. The continuation token is the last key of the page before.
pub(super) fn objects(objects: &BTreeMap<String, Arc<Object>>, query: &str) -> String {
    let after = parameter(query, "continuation-token").or_else(|| parameter(query, "start-after"));
    let (keys, is_truncated) = page(objects, query, after);
    let next = keys.last().filter(|_| is_truncated);
    let next = next.map(|key| format!("<NextContinuationToken>{key}</NextContinuationToken>"));
    let contents: String = keys
        .iter()
        .map(|key| format!("<Contents><Key>{key}</Key></Contents>"))
        .collect();
    format!(
        "<ListBucketResult><IsTruncated>{is_truncated}</IsTruncated>{}{contents}</ListBucketResult>",
        next.unwrap_or_default()
    )
}

/// The answer to ListObjectVersions. Every object has one version.
pub(super) fn versions(objects: &BTreeMap<String, Arc<Object>>, query: &str) -> String {
    let (keys, is_truncated) = page(objects, query, parameter(query, "key-marker"));
    let next = keys.last().filter(|_| is_truncated);
    let next =
        next.map(|key| format!("<NextKeyMarker>{key}</NextKeyMarker><NextVersionIdMarker>1</NextVersionIdMarker>"));
    let version = |key: &&String| {
        format!(
            "<Version><Key>{key}</Key><VersionId>1</VersionId><IsLatest>true</IsLatest>\
             <LastModified>2026-11-01T00:00:00.000Z</LastModified></Version>"
        )
    };
    let versions: String = keys.iter().map(version).collect();
    format!(
        "<ListVersionsResult><IsTruncated>{is_truncated}</IsTruncated>{}{versions}</ListVersionsResult>",
        next.unwrap_or_default()
    )
}

/// Twilio's list of recordings: one page with all that are stored, as if they had been made yesterday.
pub(super) fn recordings(objects: &BTreeMap<String, Arc<Object>>) -> Result<String, Failure> {
    let made = (OffsetDateTime::now_utc() - Duration::days(1)).format(&Rfc2822)?;
    let sids = objects.keys().filter_map(|key| key.strip_prefix("recordings/"));
    let recordings: Vec<_> = sids
        .map(|sid| json!({"sid": sid, "status": "completed", "date_created": made, "start_time": made, "duration": "300"}))
        .collect();
    Ok(json!({"recordings": recordings, "next_page_uri": null}).to_string())
}

/// The keys of a page, and whether more follow. The keys here need no escapes in XML.
fn page<'a>(objects: &'a BTreeMap<String, Arc<Object>>, query: &str, after: Option<String>) -> (Vec<&'a String>, bool) {
    let prefix: String = parameter(query, "prefix").unwrap_or_default();
    let max = parameter(query, "max-keys").unwrap_or(PAGE).min(PAGE);
    let from = match after {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix.clone()),
    };
    let mut keys = objects
        .range((from, Bound::Unbounded))
        .map(|(key, _)| key)
        .take_while(|key| key.starts_with(&prefix));
    let page = keys.by_ref().take(max).collect();
    (page, keys.next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(keys: &[&str]) -> BTreeMap<String, Arc<Object>> {
        let object = |key: &&str| ((*key).to_owned(), Arc::new(Object::default()));
        keys.iter().map(object).collect()
    }

    #[test]
    fn pages_follow_each_other_within_the_prefix() {
        let objects = bucket(&["a/1", "b/1", "b/2", "b/3", "c/1"]);
        let first = super::objects(&objects, "list-type=2&prefix=b%2F&max-keys=2");
        assert!(
            first.contains("<IsTruncated>true<") && first.contains("<NextContinuationToken>b/2<"),
            "{first}"
        );
        let last = super::objects(&objects, "list-type=2&prefix=b%2F&max-keys=2&continuation-token=b%2F2");
        assert!(
            last.contains("<Key>b/3<") && last.contains("<IsTruncated>false<"),
            "{last}"
        );
        let after = super::objects(&objects, "list-type=2&prefix=b%2F&start-after=b%2F1");
        assert_eq!(after.matches("<Key>").count(), 2, "{after}");
        let versions = versions(&objects, "versions&prefix=b%2F&key-marker=b%2F2");
        assert!(
            versions.contains("<Key>b/3<") && versions.matches("<Version>").count() == 1,
            "{versions}"
        );
    }
}
