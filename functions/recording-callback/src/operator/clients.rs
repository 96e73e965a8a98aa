//! The clients that an operator's commands use.

use aws_config::SdkConfig;
use service::secrets::Secrets;
use vault::{Bucket, Catalog, Compactor, DeletedOriginals, DeletionNotices, Eraser, PendingDeletions, Reader, Records};

use super::link::LinkMaker;
use crate::{
    config::OperatorConfig,
    queues::Queue,
    schedules::{Deletions, Schedules},
    twilio_account::TwilioAccount,
};

pub(super) struct Clients {
    pub(super) twilio: TwilioAccount,
    pub(super) catalog: Catalog,
    pub(super) compactor: Compactor,
    pub(super) reader: Reader,
    pub(super) records: Records,
    pub(super) eraser: Eraser,
    pub(super) deleted_originals: DeletedOriginals,
    pub(super) deletion_notices: DeletionNotices,
    pub(super) pending_deletions: PendingDeletions,
    pub(super) copies: Queue,
    pub(super) schedules: Schedules,
    /// Unset, originals stay at Twilio.
    pub(super) deletions: Option<Deletions>,
    /// Unset, no links are made.
    pub(super) links: Option<LinkMaker>,
}

impl Clients {
    pub(super) fn new(aws: &SdkConfig, twilio: TwilioAccount, config: OperatorConfig) -> Self {
        let s3 = aws_sdk_s3::Client::new(aws);
        let bucket = Bucket::new(s3.clone(), &config.vault.bucket);
        Self {
            twilio,
            catalog: Catalog::new(bucket.clone()),
            compactor: Compactor::new(bucket.clone()),
            records: Records::new(bucket.clone()),
            eraser: Eraser::new(bucket.clone()),
            deleted_originals: DeletedOriginals::new(bucket.clone()),
            deletion_notices: DeletionNotices::new(bucket.clone()),
            pending_deletions: PendingDeletions::new(bucket),
            reader: Reader::new(s3, aws_sdk_kms::Client::new(aws), config.vault),
            copies: Queue::new(aws_sdk_sqs::Client::new(aws), config.copies_queue_url),
            schedules: Schedules::new(aws, config.schedules),
            deletions: config.deletion.map(|deletion| Deletions::new(aws, deletion)),
            links: config.links.map(|links| LinkMaker::new(&Secrets::new(aws), links)),
        }
    }
}
