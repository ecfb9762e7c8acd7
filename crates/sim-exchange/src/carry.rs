//! One client's WebSocket: what waits for it is bounded, and its end does not depend on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::protocol::{ConnId, Outgoing};
use crate::server::{Call, Clock, Frame};
use crate::sockets::Peer;

/// Frames that may wait for one client; a client that lets more wait is disconnected, never waited for.
const FRAMES_MAX: usize = 4_096;
/// Bytes of frames that may wait for one client.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// A client that does not take its last frames within this time is reset.
const LAST_FRAMES_WITHIN: Duration = Duration::from_secs(5);

/// A frame that is there within this time of the reader's turning to the socket may have waited there while the reader waited
/// for the exchange.
const AT_ONCE: Duration = Duration::from_millis(50);

/// Frames on their way to one client, seen from the exchange.
pub(crate) struct Outbox {
    frames: mpsc::Sender<Outgoing>,
    bytes: Arc<AtomicUsize>,
    end: oneshot::Sender<Duration>,
}

/// What became of a frame.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It waits for its turn.
    Waits,
    /// Too much waits already: the client is too slow.
    NoRoom,
    /// The socket has ended.
    Gone,
}

/// Frames on their way to one client, seen from its socket.
pub(crate) struct Frames {
    waiting: mpsc::Receiver<Outgoing>,
    bytes: Arc<AtomicUsize>,
    /// How much longer the socket has, once the exchange is done with it.
    end: oneshot::Receiver<Duration>,
}

/// A way from the exchange to one client.
pub(crate) fn outbox() -> (Outbox, Frames) {
    let (frames, waiting) = mpsc::channel(FRAMES_MAX);
    let (end, ended) = oneshot::channel();
    let bytes = Arc::new(AtomicUsize::new(0));
    let outbox = Outbox {
        frames,
        bytes: Arc::clone(&bytes),
        end,
    };
    let frames = Frames {
        waiting,
        bytes,
        end: ended,
    };
    (outbox, frames)
}

fn length(outgoing: &Outgoing) -> usize {
    match outgoing {
        Outgoing::Text(text) | Outgoing::Ping(text) => text.len(),
        Outgoing::Close(..) | Outgoing::Reset => 0,
    }
}

impl Outbox {
    /// Puts a frame into the queue.
    pub(crate) fn push(&self, outgoing: Outgoing) -> Pushed {
        let length = length(&outgoing);
        let waiting = self.bytes.fetch_add(length, Ordering::Relaxed);
        if waiting.saturating_add(length) > BYTES_MAX {
            return Pushed::NoRoom;
        }
        match self.frames.try_send(outgoing) {
            Ok(()) => Pushed::Waits,
            Err(TrySendError::Full(_)) => Pushed::NoRoom,
            Err(TrySendError::Closed(_)) => Pushed::Gone,
        }
    }

    /// No frame follows: those that wait still go out, in a bounded time.
    pub(crate) fn end(self) {
        self.end_within(LAST_FRAMES_WITHIN);
    }

    /// Ends a client that does not keep up: what waits for it is lost.
    pub(crate) fn cut(self) {
        self.end_within(Duration::ZERO);
    }

    fn end_within(self, time: Duration) {
        // A socket that has ended already need not be told.
        let _ended_already = self.end.send(time);
    }
}

/// Carries frames both ways until either side ends.
pub(crate) async fn carry(
    socket: WebSocket,
    id: ConnId,
    peer: Peer,
    (calls, clock): (mpsc::Sender<Call>, Clock),
    frames: Frames,
) {
    let (sink, mut stream) = socket.split();
    let Frames {
        waiting,
        bytes,
        end: ended,
    } = frames;
    let incoming = calls.clone();
    let reader = async move {
        let (mut since, mut looked_at) = (clock.now(), clock.now());
        while let Some(Ok(message)) = stream.next().await {
            let now = clock.now();
            if now.since(looked_at) > AT_ONCE {
                since = now;
            }
            let frame = match message {
                Message::Text(text) => Frame::Text(text.to_string()),
                Message::Pong(payload) => Frame::Pong(payload),
                // The library has answered it.
                Message::Ping(_) => Frame::Ping,
                Message::Close(_) => return,
                // The venue has no binary requests.
                Message::Binary(_) => continue,
            };
            if incoming.send(Call::Frame(id, since, frame)).await.is_err() {
                return;
            }
            looked_at = clock.now();
        }
    };
    let end = async {
        // A client that does not read would keep its socket, and what waits for it, for ever.
        let time = ended.await.unwrap_or(LAST_FRAMES_WITHIN);
        tokio::time::sleep(time).await;
        peer.reset();
    };
    tokio::select! {
        () = write(sink, waiting, &bytes, &peer) => {},
        () = reader => {},
        () = end => {},
    }
    // The exchange may be gone already; then so is the connection's entry.
    let _exchange_is_gone = calls.send(Call::Closed(id)).await;
}

/// Writes what waits until there is no more to come.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut waiting: mpsc::Receiver<Outgoing>,
    bytes: &AtomicUsize,
    peer: &Peer,
) {
    while let Some(first) = waiting.recv().await {
        let mut next = Some(first);
        // One flush for all that waits.
        while let Some(outgoing) = next {
            let length = length(&outgoing);
            let message = match outgoing {
                Outgoing::Text(text) => Message::Text(text.as_ref().into()),
                Outgoing::Ping(payload) => Message::Ping(Bytes::copy_from_slice(payload.as_bytes())),
                Outgoing::Close(code, reason) => Message::Close(Some(CloseFrame {
                    code,
                    reason: reason.into(),
                })),
                Outgoing::Reset => {
                    peer.reset();
                    return;
                }
            };
            if sink.feed(message).await.is_err() {
                return;
            }
            bytes.fetch_sub(length, Ordering::Relaxed);
            next = waiting.try_recv().ok();
        }
        if sink.flush().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(length: usize) -> Outgoing {
        Outgoing::Text("x".repeat(length).into())
    }

    #[test]
    fn so_many_frames_wait_for_a_client_and_no_more() {
        let (outbox, frames) = outbox();
        for _ in 0..FRAMES_MAX {
            assert!(outbox.push(text(1)) == Pushed::Waits);
        }
        assert!(outbox.push(text(1)) == Pushed::NoRoom);
        drop(frames);
        assert!(outbox.push(text(1)) == Pushed::Gone);
    }

    #[test]
    fn so_many_bytes_wait_for_a_client_and_no_more() {
        let (outbox, _frames) = outbox();
        assert!(outbox.push(text(BYTES_MAX)) == Pushed::Waits);
        assert!(outbox.push(text(1)) == Pushed::NoRoom);
    }
}
