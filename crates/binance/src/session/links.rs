//! Connections: opening, waiting, rolling over, closing.

use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_binance_wire::stream;
use keel_binance_wire::ws_api::method;
use keel_domain::Timestamp;
use keel_execution::VenueReport;
use keel_market_data::LostReason;

use super::link_state::{LinkState, State};
use super::requests::Question;
use super::weight::Class;
use super::{Link, Session, Transmit};
use crate::signed::KeyKind;

impl Session {
    pub(super) fn is_open(&self, link: Link) -> bool {
        self.links.get(&link).is_some_and(LinkState::is_open)
    }

    fn is_idle(&self, link: Link) -> bool {
        self.links.get(&link).is_none_or(|l| l.state == State::Idle)
    }

    fn is_current(&self, link: Link) -> bool {
        link == self.market || link == self.ws_api
    }

    /// Begins to open a connection.
    pub(super) fn want(&mut self, now: Timestamp, link: Link) {
        if let Some(link) = self.links.get_mut(&link) {
            link.state = State::Waiting(now);
        }
    }

    pub(super) fn link_deadlines(&self) -> impl Iterator<Item = Timestamp> {
        let rolls = [self.market, self.ws_api]
            .into_iter()
            .filter_map(|link| self.roll_at(link));
        let stalls = self
            .markets
            .values()
            .map(|market| market.heard_at.plus(self.settings.silent_max));
        let stalls = stalls.filter(|_| self.is_open(self.market));
        self.links
            .values()
            .filter_map(LinkState::deadline)
            .chain(rolls)
            .chain(stalls)
            .chain(self.overlap_ends_at())
    }

    /// When the successor of a connection is to be opened.
    fn roll_at(&self, link: Link) -> Option<Timestamp> {
        match self.links.get(&link)?.state {
            State::Open(since) if self.is_idle(link.other()) => Some(since.plus(LinkState::ROLL_AFTER)),
            _ => None,
        }
    }

    /// When the successor of the market connection may take over.
    fn overlap_ends_at(&self) -> Option<Timestamp> {
        let next = self.links.get(&self.market.other())?;
        match next.state {
            State::Open(since) if next.is_subscribed => Some(since.plus(LinkState::ROLL_OVERLAP)),
            _ => None,
        }
    }

    /// Opens the successor of a connection, which goes on until that one carries everything.
    pub(super) fn roll(&mut self, now: Timestamp, link: Link) {
        if self.is_current(link) && self.is_open(link) && self.is_idle(link.other()) {
            self.want(now, link.other());
        }
    }

    /// Opens what waits, gives up what does not open, rolls what is old, and closes what is silent or drained.
    pub(super) fn keep_links(&mut self, now: Timestamp) {
        for link in [self.market, self.ws_api] {
            if self.roll_at(link).is_some_and(|at| now >= at) {
                self.roll(now, link);
            }
        }
        for link in Link::ALL {
            self.keep_link(now, link);
        }
        if self.overlap_ends_at().is_some_and(|at| now >= at) {
            let old = self.market;
            self.market = old.other();
            self.close(old);
            self.proven(self.market);
        }
        let silent_max = self.settings.silent_max;
        let silent = self
            .markets
            .iter()
            .find(|(_, m)| now.since(m.heard_at) >= silent_max);
        if let Some((symbol, _)) = silent.filter(|_| self.is_open(self.market)) {
            let cause = format!("no depth of {symbol} for {} ms", silent_max.as_millis());
            self.stats.stalls += 1;
            self.out.push_back(Transmit::Close(self.market));
            self.on_lost(now, self.market, &cause, LostReason::Stalled);
        }
    }

