//! What a source said of a recording, against what its bytes say.

use std::time::Duration;

use super::Audio;

/// What the source said of a recording beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// How many channels it has.
    pub channels: Option<u8>,
    /// Seconds, rounded.
    pub duration_s: Option<u64>,
}

/// How audio differs from what was told.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Difference {
    /// Another number of channels.
    #[error("it has {found} channels, {told} were told")]
    Channels {
        /// By the bytes.
        found: u16,
        /// By the source.
        told: u8,
    },
    /// Another duration.
    #[error("it lasts {found_s} s, {told_s} s were told")]
    Duration {
        /// By the bytes.
        found_s: f64,
        /// By the source.
        told_s: u64,
    },
}

/// A duration is told in whole seconds, and neither how it's rounded (up to 1 s either way) nor whether it counts samples
/// or the time between two events of the call (taken as 1 s more).
const TOLERANCE: Duration = Duration::from_secs(2);

/// Of a long recording, two clocks may differ by more than that.
const TOLERANCE_PERCENT: u32 = 2;

impl Told {
    /// Compares the audio with what was told; what was not told is not compared.
    ///
    /// # Errors
    /// The first difference.
    pub fn compare(&self, audio: &Audio) -> Result<(), Difference> {
        if let Some(told) = self.channels
            && audio.channels != u16::from(told)
        {
            return Err(Difference::Channels {
                found: audio.channels,
                told,
            });
        }
        if let Some(told_s) = self.duration_s
            && audio.duration.abs_diff(Duration::from_secs(told_s)) > tolerance(told_s)
        {
            return Err(Difference::Duration {
                found_s: audio.duration.as_secs_f64(),
                told_s,
            });
        }
        Ok(())
    }
}

fn tolerance(told_s: u64) -> Duration {
    TOLERANCE.max(Duration::from_secs(told_s) / 100 * TOLERANCE_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;

    fn audio(channels: u16, millis: u64) -> Audio {
        Audio {
            format: Format::Wav,
            channels,
            duration: Duration::from_millis(millis),
        }
    }

    #[test]
    fn a_duration_may_differ_by_two_seconds_or_two_percent() {
        let told = |duration_s| Told {
            channels: None,
            duration_s: Some(duration_s),
        };
        for (millis, told_s) in [
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
                told(told_s).compare(&audio(1, millis)),
                Ok(()),
                "{millis} ms, {told_s} s"
            );
        }
        for (millis, told_s) in [
            (2_999, 5),
            (7_001, 5),
            (0, 3),
            (97_999, 100),
            (3_527_000, 3_600),
            (3_673_000, 3_600),
            (0, u64::MAX),
        ] {
            let difference = told(told_s).compare(&audio(1, millis));
            assert!(
                matches!(difference, Err(Difference::Duration { .. })),
                "{millis} ms, {told_s} s"
            );
        }
    }

    #[test]
    fn channels_are_compared_where_they_are_told() {
        let told = |channels| Told {
            channels,
            duration_s: None,
        };
        for (channels, found) in [(Some(1), 1), (Some(2), 2), (None, 1), (None, 7)] {
            assert_eq!(told(channels).compare(&audio(found, 0)), Ok(()));
        }
        for (channels, found) in [(1, 2), (2, 1), (0, 1), (1, 257)] {
            let difference = Difference::Channels { found, told: channels };
            assert_eq!(told(Some(channels)).compare(&audio(found, 0)), Err(difference));
        }
    }
}
