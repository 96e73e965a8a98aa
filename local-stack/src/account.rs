//! An AWS account and a Twilio account on this machine, into which the setup deploys a release.
//!
//! ```text
//!  setup.py ──► fault proxy ──► ministack (CloudFormation, S3, Lambda's API, Secrets Manager, …)
//!     │                            ▲
//!     ├──► Twilio double ◄──────── │ ─── instances of the deployed zips, with the deployed environments
//!     │                            │        ▲
//!     └──► tunnel (HTTPS) ─────────┴──► fronts, and pollers of the deployed queues
//! ```
//!
//! ministack deploys the functions but does not run them. The first connection to a deployed address starts them from
//! what CloudFormation has deployed. The tunnel is an HTTP proxy that serves the deployed `https` addresses, so that
//! neither the setup nor the functions need a switch for tests. Nothing else can be reached through it.

mod certificate;
mod deployed;
mod service;
mod tunnel;

use std::{fmt, path::Path, sync::Arc};

use aws_config::SdkConfig;
use fault_proxy::FaultProxy;
use loopback::Upstream;
use tokio::runtime::{self, Runtime};
use toolbox::{Ministack, workspace_root};
use twilio_double::TwilioDouble;

use self::{certificate::Certificate, service::Service};
use crate::{Callback, Role, StackError, resources, stack::state::State, values};

/// The accounts. They run on threads of their own. Dropping them ends every process and removes all state.
pub struct Account {
    ministack: Ministack,
    aws: FaultProxy<()>,
    aws_endpoint: String,
    twilio: TwilioDouble,
    proxy: String,
    certificate: Certificate,
    state: Arc<State>,
    /// Always present until the drop.
    runtime: Option<Runtime>,
}

impl Account {
    /// Starts empty accounts.
    ///
    /// # Errors
    /// The first part that could not be started.
    pub fn start() -> Result<Self, StackError> {
        let state = Arc::new(State::new(None)?);
        let ministack = Ministack::start_corrected(&workspace_root().join("local-stack/aws_account.py"))?;
        let runtime = runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let (certificate, acceptor) = Certificate::new(state.emulator())?;
        let aws = FaultProxy::new();
        let (aws_endpoint, twilio) = runtime.block_on(async {
            let endpoint = aws.open((), Upstream::new(ministack.port())).await?;
            let twilio = TwilioDouble::start(values::twilio_options(state.recordings())).await?;
            Ok::<_, StackError>((endpoint, twilio))
        })?;
        let service = Arc::new(Service::new(
            ministack.endpoint(),
            &twilio.api_base(),
            Arc::clone(&state),
        ));
        let proxy = runtime.block_on(tunnel::serve(acceptor, service))?;
        Ok(Self {
            ministack,
            aws,
            aws_endpoint,
            twilio,
            proxy,
            certificate,
            state,
            runtime: Some(runtime),
        })
    }

    /// The variables of a process that works in these accounts as on the internet.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let twilio = self.twilio.api_base();
        let authority = self.certificate.authority().to_string_lossy().into_owned();
        [
            ("AWS_ENDPOINT_URL", self.aws_endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", values::ACCESS_KEY_ID),
            ("AWS_SECRET_ACCESS_KEY", values::SECRET_ACCESS_KEY),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("TWILIO_API_BASE", &twilio),
            ("TWILIO_TASKROUTER_BASE", &twilio),
            ("TWILIO_FLEX_API_BASE", &twilio),
            ("HTTPS_PROXY", &self.proxy),
            ("NO_PROXY", "127.0.0.1,localhost"),
            ("SSL_CERT_FILE", &authority),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// The proxy between the setup and AWS, for faults.
    #[must_use]
    pub fn aws(&self) -> &FaultProxy<()> {
        &self.aws
    }

    /// The endpoint of every AWS service. It bypasses the proxy.
    #[must_use]
    pub fn aws_endpoint(&self) -> &str {
        self.ministack.endpoint()
    }

    /// A client configuration for the AWS account, which bypasses the proxy.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        resources::sdk_config(self.ministack.endpoint())
    }

    /// The Twilio account.
    #[must_use]
    pub fn twilio(&self) -> &TwilioDouble {
        &self.twilio
    }

    /// The folder in which a file `RE….wav` is a recording at Twilio.
    #[must_use]
    pub fn recordings_dir(&self) -> &Path {
        self.state.recordings()
    }

    /// The log so far of a function.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self, role: Role) -> std::io::Result<String> {
        self.state.read_log(role.name())
    }

    /// A client that reaches the deployed addresses as from the internet.
    ///
    /// # Errors
    /// When the certificate cannot be used.
    pub fn client(&self) -> reqwest::Result<reqwest::Client> {
        reqwest::Client::builder()
            .proxy(reqwest::Proxy::https(&self.proxy)?)
            .tls_certs_only([reqwest::Certificate::from_pem(self.certificate.pem().as_bytes())?])
            .build()
    }

    /// Posts a callback as Flex does after a call: to the webhook of its own configuration, with the task's SID in place
    /// of `{taskSid}`.
    ///
    /// # Errors
    /// When the webhook cannot be reached.
    ///
    /// # Panics
    /// When Flex's configuration has no webhook, because then Flex sends nothing.
    pub async fn call_back(&self, callback: &Callback, task_sid: &str) -> reqwest::Result<reqwest::Response> {
        let configuration = self.twilio.flex_configuration().unwrap_or_default();
        let webhook = configuration["call_recording_webhook_url"].as_str();
        let webhook = webhook.expect("Flex has a webhook").replace("{taskSid}", task_sid);
        // What follows are Twilio's own options for retries. It neither sends nor signs them.
        let url = webhook.split('#').next().unwrap_or_default();
        callback.post(&self.client()?, url, url).await
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // A test may drop the accounts in a runtime of its own, in which nothing may block.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("aws_endpoint", &self.aws_endpoint)
            .finish_non_exhaustive()
    }
}
