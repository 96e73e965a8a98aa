//! Loopback ports.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    ops::Range,
    sync::{
        OnceLock,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// The range is above the well-known ports and below the ports that Linux, macOS and Windows use for outgoing
/// connections (32768 and up).
///
/// A port that the system assigns (`bind` to 0) comes from the range for outgoing connections. Before the server binds
/// it, any connection of the machine may use it. A client that connects to it meanwhile may even be connected to
/// itself.
const PORTS: Range<u16> = 15_000..32_000;

/// A loopback port on which no process listens at the moment, never the same twice in one process. Another process may
/// use it first. Therefore, the caller must check that its server has started.
///
/// # Errors Returns an error if no port of the range can be bound.
pub fn free_port() -> io::Result<u16> {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    // Processes that start at the same time begin at different ports.
    let next = NEXT.get_or_init(|| AtomicU16::new(RandomState::new().build_hasher().finish() as u16));

    for _ in PORTS {
        let port = PORTS.start + next.fetch_add(1, Ordering::Relaxed) % (PORTS.end - PORTS.start);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "no free loopback port"))
}

/// Waits until a loopback port accepts connections.
///
/// # Errors [`io::ErrorKind::TimedOut`] if the port accepts none within the bound.
pub fn wait_for_tcp(port: u16, bound: Duration) -> io::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let deadline = Instant::now() + bound;
    while TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_err() {
        if Instant::now() >= deadline {
            let text = format!("nothing listens on {address} after {} s", bound.as_secs_f32());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_free_port_is_in_use_once_it_accepts() {
        let listener = (0..10)
            .find_map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, free_port().unwrap())).ok())
            .unwrap();
        wait_for_tcp(listener.local_addr().unwrap().port(), Duration::from_secs(5)).unwrap();
    }

    #[test]
    fn no_port_is_given_twice() {
        let ports: HashSet<u16> = (0..100).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 100);
    }

    #[test]
    fn waiting_for_nobody_ends() {
        let error = wait_for_tcp(free_port().unwrap(), Duration::ZERO).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
