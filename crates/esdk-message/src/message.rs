//! Whole messages in memory: what tests, fixtures and tools use. The vault goes frame by frame.

use crate::{
    context::EncryptionContext, error::MessageError, frame::FrameIndex, header::UnverifiedHeader, keys::DataKey,
    layout::Layout, profile::Profile, sealer::Sealer,
};

/// A message opened whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it was bound to; compare it with what was expected.
    pub context: EncryptionContext,
    /// All of its plaintext.
    pub plaintext: Vec<u8>,
}

/// Opens an object from its first byte to its last: bytes after the final frame are refused, as are bytes that lack.
///
/// # Errors
///
/// [`MessageError`] says what was wrong first. Nothing is released before everything has verified.
pub fn open_message(object: &[u8], data_key: &DataKey, profile: Profile) -> Result<Message, MessageError> {
    let opener = UnverifiedHeader::parse_with(object, profile)?.authenticate(data_key)?;
    let layout = Layout::of_object(opener.header_len(), opener.frame_length(), object.len() as u64)?;
    let header_len = usize::try_from(opener.header_len()).expect("the header is part of a slice in memory");
    let mut frames = object[header_len..].to_vec();
    let mut plaintext = Vec::with_capacity(frames.len());
    for opened in opener.open_run(&layout, FrameIndex(0)..FrameIndex(layout.frames()), &mut frames)? {
        plaintext.extend_from_slice(opened?);
    }
    Ok(Message {
        context: opener.encryption_context().clone(),
        plaintext,
    })
}

impl Sealer {
    /// The whole object for `plaintext`. Takes the sealer, because it must not seal another.
    ///
    /// # Errors
    ///
    /// [`MessageError::Layout`] when the plaintext has too many frames.
    pub fn seal_message(self, plaintext: &[u8]) -> Result<Vec<u8>, MessageError> {
        let layout = Layout::of_plaintext(self.header().len() as u64, self.frame_length(), plaintext.len() as u64)?;
        let mut object = self.header().to_vec();
        let mut rest = plaintext;
        for frame in (0..layout.frames()).map(FrameIndex) {
            let kind = layout.kind(frame);
            let (text, after) = rest.split_at(rest.len().min(self.frame_length().bytes() as usize));
            rest = after;
            let at = object.len();
            object.resize(at + kind.plaintext_at(), 0);
            object.extend_from_slice(text);
            object.resize(at + kind.overhead() + text.len(), 0);
            self.seal_frame(frame, kind, &mut object[at..])?;
        }
        Ok(object)
    }
}
