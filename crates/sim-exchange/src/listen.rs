//! Connections: each is served on a task of its own, and has a bounded time for each step.

use std::convert::Infallible;
use std::pin::pin;

use axum::body::Body;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::ends::{HEAD_TIMEOUT, IDLE_TIMEOUT};
use crate::server::{Shell, handle};
use crate::sockets::{Connection, Peer, accept};

/// Serves all that connect until the shutdown; then waits for the requests under way.
pub(crate) async fn listen(mut listener: TcpListener, shell: Shell) {
    let tasks = TaskTracker::new();
    loop {
        let (connection, peer) = tokio::select! {
            accepted = accept(&mut listener, &shell) => accepted,
            () = shell.shutdown.cancelled() => break,
        };
        tasks.spawn(serve_connection(connection, peer, shell.clone()));
    }
    drop(listener);
    tasks.close();
    tasks.wait().await;
}

async fn serve_connection(connection: Connection, peer: Peer, shell: Shell) {
    let (ends, shutdown, patience) = (shell.ends.clone(), shell.shutdown.clone(), shell.patience);
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
        .header_read_timeout(patience.head)
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
