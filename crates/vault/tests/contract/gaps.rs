//! What the servers are known to do instead of what AWS documents.

/// One such thing.
#[derive(Debug)]
pub(crate) struct Gap {
    pub(crate) expectation: &'static str,
    pub(crate) instead: &'static str,
}

const fn gap(expectation: &'static str, instead: &'static str) -> Gap {
    Gap { expectation, instead }
}

/// ministack 1.4.21, and what holds the vault to AWS's rules where a test on ministack can't.
pub(crate) const MINISTACK: &[Gap] = &[
    // The part sizes of every announced length are property-tested (`write::part`).
    gap("minimum_part_size", "done"),
    // The writer sorts its parts by number before it completes.
    gap("complete_in_the_wrong_order", "done"),
    // After the refusal the writer asks HeadObject what there is (`write::commit`).
    gap("complete_twice", "done, then done, then body"),
    // The SDK computes the checksums. What passed damaged all the same fails its frame's authentication.
    gap("put_with_a_wrong_checksum", "done"),
    gap("part_with_a_wrong_checksum", "done"),
    METADATA,
    // The eraser's tests with locks run on localemu.
    gap(
        "a_locked_version_is_not_deleted",
        "403 AccessDenied, then 403 AccessDenied",
    ),
    gap("head_tells_a_lock", "ON, then ON"),
    gap("a_locked_version_is_hidden", "403 AccessDenied, then done"),
    // The reader compares the key that KMS says it used with the one it asked for.
    gap("decrypt_under_another_key", "done"),
    // A data key that isn't the message's fails its commitment check.
    gap("decrypt_of_a_changed_ciphertext", "done"),
];

/// localemu 1.3.2.
pub(crate) const LOCALEMU: &[Gap] = &[
    METADATA,
    // Tests of a wrapped key that was changed run on ministack.
    gap("rsa_decrypt_of_a_changed_ciphertext", "500 InternalError"),
];

/// The writer refuses such metadata by itself, which its unit tests hold it to (`write::attributes`).
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
