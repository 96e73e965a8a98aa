//! Parses a header field by field. A refusal names the field that violates the profile.

use super::{
    fields::{EncryptedDataKey, FRAMED, SUITE, VERSION},
    unverified::UnverifiedHeader,
};
use crate::{
    context::{COUNT_LEN, EncryptionContext},
    error::{ContextError, HeaderError},
    keys::MessageId,
    profile::{MAX_ENCRYPTED_DATA_KEYS, MAX_HEADER_LEN, Profile},
};

impl UnverifiedHeader {
    /// Parses the header at the front of `prefix`, the object's first bytes, under [`Profile::VAULT`].
    ///
    /// # Errors
    ///
    /// [`HeaderError::Incomplete`] if `prefix` ends before the header does: call again with more bytes. Every other error is
    /// final. It names the violation and its offset.
    pub fn parse(prefix: &[u8]) -> Result<Self, HeaderError> {
        Self::parse_with(prefix, Profile::VAULT)
    }

    /// Like [`UnverifiedHeader::parse`], under another profile.
    ///
    /// # Errors
    ///
    /// Like [`UnverifiedHeader::parse`].
    pub fn parse_with(prefix: &[u8], profile: Profile) -> Result<Self, HeaderError> {
        header(prefix, profile)
    }
}

fn header(prefix: &[u8], profile: Profile) -> Result<UnverifiedHeader, HeaderError> {
    let mut fields = Fields { bytes: prefix, at: 0 };
    let [version] = fields.array()?;
    if version != VERSION {
        return Err(HeaderError::Version { found: version });
    }
    let suite = u16::from_be_bytes(fields.array()?);
    if suite != SUITE {
        return Err(HeaderError::Suite { found: suite });
    }
    let message_id = MessageId::from_bytes(fields.array()?);
    let context = context(&mut fields)?;
    let keys = encrypted_data_keys(&mut fields)?;
    let offset = fields.at;
    let [content_type] = fields.array()?;
    if content_type != FRAMED {
        return Err(HeaderError::ContentType {
            offset,
            found: content_type,
        });
    }
    let offset = fields.at;
    let found = u32::from_be_bytes(fields.array()?);
    let frame_length = profile
        .frame_length(found)
        .ok_or(HeaderError::FrameLength { offset, found })?;
    let commit_key = fields.array()?;
    let body_len = fields.at;
    let tag = fields.array()?;
    let body = prefix[..body_len].to_vec();
    Ok(UnverifiedHeader {
        body,
        tag,
        message_id,
        context,
        keys,
        frame_length,
        commit_key,
    })
}

/// Accepts pairs in any order. Some SDKs do not sort them, and the tag covers the bytes as stored.
fn context(fields: &mut Fields<'_>) -> Result<EncryptionContext, HeaderError> {
    let declared = usize::from(u16::from_be_bytes(fields.array()?));
    let mut context = EncryptionContext::default();
    if declared == 0 {
        return Ok(context);
    }
    let offset = fields.at;
    // The pairs must not read past the declared bytes.
    let pair_bytes = fields.take(declared)?;
    let mut within = Fields {
        bytes: pair_bytes,
        at: 0,
    };
    let pairs = within.array().map_or(0, u16::from_be_bytes);
    let misfit = HeaderError::ContextLength {
        offset,
        declared,
        pairs: usize::from(pairs),
    };
    for _ in 0..pairs {
        let pair_at = offset + within.at;
        let (Ok(key), Ok(value)) = (within.prefixed(), within.prefixed()) else {
            return Err(misfit);
        };
        text(key)
            .and_then(|key| context.insert(key, text(value)?))
            .map_err(|reason| HeaderError::StoredContext {
                offset: pair_at,
                reason,
            })?;
    }
    // An empty context is stored as length 0, without a count. A field with a count therefore holds at least one pair.
    if within.at != declared || declared == COUNT_LEN {
        return Err(misfit);
    }
    Ok(context)
}

fn text(bytes: &[u8]) -> Result<String, ContextError> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| ContextError::NotUtf8)
}

fn encrypted_data_keys(fields: &mut Fields<'_>) -> Result<Vec<EncryptedDataKey>, HeaderError> {
    let offset = fields.at;
    let found = usize::from(u16::from_be_bytes(fields.array()?));
    if !(1..=MAX_ENCRYPTED_DATA_KEYS).contains(&found) {
        return Err(HeaderError::KeyCount { offset, found });
    }
    (0..found)
        .map(|_| {
            Ok(EncryptedDataKey {
                provider_id: provider_id(fields)?,
                provider_info: String::from_utf8_lossy(fields.prefixed()?).into_owned(),
                ciphertext: fields.prefixed()?.to_vec(),
            })
        })
        .collect()
}

fn provider_id(fields: &mut Fields<'_>) -> Result<String, HeaderError> {
    let bytes = fields.prefixed()?;
    let offset = fields.at - bytes.len();
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| HeaderError::KeyProviderId { offset })
}

/// A cursor over big-endian fields. If the bytes run out, the error says how many are needed.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], HeaderError> {
        let needed = self.at + len;
        if needed > MAX_HEADER_LEN {
            return Err(HeaderError::TooLong {
                offset: self.at,
                needed,
            });
        }
        let field = self
            .bytes
            .get(self.at..needed)
            .ok_or(HeaderError::Incomplete { needed })?;
        self.at = needed;
        Ok(field)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], HeaderError> {
        Ok(self.take(N)?.try_into().expect("take returns exactly N bytes"))
    }

    /// A field with a two-byte length prefix.
    fn prefixed(&mut self) -> Result<&'a [u8], HeaderError> {
        let len = u16::from_be_bytes(self.array()?);
        self.take(usize::from(len))
    }
}

#[cfg(test)]
mod tests;
