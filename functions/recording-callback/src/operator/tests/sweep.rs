//! The sweep for overdue deletions of originals.

use super::{piece::Advance, sweep::SweepRun, twilio::Twilio, work::Work, *};

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Deletions of three recordings' originals are scheduled, two hours from now.
async fn world() -> World {
    let world = World::deleting_unlinked(Twilio::with(Vec::new()).await).await;
    let deletions = world.operator.clients.deletions.as_ref().unwrap();
    for number in 1..=3 {
        let recording = ::sid::RecordingSid::parse(&sid(number)).unwrap();
        deletions.schedule(&recording, Some(5)).await.unwrap();
    }
    world
}

/// The counts of a sweep that begins `hours` from now.
async fn sweep(world: &World, hours: i64) -> Value {
    let mut work = Work::Sweep(SweepRun::new(clock::now_ms() + hours * HOUR_MS));
    let turn = Turn {
        ends: Instant::now() + PIECE,
        after_failure: false,
    };
    loop {
        match work.advance(&world.operator.clients, turn).await.unwrap() {
            Advance::More(more) | Advance::Later(more) => work = more,
            Advance::Done(done) => return json!(done)["sweep"]["counts"].clone(),
        }
    }
}

#[tokio::test]
async fn a_scheduled_deletion_is_marked_until_it_is_erased() {
    let world = world().await;
    let marks = |numbers: &[u32]| -> Vec<_> { numbers.iter().map(|n| format!("deletions/{}", sid(*n))).collect() };
    assert_eq!(world.keys("deletions/").await, marks(&[1, 2, 3]));
    world.invoke(json!({"erase": sid(2)})).await.unwrap();
    assert_eq!(world.keys("deletions/").await, marks(&[1, 3]));
}

#[tokio::test]
async fn a_deletion_that_is_overdue_is_queued_again_and_counted() {
    let world = world().await;
    // The deletion is due in two hours, and may be 26 hours late.
    let counts = json!({"pending": 3, "overdue": 0, "queued": 0, "failed": 0});
    assert_eq!(sweep(&world, 27).await, counts);
    assert!(world.queued().await.is_empty());

    let counts = json!({"pending": 3, "overdue": 3, "queued": 3, "failed": 0});
    assert_eq!(sweep(&world, 29).await, counts);
    let message = |number| json!({"version": 1, "kind": "DeleteOriginal", "recordingSid": sid(number)});
    assert_eq!(world.queued().await, [1, 2, 3].map(message));
}

#[tokio::test]
async fn a_sweep_is_an_operation_of_its_own_and_finds_nothing_where_originals_stay() {
    let world = World::start(Twilio::with(Vec::new()).await).await;
    let answer = world.invoke(json!({"sweep": {}})).await.unwrap();
    assert_eq!(answer["status"], "done");
    assert!(
        answer["operation"].as_str().unwrap().starts_with("sweep-20"),
        "{answer}"
    );
    assert_eq!(answer["work"]["sweep"]["counts"]["pending"], 0);
}
