//! Any bytes as the start of an object. The parser answers or requests more bytes within its limit, and no header
//! authenticates.

#![no_main]

use esdk_message::{DataKey, HeaderError, MAX_ENCRYPTED_DATA_KEYS, MAX_HEADER_LEN, Profile, UnverifiedHeader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|prefix: &[u8]| {
    let header = match UnverifiedHeader::parse_with(prefix, Profile::ANY_FRAME_LENGTH) {
        Ok(header) => header,
        Err(HeaderError::Incomplete { needed }) => {
            assert!(prefix.len() < needed && needed <= MAX_HEADER_LEN);
            return;
        }
        Err(_) => return,
    };
    let len = usize::try_from(header.len()).unwrap();
    assert!(len <= prefix.len() && len <= MAX_HEADER_LEN);
    assert!((1..=MAX_ENCRYPTED_DATA_KEYS).contains(&header.encrypted_data_keys().len()));
    assert!(
        header
            .encryption_context()
            .iter()
            .all(|(key, value)| !key.is_empty() && !value.is_empty())
    );
    // The header consists of its own bytes: bytes after it do not matter, and all of its own do.
    assert!(UnverifiedHeader::parse_with(&prefix[..len], Profile::ANY_FRAME_LENGTH).is_ok());
    let cut = UnverifiedHeader::parse_with(&prefix[..len - 1], Profile::ANY_FRAME_LENGTH);
    assert_eq!(cut.unwrap_err(), HeaderError::Incomplete { needed: len });
    // A key that no input was made with.
    let key = DataKey::from_slice(b"known to this fuzz target alone!").unwrap();
    assert!(matches!(header.authenticate(&key), Err(HeaderError::Commitment { .. })));
});
