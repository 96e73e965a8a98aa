//! A day in the life of a recording: the commands of the front end in the order in which people need them.

use local_stack::{Role, Stack, values};

use super::{Block, shell::Shell};
use crate::{
    audit::audit_lines,
    support::{OwnStack, Recording, eventually, get, options},
};

/// Bytes of a second of two channels with 16 bits at 8 kHz.
const RATE: usize = 32_000;

struct Day<'a> {
    stack: &'a Stack,
    shell: Shell,
}

impl Day<'_> {
    /// Runs a command of the front end, shows it with its output, and returns the output.
    async fn vault(&self, command: &str) -> String {
        self.answering(command, "").await
    }

    async fn answering(&self, command: &str, typed: &str) -> String {
        let line = format!("python3 scripts/vault.py {command}");
        let printed = self.shell.run(&Block::of(&line).answering(typed)).await;
        let shown = command.replace(&self.stack.logs_dir().display().to_string(), "LOGS");
        println!("$ vault.py {shown}\n{}", without_signatures(&printed));
        printed
    }

    /// Plays as a browser's player does: the beginning, and then a later place.
    async fn play(&self, recording: &Recording, url: &str) {
        for first in [0, 30 * RATE] {
            let range = format!("bytes={first}-{}", first + 10 * RATE - 1);
            let headers = [("range", &*range), ("sec-fetch-dest", "audio")];
            let part = get(url, &headers).await.bytes().await.unwrap();
            assert!(part == recording.audio[first..first + 10 * RATE]);
        }
    }

    /// Waits until the audit trail has the ends of this many replies.
    async fn played(&self, recording: &Recording, replies: usize) {
        eventually("the ends of the replies", || async {
            let lines = audit_lines(self.stack, Role::Playback, recording);
            let ends = lines.iter().filter(|line| line["event"] == "playback_end").count();
            (ends == replies).then_some(())
        })
        .await;
    }
}

/// Whoever has a link can listen, so that no log of a test run has one.
fn without_signatures(printed: &str) -> String {
    let line = |line: &str| match line.split_once("&signature=") {
        Some((before, _)) => format!("{before}&signature=...\n"),
        None => format!("{line}\n"),
    };
    printed.lines().map(line).collect()
}

#[tokio::test]
async fn a_day_in_the_life_of_a_recording() {
    let stack = OwnStack::start(options()).await;
    let shell = Shell::for_stack(&stack).await;
    shell.make_stack("vault", Role::Operator.name(), values::BUCKET).await;
    let day = Day { stack: &stack, shell };
    let logs = stack.logs_dir().display().to_string();

    // A call is recorded, and its recording arrives.
    let recording = Recording::new(&stack, 44 + 60 * RATE);
    recording.bring_in(&stack).await;
    let (sid, call) = (&recording.sid, &recording.call);

    // Compliance finds it.
    let find = format!("find --stack vault --call {call} --format csv");
    let found = day.vault(&find).await;
    assert!(
        found.contains(&format!("\n{sid},")) && found.contains(",stored,"),
        "{found}"
    );
    let found = day
        .vault(&format!("find --stack vault --task {}", recording.task))
        .await;
    assert!(found.contains(sid), "{found}");

    // A supervisor listens in Flex.
    let url = recording.media_url(&stack).await;
    day.play(&recording, &url).await;

    // An auditor without Flex gets a link, and listens too.
    let made = day
        .vault(&format!("link {sid} --stack vault --minutes 30 --for 'Jane Auditor'"))
        .await;
    let url = made.lines().find(|line| line.starts_with("http")).unwrap();
    day.play(&recording, url).await;
    day.played(&recording, 4).await;

    // Who listened?
    let who = day.vault(&format!("who {sid} --log-files {logs}")).await;
    for listener in ["Jane Auditor", "supervisor_40example_2Ecom"] {
        let heard = who
            .lines()
            .find(|line| line.contains(listener))
            .unwrap_or_else(|| panic!("{who}"));
        assert!(heard.contains("listened"), "{heard}");
    }
    let listened = day
        .vault(&format!(
            "listened --from 2000-01-01 --to 2099-12-31 --log-files {logs}"
        ))
        .await;
    assert!(
        listened.contains(sid) && listened.contains("Jane Auditor"),
        "{listened}"
    );

    // The caller asks for erasure of the call.
    let erase = format!("operate --stack vault erase --call {call}");
    let erased = day.answering(&erase, "1").await;
    assert!(erased.contains("erased"), "{erased}");

    // Nothing is found any more, except that this recording was erased. The link does not play.
    let found = day.vault(&find).await;
    assert!(!found.contains(sid), "{found}");
    let found = day.vault(&format!("find --stack vault --recording {sid}")).await;
    assert!(found.contains(sid) && found.contains("erased"), "{found}");
    assert_eq!(get(url, &[("range", "bytes=0-99")]).await.status(), 404);
    assert!(!recording.is_at_twilio(&stack).await);
}
