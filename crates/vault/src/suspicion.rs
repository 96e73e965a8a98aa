//! Recordings that were stored although their bytes are not as expected.

use audio::{Audio, Difference, Reported, Verdict};

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

impl Suspicion {
    /// The value of the metadata entry. A single word takes little of S3's 2 KB.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Differs(Difference::Channels { .. }) => "channels",
            Self::Differs(Difference::Duration { .. }) => "duration",
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
