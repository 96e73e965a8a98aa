//! The 2010 API's Recordings, served from a folder of audio files.
//!
//! `RE….wav` or `RE….mp3` in the folder is a completed call recording; its modification time is when it ended. One that is
//! encrypted has a file `RE….encryption.json` beside it, which is its `encryption_details`. Files are never changed: a deleted recording is remembered as deleted. What Twilio would convert (another format, a mono mix of two
//! channels) the double doesn't: it answers 404 and 501.

mod audio;
mod media;
pub(super) mod metadata;

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;
use time::OffsetDateTime;
use tokio::{
    fs::{self, File},
    io::AsyncReadExt,
};

use self::audio::Audio;
pub(super) use self::{media::media, metadata::Account};
use super::route::is_sid;

/// The two media formats of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MediaFormat {
    Wav,
    Mp3,
}

impl MediaFormat {
    const ALL: [Self; 2] = [Self::Wav, Self::Mp3];

    fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Wav => "audio/x-wav",
            Self::Mp3 => "audio/mpeg",
        }
    }
}

/// The folder of recordings.
#[derive(Debug)]
pub(super) struct Recordings {
    dir: PathBuf,
    deleted: Mutex<HashSet<String>>,
}

/// A recording's file, as found.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) sid: String,
    pub(super) audio: Audio,
    pub(super) len: u64,
    pub(super) modified: OffsetDateTime,
    pub(super) deleted: bool,
    /// Null where it isn't encrypted.
    pub(super) encryption_details: Value,
}

impl Recording {
    /// When it began: its end less its length.
    pub(super) fn started(&self) -> OffsetDateTime {
        let length = i64::try_from(self.audio.seconds)
            .map(time::Duration::seconds)
            .unwrap_or_default();
        self.modified.checked_sub(length).unwrap_or(self.modified)
    }
}

/// As much of a file as its audio header is looked for in: a WAV's `data` chunk comes early, an MP3's tag is short.
const HEAD_LEN: u64 = 4096;

impl Recordings {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            deleted: Mutex::default(),
        }
    }

    /// Takes the recording away from the API. False when it's already gone.
    pub(super) fn delete(&self, sid: &str) -> bool {
        self.deleted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(sid.to_owned())
    }

    /// The recording in this format with its open file; None when there's no such file. A deleted recording is found too.
    async fn open(&self, sid: &str, format: MediaFormat) -> io::Result<Option<(Recording, File)>> {
        let path = self.dir.join(sid).with_extension(format.extension());
        let mut file = match File::open(path).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let status = file.metadata().await?;
        let mut head = Vec::new();
        (&mut file).take(HEAD_LEN).read_to_end(&mut head).await?;
        let encryption_details = self.encryption_details(sid).await?;
        let recording = Recording {
            sid: sid.to_owned(),
            audio: Audio::of(format, &head, status.len()),
            len: status.len(),
            modified: status.modified()?.into(),
            deleted: self
                .deleted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(sid),
            encryption_details,
        };
        Ok(Some((recording, file)))
    }

    async fn encryption_details(&self, sid: &str) -> io::Result<Value> {
        match fs::read(self.dir.join(sid).with_extension("encryption.json")).await {
            Ok(details) => Ok(serde_json::from_slice(&details)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Value::Null),
            Err(error) => Err(error),
        }
    }

    /// The recording in whatever format it's there, the WAV first.
    pub(super) async fn find(&self, sid: &str) -> io::Result<Option<Recording>> {
        for format in MediaFormat::ALL {
            if let Some((recording, _)) = self.open(sid, format).await? {
                return Ok(Some(recording));
            }
        }
        Ok(None)
    }

    /// Every recording, newest first.
    pub(super) async fn all(&self) -> io::Result<Vec<Recording>> {
        let mut sids = HashSet::new();
        let mut entries = fs::read_dir(&self.dir).await?;
        while let Some(entry) = entries.next_entry().await? {
            let name = entry.file_name();
            let Some((sid, extension)) = name.to_str().and_then(|name| name.split_once('.')) else {
                continue;
            };
            if is_sid("RE", sid) && MediaFormat::ALL.iter().any(|format| format.extension() == extension) {
                sids.insert(sid.to_owned());
            }
        }
        let mut recordings = Vec::with_capacity(sids.len());
        for sid in sids {
            recordings.extend(self.find(&sid).await?);
        }
        recordings.sort_by(|a, b| b.started().cmp(&a.started()).then_with(|| a.sid.cmp(&b.sid)));
        Ok(recordings)
    }
}
