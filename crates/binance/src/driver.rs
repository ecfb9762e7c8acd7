//! The sockets: a thin driver that moves bytes between the venue and the [`Session`].

use std::collections::BTreeMap;
use std::future::pending;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use keel_domain::Timestamp;
use secrecy::ExposeSecret;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::session::{
    HttpFailure, HttpMethod, HttpRequest, HttpResult, Input, Link, RequestId, Session, Transmit,
};

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const HTTP_WITHIN: Duration = Duration::from_secs(15);
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Inputs handled in one turn, before what follows from them is sent.
const BATCH_MAX: usize = 256;
/// How often a request by REST is given its turn before the caller goes on, where it should leave first.
const TURNS_TO_LEAVE: usize = 16;
/// Inputs of each inbox that may wait; senders wait then, and the sockets behind them.
const INBOX_MAX: usize = 4_096;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Sink = futures_util::stream::SplitSink<Socket, Message>;

/// Why there is no driver.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {0}")]
    Http(#[from] reqwest::Error),
}

/// Makes TLS possible. To be called once, first thing in every process that talks to a venue.
pub fn install_crypto_provider() {
    // A second call finds the first one's provider in place, which is the same.
    let _already_there = rustls::crypto::ring::default_provider().install_default();
}

/// What the tasks that wait on sockets tell.
enum Arrival {
    Input(u64, Link, Input),
    Opened(u64, Link, Box<Socket>),
    Http(RequestId, Result<HttpResult, HttpFailure>),
}

struct Connection {
    generation: u64,
    sink: Option<Sink>,
    reader: tokio::task::JoinHandle<()>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Sees what market data arrives, as it arrives, before the session does.
pub trait Tap {
    /// A frame of a stream. Connections count up from 1.
    fn frame(&mut self, connection: u64, frame: &[u8]);
    /// The answer to a public request, with the path and query that asked for it.
    fn answer(&mut self, request: &str, body: &[u8]);
}

/// Public answers without which the streams cannot be read again.
const TAPPED: [&str; 2] = ["/api/v3/depth", "/api/v3/exchangeInfo"];

/// Owns the sockets of one session.
pub struct Driver {
    rest_url: String,
    http: reqwest::Client,
    connections: BTreeMap<Link, Connection>,
    generation: u64,
    arrivals: Arrivals<mpsc::Sender<Arrival>>,
    inbox: Arrivals<mpsc::Receiver<Arrival>>,
    tap: Option<Box<dyn Tap>>,
    /// Public requests whose answers the tap is to see.
    tapped: BTreeMap<RequestId, String>,
    has_requested: bool,
}

/// Market data waits apart from all else, so that a burst of it delays no order's news.
#[derive(Clone)]
struct Arrivals<T> {
    orders: T,
    market: T,
}

impl Arrivals<mpsc::Sender<Arrival>> {
    fn of(&self, link: Link) -> mpsc::Sender<Arrival> {
        match link {
            Link::Market(_) => self.market.clone(),
            Link::WsApi(_) => self.orders.clone(),
        }
    }
}

impl Arrivals<mpsc::Receiver<Arrival>> {
    /// What came, orders' news first.
    async fn next(&mut self) -> Option<Arrival> {
        tokio::select! {
            biased;
            arrival = self.orders.recv() => arrival,
            arrival = self.market.recv() => arrival,
        }
    }

    fn try_next(&mut self) -> Option<Arrival> {
        self.orders.try_recv().or_else(|_| self.market.try_recv()).ok()
    }
}

impl Driver {
    /// A driver without connections; the session says which to open.
    ///
    /// # Errors
    /// [`DriverError`].
    pub fn new(rest_url: &str) -> Result<Self, DriverError> {
        let http = http_client()?;
        let (orders, orders_inbox) = mpsc::channel(INBOX_MAX);
        let (market, market_inbox) = mpsc::channel(INBOX_MAX);
        Ok(Self {
            rest_url: rest_url.to_owned(),
            http,
            connections: BTreeMap::new(),
            generation: 0,
            arrivals: Arrivals { orders, market },
            inbox: Arrivals {
                orders: orders_inbox,
                market: market_inbox,
            },
            tap: None,
            tapped: BTreeMap::new(),
            has_requested: false,
        })
    }

    /// Lets the tap see what market data arrives from now on.
    pub fn tap(&mut self, tap: Box<dyn Tap>) {
        self.tap = Some(tap);
    }

