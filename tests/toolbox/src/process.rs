//! Child processes that never outlive their owner.

use std::{
    fs::OpenOptions,
    io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::sync::watch;

use crate::{guardian::Guardian, wait_for_tcp};

/// The reason why a process is not available.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// It could not be started, or its log could not be opened.
    #[error("cannot start {name}: {source}")]
    NotStarted {
        /// The process's name.
        name: String,
        /// The system's error.
        source: io::Error,
    },
    /// It ended before it was ready, or did not listen in time.
    #[error("{name} did not come up: {reason}; its log is {}", log.display())]
    NotReady {
        /// The process's name.
        name: String,
        /// The observed state.
        reason: String,
        /// The log file.
        log: PathBuf,
    },
}

/// A running child in its own process group. The whole group is killed on drop, and also if this process ends in any
/// other way. The child's output goes to a log file.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    group: Pid,
    /// Whether `group` still identifies our processes. The lock is held during a kill, so that a number that the system
    /// has reused is never killed.
    alive: Arc<Mutex<bool>>,
    exit: watch::Receiver<Option<ExitStatus>>,
    /// The thread that waits for the child. It is always present until the drop.
    waiting: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a command without standard input. Its stdout and stderr are appended to `log`.
    pub fn start(name: &str, mut command: Command, log: PathBuf) -> Result<Self, ProcessError> {
        let started = || -> io::Result<(Child, Pid)> {
            let guardian = Guardian::get()?;
            let output = OpenOptions::new().create(true).append(true).open(&log)?;
            let child = command
                .stdin(Stdio::null())
                .stdout(output.try_clone()?)
                .stderr(output)
                .process_group(0)
                .spawn()?;
            let group = Pid::from_child(&child);
            guardian.watch(group)?;
            Ok((child, group))
        }();
        let (child, group) = started.map_err(|source| ProcessError::NotStarted {
            name: name.to_owned(),
            source,
        })?;

        let alive = Arc::new(Mutex::new(true));
        let (exited, exit) = watch::channel(None);
        let waiting = thread::spawn({
            let alive = Arc::clone(&alive);
            move || wait(child, group, &alive, &exited)
        });
        Ok(Self {
            name: name.to_owned(),
            log,
            group,
            alive,
            exit,
            waiting: Some(waiting),
        })
    }

    /// Waits until the process listens on a loopback port.
    ///
    /// # Errors [`ProcessError::NotReady`] if the process ends first or the time is up.
    pub fn wait_for_tcp(&self, port: u16, bound: Duration) -> Result<(), ProcessError> {
        let deadline = Instant::now() + bound;
        let reason = loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let listening = wait_for_tcp(port, left.min(Duration::from_millis(100)));
            match (*self.exit.borrow(), listening) {
                // If a server answers on the port, it is not this process.
                (Some(status), _) => break format!("it ended with {status}"),
                (None, Ok(())) => return Ok(()),
                (None, Err(error)) if left.is_zero() => break error.to_string(),
                (None, Err(_)) => {}
            }
        };
        Err(ProcessError::NotReady {
            name: self.name.clone(),
            reason,
            log: self.log.clone(),
        })
    }

    /// The process's id, which is also the id of its group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.group.as_raw_nonzero().get().unsigned_abs()
    }

    /// Resolves when the process has ended for any reason.
    pub fn exited(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut exit = self.exit.clone();
        async move {
            // An error means that the waiting thread is gone. The thread ends only after the process.
            let _ = exit.wait_for(Option::is_some).await;
        }
    }

    /// Whether the process is still running.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.exit.borrow().is_none()
    }

    /// Kills the process and everything that it started. Returns at once. See [`Process::exited`].
    pub fn kill(&self) {
        let alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        if *alive {
            // The only possible error is that the group has just ended.
            let _ = kill_process_group(self.group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if let Some(waiting) = self.waiting.take() {
            // After some milliseconds, neither the process nor a zombie is left. A panic of the thread was already
            // reported.
            let _ = waiting.join();
        }
    }
}

/// Waits for the leader of a group without reaping it, so that the group's number stays reserved. Then it kills the
/// rest of the group, and finally releases the number.
fn wait(mut child: Child, group: Pid, alive: &Mutex<bool>, exited: &watch::Sender<Option<ExitStatus>>) {
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(group), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {
    }
    let mut alive = alive.lock().unwrap_or_else(PoisonError::into_inner);
    let _ = kill_process_group(group, Signal::KILL);
    if let Ok(guardian) = Guardian::get() {
        // If the guardian is gone, there is nobody to inform.
        let _ = guardian.release(group);
    }
    let status = child.wait().unwrap_or_default();
    *alive = false;
    exited.send_replace(Some(status));
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Read};

    use super::*;
    use crate::Scratch;

    fn shell(script: &str, scratch: &Scratch) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Process::start("shell", command, scratch.path().join("shell.log")).unwrap()
    }

    fn is_gone(id: i32) -> bool {
        // A zombie that is not reaped yet no longer runs.
        fs::read_to_string(format!("/proc/{id}/stat")).map_or(true, |stat| stat.contains(") Z "))
    }

    fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
        for _ in 0..500 {
            if holds() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("timed out waiting for {what}");
    }

    fn read(path: &std::path::Path) -> String {
        fs::read_to_string(path).unwrap_or_default()
    }

    #[tokio::test]
    async fn output_goes_to_the_log_and_the_end_is_seen() {
        let scratch = Scratch::new().unwrap();
        let process = shell("echo out; echo err >&2; exit 3", &scratch);
        process.exited().await;
        assert!(!process.is_running());
        assert_eq!(read(&scratch.path().join("shell.log")), "out\nerr\n");
    }

    #[test]
    fn dropping_kills_the_grandchildren_too() {
        let scratch = Scratch::new().unwrap();
        let log = scratch.path().join("shell.log");
        let process = shell("sleep 1000 & echo $!; wait", &scratch);
        eventually("the grandchild's id", || read(&log).ends_with('\n'));
        let grandchild: i32 = read(&log).trim().parse().unwrap();
        assert!(!is_gone(grandchild));

        drop(process);

        eventually("the grandchild's end", || is_gone(grandchild));
    }

    #[test]
    fn a_process_that_ends_instead_of_listening_is_recognized() {
        let scratch = Scratch::new().unwrap();
        let process = shell("exit 7", &scratch);
        eventually("the end", || !process.is_running());
        let error = process
            .wait_for_tcp(crate::free_port().unwrap(), Duration::from_secs(3600))
            .unwrap_err();
        assert!(error.to_string().contains("ended with exit status: 7"), "{error}");
    }

    /// The owner is this test binary itself. It runs again with an environment variable and is killed with SIGKILL.
    #[test]
    fn a_killed_owner_leaves_neither_children_nor_folders() {
        const ROLE: &str = "TOOLBOX_TEST_OWNER";
        if std::env::var_os(ROLE).is_some() {
            let scratch = Scratch::new().unwrap();
            let child = shell("sleep 1000", &scratch);
            println!("owned {} {}", child.id(), scratch.path().display());
            thread::sleep(Duration::from_secs(1000));
        }

        let mut owner = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "process::tests::a_killed_owner_leaves_neither_children_nor_folders",
                "--nocapture",
            ])
            .env(ROLE, "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut printed = String::new();
        let mut output = owner.stdout.take().unwrap();
        while !(printed.contains("owned ") && printed.ends_with('\n')) {
            let mut byte = [0];
            output.read_exact(&mut byte).unwrap();
            printed.push(char::from(byte[0]));
        }
        let owned = printed.lines().last().unwrap().split_once("owned ").unwrap().1;
        let (child, folder) = owned.split_once(' ').unwrap();
        let child: i32 = child.parse().unwrap();
        assert!(!is_gone(child));

        owner.kill().unwrap();
        owner.wait().unwrap();

        eventually("the child's end", || is_gone(child));
        eventually("the folder's end", || !std::path::Path::new(folder).exists());
    }
}
