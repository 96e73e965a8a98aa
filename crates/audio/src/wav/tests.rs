use proptest::prelude::*;

use super::*;

/// A WAV with these chunks before its data.
fn wav(chunks: &[(&[u8; 4], Vec<u8>)], data_size: u32, data: &[u8]) -> Vec<u8> {
    let mut wav = b"RIFF\0\0\0\0WAVE".to_vec();
    for (id, body) in chunks {
        wav.extend_from_slice(*id);
        wav.extend_from_slice(&(body.len() as u32).to_le_bytes());
        wav.extend_from_slice(body);
        wav.resize(wav.len() + body.len() % 2, 0);
    }
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&data_size.to_le_bytes());
    wav.extend_from_slice(data);
    wav
}

/// A format chunk at 8 kHz, for linear PCM with 16 bits a sample, or for mu-law or A-law with 8.
fn format(tag: u16, channels: u8) -> (&'static [u8; 4], Vec<u8>) {
    let bytes = if tag == PCM { 2 } else { 1 };
    let mut body = tag.to_le_bytes().to_vec();
    body.extend_from_slice(&u16::from(channels).to_le_bytes());
    body.extend_from_slice(&8_000_u32.to_le_bytes());
    body.extend_from_slice(&(8_000 * bytes * u32::from(channels)).to_le_bytes());
    body.extend_from_slice(&[bytes as u8 * channels, 0, 8 * bytes as u8, 0]);
    (b"fmt ", body)
}

/// The registered numbers of RFC 2361, and `WAVE_FORMAT_EXTENSIBLE`, whose number follows later in the chunk.
const PCM: u16 = 1;
const A_LAW: u16 = 6;
const MU_LAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;

fn verdict(bytes: &[u8]) -> Verdict {
    let mut header = WavHeader::new();
    header.update(bytes);
    header.verdict(bytes.len() as u64)
}

fn audio(channels: u16, millis: u64) -> Verdict {
    Verdict::Audio(Audio {
        format: Format::Wav,
        channels,
        duration: Duration::from_millis(millis),
    })
}

fn is_cut(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::NotAudio(NotAudio::Cut { claimed, received }) if claimed > received)
}

#[test]
fn channels_and_duration_are_those_of_the_audio_that_is_there() {
    let samples = [0; 40_000];
    let list = (b"LIST", vec![1; 7]);
    let junk = (b"JUNK", vec![0; 28]);
    for (channels, millis) in [(1, 2_500), (2, 1_250)] {
        let expected = audio(channels.into(), millis);
        for chunks in [
            &[format(PCM, channels)][..],
            &[list.clone(), format(PCM, channels), list.clone()],
            &[junk.clone(), format(PCM, channels)],
        ] {
            // The size is claimed, or left open by a writer that can't seek back.
            for size in [40_000, 0, u32::MAX] {
                assert_eq!(verdict(&wav(chunks, size, &samples)), expected);
            }
            let with_a_chunk_behind = [&wav(chunks, 40_000, &samples)[..], b"LIST\x02\0\0\0xx"].concat();
            assert_eq!(verdict(&with_a_chunk_behind), expected);
        }
    }
    assert_eq!(verdict(&wav(&[format(PCM, 1)], 0, &[])), audio(1, 0));
}

#[test]
fn other_codings_of_samples_are_read_as_well() {
    let samples = [0xff; 16_000];
    for tag in [MU_LAW, A_LAW] {
        assert_eq!(verdict(&wav(&[format(tag, 1)], 16_000, &samples)), audio(1, 2_000));
        assert_eq!(verdict(&wav(&[format(tag, 2)], 16_000, &samples)), audio(2, 1_000));
    }
    let mut extensible = format(PCM, 2);
    extensible.1[..2].copy_from_slice(&EXTENSIBLE.to_le_bytes());
    extensible.1.extend_from_slice(&[
        22, 0, 16, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71,
    ]);
    assert_eq!(verdict(&wav(&[extensible], 16_000, &samples)), audio(2, 500));
}

