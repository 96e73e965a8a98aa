//! Sealing and opening frames in place, compared with the bare AES-256-GCM of aws-lc-rs over the same bytes:
//! `cargo bench -p esdk-message`. `cargo benchmarks` measures the two in alternation (docs/BENCHMARKS.md), because a busy machine
//! changes by more than their difference between two benchmarks.

use std::hint::black_box;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use esdk_message::{
    DataKey, EncryptedDataKey, EncryptionContext, FrameKind, FrameLength, MessageId, Opener, Sealer, UnverifiedHeader,
};

const FRAME_LENGTHS: [u32; 5] = [4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];
const KIND: FrameKind = FrameKind::Regular;

/// A regular frame has this many bytes of authenticated data.
const AAD: [u8; 72] = [0; 72];

fn seal(c: &mut Criterion) {
    let mut group = c.benchmark_group("seal");
    for frame_length in FRAME_LENGTHS {
        group.throughput(Throughput::Bytes(frame_length.into()));
        let mut sealer = sealer(frame_length);
        let mut frame = vec![0; frame_length as usize + KIND.overhead()];
        group.bench_function(BenchmarkId::new("frame", frame_length), |b| {
            b.iter(|| {
                sealer.seal_next(black_box(&mut frame)).expect("the frame has its size");
            });
        });

        let cipher = cipher();
        let mut text = vec![0; frame_length as usize];
        group.bench_function(BenchmarkId::new("cipher", frame_length), |b| {
            b.iter(|| {
                let iv = Nonce::assume_unique_for_key([7; 12]);
                cipher.seal_in_place_separate_tag(iv, Aad::from(AAD), black_box(&mut text))
            });
        });
    }
}

fn open(c: &mut Criterion) {
    let mut group = c.benchmark_group("open");
    for frame_length in FRAME_LENGTHS {
        group.throughput(Throughput::Bytes(frame_length.into()));
        let mut sealer = sealer(frame_length);
        let opener = opener(&sealer);
        let mut sealed = vec![0; frame_length as usize + KIND.overhead()];
        let index = sealer.next_frame();
        sealer.seal_next(&mut sealed).expect("the frame has its size");
        group.bench_function(BenchmarkId::new("frame", frame_length), |b| {
            b.iter_batched_ref(
                || sealed.clone(),
                |frame| {
                    opener
                        .open_frame(index, KIND, frame)
                        .map(|text| text.len())
                        .expect("the frame verifies")
                },
                BatchSize::LargeInput,
            );
        });

        let cipher = cipher();
        let mut text = vec![0; frame_length as usize];
        let iv = || Nonce::assume_unique_for_key([7; 12]);
        let tag = cipher
            .seal_in_place_separate_tag(iv(), Aad::from(AAD), &mut text)
            .expect("it fits AES-GCM");
        group.bench_function(BenchmarkId::new("cipher", frame_length), |b| {
            b.iter_batched_ref(
                || text.clone(),
                |text| {
                    let opened = cipher.open_in_place_separate_tag(iv(), Aad::from(AAD), tag.as_ref(), text);
                    opened.map(|text| text.len()).expect("the text verifies")
                },
                BatchSize::LargeInput,
            );
        });
    }
}

fn data_key() -> DataKey {
    DataKey::from_slice(&[1; 32]).expect("32 bytes")
}

fn sealer(frame_length: u32) -> Sealer {
    let wrapped = EncryptedDataKey {
        provider_id: "aws-kms".into(),
        provider_info: "arn:aws:kms:us-east-1:111122223333:key/example".into(),
        ciphertext: vec![1; 184],
    };
    let frame_length = FrameLength::new(frame_length).expect("within the profile");
    Sealer::new(
        &data_key(),
        MessageId::random(),
        frame_length,
        &EncryptionContext::default(),
        &[wrapped],
    )
    .expect("one short key and no context")
}

fn opener(sealer: &Sealer) -> Opener {
    UnverifiedHeader::parse(sealer.header())
        .and_then(|header| header.authenticate(&data_key()))
        .expect("the sealer wrote the header")
}

fn cipher() -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[1; 32]).expect("32 bytes"))
}

criterion_group!(benches, seal, open);
criterion_main!(benches);
