//! *nginx*: the same recording in plaintext, from a file or from S3, with links and headers like the function's.

use std::{fs, process::Command, time::Duration};

use toolbox::{Process, Scratch, free_port};

use crate::{Failure, names};

/// A running nginx, which is stopped on drop.
pub(super) struct Nginx {
    port: u16,
    _process: Process,
    _scratch: Scratch,
}

impl Nginx {
    /// Serves `audio` from a file.
    pub(super) fn serving(audio: &[u8]) -> Result<Self, Failure> {
        let scratch = Scratch::new()?;
        fs::write(scratch.path().join("recording.wav"), audio)?;
        Self::start(scratch, "", "try_files /recording.wav =404;")
    }

    /// Forwards to an object of the server, over kept connections.
    pub(super) fn before(s3: u16, key: &str) -> Result<Self, Failure> {
        let upstream = format!("upstream s3 {{ server 127.0.0.1:{s3}; keepalive 8; }}");
        let location = format!(
            "rewrite ^ /{}/{key}? break;
            proxy_pass http://s3; proxy_http_version 1.1; proxy_set_header Connection ''; proxy_max_temp_file_size 0;",
            names::BUCKET
        );
        Self::start(Scratch::new()?, &upstream, &location)
    }

    fn start(scratch: Scratch, upstream: &str, location: &str) -> Result<Self, Failure> {
        let (folder, port) = (scratch.path(), free_port()?);
        fs::write(folder.join("nginx.conf"), configuration(port, upstream, location))?;
        let mut command = Command::new(toolbox::nginx()?);
        command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]);
        let process = Process::start("nginx", command, folder.join("nginx.log"))?;
        process.wait_for_tcp(port, Duration::from_secs(30))?;
        Ok(Self {
            port,
            _process: process,
            _scratch: scratch,
        })
    }

    pub(super) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Every recording is the same file, and every request for a link gets one. The headers are the function's.
fn configuration(port: u16, upstream: &str, location: &str) -> String {
    format!(
        "daemon off; master_process off; pid nginx.pid;
        events {{}}
        http {{
            access_log off; sendfile on; tcp_nodelay on;
            {upstream}
            client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
            server {{
                listen 127.0.0.1:{port};
                root .;
                add_header Cache-Control 'private, no-store';
                add_header Vary 'Origin, Sec-Fetch-Dest, Sec-CH-UA, User-Agent';
                add_header Access-Control-Allow-Origin https://flex.twilio.com;
                add_header Access-Control-Allow-Methods 'GET, OPTIONS';
                add_header Access-Control-Allow-Headers 'Authorization, Range';
                add_header Access-Control-Max-Age 7200;
                location = /media-url {{
                    default_type application/json;
                    if ($request_method = OPTIONS) {{ return 200 '{{}}'; }}
                    return 200 '{{\"media_url\":\"http://127.0.0.1:{port}/recordings/$arg_recordingSid?X-Amz-Expires=3600\"}}';
                }}
                location /recordings/ {{
                    default_type audio/x-wav;
                    {location}
                }}
            }}
        }}"
    )
}
