//! Uploads that a killed process has left behind, or that S3 opened and nobody was told of.

use std::time::{Duration, SystemTime};

use super::upload::{Target, abort};
use crate::uploads;

/// No copy lives as long: a Lambda function ends after 15 minutes at the latest. What is older has no owner, what is
/// younger may be a live neighbour's, as long as nothing is stored.
const ABANDONED_AFTER: Duration = Duration::from_secs(20 * 60);

/// Aborts the abandoned uploads of this very recording. Returns whether younger ones are left.
pub(super) async fn abort_abandoned(target: &Target, now: SystemTime) -> bool {
    abort_open(target, |initiated| is_abandoned(initiated, now)).await
}

/// Aborts every upload of this recording, which is stored or erased: none of them can be committed for good any more, so
/// that a neighbour loses nothing but its way to finding out.
pub(super) async fn abort_void(target: &Target) {
    abort_open(target, |_| true).await;
}

/// Aborts the uploads that are due; returns whether there are others. A failure is logged: the copy can do without, and
/// the bucket's lifecycle rule does the same a day later.
async fn abort_open(target: &Target, is_due: impl Fn(SystemTime) -> bool) -> bool {
    let uploads = match uploads::list(&target.bucket, &target.key).await {
        Ok(uploads) => uploads,
        Err(error) => {
            tracing::warn!(recordingSid = %target.recording, %error, "open uploads not looked for");
            return false;
        }
    };
    let (due, others): (Vec<_>, Vec<_>) = uploads
        .into_iter()
        .partition(|upload| upload.initiated.is_some_and(&is_due));
    for upload in due {
        abort(target, &upload.id).await;
    }
    !others.is_empty()
}

fn is_abandoned(initiated: SystemTime, now: SystemTime) -> bool {
    // One that seems to begin in the future is young.
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