    /// Sends what the session wants sent, waits for the first input or deadline, and gives the session all that has come.
    ///
    /// Cancel-safe: what has not been handled yet is handled by the next turn.
    pub async fn turn(&mut self, session: &mut Session, now: impl Fn() -> Timestamp) {
        self.transmit(session, &now).await;
        let deadline = async {
            match session.next_deadline() {
                Some(at) => tokio::time::sleep(at.since(now())).await,
                None => pending().await,
            }
        };
        let first = tokio::select! {
            arrival = self.inbox.next() => arrival,
            () = deadline => None,
        };
        let Some(first) = first else {
            session.handle(now(), Input::Timer);
            return self.transmit(session, &now).await;
        };
        let mut next = Some(first);
        for _ in 0..BATCH_MAX {
            let Some(arrival) = next else { break };
            self.arrived(session, now(), arrival);
            next = self.inbox.try_next();
        }
        let is_burst = next.is_some();
        if let Some(arrival) = next {
            self.arrived(session, now(), arrival);
        }
        self.transmit(session, &now).await;
        if is_burst {
            // The sockets are looked at between two batches: while there is always market data to take, nothing else
            // would make this task wait, and orders' news would stay unread.
            tokio::task::yield_now().await;
        }
    }

    fn arrived(&mut self, session: &mut Session, now: Timestamp, arrival: Arrival) {
        match arrival {
            Arrival::Http(id, result) => {
                if let (Some(request), Some(tap)) = (self.tapped.remove(&id), self.tap.as_mut())
                    && let Ok(HttpResult {
                        status: 200, body, ..
                    }) = &result
                {
                    tap.answer(&request, body);
                }
                session.handle(now, Input::Http(id, result));
            }
            Arrival::Opened(generation, link, socket) => {
                if !self.is_current(generation, link) {
                    return;
                }
                let (sink, mut stream) = (*socket).split();
                let arrivals = self.arrivals.of(link);
                let reader = tokio::spawn(async move {
                    let end = loop {
                        let input = match stream.next().await {
                            Some(Ok(Message::Text(text))) => Input::Frame(link, text.as_bytes().to_vec()),
                            Some(Ok(Message::Close(frame))) => {
                                break format!("closed by the venue: {frame:?}");
                            }
                            // Pings are answered by the library; the venue sends no binary frames here.
                            Some(Ok(_)) => continue,
                            Some(Err(error)) => break error.to_string(),
                            None => break "closed by the venue".to_owned(),
                        };
                        if arrivals
                            .send(Arrival::Input(generation, link, input))
                            .await
                            .is_err()
                        {
                            return;
                        }
                    };
                    // Nobody listens any more when the driver is gone.
                    let _gone = arrivals
                        .send(Arrival::Input(generation, link, Input::Closed(link, end)))
                        .await;
                });
                self.connections.insert(
                    link,
                    Connection {
                        generation,
                        sink: Some(sink),
                        reader,
                    },
                );
                session.handle(now, Input::Opened(link));
            }
            // What a connection says after it was given up is no longer true.
            Arrival::Input(generation, link, _) if !self.is_current(generation, link) => {}
            Arrival::Input(generation, link, input) => {
                if let (Input::Frame(Link::Market(_), frame), Some(tap)) = (&input, self.tap.as_mut()) {
                    tap.frame(generation, frame);
                }
                if matches!(input, Input::Closed(..) | Input::Refused(..)) {
                    self.connections.remove(&link);
                }
                session.handle(now, input);
            }
        }
    }

    fn is_current(&self, generation: u64, link: Link) -> bool {
        self.connections
            .get(&link)
            .is_some_and(|connection| connection.generation == generation)
    }

