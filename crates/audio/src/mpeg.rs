//! MPEG audio, walked frame by frame by Symphonia's demuxer. Nothing is decoded.
//!
//! The demuxer pulls its bytes, and a recording comes when it comes. So it runs on a thread of its own behind a short
//! channel: memory stays flat, and the recording's pieces don't change what it finds.

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

/// Pieces on their way to the thread. A download's are some 16 KiB: the thread, which is far faster than a network, can
/// lose its turn for a while before anybody waits for it.
const PIECES: usize = 16;

/// A recording that is not tagged begins with a frame, or with one that holds only an encoder's notes (`Xing`, `VBRI`), of
/// 2,881 bytes at most.
const LATEST_FIRST_FRAME: u64 = 2_881;

/// The demuxer looks for the next frame wherever one ends, and finds what look like frames in noise as well. In audio they
/// fill the file, but for a tag behind them.
const LEAST_FRAMES_PERCENT: u64 = 90;

/// One stream's frames.
#[derive(Debug)]
pub(crate) struct MpegFrames {
    /// Tagged audio begins behind its tag, wherever that ends.
    is_tagged: bool,
    pieces: SyncSender<Bytes>,
    /// `None` where the system has no thread to give.
    walk: Option<JoinHandle<Option<Walked>>>,
}

#[derive(Debug)]
struct Walked {
    /// Where the first frame of sound begins.
    first_frame: u64,
    /// Bytes of all frames from there on.
    frames_len: u64,
    channels: u16,
    duration: Duration,
}

impl MpegFrames {
    /// Of a stream that begins with `head`, which is not taken.
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

    /// The next bytes.
    pub(crate) fn update(&self, bytes: &Bytes) {
        // Refused where the walk is over already: it found no frame, and wants no more.
        let _ = self.pieces.send(bytes.clone());
    }

    /// What it was, at its end after `len` bytes; `None` where it's no MPEG audio.
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

/// Bytes that a second of sound takes, by the frames that a stream begins with.
pub(crate) fn bytes_per_second(head: &[u8]) -> Option<u32> {
    let walked = walk(head)?;
    let rate = u128::from(walked.frames_len) * 1_000_000 / walked.duration.as_micros().max(1);
    u32::try_from(rate).ok().filter(|rate| *rate > 0)
}

fn walk(bytes: impl Read + Send + Sync) -> Option<Walked> {
    let source = Box::new(ReadOnlySource::new(bytes));
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    // Finds the first frame and passes over an encoder's notes; begun anew from there, the demuxer trims nothing off by them.
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

/// Channels, and samples a second.
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

/// What comes through the channel, as one stream.
struct Pieces {
    /// Locked by nobody: a source has to be `Sync`, which a receiver is not.
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
                // The sender is gone: that's the end.
                Err(_) => return Ok(0),
            }
        }
        let len = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..len]);
        Ok(len)
    }
}
