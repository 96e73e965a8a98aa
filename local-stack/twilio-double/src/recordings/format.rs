//! The media formats.

/// The two media formats of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MediaFormat {
    Wav,
    Mp3,
}

impl MediaFormat {
    pub(super) const ALL: [Self; 2] = [Self::Wav, Self::Mp3];

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/x-wav",
            Self::Mp3 => "audio/mpeg",
        }
    }
}
