//! The media types of recordings.

use audio::Format;
use serde::{Deserialize, Serialize};

/// The two media types in which Twilio serves recordings. In JSON, they are media types as in HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ContentType {
    /// RIFF/WAVE, PCM or G.711.
    #[serde(rename = "audio/x-wav")]
    Wav,
    /// MPEG audio.
    #[serde(rename = "audio/mpeg")]
    Mp3,
}

impl From<Format> for ContentType {
    fn from(format: Format) -> Self {
        match format {
            Format::Wav => Self::Wav,
            Format::Mpeg => Self::Mp3,
        }
    }
}

impl ContentType {
    /// Parses the encryption context's value: `wav` or `mp3`. Returns `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Wav, Self::Mp3]
            .into_iter()
            .find(|content_type| content_type.as_str() == text)
    }

    /// The media type in HTTP, in the form that Twilio uses: `audio/x-wav` or `audio/mpeg`.
    #[must_use]
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Wav => "audio/x-wav",
            Self::Mp3 => "audio/mpeg",
        }
    }

    /// `wav` or `mp3`: the value in the encryption context and the file extension. Both values have three characters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_come_back_from_the_encryption_context() {
        for content_type in [ContentType::Wav, ContentType::Mp3] {
            assert_eq!(ContentType::parse(content_type.as_str()), Some(content_type));
        }
        for content_type in [ContentType::Wav, ContentType::Mp3] {
            assert_eq!(serde_json::to_value(content_type).unwrap(), content_type.mime());
        }
        assert_eq!(ContentType::parse("WAV"), None);
        assert_eq!(ContentType::parse("audio/x-wav"), None);
    }
}
