//! The known differences between the servers and AWS's documentation.

/// A known difference.
#[derive(Debug)]
pub(crate) struct Gap {
    pub(crate) expectation: &'static str,
    pub(crate) instead: &'static str,
}

const fn gap(expectation: &'static str, instead: &'static str) -> Gap {
    Gap { expectation, instead }
}

/// ministack 1.4.21, with the tests that replace those that ministack cannot support.
pub(crate) const MINISTACK: &[Gap] = &[
    // Property tests check the part sizes of every announced length (`write::part`).
    gap("minimum_part_size", "done"),
    // The writer sorts its parts by number before it completes the upload.
    gap("complete_in_the_wrong_order", "done"),
    // After the refusal, the writer sends a HeadObject request (`write::commit`).
    gap("complete_twice", "done, then done, then body"),
    // The SDK computes the checksums. Bytes that are damaged in spite of them fail the authentication of their frame.
    gap("put_with_a_wrong_checksum", "done"),
    gap("part_with_a_wrong_checksum", "done"),
    METADATA,
    // The eraser's tests with locks run on localemu.
    gap(
        "a_locked_version_is_not_deleted",
        "403 AccessDenied, then 403 AccessDenied",
    ),
    gap("head_reports_a_lock", "ON, then ON"),
    gap("a_locked_version_is_hidden", "403 AccessDenied, then done"),
    // The reader compares the key in KMS's answer with the requested one.
    gap("decrypt_under_another_key", "done"),
    // A data key of another message fails the message's commitment check.
    gap("decrypt_of_a_changed_ciphertext", "done"),
];

/// localemu 1.3.2.
pub(crate) const LOCALEMU: &[Gap] = &[
    METADATA,
    // Tests of a changed wrapped key run on ministack.
    gap("rsa_decrypt_of_a_changed_ciphertext", "500 InternalError"),
];

/// The writer itself refuses such metadata, and its unit tests check that (`write::attributes`).
const METADATA: Gap = gap("metadata_over_2_kb", "done");

/// The expectations that no test on a local server can rely on.
pub(crate) fn enforced_by_nobody() -> impl Iterator<Item = &'static str> {
    let names = MINISTACK.iter().map(|gap| gap.expectation);
    names.filter(|name| LOCALEMU.iter().any(|gap| gap.expectation == *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_in_an_expectation_that_there_is() {
        for gap in MINISTACK.iter().chain(LOCALEMU) {
            assert!(
                crate::expectations().any(|known| known.name == gap.expectation),
                "{gap:?}"
            );
        }
    }
}
