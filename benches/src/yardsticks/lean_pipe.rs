//! *lean pipe*: a streaming copy from an HTTP source to S3 with our own HTTP client and SDK, and with requests that are
//! signed without the SHA-256 of their bytes, as ours are. S3 verifies a CRC32 of each part. The pipe does not encrypt,
//! hash, or check for an existing object. It reads one job per line from standard input.

use aws_sdk_s3::{
    primitives::ByteStream,
    types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart},
};
use bytes::{Bytes, BytesMut};
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::Failure;

/// The copier's sizes: parts of 8 MiB, four in transit while the fifth is filled.
const PART_LEN: usize = 8 << 20;
const IN_FLIGHT: usize = 4;

#[derive(Debug, Deserialize)]
struct Job {
    source: String,
    bucket: String,
    key: String,
}

/// Prints `ready`, and `done` after each job.
pub(crate) async fn run() -> Result<(), Failure> {
    let s3 = aws_sdk_s3::Client::new(&service::aws::sdk_config(service::aws::Timeouts::FOR_JOBS)?);
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
    println!("ready");
    for line in std::io::stdin().lines() {
        let job: Job = serde_json::from_str(&line?)?;
        copy(&s3, &http, &job).await?;
        println!("done");
    }
    Ok(())
}

async fn copy(s3: &aws_sdk_s3::Client, http: &reqwest::Client, job: &Job) -> Result<(), Failure> {
    let mut source = http.get(&job.source).send().await?.error_for_status()?;
    let created = s3
        .create_multipart_upload()
        .bucket(&job.bucket)
        .key(&job.key)
        .checksum_algorithm(ChecksumAlgorithm::Crc32)
        .send()
        .await?;
    let upload = Upload {
        s3: s3.clone(),
        bucket: job.bucket.clone(),
        key: job.key.clone(),
        id: created.upload_id.ok_or("an upload without an id")?,
    };
    let mut parts = JoinSet::new();
    let mut done = Vec::new();
    let mut number = 1;
    let mut filling = BytesMut::with_capacity(PART_LEN);
    loop {
        let chunk = source.chunk().await?;
        let is_end = chunk.is_none();
        let mut chunk = chunk.unwrap_or_default();
        while !chunk.is_empty() {
            let take = chunk.len().min(PART_LEN - filling.len());
            filling.extend_from_slice(&chunk.split_to(take));
            if filling.len() == PART_LEN {
                if parts.len() == IN_FLIGHT {
                    done.extend(parts.join_next().await.transpose()?.transpose()?);
                }
                parts.spawn(upload.clone().put(number, filling.split().freeze()));
                filling.reserve(PART_LEN);
                number += 1;
            }
        }
        if is_end {
            break;
        }
    }
    parts.spawn(upload.clone().put(number, filling.freeze()));
    while let Some(part) = parts.join_next().await {
        done.push(part??);
    }
    upload.complete(done).await
}

#[derive(Clone, Debug)]
struct Upload {
    s3: aws_sdk_s3::Client,
    bucket: String,
    key: String,
    id: String,
}

impl Upload {
    async fn put(self, number: i32, bytes: Bytes) -> Result<CompletedPart, Failure> {
        let answer = self
            .s3
            .upload_part()
            .bucket(self.bucket)
            .key(self.key)
            .upload_id(self.id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(bytes))
            .customize()
            .disable_payload_signing()
            .send()
            .await?;
        Ok(CompletedPart::builder()
            .part_number(number)
            .set_e_tag(answer.e_tag)
            .build())
    }

    async fn complete(self, mut parts: Vec<CompletedPart>) -> Result<(), Failure> {
        parts.sort_by_key(CompletedPart::part_number);
        self.s3
            .complete_multipart_upload()
            .bucket(self.bucket)
            .key(self.key)
            .upload_id(self.id)
            .multipart_upload(CompletedMultipartUpload::builder().set_parts(Some(parts)).build())
            .send()
            .await?;
        Ok(())
    }
}
