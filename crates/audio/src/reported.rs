//! The facts that a source reports about a recording, compared with its bytes.

use std::time::Duration;

use crate::verdict::Audio;

/// The facts that the source reports about a recording. They are sent apart from its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    /// The number of channels.
    pub channels: Option<u8>,
    /// The duration in seconds, rounded.
    pub duration_s: Option<u64>,
}

/// A difference between the audio and the reported facts.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Difference {
    /// The number of channels differs.
    #[error("it has {found} channels, but {reported} were reported")]
    Channels {
        /// The number of channels in the bytes.
        found: u16,
        /// The number of channels that the source reported.
        reported: u8,
    },
    /// The duration differs by more than the tolerance.
    #[error("it lasts {found_s} s, but {reported_s} s were reported")]
    Duration {
        /// The duration of the bytes in seconds.
        found_s: f64,
        /// The duration in seconds that the source reported.
        reported_s: u64,
    },
}

/// The source reports whole seconds. It doesn't say how it rounds (up to 1 s either way), or whether it counts samples or the
/// time between two events of the call (up to 1 s more).
const TOLERANCE: Duration = Duration::from_secs(2);

/// In a long recording, two clocks can differ by more than that.
const TOLERANCE_PERCENT: u32 = 2;

impl Reported {
    /// Compares the audio with the reported facts. A fact that was not reported is not compared.
    ///
    /// # Errors
    /// [`Difference`]: the first one found.
    pub fn compare(&self, audio: &Audio) -> Result<(), Difference> {
        if let Some(reported) = self.channels
            && audio.channels != u16::from(reported)
        {
            return Err(Difference::Channels {
                found: audio.channels,
                reported,
            });
        }
        if let Some(reported_s) = self.duration_s
            && audio.duration.abs_diff(Duration::from_secs(reported_s)) > tolerance(reported_s)
        {
            return Err(Difference::Duration {
                found_s: audio.duration.as_secs_f64(),
                reported_s,
            });
        }
        Ok(())
    }
}

fn tolerance(reported_s: u64) -> Duration {
    TOLERANCE.max(Duration::from_secs(reported_s) / 100 * TOLERANCE_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Format;

    fn audio(channels: u16, millis: u64) -> Audio {
        Audio {
            format: Format::Wav,
            channels,
            duration: Duration::from_millis(millis),
        }
    }

    #[test]
    fn a_duration_may_differ_by_two_seconds_or_two_percent() {
        let reported = |duration_s| Reported {
            channels: None,
            duration_s: Some(duration_s),
        };
        for (millis, reported_s) in [
            (0, 0),
            (0, 2),
            (3_000, 5),
            (7_000, 5),
            (98_000, 100),
            (102_000, 100),
            (3_528_000, 3_600),
            (3_672_000, 3_600),
        ] {
            assert_eq!(
                reported(reported_s).compare(&audio(1, millis)),
                Ok(()),
                "{millis} ms, {reported_s} s"
            );
        }
        for (millis, reported_s) in [
            (2_999, 5),
            (7_001, 5),
            (0, 3),
            (97_999, 100),
            (3_527_000, 3_600),
            (3_673_000, 3_600),
            (0, u64::MAX),
        ] {
            let difference = reported(reported_s).compare(&audio(1, millis));
            assert!(
                matches!(difference, Err(Difference::Duration { .. })),
                "{millis} ms, {reported_s} s"
            );
        }
    }

    #[test]
    fn channels_are_compared_if_they_are_reported() {
        let reported = |channels| Reported {
            channels,
            duration_s: None,
        };
        for (channels, found) in [(Some(1), 1), (Some(2), 2), (None, 1), (None, 7)] {
            assert_eq!(reported(channels).compare(&audio(found, 0)), Ok(()));
        }
        for (channels, found) in [(1, 2), (2, 1), (0, 1), (1, 257)] {
            let difference = Difference::Channels {
                found,
                reported: channels,
            };
            assert_eq!(reported(Some(channels)).compare(&audio(found, 0)), Err(difference));
        }
    }
}
