//! The instructions of sealing, opening and copying for x86_64 and arm64, counted by a plugin of QEMU's user mode:
//! `cargo benchmarks instructions ARM64_FOLDER`. The folder has the programs of a cross build. An emulator gives no
//! meaningful times. The result is recorded in `benches/report/instructions.md`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;
use time::OffsetDateTime;
use toolbox::workspace_root;

use crate::{
    Failure,
    bed::{Bed, copy},
    names,
    runtime::Instance,
};

/// The file with the recorded result.
pub(crate) const RECORD: &str = "benches/report/instructions.md";

/// Two numbers of frames, and two lengths of recordings. The start of a process and of a copy drops out of their
/// difference.
const FRAMES: [u64; 2] = [32, 96];
const FRAME_LEN: u64 = 64 * 1024;
const RECORDINGS: [u64; 2] = [1_000_000, 17_000_000];

/// The plugin's file: its counters, one for each thread.
const COUNTERS_LEN: usize = 512 * 8;

/// An architecture with its programs.
struct Target {
    name: &'static str,
    emulator: &'static str,
    /// The folder of the C library, if it is not the machine's own.
    libraries: &'static str,
    programs: PathBuf,
}

/// Instructions for each byte of the recording.
struct Counted {
    seal: f64,
    open: f64,
    digest: f64,
    copy: f64,
}

pub(crate) async fn run(bed: &Bed, own: &Path, arm64: &Path) -> Result<(), Failure> {
    let counter = Counter::build()?;
    let x86_64 = Target {
        name: "x86_64",
        emulator: "qemu-x86_64",
        libraries: "/",
        programs: own.to_owned(),
    };
    let arm64 = Target {
        name: "arm64",
        emulator: "qemu-aarch64",
        libraries: "/usr/aarch64-linux-gnu",
        programs: arm64.to_owned(),
    };
    let mut lines = String::new();
    for target in [x86_64, arm64] {
        let Counted {
            seal,
            open,
            digest,
            copy,
        } = counter.count(bed, &target).await?;
        lines += &format!(
            "| {} | {seal:.2} | {open:.2} | {digest:.2} | {copy:.2} |\n",
            target.name
        );
    }
    let text = render(&lines);
    println!("{text}");
    Ok(fs::write(workspace_root().join(RECORD), text)?)
}

fn render(lines: &str) -> String {
    format!(
        "## Instructions\n\n\
         `cargo benchmarks instructions` counted these on {}. QEMU's user mode runs the programs of both architectures, and a plugin counts \
         their instructions. An emulator gives no times, and the template's default, arm64, cannot be timed on this \
         machine. The counts are for each byte of a recording, without the kernel's work and without the start of the \
         process. *Copy* is the whole copier against the local server without TLS: it seals, digests, computes the CRC32 \
         and moves the bytes.\n\n\
         | | seal | open | SHA-256 | copy |\n| --- | ---: | ---: | ---: | ---: |\n{lines}\n\
         QEMU shows an x86_64 processor with AES-NI and AVX2, but without AVX-512 and without SHA's instructions. aws-lc \
         therefore runs other code there than on Lambda's processors, which takes more instructions. On arm64, QEMU shows \
         the instructions for AES, SHA-2 and CRC32 that Graviton has.\n",
        OffsetDateTime::now_utc().date(),
    )
}

/// The plugin and its file.
struct Counter {
    folder: TempDir,
}

impl Counter {
    fn build() -> Result<Self, Failure> {
        let folder = TempDir::new()?;
        let counter = Self { folder };
        let status = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .arg(counter.plugin())
            .arg(workspace_root().join("benches/instructions/count.c"))
            .status()?;
        if status.success() {
            Ok(counter)
        } else {
            Err(format!("the plugin was not built: cc ended with {status}").into())
        }
    }

    async fn count(&self, bed: &Bed, target: &Target) -> Result<Counted, Failure> {
        Ok(Counted {
            seal: self.of_frames(target, "seal")?,
            open: self.of_frames(target, "open")?,
            digest: self.of_frames(target, "digest")?,
            copy: self.of_copies(bed, target).await?,
        })
    }

    fn of_frames(&self, target: &Target, work: &str) -> Result<f64, Failure> {
        let mut counts = Vec::new();
        for frames in FRAMES {
            self.reset()?;
            let status = Command::new(target.emulator)
                .args(self.arguments(target, "instructions"))
                .args([work, &frames.to_string()])
                .status()?;
            if !status.success() {
                return Err(format!("{work} ended with {status} under {}", target.emulator).into());
            }
            counts.push(self.total()?);
        }
        Ok((counts[1] - counts[0]) as f64 / ((FRAMES[1] - FRAMES[0]) * FRAME_LEN) as f64)
    }

    async fn of_copies(&self, bed: &Bed, target: &Target) -> Result<f64, Failure> {
        self.reset()?;
        let way = bed.server.plain();
        let arguments = self.arguments(target, "recording-callback");
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let settings = [&*way.environment(), &*names::copier(&way.url)].concat();
        let mut copier = Instance::start(target.emulator, &arguments, &settings).await?;
        let mut counts = Vec::new();
        // The first copy opens connections and is not counted.
        for len in [RECORDINGS[0], RECORDINGS[0], RECORDINGS[1]] {
            let (before, sid) = (self.total()?, bed.new_sid(len));
            copy(&mut copier, &sid).await?;
            counts.push(self.total()? - before);
            bed.server.forget(&names::object_key(&sid));
        }
        Ok((counts[2] - counts[1]) as f64 / (RECORDINGS[1] - RECORDINGS[0]) as f64)
    }

    fn arguments(&self, target: &Target, program: &str) -> Vec<String> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let plugin = format!("{},counters={}", text(self.plugin()), text(self.counters()));
        let program = text(target.programs.join(program));
        ["-cpu", "max", "-L", target.libraries, "-plugin", &plugin, &program]
            .map(str::to_owned)
            .into()
    }

    fn plugin(&self) -> PathBuf {
        self.folder.path().join("count.so")
    }

    fn counters(&self) -> PathBuf {
        self.folder.path().join("counters")
    }

    fn reset(&self) -> Result<(), Failure> {
        Ok(fs::write(self.counters(), [0; COUNTERS_LEN])?)
    }

    fn total(&self) -> Result<u64, Failure> {
        Ok(sum(&fs::read(self.counters())?))
    }
}

fn sum(counters: &[u8]) -> u64 {
    let (counters, _) = counters.as_chunks::<8>();
    counters.iter().map(|counter| u64::from_le_bytes(*counter)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_of_all_threads_are_added() {
        let mut counters = [0; COUNTERS_LEN];
        counters[0] = 5;
        counters[9] = 1;
        counters[COUNTERS_LEN - 8] = 2;
        assert_eq!(sum(&counters), 5 + 256 + 2);
    }
}
