//! What this crate accepts of the format: its limits, with their reasons.

/// Longest header accepted, in bytes, tag included.
///
/// A recording's own header is some 600 bytes: 92 fixed, about 250 of context, one key of 6 + 7 + 75 + 184. The limit bounds
/// what is fetched and held before anything is authenticated, and is below 2^16, so that every length in an accepted header
/// fits its two-byte field.
pub const MAX_HEADER_LEN: usize = 16 * 1024;

/// Most encrypted data keys accepted in one header: each may cost a reader a KMS call before anything is authenticated.
/// Our writer stores one; the others leave room for a message re-wrapped under several Regions' keys.
pub const MAX_ENCRYPTED_DATA_KEYS: usize = 4;

/// Most regular frames: sequence numbers start at 1, 2^32 - 1 marks a final frame, and a final frame must follow.
pub(crate) const MAX_REGULAR_FRAMES: u32 = u32::MAX - 1;

/// Largest frame length accepted, in plaintext bytes. A frame is held whole before a byte of it is released, and the header
/// says its length before the header is authenticated, so that this bounds an allocation a stranger can ask for.
const MAX_FRAME_LENGTH: u32 = 1024 * 1024;

/// Plaintext bytes in a regular frame, 1 to 2^20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameLength(u32);

impl FrameLength {
    /// 64 KiB: 32 bytes of overhead are 0.05 %, a seek costs at most two frames more than was asked for, and one frame is 4 s
    /// of mono telephone audio. A multiple of 128, which the Python SDK's writer wants.
    pub const DEFAULT: Self = Self(65_536);

    /// A frame length of [`Profile::VAULT`]; `None` outside its 4 KiB to 1 MiB.
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

/// How strict a reader is where the AWS Encryption SDKs differ from what this vault writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    min_frame_length: u32,
}

impl Profile {
    /// What the vault writes and reads: frames of 4 KiB to 1 MiB. Below 4 KiB the overhead passes 0.8 %, and a reader would
    /// spend more on headers and AEAD calls than on audio.
    pub const VAULT: Self = Self {
        min_frame_length: 4 * 1024,
    };

    /// As [`Profile::VAULT`], with frames down to one byte: for the published test vectors and for exhaustive tests, which
    /// want tiny frames.
    pub const ANY_FRAME_LENGTH: Self = Self { min_frame_length: 1 };

    /// `bytes` as a frame length of this profile; `None` when the profile refuses it.
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