    /// The same as [`Self::transmit`], and requests by REST get the turns in which they leave over a connection that is there.
    /// For a caller that is about to keep the thread.
    pub async fn send_off(&mut self, session: &mut Session, now: impl Fn() -> Timestamp) {
        self.has_requested = false;
        self.transmit(session, now).await;
        if self.has_requested {
            for _ in 0..TURNS_TO_LEAVE {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Sends everything the session has queued, with one flush a connection. The time is asked for at each thing that leaves,
    /// since a socket may keep this waiting.
    pub async fn transmit(&mut self, session: &mut Session, now: impl Fn() -> Timestamp) {
        let mut to_flush = Vec::new();
        while let Some(transmit) = session.poll_transmit(now()) {
            match transmit {
                Transmit::Open(link, url) => self.open(link, url),
                Transmit::Close(link) => drop(self.connections.remove(&link)),
                Transmit::Http(id, request) => self.request(id, &request),
                Transmit::Frame(link, text) => {
                    if let Some(sink) = self.connections.get_mut(&link).and_then(|c| c.sink.as_mut()) {
                        if sink.feed(Message::text(text)).await.is_err() {
                            self.broken(link);
                        } else {
                            to_flush.push(link);
                        }
                    }
                }
            }
        }
        for link in to_flush {
            let sink = self
                .connections
                .get_mut(&link)
                .and_then(|connection| connection.sink.as_mut());
            if let Some(sink) = sink
                && sink.flush().await.is_err()
            {
                self.broken(link);
            }
        }
    }

    /// Writing failed: the reader sees the same end and tells it; until then nothing more is written.
    fn broken(&mut self, link: Link) {
        if let Some(connection) = self.connections.get_mut(&link) {
            connection.sink = None;
        }
    }

    fn open(&mut self, link: Link, url: String) {
        self.generation += 1;
        let generation = self.generation;
        let arrivals = self.arrivals.of(link);
        let reader = tokio::spawn(async move {
            let config = WebSocketConfig::default()
                .max_frame_size(Some(FRAME_BYTES_MAX))
                .max_message_size(Some(FRAME_BYTES_MAX));
            let connecting = connect_async_with_config(url, Some(config), true);
            let arrival = match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
                Ok(Ok((socket, _))) => Arrival::Opened(generation, link, Box::new(socket)),
                Ok(Err(error)) => Arrival::Input(generation, link, refusal(link, &error)),
                Err(_) => {
                    let cause = "no connection in time".to_owned();
                    Arrival::Input(generation, link, Input::Closed(link, cause))
                }
            };
            let _gone = arrivals.send(arrival).await;
        });
        self.connections.insert(
            link,
            Connection {
                generation,
                sink: None,
                reader,
            },
        );
    }

    fn request(&mut self, id: RequestId, request: &HttpRequest) {
        self.has_requested = true;
        if self.tap.is_some() && TAPPED.contains(&request.path) {
            let asked = format!("{}?{}", request.path, request.query);
            self.tapped.insert(id, asked);
        }
        let builder = to_builder(&self.http, &self.rest_url, request);
        let arrivals = self.arrivals.orders.clone();
        tokio::spawn(async move {
            let result = exchange(builder).await;
            let _gone = arrivals.send(Arrival::Http(id, result)).await;
        });
    }
}

/// Whether a WebSocket can be opened there; it is closed again at once.
///
/// # Errors
/// Why not, in words.
pub async fn try_socket(url: &str) -> Result<(), String> {
    let connecting = connect_async_with_config(url, None, true);
    match tokio::time::timeout(CONNECT_WITHIN, connecting).await {
        Ok(Ok((mut socket, _))) => {
            // That it opened is all that was asked.
            let _closed = socket.close(None).await;
            Ok(())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no connection in time".to_owned()),
    }
}

/// A connection that was not made: the venue's HTTP status where it answered at all.
fn refusal(link: Link, error: &Error) -> Input {
    match error {
        Error::Http(response) => {
            let retry_after = response.headers().get("retry-after");
            let seconds = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
            Input::Refused(link, response.status().as_u16(), seconds)
        }
        other => Input::Closed(link, other.to_string()),
    }
}

pub(crate) fn http_client() -> Result<reqwest::Client, DriverError> {
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_WITHIN)
        .timeout(HTTP_WITHIN)
        .tcp_nodelay(true)
        .redirect(reqwest::redirect::Policy::none());
    Ok(builder.build()?)
}

pub(crate) fn to_builder(
    http: &reqwest::Client,
    rest_url: &str,
    request: &HttpRequest,
) -> reqwest::RequestBuilder {
    let separator = if request.query.is_empty() { "" } else { "?" };
    let url = format!("{rest_url}{}{separator}{}", request.path, request.query);
    let builder = match request.method {
        HttpMethod::Get => http.get(url),
        HttpMethod::Post => http.post(url),
        HttpMethod::Delete => http.delete(url),
    };
    match &request.api_key {
        Some(key) => builder.header("X-MBX-APIKEY", key.expose_secret()),
        None => builder,
    }
}

/// One request and its whole answer.
pub(crate) async fn exchange(builder: reqwest::RequestBuilder) -> Result<HttpResult, HttpFailure> {
    let mut response = builder.send().await.map_err(|error| {
        // Only a failure to connect is certain to have sent nothing.
        if error.is_connect() || error.is_builder() {
            HttpFailure::NotSent
        } else {
            HttpFailure::Lost
        }
    })?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let retry_after = header("retry-after").and_then(|text| text.parse().ok());
    let used_weight = header("x-mbx-used-weight-1m").and_then(|text| text.parse().ok());
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| HttpFailure::Lost)? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(HttpFailure::Lost);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpResult {
        status,
        retry_after,
        used_weight,
        body,
    })
}
