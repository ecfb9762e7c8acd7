//! Sockets that can be reset on command, and answers that do not arrive whole.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use futures_util::stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::protocol::{Delivery, Served};

/// The first half of a body is on its way within this time.
const HALF_SENT_WITHIN: Duration = Duration::from_millis(20);

/// A listener whose connections can be reset.
pub(crate) struct Resettable(pub(crate) TcpListener);

/// A connection that fails, and is reset when dropped, once its peer's [`Peer::reset`] was called.
pub(crate) struct Connection {
    stream: TcpStream,
    is_reset: Arc<AtomicBool>,
}

/// The other end of a connection.
#[derive(Clone)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: SocketAddr,
    is_reset: Arc<AtomicBool>,
}

impl Peer {
    /// From now on nothing more leaves on this connection; it ends by a TCP reset.
    pub(crate) fn reset(&self) {
        self.is_reset.store(true, Ordering::Release);
    }
}

impl Connected<IncomingStream<'_, Resettable>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Resettable>) -> Self {
        Self {
            address: *stream.remote_addr(),
            is_reset: Arc::clone(&stream.io().is_reset),
        }
    }
}

impl Listener for Resettable {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        // axum's own accept waits out errors such as too many open files.
        let (stream, address) = Listener::accept(&mut self.0).await;
        let is_reset = Arc::new(AtomicBool::new(false));
        (Connection { stream, is_reset }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connection {
    fn check(&self) -> io::Result<()> {
        if self.is_reset.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.check().is_err() {
            // Where this fails, the peer sees an end in place of a reset: as good a failure.
            let _ended_otherwise = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Lets an answer travel as it was decided. `whole` makes the response of it.
pub(crate) async fn deliver(
    served: Served,
    peer: &Peer,
    shutdown: &CancellationToken,
    whole: impl FnOnce(crate::protocol::HttpResponse) -> Response,
) -> Response {
    if !served.delay.is_zero() {
        tokio::time::sleep(served.delay).await;
    }
    match served.delivery {
        Delivery::Whole => whole(served.response),
        Delivery::Reset => {
            peer.reset();
            ().into_response()
        }
        Delivery::Silence => {
            // The client ends this by hanging up: the future is dropped then.
            shutdown.cancelled().await;
            peer.reset();
            ().into_response()
        }
        Delivery::Cut => {
            let body = served.response.body.clone();
            let mut response = whole(served.response);
            let (length, length_of_half) = (HeaderValue::from(body.len()), body.len() / 2);
            let half = Bytes::from(body).split_to(length_of_half);
            let parts = stream::unfold(Some(half), |half| async move {
                if let Some(half) = half {
                    return Some((Ok(half), None));
                }
                // What was given before is flushed while this waits.
                tokio::time::sleep(HALF_SENT_WITHIN).await;
                Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
            });
            *response.body_mut() = Body::from_stream(parts);
            response.headers_mut().insert(header::CONTENT_LENGTH, length);
            response
        }
    }
}
