//! Connections: opening, waiting, closing.

use std::time::Duration;

use keel_binance_wire::stream;
use keel_binance_wire::ws_api::method;
use keel_domain::Timestamp;
use keel_execution::VenueReport;
use keel_market_data::{LostReason, MarketUpdate};

use super::{Link, Session, Transmit};
use crate::signed::KeyKind;

/// One connection's state.
#[derive(Debug)]
pub(super) struct LinkState {
    state: State,
    failures: u32,
    was_open: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// To be opened at this time.
    Waiting(Timestamp),
    /// Being opened since.
    Opening(Timestamp),
    /// Open since the first, last heard of at the second.
    Open(Timestamp, Timestamp),
}

impl LinkState {
    /// The longest wait between two attempts.
    const BACK_OFF_MAX: Duration = Duration::from_secs(30);
    const BACK_OFF_MIN: Duration = Duration::from_millis(250);
    const OPEN_WITHIN: Duration = Duration::from_secs(10);
    /// The venue ends a connection after 24 h; it is renewed before.
    const RENEW_AFTER: Duration = Duration::from_secs(23 * 3_600);

    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            state: State::Waiting(now),
            failures: 0,
            was_open: false,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(..))
    }

    pub(super) fn heard(&mut self, now: Timestamp) {
        if let State::Open(since, _) = self.state {
            self.state = State::Open(since, now);
        }
    }

    pub(super) fn deadline(&self, silent_max: Duration) -> Option<Timestamp> {
        Some(match self.state {
            State::Waiting(at) => at,
            State::Opening(since) => since.plus(Self::OPEN_WITHIN),
            State::Open(_, heard_at) => heard_at.plus(silent_max),
        })
    }

    /// Twice as long after each failure, up to a bound, and a part of it more by chance.
    fn back_off(&mut self, now: Timestamp, seed: u64) {
        let doubled = Self::BACK_OFF_MIN * 2_u32.saturating_pow(self.failures.min(16));
        let base = doubled.min(Self::BACK_OFF_MAX);
        let spread = splitmix(seed.wrapping_add(u64::from(self.failures))) % 1_000;
        let jitter = base * u32::try_from(spread).unwrap_or(0) / 4_000;
        self.failures = self.failures.saturating_add(1);
        self.state = State::Waiting(now.plus(base + jitter));
    }
}

/// One output of SplitMix64: a spread that the same seed repeats.
fn splitmix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Session {
    pub(super) fn is_open(&self, link: Link) -> bool {
        self.links.get(&link).is_some_and(LinkState::is_open)
    }

    pub(super) fn heard(&mut self, now: Timestamp, link: Link) {
        if let Some(state) = self.links.get_mut(&link) {
            state.heard(now);
        }
    }

    /// Opens what waits, gives up what does not open, and closes what is silent or old.
    pub(super) fn keep_links(&mut self, now: Timestamp) {
        let mut to_close = Vec::new();
        for (link, state) in &mut self.links {
            match state.state {
                State::Waiting(at) if now >= at && self.banned_until.is_none_or(|until| now >= until) => {
                    state.state = State::Opening(now);
                    let url = match link {
                        Link::Market => format!("{}/stream", self.endpoints.stream_url),
                        Link::WsApi => self.endpoints.ws_api_url.clone(),
                    };
                    self.out.push_back(Transmit::Open(*link, url));
                }
                State::Opening(since) if now.since(since) >= LinkState::OPEN_WITHIN => {
                    to_close.push((*link, "did not open in time"));
                }
                State::Open(_, heard_at)
                    if *link == Link::Market && now.since(heard_at) >= self.settings.silent_max =>
                {
                    to_close.push((*link, "silent for too long"));
                }
                State::Open(since, _) if now.since(since) >= LinkState::RENEW_AFTER => {
                    to_close.push((*link, "renewed before the venue's 24 hours are over"));
                }
                _ => {}
            }
        }
        for (link, cause) in to_close {
            self.out.push_back(Transmit::Close(link));
            self.on_lost(now, link, cause, LostReason::Stalled);
        }
    }

    pub(super) fn on_opened(&mut self, now: Timestamp, link: Link) {
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        if state.is_open() {
            return;
        }
        state.state = State::Open(now, now);
        if state.was_open {
            self.stats.reconnects += 1;
        }
        state.was_open = true;
        match link {
            Link::Market => self.subscribe_market(),
            Link::WsApi => self.authenticate(now),
        }
    }

    pub(super) fn on_closed(&mut self, now: Timestamp, link: Link, cause: &str) {
        self.on_lost(now, link, cause, LostReason::Disconnected);
    }

    /// A connection is gone: what hung on it is lost, and it is opened again after a while.
    pub(super) fn on_lost(&mut self, now: Timestamp, link: Link, cause: &str, reason: LostReason) {
        let seed = self
            .settings
            .jitter_seed
            .wrapping_add(now.as_nanos().unsigned_abs());
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        if matches!(state.state, State::Waiting(_)) {
            return;
        }
        state.back_off(now, seed);
        match link {
            Link::Market => {
                for (symbol, book) in &mut self.books {
                    book.reset();
                    self.updates.push_back(MarketUpdate::BookLost {
                        symbol: *symbol,
                        reason,
                    });
                }
                self.snapshot_due.clear();
            }
            Link::WsApi => {
                self.is_logged_on = false;
                if std::mem::take(&mut self.is_up) {
                    self.reports.push_back(VenueReport::SessionDown {
                        cause: cause.to_owned(),
                    });
                }
                self.lose_ws_answers(now);
            }
        }
    }

    /// A connection has proven that it works: the next failure waits the shortest time again.
    pub(super) fn proven(&mut self, link: Link) {
        if let Some(state) = self.links.get_mut(&link) {
            state.failures = 0;
        }
    }

    fn subscribe_market(&mut self) {
        let streams: Vec<String> = self
            .settings
            .symbols
            .iter()
            .map(|symbol| symbol.as_str().to_lowercase())
            .flat_map(|symbol| [format!("{symbol}@depth@100ms"), format!("{symbol}@trade")])
            .collect();
        let id = self.next_request;
        self.next_request += 1;
        self.out
            .push_back(Transmit::Frame(Link::Market, stream::subscribe(id, &streams)));
    }

    fn authenticate(&mut self, now: Timestamp) {
        let at = self.venue_time(now);
        let params = self.signed.authenticate(at);
        match self.signed.kind() {
            KeyKind::Ed25519 => self.send_ws(
                now,
                method::SESSION_LOGON,
                &params,
                super::requests::Question::LogOn,
            ),
            KeyKind::Hmac => self.send_ws(
                now,
                method::USER_SUBSCRIBE_SIGNATURE,
                &params,
                super::requests::Question::SubscribeUser,
            ),
        }
    }
}
