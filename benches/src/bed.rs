//! The test bed: the server, and the start of each measured program.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
};

use playback_link::{Expiry, KeyRing, SignedLink};
use serde_json::json;
use sid::RecordingSid;
use toolbox::{Venv, workspace_root};

use crate::{
    Failure,
    cgroup::Group,
    names,
    process::Worker,
    runtime::Instance,
    server::{Server, Way, sid},
};

/// A function of ours that `Bed::limited` starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Webhook,
    Linker,
    Copier,
    Playback,
}

/// An instance with the memory and the processor of a size. The group is dropped after its process.
#[derive(Debug)]
pub(crate) struct Limited {
    pub(crate) instance: Instance,
    _group: Group,
}

/// The state that all rows share.
#[derive(Debug)]
pub(crate) struct Bed {
    pub(crate) server: Server,
    /// Runs few rounds of short recordings, to check that the benchmarks work.
    pub(crate) quick: bool,
    /// The folder of the programs.
    pub(crate) functions: PathBuf,
    modules: PathBuf,
    /// The folder of AWS's runtime for Node.js.
    node_runtime: Option<PathBuf>,
    link_keys: KeyRing,
    serial: AtomicU64,
}

impl Bed {
    /// Builds the functions in this program's profile, installs the Node.js packages, and starts the server.
    pub(crate) fn new(quick: bool) -> Result<Self, Failure> {
        build_functions()?;
        let manifest = include_str!("../peer/package.json");
        let modules = toolbox::node_modules(manifest, include_str!("../peer/package-lock.json"))?;
        // The installation compiles a part of the runtime, which takes a minute or two.
        let build_runtime = || {
            let manifest = include_str!("../peer/ric/package.json");
            toolbox::built_node_modules(manifest, include_str!("../peer/ric/package-lock.json"))
        };
        let node_runtime = if quick { None } else { Some(build_runtime()?) };
        Ok(Self {
            server: Server::start()?,
            quick,
            // Cargo puts all binaries of a profile into one folder, and this program is one of them.
            functions: env::current_exe()?
                .parent()
                .unwrap_or_else(|| Path::new("."))
                .to_owned(),
            modules,
            node_runtime,
            link_keys: KeyRing::parse(names::LINK_KEYS)?,
            serial: AtomicU64::new(1),
        })
    }

    /// The number of measurements of each side.
    pub(crate) const fn rounds(&self) -> usize {
        if self.quick { 2 } else { 9 }
    }

    /// A four-hour stereo WAV of 460 MB, as in `docs/ARCHITECTURE.md`.
    pub(crate) const fn long(&self) -> u64 {
        if self.quick { 46_000_000 } else { 460_000_000 }
    }

