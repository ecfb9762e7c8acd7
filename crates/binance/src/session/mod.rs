//! The session with the venue as a state machine: bytes and time in, bytes and deadlines out.

mod budget;
mod clock;
mod inbound;
mod io;
mod link_state;
mod links;
mod market;
mod outbox;
mod requests;
mod results;
mod venue;
mod weight;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use keel_domain::{Symbol, Timestamp, TradeId};
use keel_execution::VenueReport;
use keel_market_data::{BookSync, Dropped, LostReason, UpdateQueue};

use crate::signed::{Credentials, CredentialsError, SignedRequests};
use budget::ConnectBudget;
pub use clock::Distance;
pub(crate) use clock::VenueClock;
pub use io::{
    Endpoints, HttpFailure, HttpMethod, HttpRequest, HttpResult, Input, Link, RequestId, SessionSettings,
    Slot, Stats, Transmit,
};
use link_state::LinkState;
use outbox::Outbox;
use requests::Pending;
pub(crate) use weight::WeightCounter;

/// One pair's data.
#[derive(Debug)]
struct Market {
    book: BookSync,
    /// When its depth was last heard of.
    heard_at: Timestamp,
    /// Its events come too late to be used.
    is_late: bool,
    /// The last trade handed on: two connections at once tell each trade twice.
    last_trade: Option<TradeId>,
    /// The last best prices handed on.
    last_ticker: Option<u64>,
    snapshot_due: Option<Timestamp>,
    snapshot_not_before: Timestamp,
}

/// The session.
#[derive(Debug)]
pub struct Session {
    endpoints: Endpoints,
    settings: SessionSettings,
    signed: SignedRequests,
    links: BTreeMap<Link, LinkState>,
    /// The connections in use; the others are idle, or about to take over, or being drained.
    market: Link,
    ws_api: Link,
    budget: ConnectBudget,
    markets: BTreeMap<Symbol, Market>,
    pending: BTreeMap<RequestId, Pending>,
    /// Orders and cancels whose answers did not come in time, but may still come.
    overdue: BTreeMap<RequestId, Pending>,
    next_request: u64,
    out: Outbox,
    updates: UpdateQueue,
    reports: VecDeque<VenueReport>,
    clock: VenueClock,
    weight: WeightCounter,
    is_up: bool,
    instruments_at: Timestamp,
    /// When the balances are to be asked for, without which the session is not up.
    account_at: Option<Timestamp>,
    stats: Stats,
}

impl Session {
    /// The most requests that wait for an answer at once.
    pub const IN_FLIGHT_MAX: usize = 256;
    /// The most overdue answers that are still awaited; at one more the oldest is forgotten.
    pub const OVERDUE_MAX: usize = 256;
    /// How often pairs and filters are read again.
    const INSTRUMENTS_EVERY: Duration = Duration::from_secs(600);

    /// A session that begins to connect at once: take what it transmits.
    ///
    /// # Errors
    /// [`CredentialsError`].
    pub fn new(
        now: Timestamp,
        endpoints: Endpoints,
        settings: SessionSettings,
        credentials: &Credentials,
    ) -> Result<Self, CredentialsError> {
        let signed = SignedRequests::new(credentials, settings.recv_window)?;
        let mut session = Self::idle(now, endpoints, settings, signed);
        session.want(now, session.ws_api);
        session.on_timer(now);
        Ok(session)
    }

    /// A session for market data only: it has no key, connects to the streams and never to the WS API.
    #[must_use]
    pub fn without_account(now: Timestamp, endpoints: Endpoints, settings: SessionSettings) -> Self {
        let mut session = Self::idle(now, endpoints, settings, SignedRequests::keyless());
        session.on_timer(now);
        session
    }

