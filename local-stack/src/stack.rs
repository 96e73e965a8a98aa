//! The running stack and access to its parts.

mod error;
pub(crate) mod functions;
mod options;
mod parts;
pub(crate) mod start;
pub(crate) mod state;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::mpsc,
    thread::{self, JoinHandle},
    time::Duration,
};

use aws_config::SdkConfig;
use tokio::runtime;
use twilio_double::TwilioDouble;

use self::parts::Parts;
pub use self::{error::StackError, options::StackOptions};
use crate::{
    Role,
    exchange::Exchanges,
    ledger::Ledger,
    resources::{self, Resources},
    values,
    wire::Wire,
};

/// The local stack. It runs on threads of its own, independent of the runtime that starts or uses it. Dropping it ends
/// every process and removes its state, unless the state is in a named folder.
pub struct Stack {
    parts: Parts,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How long the stack's tasks may take to notice its end.
const SHUTDOWN_BOUND: Duration = Duration::from_secs(2);

impl Stack {
    /// Installs what is missing, builds the functions, starts everything and waits until it is ready. It blocks for
    /// minutes if everything must be compiled, and reports slow steps on stderr.
    ///
    /// # Errors
    /// The first part that could not be started, with the end of its log if it has one.
    pub fn start(options: StackOptions) -> Result<Self, StackError> {
        let (stop, stopped) = mpsc::channel();
        let (ready, started) = mpsc::channel();
        let thread = thread::Builder::new().name("local-stack".to_owned()).spawn(move || {
            let runtime = match runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
            {
                Ok(runtime) => runtime,
                Err(error) => return drop(ready.send(Err(error.into()))),
            };
            match runtime.block_on(start::start(&options)) {
                Ok((parts, processes)) => {
                    let _ = ready.send(Ok(parts));
                    // A message and a dropped sender both mean stop.
                    let _ = stopped.recv();
                    drop(processes);
                    runtime.shutdown_timeout(SHUTDOWN_BOUND);
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        })?;
        let parts = started.recv().map_err(|_| StackError::Panicked)??;
        Ok(Self {
            parts,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// The URL for callbacks.
    #[must_use]
    pub fn callback_url(&self) -> String {
        format!("{}{}", self.parts.callback_base, values::CALLBACK_PATH)
    }

    /// The URL that a callback's signature covers.
    #[must_use]
    pub fn public_callback_url(&self) -> String {
        format!("{}{}", values::PUBLIC_BASE_URL, values::CALLBACK_PATH)
    }

    /// The root of the playback function's URL, without a slash at the end.
    #[must_use]
    pub fn playback_url(&self) -> &str {
        &self.parts.playback_base
    }

    /// A page that works like the Insights Player, for a browser on this machine.
    #[must_use]
    pub fn page_url(&self) -> String {
        format!("{}/", self.parts.page_base)
    }

    /// The endpoint of every AWS service. It bypasses the [wire](Self::wire).
    #[must_use]
    pub fn aws_endpoint(&self) -> &str {
        &self.parts.aws_endpoint
    }

    /// The endpoint of Lambda's Invoke API, as for `--endpoint-url`. It reaches every function except playback under
    /// the name of its role.
    #[must_use]
    pub fn lambda_endpoint(&self) -> &str {
        &self.parts.lambda_endpoint
    }

    /// The resources in the emulated AWS account.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.parts.resources
    }

    /// The Twilio double.
    #[must_use]
    pub fn twilio(&self) -> &TwilioDouble {
        &self.parts.twilio
    }

    /// Every call of the functions to AWS, and the faults for future calls.
    #[must_use]
    pub fn wire(&self) -> &Wire {
        &self.parts.wire
    }

    /// Every request to the addresses of the callback and the playback function, with its answer.
    #[must_use]
    pub fn exchanges(&self) -> &Exchanges {
        &self.parts.exchanges
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.parts.ledger
    }

    /// The folder in which a file `RE….wav` or `RE….mp3` is a recording at Twilio.
    #[must_use]
    pub fn recordings_dir(&self) -> &Path {
        self.parts.state.recordings()
    }

    /// The process ids of a role's instances. Empty for a role that the [options](StackOptions::queues) exclude.
    #[must_use]
    pub fn process_ids(&self, role: Role) -> Vec<u32> {
        self.parts
            .functions
            .get(&role)
            .map(|instances| instances.process_ids())
            .unwrap_or_default()
    }

    /// A file with the settings of the webhook's or the playback's binary, for `cargo lambda watch --env-file`.
    #[must_use]
    pub fn settings_file(&self, role: Role) -> PathBuf {
        self.parts.state.settings(role.package())
    }

    /// The folder with a log file for each role.
    #[must_use]
    pub fn logs_dir(&self) -> &Path {
        self.parts.state.logs()
    }

    /// The log so far of a role's instances.
    pub fn log(&self, role: Role) -> io::Result<String> {
        self.parts.state.read_log(role.name())
    }

    /// The log so far of all functions, each under a heading.
    pub fn logs(&self) -> io::Result<String> {
        Role::ALL
            .iter()
            .map(|role| Ok(format!("== {role}\n{}", self.log(*role)?)))
            .collect()
    }

    /// A new S3 client, which bypasses the wire. Its connections belong to the runtime that uses it.
    #[must_use]
    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&self.sdk_config())
    }

    /// A new KMS client, like [`s3`](Self::s3).
    #[must_use]
    pub fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.sdk_config())
    }

    /// A new SQS client, like [`s3`](Self::s3).
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk_config())
    }

    /// A new Scheduler client, like [`s3`](Self::s3).
    #[must_use]
    pub fn scheduler(&self) -> aws_sdk_scheduler::Client {
        aws_sdk_scheduler::Client::new(&self.sdk_config())
    }

    /// A new Secrets Manager client, like [`s3`](Self::s3).
    #[must_use]
    pub fn secrets(&self) -> aws_sdk_secretsmanager::Client {
        aws_sdk_secretsmanager::Client::new(&self.sdk_config())
    }

    /// A client configuration for the emulated AWS account.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        resources::sdk_config(&self.parts.aws_endpoint)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack")
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}
