//! Selects the format in which a recording is fetched.

use twilio::media::MediaFormat;

/// The deployment's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Formats {
    pub(crate) usual: MediaFormat,
    /// Longer recordings are fetched as MP3.
    pub(crate) mp3_above_s: Option<u64>,
}

impl Formats {
    /// The format of a recording of `duration_s` seconds. If the duration is unknown, it is the usual format.
    pub(crate) const fn of(self, duration_s: Option<u64>) -> MediaFormat {
        match (self.mp3_above_s, duration_s) {
            (Some(limit_s), Some(duration_s)) if duration_s > limit_s => MediaFormat::Mp3,
            _ => self.usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_longer_recordings_are_fetched_as_mp3() {
        let formats = |mp3_above_s| Formats {
            usual: MediaFormat::Wav,
            mp3_above_s,
        };
        for (mp3_above_s, duration_s, format) in [
            (None, Some(86_400), MediaFormat::Wav),
            (Some(3_600), None, MediaFormat::Wav),
            (Some(3_600), Some(0), MediaFormat::Wav),
            (Some(3_600), Some(3_600), MediaFormat::Wav),
            (Some(3_600), Some(3_601), MediaFormat::Mp3),
        ] {
            assert_eq!(
                formats(mp3_above_s).of(duration_s),
                format,
                "{mp3_above_s:?} {duration_s:?}"
            );
        }
        let mp3 = Formats {
            usual: MediaFormat::Mp3,
            mp3_above_s: Some(3_600),
        };
        assert_eq!(mp3.of(Some(1)), MediaFormat::Mp3);
    }
}
