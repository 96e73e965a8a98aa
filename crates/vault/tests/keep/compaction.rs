//! Writing the catalog: which files are written, and what is in them.

use serde_json::Value;
use sid::RecordingSid;
use time::Date;
use vault::{Compacted, Compactor, DayFile, Limits, ObjectKeys, Records, catalog_file_key};

use crate::support::{World, day, receipt, recording};

pub(crate) const ALL: Limits = Limits {
    days: 1_000,
    recordings: 100_000,
};

/// Writes receipts and index entries.
pub(crate) async fn record(world: &World, day: Date, numbers: &[u32]) {
    let records = Records::new(world.direct_bucket());
    for number in numbers {
        records.write(&receipt(*number, day)).await.unwrap();
    }
}

/// Compares every day with its file once.
pub(crate) async fn compact(compactor: &Compactor) -> Vec<(Date, Compacted)> {
    let listed = compactor.days(None, ALL).await.unwrap();
    assert_eq!(listed.next, None);
    let marks = compactor.marks().await.unwrap();
    let mut compacted = Vec::new();
    for (day, entries) in listed.days {
        compacted.push((day, compactor.compact(day, entries, &marks).await.unwrap()));
    }
    compacted
}

/// The recordings that a day's file names, in its order. `None` if there is no file.
pub(crate) async fn named(world: &World, day: Date) -> Option<Vec<RecordingSid>> {
    let file = String::from_utf8(world.object(&catalog_file_key(day)).await?).unwrap();
    let lines = file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let sids = lines.map(|line| RecordingSid::parse(line["recordingSid"].as_str().unwrap()).unwrap());
    Some(sids.collect())
}

fn recordings(numbers: &[u32]) -> Vec<RecordingSid> {
    numbers.iter().map(|number| recording(*number)).collect()
}

fn outcomes(compacted: &[(Date, Compacted)]) -> Vec<DayFile> {
    compacted.iter().map(|(_, compacted)| compacted.file).collect()
}

#[tokio::test]
async fn each_day_has_one_file_with_the_receipts_of_its_recordings() {
    let world = World::start_versioned().await;
    let compactor = Compactor::new(world.proxied_bucket());
    record(&world, day(1), &[3, 1]).await;
    record(&world, day(2), &[2]).await;
    assert_eq!(outcomes(&compact(&compactor).await), [DayFile::Written; 2]);
    let file = world.object(&catalog_file_key(day(1))).await.unwrap();
    let expected = [1, 3].map(|number| receipt(number, day(1)).to_json() + "\n").concat();
    assert_eq!(String::from_utf8(file).unwrap(), expected);
    assert_eq!(named(&world, day(2)).await, Some(recordings(&[2])));

    // Nothing is read or written again.
    world.proxy.forget_calls();
    assert_eq!(outcomes(&compact(&compactor).await), [DayFile::Unchanged; 2]);
    assert_eq!((world.proxy.count("GetObject"), world.proxy.count("PutObject")), (0, 0));

    // One more recording changes one file. The old version is gone.
    record(&world, day(1), &[2]).await;
    let compacted = compact(&compactor).await;
    assert_eq!(outcomes(&compacted), [DayFile::Written, DayFile::Unchanged]);
    assert_eq!(compacted[0].1.recordings, 3);
    assert_eq!(named(&world, day(1)).await, Some(recordings(&[1, 2, 3])));
    assert_eq!(world.versions(&catalog_file_key(day(1))).await.len(), 1);
}

#[tokio::test]
async fn the_file_of_a_day_without_recordings_is_removed() {
    let world = World::start_versioned().await;
    let compactor = Compactor::new(world.proxied_bucket());
    record(&world, day(1), &[1]).await;
    compact(&compactor).await;
    let places = receipt(1, day(1)).places();
    let records = Records::new(world.direct_bucket());
    records.take_back(&recording(1), &places).await.unwrap();
    assert_eq!(outcomes(&compact(&compactor).await), [DayFile::Removed]);
    assert!(world.versions(&catalog_file_key(day(1))).await.is_empty());
    assert!(compact(&compactor).await.is_empty());
}

