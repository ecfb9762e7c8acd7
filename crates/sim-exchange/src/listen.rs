//! Connections: each is served on a task of its own, and has a bounded time for each step.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;

use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::ends::{HEAD_TIMEOUT, IDLE_TIMEOUT};
use crate::server::{Shell, handle};
use crate::sockets::{Connection, Peer, accept};

/// Serves all that connect until the shutdown; then waits for the requests under way.
pub(crate) async fn listen(mut listener: TcpListener, shell: Shell) {
    let tasks = TaskTracker::new();
    let places = Arc::new(Semaphore::new(shell.bounds.connections));
    loop {
        let (connection, peer) = tokio::select! {
            accepted = accept(&mut listener, &places, &shell) => accepted,
            () = shell.shutdown.cancelled() => break,
        };
        tasks.spawn(serve_connection(connection, peer, shell.clone()));
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn serve_connection(connection: Connection, peer: Peer, shell: Shell) {
    let (ends, shutdown, bounds) = (shell.ends.clone(), shell.shutdown.clone(), shell.bounds);
    let progress = peer.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (shell, peer) = (shell.clone(), peer.clone());
        async move {
            let answer = handle(&shell, &peer, request.map(Body::new)).await;
            peer.answered();
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.head)
        .serve_connection(TokioIo::new(connection), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if ended.is_err_and(|error| error.is_timeout()) {
        let reason = if progress.has_begun() {
            HEAD_TIMEOUT
        } else {
            IDLE_TIMEOUT
        };
        ends.note(reason);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::SinkExt;
    use tokio::sync::mpsc;
    use tokio_tungstenite::tungstenite::Message;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::ClientBounds;
    use crate::protocol::ConnId;
    use crate::server::{Call, Clock, Frame, IN_QUEUE_MAX};

    const HANGS: Duration = Duration::from_secs(20);

    async fn listening() -> (String, mpsc::Receiver<Call>, CancellationToken) {
        let (calls, inbox) = mpsc::channel(IN_QUEUE_MAX);
        let shutdown = CancellationToken::new();
        let shell = Shell {
            calls,
            clock: Clock::start(),
            bounds: ClientBounds::default(),
            ends: Arc::default(),
            shutdown: shutdown.clone(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/ws", listener.local_addr().unwrap());
        tokio::spawn(listen(listener, shell));
        (url, inbox, shutdown)
    }

    #[tokio::test]
    async fn so_many_frames_wait_for_the_exchange_and_none_of_the_others_is_lost() {
        let (url, mut inbox, shutdown) = listening().await;
        let opens = tokio::spawn(tokio_tungstenite::connect_async(url));
        let Some(Call::Open { reply, outbox, .. }) = inbox.recv().await else {
            unreachable!("a handshake is the first call");
        };
        assert!(reply.send(Ok(ConnId::default())).is_ok());
        let (mut socket, _) = opens.await.unwrap().unwrap();
        let sent = IN_QUEUE_MAX + 100;
        for number in 0..sent {
            socket.feed(Message::text(number.to_string())).await.unwrap();
        }
        socket.flush().await.unwrap();
        let is_full = async {
            while inbox.len() < IN_QUEUE_MAX {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(HANGS, is_full).await.unwrap();
        for number in 0..sent {
            let call = tokio::time::timeout(HANGS, inbox.recv()).await.unwrap();
            let Some(Call::Frame(_, _, Frame::Text(text))) = call else {
                unreachable!("only frames were sent");
            };
            assert_eq!(text, number.to_string());
        }
        outbox.cut();
        shutdown.cancel();
    }
}
