//! Settings of the function that writes links into tasks.

use service::settings::{Settings, boolean, origin};
use sid::WorkspaceSid;
use twilio::task_attributes::ChannelOrder;

use super::{
    deletion::{DeletionConfig, deletion},
    text::text,
};

#[derive(Debug)]
pub(crate) struct LinkerConfig {
    pub(crate) workspace: WorkspaceSid,
    /// An origin.
    pub(crate) playback_base_url: String,
    pub(crate) mode: LinkMode,
    pub(crate) channels: ChannelOrders,
    /// Unset, a link that cannot be made yet comes back when its queue's visibility timeout ends.
    pub(crate) queue: Option<LinksQueueConfig>,
    pub(crate) deletion: Option<DeletionConfig>,
}

/// The queues of a function that makes links, by their URLs.
#[derive(Clone, Debug)]
pub(crate) struct LinksQueueConfig {
    /// The queue that feeds the function.
    pub(crate) own: String,
    /// The queue of late links. Unset, the function makes late links itself.
    pub(crate) late: Option<String>,
    pub(crate) dead_letters: String,
}

/// Which party speaks on which channel of a two-channel recording, by the recorded leg. Unset, the link does not name the
/// channels.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ChannelOrders {
    pub(crate) customer_leg: Option<ChannelOrder>,
    pub(crate) worker_leg: Option<ChannelOrder>,
    pub(crate) conference: Option<ChannelOrder>,
}

/// The kind of link that the Player of this deployment supports.
#[derive(Debug)]
pub(crate) enum LinkMode {
    /// `conversations.media[]` with `url_provider`.
    Media,
    /// `conversations.segment_link`, signed with keys from this secret.
    SegmentLink { keys_secret: String },
}

pub(super) fn linker(settings: &mut Settings, has_queue: bool) -> Option<LinkerConfig> {
    let workspace = settings.required("TWILIO_WORKSPACE_SID", WorkspaceSid::parse);
    let playback_base_url = settings.required("PLAYBACK_BASE_URL", origin);
    let by_segment_link = settings.optional("LINK_MODE", is_segment_link).unwrap_or(false);
    let mode = if by_segment_link {
        // Without it, playback would refuse the links that tasks keep permanently.
        if !settings.optional("ACCEPT_SEGMENT_LINKS", boolean).unwrap_or(false) {
            settings.problem("ACCEPT_SEGMENT_LINKS: must be true with LINK_MODE=segment-link".to_owned());
        }
        LinkMode::SegmentLink {
            keys_secret: settings.required("LINK_KEYS_SECRET", text)?,
        }
    } else {
        LinkMode::Media
    };
    let channels = ChannelOrders {
        customer_leg: settings.optional("CUSTOMER_LEG_CHANNELS", channel_order),
        worker_leg: settings.optional("WORKER_LEG_CHANNELS", channel_order),
        conference: settings.optional("CONFERENCE_CHANNELS", channel_order),
    };
    let deletion = deletion(settings);
    let queue = if has_queue { links_queue(settings) } else { None };
    Some(LinkerConfig {
        workspace: workspace?,
        playback_base_url: playback_base_url?,
        mode,
        channels,
        queue,
        deletion,
    })
}

/// `None` if the queue's own visibility timeout and receive count are to be used.
fn links_queue(settings: &mut Settings) -> Option<LinksQueueConfig> {
    let own = settings.optional("LINKS_QUEUE_URL", text);
    let late = settings.optional("LATE_LINKS_QUEUE_URL", text);
    let dead_letters = settings.optional("LINKS_DEAD_LETTERS_URL", text);
    if own.is_some() != dead_letters.is_some() || (late.is_some() && own.is_none()) {
        settings.problem(
            "LINKS_QUEUE_URL and LINKS_DEAD_LETTERS_URL: set both or neither, and both with LATE_LINKS_QUEUE_URL"
                .to_owned(),
        );
    }
    Some(LinksQueueConfig {
        own: own?,
        late,
        dead_letters: dead_letters?,
    })
}

fn is_segment_link(text: &str) -> Result<bool, &'static str> {
    match text {
        "media" => Ok(false),
        "segment-link" => Ok(true),
        _ => Err("must be media or segment-link"),
    }
}

fn channel_order(text: &str) -> Result<ChannelOrder, &'static str> {
    match text {
        "customer,others" => Ok(ChannelOrder::CustomerFirst),
        "others,customer" => Ok(ChannelOrder::OthersFirst),
        _ => Err("must be customer,others or others,customer"),
    }
}
