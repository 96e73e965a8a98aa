//! docs/INSTALL-TRANSCRIPT.md: what the terminal shows. `UPDATE_INSTALL_TRANSCRIPT=1` writes its sections, and without it
//! they are compared.

use std::{
    env, fs,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use toolbox::workspace_root;

use super::terminal::Ran;

const OPENING: &str = "```text\n";
const CLOSING: &str = "```\n";

/// The width of the times before the lines.
const TIME_WIDTH: usize = 9;

/// Several tests write sections of one file.
static DOCUMENT: Mutex<()> = Mutex::new(());

/// Compares a run with the section of this title, or writes the section.
pub(super) fn hold(title: &str, arguments: &[&str], ran: &Ran) {
    let code = ran.code.unwrap_or(-1);
    let end = format!("{:TIME_WIDTH$}[exit code {code}]\n", "");
    hold_text(title, &[command(arguments), rendered(ran), end].concat());
}

/// The same for what happens without a terminal.
pub(super) fn hold_events(title: &str, ran: &Ran) {
    hold_text(title, &rendered(ran));
}

fn hold_text(title: &str, shown: &str) {
    let _turn = DOCUMENT.lock().unwrap_or_else(PoisonError::into_inner);
    let document = fs::read_to_string(path()).unwrap();
    let (start, end) = section(&document, title);
    if env::var_os("UPDATE_INSTALL_TRANSCRIPT").is_some() {
        fs::write(path(), [&document[..start], shown, &document[end..]].concat()).unwrap();
    } else {
        let (documented, shown) = (comparable(&document[start..end]), comparable(shown));
        assert_eq!(
            documented, shown,
            "{title}: write the transcript again, as it describes"
        );
    }
}

fn path() -> PathBuf {
    workspace_root().join("docs/INSTALL-TRANSCRIPT.md")
}

/// The place of a section's block.
fn section(document: &str, title: &str) -> (usize, usize) {
    let heading = document.find(&format!("## {title}\n"));
    let heading = heading.unwrap_or_else(|| panic!("INSTALL-TRANSCRIPT.md has no section {title:?}"));
    let start = heading + document[heading..].find(OPENING).unwrap() + OPENING.len();
    (start, start + document[start..].find(CLOSING).unwrap())
}

fn command(arguments: &[&str]) -> String {
    let quoted = |argument: &&str| match argument.contains(' ') {
        true => format!("\"{argument}\""),
        false => (*argument).to_owned(),
    };
    let arguments = arguments.iter().map(quoted).collect::<Vec<_>>().join(" ");
    format!("{:TIME_WIDTH$}$ python3 scripts/setup.py {arguments}\n", "")
}

/// The lines, each with the time at which it appeared. Lists of parameters and resources are shortened.
fn rendered(ran: &Ran) -> String {
    let mut text = String::new();
    let mut left_out = 0;
    let lines: Vec<_> = lines(ran).collect();
    for (index, (at, line)) in lines.iter().enumerate() {
        let next = lines.get(index + 1).map(|(_, next)| *next);
        if is_of_a_list(line) && next.is_some_and(is_of_a_list) && index > 0 && is_of_a_list(lines[index - 1].1) {
            left_out += 1;
            continue;
        }
        if left_out > 0 {
            text.push_str(&format!("{:TIME_WIDTH$}  [{left_out} more lines]\n", ""));
            left_out = 0;
        }
        text.push_str(&format!("{:>6.1} s {line}\n", at.as_secs_f64()));
    }
    text
}

fn lines(ran: &Ran) -> impl Iterator<Item = (Duration, &str)> {
    let ends = ran
        .times
        .iter()
        .skip(1)
        .map(|(start, _)| *start)
        .chain([ran.shown.len()]);
    let lines = ran.times.iter().zip(ends);
    lines.map(|((start, at), end)| (*at, left_at_the_end(ran.shown[*start..end].trim_end())))
}

/// What a terminal shows of a line after it was rewritten, as progress is.
fn left_at_the_end(line: &str) -> &str {
    line.rsplit('\r').next().unwrap_or_default()
}

/// A parameter with its value, or a resource that is added.
fn is_of_a_list(line: &str) -> bool {
    line.starts_with("  Add: ") || (line.starts_with("  ") && line.ends_with(')') && line.contains(" = "))
}

/// The lines without times, without numbers and identifiers, which differ from run to run, and without the progress of
/// steps that were slow.
fn comparable(block: &str) -> Vec<String> {
    let lines = block.lines().map(|line| line.get(TIME_WIDTH..).unwrap_or_default());
    let kept = lines.filter(|line| !line.ends_with(" s)"));
    kept.map(|line| {
        let words = line.split_whitespace().map(|word| {
            let varies = word.contains(|character: char| character.is_ascii_digit());
            if varies { "#" } else { word }
        });
        words.collect::<Vec<_>>().join(" ")
    })
    .collect()
}
