//! nginx that serves one file or forwards to another server.

use std::{fs, process, time::Duration};

use toolbox::{Process, Scratch, free_port};

/// nginx starts in milliseconds. A machine that is busy with a build may need many times that.
const START_BOUND: Duration = Duration::from_secs(30);

/// A running nginx, which is stopped on drop.
pub(crate) struct Nginx {
    port: u16,
    _process: Process,
    _scratch: Scratch,
}

impl Nginx {
    /// Serves `audio` as a WAV file with an entity tag.
    pub(super) async fn serving(audio: &[u8]) -> Self {
        let scratch = Scratch::new().unwrap();
        fs::write(scratch.path().join("recording.wav"), audio).unwrap();
        Self::start(scratch, "root .;").await
    }

    /// Runs nginx with this `location`.
    pub(crate) async fn with_location(location: &str) -> Self {
        Self::start(Scratch::new().unwrap(), location).await
    }

    async fn start(scratch: Scratch, what: &str) -> Self {
        let program = tokio::task::spawn_blocking(toolbox::nginx).await.unwrap().unwrap();
        let (folder, port) = (scratch.path(), free_port().unwrap());
        fs::write(folder.join("nginx.conf"), configuration(port, what)).unwrap();
        let mut command = process::Command::new(program);
        command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        let process = Process::start("nginx", command, folder.join("nginx.log")).unwrap();
        process.wait_for_tcp(port, START_BOUND).unwrap();
        Self {
            port,
            _process: process,
            _scratch: scratch,
        }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(super) fn url(&self) -> String {
        format!("{}/recording.wav", self.origin())
    }
}

/// A single process that keeps its user, with every path in its own folder.
fn configuration(port: u16, what: &str) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
            types {{ audio/x-wav wav; }}
            server {{ listen 127.0.0.1:{port}; {what} }}
        }}"
    )
}
