use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use proptest::prelude::*;

use super::*;

/// Encrypts as Twilio does: one message, followed by its tag.
fn seal(key: &[u8; KEY_LEN], iv: [u8; IV_LEN], plaintext: &[u8]) -> Vec<u8> {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
    let mut sealed = plaintext.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(iv), Aad::empty(), &mut sealed)
        .unwrap();
    sealed
}

/// Decrypts `chunks`. Returns the plaintext from before the end, and the result of the end.
fn open<'a>(
    key: &[u8; KEY_LEN],
    iv: [u8; IV_LEN],
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<u8>, Result<Bytes, EncryptedMediaError>) {
    let mut opener = MediaOpener::new(&MediaKey::from_slice(key).unwrap(), iv);
    let mut seen = Vec::new();
    for chunk in chunks {
        seen.extend_from_slice(&opener.update(chunk).unwrap());
    }
    (seen, opener.finish())
}

fn open_whole(key: &[u8; KEY_LEN], iv: [u8; IV_LEN], sealed: &[u8]) -> Result<Vec<u8>, EncryptedMediaError> {
    let (mut seen, end) = open(key, iv, [sealed]);
    seen.extend_from_slice(&end?);
    Ok(seen)
}

/// The key, IV, plaintext, ciphertext and tag.
fn check_vector([key, iv, plaintext, ciphertext, tag]: [&str; 5]) {
    let bytes = |text| hex::decode(text).unwrap();
    let sealed = [bytes(ciphertext), bytes(tag)].concat();
    let (key, iv) = (bytes(key).try_into().unwrap(), bytes(iv).try_into().unwrap());
    assert_eq!(open_whole(&key, iv, &sealed), Ok(bytes(plaintext)));
}

/// The vectors of *The Galois/Counter Mode of Operation* (McGrew and Viega), appendix B, that have a key of 256 bits, an
/// IV of 96 and no additional data.
#[test]
fn test_case_13() {
    check_vector([
        "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000",
        "",
        "",
        "530f8afbc74536b9a963b4f1c4cb738b",
    ]);
}

#[test]
fn test_case_14() {
    check_vector([
        "0000000000000000000000000000000000000000000000000000000000000000",
        "000000000000000000000000",
        "00000000000000000000000000000000",
        "cea7403d4d606b6e074ec5d3baf39d18",
        "d0d1c8a799996bf0265b98b5d48ab919",
    ]);
}

#[test]
fn test_case_15() {
    check_vector([
        "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
         1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
         8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
        "b094dac5d93471bdec1a502270e3cc6c",
    ]);
}

proptest! {
    #[test]
    fn media_sealed_in_one_piece_is_opened_in_pieces_of_any_size(
        key: [u8; KEY_LEN],
        iv: [u8; IV_LEN],
        plaintext in prop::collection::vec(any::<u8>(), 0..5_000),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let sealed = seal(&key, iv, &plaintext);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(sealed.len())).collect();
        cuts.extend([0, sealed.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|ends| &sealed[ends[0]..ends[1]]);
        let (mut seen, end) = open(&key, iv, chunks);
        seen.extend_from_slice(&end.unwrap());
        prop_assert_eq!(seen, plaintext);
    }

    #[test]
    fn changed_media_does_not_verify(
        key: [u8; KEY_LEN],
        iv: [u8; IV_LEN],
        plaintext in prop::collection::vec(any::<u8>(), 0..300),
        bit: prop::sample::Index,
        other_key: bool,
        other_iv: bool,
    ) {
        let mut sealed = seal(&key, iv, &plaintext);
        let (mut key, mut iv) = (key, iv);
        match (other_key, other_iv) {
            (true, _) => key[bit.index(KEY_LEN)] ^= 1,
            (_, true) => iv[bit.index(IV_LEN)] ^= 1,
            _ => {
                let bit = bit.index(sealed.len() * 8);
                sealed[bit / 8] ^= 1 << (bit % 8);
            }
        }
        prop_assert_eq!(open_whole(&key, iv, &sealed), Err(EncryptedMediaError::Forged));
    }
}

const KEY: [u8; KEY_LEN] = [7; KEY_LEN];
const IV: [u8; IV_LEN] = [9; IV_LEN];

#[test]
fn media_of_any_length_comes_byte_by_byte_and_its_last_byte_after_the_tag() {
    for len in 0..100 {
        let plaintext: Vec<u8> = (0..len).collect();
        let sealed = seal(&KEY, IV, &plaintext);
        let (seen, end) = open(&KEY, IV, sealed.chunks(1));
        let end = end.unwrap();
        assert!(plaintext.is_empty() || !end.is_empty(), "{len}");
        assert_eq!([&seen[..], &end].concat(), plaintext, "{len}");
    }
}

#[test]
fn media_that_was_cut_or_added_to_does_not_verify() {
    let sealed = seal(&KEY, IV, &[5; 70]);
    for len in 0..sealed.len() {
        let expected = if len < TAG_LEN {
            EncryptedMediaError::TooShort
        } else {
            EncryptedMediaError::Forged
        };
        assert_eq!(open_whole(&KEY, IV, &sealed[..len]), Err(expected), "{len}");
    }
    for more in 1..40 {
        let longer = [&sealed[..], &vec![0; more]].concat();
        assert_eq!(
            open_whole(&KEY, IV, &longer),
            Err(EncryptedMediaError::Forged),
            "{more}"
        );
    }
}

#[test]
fn the_counter_never_comes_round() {
    let mut opener = MediaOpener::new(&MediaKey::from_slice(&KEY).unwrap(), IV);
    opener.counter = u32::MAX - 1;
    opener.update(&[0; BLOCK_LEN + TAG_LEN + 1]).unwrap();
    assert_eq!(opener.counter, u32::MAX);
    assert_eq!(opener.update(&[0; BLOCK_LEN]), Err(EncryptedMediaError::TooLong));
}

#[test]
fn an_envelope_is_a_wrapped_key_and_an_iv_in_base64() {
    let details = |key: &str, iv: &str| EncryptionDetails {
        public_key_sid: "CR00000000000000000000000000000001".to_owned(),
        encrypted_cek: key.to_owned(),
        iv: iv.to_owned(),
    };
    let iv = STANDARD.encode(IV);
    for len in [256, 384, 512] {
        let key = vec![len as u8; len];
        let envelope = MediaEnvelope::parse(&details(&STANDARD.encode(&key), &iv)).unwrap();
        assert_eq!((envelope.wrapped_key(), envelope.iv), (&key[..], IV));
    }
    let key = STANDARD.encode([1; 256]);
    for odd in ["", "====", &iv, &STANDARD.encode([1; 255]), &key.replace('A', "-")] {
        let parsed = MediaEnvelope::parse(&details(odd, &iv));
        assert_eq!(parsed, Err(EncryptedMediaError::WrappedKey), "{odd}");
    }
    for odd in ["", "====", &key, &STANDARD.encode([9; 16])] {
        assert_eq!(
            MediaEnvelope::parse(&details(&key, odd)),
            Err(EncryptedMediaError::Iv),
            "{odd}"
        );
    }
}

#[test]
fn a_data_key_has_32_bytes() {
    for len in [0, 16, 31, 33] {
        assert_eq!(
            MediaKey::from_slice(&vec![0; len]).err(),
            Some(EncryptedMediaError::Key)
        );
    }
}
