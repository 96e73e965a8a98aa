//! The fault proxy with the one role that the vault has, and operations counted from 0.

use std::{
    ops::Range,
    sync::{Mutex, MutexGuard},
};

pub use fault_proxy::Fault;
use fault_proxy::{FaultProxy, Mark, Rule};
use loopback::Upstream;

/// One request, whether it was answered or not.
pub type Call = fault_proxy::Call<()>;

/// A GET of an object's last bytes counts as an operation of its own, because a cold open sends two GETs at once and they
/// arrive in any order.
const SUFFIX: &str = "GetObjectSuffix";

/// The proxy in front of the emulator.
pub struct Proxy {
    endpoint: String,
    proxy: FaultProxy<()>,
    since: Mutex<Mark>,
}

impl Proxy {
    pub async fn start(upstream: &str) -> Self {
        let proxy = FaultProxy::new();
        let upstream = Upstream::at(upstream).unwrap();
        Self {
            endpoint: proxy.open((), upstream).await.unwrap(),
            since: Mutex::new(proxy.mark()),
            proxy,
        }
    }

    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// From now on, the `nth` requests of `operation` meet `fault`. They are counted from 0, without those that an earlier
    /// fault hits. `0..usize::MAX` is all of them.
    pub fn inject(&self, operation: &str, nth: Range<usize>, fault: Fault) {
        let rule = rule(operation, nth.start, fault).times(nth.len() as u64);
        self.proxy.inject(rule);
    }

    /// Awaits `hook` before the `nth` (0-based, from now) request of `operation` is forwarded.
    pub fn before(&self, operation: &str, nth: usize, hook: impl Future<Output = ()> + Send + 'static) {
        self.proxy.before(rule(operation, nth, Box::pin(hook)));
    }

    /// Awaits `hook` between the service's answer to the `nth` (0-based, from now) request of `operation` and its
    /// forwarding.
    pub fn after(&self, operation: &str, nth: usize, hook: impl Future<Output = ()> + Send + 'static) {
        self.proxy.after(rule(operation, nth, Box::pin(hook)));
    }

    /// Waits until the client has closed the connection before the end of an answer.
    pub async fn abandoned(&self) {
        self.proxy.answer_abandoned().await;
    }

    /// Removes all faults.
    pub fn heal(&self) {
        self.proxy.clear_faults();
    }

    /// All requests, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        let mut calls = self.proxy.since(*self.since());
        for call in &mut calls {
            if call.has_suffix_range() {
                SUFFIX.clone_into(&mut call.operation);
            }
        }
        calls
    }

    /// The number of requests of `operation`, including faults and retries.
    pub fn count(&self, operation: &str) -> usize {
        self.calls().iter().filter(|call| call.operation == operation).count()
    }

    /// Forgets the requests so far.
    pub fn forget_calls(&self) {
        *self.since() = self.proxy.mark();
    }

    fn since(&self) -> MutexGuard<'_, Mark> {
        self.since.lock().unwrap()
    }
}

fn rule<E>(operation: &str, nth: usize, effect: E) -> Rule<(), E> {
    let rule = match operation {
        SUFFIX => Rule::new("s3", "GetObject", effect).when(Call::has_suffix_range),
        "GetObject" => Rule::new("s3", "GetObject", effect).when(|call| !call.has_suffix_range()),
        "Decrypt" | "GenerateDataKey" => Rule::new("kms", operation, effect),
        "CompleteMultipartUpload"
        | "CreateMultipartUpload"
        | "DeleteObject"
        | "HeadObject"
        | "ListMultipartUploads"
        | "ListObjectVersions"
        | "ListObjects"
        | "AbortMultipartUpload"
        | "PutObject"
        | "UploadPart" => Rule::new("s3", operation, effect),
        _ => panic!("no operation {operation}"),
    };
    rule.nth(nth as u64 + 1)
}
