//! The stack as a whole: started, asked for its parts, stopped by dropping it.

mod error;
mod functions;
mod options;
mod parts;
mod start;
mod state;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
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

/// The local stack. It lives on threads of its own, independent of the runtime that started it or uses it; dropping it
/// ends every process and removes its state, unless that lies in a named folder.
pub struct Stack {
    parts: Parts,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How long tasks of the stack may take to notice its end.
const SHUTDOWN_BOUND: Duration = Duration::from_secs(2);

impl Stack {
    /// Installs what's missing, builds the functions, starts everything and waits until it's ready. Blocks, for minutes
    /// if everything must be compiled; says on stderr what takes long.
    ///
    /// # Errors
    /// The first thing that couldn't be had, with the end of its log if it has one.
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
                    // Either a word or the sender's end: both mean stop.
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

    /// Where to POST callbacks.
    #[must_use]
    pub fn callback_url(&self) -> String {
        format!("{}{}", self.parts.callback_base, values::CALLBACK_PATH)
    }

    /// The URL that a callback's signature is made over.
    #[must_use]
    pub fn public_callback_url(&self) -> String {
        format!("{}{}", values::PUBLIC_BASE_URL, values::CALLBACK_PATH)
    }

    /// The root of the playback function's URL, without a slash at the end.
    #[must_use]
    pub fn playback_url(&self) -> &str {
        &self.parts.playback_base
    }

    /// A page that does what the Insights Player does, for a browser on this machine.
    #[must_use]
    pub fn page_url(&self) -> String {
        format!("{}/", self.parts.page_base)
    }

    /// The endpoint of every AWS service: direct, past the [wire](Self::wire).
    #[must_use]
    pub fn aws_endpoint(&self) -> &str {
        &self.parts.aws_endpoint
    }

    /// The endpoint of Lambda's Invoke API, by which every function but playback is reached under its role's name: what
    /// `--endpoint-url` takes.
    #[must_use]
    pub fn lambda_endpoint(&self) -> &str {
        &self.parts.lambda_endpoint
    }

    /// What was made in the emulated AWS account.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.parts.resources
    }

    /// The Twilio double.
    #[must_use]
    pub fn twilio(&self) -> &TwilioDouble {
        &self.parts.twilio
    }

    /// Every call of the functions to AWS, and the faults of those to come.
    #[must_use]
    pub fn wire(&self) -> &Wire {
        &self.parts.wire
    }

    /// Every request to the callback's and the playback function's addresses, and how it was answered.
    #[must_use]
    pub fn exchanges(&self) -> &Exchanges {
        &self.parts.exchanges
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.parts.ledger
    }

    /// Where a file `RE….wav` or `RE….mp3` is a recording at Twilio.
    #[must_use]
    pub fn recordings_dir(&self) -> &Path {
        self.parts.state.recordings()
    }

    /// The process ids of a role's instances; none for a role that the [options](StackOptions::queues) leave out.
    #[must_use]
    pub fn process_ids(&self, role: Role) -> Vec<u32> {
        self.parts
            .functions
            .get(&role)
            .map(|instances| instances.process_ids())
            .unwrap_or_default()
    }

    /// A file of the settings of the webhook's or the playback's binary, for `cargo lambda watch --env-file`.
    #[must_use]
    pub fn settings_file(&self, role: Role) -> PathBuf {
        self.parts.state.settings(role.package())
    }

    /// What the instances of a role have logged so far.
    pub fn log(&self, role: Role) -> io::Result<String> {
        self.parts.state.read_log(role.name())
    }

    /// What all functions have logged so far, each under a heading.
    pub fn logs(&self) -> io::Result<String> {
        Role::ALL
            .iter()
            .map(|role| Ok(format!("== {role}\n{}", self.log(*role)?)))
            .collect()
    }

    /// A new S3 client, direct to the emulator. Its connections belong to the runtime that it's used on.
    #[must_use]
    pub fn s3(&self) -> aws_sdk_s3::Client {
        aws_sdk_s3::Client::new(&self.sdk_config())
    }

    /// A new KMS client, as [`s3`](Self::s3).
    #[must_use]
    pub fn kms(&self) -> aws_sdk_kms::Client {
        aws_sdk_kms::Client::new(&self.sdk_config())
    }

    /// A new SQS client, as [`s3`](Self::s3).
    #[must_use]
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk_config())
    }

    /// A new Scheduler client, as [`s3`](Self::s3).
    #[must_use]
    pub fn scheduler(&self) -> aws_sdk_scheduler::Client {
        aws_sdk_scheduler::Client::new(&self.sdk_config())
    }

    /// A new Secrets Manager client, as [`s3`](Self::s3).
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
