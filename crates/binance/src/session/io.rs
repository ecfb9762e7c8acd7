//! What goes in and out of the session.

use std::fmt;
use std::time::Duration;

use keel_domain::{Symbol, Timestamp};
use secrecy::SecretString;

/// Where the venue is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Base of REST, without a path: `https://api.binance.com`.
    pub rest_url: String,
    /// Base of the streams, without a path: `wss://stream.binance.com:9443`.
    pub stream_url: String,
    /// The WS API, whole: `wss://ws-api.binance.com:443/ws-api/v3`.
    pub ws_api_url: String,
}

/// How the session behaves.
#[derive(Debug, Clone)]
pub struct SessionSettings {
    /// The pairs.
    pub symbols: Vec<Symbol>,
    /// How old a request may be when the venue gets it.
    pub recv_window: Duration,
    /// How long an answer may take before its absence is taken for a loss: more than the venue's own 10 s.
    pub answer_within: Duration,
    /// How long any pair's depth may be silent before the market streams are opened anew.
    pub silent_max: Duration,
    /// How late market data may come, by the venue's clock, before it is stale.
    pub lag_max: Duration,
    /// Listens to the best prices beside the book: a second reading of the price.
    pub book_ticker: bool,
    /// Listens to bars of this length, as the venue names it: `1m`.
    pub kline_interval: Option<String>,
    /// How old the decision of an entry may be when its bytes leave.
    pub entry_age_max: Duration,
    /// Spreads reconnects of many sessions; the same number spreads them the same way.
    pub jitter_seed: u64,
}

impl SessionSettings {
    /// The usual behaviour for the given pairs: receive window 5 s, answers within 12 s, silence of at most 10 s,
    /// data at most 3 s late, depth and trades only, entries at most 2 s after their decision.
    #[must_use]
    pub fn new(symbols: Vec<Symbol>) -> Self {
        Self {
            symbols,
            recv_window: Duration::from_secs(5),
            answer_within: Duration::from_secs(12),
            silent_max: Duration::from_secs(10),
            lag_max: Duration::from_secs(3),
            book_ticker: false,
            kline_interval: None,
            entry_age_max: Duration::from_secs(2),
            jitter_seed: 0,
        }
    }

    /// The streams of one pair.
    pub(super) fn streams(&self, symbol: &str) -> Vec<String> {
        let name = |kind: &str| format!("{symbol}@{kind}");
        let mut streams = vec![name("depth@100ms"), name("trade")];
        streams.extend(self.book_ticker.then(|| name("bookTicker")));
        streams.extend(
            self.kline_interval
                .iter()
                .map(|interval| name(&format!("kline_{interval}"))),
        );
        streams
    }
}

/// Each kind of connection has two places, so that the next can be open before the last is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Slot {
    /// The one.
    A,
    /// The other.
    B,
}

/// A WebSocket connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// Market data streams.
    Market(Slot),
    /// Orders, cancels, and user events.
    WsApi(Slot),
}

impl Link {
    pub(super) const ALL: [Self; 4] = [
        Self::Market(Slot::A),
        Self::Market(Slot::B),
        Self::WsApi(Slot::A),
        Self::WsApi(Slot::B),
    ];

    /// The same kind of connection in the other place.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Market(Slot::A) => Self::Market(Slot::B),
            Self::Market(Slot::B) => Self::Market(Slot::A),
            Self::WsApi(Slot::A) => Self::WsApi(Slot::B),
            Self::WsApi(Slot::B) => Self::WsApi(Slot::A),
        }
    }
}

/// Names one request until its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// HTTP methods that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpMethod {
    /// GET.
    Get,
    /// POST.
    Post,
    /// DELETE.
    Delete,
}

/// A request to be made. Its `Debug` shows neither key nor query, which may hold a signature.
#[derive(Clone)]
pub struct HttpRequest {
    /// The method.
    pub method: HttpMethod,
    /// The path, with a leading slash.
    pub path: &'static str,
    /// The query, ready to be sent.
    pub query: String,
    /// `X-MBX-APIKEY`, where the request is signed.
    pub api_key: Option<SecretString>,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.method, self.path)
    }
}

/// Why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpFailure {
    /// No connection could be made: no byte left.
    NotSent,
    /// Something left and no whole answer came.
    Lost,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResult {
    /// The status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// `X-MBX-USED-WEIGHT-1M`.
    pub used_weight: Option<u32>,
    /// The body.
    pub body: Vec<u8>,
}

/// What came from outside.
#[derive(Debug)]
pub enum Input {
    /// A connection is open.
    Opened(Link),
    /// A frame came.
    Frame(Link, Vec<u8>),
    /// A connection ended, or could not be made.
    Closed(Link, String),
    /// The venue refused a connection with this HTTP status, and perhaps said for how many seconds.
    Refused(Link, u16, Option<u64>),
    /// What the wall clock shows; to be told about once a second.
    WallClock(Timestamp),
    /// A request has its answer, or will have none.
    Http(RequestId, Result<HttpResult, HttpFailure>),
    /// A deadline passed.
    Timer,
}

/// What is to be done outside.
#[derive(Debug)]
pub enum Transmit {
    /// Make a request.
    Http(RequestId, HttpRequest),
    /// Open a connection at this URL.
    Open(Link, String),
    /// Send a frame.
    Frame(Link, String),
    /// Close a connection.
    Close(Link),
}

/// Counts for monitoring.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections made again.
    pub reconnects: u64,
    /// Missing updates found.
    pub gaps: u64,
    /// Snapshots fetched.
    pub snapshots: u64,
    /// Frames that could not be read.
    pub undecodable: u64,
    /// Frames with a field that is not documented.
    pub unknown_fields: u64,
    /// Updates of the book that a newer one stood for, because more came than was taken.
    pub updates_conflated: u64,
    /// Trades that were left out, because more came than was taken.
    pub trades_dropped: u64,
    /// Answers to requests that nobody waits for any more.
    pub late_answers: u64,
    /// Times that a pair's depth was silent, late, or doubtful after a jump of the wall clock.
    pub stalls: u64,
    /// Requests that were not sent, to stay within the venue's limits.
    pub rate_limited: u64,
    /// Entries that did not leave, since too much time had passed since their decision.
    pub entries_withheld: u64,
    /// Request weight used in the venue's present minute.
    pub used_weight: u32,
    /// The venue's clock less ours, in milliseconds.
    pub clock_offset_ms: i64,
}
