//! A program at a real terminal, and the administrator who answers its questions.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{ChildStdin, ChildStdout, Command},
};

/// Runs its arguments on a pseudo-terminal of its own, and connects that to its standard input and output. If the tests run
/// in the background of a shell, they inherit that Ctrl-C is ignored. In a terminal, it is not.
pub(super) const PSEUDO_TERMINAL: &str = "import os, pty, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); \
     sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";

/// What Ctrl-C sends to a terminal.
const INTERRUPT: &[u8] = b"\x03";

/// Without any output for this time, the program waits for something that the administrator does not know.
const SILENCE_BOUND: Duration = Duration::from_secs(120);

/// What the administrator does.
pub(super) struct Administrator<'a> {
    /// The ends of questions and their answers.
    pub(super) answers: Vec<(&'a str, &'a str)>,
    /// What happens once, when these words appear. It happens before the answer to a question.
    pub(super) when: Option<(&'a str, Event<'a>)>,
}

/// What happens.
pub(super) enum Event<'a> {
    /// The administrator presses Ctrl-C.
    CtrlC,
    /// Something happens elsewhere.
    Elsewhere(&'a (dyn Fn() + Sync)),
}

/// A program that has ended.
pub(super) struct Ran {
    pub(super) code: Option<i32>,
    /// Everything that the terminal has shown. Secrets are not among it, because the terminal does not show them.
    pub(super) shown: String,
    /// The positions of lines in `shown`, and when each appeared.
    pub(super) times: Vec<(usize, Duration)>,
}

impl Administrator<'_> {
    /// Answers the questions of a program until it ends.
    pub(super) async fn runs(mut self, mut program: Command) -> Ran {
        let began = Instant::now();
        let mut child = program
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (mut keys, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (mut shown, mut times, mut answered) = (String::new(), Vec::new(), 0);
        while let Some(chunk) = read(&mut output, &shown).await {
            for line in chunk.split_inclusive('\n') {
                if shown.is_empty() || shown.ends_with('\n') {
                    times.push((shown.len(), began.elapsed()));
                }
                shown.push_str(line);
            }
            if self.when.as_ref().is_some_and(|(words, _)| shown.contains(words)) {
                match self.when.take() {
                    Some((_, Event::CtrlC)) => {
                        press(&mut keys, INTERRUPT).await;
                        // A secret that is typed after the end of its question would be shown.
                        self.answers.clear();
                    }
                    Some((_, Event::Elsewhere(happen))) => happen(),
                    None => {}
                }
            }
            let question = &shown[answered..];
            if let Some((_, answer)) = self.answers.iter().find(|(end, _)| question.ends_with(end)) {
                answered = shown.len();
                press(&mut keys, format!("{answer}\n").as_bytes()).await;
            }
        }
        let code = child.wait().await.unwrap().code();
        Ran { code, shown, times }
    }
}

async fn press(keys: &mut ChildStdin, bytes: &[u8]) {
    keys.write_all(bytes).await.unwrap();
    keys.flush().await.unwrap();
}

/// The next output, or None at the end.
async fn read(output: &mut ChildStdout, shown: &str) -> Option<String> {
    let mut chunk = vec![0; 4_096];
    let read = tokio::time::timeout(SILENCE_BOUND, output.read(&mut chunk)).await;
    let length = read.unwrap_or_else(|_| panic!("the program waits:\n{shown}")).unwrap();
    // The scripts print ASCII.
    (length > 0).then(|| String::from_utf8_lossy(&chunk[..length]).into_owned())
}
