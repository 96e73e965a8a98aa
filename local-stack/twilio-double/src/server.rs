//! A loopback HTTP server whose connections can be observed and severed, so that an answer can break at an exact byte.
//!
//! hyper drops a connection whose body fails, together with everything in its buffer. A client would receive anything
//! between 0 and 100 bytes of a body that is cut after 100. [`Connection::flushed`] returns when hyper has passed
//! everything to the kernel.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    Router,
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
};

/// A loopback port that is bound but not yet served. Answers contain absolute URLs, so the address must be known before
/// the routes are built.
#[derive(Debug)]
pub(super) struct Port {
    listener: TcpListener,
    base: String,
}

impl Port {
    /// Binds a free port.
    pub(super) async fn take() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let base = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, base })
    }

    /// `http://127.0.0.1:port`.
    pub(super) fn base(&self) -> &str {
        &self.base
    }

    /// Serves `routes` on the current runtime until the returned value is dropped.
    pub(super) fn serve(self, routes: Router) -> Server {
        let (running, stopped) = oneshot::channel::<()>();
        let service = routes.into_make_service_with_connect_info::<Connection>();
        let serving = axum::serve(WatchedListener(self.listener), service).with_graceful_shutdown(async move {
            // Nothing is ever sent: dropping the sender is the signal.
            let _ = stopped.await;
        });
        tokio::spawn(serving.into_future());
        Server {
            base: self.base,
            _running: running,
        }
    }
}

/// A running server. Dropping it closes the listener and every idle connection.
#[derive(Debug)]
pub(super) struct Server {
    base: String,
    _running: oneshot::Sender<()>,
}

impl Server {
    /// `http://127.0.0.1:port`.
    pub(super) fn base(&self) -> String {
        self.base.clone()
    }
}

/// The connection of a request.
#[derive(Clone, Debug)]
pub(super) struct Connection(Arc<Wire>);

impl Connection {
    /// Waits until hyper has passed to the kernel everything that it received before the call.
    pub(super) async fn flushed(&self) {
        let mut flushes = self.0.flushes.subscribe();
        // `self` holds the sender, so this ends only after a flush.
        let _ = flushes.changed().await;
    }

    /// Sends no further byte: the client sees the connection end.
    pub(super) fn sever(&self) {
        self.0.severed.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, WatchedListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, WatchedListener>) -> Self {
        Self(Arc::clone(&stream.io().wire))
    }
}

#[derive(Debug, Default)]
struct Wire {
    flushes: watch::Sender<u64>,
    severed: AtomicBool,
}

#[derive(Debug)]
struct WatchedListener(TcpListener);

impl Listener for WatchedListener {
    type Io = WatchedStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (
            WatchedStream {
                stream,
                wire: Arc::default(),
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

#[derive(Debug)]
struct WatchedStream {
    stream: TcpStream,
    wire: Arc<Wire>,
}

impl AsyncRead for WatchedStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for WatchedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.wire.severed.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.wire.flushes.send_modify(|count| *count += 1);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
