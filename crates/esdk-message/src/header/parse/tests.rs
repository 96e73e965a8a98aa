use proptest::prelude::*;

use super::*;
use crate::{
    keys::{DataKey, MessageId},
    profile::FrameLength,
    sealer::Sealer,
};

/// A header's fields as bytes, so that a test can damage any one of them.
struct Raw {
    version: u8,
    suite: u16,
    context: Vec<u8>,
    keys: Vec<u8>,
    content_type: u8,
    frame_length: u32,
}

impl Raw {
    /// Context `k` = `v` (8 bytes at offset 37), and one key (at 45).
    fn good() -> Self {
        Self {
            version: 2,
            suite: 0x0478,
            context: b"\x00\x08\x00\x01\x00\x01k\x00\x01v".to_vec(),
            keys: b"\x00\x01\x00\x02id\x00\x04info\x00\x03\xff\xfe\xfd".to_vec(),
            content_type: 2,
            frame_length: 65_536,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.version];
        bytes.extend(self.suite.to_be_bytes());
        bytes.extend([0x11; 32]);
        bytes.extend(&self.context);
        bytes.extend(&self.keys);
        bytes.push(self.content_type);
        bytes.extend(self.frame_length.to_be_bytes());
        bytes.extend([0x22; 32]);
        bytes.extend([0x33; 16]);
        bytes
    }

    fn refusal(&self) -> HeaderError {
        header(&self.bytes(), Profile::VAULT).expect_err("the header must be refused")
    }
}

#[test]
fn a_good_header_is_read_field_by_field() {
    let bytes = Raw::good().bytes();
    let header = header(&bytes, Profile::VAULT).unwrap();
    assert_eq!(header.len(), bytes.len() as u64);
    assert_eq!(header.message_id, MessageId::from_bytes([0x11; 32]));
    assert_eq!(header.encryption_context().iter().collect::<Vec<_>>(), [("k", "v")]);
    let key = EncryptedDataKey {
        provider_id: "id".into(),
        provider_info: "info".into(),
        ciphertext: vec![0xff, 0xfe, 0xfd],
    };
    assert_eq!(header.encrypted_data_keys(), [key]);
    assert_eq!(header.frame_length, FrameLength::DEFAULT);
    assert_eq!(header.commit_key, [0x22; 32]);
    assert_eq!(header.tag, [0x33; 16]);
}

#[test]
fn bytes_after_the_header_are_not_its_business() {
    let mut bytes = Raw::good().bytes();
    let len = bytes.len() as u64;
    bytes.extend([0xff; 100]);
    assert_eq!(header(&bytes, Profile::VAULT).unwrap().len(), len);
}

#[test]
fn every_cut_header_requests_more_bytes_and_the_requests_end() {
    let bytes = Raw::good().bytes();
    for len in 0..bytes.len() {
        let Err(HeaderError::Incomplete { needed }) = header(&bytes[..len], Profile::VAULT) else {
            panic!("{len} bytes were accepted as a complete header");
        };
        assert!(len < needed && needed <= bytes.len(), "{len} bytes: needs {needed}");
    }
}

#[test]
fn foreign_versions_and_suites_are_refused() {
    for version in [0, 1, 3, 0x80] {
        assert_eq!(
            Raw { version, ..Raw::good() }.refusal(),
            HeaderError::Version { found: version }
        );
    }
    // Without commitment, and signed.
    for suite in [0x0178, 0x0378, 0x0578] {
        assert_eq!(
            Raw { suite, ..Raw::good() }.refusal(),
            HeaderError::Suite { found: suite }
        );
    }
}

#[test]
fn unframed_bodies_are_refused() {
    for content_type in [0, 1, 3] {
        let expected = HeaderError::ContentType {
            offset: 62,
            found: content_type,
        };
        assert_eq!(
            Raw {
                content_type,
                ..Raw::good()
            }
            .refusal(),
            expected
        );
    }
}

#[test]
fn frame_lengths_outside_the_profile_are_refused() {
    for frame_length in [0, 1, 4095, 1_048_577, u32::MAX] {
        let expected = HeaderError::FrameLength {
            offset: 63,
            found: frame_length,
        };
        assert_eq!(
            Raw {
                frame_length,
                ..Raw::good()
            }
            .refusal(),
            expected
        );
    }
    let tiny = Raw {
        frame_length: 1,
        ..Raw::good()
    }
    .bytes();
    assert_eq!(
        header(&tiny, Profile::ANY_FRAME_LENGTH).unwrap().frame_length.bytes(),
        1
    );
}

