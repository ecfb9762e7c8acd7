//! The sockets: a thin shell that moves bytes between clients and the [`Protocol`].

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts, Request};
use axum::http::{HeaderName, HeaderValue, Method as HttpMethod, StatusCode, header};
use axum::response::{IntoResponse, Response};
use keel_domain::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::bounds::ClientBounds;
use crate::carry::{Outbox, Pushed, carry, outbox};
use crate::ends::{BODY_TIMEOUT, Ends, SLOW_CONSUMER};
use crate::listen::listen;
use crate::protocol::{ConnId, HttpRequest, HttpResponse, Method, Outgoing, Protocol, Reply, Served, Ticket};
use crate::sockets::{Peer, deliver};

/// What every WebSocket holds to read into; the library's own 128 KiB would be most of a quiet connection's memory.
const READ_BUFFER_BYTES: usize = 8 * 1024;
/// Requests that may wait for the exchange.
pub(crate) const IN_QUEUE_MAX: usize = 1_024;
/// A turn of the exchange that is late by more than this is a pause, in which clients' frames heaped up.
const HELD_UP_FROM: Duration = Duration::from_millis(100);

/// What every connection needs.
#[derive(Clone)]
pub(crate) struct Shell {
    /// The way to the exchange.
    pub(crate) calls: mpsc::Sender<Call>,
    /// Its clock.
    pub(crate) clock: Clock,
    /// What bounds clients.
    pub(crate) bounds: ClientBounds,
    /// Why connections ended.
    pub(crate) ends: Arc<Ends>,
    /// The end of all.
    pub(crate) shutdown: CancellationToken,
}

/// Who waits for what.
#[derive(Default)]
struct Waiting {
    clients: BTreeMap<ConnId, Outbox>,
    requests: BTreeMap<Ticket, oneshot::Sender<Served>>,
}

/// What a connection tells the exchange.
pub(crate) enum Call {
    Http(HttpRequest, oneshot::Sender<Served>),
    Open {
        peer: IpAddr,
        path: String,
        query: String,
        outbox: Outbox,
        reply: oneshot::Sender<Result<ConnId, u16>>,
    },
    /// A frame, and since when it may have waited for its reader.
    Frame(ConnId, Timestamp, Frame),
    Closed(ConnId),
}

/// What a client sends on a WebSocket.
pub(crate) enum Frame {
    Text(String),
    Ping,
    Pong(Bytes),
}

/// Serves until the token is cancelled.
///
/// # Errors
/// The exchange's task ended by itself.
pub async fn serve(
    listener: TcpListener,
    protocol: Protocol,
    clock: Clock,
    shutdown: CancellationToken,
) -> io::Result<()> {
    serve_with(listener, protocol, clock, ClientBounds::default(), shutdown).await
}

/// The same, with other bounds on what clients may take.
///
/// # Errors
/// As [`serve`].
pub async fn serve_with(
    listener: TcpListener,
    protocol: Protocol,
    clock: Clock,
    bounds: ClientBounds,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let (calls, inbox) = mpsc::channel(IN_QUEUE_MAX);
    let ends = Arc::new(Ends::default());
    let turns = run(protocol, inbox, clock, Arc::clone(&ends), shutdown.clone());
    let exchange = tokio::spawn(turns);
    let shell = Shell {
        calls,
        clock,
        bounds,
        ends,
        shutdown: shutdown.clone(),
    };
    listen(listener, shell).await;
    shutdown.cancel();
    exchange.await.map_err(io::Error::other)
}

/// The exchange's clock: wall time at the start plus monotonic time since.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    wall_at_start: Timestamp,
}

impl Clock {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX);
        Self {
            started: Instant::now(),
            wall_at_start: Timestamp::from_nanos(nanos),
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.wall_at_start.plus(self.started.elapsed())
    }
}

