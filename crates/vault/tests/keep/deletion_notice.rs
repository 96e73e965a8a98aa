//! A deletion of an original and an erasure of its recording at the same time. At least one of them sees the other.

use std::time::{Duration, SystemTime};

use vault::{DeletionNotices, Eraser, GoAhead};

use crate::support::{World, proxy::Fault, recording};

impl World {
    fn notices(&self) -> DeletionNotices {
        DeletionNotices::new(self.proxied_bucket())
    }

    /// The steps of an erasure: it writes its mark, then looks for a notice.
    fn erasure(&self) -> impl Future<Output = bool> + Send + 'static {
        let eraser = Eraser::new(self.direct_bucket());
        let notices = DeletionNotices::new(self.direct_bucket());
        async move {
            eraser.mark(&recording(1)).await.unwrap();
            notices
                .is_deletion_under_way(&recording(1), SystemTime::now())
                .await
                .unwrap()
        }
    }
}

#[tokio::test]
async fn a_deletion_and_an_erasure_never_both_miss_each_other() {
    type Crossing = fn(&World, tokio::sync::oneshot::Sender<bool>);
    let crossings: [(&str, Crossing, GoAhead, bool); 3] = [
        (
            "an erasure before the notice",
            |world, seen| {
                let erasure = world.erasure();
                world
                    .proxy
                    .before("PutObject", 0, async move { seen.send(erasure.await).unwrap() });
            },
            GoAhead::Erased,
            false,
        ),
        (
            "an erasure between the notice and the look",
            |world, seen| {
                let erasure = world.erasure();
                world
                    .proxy
                    .after("PutObject", 0, async move { seen.send(erasure.await).unwrap() });
            },
            GoAhead::Erased,
            true,
        ),
        (
            "an erasure after the look",
            |world, seen| {
                let erasure = world.erasure();
                world
                    .proxy
                    .after("HeadObject", 0, async move { seen.send(erasure.await).unwrap() });
            },
            GoAhead::Yes,
            true,
        ),
    ];
    for (what, cross, go_ahead, under_way) in crossings {
        let world = World::start_versioned().await;
        let (seen, is_seen) = tokio::sync::oneshot::channel();
        cross(&world, seen);
        assert_eq!(world.notices().give(&recording(1)).await, Ok(go_ahead), "{what}");
        assert_eq!(is_seen.await, Ok(under_way), "{what}");
    }
}

#[tokio::test]
async fn a_deletion_is_under_way_until_its_invocation_must_have_ended() {
    let world = World::start().await;
    let notices = world.notices();
    let under_way = async |after_s: i64| {
        let later = Duration::from_secs(after_s.unsigned_abs());
        let now = SystemTime::now();
        let at = if after_s < 0 { now - later } else { now + later };
        notices.is_deletion_under_way(&recording(1), at).await.unwrap()
    };
    assert!(!under_way(0).await);
    assert_eq!(notices.give(&recording(1)).await, Ok(GoAhead::Yes));
    // With a clock that is behind S3's, a notice counts as new.
    for (after_s, expected) in [(-60, true), (0, true), (15 * 60, true), (21 * 60, false)] {
        assert_eq!(under_way(after_s).await, expected, "{after_s} s");
    }
    // Another deletion writes a new notice, and the notice of another recording does not matter.
    assert_eq!(notices.give(&recording(2)).await, Ok(GoAhead::Yes));
    assert!(!under_way(21 * 60).await);
}

#[tokio::test]
async fn a_notice_that_is_answered_without_proof_is_none() {
    for fault in [Fault::HtmlPage, Fault::WithoutEtag] {
        let world = World::start().await;
        world.proxy.inject("PutObject", 0..usize::MAX, fault.clone());
        let error = world.notices().give(&recording(1)).await.unwrap_err();
        assert!(error.is_retryable(), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn without_a_notice_or_a_look_nothing_may_be_deleted() {
    for operation in ["PutObject", "HeadObject"] {
        let world = World::start().await;
        world
            .proxy
            .inject(operation, 0..usize::MAX, Fault::Error(403, "AccessDenied"));
        assert!(world.notices().give(&recording(1)).await.is_err(), "{operation}");
    }
}
