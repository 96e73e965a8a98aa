//! An HTTP proxy for `CONNECT` (RFC 9110, section 9.3.6) that is the server of the deployed addresses itself.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::TcpStream,
};
use tokio_rustls::TlsAcceptor;

use super::service::Service;

/// A client's whole request to connect is far shorter.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Serves as long as the current runtime lives. Returns the proxy's URL.
pub(super) async fn serve(acceptor: TlsAcceptor, service: Arc<Service>) -> io::Result<String> {
    let (listener, port) = loopback::listen().await?;
    tokio::spawn(async move {
        loop {
            let Ok((connection, _)) = listener.accept().await else {
                continue;
            };
            let (acceptor, service) = (acceptor.clone(), Arc::clone(&service));
            tokio::spawn(async move {
                // A client that has gone needs no answer.
                let _ = connect(connection, &acceptor, &service).await;
            });
        }
    });
    Ok(format!("http://127.0.0.1:{port}"))
}

async fn connect(mut client: TcpStream, acceptor: &TlsAcceptor, service: &Service) -> io::Result<()> {
    let head = head(&mut client).await?;
    let host = host(&head).unwrap_or_default();
    let port = match service.port(host).await {
        Ok(port) => port,
        Err(error) => {
            eprintln!("account: {host}: {error}");
            return client
                .write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                .await;
        }
    };
    client.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await?;
    let mut client = acceptor.accept(client).await?;
    let mut front = TcpStream::connect(("127.0.0.1", port)).await?;
    copy_bidirectional(&mut client, &mut front).await?;
    Ok(())
}

/// Nothing follows the head before the proxy has answered.
async fn head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAX_HEAD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(client.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// The host of a request for a connection to the port of HTTPS.
fn host(head: &str) -> Option<&str> {
    head.strip_prefix("CONNECT ")?.split(' ').next()?.strip_suffix(":443")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_request_for_an_https_connection_names_a_host() {
        let of = |line: &str| host(&format!("{line} HTTP/1.1\r\n\r\n")).map(str::to_owned);
        assert_eq!(of("CONNECT a.example.com:443"), Some("a.example.com".to_owned()));
        for other in ["CONNECT a.example.com:80", "GET http://a.example.com/", "CONNECT"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
