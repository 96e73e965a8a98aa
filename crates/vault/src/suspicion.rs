//! Recordings that were stored although their bytes are not as expected.

use audio::{Audio, Difference, Reported, Verdict};
use serde::{Deserialize, Serialize};

use crate::Metadata;

/// The metadata entry of a suspect recording. Its value is the suspicion. It is informative, like all metadata, with one
/// exception: the original of a suspect recording is never deleted.
pub(crate) const SUSPECT: &str = "suspect";

/// Why a recording is suspect.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Suspicion {
    /// The bytes are in no known format.
    #[error("its bytes are in no known audio format")]
    Unknown,
    /// The bytes are audio, but differ from the source's description.
    #[error("{0}")]
    Differs(Difference),
}

/// A suspicion as a single word, without figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SuspicionKind {
    /// The bytes are in no known format.
    Unknown,
    /// The number of channels differs from the source's description.
    Channels,
    /// The duration differs from the source's description.
    Duration,
}

impl SuspicionKind {
    /// The value of the metadata entry. A single word takes little of S3's 2 KB.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Channels => "channels",
            Self::Duration => "duration",
        }
    }

    /// The suspicion in an object's metadata. An entry with another value still means that the recording is suspect.
    pub(crate) fn from_metadata(metadata: &Metadata) -> Option<Self> {
        let word = metadata.get(SUSPECT)?;
        let known = [Self::Unknown, Self::Channels, Self::Duration];
        let known = known.into_iter().find(|kind| kind.as_str() == word);
        Some(known.unwrap_or(Self::Unknown))
    }
}

impl Suspicion {
    /// The suspicion as a single word.
    #[must_use]
    pub const fn kind(self) -> SuspicionKind {
        match self {
            Self::Unknown => SuspicionKind::Unknown,
            Self::Differs(Difference::Channels { .. }) => SuspicionKind::Channels,
            Self::Differs(Difference::Duration { .. }) => SuspicionKind::Duration,
        }
    }

    /// The suspicion against bytes of this verdict. The caller has refused bytes that are certainly not the recording.
    pub(crate) fn of(verdict: &Verdict, reported: &Reported) -> Option<Self> {
        match verdict {
            Verdict::Audio(audio) => Self::of_audio(audio, reported),
            Verdict::NotAudio(_) | Verdict::Unknown => Some(Self::Unknown),
        }
    }

    fn of_audio(audio: &Audio, reported: &Reported) -> Option<Self> {
        reported.compare(audio).err().map(Self::Differs)
    }
}
