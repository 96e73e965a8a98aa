//! The whole service on one machine, without an AWS or Twilio account: the two real binaries behind a Lambda emulator,
//! AWS emulators, and a double of Twilio. The demo and the end-to-end tests run on it.
//!
//! ```text
//!  driver ──► front ──► Lambda emulator ◄── runtime API ◄── instances of the two binaries
//!               (limits)      ▲               (deadline)          │        │
//!                          poller ◄── SQS                       wire     Twilio double
//!                                                                 ▼
//!                                                   S3, KMS, SQS, Secrets Manager
//! ```
//!
//! The binaries have no test mode: they use the settings that they have on AWS. Where an emulator is less strict than
//! AWS, the stack is stricter. The [`front`](Stack::callback_url) and the poller give an instance one invocation at a
//! time, and end what AWS would end. A broken answer never looks complete.
//!
//! Everything listens on loopback only, on ports chosen at start.

mod account;
mod binaries;
mod callback;
mod deliveries;
mod emulator;
mod environment;
mod exchange;
mod front;
mod instances;
mod invocation;
mod invoking;
mod lambda_api;
mod ledger;
mod lineage;
mod media;
mod page;
mod poller;
mod ready;
mod resources;
mod role;
mod runtime_api;
mod schedules;
mod stack;
pub mod values;
mod voice_encryption;
mod wire;

pub use fault_proxy::{Fault, Mark};

pub use self::{
    account::Account,
    binaries::{Binaries, Build, BuildError},
    callback::Callback,
    emulator::EmulatorError,
    exchange::{Exchange, Exchanges, PublicRequest},
    invoking::Invoked,
    ledger::{Delivery, DeliveryState},
    resources::{Queue, Resources, Rotation},
    role::Role,
    schedules::{Fired, Schedule, ScheduleError},
    stack::{Stack, StackError, StackOptions},
    voice_encryption::EncryptedRecording,
    wire::{Call, Rule, Wire},
};
