//! The links that tasks get.

use playback_link::{Expiry, KeyRing, sign};
use service::secrets::{Secret, SecretError};
use sid::RecordingSid;
use twilio::task_attributes::{ChannelOrder, RecordedLeg, TaskLink};

use crate::{config::ChannelOrders, job::LinkTask};

/// The links of this deployment.
pub(crate) struct Links {
    pub(crate) kind: LinkKind,
    /// Has no slash at its end.
    pub(crate) playback_base_url: String,
    pub(crate) channels: ChannelOrders,
}

/// The kind of link that a task gets.
pub(crate) enum LinkKind {
    /// `conversations.media[]` with `url_provider`.
    Media,
    /// `conversations.segment_link`, signed with the current key of these.
    SegmentLink(Secret<KeyRing>),
}

impl Links {
    /// The URL at which the Player requests the recording.
    pub(super) async fn url(&self, recording: &RecordingSid) -> Result<String, SecretError> {
        let Self { playback_base_url, .. } = self;
        Ok(match &self.kind {
            LinkKind::Media => format!("{playback_base_url}/media-url?recordingSid={recording}"),
            LinkKind::SegmentLink(keys) => {
                sign(&keys.current().await?, recording, Expiry::Never).url(playback_base_url)
            }
        })
    }

    /// The link to `url` for a task with these attributes.
    pub(super) fn task_link(&self, url: &str, job: &LinkTask, attributes: Option<&str>) -> TaskLink {
        let url = url.to_owned();
        match self.kind {
            LinkKind::Media => TaskLink::Media {
                url_provider: url,
                reservation: job.reservation_sid.clone(),
                start_time_ms: job.facts.start_time_ms,
                channels: self.channel_order(job, attributes),
            },
            LinkKind::SegmentLink(_) => TaskLink::SegmentLink { url },
        }
    }

    /// The order is set only if it is known, because a wrong one distorts the talk-time metrics.
    fn channel_order(&self, job: &LinkTask, attributes: Option<&str>) -> Option<ChannelOrder> {
        job.facts.channels.filter(|&channels| channels == 2)?;
        match RecordedLeg::of(
            attributes,
            job.facts.call_sid.as_ref(),
            job.facts.conference_sid.as_ref(),
        )? {
            RecordedLeg::Customer => self.channels.customer_leg,
            RecordedLeg::Worker => self.channels.worker_leg,
            RecordedLeg::Conference => self.channels.conference,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const CUSTOMER: &str = "CA00000000000000000000000000000001";
    const WORKER: &str = "CA00000000000000000000000000000002";

    fn links(channels: ChannelOrders) -> Links {
        Links {
            kind: LinkKind::Media,
            playback_base_url: "https://playback.example.com".to_owned(),
            channels,
        }
    }

    fn order(links: &Links, leg: &str, sid: &str, channels: Option<u8>) -> Option<ChannelOrder> {
        let mut job = json!({"recordingSid": "RE00000000000000000000000000000001", "receivedAtMs": 1});
        job[leg] = sid.into();
        job["channels"] = channels.into();
        let attributes = json!({"call_sid": CUSTOMER, "conference": {"participants": {"worker": WORKER}}}).to_string();
        links.channel_order(&serde_json::from_value(job).unwrap(), Some(&attributes))
    }

    #[test]
    fn the_order_is_the_recorded_leg_s_and_none_where_it_is_not_known() {
        let set = links(ChannelOrders {
            customer_leg: Some(ChannelOrder::CustomerFirst),
            worker_leg: Some(ChannelOrder::OthersFirst),
            conference: None,
        });
        let conference = "CF00000000000000000000000000000001";
        let stranger = "CA00000000000000000000000000000009";
        for (leg, sid, expected) in [
            ("callSid", CUSTOMER, Some(ChannelOrder::CustomerFirst)),
            ("callSid", WORKER, Some(ChannelOrder::OthersFirst)),
            ("callSid", stranger, None),
            ("conferenceSid", conference, None),
        ] {
            assert_eq!(order(&set, leg, sid, Some(2)), expected, "{leg} {sid}");
            assert_eq!(order(&links(ChannelOrders::default()), leg, sid, Some(2)), None);
        }
        let conferences = links(ChannelOrders {
            conference: Some(ChannelOrder::OthersFirst),
            ..ChannelOrders::default()
        });
        let found = order(&conferences, "conferenceSid", conference, Some(2));
        assert_eq!(found, Some(ChannelOrder::OthersFirst));
    }

    #[test]
    fn only_two_channels_have_an_order() {
        let set = links(ChannelOrders {
            customer_leg: Some(ChannelOrder::CustomerFirst),
            ..ChannelOrders::default()
        });
        for channels in [None, Some(0), Some(1), Some(3)] {
            assert_eq!(order(&set, "callSid", CUSTOMER, channels), None, "{channels:?}");
        }
    }
}
