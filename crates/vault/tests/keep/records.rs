//! Receipts and the index: writing, listing, and crossings with an erasure.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode, ObjectLockRule},
};
use sid::{CallSid, RecordingSid};
use time::{Date, Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use vault::{
    Bucket, ContentType, DayEntry, Eraser, Facts, ObjectKeys, Place, Receipt, RecordError, RecordedFrom, Records,
    Removal, Written, catalog_file_key,
};

use crate::support::{World, account, proxy::Fault, recording};

fn at(text: &str) -> OffsetDateTime {
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}

fn call(number: u32) -> CallSid {
    CallSid::parse(&format!("CA{number:032x}")).unwrap()
}

fn receipt(number: u32, start: &str) -> Receipt {
    Receipt {
        recording_sid: recording(number),
        account_sid: account(),
        facts: Facts {
            call_sid: Some(call(1)),
            start_time: Some(at(start)),
            ..Facts::default()
        },
        media_type: ContentType::Wav,
        length: 44,
        sha256: "00".repeat(32),
        object_key: recording(number).object_key(),
        version_id: None,
        etag: None,
        kms_key_arn: "arn:aws:kms:us-east-1:111122223333:key/k".to_owned(),
        header_sha256: "11".repeat(32),
        copied_at: at("2026-11-28T12:00:00Z"),
        recorded_from: RecordedFrom::Copy,
        software_version: "0.3.0".to_owned(),
        suspect: None,
    }
}

fn usual() -> Receipt {
    receipt(1, "2026-11-28T10:00:00Z")
}

fn records(world: &World) -> Records {
    Records::new(world.proxied_bucket())
}

/// The keys of the record of recording 1, and of the file of the catalog that may have its receipt.
fn keys() -> Vec<String> {
    let places = usual().places();
    let entries = places.iter().map(|place| place.entry_key(&recording(1)));
    entries.chain([recording(1).receipt_key()]).collect()
}

fn catalog_file() -> String {
    catalog_file_key(at("2026-11-28T00:00:00Z").date())
}

async fn present(world: &World) -> Vec<String> {
    let mut present = Vec::new();
    for key in keys().into_iter().chain([catalog_file(), recording(1).object_key()]) {
        if !world.versions(&key).await.is_empty() {
            present.push(key);
        }
    }
    present
}

async fn erase(bucket: Bucket) {
    let (eraser, recording) = (Eraser::new(bucket), recording(1));
    let marked = eraser.mark(&recording).await.unwrap();
    marked.remove().await.unwrap();
    marked.remove_record().await.unwrap();
}

#[tokio::test]
async fn a_receipt_is_written_after_its_entries_and_only_once() {
    let world = World::start_versioned().await;
    assert!(!records(&world).exists(&recording(1)).await.unwrap());
    assert_eq!(records(&world).read(&recording(1)).await.unwrap(), None);
    assert_eq!(records(&world).write(&usual()).await.unwrap(), Written::New);
    let puts: Vec<_> = world
        .proxy
        .calls()
        .into_iter()
        .filter(|call| call.operation == "PutObject")
        .collect();
    assert_eq!(puts.len(), 3);
    assert!(puts[2].key.ends_with(&recording(1).receipt_key()), "{puts:?}");
    assert_eq!(present(&world).await, keys());

    let other = Receipt { length: 45, ..usual() };
    assert_eq!(records(&world).write(&other).await.unwrap(), Written::Existing);
    assert!(records(&world).exists(&recording(1)).await.unwrap());
    assert_eq!(records(&world).read(&recording(1)).await.unwrap(), Some(usual()));
    for key in keys() {
        assert_eq!(world.versions(&key).await.len(), 1, "{key}");
    }
}

#[tokio::test]
async fn a_record_that_broke_off_is_completed_by_the_next_write() {
    for answered in 0..3 {
        for fault in [Fault::Error(503, "SlowDown"), Fault::WithoutEtag] {
            let world = World::start_versioned().await;
            world.proxy.inject("PutObject", answered..usize::MAX, fault.clone());
            let error = records(&world).write(&usual()).await.unwrap_err();
            assert!(error.is_retryable(), "{error}");
            world.proxy.heal();
            records(&world).write(&usual()).await.unwrap();
            assert_eq!(present(&world).await, keys(), "{answered} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_conflict_is_no_receipt() {
    let world = World::start_versioned().await;
    let conflict = Fault::Error(409, "ConditionalRequestConflict");
    world.proxy.inject("PutObject", 2..usize::MAX, conflict);
    assert!(records(&world).write(&usual()).await.is_err());
    assert!(!records(&world).exists(&recording(1)).await.unwrap());
}

/// The erasure runs completely before one request of the writer, each in turn.
#[tokio::test]
async fn an_erasure_at_any_time_leaves_no_record() {
    for operation in ["PutObject", "HeadObject"] {
        for nth in 0..3 {
            let world = World::start_versioned().await;
            let bucket = world.direct_bucket();
            world.proxy.before(operation, nth, erase(bucket));
            let written = records(&world).write(&usual()).await.unwrap();
            if operation == "HeadObject" && nth > 0 {
                // There is only one look for the mark, so that the erasure did not run.
                assert_eq!(written, Written::New);
                continue;
            }
            assert_eq!(written, Written::Erased, "{operation} {nth}");
            assert_eq!(present(&world).await, [""; 0], "{operation} {nth}");
        }
    }
}

/// The writer was killed before it looked for the mark, and its job is delivered again.
#[tokio::test]
async fn a_record_of_an_erased_recording_is_taken_back() {
    let world = World::start_versioned().await;
    let eraser = Eraser::new(world.direct_bucket());
    eraser.mark(&recording(1)).await.unwrap();
    assert_eq!(records(&world).write(&usual()).await.unwrap(), Written::Erased);
    for key in keys() {
        world.put_object(&key, Vec::new()).await;
        world.put_object(&key, Vec::new()).await;
    }
    records(&world)
        .take_back(&recording(1), &usual().places())
        .await
        .unwrap();
    assert_eq!(present(&world).await, [""; 0]);
}

/// Keeps every new version for a day, as the parameter ObjectLockDays does.
async fn lock_new_versions(world: &World) {
    let retention = DefaultRetention::builder()
        .mode(ObjectLockRetentionMode::Compliance)
        .days(1);
    let rule = ObjectLockRule::builder().default_retention(retention.build()).build();
    let locks = ObjectLockConfiguration::builder().object_lock_enabled(ObjectLockEnabled::Enabled);
    let put = world.direct_s3().put_object_lock_configuration().bucket(&world.bucket);
    put.object_lock_configuration(locks.rule(rule).build())
        .send()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_record_that_object_lock_keeps_is_hidden_if_its_recording_is_erased() {
    for nth in 0..3 {
        let world = World::start_with_locks().await;
        lock_new_versions(&world).await;
        let bucket = world.direct_bucket();
        world.proxy.before("PutObject", nth, erase(bucket));
        assert_eq!(records(&world).write(&usual()).await.unwrap(), Written::Erased, "{nth}");
        for key in keys() {
            assert_eq!(world.object(&key).await, None, "{key}");
        }
        // What the lock keeps is reported whenever the recording is erased again.
        let (eraser, recording) = (Eraser::new(world.direct_bucket()), recording(1));
        let record = eraser.mark(&recording).await.unwrap().remove_record().await.unwrap();
        assert!(!record.held.is_empty(), "{nth}: {record:?}");
    }
}

/// The receipt is locked with its entries, or one entry alone, which a rebuild has written later.
#[tokio::test]
async fn a_record_that_object_lock_keeps_still_leads_to_its_recording() {
    for is_receipt_locked in [true, false] {
        let world = World::start_with_locks().await;
        let call = Place::Call(call(1));
        if is_receipt_locked {
            lock_new_versions(&world).await;
            records(&world).write(&usual()).await.unwrap();
        } else {
            records(&world).write(&usual()).await.unwrap();
            let entry = call.entry_key(&recording(1));
            let [version] = &world.versions(&entry).await[..] else {
                panic!("one version")
            };
            let delete = world.direct_s3().delete_object().bucket(&world.bucket).key(&entry);
            delete.version_id(version).send().await.unwrap();
            lock_new_versions(&world).await;
            records(&world)
                .write_entries(&recording(1), &usual().places())
                .await
                .unwrap();
        }
        let (eraser, recording) = (Eraser::new(world.direct_bucket()), recording(1));
        let marked = eraser.mark(&recording).await.unwrap();
        for _ in 0..2 {
            assert_eq!(marked.remove_record().await.unwrap().held.len(), 1);
            let found = records(&world).entries(&call, None, 9).await.unwrap();
            assert_eq!(found, std::slice::from_ref(&recording), "{is_receipt_locked}");
            assert!(records(&world).exists(&recording).await.unwrap(), "{is_receipt_locked}");
        }
    }
}

#[tokio::test]
async fn an_entry_that_object_lock_keeps_is_hidden_by_a_rebuild() {
    let world = World::start_with_locks().await;
    lock_new_versions(&world).await;
    let records = records(&world);
    records.write_entries(&recording(1), &usual().places()).await.unwrap();
    for _ in 0..2 {
        for entry in records.all_entries(None).await.unwrap().entries {
            assert_eq!(records.remove_entry(&entry).await.unwrap(), Removal::Held);
            let key = entry.place.entry_key(&recording(1));
            assert_eq!(world.object(&key).await, None, "{key}");
            assert_eq!(world.versions(&key).await.len(), 2, "{key}");
        }
    }
}

/// Without a start time, the day is that of the copier's clock in the receipt of a copy, and that of S3's in one from reading.
#[tokio::test]
async fn a_recording_without_a_start_time_has_one_day_and_loses_all_at_its_erasure() {
    let copied = |at: OffsetDateTime, from| Receipt {
        facts: Facts {
            call_sid: Some(call(1)),
            ..Facts::default()
        },
        copied_at: at,
        recorded_from: from,
        ..usual()
    };
    let midnight = at("2026-11-29T00:00:00Z");
    let (before, after) = (midnight - Duration::SECOND, midnight + Duration::SECOND);
    for (copier, s3) in [(before, after), (after, before)] {
        let world = World::start_versioned().await;
        let records = records(&world);
        let of_copy = copied(copier, RecordedFrom::Copy);
        // The copier was killed before its receipt.
        records.write_entries(&recording(1), &of_copy.places()).await.unwrap();
        let of_reading = copied(s3, RecordedFrom::Reading);
        assert_eq!(records.write(&of_reading).await.unwrap(), Written::New);
        let days = async || {
            let (first, last) = (before.date(), after.date());
            records.days(first, last, None, 9).await.unwrap()
        };
        let [DayEntry { day, .. }] = days().await[..] else {
            panic!("{:?}", days().await)
        };
        assert_eq!(day, s3.date());

        // The entry and the file of the other day are left by a process that the test does not show.
        records.write_entries(&recording(1), &of_copy.places()).await.unwrap();
        let files = [before, after].map(|time| catalog_file_key(time.date()));
        for file in &files {
            world.put_object(file, b"{}\n".to_vec()).await;
        }
        erase(world.proxied_bucket()).await;
        assert_eq!(days().await, []);
        for file in &files {
            assert_eq!(world.object(file).await, None, "{file}");
        }
    }
}

async fn store(world: &World) {
    let s3 = world.direct_s3();
    let object = s3.put_object().bucket(&world.bucket).key(recording(1).object_key());
    let object = object
        .metadata("callsid", call(1).as_str())
        .metadata("starttime", "2026-11-28T10:00:00Z");
    object.body(ByteStream::from_static(b"sealed")).send().await.unwrap();
    world.put_object(&catalog_file(), b"{}\n".to_vec()).await;
}

/// Each request of the erasure fails in turn, as if it had been killed there. The next erasure removes the rest.
#[tokio::test]
async fn an_erasure_that_was_killed_anywhere_is_finished_by_the_next() {
    let mut steps = 0;
    for operation in [
        "GetObject",
        "HeadObject",
        "ListObjectVersions",
        "DeleteObject",
        "ListMultipartUploads",
    ] {
        for nth in 0.. {
            let world = World::start_versioned().await;
            store(&world).await;
            records(&world).write(&usual()).await.unwrap();
            world
                .proxy
                .inject(operation, nth..usize::MAX, Fault::Error(403, "AccessDenied"));
            let (eraser, recording) = (Eraser::new(world.proxied_bucket()), recording(1));
            let marked = eraser.mark(&recording).await.unwrap();
            let removed = match marked.remove().await {
                Ok(_) => marked.remove_record().await.map(drop),
                Err(error) => Err(error),
            };
            world.proxy.heal();
            // Without the receipt, the entries could not be found again. Without the entries, the recording could not.
            let left = present(&world).await;
            let entries = left.iter().filter(|key| key.starts_with("index/")).count();
            assert!(entries == 0 || left.contains(&recording.receipt_key()), "{left:?}");
            assert!(entries == 2 || !left.contains(&recording.object_key()), "{left:?}");
            erase(world.direct_bucket()).await;
            assert_eq!(present(&world).await, [""; 0], "{operation} {nth}");
            if removed.is_ok() {
                break;
            }
            steps += 1;
        }
    }
    assert!(steps >= 10, "{steps} steps");
}

/// A copy that was killed before the receipt leaves entries, which only the object's metadata tells.
#[tokio::test]
async fn an_erasure_finds_entries_without_a_receipt() {
    let world = World::start_versioned().await;
    store(&world).await;
    records(&world)
        .write_entries(&recording(1), &usual().places())
        .await
        .unwrap();
    erase(world.proxied_bucket()).await;
    assert_eq!(present(&world).await, [""; 0]);
}

/// Retention hides the receipt and the object, and the entries that a rebuild wrote later outlive them.
#[tokio::test]
async fn an_erasure_finds_the_entries_of_a_hidden_receipt() {
    let world = World::start_versioned().await;
    store(&world).await;
    records(&world).write(&usual()).await.unwrap();
    for key in [recording(1).receipt_key(), recording(1).object_key()] {
        let delete = world.direct_s3().delete_object().bucket(&world.bucket).key(key);
        delete.send().await.unwrap();
    }
    erase(world.proxied_bucket()).await;
    assert_eq!(present(&world).await, [""; 0]);
}

#[tokio::test]
async fn an_erasure_counts_what_it_removes() {
    let world = World::start_versioned().await;
    store(&world).await;
    records(&world).write(&usual()).await.unwrap();
    let (eraser, recording) = (Eraser::new(world.proxied_bucket()), recording(1));
    let marked = eraser.mark(&recording).await.unwrap();
    let erasure = marked.remove().await.unwrap();
    let record = marked.remove_record().await.unwrap();
    let counts = (
        erasure.versions,
        erasure.catalog_files,
        record.index_entries,
        record.receipts,
    );
    assert_eq!(counts, (1, 1, 2, 1));
}

#[tokio::test]
async fn a_receipt_that_cannot_be_read_does_not_stop_an_erasure() {
    let world = World::start_versioned().await;
    store(&world).await;
    records(&world)
        .write_entries(&recording(1), &usual().places())
        .await
        .unwrap();
    world
        .put_object(&recording(1).receipt_key(), b"{\"version\":9}".to_vec())
        .await;
    let read = records(&world).read(&recording(1)).await;
    assert!(matches!(read, Err(RecordError::Receipt(_))), "{read:?}");
    erase(world.proxied_bucket()).await;
    assert_eq!(present(&world).await, [""; 0]);
}

#[tokio::test]
async fn entries_and_receipts_are_listed_in_pages() {
    let world = World::start().await;
    let starts = [
        "2026-10-31T23:59:59Z",
        "2026-11-01T00:00:00Z",
        "2026-11-01T12:00:00Z",
        "2026-12-01T00:00:00Z",
    ];
    for (number, start) in (1..).zip(starts) {
        records(&world).write(&receipt(number, start)).await.unwrap();
    }
    world.put_object("index/day/2026/11/01/odd", Vec::new()).await;
    world.put_object("receipts/odd", Vec::new()).await;
    let day = |text: &str| at(&format!("{text}T00:00:00Z")).date();
    let listed = async |first: Date, last: Date, max: u16| {
        let mut all: Vec<DayEntry> = Vec::new();
        loop {
            let page = records(&world).days(first, last, all.last(), max).await.unwrap();
            let is_last = page.len() < usize::from(max);
            all.extend(page);
            if is_last {
                return all
                    .into_iter()
                    .map(|entry| entry.recording)
                    .collect::<Vec<RecordingSid>>();
            }
        }
    };
    for max in 1..6 {
        let november = listed(day("2026-11-01"), day("2026-11-30"), max).await;
        assert_eq!(november, [recording(2), recording(3)], "{max}");
        let all = listed(day("2026-01-01"), day("2026-12-01"), max).await;
        assert_eq!(all.len(), 4, "{max}");
    }
    assert_eq!(listed(day("2026-11-02"), day("2026-11-30"), 9).await, []);

    let place = Place::Call(call(1));
    let entries = records(&world).entries(&place, Some(&recording(2)), 1).await.unwrap();
    assert_eq!(entries, [recording(3)]);
    assert_eq!(records(&world).entries(&place, None, 9).await.unwrap().len(), 4);
    assert_eq!(
        records(&world).list(Some(&recording(3)), 9).await.unwrap(),
        [recording(4)]
    );
    assert_eq!(records(&world).list(None, 9).await.unwrap().len(), 4);
}

/// What a rebuild of the index does about entries that are older than any copy and have no receipt.
async fn remove_old_entries(bucket: Bucket) {
    let records = Records::new(bucket);
    for entry in records.all_entries(None).await.unwrap().entries {
        if records.read(&entry.recording).await.unwrap().is_none() {
            assert_eq!(records.remove_entry(&entry).await.unwrap(), Removal::Removed);
        }
    }
}

/// A killed copy has left the entries. The rebuild runs completely before one request of the second copy, each in turn.
#[tokio::test]
async fn a_writer_notices_that_a_rebuild_removed_the_entries_it_counted_on() {
    for nth in 0..5 {
        let world = World::start_versioned().await;
        let bucket = world.direct_bucket();
        let places = usual().places();
        let left = Records::new(bucket.clone());
        left.write_entries(&recording(1), &places).await.unwrap();
        world.proxy.before("PutObject", nth, remove_old_entries(bucket));
        assert_eq!(records(&world).write(&usual()).await.unwrap(), Written::New, "{nth}");
        assert_eq!(present(&world).await, keys(), "{nth}");
        assert_eq!(records(&world).missing_entries(&usual()).await.unwrap(), []);
    }
}

#[tokio::test]
async fn missing_entries_and_all_entries_are_those_of_the_index() {
    let world = World::start_versioned().await;
    let (records, places) = (records(&world), usual().places());
    assert_eq!(records.missing_entries(&usual()).await.unwrap(), places);
    records.write_entries(&recording(1), &places[..1]).await.unwrap();
    assert_eq!(records.missing_entries(&usual()).await.unwrap(), places[1..]);
    world.put_object("index/queue/x", Vec::new()).await;
    let page = records.all_entries(None).await.unwrap();
    let [entry] = &page.entries[..] else { panic!("{page:?}") };
    assert_eq!((&entry.place, &entry.recording), (&places[0], &recording(1)));
    assert!(entry.written_at.is_some() && page.next.is_none(), "{page:?}");
}
