//! Sets `TCP_NODELAY` on the connections to Lambda's Runtime API.
//!
//! lambda_runtime 1.5.0 doesn't set the option, and its connection can't be replaced. A streamed reply begins and ends
//! with small writes. Each of them waits until the one before is acknowledged, which takes 40 ms if the other side
//! delays its acknowledgements as Linux does. S3 needs less time to answer (measured in docs/BENCHMARKS.md).

use std::{env, fs, io, net::SocketAddr, os::fd::OwnedFd, sync::Once};

use rustix::{
    io::Errno,
    net::{getpeername, sockopt::set_tcp_nodelay},
    process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
};

/// Set by Lambda: host and port.
const ENV_RUNTIME_API: &str = "AWS_LAMBDA_RUNTIME_API";

/// The connections to the Runtime API.
#[derive(Clone, Copy, Debug)]
pub struct RuntimeSocket {
    address: Option<SocketAddr>,
}

impl RuntimeSocket {
    /// Reads the address of the Runtime API from the environment.
    pub fn from_env() -> Self {
        let address = env::var(ENV_RUNTIME_API).ok();
        Self {
            address: address.as_deref().and_then(parse),
        }
    }

    /// Sets `TCP_NODELAY` on every connection to the Runtime API. Each invocation must call it before it answers,
    /// because the runtime may have opened a new connection. A failure only costs time, so it is logged once for each
    /// process.
    pub fn send_at_once(&self) {
        let Some(address) = self.address else { return };
        if let Err(error) = sockets_to(address, |socket| Ok(set_tcp_nodelay(socket, true)?)) {
            static LOGGED: Once = Once::new();
            LOGGED
                .call_once(|| tracing::warn!(%error, "could not set TCP_NODELAY on the connection to the Runtime API"));
        }
    }
}

/// Parses `host:port`, and the form with a scheme and a path that emulators use.
fn parse(text: &str) -> Option<SocketAddr> {
    let text = text.strip_prefix("http://").unwrap_or(text);
    text.split('/').next()?.parse().ok()
}

/// Calls `each` for every socket of this process that is connected to `address`.
///
/// A descriptor that another module owns can't be borrowed safely by its number. It is duplicated instead, and the
/// duplicate is the same socket.
fn sockets_to(address: SocketAddr, each: impl Fn(&OwnedFd) -> io::Result<()>) -> io::Result<()> {
    let process = pidfd_open(getpid(), PidfdFlags::empty())?;
    for entry in fs::read_dir("/proc/self/fd")? {
        let Some(number) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let descriptor = match pidfd_getfd(&process, number, PidfdGetfdFlags::empty()) {
            // The descriptor has been closed since it was listed.
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
