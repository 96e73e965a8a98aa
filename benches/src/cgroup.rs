//! A function's memory and its part of a processor, as Lambda limits them, with control groups (version 1).

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use crate::Failure;

/// Lambda gives a whole processor for this memory (AWS, *Configure Lambda function memory*).
const WHOLE_PROCESSOR_MB: f64 = 1_769.0;

/// Assumed: AWS does not publish the period. With a longer one, short invocations would take less, and pauses would last
/// longer.
const PERIOD_US: f64 = 20_000.0;

static SERIAL: AtomicU64 = AtomicU64::new(1);

/// The groups of one process. They are removed on drop, after the process has ended.
#[derive(Debug)]
pub(crate) struct Group {
    cpu: PathBuf,
    memory: PathBuf,
}

impl Group {
    /// Groups for a function with this memory. They are empty.
    pub(crate) fn new(megabytes: u32) -> Result<Self, Failure> {
        let name = format!(
            "recording-vault-{}-{}",
            std::process::id(),
            SERIAL.fetch_add(1, Ordering::Relaxed)
        );
        let make = |controller: &str| {
            let folder = Path::new("/sys/fs/cgroup").join(controller).join(&name);
            fs::create_dir(&folder)
                .map_err(|error| format!("no control group of the controller {controller}: {error}"))?;
            Ok::<_, Failure>(folder)
        };
        let group = Self {
            cpu: make("cpu")?,
            memory: make("memory")?,
        };
        fs::write(group.cpu.join("cpu.cfs_period_us"), format!("{PERIOD_US}"))?;
        fs::write(group.cpu.join("cpu.cfs_quota_us"), quota_us(megabytes).to_string())?;
        // Other processes of the machine must not take the function's part.
        fs::write(group.cpu.join("cpu.shares"), "262144")?;
        let bytes = u64::from(megabytes) << 20;
        fs::write(group.memory.join("memory.limit_in_bytes"), bytes.to_string())?;
        Ok(group)
    }

    /// The file that a process writes to have its memory limited from its first page on.
    pub(crate) fn memory_processes(&self) -> PathBuf {
        self.memory.join("cgroup.procs")
    }

    /// Limits the processor time of a process from now on.
    pub(crate) fn limit_processor(&self, process: u32) -> Result<(), Failure> {
        Ok(fs::write(self.cpu.join("cgroup.procs"), process.to_string())?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in [&self.cpu, &self.memory] {
            // The kernel refuses while the killed process is still ending.
            let _removed = (0..100).any(|_| {
                let is_removed = fs::remove_dir(folder).is_ok();
                if !is_removed {
                    thread::sleep(Duration::from_millis(5));
                }
                is_removed
            });
        }
    }
}

/// The microseconds of processor time in each period.
fn quota_us(megabytes: u32) -> u64 {
    (f64::from(megabytes) / WHOLE_PROCESSOR_MB * PERIOD_US).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_follows_from_the_memory() {
        assert_eq!(
            [128, 256, 512, 1024, 1769].map(quota_us),
            [1_447, 2_894, 5_789, 11_577, 20_000]
        );
    }
}
