//! The time that each API takes to answer, and the rate at which Twilio sends media.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use super::Api;

#[derive(Debug, Default)]
pub(super) struct Waits {
    microseconds: [AtomicU64; Api::ALL.len()],
    /// Bytes a second; zero is the speed of loopback.
    media_rate: AtomicU64,
}

impl Waits {
    pub(super) fn set(&self, api: Api, wait: Duration) {
        self.microseconds[api as usize].store(wait.as_micros() as u64, Ordering::Relaxed);
    }

    pub(super) async fn elapse(&self, api: Api) {
        let wait = Duration::from_micros(self.microseconds[api as usize].load(Ordering::Relaxed));
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    pub(super) fn set_media_rate(&self, bytes_per_s: u64) {
        self.media_rate.store(bytes_per_s, Ordering::Relaxed);
    }

    pub(super) fn media_rate(&self) -> u64 {
        self.media_rate.load(Ordering::Relaxed)
    }
}