    /// A recording that is not in any bucket yet.
    pub(crate) fn new_sid(&self, len: u64) -> String {
        sid(len, self.serial.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) async fn copier(&self, way: &Way) -> Result<Instance, Failure> {
        self.function("recording-callback", &[], way, &names::copier(&way.url))
            .await
    }

    pub(crate) async fn webhook(&self, way: &Way) -> Result<Instance, Failure> {
        self.function("recording-callback", &[], way, &names::webhook(&way.url))
            .await
    }

    pub(crate) async fn linker(&self, way: &Way) -> Result<Instance, Failure> {
        self.function("recording-callback", &[], way, &names::linker(&way.url))
            .await
    }

    pub(crate) async fn operator(&self, way: &Way) -> Result<Instance, Failure> {
        self.function("recording-callback", &[], way, &names::operator(&way.url))
            .await
    }

    pub(crate) async fn playback(&self, way: &Way) -> Result<Instance, Failure> {
        self.function("recording-playback", &[], way, &names::playback()).await
    }

    /// Playback that a browser reaches at `origin`.
    pub(crate) async fn playback_at(&self, way: &Way, origin: &str) -> Result<Instance, Failure> {
        let settings = [names::playback(), names::for_browsers(&way.url, origin)].concat();
        self.function("recording-playback", &[], way, &settings).await
    }

    pub(crate) async fn noop(&self) -> Result<Instance, Failure> {
        self.function("benchmarks", &["noop"], &self.server.plain(), &[]).await
    }

    pub(crate) async fn bare(&self, way: &Way) -> Result<Instance, Failure> {
        self.function("benchmarks", &["bare"], way, &[]).await
    }

    pub(crate) async fn relay(&self, way: &Way) -> Result<Instance, Failure> {
        self.function("benchmarks", &["relay"], way, &[]).await
    }

    async fn function(
        &self,
        binary: &str,
        arguments: &[&str],
        way: &Way,
        settings: &[(String, String)],
    ) -> Result<Instance, Failure> {
        let program = self.functions.join(binary);
        let settings = [&*way.environment(), settings].concat();
        Instance::start(&program.to_string_lossy(), arguments, &settings).await
    }

    /// The function with this memory. It has a whole processor until it waits for its first invocation.
    pub(crate) async fn limited(&self, function: Function, way: &Way, megabytes: u32) -> Result<Limited, Failure> {
        let (binary, settings) = match function {
            Function::Webhook => ("recording-callback", names::webhook(&way.url)),
            Function::Linker => ("recording-callback", names::linker(&way.url)),
            Function::Copier => ("recording-callback", names::copier(&way.url)),
            Function::Playback => ("recording-playback", names::playback()),
        };
        let group = Group::new(megabytes)?;
        let program = self.functions.join(binary);
        let (program, processes) = (program.to_string_lossy(), group.memory_processes());
        let arguments = [
            "-c",
            "echo $$ > \"$0\" && exec \"$1\"",
            &processes.to_string_lossy(),
            &program,
        ];
        let settings = [&*way.environment(), &*settings].concat();
        let mut instance = Instance::start("/bin/sh", &arguments, &settings).await?;
        instance.until_ready().await?;
        group.limit_processor(instance.process.id())?;
        Ok(Limited {
            instance,
            _group: group,
        })
    }

    pub(crate) async fn lean_pipe(&self, way: &Way) -> Result<Worker, Failure> {
        let program = self.functions.join("benchmarks");
        Worker::start(&program.to_string_lossy(), &["lean-pipe"], &way.environment()).await
    }

    /// One of the programs in `peer/`.
    pub(crate) async fn peer(&self, script: &str, way: &Way) -> Result<Worker, Failure> {
        let settings = [way.environment(), self.peer_settings()].concat();
        Worker::start("node", &[&peer_file(script)], &settings).await
    }

    /// The peer's function under AWS's runtime for Node.js, if that was built.
    pub(crate) async fn peer_function(&self) -> Result<Option<Instance>, Failure> {
        let Some(modules) = &self.node_runtime else {
            return Ok(None);
        };
        let settings = [self.server.plain().environment(), self.peer_settings()].concat();
        let runtime = modules.join("aws-lambda-ric/bin/index.mjs");
        let arguments = [&*runtime.to_string_lossy(), &peer_file("function.handler")];
        Instance::start("node", &arguments, &settings).await.map(Some)
    }

    fn peer_settings(&self) -> Vec<(String, String)> {
        vec![
            ("PEER_MODULES".to_owned(), self.modules.to_string_lossy().into_owned()),
            ("BUCKET".to_owned(), names::BUCKET.to_owned()),
            ("KMS_KEY".to_owned(), names::KMS_KEY.to_owned()),
        ]
    }

    /// The official SDK.
    pub(crate) async fn oracle(&self) -> Result<Worker, Failure> {
        let python = toolbox::python(Venv::Interop)?;
        let script = workspace_root().join("benches/oracle/oracle.py");
        Worker::start(&python.to_string_lossy(), &[&script.to_string_lossy()], &[]).await
    }

    /// Stores a recording of `len` bytes with the copier, and returns its SID.
    pub(crate) async fn bring_in(&self, len: u64) -> Result<String, Failure> {
        let sid = self.new_sid(len);
        let mut copier = self.copier(&self.server.plain()).await?;
        copy(&mut copier, &sid).await?;
        Ok(sid)
    }

    /// A link to a recording.
    pub(crate) fn link(&self, sid: &str) -> SignedLink {
        let recording = RecordingSid::parse(sid).expect("the bed makes every SID that it uses");
        playback_link::sign(&self.link_keys, &recording, Expiry::At(4_102_444_800))
    }
}

impl Way {
    /// The environment of every program.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        [&*names::aws(&self.url), &*self.settings].concat()
    }
}

/// Has a copier copy a recording, and checks that it did.
pub(crate) async fn copy(copier: &mut Instance, sid: &str) -> Result<(), Failure> {
    let answer = copier.invoke(&names::copy_event(sid)).await?;
    if answer == json!({"batchItemFailures": []}) {
        Ok(())
    } else {
        Err(format!("the copier answered {answer}").into())
    }
}

fn peer_file(name: &str) -> String {
    let file = workspace_root().join("benches/peer").join(name);
    file.to_string_lossy().into_owned()
}

fn build_functions() -> Result<(), Failure> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // CI runs this program from the folder of the tests. With another selection, Cargo would compile the AWS SDK again.
    let selection: &[_] = if cfg!(debug_assertions) {
        &["--workspace", "--tests"]
    } else {
        &["--release", "--bin=recording-callback", "--bin=recording-playback"]
    };
    let status = Command::new(cargo)
        .current_dir(workspace_root())
        .arg("build")
        .args(selection)
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("building the functions failed: cargo ended with {status}").into())
    }
}
