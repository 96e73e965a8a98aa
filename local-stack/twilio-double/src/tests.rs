//! Tests of the double over real sockets.

use std::{path::Path, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Client, Method, RequestBuilder};
use tempfile::TempDir;

use super::{TwilioDouble, TwilioOptions};
use crate::wav;

mod control;
mod faults;
mod flex;
mod flex_sdk;
mod listening;
mod media;
mod openapi;
mod recordings;
mod routing;
mod tasks;

pub(super) const TASK: &str = "WT0123456789abcdef0123456789abcdef";
pub(super) const RECORDING: &str = "RE0123456789abcdef0123456789abcdef";

pub(super) fn options(recordings_dir: &Path) -> TwilioOptions {
    TwilioOptions {
        account_sid: "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
        auth_token: "the-auth-token".to_owned(),
        api_key_sid: "SKcccccccccccccccccccccccccccccccc".to_owned(),
        api_key_secret: "the-api-key-secret".to_owned(),
        workspace_sid: "WSbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb".to_owned(),
        flex_token: crate::flex_token!("the-flex-token").to_owned(),
        recordings_dir: recordings_dir.to_owned(),
    }
}

/// 8 kHz, 16 bits. Every sample differs from its neighbors, so that a misplaced byte is noticed.
pub(super) fn wav_of(channels: u16, seconds: u32) -> Vec<u8> {
    let data_len = wav::SAMPLE_RATE * u32::from(channels) * 2 * seconds;
    let mut file = wav::header(channels, data_len);
    file.extend((0..data_len).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8));
    file
}

/// A double with an empty folder, and a client for it.
pub(super) struct Bench {
    pub(super) double: TwilioDouble,
    pub(super) options: TwilioOptions,
    client: Client,
    folder: TempDir,
}

impl Bench {
    pub(super) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path());
        let double = TwilioDouble::start(options.clone()).await.unwrap();
        Self {
            double,
            options,
            client: Client::new(),
            folder,
        }
    }

    pub(super) fn record(&self, file: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join(file), bytes).unwrap();
    }

    /// `{AC}`, `{WS}`, `{RE}` and `{WT}` are replaced by the bench's SIDs. The request is authenticated with the API
    /// key.
    pub(super) fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.stranger(method, path)
            .basic_auth(&self.options.api_key_sid, Some(&self.options.api_key_secret))
    }

    /// The same, authenticated with the Auth Token.
    pub(super) fn master(&self, method: Method, path: &str) -> RequestBuilder {
        self.stranger(method, path)
            .basic_auth(&self.options.account_sid, Some(&self.options.auth_token))
    }

    pub(super) fn stranger(&self, method: Method, path: &str) -> RequestBuilder {
        let path = path
            .replace("{AC}", &self.options.account_sid)
            .replace("{WS}", &self.options.workspace_sid);
        let path = path.replace("{RE}", RECORDING).replace("{WT}", TASK);
        self.client.request(method, self.double.api_base() + &path)
    }

    pub(super) fn control(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.double.control_base() + path)
    }
}

/// The `Authorization` header of the Flex Insights Player.
pub(super) fn player_authorization(token: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("token:{token}")))
}

#[tokio::test]
async fn dropping_the_double_closes_both_ports() {
    let bench = Bench::new().await;
    let (api, control) = (bench.double.api_base(), bench.double.control_base());
    drop(bench.double);
    let closed = async {
        for base in [api, control] {
            // A task of the runtime closes the listener, soon but not at once.
            while Client::new().get(&base).send().await.is_ok() {}
        }
    };
    tokio::time::timeout(Duration::from_secs(60), closed)
        .await
        .expect("both ports are closed");
}