    fn keep_link(&mut self, now: Timestamp, link: Link) {
        let has_answers_due = self.pending.values().any(|pending| pending.link == Some(link));
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        match state.state {
            State::Waiting(at) if now >= at => self.open(now, link),
            State::Opening(since) if now.since(since) >= LinkState::OPEN_WITHIN => {
                self.out.push_back(Transmit::Close(link));
                self.on_lost(now, link, "did not open in time", LostReason::Disconnected);
            }
            State::Open(_) if state.is_draining && !has_answers_due => self.close(link),
            State::Open(_) => {
                while let Some(message) = state.next_control(now) {
                    self.out.push_back(Transmit::Frame(link, message));
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, now: Timestamp, link: Link) {
        let mut at = self
            .budget
            .ready_at(now)
            .max(self.weight.banned_until(now).unwrap_or(now));
        let weight = if matches!(link, Link::WsApi(_)) { 2 } else { 0 };
        let venue_now = self.venue_time(now);
        if at <= now && !self.weight.spend(now, venue_now, Class::Exit, weight) {
            at = now.plus(Duration::from_secs(1));
        }
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        if at > now {
            state.state = State::Waiting(at);
            return;
        }
        self.budget.take(now);
        state.state = State::Opening(now);
        let url = match link {
            Link::Market(_) => format!("{}/stream", self.endpoints.stream_url),
            Link::WsApi(_) => self.endpoints.ws_api_url.clone(),
        };
        self.out.push_back(Transmit::Open(link, url));
    }

    fn close(&mut self, link: Link) {
        self.out.push_back(Transmit::Close(link));
        if let Some(state) = self.links.get_mut(&link) {
            state.end();
        }
    }

    pub(super) fn on_opened(&mut self, now: Timestamp, link: Link) {
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        if !matches!(state.state, State::Opening(_)) {
            return;
        }
        state.state = State::Open(now);
        if std::mem::replace(&mut state.was_open, true) {
            self.stats.reconnects += 1;
        }
        if self.weight.banned_until(now).is_some() {
            self.out.push_back(Transmit::Close(link));
            self.on_lost(
                now,
                link,
                "the venue has banned this address for a while",
                LostReason::Disconnected,
            );
            return;
        }
        match link {
            Link::Market(_) => self.subscribe_market(now, link),
            Link::WsApi(_) => self.authenticate(now, link),
        }
    }

    /// A connection is gone. Its successor takes its place if there is one; else it is opened again after a while, and
    /// what hung on it is lost.
    pub(super) fn on_lost(&mut self, now: Timestamp, link: Link, cause: &str, reason: LostReason) {
        let seed = self
            .settings
            .jitter_seed
            .wrapping_add(now.as_nanos().unsigned_abs());
        let is_current = self.is_current(link);
        let has_successor = is_current && !self.is_idle(link.other());
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        if matches!(state.state, State::Idle | State::Waiting(_)) {
            return;
        }
        let is_wanted = !state.is_draining && !has_successor;
        state.end();
        if is_wanted {
            state.back_off(now, seed);
        }
        match link {
            Link::Market(_) if is_current => {
                let successor = has_successor.then(|| link.other());
                self.market = successor.unwrap_or(link);
                let carries_on = self.links.get(&self.market).is_some_and(|l| l.is_subscribed);
                self.markets.values_mut().for_each(|market| market.heard_at = now);
                // Where both carried the data, a gap would show in the sequence.
                if !carries_on {
                    self.lose_markets(reason);
                }
            }
            Link::WsApi(_) => {
                if is_current {
                    self.ws_api = if has_successor { link.other() } else { link };
                    self.account_at = None;
                    if std::mem::take(&mut self.is_up) {
                        let cause = cause.to_owned();
                        self.reports.push_back(VenueReport::SessionDown { cause });
                    }
                }
                self.lose_answers(now, link);
            }
            Link::Market(_) => {}
        }
    }

    fn lose_markets(&mut self, reason: LostReason) {
        for symbol in self.settings.symbols.clone() {
            if let Some(market) = self.markets.get_mut(&symbol) {
                market.last_trade = None;
                market.last_ticker = None;
            }
            self.lose_book(symbol, reason);
        }
    }

    /// A connection has proven that it works: the next failure waits the shortest time again.
    pub(super) fn proven(&mut self, link: Link) {
        if let Some(state) = self.links.get_mut(&link) {
            state.failures = 0;
        }
    }

    /// Opens the connection of the user events anew: it is up, and does not tell everything. What was asked there is asked
    /// for again as after any loss of a connection.
    pub fn renew_user_stream(&mut self, now: Timestamp) {
        let cause = "the stream of user events has left something out";
        self.reopen(now, Some(self.ws_api), cause);
    }

    fn subscribe_market(&mut self, now: Timestamp, link: Link) {
        let is_current = link == self.market;
        for market in self.markets.values_mut().filter(|_| is_current) {
            market.heard_at = now;
        }
        let streams: Vec<String> = self
            .settings
            .symbols
            .iter()
            .map(|symbol| symbol.as_str().to_lowercase())
            .flat_map(|symbol| self.settings.streams(&symbol))
            .collect();
        let Some(state) = self.links.get_mut(&link) else {
            return;
        };
        for streams in streams.chunks(LinkState::STREAMS_PER_MESSAGE) {
            state
                .control
                .push_back(stream::subscribe(self.next_request, streams));
            state.unconfirmed += 1;
            self.next_request += 1;
        }
    }

    fn authenticate(&mut self, now: Timestamp, link: Link) {
        let at = self.venue_time(now);
        let params = self.signed.authenticate(at);
        let (method, question) = match self.signed.kind() {
            KeyKind::Ed25519 => (method::SESSION_LOGON, Question::LogOn),
            KeyKind::Hmac => (method::USER_SUBSCRIBE_SIGNATURE, Question::SubscribeUser),
        };
        self.log_on_step(now, link, method, &params, question);
    }

    pub(super) fn log_on_step(
        &mut self,
        now: Timestamp,
        link: Link,
        method: &str,
        params: &Params,
        question: Question,
    ) {
        match self.may_send(now, &question) {
            Ok(()) => self.send_ws(now, link, method, params, question),
            Err(cause) => self.reopen(now, Some(link), &cause.to_string()),
        }
    }

    /// User events flow on this connection: it takes over, and the last one ends after its last answer.
    pub(super) fn on_user_subscribed(&mut self, now: Timestamp, link: Link) {
        if let Some(state) = self.links.get_mut(&link) {
            state.is_subscribed = true;
        }
        if link != self.ws_api {
            let old = std::mem::replace(&mut self.ws_api, link);
            if let Some(state) = self.links.get_mut(&old) {
                state.is_draining = true;
            }
            self.proven(link);
        }
        if !self.is_up {
            self.account_at = Some(now);
        }
    }
}
