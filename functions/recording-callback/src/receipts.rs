//! Writes the receipts of stored recordings, and compares them with what is stored.

use service::telemetry::AUDIT;
use vault::{Receipt, RecordError, RecordedFrom, Records, ServiceError, Written};

/// What a reading of the whole recording showed of its receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// There was none, and it is written.
    Written,
    /// It describes the stored recording.
    Confirmed,
    /// The recording was erased meanwhile.
    Erased,
}

/// Why a recording has no receipt that describes it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiptFault {
    #[error("the receipt: {0}")]
    Unreadable(#[from] RecordError),
    #[error("the receipt: {0}")]
    NotWritten(#[from] ServiceError),
    /// The stored recording is not the one that the receipt describes. These are the names of the fields.
    #[error("it differs from its receipt: {}", .0.join(", "))]
    Differs(Vec<&'static str>),
}

impl ReceiptFault {
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Unreadable(error) => error.is_retryable(),
            Self::NotWritten(error) => error.is_retryable(),
            Self::Differs(_) => false,
        }
    }
}

/// Writes the receipt unless the recording has one, and adds it to the audit trail.
pub(crate) async fn write(records: &Records, receipt: &Receipt) -> Result<Written, ServiceError> {
    let written = records.write(receipt).await?;
    let outcome = match written {
        Written::New => "written",
        Written::Existing => "existing",
        Written::Erased => "erased",
    };
    tracing::info!(
        target: AUDIT,
        event = "receipt",
        outcome,
        recordingSid = %receipt.recording_sid,
        from = source(receipt.recorded_from),
        length = receipt.length,
        sha256 = receipt.sha256,
        "receipt"
    );
    Ok(written)
}

/// Compares a reading of the whole recording with its receipt, which is written if it is missing.
pub(crate) async fn confirm(records: &Records, read: &Receipt) -> Result<Recorded, ReceiptFault> {
    if let Some(existing) = records.read(&read.recording_sid).await? {
        return compare(&existing, read);
    }
    match write(records, read).await? {
        Written::New => Ok(Recorded::Written),
        Written::Erased => Ok(Recorded::Erased),
        // Another process was faster.
        Written::Existing => match records.read(&read.recording_sid).await? {
            Some(existing) => compare(&existing, read),
            None => Ok(Recorded::Erased),
        },
    }
}

/// Compares what the stored recording shows. Its version, its ETag and the time of its copy change if the bucket is restored
/// from a backup. What made it suspect may have been seen after its metadata had been sent.
fn compare(existing: &Receipt, read: &Receipt) -> Result<Recorded, ReceiptFault> {
    let fields = [
        ("accountSid", existing.account_sid == read.account_sid),
        ("facts", existing.facts == read.facts),
        ("mediaType", existing.media_type == read.media_type),
        ("length", existing.length == read.length),
        ("sha256", existing.sha256 == read.sha256),
        ("kmsKeyArn", existing.kms_key_arn == read.kms_key_arn),
        ("headerSha256", existing.header_sha256 == read.header_sha256),
    ];
    let different: Vec<_> = fields
        .iter()
        .filter(|(_, is_same)| !is_same)
        .map(|(name, _)| *name)
        .collect();
    if different.is_empty() {
        Ok(Recorded::Confirmed)
    } else {
        Err(ReceiptFault::Differs(different))
    }
}

const fn source(from: RecordedFrom) -> &'static str {
    match from {
        RecordedFrom::Copy => "copy",
        RecordedFrom::Reading => "reading",
    }
}
