//! A client of one server.

use http::{
    Request, Response, Uri,
    header::{CONNECTION, EXPECT, HeaderMap, TRANSFER_ENCODING},
    uri::{Authority, PathAndQuery, Scheme},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use crate::{Body, Error, body::pass_on, serve::RECEIVE_BUFFER};

/// Sends requests to one server.
#[derive(Clone, Debug)]
pub struct Upstream {
    client: Client<HttpConnector, Body>,
    authority: Authority,
}

impl Upstream {
    /// The server on a loopback port.
    #[must_use]
    pub fn new(port: u16) -> Self {
        let authority = Authority::try_from(format!("127.0.0.1:{port}"));
        Self::of(authority.expect("an address and a number make an authority"))
    }

    /// The server at an endpoint's URL, `http://HOST:PORT`.
    ///
    /// # Errors
    /// When the URL has no host.
    pub fn at(endpoint: &str) -> Result<Self, Error> {
        let authority = endpoint.parse::<Uri>()?.into_parts().authority;
        Ok(Self::of(authority.ok_or("an endpoint without a host")?))
    }

    fn of(authority: Authority) -> Self {
        // A new connection for each request costs little on loopback, and it is never dead when it is used.
        let mut connector = HttpConnector::new();
        connector.set_recv_buffer_size(Some(RECEIVE_BUFFER as usize));
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Self { client, authority }
    }

    /// Sends a request to this server, whatever server its URI names. `Host` and the other headers are kept.
    ///
    /// # Errors
    /// When the server cannot be reached, or closes the connection before the head of its answer.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, Error> {
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

/// Removes the headers that describe one connection only (RFC 9110 7.6.1). `Expect` is answered by the server as soon
/// as the body is read.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    for name in [CONNECTION, EXPECT, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
}
