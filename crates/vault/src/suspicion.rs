//! Recordings that were stored although their bytes are not what they should be.

use audio::{Audio, Difference, Reported, Verdict};

/// Object metadata of a suspect recording; what it's suspected of is the value. Informative like all metadata, but for
/// this: its original is never deleted.
pub(crate) const SUSPECT: &str = "suspect";

/// Why a recording is suspect.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Suspicion {
    /// Nobody here knows what the bytes are.
    #[error("its bytes are no audio that is known here")]
    Unknown,
    /// They're audio, but not what the source said.
    #[error("{0}")]
    Differs(Difference),
}

impl Suspicion {
    /// The value of the metadata entry; a word, so that it takes little of S3's 2 KB.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Differs(Difference::Channels { .. }) => "channels",
            Self::Differs(Difference::Duration { .. }) => "duration",
        }
    }

    /// What speaks against bytes of this verdict, which are not certainly no recording.
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
