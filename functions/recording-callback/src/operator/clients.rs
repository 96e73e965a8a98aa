//! The clients that an operator's commands use.

use aws_config::SdkConfig;
use vault::{Bucket, Catalog, DeletionNotices, Eraser, PendingDeletions, Reader};

use crate::{
    config::OperatorConfig,
    queues::Queue,
    schedules::{Deletions, Schedules},
    twilio_account::TwilioAccount,
};

pub(super) struct Clients {
    pub(super) twilio: TwilioAccount,
    pub(super) catalog: Catalog,
    pub(super) reader: Reader,
    pub(super) eraser: Eraser,
    pub(super) deletion_notices: DeletionNotices,
    pub(super) pending_deletions: PendingDeletions,
    pub(super) copies: Queue,
    pub(super) schedules: Schedules,
    /// Unset, originals stay at Twilio.
    pub(super) deletions: Option<Deletions>,
}

impl Clients {
    pub(super) fn new(aws: &SdkConfig, twilio: TwilioAccount, config: OperatorConfig) -> Self {
        let s3 = aws_sdk_s3::Client::new(aws);
        let bucket = Bucket::new(s3.clone(), &config.vault.bucket);
        Self {
            twilio,
            catalog: Catalog::new(bucket.clone()),
            eraser: Eraser::new(bucket.clone()),
            deletion_notices: DeletionNotices::new(bucket.clone()),
            pending_deletions: PendingDeletions::new(bucket),
            reader: Reader::new(s3, aws_sdk_kms::Client::new(aws), config.vault),
            copies: Queue::new(aws_sdk_sqs::Client::new(aws), config.copies_queue_url),
            schedules: Schedules::new(aws, config.schedules),
            deletions: config.deletion.map(|deletion| Deletions::new(aws, deletion)),
        }
    }
}