    fn idle(now: Timestamp, endpoints: Endpoints, settings: SessionSettings, signed: SignedRequests) -> Self {
        let market = |symbol: &Symbol| (*symbol, Market::new(now));
        let markets = settings.symbols.iter().map(market).collect();
        let mut session = Self {
            endpoints,
            settings,
            signed,
            links: Link::ALL.map(|link| (link, LinkState::default())).into(),
            market: Link::Market(Slot::A),
            ws_api: Link::WsApi(Slot::A),
            budget: ConnectBudget::default(),
            markets,
            pending: BTreeMap::new(),
            overdue: BTreeMap::new(),
            next_request: 1,
            out: Outbox::default(),
            updates: UpdateQueue::default(),
            reports: VecDeque::new(),
            clock: VenueClock::new(now),
            weight: WeightCounter::new(),
            is_up: false,
            instruments_at: now,
            account_at: None,
            stats: Stats::default(),
        };
        session.want(now, session.market);
        session
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Timestamp, input: Input) {
        match input {
            Input::Opened(link) => self.on_opened(now, link),
            Input::Frame(link @ Link::Market(_), frame) => self.on_market_frame(now, link, &frame),
            Input::Frame(link @ Link::WsApi(_), frame) => self.on_ws_api_frame(now, link, &frame),
            Input::Closed(link, cause) => self.on_lost(now, link, &cause, LostReason::Disconnected),
            Input::Refused(link, status, retry_after) => {
                self.on_status(now, status, retry_after.map(Duration::from_secs));
                let cause = format!("the venue refused the connection with HTTP {status}");
                self.on_lost(now, link, &cause, LostReason::Disconnected);
            }
            Input::Http(id, result) => self.on_http(now, id, result),
            Input::WallClock(wall) => self.on_wall_clock(now, wall),
            Input::Timer => {}
        }
        self.on_timer(now);
    }

    /// When the session wants an [`Input::Timer`] at the latest. It lies after the last input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let answers = self.pending.values().map(|pending| pending.due_at);
        let snapshots = self.markets.values().filter_map(|market| market.snapshot_due);
        self.link_deadlines()
            .chain(answers)
            .chain(snapshots)
            .chain(self.account_at)
            .chain([self.clock.deadline(), self.instruments_at])
            .min()
    }

    /// Counts for monitoring.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let Dropped { conflated, trades } = self.updates.dropped();
        Stats {
            updates_conflated: conflated,
            trades_dropped: trades,
            clock_offset_ms: self.clock.offset_nanos() / 1_000_000,
            used_weight: self.weight.used(),
            ..self.stats
        }
    }

    /// Our time as the venue's clock shows it.
    fn venue_time(&self, now: Timestamp) -> Timestamp {
        self.clock.venue_time(now)
    }

    fn on_timer(&mut self, now: Timestamp) {
        self.expire_answers(now);
        self.keep_links(now);
        self.fetch_due_snapshots(now);
        if now >= self.instruments_at {
            self.instruments_at = now.plus(Self::INSTRUMENTS_EVERY);
            self.request_instruments(now);
        }
        if self.account_at.is_some_and(|at| now >= at) {
            self.account_at = None;
            self.request_account(now);
        }
        if self.clock.take_due(now) {
            self.request_time(now);
        }
    }

    /// A machine that slept, or whose clock was set, may hold data that is older than it looks.
    fn on_wall_clock(&mut self, now: Timestamp, wall: Timestamp) {
        let Some(jump_nanos) = self.clock.on_wall_clock(now, wall) else {
            return;
        };
        self.clock.measure_again(now);
        for symbol in self.settings.symbols.clone() {
            self.stats.stalls += 1;
            self.lose_book(symbol, LostReason::Stalled);
        }
        let by_ms = jump_nanos / 1_000_000;
        self.reports.push_back(VenueReport::ClockJumped { by_ms });
    }

    fn tell_clock(&mut self, distance: Option<Distance>) {
        if let Some(distance) = distance {
            self.reports.push_back(VenueReport::ClockApart {
                offset_ms: self.clock.offset_nanos() / 1_000_000,
                is_warning: distance != Distance::Near,
                is_fault: distance == Distance::Fault,
            });
        }
    }
}
