//! The subset of the format that this crate accepts: its limits and the reasons for them.

/// Longest accepted header in bytes, including the tag.
///
/// The header of a recording has 504 or 521 bytes in us-east-1: 92 fixed bytes, 157 of context, and one key of
/// 6 + 7 + 75 + 167 bytes (184 instead of 167 for a multi-Region key). The limit bounds what a reader fetches and holds before
/// it has authenticated anything. It is below 2^16, so that every length in an accepted header fits its two-byte field.
pub const MAX_HEADER_LEN: usize = 16 * 1024;

/// Most encrypted data keys accepted in one header. Each may cost a reader a KMS call before anything is authenticated.
/// Our writer stores one. The limit leaves room for a message whose data key was encrypted again under the keys of several
/// Regions.
pub const MAX_ENCRYPTED_DATA_KEYS: usize = 4;

/// Most regular frames in a message. Sequence numbers start at 1, 2^32 - 1 marks a final frame, and a final frame must follow.
pub(crate) const MAX_REGULAR_FRAMES: u32 = u32::MAX - 1;

/// Largest accepted frame length in plaintext bytes. A reader holds a whole frame before it releases a byte of it, and uses
/// the frame length before the header is authenticated. This limit therefore bounds the allocation that a forged header can
/// cause.
const MAX_FRAME_LENGTH: u32 = 1024 * 1024;

/// Plaintext bytes in a regular frame, 1 to 2^20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLength(u32);

impl FrameLength {
    /// 64 KiB. The overhead of 32 bytes is 0.05 %, a seek reads at most two frames more than requested, and one frame is 4 s
    /// of mono telephone audio. The Python SDK's writer requires a multiple of 128.
    pub const DEFAULT: Self = Self(65_536);

    /// A frame length that [`Profile::VAULT`] accepts. `None` outside 4 KiB to 1 MiB.
    #[must_use]
    pub fn new(bytes: u32) -> Option<Self> {
        Profile::VAULT.frame_length(bytes)
    }

    /// Plaintext bytes in a regular frame.
    #[must_use]
    pub fn bytes(self) -> u32 {
        self.0
    }
}

/// The frame lengths that a reader accepts. The AWS Encryption SDKs allow shorter frames than the vault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    min_frame_length: u32,
}

impl Profile {
    /// The profile of the vault: frames of 4 KiB to 1 MiB. Below 4 KiB the overhead exceeds 0.8 %, and a reader would spend
    /// more on frame fields and AEAD calls than on audio.
    pub const VAULT: Self = Self {
        min_frame_length: 4 * 1024,
    };

    /// Like [`Profile::VAULT`], but with frames down to one byte. The published test vectors and exhaustive tests need such
    /// short frames.
    pub const ANY_FRAME_LENGTH: Self = Self { min_frame_length: 1 };

    /// `bytes` as a frame length of this profile. `None` if the profile refuses it.
    #[must_use]
    pub fn frame_length(self, bytes: u32) -> Option<FrameLength> {
        (self.min_frame_length..=MAX_FRAME_LENGTH)
            .contains(&bytes)
            .then_some(FrameLength(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_lengths_outside_the_profile_are_refused() {
        for refused in [0, 1, 4095, 1_048_577, u32::MAX] {
            assert_eq!(FrameLength::new(refused), None, "{refused}");
        }
        for accepted in [4096, 65_536, 1_048_576] {
            assert_eq!(FrameLength::new(accepted).map(FrameLength::bytes), Some(accepted));
        }
    }

    #[test]
    fn the_relaxed_profile_still_bounds_the_allocation() {
        assert_eq!(Profile::ANY_FRAME_LENGTH.frame_length(0), None);
        assert_eq!(
            Profile::ANY_FRAME_LENGTH.frame_length(1).map(FrameLength::bytes),
            Some(1)
        );
        assert_eq!(Profile::ANY_FRAME_LENGTH.frame_length(1_048_577), None);
    }
}
