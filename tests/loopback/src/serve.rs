//! The listener, and the connections that it accepts.

use std::{io, net::Ipv4Addr};

use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};

use crate::{Body, Error};

/// The size of a socket's receive buffer in bytes. Linux lets the buffer grow to 32 MB by itself. With five sockets in a
/// row, most of a recording would be on its way to a listener who reads nothing.
pub(crate) const RECEIVE_BUFFER: u32 = 256 * 1024;

/// A listener on a free port of 127.0.0.1, and that port.
///
/// # Errors
/// When the system has no port or no descriptor left.
pub async fn listen() -> io::Result<(TcpListener, u16)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = socket.listen(1_024)?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// Serves HTTP/1.1 in the background until the current runtime ends. If `handler` fails, the connection is closed without
/// an answer.
pub fn serve<H, F>(listener: TcpListener, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Body>, Error>> + Send + 'static,
{
    serve_each(listener, move || handler.clone());
}

/// The same with a handler of its own for each connection.
pub(crate) fn serve_each<M, H, F>(listener: TcpListener, handler_of_connection: M)
where
    M: Fn() -> H + Send + 'static,
    H: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Result<Response<Body>, Error>> + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            // `accept` fails only if the connection is gone already, or if descriptors run out for a moment.
            let Ok((connection, _)) = listener.accept().await else {
                continue;
            };
            let service = service_fn(handler_of_connection());
            tokio::spawn(async move {
                // Clients notice a broken connection themselves, and tests often break one on purpose.
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(connection), service)
                    .await;
            });
        }
    });
}
