//! Sockets that can be reset on command, and answers that do not arrive whole.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use futures_util::stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use crate::ends::{Ends, TOO_MANY_CONNECTIONS, WRITE_TIMEOUT};
use crate::protocol::{Delivery, Served};
use crate::server::Shell;

/// The first half of a body is on its way within this time.
const HALF_SENT_WITHIN: Duration = Duration::from_millis(20);

/// A connection that fails, and is reset when dropped, once its peer's [`Peer::reset`] was called.
pub(crate) struct Connection {
    stream: TcpStream,
    peer: Peer,
    /// Ends a write of which the client takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
    write_within: Duration,
    ends: Arc<Ends>,
    /// It counts as long as it is there, also after an upgrade.
    _place: OwnedSemaphorePermit,
}

/// The other end of a connection.
#[derive(Clone)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: SocketAddr,
    state: Arc<PeerState>,
}

#[derive(Default)]
struct PeerState {
    is_reset: AtomicBool,
    has_begun: AtomicBool,
}

impl Peer {
    /// From now on nothing more leaves on this connection; it ends by a TCP reset.
    pub(crate) fn reset(&self) {
        self.state.is_reset.store(true, Ordering::Release);
    }

    /// Its request is answered; what comes now is the next.
    pub(crate) fn answered(&self) {
        self.state.has_begun.store(false, Ordering::Release);
    }

    /// Whether something came since the last answer.
    pub(crate) fn has_begun(&self) -> bool {
        self.state.has_begun.load(Ordering::Acquire)
    }
}

/// The next connection for which there is a place; others are reset and counted.
pub(crate) async fn accept(
    listener: &mut TcpListener,
    places: &Arc<Semaphore>,
    shell: &Shell,
) -> (Connection, Peer) {
    let (stream, address, place) = loop {
        // axum's own accept waits out errors such as too many open files.
        let (stream, address) = Listener::accept(listener).await;
        if let Ok(place) = Arc::clone(places).try_acquire_owned() {
            break (stream, address, place);
        }
        shell.ends.note(TOO_MANY_CONNECTIONS);
        reset(&stream);
    };
    let peer = Peer {
        address,
        state: Arc::default(),
    };
    let connection = Connection {
        stream,
        peer: peer.clone(),
        stalled: None,
        write_within: shell.bounds.write,
        ends: Arc::clone(&shell.ends),
        _place: place,
    };
    (connection, peer)
}

impl Connection {
    fn check(&self) -> io::Result<()> {
        if self.peer.state.is_reset.load(Ordering::Acquire) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }

    /// Gives on what a write came to, and bounds how long it comes to nothing.
    fn bounded(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let within = self.write_within;
        let sleep = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(within)));
        ready!(sleep.as_mut().poll(cx));
        self.ends.note(WRITE_TIMEOUT);
        self.peer.reset();
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Lets a stream end by a TCP reset when it is dropped.
fn reset(stream: &TcpStream) {
    // Where this fails, the peer sees an end in place of a reset: as good a failure.
    let _ended_otherwise = stream.set_zero_linger();
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.check().is_err() {
            reset(&self.stream);
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
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.peer.state.has_begun.store(true, Ordering::Release);
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.bounded(cx, written)
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
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.bounded(cx, written)
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
