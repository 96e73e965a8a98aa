//! Addresses that give no proper answer.

use std::{
    future::pending,
    io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use url::Url;

use crate::{serve::listen, server::url_of};

/// A server that answers the first request of every connection with exactly these bytes and then closes the connection.
///
/// # Panics
/// When no port is free.
pub async fn raw(bytes: &'static [u8]) -> Url {
    let (listener, port) = listen().await.expect("a free port");
    tokio::spawn(async move {
        loop {
            if let Ok((connection, _)) = listener.accept().await {
                // A client that has gone needs no answer.
                let _ = answer_raw(connection, bytes).await;
            }
        }
    });
    url_of(port)
}

async fn answer_raw(mut connection: TcpStream, bytes: &[u8]) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(connection.read_u8().await?);
    }
    connection.write_all(bytes).await
}

/// A server that accepts connections and never answers.
///
/// # Panics
/// When no port is free.
pub async fn silent() -> Url {
    let (listener, port) = listen().await.expect("a free port");
    tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            open.push(listener.accept().await);
        }
    });
    url_of(port)
}

/// An address at which no server listens.
///
/// # Panics
/// When no port is free.
pub async fn absent() -> Url {
    // The port is bound, so that no other test's server gets it, but it does not listen.
    let bind = || {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let port = socket.local_addr()?.port();
        io::Result::Ok((socket, port))
    };
    let (socket, port) = bind().expect("a free port");
    tokio::spawn(async move {
        let _bound = socket;
        pending::<()>().await;
    });
    url_of(port)
}