#[test]
fn sizes_of_64_bits_are_in_a_chunk_of_their_own() {
    let sizes = |data: u64| {
        let mut body = 0_u64.to_le_bytes().to_vec();
        body.extend_from_slice(&data.to_le_bytes());
        body.extend_from_slice(&[0; 12]);
        (b"ds64", body)
    };
    let samples = [0; 32_000];
    let rf64 = |data| {
        let mut file = wav(&[sizes(data), format(PCM, 1)], u32::MAX, &samples);
        file[..4].copy_from_slice(b"RF64");
        file
    };
    assert_eq!(verdict(&rf64(32_000)), audio(1, 2_000));
    assert_eq!(verdict(&[&rf64(16_000)[..], b"LIST\0\0\0\0"].concat()), audio(1, 1_000));
    for unknown in [0, u64::MAX] {
        assert_eq!(verdict(&rf64(unknown)), audio(1, 2_000));
    }
    for more in [32_001, 1 << 33, u64::MAX - 1] {
        assert!(is_cut(verdict(&rf64(more))), "{more}");
    }
}

#[test]
fn sizes_that_a_streaming_writer_leaves_claim_nothing() {
    let samples = [0; 32_000];
    for size in [
        0,
        u32::MAX,
        u32::MAX - 36,
        0x7fff_ffff,
        0x7fff_ffff - 36,
        0x7fff_f000,
        0x8000_0000,
        2_000_000_000,
    ] {
        assert_eq!(
            verdict(&wav(&[format(PCM, 1)], size, &samples)),
            audio(1, 2_000),
            "{size:x}"
        );
    }
}

#[test]
fn any_other_size_that_is_not_there_is_a_cut() {
    let samples = [0; 32_000];
    for size in [
        32_001,
        64_000,
        1_999_000_000,
        2_100_000_000,
        0x7fff_0000,
        0x8001_0000,
        0xffff_0000,
    ] {
        assert!(is_cut(verdict(&wav(&[format(PCM, 1)], size, &samples))), "{size:x}");
    }
}

#[test]
fn a_file_that_ends_before_its_samples_is_a_cut() {
    let whole = wav(&[(b"LIST", vec![1; 7]), format(PCM, 1)], 4, &[0; 4]);
    for len in 12..whole.len() {
        assert!(is_cut(verdict(&whole[..len])), "{len}");
    }
    assert_eq!(verdict(&whole), audio(1, 0).map_duration(Duration::from_micros(250)));
}

#[test]
fn without_channels_or_a_byte_rate_it_is_not_known_what_it_is() {
    let (mut still, mut silent) = (format(PCM, 1), format(PCM, 1));
    still.1[8..12].fill(0);
    silent.1[2..4].fill(0);
    for chunks in [&[][..], &[still], &[silent], &[(b"fmt ", vec![1; 11])]] {
        assert_eq!(verdict(&wav(chunks, 4, &[0; 4])), Verdict::Unknown);
    }
}

impl Verdict {
    fn map_duration(self, duration: Duration) -> Self {
        match self {
            Self::Audio(audio) => Self::Audio(Audio { duration, ..audio }),
            other => other,
        }
    }
}

proptest! {
    #[test]
    fn pieces_and_other_chunks_change_nothing(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
        channels in 1..=8_u8,
        seconds in 0..3_u64,
        step in 1usize..50,
    ) {
        let lists = bodies.into_iter().map(|body| (b"LIST", body));
        let chunks: Vec<_> = lists.chain([format(PCM, channels)]).collect();
        let samples = vec![0; 16_000 * usize::from(channels) * seconds as usize];
        let bytes = wav(&chunks, samples.len() as u32, &samples);
        let mut header = WavHeader::new();
        bytes.chunks(step).for_each(|piece| header.update(piece));
        prop_assert_eq!(header.verdict(bytes.len() as u64), audio(channels.into(), 1_000 * seconds));
    }
}
