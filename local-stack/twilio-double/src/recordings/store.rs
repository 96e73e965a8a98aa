//! The folder of audio files.

use std::{
    collections::HashSet,
    io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::{
    fs::{self, File},
    io::AsyncReadExt,
};

use super::{audio::Audio, format::MediaFormat};
use crate::sid_shape::is_sid;

/// The folder of recordings.
#[derive(Debug)]
pub(crate) struct Recordings {
    dir: PathBuf,
    deleted: Mutex<HashSet<String>>,
}

/// A recording's file.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) sid: String,
    pub(crate) audio: Audio,
    pub(crate) len: u64,
    pub(crate) modified: OffsetDateTime,
    pub(crate) deleted: bool,
    /// Null if it is not encrypted.
    pub(crate) encryption_details: Value,
    pub(crate) origin: Origin,
}

/// What was recorded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origin {
    pub(crate) call_sid: Option<String>,
    pub(crate) conference_sid: Option<String>,
}

impl Origin {
    /// The call of a recording, which is only a file here: the CallSid with the same digits.
    pub(crate) fn of(sid: &str) -> Self {
        Self {
            call_sid: Some(sid.replacen("RE", "CA", 1)),
            conference_sid: None,
        }
    }
}

impl Recording {
    /// When it began: its end minus its duration.
    pub(crate) fn started(&self) -> OffsetDateTime {
        let length = i64::try_from(self.audio.seconds)
            .map(time::Duration::seconds)
            .unwrap_or_default();
        self.modified.checked_sub(length).unwrap_or(self.modified)
    }
}

/// The audio header is expected in this many bytes: a WAV's `data` chunk comes early, and an MP3's tag is short.
const HEAD_LEN: u64 = 4096;

impl Recordings {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            deleted: Mutex::default(),
        }
    }

    /// Removes the recording from the API. False if it was deleted before.
    pub(crate) fn delete(&self, sid: &str) -> bool {
        self.deleted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(sid.to_owned())
    }

    /// The recording in this format with its open file. None if there is no such file. Deleted recordings are included.
    pub(super) async fn open(&self, sid: &str, format: MediaFormat) -> io::Result<Option<(Recording, File)>> {
        let path = self.dir.join(sid).with_extension(format.extension());
        let mut file = match File::open(path).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let status = file.metadata().await?;
        let mut head = Vec::new();
        (&mut file).take(HEAD_LEN).read_to_end(&mut head).await?;
        let encryption_details = self.beside(sid, "encryption.json").await?.unwrap_or_default();
        let origin = self
            .beside(sid, "origin.json")
            .await?
            .unwrap_or_else(|| Origin::of(sid));
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
            origin,
        };
        Ok(Some((recording, file)))
    }

    /// The content of the file with this extension, if there is one.
    async fn beside<T: DeserializeOwned>(&self, sid: &str, extension: &str) -> io::Result<Option<T>> {
        match fs::read(self.dir.join(sid).with_extension(extension)).await {
            Ok(content) => Ok(Some(serde_json::from_slice(&content)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The recording in any format, preferably the WAV.
    pub(crate) async fn find(&self, sid: &str) -> io::Result<Option<Recording>> {
        for format in MediaFormat::ALL {
            if let Some((recording, _)) = self.open(sid, format).await? {
                return Ok(Some(recording));
            }
        }
        Ok(None)
    }

    /// Every recording, newest first.
    pub(crate) async fn all(&self) -> io::Result<Vec<Recording>> {
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
