//! Recognition by the first bytes alone.

use crate::verdict::{Format, NotAudio};

/// The number of first bytes that [`look_at`] needs. It is enough to distinguish a text from samples that begin like
/// one.
pub const HEAD_LEN: usize = 512;

/// A judgment of the first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// They look like the beginning of this format.
    Audio(Format),
    /// They are certainly not the beginning of a recording.
    NotAudio(NotAudio),
    /// They may be either.
    Unknown,
}

/// The length of `RIFF`, a size and `WAVE`.
const RIFF_LEN: usize = 12;

/// `RF64` (EBU Tech 3306) and `BW64` (ITU-R BS.2088) are RIFF with 64-bit sizes.
const RIFF_IDS: [&[u8]; 3] = [b"RIFF", b"RF64", b"BW64"];

/// Judges the first [`HEAD_LEN`] bytes. The caller may pass fewer only if the stream is shorter.
#[must_use]
pub fn look_at(head: &[u8]) -> Look {
    if head.is_empty() {
        return Look::NotAudio(NotAudio::Nothing);
    }
    if RIFF_IDS.iter().any(|id| head.starts_with(id)) {
        return match head.get(8..RIFF_LEN) {
            Some(b"WAVE") => Look::Audio(Format::Wav),
            Some(_) => Look::Unknown,
            None => Look::NotAudio(NotAudio::Cut {
                claimed: RIFF_LEN as u64,
                received: head.len() as u64,
            }),
        };
    }
    match document(head) {
        Some(document) => Look::NotAudio(document),
        None if may_be_mpeg(head) => Look::Audio(Format::Mpeg),
        None => Look::Unknown,
    }
}

/// The beginnings of pages of HTML and XML, in lower case. Samples begin so by chance once in 2^40 times, so the rest
/// of the page may be in any charset.
const MARKUP: [&[u8]; 6] = [b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<error"];

/// Recognizes the documents that servers send with errors. Samples without a header can begin with any byte. If the
/// head doesn't begin like a page, all of it must therefore be text.
fn document(head: &[u8]) -> Option<NotAudio> {
    // UTF-16 with its byte order mark. The first one is not an MPEG header, because its sample rate would be a reserved
    // value.
    if head.starts_with(b"\xff\xfe<\0") || head.starts_with(b"\xfe\xff\0<") {
        return Some(NotAudio::Markup);
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if is_markup(head.trim_ascii_start()) {
        return Some(NotAudio::Markup);
    }
    let text = text(head)?;
    let mut chars = text.trim_ascii_start().chars();
    match (chars.next()?, chars.next()) {
        ('<', Some('!' | '?' | '/' | 'a'..='z' | 'A'..='Z')) => Some(NotAudio::Markup),
        ('{' | '[', _) => Some(NotAudio::Json),
        _ => None,
    }
}

fn is_markup(head: &[u8]) -> bool {
    let begins_with = |start: &[u8]| {
        head.get(..start.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(start))
    };
    MARKUP.into_iter().any(begins_with)
}

/// The bytes as UTF-8 without control characters. The last character may be incomplete.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(cut) if cut.error_len().is_none() => std::str::from_utf8(&bytes[..cut.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let is_layout = |c: char| matches!(c, '\t' | '\n' | '\x0c' | '\r');
    text.chars().all(|c| !c.is_control() || is_layout(c)).then_some(text)
}

/// Whether to look for MPEG frames. The head begins with a tag, which players skip, or with the eleven bits of every
/// frame.
fn may_be_mpeg(head: &[u8]) -> bool {
    head.starts_with(b"ID3") || matches!(head, [0xff, 0xe0..=0xff, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_no_recordings() {
        for text in [
            "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
            "\u{feff}<html>\u{e9}</html>",
            " \r\n\t<?xml version=\"1.0\"?><Error><Code>SlowDown</Code></Error>",
            "<TwilioResponse/>",
            "</html>",
        ] {
            assert_eq!(look_at(text.as_bytes()), Look::NotAudio(NotAudio::Markup), "{text}");
        }
        for text in [r#"{"code":20003}"#, "[]", "\n{", r#"{"message":"\u00e9 ü"}"#] {
            assert_eq!(look_at(text.as_bytes()), Look::NotAudio(NotAudio::Json), "{text}");
        }
        for bytes in [&b"\xff\xfe<\0h\0t\0"[..], b"\xfe\xff\0<\0h\0t"] {
            assert_eq!(look_at(bytes), Look::NotAudio(NotAudio::Markup));
        }
        for page in [
            &b"<html><head><title>Erreur</title></head><body>Acc\xe8s refus\xe9</body></html>"[..],
            b"\r\n<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\"><p>\x83T\x81[\x83o",
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><Erreur>\xe9</Erreur>",
            b"\xef\xbb\xbf<Html>\0",
            b"<BODY>\x1b[1m",
        ] {
            assert_eq!(look_at(page), Look::NotAudio(NotAudio::Markup), "{page:?}");
        }
        let cut_within_a_character = "<p>\u{e9}".as_bytes().split_last().unwrap().1;
        assert_eq!(look_at(cut_within_a_character), Look::NotAudio(NotAudio::Markup));
    }

    #[test]
    fn samples_that_begin_like_a_document_are_not_taken_for_one() {
        for head in [
            &b"<a\0\0"[..],
            b"{\x01\x02",
            b"[\xff\xff\xff",
            b"< \x7f",
            b"<5 is less",
            b"<a\x80\x80",
        ] {
            assert_eq!(look_at(head), Look::Unknown, "{head:?}");
        }
    }

    #[test]
    fn audio_is_recognized_by_its_first_bytes() {
        for head in [
            &b"RIFF\0\0\0\0WAVE"[..],
            b"RF64\xff\xff\xff\xffWAVEds64",
            b"BW64\xff\xff\xff\xffWAVEds64",
        ] {
            assert_eq!(look_at(head), Look::Audio(Format::Wav), "{head:?}");
        }
        for head in [&b"ID3\x04\0"[..], b"\xff\xfb\x58\xc0", b"\xff\xe3", b"\xff\xff"] {
            assert_eq!(look_at(head), Look::Audio(Format::Mpeg), "{head:?}");
        }
        for head in [
            &b"\xff"[..],
            b"\xff\xd8\xff\xe0",
            b"OggS",
            b"fLaC",
            b"Service Unavailable",
            b"RIFX\0\0\0\0WAVE",
            b"RIFF\0\0\0\0AVI ",
        ] {
            assert_eq!(look_at(head), Look::Unknown, "{head:?}");
        }
    }

    #[test]
    fn nothing_and_half_a_header_are_no_recordings() {
        assert_eq!(look_at(b""), Look::NotAudio(NotAudio::Nothing));
        for len in 4..12 {
            let cut = NotAudio::Cut {
                claimed: 12,
                received: len as u64,
            };
            assert_eq!(look_at(&b"RIFF\x24\0\0\0WAVE"[..len]), Look::NotAudio(cut));
        }
    }
}
