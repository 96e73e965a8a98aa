//! A distance between a measured program and the server: a TCP relay that delays everything by half a round trip in each
//! direction.
//!
//! On loopback, a connection is established at once. Between two machines, that takes a round trip before the client can
//! send anything. The relay therefore holds back a connection's first bytes by one more round trip.
//!
//! It runs on threads, because Tokio's timer is exact only to a millisecond.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::{Failure, measure::longest_chain};

/// More than the server sends at once.
const CHUNK: usize = 64 * 1024;

/// A round trip: from when a client could send something until it could read the first answer to it.
#[derive(Clone, Copy, Debug)]
struct Trip {
    /// When its connection was made.
    connected: Instant,
    begun: Instant,
    ended: Instant,
}

/// The round trips of all relays that share this log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trips(Arc<Mutex<Vec<Trip>>>);

impl Trips {
    /// The length of the longest chain of trips in which each begins after the one before has ended. Only trips until `end`
    /// on connections that were made since `begin` count.
    pub(crate) fn sequential(&self, begin: Instant, end: Instant) -> usize {
        let trips = self.all();
        let counted = trips.iter().filter(|trip| trip.connected >= begin && trip.ended <= end);
        longest_chain(counted.map(|trip| (trip.begun, trip.ended)).collect())
    }

    fn push(&self, trip: Trip) {
        self.all().push(trip);
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<Trip>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Relays to `server` from a free port, which is returned, for as long as the harness runs.
pub(crate) fn relay(server: u16, round_trip: Duration, trips: &Trips) -> Result<u16, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    let trips = trips.clone();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let accepted = Instant::now();
            let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)) else {
                continue;
            };
            let established = accepted + round_trip;
            trips.push(Trip {
                connected: accepted,
                begun: accepted,
                ended: established,
            });
            let connection = Arc::new(Connection {
                accepted,
                established,
                one_way: round_trip / 2,
                sent: Mutex::new(None),
                trips: trips.clone(),
            });
            for (from, to, is_request) in [(&client, &upstream, true), (&upstream, &client, false)] {
                // A connection that has ended needs no relay.
                if let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) {
                    carry(from, to, is_request, Arc::clone(&connection));
                }
            }
        }
    });
    Ok(port)
}

struct Connection {
    accepted: Instant,
    established: Instant,
    one_way: Duration,
    /// When the client sent the first bytes that have no answer yet.
    sent: Mutex<Option<Instant>>,
    trips: Trips,
}

impl Connection {
    /// The time at which bytes that are read now arrive. An answer ends the trip of the bytes that it answers.
    fn arrival(&self, is_request: bool) -> Instant {
        let departure = Instant::now().max(self.established);
        let arrival = departure + self.one_way;
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if is_request {
            sent.get_or_insert(departure);
        } else if let Some(begun) = sent.take() {
            self.trips.push(Trip {
                connected: self.accepted,
                begun,
                ended: arrival,
            });
        }
        arrival
    }
}

/// Carries one direction, on a thread that reads and one that writes.
fn carry(mut from: TcpStream, mut to: TcpStream, is_request: bool, connection: Arc<Connection>) {
    let (departed, arriving) = mpsc::channel::<(Instant, Vec<u8>)>();
    thread::spawn(move || {
        let mut buffer = vec![0; CHUNK];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let arrival = connection.arrival(is_request);
            if departed.send((arrival, buffer[..read].to_vec())).is_err() {
                return;
            }
        }
    });
    thread::spawn(move || {
        // Both ends may be gone.
        let _ = to.set_nodelay(true);
        for (arrival, bytes) in arriving {
            thread::sleep(arrival.saturating_duration_since(Instant::now()));
            if to.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_its_answer_are_two_trips_on_a_new_connection_and_one_later() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = server.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut connection, _) = server.accept().unwrap();
            let mut byte = [0];
            while connection.read_exact(&mut byte).is_ok() {
                connection.write_all(&byte).unwrap();
            }
        });
        let (trips, round_trip, begun) = (Trips::default(), Duration::from_millis(4), Instant::now());
        let mut client = TcpStream::connect(("127.0.0.1", relay(port, round_trip, &trips).unwrap())).unwrap();
        let mut ask = || {
            client.write_all(b"?").unwrap();
            client.read_exact(&mut [0]).unwrap();
            trips.sequential(begun, Instant::now())
        };
        assert_eq!([ask(), ask()], [2, 3]);
    }
}
