//! The connection to Lambda's Runtime API, made to send at once.
//!
//! lambda_runtime 1.5.0 makes it without `TCP_NODELAY` and lets nobody else make it. A streamed reply begins and ends with
//! small writes, and each of them waits until the one before is acknowledged: 40 ms, where the other side delays its
//! acknowledgements as Linux does. That is longer than S3 takes to answer (measured: docs/BENCHMARKS.md).

use std::{env, fs, io, net::SocketAddr, os::fd::OwnedFd, sync::Once};

use rustix::{
    io::Errno,
    net::{getpeername, sockopt::set_tcp_nodelay},
    process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
};

/// Set by Lambda: host and port.
const ENV_RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The Runtime API's address.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeSocket {
    address: Option<SocketAddr>,
}

impl RuntimeSocket {
    /// The one that this process is told of.
    pub fn from_env() -> Self {
        let address = env::var(ENV_RUNTIME_API).ok();
        Self {
            address: address.as_deref().and_then(parse),
        }
    }

    /// Sets `TCP_NODELAY` on every connection to the Runtime API. To be called by each invocation, before it answers: the
    /// runtime may have connected anew. Whatever fails costs time and nothing else, so it's logged once a process.
    pub fn send_at_once(&self) {
        let Some(address) = self.address else { return };
        if let Err(error) = sockets_to(address, |socket| Ok(set_tcp_nodelay(socket, true)?)) {
            static TOLD: Once = Once::new();
            TOLD.call_once(|| tracing::warn!(%error, "the connection to the runtime API keeps its delays"));
        }
    }
}

/// `host:port`, and the form with scheme and path that emulators use.
fn parse(text: &str) -> Option<SocketAddr> {
    let text = text.strip_prefix("http://").unwrap_or(text);
    text.split('/').next()?.parse().ok()
}

/// Has `each` look at every socket of this process that is connected to `address`.
///
/// A descriptor of somebody else's can't be borrowed safely by its number: it's duplicated, which names the same socket.
fn sockets_to(address: SocketAddr, each: impl Fn(&OwnedFd) -> io::Result<()>) -> io::Result<()> {
    let process = pidfd_open(getpid(), PidfdFlags::empty())?;
    for entry in fs::read_dir("/proc/self/fd")? {
        let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let descriptor = match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
            // Closed since it was listed.
            Err(Errno::BADF) => continue,
            duplicate => duplicate?,
        };
        // Files and pipes have no peer.
        let peer = getpeername(&descriptor).ok().flatten();
        if peer.and_then(|peer| SocketAddr::try_from(peer).ok()) == Some(address) {
            each(&descriptor)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn connections_to_the_runtime_api_send_at_once_and_no_others_do() {
        let [api, other] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [to_api, also, to_other] =
            [&api, &api, &other].map(|server| TcpStream::connect(server.local_addr().unwrap()).unwrap());
        let socket = RuntimeSocket {
            address: Some(api.local_addr().unwrap()),
        };
        assert!(!to_api.nodelay().unwrap());

        socket.send_at_once();

        assert!(to_api.nodelay().unwrap() && also.nodelay().unwrap());
        assert!(!to_other.nodelay().unwrap());
    }

    #[test]
    fn the_address_is_read_as_lambda_and_as_emulators_give_it() {
        for (text, port) in [("127.0.0.1:9001", 9001), ("http://127.0.0.1:80/playback/.rt/x", 80)] {
            assert_eq!(parse(text), Some(SocketAddr::from(([127, 0, 0, 1], port))), "{text}");
        }
        for text in ["", "127.0.0.1", "runtime:9001", "/"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
