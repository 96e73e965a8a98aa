//! The clean-up at the end of a copy: no upload of the recording stays open that nobody can use.

use std::time::{Duration, SystemTime};

use super::target::Target;

/// No copy runs longer, because Lambda ends a function after 15 minutes. An older upload has no owner. A younger one may
/// belong to a copy that is still running.
const ABANDONED_AFTER: Duration = Duration::from_secs(20 * 60);

/// Aborts uploads of this recording: all of them if it is settled (stored, erased or expired), otherwise the abandoned ones.
///
/// One list of the open uploads finds what killed copies have left, and also an upload that S3 opened without its answer
/// arriving here. Once the recording is settled, no other copy can commit its upload. Such a copy loses nothing, because it
/// finds the recording settled.
pub(super) async fn clean_up(target: &Target, is_settled: bool, now: SystemTime) {
    let is_due =
        |initiated: Option<SystemTime>| is_settled || initiated.is_some_and(|initiated| is_abandoned(initiated, now));
    target.abort_uploads(is_due).await;
}

fn is_abandoned(initiated: SystemTime, now: SystemTime) -> bool {
    // An upload that seems to begin in the future is young.
    now.duration_since(initiated).is_ok_and(|age| age > ABANDONED_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_abandoned_after_twenty_minutes() {
        let initiated = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let after = |seconds| is_abandoned(initiated, initiated + Duration::from_secs(seconds));
        assert!(!after(0));
        assert!(!after(20 * 60));
        assert!(after(20 * 60 + 1));
        assert!(!is_abandoned(initiated, initiated - Duration::from_secs(3600)));
    }
}
