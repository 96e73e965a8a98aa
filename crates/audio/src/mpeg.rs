//! MPEG audio, read frame by frame by Symphonia's demuxer. Nothing is decoded.
//!
//! The demuxer pulls its bytes, but a download pushes them. The demuxer therefore runs on a thread of its own behind a
//! short channel. Memory stays flat, and the sizes of the pieces don't change the result.

use std::{
    io::{self, Read},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::{Buf, Bytes};
use symphonia_bundle_mp3::MpaReader;
use symphonia_core::{
    codecs::CodecParameters,
    errors::Error,
    formats::{FormatOptions, FormatReader, Track},
    io::{MediaSourceStream, MediaSourceStreamOptions, ReadBytes, ReadOnlySource},
};

use crate::verdict::{Audio, Format};

/// The capacity of the channel to the thread, in pieces. A download's pieces have about 16 KiB. The thread is far
/// faster than a network. With this capacity, it can be paused for a while before the download waits for it.
const PIECES: usize = 16;

/// The latest offset of the first frame of sound, in bytes. A recording without a tag begins with a frame of sound, or
/// with a frame of at most 2,881 bytes that holds only an encoder's notes (`Xing`, `VBRI`).
const LATEST_FIRST_FRAME: u64 = 2_881;

/// The least share of the bytes that must be frames, in percent. The demuxer also finds apparent frames in noise. In
/// audio, the frames fill the file, except for a tag after them.
const LEAST_FRAMES_PERCENT: u64 = 90;

/// The frames of one stream.
#[derive(Debug)]
pub(crate) struct MpegFrames {
    /// Whether the stream begins with a tag. Tagged audio begins after its tag, at any offset.
    is_tagged: bool,
    pieces: SyncSender<Bytes>,
    /// `None` if the system could not start a thread.
    walk: Option<JoinHandle<Option<Walked>>>,
}

#[derive(Debug)]
struct Walked {
    /// The offset of the first frame of sound, in bytes.
    first_frame: u64,
    /// The length of all frames from there on, in bytes.
    frames_len: u64,
    channels: u16,
    duration: Duration,
}

impl MpegFrames {
    /// Starts a stream that begins with `head`. The caller must also pass these bytes to [`update`](Self::update).
    pub(crate) fn new(head: &[u8]) -> Self {
        let (pieces, received) = sync_channel(PIECES);
        Self {
            is_tagged: head.starts_with(b"ID3"),
            pieces,
            walk: thread::Builder::new()
                .name("mpeg-frames".to_owned())
                .spawn(|| walk(Pieces::new(received)))
                .ok(),
        }
    }

    /// Takes the next bytes.
    pub(crate) fn update(&self, bytes: &Bytes) {
        // An error means that the thread has ended, because it found no frame.
        let _ = self.pieces.send(bytes.clone());
    }

    /// Returns the audio of the stream, which has `len` bytes in all. `None` if it isn't MPEG audio.
    pub(crate) fn finish(self, len: u64) -> Option<Audio> {
        drop(self.pieces);
        let walked = self.walk?.join().ok()??;
        let begins_with_a_frame = self.is_tagged || walked.first_frame <= LATEST_FIRST_FRAME;
        let rest = len.saturating_sub(walked.first_frame);
        let is_filled = walked.frames_len.saturating_mul(100) >= rest.saturating_mul(LEAST_FRAMES_PERCENT);
        (begins_with_a_frame && is_filled).then_some(Audio {
            format: Format::Mpeg,
            channels: walked.channels,
            duration: walked.duration,
        })
    }
}

/// The number of bytes for a second of sound, computed from the frames at the beginning of a stream.
pub(crate) fn bytes_per_second(head: &[u8]) -> Option<u32> {
    let walked = walk(head)?;
    let rate = u128::from(walked.frames_len) * 1_000_000 / walked.duration.as_micros().max(1);
    u32::try_from(rate).ok().filter(|rate| *rate > 0)
}

fn walk(bytes: impl Read + Send + Sync) -> Option<Walked> {
    let source = Box::new(ReadOnlySource::new(bytes));
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    // The first reader finds the first frame of sound, after an encoder's notes. The second reader begins there, so
    // that it trims nothing because of the notes.
    let stream = Box::new(reader(stream)?).into_inner();
    let first_frame = stream.pos();
    let mut reader = reader(stream)?;
    let (channels, sample_rate) = format(reader.tracks().first()?)?;
    let (mut frames_len, mut samples) = (0, 0);
    loop {
        match reader.next_packet() {
            Ok(Some(frame)) => {
                frames_len += frame.data.len() as u64;
                samples += frame.dur.get();
            }
            Ok(None) => break,
            Err(Error::IoError(_)) => break,
            Err(_) => return None,
        }
    }
    Some(Walked {
        first_frame,
        frames_len,
        channels,
        duration: played(samples, sample_rate),
    })
}

fn reader(stream: MediaSourceStream<'_>) -> Option<MpaReader<'_>> {
    MpaReader::try_new(stream, FormatOptions::default()).ok()
}

/// The number of channels, and the samples a second.
fn format(track: &Track) -> Option<(u16, u32)> {
    let Some(CodecParameters::Audio(parameters)) = &track.codec_params else {
        return None;
    };
    let channels = u16::try_from(parameters.channels.as_ref()?.count()).ok()?;
    Some((channels, parameters.sample_rate.filter(|rate| *rate > 0)?))
}

fn played(samples: u64, sample_rate: u32) -> Duration {
    let (seconds, rest) = (samples / u64::from(sample_rate), samples % u64::from(sample_rate));
    Duration::from_secs(seconds) + Duration::from_secs(rest) / sample_rate
}

/// The pieces from the channel as one stream.
struct Pieces {
    /// The mutex is never locked. A source must be `Sync`, and a receiver isn't.
    received: Mutex<Receiver<Bytes>>,
    piece: Bytes,
}

impl Pieces {
    fn new(received: Receiver<Bytes>) -> Self {
        Self {
            received: Mutex::new(received),
            piece: Bytes::new(),
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let received = self.received.get_mut().unwrap_or_else(PoisonError::into_inner);
            match received.recv() {
                Ok(piece) => self.piece = piece,
                // The sender has been dropped, so the stream has ended.
                Err(_) => return Ok(0),
            }
        }
        let len = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..len]);
        Ok(len)
    }
}
