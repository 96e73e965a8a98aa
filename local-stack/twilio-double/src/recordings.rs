//! The Recordings of the 2010 API, served from a folder of audio files.
//!
//! `RE….wav` or `RE….mp3` in the folder is a completed call recording, and its modification time is when it ended. The
//! file `RE….encryption.json` beside an encrypted recording is its `encryption_details`. The file `RE….origin.json` has the
//! `call_sid` and the `conference_sid` of a recording of another call or of a conference. Files are never changed: the
//! double only remembers which recordings are deleted. It converts nothing. Where Twilio would convert the format or
//! mix two channels to mono, it answers 404 and 501.

mod audio;
mod format;
mod media;
pub(super) mod metadata;
mod store;

pub(super) use self::{format::MediaFormat, media::media, metadata::Account, store::Recordings};