/// Owns the protocol: one call after the other, and time in between.
async fn run(
    mut protocol: Protocol,
    mut inbox: mpsc::Receiver<Call>,
    clock: Clock,
    ends: Arc<Ends>,
    shutdown: CancellationToken,
) {
    let mut waiting = Waiting::default();
    let mut turned_at = clock.now();
    loop {
        let wait = protocol
            .next_deadline()
            .since(clock.now())
            .max(Duration::from_millis(1));
        tokio::select! {
            () = shutdown.cancelled() => return,
            call = inbox.recv() => {
                let Some(call) = call else {
                    return;
                };
                turned_at = note_turn(&mut protocol, clock.now(), turned_at, wait);
                answer(&mut protocol, &mut waiting, turned_at, call);
            }
            () = tokio::time::sleep(wait) => {
                turned_at = note_turn(&mut protocol, clock.now(), turned_at, wait);
            }
        }
        // However many calls come: what is due does not wait for a moment without one.
        let now = clock.now();
        if protocol.next_deadline() <= now {
            protocol.advance(now);
        }
        while let Some((ticket, served)) = protocol.poll_answered() {
            // A client that hung up meanwhile is not there to take the answer.
            waiting.requests.remove(&ticket).map(|reply| reply.send(served));
        }
        while let Some(fault) = protocol.poll_injected() {
            tracing::info!(
                rule = fault.rule,
                action = fault.action,
                subject = fault.subject,
                "fault injected"
            );
        }
        hand_out(&mut protocol, &mut waiting, &ends);
    }
}

/// Tells the protocol of a turn that came much later than it was due. Gives back when the turn is.
fn note_turn(protocol: &mut Protocol, now: Timestamp, turned_at: Timestamp, wait: Duration) -> Timestamp {
    if now.since(turned_at) > wait.saturating_add(HELD_UP_FROM) {
        protocol.was_held_up(turned_at, now);
    }
    now
}

/// Puts what goes out into the clients' queues. A client whose queue is full is ended, never waited for.
fn hand_out(protocol: &mut Protocol, waiting: &mut Waiting, ends: &Ends) {
    while let Some((id, outgoing)) = protocol.poll_out() {
        let reason = match &outgoing {
            Outgoing::Close(_, reason) => Some(*reason),
            _ => None,
        };
        let is_end = matches!(outgoing, Outgoing::Close(..) | Outgoing::Reset);
        let Some(outbox) = waiting.clients.get(&id) else {
            continue;
        };
        let pushed = outbox.push(outgoing);
        if is_end || pushed != Pushed::Waits {
            let Some(outbox) = waiting.clients.remove(&id) else {
                continue;
            };
            match (pushed, reason) {
                (Pushed::NoRoom, _) => ends.note(SLOW_CONSUMER),
                (_, Some(reason)) => ends.note(reason),
                (Pushed::Waits | Pushed::Gone, None) => {}
            }
            if pushed == Pushed::Waits {
                outbox.end();
            } else {
                outbox.cut();
            }
            protocol.ws_closed(id);
        }
    }
}

fn answer(protocol: &mut Protocol, waiting: &mut Waiting, now: Timestamp, call: Call) {
    match call {
        // A client that hung up meanwhile is not there to take the answer; what it asked for has happened.
        Call::Http(request, reply) => match protocol.serve(now, &request) {
            Reply::Now(served) => drop(reply.send(served)),
            Reply::Later(ticket) => {
                waiting.requests.insert(ticket, reply);
            }
        },
        Call::Open {
            peer,
            path,
            query,
            outbox,
            reply,
        } => {
            let opened = protocol.ws_open(now, peer, &path, &query);
            if let Ok(id) = opened {
                waiting.clients.insert(id, outbox);
            }
            if let (Err(Ok(id)), true) = (reply.send(opened), opened.is_ok()) {
                waiting.clients.remove(&id);
                protocol.ws_closed(id);
            }
        }
        Call::Frame(id, since, frame) => {
            protocol.ws_waited(id, since);
            match frame {
                Frame::Text(text) => protocol.ws_text(now, id, &text),
                Frame::Ping => protocol.ws_ping(now, id),
                Frame::Pong(payload) => protocol.ws_pong(now, id, &payload),
            }
        }
        Call::Closed(id) => {
            waiting.clients.remove(&id);
            protocol.ws_closed(id);
        }
    }
}

