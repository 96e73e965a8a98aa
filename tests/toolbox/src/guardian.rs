//! Ends this process's children and removes its scratch folders, however the process ends.
//!
//! A destructor does not run after Ctrl-C, a kill or an abort, nor for a `static`. Therefore, a small shell in its own
//! process group reads a pipe whose other end only this process holds. When that end closes for any reason, the shell
//! kills the registered process groups and removes the scratch folder.

use std::{
    io::{self, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{ChildStdin, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
};

use rustix::process::Pid;

/// `$1` is the scratch folder. The input lines are `watch <group>` and `release <group>`. A process that was just
/// killed may still create a file, hence the second attempt.
const SCRIPT: &str = r#"
trap '' HUP INT TERM
groups=
while read -r verb group; do
    case $verb in
        watch) groups="$groups $group" ;;
        release)
            kept=
            for watched in $groups; do [ "$watched" = "$group" ] || kept="$kept $watched"; done
            groups=$kept
            ;;
    esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
rm -rf -- "$1" || { sleep 1; rm -rf -- "$1"; }
"#;

#[derive(Debug)]
pub(crate) struct Guardian {
    orders: Mutex<ChildStdin>,
    scratch: PathBuf,
}

impl Guardian {
    /// The guardian of this process, started on first use.
    pub(crate) fn get() -> io::Result<&'static Self> {
        static GUARDIAN: OnceLock<Guardian> = OnceLock::new();
        static STARTING: Mutex<()> = Mutex::new(());

        let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guardian) = GUARDIAN.get() {
            return Ok(guardian);
        }
        let started = Self::start()?;
        Ok(GUARDIAN.get_or_init(|| started))
    }

    fn start() -> io::Result<Self> {
        let scratch = tempfile::Builder::new().prefix("recording-vault-").tempdir()?.keep();
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "guardian"])
            .arg(&scratch)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let orders = shell
            .stdin
            .take()
            .ok_or_else(|| io::Error::other("the guardian has no standard input"))?;
        Ok(Self {
            orders: Mutex::new(orders),
            scratch,
        })
    }

    /// The folder that is removed when this process ends.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch
    }

    pub(crate) fn watch(&self, group: Pid) -> io::Result<()> {
        self.order("watch", group)
    }

    pub(crate) fn release(&self, group: Pid) -> io::Result<()> {
        self.order("release", group)
    }

    fn order(&self, verb: &str, group: Pid) -> io::Result<()> {
        let line = format!("{verb} {}\n", group.as_raw_nonzero());
        self.orders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(line.as_bytes())
    }
}