#[tokio::test]
async fn a_recording_that_is_marked_but_still_in_the_index_is_in_no_file() {
    let world = World::start_versioned().await;
    let compactor = Compactor::new(world.proxied_bucket());
    record(&world, day(1), &[1, 2]).await;
    compact(&compactor).await;
    // An erasure that was killed after its mark.
    world.put_object(&recording(1).erasure_mark_key(), b"{}".to_vec()).await;
    assert_eq!(outcomes(&compact(&compactor).await), [DayFile::Written]);
    assert_eq!(named(&world, day(1)).await, Some(recordings(&[2])));
    world.put_object(&recording(2).erasure_mark_key(), b"{}".to_vec()).await;
    assert_eq!(outcomes(&compact(&compactor).await), [DayFile::Removed]);
    assert_eq!(named(&world, day(1)).await, None);
}

#[tokio::test]
async fn a_missing_or_damaged_receipt_is_counted_and_does_not_stop_the_others() {
    let world = World::start_versioned().await;
    let compactor = Compactor::new(world.proxied_bucket());
    record(&world, day(1), &[1, 2, 3]).await;
    let places = receipt(4, day(1)).places();
    let records = Records::new(world.direct_bucket());
    records.write_entries(&recording(4), &places).await.unwrap();
    world.put_object(&recording(2).receipt_key(), b"{".to_vec()).await;
    for file in [DayFile::Written, DayFile::Unchanged] {
        let expected = Compacted {
            file,
            recordings: 2,
            without_receipt: 1,
            unreadable: recordings(&[2]),
        };
        assert_eq!(compact(&compactor).await, [(day(1), expected)]);
    }
    assert_eq!(named(&world, day(1)).await, Some(recordings(&[1, 3])));

    record(&world, day(1), &[4]).await;
    assert_eq!(compact(&compactor).await[0].1.file, DayFile::Written);
    assert_eq!(named(&world, day(1)).await, Some(recordings(&[1, 3, 4])));
}

#[tokio::test]
async fn a_file_that_something_else_wrote_is_replaced() {
    let world = World::start_versioned().await;
    let compactor = Compactor::new(world.proxied_bucket());
    record(&world, day(1), &[1]).await;
    world.put_object(&catalog_file_key(day(1)), b"else".to_vec()).await;
    assert_eq!(outcomes(&compact(&compactor).await), [DayFile::Written]);
    assert_eq!(named(&world, day(1)).await, Some(recordings(&[1])));
}

#[tokio::test]
async fn days_are_listed_in_parts_and_each_day_whole() {
    let world = World::start_versioned().await;
    let compactor = Compactor::new(world.proxied_bucket());
    let records = Records::new(world.direct_bucket());
    for (number, at) in [(1, 1), (2, 1), (3, 2), (4, 5), (5, 5), (6, 9)] {
        let receipt = receipt(number, day(at));
        records
            .write_entries(&recording(number), &receipt.places())
            .await
            .unwrap();
    }
    // Files of days that are not in the index, between the others and after them.
    for at in [3, 11] {
        world.put_object(&catalog_file_key(day(at)), Vec::new()).await;
    }
    let expected = [(1, 2), (2, 1), (3, 0), (5, 2), (9, 1), (11, 0)].map(|(at, len)| (day(at), len));
    for limits in [(1, 1), (2, 100), (100, 2), (3, 3), (100, 100)] {
        let limits = Limits {
            days: limits.0,
            recordings: limits.1,
        };
        let (mut after, mut found) = (None, Vec::new());
        loop {
            let listed = compactor.days(after, limits).await.unwrap();
            found.extend(listed.days.into_iter().map(|(day, entries)| (day, entries.len())));
            after = listed.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{limits:?}");
    }
}
