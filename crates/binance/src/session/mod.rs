//! The session with the venue as a state machine: bytes and time in, bytes and deadlines out.

mod inbound;
mod links;
mod market;
mod requests;
mod venue;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use keel_domain::{Symbol, Timestamp};
use keel_execution::VenueReport;
use keel_market_data::{BookSync, MarketUpdate};
use secrecy::SecretString;

use crate::signed::{Credentials, CredentialsError, SignedRequests};
use links::LinkState;
use requests::Pending;

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
    /// How long the market stream may be silent before it is opened anew.
    pub silent_max: Duration,
    /// Spreads reconnects of many sessions; the same number spreads them the same way.
    pub jitter_seed: u64,
}

impl SessionSettings {
    /// The usual behaviour for the given pairs: receive window 5 s, answers within 12 s, silence of at most 10 s.
    #[must_use]
    pub fn new(symbols: Vec<Symbol>) -> Self {
        Self {
            symbols,
            recv_window: Duration::from_secs(5),
            answer_within: Duration::from_secs(12),
            silent_max: Duration::from_secs(10),
            jitter_seed: 0,
        }
    }
}

/// A WebSocket connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Link {
    /// Market data streams.
    Market,
    /// Orders, cancels, and user events.
    WsApi,
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
    /// Answers to requests that nobody waits for any more.
    pub late_answers: u64,
    /// Request weight used in the venue's present minute, as the venue told last.
    pub used_weight: u32,
    /// The venue's clock less ours, in milliseconds.
    pub clock_offset_ms: i64,
}

/// The session.
#[derive(Debug)]
pub struct Session {
    endpoints: Endpoints,
    settings: SessionSettings,
    signed: SignedRequests,
    links: BTreeMap<Link, LinkState>,
    books: BTreeMap<Symbol, BookSync>,
    snapshot_due: BTreeMap<Symbol, Timestamp>,
    pending: BTreeMap<RequestId, Pending>,
    next_request: u64,
    out: VecDeque<Transmit>,
    updates: VecDeque<MarketUpdate>,
    reports: VecDeque<VenueReport>,
    clock: VenueClock,
    blocked_until: Option<Timestamp>,
    banned_until: Option<Timestamp>,
    is_logged_on: bool,
    is_up: bool,
    bootstrap_at: Option<Timestamp>,
    stats: Stats,
}

/// The venue's clock against ours, by the quickest of several answers.
#[derive(Debug, Default)]
struct VenueClock {
    offset_nanos: i64,
    best_round_trip: Option<Duration>,
    next_sample_at: Option<Timestamp>,
    samples_left: u32,
}

impl Session {
    /// The most requests that wait for an answer at once.
    pub const IN_FLIGHT_MAX: usize = 256;
    /// How often the venue's clock is read again.
    const CLOCK_EVERY: Duration = Duration::from_secs(60);
    const CLOCK_SAMPLES: u32 = 3;
    /// How often pairs and filters are read again.
    const INSTRUMENTS_EVERY: Duration = Duration::from_secs(600);

    /// A session that begins to connect at once: take what it transmits.
    ///
    /// # Errors
    /// A secret that cannot be read as a key.
    pub fn new(
        now: Timestamp,
        endpoints: Endpoints,
        settings: SessionSettings,
        credentials: &Credentials,
    ) -> Result<Self, CredentialsError> {
        let signed = SignedRequests::new(credentials, settings.recv_window)?;
        let books = settings
            .symbols
            .iter()
            .map(|symbol| (*symbol, BookSync::default()))
            .collect();
        let links = [Link::Market, Link::WsApi]
            .map(|link| (link, LinkState::new(now)))
            .into();
        let mut session = Self {
            endpoints,
            settings,
            signed,
            links,
            books,
            snapshot_due: BTreeMap::new(),
            pending: BTreeMap::new(),
            next_request: 1,
            out: VecDeque::new(),
            updates: VecDeque::new(),
            reports: VecDeque::new(),
            clock: VenueClock {
                samples_left: Self::CLOCK_SAMPLES,
                ..VenueClock::default()
            },
            blocked_until: None,
            banned_until: None,
            is_logged_on: false,
            is_up: false,
            bootstrap_at: Some(now),
            stats: Stats::default(),
        };
        session.on_timer(now);
        Ok(session)
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Opened(link) => self.on_opened(now, link),
            Input::Frame(Link::Market, frame) => self.on_market_frame(now, &frame),
            Input::Frame(Link::WsApi, frame) => self.on_ws_api_frame(now, &frame),
            Input::Closed(link, cause) => self.on_closed(now, link, &cause),
            Input::Http(id, result) => self.on_http(now, id, result),
            Input::Timer => {}
        }
        self.on_timer(now);
    }

    /// The next thing to be done outside, oldest first.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.out.pop_front()
    }

    /// When the session wants an [`Input::Timer`] at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let links = self
            .links
            .values()
            .filter_map(|link| link.deadline(self.settings.silent_max));
        let answers = self.pending.values().map(|pending| pending.due_at);
        let snapshots = self.snapshot_due.values().copied();
        links
            .chain(answers)
            .chain(snapshots)
            .chain(self.clock.next_sample_at)
            .chain(self.bootstrap_at)
            .min()
    }

    /// Counts for monitoring.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            clock_offset_ms: self.clock.offset_nanos / 1_000_000,
            ..self.stats
        }
    }

    /// Our time as the venue's clock shows it.
    fn venue_time(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_nanos(now.as_nanos().saturating_add(self.clock.offset_nanos))
    }

    fn on_timer(&mut self, now: Timestamp) {
        self.expire_answers(now);
        self.keep_links(now);
        self.fetch_due_snapshots(now);
        if self.bootstrap_at.is_some_and(|at| now >= at) {
            self.bootstrap_at = Some(now.plus(Self::INSTRUMENTS_EVERY));
            self.request_instruments(now);
        }
        let clock_due = self.clock.next_sample_at.is_none_or(|at| now >= at);
        if clock_due {
            if self.clock.samples_left == 0 {
                self.clock.samples_left = Self::CLOCK_SAMPLES;
                self.clock.best_round_trip = None;
            }
            self.clock.samples_left -= 1;
            let wait = if self.clock.samples_left == 0 {
                Self::CLOCK_EVERY
            } else {
                Duration::from_millis(200)
            };
            self.clock.next_sample_at = Some(now.plus(wait));
            self.request_time(now);
        }
    }
}