#[test]
fn no_key_and_a_fifth_key_are_refused() {
    let keys = |count: u8| [&[0, count], b"\0\x01p\0\x01i\0\x01c".repeat(count.into()).as_slice()].concat();
    for found in [0, 5] {
        let expected = HeaderError::KeyCount {
            offset: 45,
            found: found.into(),
        };
        assert_eq!(
            Raw {
                keys: keys(found),
                ..Raw::good()
            }
            .refusal(),
            expected
        );
    }
    for count in 1..=4 {
        let bytes = Raw {
            keys: keys(count),
            ..Raw::good()
        }
        .bytes();
        assert_eq!(header(&bytes, Profile::VAULT).unwrap().keys.len(), usize::from(count));
    }
}

#[test]
fn a_key_provider_id_is_text() {
    let keys = b"\x00\x01\x00\x02\xff\xff\x00\x04info\x00\x01c".to_vec();
    assert_eq!(
        Raw { keys, ..Raw::good() }.refusal(),
        HeaderError::KeyProviderId { offset: 49 }
    );
}

/// Raw AES keyrings store the tag length and the IV in this field.
#[test]
fn key_provider_info_that_is_no_text_is_no_arn() {
    let keys = b"\x00\x01\x00\x02id\x00\x02a\xff\x00\x01c".to_vec();
    let header = header(&Raw { keys, ..Raw::good() }.bytes(), Profile::VAULT).unwrap();
    assert_eq!(header.keys[0].provider_info, "a\u{fffd}");
}

#[test]
fn context_entries_are_refused_at_their_offset() {
    let pair = |bytes: &[u8]| {
        let mut context = u16::try_from(bytes.len() + 8).unwrap().to_be_bytes().to_vec();
        context.extend(b"\x00\x02\x00\x01k\x00\x01v");
        context.extend(bytes);
        Raw { context, ..Raw::good() }.refusal()
    };
    let refused = |reason| HeaderError::StoredContext { offset: 45, reason };
    assert_eq!(pair(b"\x00\x01k\x00\x01w"), refused(ContextError::Duplicate));
    assert_eq!(pair(b"\x00\x00\x00\x01w"), refused(ContextError::Empty));
    assert_eq!(pair(b"\x00\x01l\x00\x00"), refused(ContextError::Empty));
    assert_eq!(pair(b"\x00\x01\xff\x00\x01w"), refused(ContextError::NotUtf8));
    assert_eq!(pair(b"\x00\x01l\x00\x01\xff"), refused(ContextError::NotUtf8));
    assert_eq!(
        pair(b"\x00\x15aws-crypto-public-key\x00\x01w"),
        refused(ContextError::Reserved)
    );
}

#[test]
fn a_context_fills_its_declared_length_exactly() {
    let misfit = |context: &[u8]| {
        let Err(HeaderError::ContextLength {
            offset: 37,
            declared,
            pairs,
        }) = header(
            &Raw {
                context: context.to_vec(),
                ..Raw::good()
            }
            .bytes(),
            Profile::VAULT,
        )
        else {
            panic!("{context:?} was accepted as a context");
        };
        (declared, pairs)
    };
    // In order: a surplus byte, a surplus pair, only a count, a truncated value, a truncated key, no count.
    assert_eq!(misfit(b"\x00\x09\x00\x01\x00\x01k\x00\x01vX"), (9, 1));
    assert_eq!(misfit(b"\x00\x08\x00\x02\x00\x01k\x00\x01v"), (8, 2));
    assert_eq!(misfit(b"\x00\x02\x00\x00"), (2, 0));
    assert_eq!(misfit(b"\x00\x07\x00\x01\x00\x01k\x00\x01"), (7, 1));
    assert_eq!(misfit(b"\x00\x04\x00\x01\x00\x01"), (4, 1));
    assert_eq!(misfit(b"\x00\x01\x00"), (1, 0));
}

