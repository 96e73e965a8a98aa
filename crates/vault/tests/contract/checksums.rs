//! Checksums: S3 refuses bytes that were damaged in transit.

use crate::{
    expectation::{Expectation, Observed, expectations, said},
    multipart::Upload,
    server::Server,
};

pub(crate) const EXPECTATIONS: &[Expectation] = expectations![
    put_with_a_wrong_checksum,
    part_with_a_wrong_checksum,
    part_checksum_is_reported,
    complete_with_a_wrong_part_checksum,
];

/// A CRC-32 that none of the bodies here has.
const WRONG: &str = "AAAAAA==";

/// S3 computes the checksum of the received bytes, and stores nothing if it differs from the one in the request:
/// `BadDigest`.
///
/// Amazon S3 User Guide, "Checking object integrity for data uploads"; API Reference, "Error responses"; PutObject.
async fn put_with_a_wrong_checksum(server: &Server) -> Observed {
    let request = server.put(&server.free_key(), b"body").checksum_crc32(WRONG);
    Observed::new("400 BadDigest", said(&request.send().await))
}

/// The same applies to a part.
///
/// Amazon S3 User Guide, "Checking object integrity for data uploads"; API Reference, "Error responses"; UploadPart.
async fn part_with_a_wrong_checksum(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let request = upload.part_request(1, b"body").checksum_crc32(WRONG);
    Observed::new("400 BadDigest", said(&request.send().await))
}

/// The reply to UploadPart has `x-amz-checksum-crc32`, the "Base64 encoded, 32-bit CRC32 checksum of the part", when
/// the upload was created with that algorithm. CRC-32 of `123456789` is cbf43926 (the check value of CRC catalogues).
///
/// Amazon S3 API Reference, "UploadPart" and "CreateMultipartUpload".
async fn part_checksum_is_reported(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let part = upload.part(1, b"123456789").await;
    Observed::new("y/Q5Jg==", part.checksum_crc32.unwrap_or_else(|| "nothing".to_owned()))
}

/// CompleteMultipartUpload does not accept a part whose checksum differs from the one in the request: `InvalidPart`.
///
/// Amazon S3 User Guide, "Tutorial: Upload an object through multipart upload and verify its data integrity"; API
/// Reference, "CompleteMultipartUpload".
async fn complete_with_a_wrong_part_checksum(server: &Server) -> Observed {
    let upload = Upload::start(server).await;
    let mut part = upload.part(1, b"body").await;
    part.checksum_crc32 = Some(WRONG.to_owned());
    Observed::new("400 InvalidPart", said(&upload.complete([part]).await))
}
