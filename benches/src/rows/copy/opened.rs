//! Opens a message of another implementation.

use aws_lc_rs::digest::{Context, SHA256};
use esdk_message::{DataKey, Layout, UnverifiedHeader};

use crate::{Failure, server::DATA_KEY};

/// Verifies a message that is sealed with the server's data key. Returns the SHA-256 of its text in hexadecimal.
pub(super) fn digest(mut message: Vec<u8>) -> Result<String, Failure> {
    let opener = UnverifiedHeader::parse(&message)?.authenticate(&DataKey::from_slice(&DATA_KEY)?)?;
    let layout = Layout::of_object(opener.header_len(), opener.frame_length(), message.len() as u64)?;
    let mut digest = Context::new(&SHA256);
    let frames = &mut message[opener.header_len() as usize..];
    for text in opener.open_run(&layout, layout.all_frames(), frames)? {
        digest.update(text?);
    }
    let digest = digest.finish();
    Ok(digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use esdk_message::{EncryptedDataKey, EncryptionContext, FrameLength, MessageId, Sealer};

    use super::*;

    #[test]
    fn the_text_of_a_message_is_digested_and_a_damaged_one_is_refused() {
        let key = DataKey::from_slice(&DATA_KEY).unwrap();
        let wrapped = EncryptedDataKey {
            provider_id: "aws-kms".into(),
            provider_info: "arn:aws:kms:us-east-1:111122223333:key/example".into(),
            ciphertext: vec![1; 184],
        };
        let context = EncryptionContext::default();
        let sealer = Sealer::new(&key, MessageId::random(), FrameLength::DEFAULT, &context, &[wrapped]).unwrap();
        let mut message = sealer.seal_message(&[b'a'; 1_000_000]).unwrap();

        // The digest of a million letters a (FIPS 180-2, appendix B.3).
        let expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        assert_eq!(digest(message.clone()).unwrap(), expected);
        message[500_000] ^= 1;
        assert!(digest(message).is_err());
    }
}
