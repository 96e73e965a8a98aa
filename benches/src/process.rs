//! Measured processes. Each has its own environment, is observed from outside, and never outlives the harness.

use std::{fs, process::Stdio};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use crate::Failure;

/// A running program, which is killed on drop.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    id: u32,
}

impl Process {
    /// Starts the program without standard input. Its log is discarded, and its stderr is ours.
    pub(crate) fn start(program: &str, arguments: &[&str], settings: &[(String, String)]) -> Result<Self, Failure> {
        Self::spawn(
            program,
            command(program, arguments, settings)
                .stdin(Stdio::null())
                .stdout(Stdio::null()),
        )
    }

    fn spawn(program: &str, command: &mut Command) -> Result<Self, Failure> {
        let child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
        let id = child.id().ok_or("it has ended already")?;
        Ok(Self {
            name: program.to_owned(),
            child,
            id,
        })
    }

    pub(crate) const fn id(&self) -> u32 {
        self.id
    }

    /// The CPU seconds of all threads so far, in user and system mode.
    pub(crate) fn cpu_s(&self) -> Result<f64, Failure> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id)).map_err(|_| self.gone())?;
        // Fields 14 and 15 of proc_pid_stat(5). The second field is the name in parentheses, which may contain spaces.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |field: usize| fields.get(field - 3).and_then(|ticks| ticks.parse::<u64>().ok());
        let ticks = ticks(14).zip(ticks(15)).ok_or_else(|| self.gone())?;
        Ok((ticks.0 + ticks.1) as f64 / TICKS_PER_SECOND)
    }

    /// Resident memory now, in MiB.
    pub(crate) fn resident_mib(&self) -> Result<f64, Failure> {
        self.status_mib("VmRSS:")
    }

    /// The maximum resident memory so far, in MiB.
    pub(crate) fn peak_mib(&self) -> Result<f64, Failure> {
        self.status_mib("VmHWM:")
    }

    fn status_mib(&self, field: &str) -> Result<f64, Failure> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id)).map_err(|_| self.gone())?;
        let value = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = value.and_then(|value| value.trim().trim_end_matches(" kB").parse::<f64>().ok());
        Ok(kib.ok_or_else(|| self.gone())? / 1024.0)
    }

    fn gone(&self) -> Failure {
        format!("{} has ended", self.name).into()
    }
}

/// `sysconf(_SC_CLK_TCK)` is 100 on every common Linux.
pub(crate) const TICKS_PER_SECOND: f64 = 100.0;

/// A yardstick that reads one job per line and reports when it is done.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) process: Process,
    jobs: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    /// The text after `ready`, such as a port.
    pub(crate) ready: String,
}

impl Worker {
    /// Starts the program and waits until it is ready.
    pub(crate) async fn start(
        program: &str,
        arguments: &[&str],
        settings: &[(String, String)],
    ) -> Result<Self, Failure> {
        let mut command = command(program, arguments, settings);
        let mut process = Process::spawn(program, command.stdin(Stdio::piped()).stdout(Stdio::piped()))?;
        let jobs = process.child.stdin.take().ok_or("no standard input")?;
        let lines = process.child.stdout.take().ok_or("no standard output")?;
        let mut worker = Self {
            process,
            jobs,
            lines: BufReader::new(lines).lines(),
            ready: String::new(),
        };
        worker.ready = worker.expect("ready").await?;
        Ok(worker)
    }

    /// Runs one job, and returns the text after `done`.
    pub(crate) async fn run(&mut self, job: &Value) -> Result<String, Failure> {
        self.jobs.write_all(format!("{job}\n").as_bytes()).await?;
        self.expect("done").await
    }

    /// The rest of the line that starts with `word`.
    async fn expect(&mut self, word: &str) -> Result<String, Failure> {
        match self.lines.next_line().await? {
            Some(line) if line.split(' ').next() == Some(word) => Ok(line[word.len()..].trim().to_owned()),
            other => Err(format!("{}: {other:?} instead of {word}", self.process.name).into()),
        }
    }
}

fn command(program: &str, arguments: &[&str], settings: &[(String, String)]) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", path)
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .stderr(Stdio::inherit())
        .kill_on_drop(true);
    command
}
