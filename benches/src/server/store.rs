//! Objects and uploads in memory.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Range,
    sync::Arc,
};

use bytes::Bytes;
use http::HeaderValue;
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// No object is ever replaced, so that one validator is enough.
pub(super) const ETAG: HeaderValue = HeaderValue::from_static("\"e\"");

/// The bytes in the buffers in which they were received.
#[derive(Debug, Default)]
pub(super) struct Object {
    chunks: Vec<Bytes>,
    /// The end of each buffer.
    ends: Vec<u64>,
    /// The total length, which is known even if the bytes were dropped.
    len: u64,
    /// The user's metadata, as headers have it.
    metadata: Vec<(&'static str, String)>,
}

#[derive(Debug)]
pub(super) struct Store {
    /// In the order in which S3 lists them.
    objects: BTreeMap<String, Arc<Object>>,
    uploads: HashMap<u64, BTreeMap<u32, Object>>,
    opened: u64,
    keep_bytes: bool,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            uploads: HashMap::new(),
            opened: 0,
            keep_bytes: true,
        }
    }
}

impl Store {
    pub(super) fn get(&self, key: &str) -> Option<Arc<Object>> {
        self.objects.get(key).cloned()
    }

    pub(super) const fn objects(&self) -> &BTreeMap<String, Arc<Object>> {
        &self.objects
    }

    pub(super) fn remove_below(&mut self, prefix: &str) {
        self.objects.retain(|key, _| !key.starts_with(prefix));
    }

    pub(super) fn put(&mut self, key: &str, object: Object) {
        let object = self.kept(object);
        self.objects.insert(key.to_owned(), Arc::new(object));
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.objects.remove(key);
    }

    /// Opens an upload and returns its id.
    pub(super) fn open(&mut self) -> u64 {
        self.opened += 1;
        self.uploads.insert(self.opened, BTreeMap::new());
        self.opened
    }

    pub(super) fn part(&mut self, upload: Option<u64>, number: u32, part: Object) {
        let part = self.kept(part);
        if let Some(parts) = upload.and_then(|id| self.uploads.get_mut(&id)) {
            parts.insert(number, part);
        }
    }

    pub(super) fn complete(&mut self, key: &str, upload: Option<u64>) {
        let parts = upload.and_then(|id| self.uploads.remove(&id)).unwrap_or_default();
        let mut object = Object::default();
        for part in parts.into_values() {
            object.append(part);
        }
        self.objects.insert(key.to_owned(), Arc::new(object));
    }

    pub(super) fn keep_bytes(&mut self, keep: bool) {
        self.keep_bytes = keep;
    }

    fn kept(&self, object: Object) -> Object {
        if self.keep_bytes {
            return object;
        }
        Object {
            len: object.len,
            ..Object::default()
        }
    }
}

impl Object {
    pub(super) fn new(bytes: impl Into<Bytes>, metadata: Vec<(&'static str, String)>) -> Self {
        let mut object = Self {
            metadata,
            ..Self::default()
        };
        object.push(bytes.into());
        object
    }

    pub(super) fn metadata(&self) -> &[(&'static str, String)] {
        &self.metadata
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The buffers that contain `range`, cut to it.
    pub(super) fn slice(&self, range: Range<u64>) -> VecDeque<Bytes> {
        let first = self.ends.partition_point(|end| *end <= range.start);
        let mut start = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let mut slices = VecDeque::new();
        for chunk in &self.chunks[first.min(self.chunks.len())..] {
            if start >= range.end {
                break;
            }
            let from = range.start.saturating_sub(start) as usize;
            let to = (range.end - start).min(chunk.len() as u64) as usize;
            slices.push_back(chunk.slice(from..to));
            start += chunk.len() as u64;
        }
        slices
    }

    fn push(&mut self, chunk: Bytes) {
        self.len += chunk.len() as u64;
        self.ends.push(self.len);
        self.chunks.push(chunk);
    }

    fn append(&mut self, other: Self) {
        if other.chunks.is_empty() {
            self.len += other.len;
        }
        for chunk in other.chunks {
            self.push(chunk);
        }
    }
}

/// Receives a request's body.
pub(super) async fn receive(mut body: Incoming) -> Result<Object, hyper::Error> {
    let mut object = Object::default();
    while let Some(frame) = body.frame().await {
        if let Ok(chunk) = frame?.into_data() {
            object.push(chunk);
        }
    }
    Ok(object)
}

/// Parses `bytes=a-b`, `bytes=a-` and `bytes=-n` for `total` bytes into a half-open range. `None` for anything else.
pub(super) fn parse_range(header: &str, total: u64) -> Option<Range<u64>> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    if first.is_empty() {
        return Some(total.saturating_sub(last.parse().ok()?)..total);
    }
    let first: u64 = first.parse().ok()?;
    let end = match last {
        "" => total,
        last => last.parse::<u64>().ok()?.saturating_add(1).min(total),
    };
    (first < end).then_some(first..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_what_the_bytes_in_one_piece_would_give() {
        let bytes: Vec<u8> = (0..40).collect();
        let mut object = Object::default();
        for chunk in [&bytes[..1], &bytes[1..7], &bytes[7..30], &bytes[30..]] {
            object.push(Bytes::copy_from_slice(chunk));
        }
        for start in 0..40 {
            for end in start..=40 {
                let slices: Vec<Bytes> = object.slice(start as u64..end as u64).into();
                assert_eq!(slices.concat(), bytes[start..end], "{start}..{end}");
            }
        }
    }

    #[test]
    fn parts_are_put_together_by_number() {
        let part = |byte| {
            let mut part = Object::default();
            part.push(Bytes::from(vec![byte]));
            part
        };
        let mut store = Store::default();
        let id = store.open();
        for number in [3, 1, 2] {
            store.part(Some(id), number, part(number as u8));
        }
        store.complete("key", Some(id));
        let object = store.get("key").unwrap();
        let slices: Vec<Bytes> = object.slice(0..3).into();
        assert_eq!(slices.concat(), [1, 2, 3]);
    }

    #[test]
    fn bytes_that_are_not_kept_are_counted() {
        let mut store = Store::default();
        store.keep_bytes(false);
        let id = store.open();
        let mut part = Object::default();
        part.push(Bytes::from_static(&[0; 100]));
        store.part(Some(id), 1, part);
        store.complete("key", Some(id));
        assert_eq!(store.get("key").unwrap().len(), 100);
        assert!(store.get("key").unwrap().chunks.is_empty());
    }

    #[test]
    fn ranges_are_half_open() {
        assert_eq!(parse_range("bytes=2-5", 10), Some(2..6));
        assert_eq!(parse_range("bytes=2-", 10), Some(2..10));
        assert_eq!(parse_range("bytes=-3", 10), Some(7..10));
        assert_eq!(parse_range("bytes=2-50", 10), Some(2..10));
        assert_eq!(parse_range("bytes=10-", 10), None);
        assert_eq!(parse_range("items=1-2", 10), None);
    }
}
