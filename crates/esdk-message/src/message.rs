//! Whole messages in memory, for tests, fixtures and tools. The vault works frame by frame.

use crate::{
    context::EncryptionContext, error::MessageError, frame::FrameKind, header::UnverifiedHeader, keys::DataKey,
    layout::Layout, profile::Profile, sealer::Sealer,
};

/// A whole message, opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The authenticated encryption context. Compare it with the expected one.
    pub context: EncryptionContext,
    /// All of its plaintext.
    pub plaintext: Vec<u8>,
}

/// Opens an object from its first byte to its last. Missing bytes are refused, and so are bytes after the final frame.
///
/// # Errors
///
/// [`MessageError`] describes the first fault. Nothing is released before everything has verified.
pub fn open_message(object: &[u8], data_key: &DataKey, profile: Profile) -> Result<Message, MessageError> {
    let opener = UnverifiedHeader::parse_with(object, profile)?.authenticate(data_key)?;
    let layout = Layout::of_object(opener.header_len(), opener.frame_length(), object.len() as u64)?;
    let header_len = usize::try_from(opener.header_len()).expect("the header is part of a slice in memory");
    let mut frames = object[header_len..].to_vec();
    let mut plaintext = Vec::with_capacity(frames.len());
    for opened in opener.open_run(&layout, layout.all_frames(), &mut frames)? {
        plaintext.extend_from_slice(opened?);
    }
    Ok(Message {
        context: opener.encryption_context().clone(),
        plaintext,
    })
}

impl Sealer {
    /// Seals `plaintext` and returns the whole object. The sealer must not have sealed a frame before.
    ///
    /// # Errors
    ///
    /// [`MessageError::Layout`] if the plaintext needs too many frames.
    pub fn seal_message(mut self, plaintext: &[u8]) -> Result<Vec<u8>, MessageError> {
        let layout = Layout::of_plaintext(self.header().len() as u64, self.frame_length(), plaintext.len() as u64)?;
        let mut object = self.header().to_vec();
        let mut rest = plaintext;
        let frame_length = self.frame_length().bytes() as usize;
        for _ in 1..layout.frames() {
            let (text, after) = rest.split_at(frame_length);
            rest = after;
            let frame = append_plaintext(&mut object, FrameKind::Regular, text);
            self.seal_next(frame)?;
        }
        self.seal_final(append_plaintext(&mut object, FrameKind::Final, rest))?;
        Ok(object)
    }
}

/// Appends a frame of this plaintext, with zeros for the bytes around it, and returns it.
fn append_plaintext<'a>(object: &'a mut Vec<u8>, kind: FrameKind, text: &[u8]) -> &'a mut [u8] {
    let at = object.len();
    object.resize(at + kind.plaintext_at(), 0);
    object.extend_from_slice(text);
    object.resize(at + kind.overhead() + text.len(), 0);
    &mut object[at..]
}