#[test]
fn an_unsorted_context_is_read() {
    let context = b"\x00\x0e\x00\x02\x00\x01b\x00\x012\x00\x01a\x00\x011".to_vec();
    let header = header(&Raw { context, ..Raw::good() }.bytes(), Profile::VAULT).unwrap();
    assert_eq!(header.context.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
}

/// A hostile length causes no allocation. The parser refuses it before the bytes are present.
#[test]
fn a_header_over_the_limit_is_refused_at_the_field_that_passes_it() {
    let mut bytes = Raw::good().bytes()[..45].to_vec();
    bytes.extend(b"\x00\x01\x00\x02id\x00\x04info\xff\xff");
    assert_eq!(
        header(&bytes, Profile::VAULT).unwrap_err(),
        HeaderError::TooLong {
            offset: 59,
            needed: 59 + 0xffff
        }
    );
}

#[test]
fn the_longest_header_is_written_and_read() {
    let seal = |len| {
        let key = EncryptedDataKey {
            provider_id: "p".into(),
            provider_info: "i".into(),
            ciphertext: vec![0; len],
        };
        let data_key = DataKey::from_slice(&[1; 32]).unwrap();
        let context = EncryptionContext::default();
        Sealer::new(&data_key, MessageId::random(), FrameLength::DEFAULT, &context, &[key])
    };
    // 92 fixed bytes, and 6 + 1 + 1 bytes of the key besides its ciphertext.
    let longest = seal(MAX_HEADER_LEN - 100).unwrap();
    assert_eq!(longest.header().len(), MAX_HEADER_LEN);
    assert_eq!(
        header(longest.header(), Profile::VAULT).unwrap().len(),
        MAX_HEADER_LEN as u64
    );
    let expected = HeaderError::TooLong {
        offset: MAX_HEADER_LEN - 15,
        needed: MAX_HEADER_LEN + 1,
    };
    assert_eq!(seal(MAX_HEADER_LEN - 99).unwrap_err(), expected);
    assert!(matches!(seal(0x1_0000).unwrap_err(), HeaderError::TooLong { .. }));
}

#[test]
fn a_sealer_takes_one_to_four_keys() {
    let key = EncryptedDataKey {
        provider_id: "p".into(),
        provider_info: "i".into(),
        ciphertext: vec![0],
    };
    let data_key = DataKey::from_slice(&[1; 32]).unwrap();
    let context = EncryptionContext::default();
    for found in [0, 5] {
        let keys = vec![key.clone(); found];
        let refused = Sealer::new(&data_key, MessageId::random(), FrameLength::DEFAULT, &context, &keys);
        assert_eq!(refused.unwrap_err(), HeaderError::KeyCount { offset: 37, found });
    }
}

fn any_key() -> impl Strategy<Value = EncryptedDataKey> {
    let ciphertext = proptest::collection::vec(any::<u8>(), 0..200);
    (".{0,20}", ".{0,40}", ciphertext).prop_map(|(provider_id, provider_info, ciphertext)| EncryptedDataKey {
        provider_id,
        provider_info,
        ciphertext,
    })
}

proptest! {
    #[test]
    fn a_sealed_header_is_read_and_authenticated(
        pairs in proptest::collection::btree_map(".{1,20}", ".{1,40}", 0..6),
        keys in proptest::collection::vec(any_key(), 1..=4),
        frame_length in 4096u32..=1 << 20,
        id: [u8; 32],
        key: [u8; 32],
    ) {
        let data_key = DataKey::from_slice(&key).unwrap();
        let context = EncryptionContext::new(pairs).unwrap();
        let frame_length = FrameLength::new(frame_length).unwrap();
        let sealer = Sealer::new(&data_key, MessageId::from_bytes(id), frame_length, &context, &keys).unwrap();
        let header = header(sealer.header(), Profile::VAULT).unwrap();
        prop_assert_eq!(header.encryption_context(), &context);
        prop_assert_eq!(header.encrypted_data_keys(), &keys);
        let opener = header.authenticate(&data_key).unwrap();
        prop_assert_eq!(opener.header_len(), sealer.header().len() as u64);
        prop_assert_eq!(opener.frame_length(), frame_length);
        prop_assert_eq!(opener.encryption_context(), &context);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        // With a valid version and suite, so that the parser reaches the other fields.
        let bytes = [&[2, 4, 0x78], bytes.as_slice()].concat();
        if let Ok(header) = header(&bytes, Profile::VAULT) {
            prop_assert!(header.len() <= bytes.len() as u64);
        }
    }
}