/// Answers a request, whatever it is.
pub(crate) async fn handle(shell: &Shell, peer: &Peer, request: Request) -> Response {
    let wants_socket = request
        .headers()
        .get(header::UPGRADE)
        .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if wants_socket {
        open_socket(shell, peer.clone(), request).await
    } else if request.uri().path().starts_with("/keel/") && !is_operator(peer, &request) {
        StatusCode::FORBIDDEN.into_response()
    } else if request.method() == HttpMethod::GET && request.uri().path() == "/keel/connections" {
        response_of(HttpResponse {
            status: 200,
            headers: Vec::new(),
            body: shell.ends.shown().to_string(),
        })
    } else {
        answer_http(shell, peer, request).await
    }
}

/// Whether the operator's surface is open to this request: it comes from this machine, and not from a page in a browser.
fn is_operator(peer: &Peer, request: &Request) -> bool {
    peer.address.ip().is_loopback() && !request.headers().contains_key(header::ORIGIN)
}

async fn answer_http(shell: &Shell, peer: &Peer, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let method = match parts.method {
        HttpMethod::GET => Method::Get,
        HttpMethod::POST => Method::Post,
        HttpMethod::PUT => Method::Put,
        HttpMethod::DELETE => Method::Delete,
        _ => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
    };
    let body = axum::body::to_bytes(body, Protocol::MESSAGE_BYTES_MAX);
    let Ok(body) = tokio::time::timeout(shell.bounds.body, body).await else {
        shell.ends.note(BODY_TIMEOUT);
        return (StatusCode::REQUEST_TIMEOUT, [(header::CONNECTION, "close")]).into_response();
    };
    let Ok(body) = body else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let Ok(raw_body) = String::from_utf8(Vec::from(body)) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let header = |name: &str| {
        let value = parts.headers.get(name).and_then(|value| value.to_str().ok());
        value.map(str::to_owned)
    };
    let request = HttpRequest {
        method,
        peer: peer.address.ip(),
        path: parts.uri.path().to_owned(),
        raw_query: parts.uri.query().unwrap_or_default().to_owned(),
        raw_body,
        api_key: header("x-mbx-apikey"),
        time_unit: header("x-mbx-time-unit"),
    };
    let (reply, answer) = oneshot::channel();
    if shell.calls.send(Call::Http(request, reply)).await.is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let Ok(served) = answer.await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    deliver(served, peer, &shell.shutdown, response_of).await
}

fn response_of(answer: HttpResponse) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    response
}

async fn open_socket(shell: &Shell, peer: Peer, request: Request) -> Response {
    let (calls, clock) = (shell.calls.clone(), shell.clock);
    let (mut parts, _) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let Ok(upgrade) = WebSocketUpgrade::from_request_parts(&mut parts, &()).await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let (outbox, frames) = outbox();
    let (reply, opened) = oneshot::channel();
    if calls
        .send(Call::Open {
            peer: peer.address.ip(),
            path,
            query,
            outbox,
            reply,
        })
        .await
        .is_err()
    {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match opened.await {
        Ok(Ok(id)) => upgrade
            .max_message_size(Protocol::MESSAGE_BYTES_MAX)
            .max_frame_size(Protocol::MESSAGE_BYTES_MAX)
            .read_buffer_size(READ_BUFFER_BYTES)
            .on_upgrade(move |socket| carry(socket, id, peer, (calls, clock), frames)),
        Ok(Err(status)) => StatusCode::from_u16(status)
            .unwrap_or(StatusCode::NOT_FOUND)
            .into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
