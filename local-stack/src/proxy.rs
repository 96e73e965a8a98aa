//! The HTTP plumbing that the wire, the front and the runtime API share: a loopback server that hands requests on as they
//! are, and a client to one other loopback server.

use std::{convert::Infallible, io, net::Ipv4Addr};

use bytes::Bytes;
use http::{
    Request, Response, Uri,
    header::{CONNECTION, EXPECT, HeaderMap, TRANSFER_ENCODING},
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokio::net::{TcpListener, TcpSocket};

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// An error in it breaks the connection, so that the other side can't take what it got for the whole.
pub(crate) type Body = UnsyncBoxBody<Bytes, Error>;

/// Bytes that wait in a socket for whoever reads from it. Linux lets it grow by itself, to 32 MB where it may; on five
/// sockets in a row that is most of a recording, on its way to a listener who takes nothing.
const RECEIVE_BUFFER: u32 = 256 * 1024;

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// A listener on a loopback port of the system's choice, and that port.
pub(crate) async fn listen() -> io::Result<(TcpListener, u16)> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = socket.listen(1_024)?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// Serves HTTP/1.1 in the background, as long as the current runtime lives. A handler that fails drops the connection
/// without an answer.
pub(crate) fn serve<H, F>(listener: TcpListener, handler: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Body>, Error>> + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            // Accepting fails only for a connection that's gone already, or when descriptors run out for a moment.
            let Ok((connection, _)) = listener.accept().await else {
                continue;
            };
            let handler = handler.clone();
            tokio::spawn(async move {
                // Broken connections are the callers' business, and often what a test asked for.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(connection), service_fn(handler))
                    .await;
            });
        }
    });
}

/// A client of one server on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    client: Client<HttpConnector, Body>,
    authority: Authority,
}

impl Upstream {
    /// The server on a loopback port.
    pub(crate) fn new(port: u16) -> Self {
        let authority = Authority::try_from(format!("127.0.0.1:{port}"));
        // A new connection for each request costs little on loopback, and none is ever found dead.
        let mut connector = HttpConnector::new();
        connector.set_recv_buffer_size(Some(RECEIVE_BUFFER as usize));
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self {
            client,
            authority: authority.expect("an address and a number make an authority"),
        }
    }

    /// Sends a request to this server, whatever server its URI names; `Host` and everything else stay as they are.
    pub(crate) async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Error> {
        let (mut parts, body) = request.into_parts();
        let mut uri = parts.uri.into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(self.authority.clone());
        uri.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
        parts.uri = Uri::from_parts(uri)?;
        strip_hop_by_hop(&mut parts.headers);
        let mut response = self.client.request(Request::from_parts(parts, body)).await?;
        strip_hop_by_hop(response.headers_mut());
        Ok(response.map(pass_on))
    }
}

/// What one connection says about itself isn't true of the next one (RFC 9110 7.6.1). `Expect` is answered by the server
/// as soon as the body is read.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    for name in [CONNECTION, EXPECT, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}

/// A received body, to be sent on.
pub(crate) fn pass_on(body: Incoming) -> Body {
    body.map_err(Error::from).boxed_unsync()
}
