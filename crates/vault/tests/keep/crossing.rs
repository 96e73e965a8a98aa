//! Compactions and erasures at the same time, in any order, and killed between any two requests.

use std::sync::Arc;

use proptest::prelude::*;
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use vault::{Bucket, Compactor, Eraser, catalog_file_key};

use super::compaction::{compact, named, record};
use crate::support::{World, day, proxy::Proxy, receipt, recording};

/// The operations that a compaction or an erasure sends.
const OPERATIONS: [&str; 7] = [
    "DeleteObject",
    "GetObject",
    "HeadObject",
    "ListMultipartUploads",
    "ListObjectVersions",
    "ListObjects",
    "PutObject",
];

/// More requests of one operation than a process sends.
const MOST: usize = 24;

/// The recordings of the day. The first two are erased.
const RECORDINGS: [u32; 3] = [1, 2, 3];

/// The processes: two erasures and a compaction.
const COMPACTION: usize = 2;
const PROCESSES: usize = 3;

/// A step of the schedule.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// The process sends its next request and S3 answers it. A process that does not run is started.
    Proceed(usize),
    /// The process is killed before its next request.
    Kill(usize),
}

/// A process whose requests wait until they are let through.
struct Process {
    task: JoinHandle<()>,
    permits: Arc<Semaphore>,
    answered: mpsc::UnboundedReceiver<()>,
    _proxy: Proxy,
}

impl Process {
    async fn start(world: &World, which: usize) -> Self {
        let proxy = Proxy::start(&world.endpoint).await;
        let permits = Arc::new(Semaphore::new(0));
        let (answer, answered) = mpsc::unbounded_channel();
        for operation in OPERATIONS {
            for nth in 0..MOST {
                let (permits, answer) = (Arc::clone(&permits), answer.clone());
                proxy.before(operation, nth, async move { permits.acquire().await.unwrap().forget() });
                proxy.after(operation, nth, async move { answer.send(()).unwrap_or_default() });
            }
        }
        let bucket = world.bucket_at(proxy.endpoint());
        Self {
            task: tokio::spawn(run(bucket, which)),
            permits,
            answered,
            _proxy: proxy,
        }
    }

    /// Lets one request through. Returns whether the process has ended.
    async fn proceed(&mut self) -> bool {
        if self.task.is_finished() {
            return true;
        }
        self.permits.add_permits(1);
        tokio::select! {
            ended = &mut self.task => { ended.unwrap(); true }
            _ = self.answered.recv() => false,
        }
    }

    async fn finish(self) {
        if !self.task.is_finished() {
            self.permits.add_permits(10_000);
        }
        self.task.await.unwrap();
    }
}

async fn run(bucket: Bucket, which: usize) {
    if which == COMPACTION {
        compact(&Compactor::new(bucket)).await;
    } else {
        let (eraser, recording) = (Eraser::new(bucket), recording(RECORDINGS[which]));
        let marked = eraser.mark(&recording).await.unwrap();
        marked.remove().await.unwrap();
        marked.remove_record().await.unwrap();
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..PROCESSES).prop_map(Step::Proceed),
        12 => Just(Step::Proceed(COMPACTION)),
        1 => (0..PROCESSES).prop_map(Step::Kill),
    ]
}

/// Runs a schedule, then lets every process end. A killed erasure is repeated, as its operator does.
async fn trial(steps: &[Step], has_file: bool) {
    let world = World::start_versioned().await;
    record(&world, day(1), &RECORDINGS).await;
    if has_file {
        run(world.direct_bucket(), COMPACTION).await;
    }
    let mut processes: [Option<Process>; PROCESSES] = [None, None, None];
    let (mut done, mut killed_compaction) = ([false; PROCESSES], false);
    for step in steps {
        match *step {
            Step::Proceed(which) if which == COMPACTION || !done[which] => {
                if processes[which].is_none() {
                    processes[which] = Some(Process::start(&world, which).await);
                }
                if processes[which].as_mut().unwrap().proceed().await {
                    (processes[which], done[which]) = (None, true);
                }
            }
            Step::Proceed(_) => {}
            Step::Kill(which) => {
                if let Some(process) = processes[which].take() {
                    process.task.abort();
                    killed_compaction |= which == COMPACTION;
                }
            }
        }
    }
    for which in 0..PROCESSES {
        match processes[which].take() {
            Some(process) => process.finish().await,
            None if which != COMPACTION && !done[which] => run(world.direct_bucket(), which).await,
            None => {}
        }
    }

    let erased = [recording(1), recording(2)];
    if !killed_compaction {
        let lines = named(&world, day(1)).await.unwrap_or_default();
        assert!(
            erased.iter().all(|one| !lines.contains(one)),
            "no process was killed: {lines:?}"
        );
    }
    run(world.direct_bucket(), COMPACTION).await;
    assert_eq!(named(&world, day(1)).await, Some(vec![recording(3)]));
    let file = world.object(&catalog_file_key(day(1))).await.unwrap();
    assert_eq!(file, (receipt(3, day(1)).to_json() + "\n").into_bytes());
    assert_eq!(world.versions(&catalog_file_key(day(1))).await.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn no_file_names_an_erased_recording_after_a_compaction(
        steps in prop::collection::vec(step(), 0..80),
        has_file in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(trial(&steps, has_file));
    }
}

/// The crossing for which the compaction looks for marks after it has written: an erasure between its reading and its writing.
#[tokio::test]
async fn an_erasure_between_the_reading_and_the_writing_of_a_file_leaves_no_line() {
    for has_file in [false, true] {
        for before in 1..12 {
            let mut steps = vec![Step::Proceed(COMPACTION); before];
            steps.extend([Step::Proceed(0); 40]);
            trial(&steps, has_file).await;
        }
    }
}
