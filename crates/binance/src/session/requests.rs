//! Requests and what waits for their answers.

use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_binance_wire::ws_api::{self, method};
use keel_domain::{ClOrdId, Purpose, Symbol, Timestamp, TradeId};
use keel_execution::{NotSent, UnknownCause, VenueReport};
use keel_market_data::LostReason;

use super::weight::Class;
use super::{HttpMethod, HttpRequest, Link, RequestId, Session, Transmit};

/// What a request asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    Time,
    /// All pairs; the venue refuses the question as a whole where it does not know one of them.
    Instruments,
    /// One pair.
    Instrument(Symbol),
    Snapshot(Symbol),
    LogOn,
    SubscribeUser,
    Submit(ClOrdId, Purpose),
    /// An exit with its stop.
    SubmitPair(ClOrdId),
    Cancel(ClOrdId),
    Order(ClOrdId),
    OpenOrders(Symbol),
    AllOrders(Symbol, Timestamp),
    Trades(Symbol, Option<TradeId>),
    Account,
}

impl Question {
    /// What it costs (rest-api.md and web-socket-api.md, "Weight"). An order or a cancel that succeeds costs nothing.
    pub(super) fn weight(&self) -> u32 {
        match self {
            Self::Time | Self::Submit(..) | Self::SubmitPair(_) | Self::Cancel(_) => 1,
            Self::LogOn | Self::SubscribeUser => 2,
            Self::Order(_) => 4,
            Self::OpenOrders(_) => 6,
            Self::Instruments
            | Self::Instrument(_)
            | Self::AllOrders(..)
            | Self::Trades(..)
            | Self::Account => 20,
            Self::Snapshot(_) => 50,
        }
    }

    /// Whether it places or cancels an order.
    fn is_of_order(&self) -> bool {
        matches!(self, Self::Submit(..) | Self::SubmitPair(_) | Self::Cancel(_))
    }

    fn class(&self) -> Class {
        match self {
            Self::Cancel(_) | Self::SubmitPair(_) | Self::Submit(_, Purpose::ReduceOnly) => Class::Exit,
            // Without the session no exit is possible either.
            Self::Order(_) | Self::AllOrders(..) | Self::LogOn | Self::SubscribeUser => Class::Question,
            _ => Class::Ordinary,
        }
    }
}

/// A request without an answer yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) question: Question,
    pub(super) asked_at: Timestamp,
    pub(super) due_at: Timestamp,
    /// The WS API connection it left on; none: by REST.
    pub(super) link: Option<Link>,
}

impl Session {
    /// How long to wait before a question is asked again without which nothing begins.
    const ASK_AGAIN: Duration = Duration::from_secs(2);

    /// Counts a request that is about to leave, unless a limit forbids it.
    pub(super) fn may_send(&mut self, now: Timestamp, question: &Question) -> Result<(), NotSent> {
        let class = question.class();
        if self.pending.len() >= Self::IN_FLIGHT_MAX && class != Class::Exit {
            return Err(NotSent::TooManyInFlight);
        }
        let venue_now = self.venue_time(now);
        if self.weight.spend(now, venue_now, class, question.weight()) {
            Ok(())
        } else {
            self.stats.rate_limited += 1;
            Err(NotSent::RateLimited)
        }
    }

    /// What the answer to a request tells of the weight used.
    pub(super) fn count_weight(&mut self, now: Timestamp, pending: &Pending, status: u16, told: Option<u32>) {
        let asked = self.venue_time(pending.asked_at);
        let is_free = pending.question.is_of_order();
        if is_free && status == 200 {
            self.weight.refund(asked, pending.question.weight());
        }
        if let Some(used) = told {
            self.weight.told(asked, self.clock.venue_time(now), used);
        }
    }

    fn wait_for(&mut self, now: Timestamp, question: Question, link: Option<Link>) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        let pending = Pending {
            question,
            asked_at: now,
            due_at: now.plus(self.settings.answer_within),
            link,
        };
        self.pending.insert(id, pending);
        id
    }

    pub(super) fn send_ws(
        &mut self,
        now: Timestamp,
        link: Link,
        method: &str,
        params: &Params,
        question: Question,
    ) {
        let id = self.wait_for(now, question.clone(), Some(link));
        let text = ws_api::request(id.0, method, params);
        let frame = Transmit::Frame(link, text);
        self.out.push_request(id, &question, frame);
    }

    pub(super) fn send_http(
        &mut self,
        now: Timestamp,
        method: HttpMethod,
        path: &'static str,
        params: &Params,
        question: Question,
    ) {
        let is_signed = params.get("signature").is_some();
        let api_key = is_signed.then(|| self.signed.api_key().clone());
        let id = self.wait_for(now, question.clone(), None);
        let request = HttpRequest {
            method,
            path,
            query: params.to_query(),
            api_key,
        };
        self.out.push_request(id, &question, Transmit::Http(id, request));
    }

    /// Asks by GET, or reports at once that it could not.
    pub(super) fn ask(&mut self, now: Timestamp, path: &'static str, params: &Params, question: Question) {
        match self.may_send(now, &question) {
            Ok(()) => self.send_http(now, HttpMethod::Get, path, params, question),
            Err(cause) => self.on_no_answer(now, question, None, NoAnswer::NotSent(cause)),
        }
    }

    /// Asks on the WS API while that is up: the answer also shows that the connection lives.
    pub(super) fn request_time(&mut self, now: Timestamp) {
        let link = self.ws_api;
        if !self.is_up || !self.is_open(link) {
            return self.ask(now, "/api/v3/time", &Params::new(), Question::Time);
        }
        match self.may_send(now, &Question::Time) {
            Ok(()) => self.send_ws(now, link, method::TIME, &Params::new(), Question::Time),
            Err(cause) => self.on_no_answer(now, Question::Time, None, NoAnswer::NotSent(cause)),
        }
    }

    pub(super) fn request_instruments(&mut self, now: Timestamp) {
        let names: Vec<String> = self
            .settings
            .symbols
            .iter()
            .map(|symbol| format!("\"{symbol}\""))
            .collect();
        let params = Params::new().with("symbols", format!("[{}]", names.join(",")));
        self.ask(now, "/api/v3/exchangeInfo", &params, Question::Instruments);
    }

    /// Asks for each pair by itself, so that one that is gone keeps none of the others from being described.
    pub(super) fn request_each_instrument(&mut self, now: Timestamp) {
        for symbol in self.settings.symbols.clone() {
            let params = Params::new().with("symbol", symbol);
            self.ask(now, "/api/v3/exchangeInfo", &params, Question::Instrument(symbol));
        }
    }

    pub(super) fn request_snapshot(&mut self, now: Timestamp, symbol: Symbol) {
        let params = Params::new().with("symbol", symbol).with("limit", 1_000);
        self.ask(now, "/api/v3/depth", &params, Question::Snapshot(symbol));
    }

    pub(super) fn request_account(&mut self, now: Timestamp) {
        let params = self.signed.account(self.venue_time(now));
        self.ask(now, "/api/v3/account", &params, Question::Account);
    }

    /// Gives up on answers that did not come in time. Those to orders and cancels still count when they come.
    pub(super) fn expire_answers(&mut self, now: Timestamp) {
        for (id, pending) in self.take_pending(|pending| now >= pending.due_at) {
            let (question, link) = (pending.question.clone(), pending.link);
            if question.is_of_order() {
                self.overdue.insert(id, pending);
                if self.overdue.len() > Self::OVERDUE_MAX {
                    self.overdue.pop_first();
                }
            }
            self.on_no_answer(now, question, link, NoAnswer::Lost(UnknownCause::TimedOut));
        }
    }

    /// A connection of the WS API is gone: nothing that was asked there will be answered.
    pub(super) fn lose_answers(&mut self, now: Timestamp, link: Link) {
        self.overdue.retain(|_, pending| pending.link != Some(link));
        for (_, pending) in self.take_pending(|pending| pending.link == Some(link)) {
            let why = NoAnswer::Lost(UnknownCause::Disconnected);
            self.on_no_answer(now, pending.question, Some(link), why);
        }
    }

    fn take_pending(&mut self, is_taken: impl Fn(&Pending) -> bool) -> Vec<(RequestId, Pending)> {
        let taken = self.pending.iter().filter(|(_, pending)| is_taken(pending));
        let ids: Vec<RequestId> = taken.map(|(id, _)| *id).collect();
        ids.into_iter()
            .filter_map(|id| Some((id, self.pending.remove(&id)?)))
            .collect()
    }

    /// What the absence of an answer means, for each question.
    pub(super) fn on_no_answer(
        &mut self,
        now: Timestamp,
        question: Question,
        link: Option<Link>,
        why: NoAnswer,
    ) {
        let failed = |what: String| VenueReport::QueryFailed { what };
        let report = match (question, why) {
            (Question::Submit(cl_ord_id, _) | Question::SubmitPair(cl_ord_id), NoAnswer::Lost(cause)) => {
                VenueReport::SubmitUnknown { cl_ord_id, cause }
            }
            (Question::Submit(cl_ord_id, _) | Question::SubmitPair(cl_ord_id), NoAnswer::NotSent(cause)) => {
                VenueReport::SubmitNotSent { cl_ord_id, cause }
            }
            (Question::Cancel(cl_ord_id), _) => VenueReport::CancelUnknown { cl_ord_id },
            (Question::Snapshot(symbol), _) => {
                self.fetch_snapshot(now, symbol);
                return;
            }
            (Question::Instruments | Question::Instrument(_), _) => {
                self.instruments_at = now.plus(Self::ASK_AGAIN);
                return;
            }
            (Question::LogOn | Question::SubscribeUser, _) => {
                self.reopen(now, link, "the log-on had no answer");
                return;
            }
            (Question::Time, why) => {
                let changed = self.clock.on_no_sample();
                self.tell_clock(changed);
                if matches!(why, NoAnswer::Lost(UnknownCause::TimedOut)) {
                    self.reopen(now, link, "the connection no longer answers");
                }
                return;
            }
            (Question::Account, why) => {
                if !self.is_up && self.is_open(self.ws_api) {
                    self.account_at = Some(now.plus(Self::ASK_AGAIN));
                }
                failed(format!("balances: {why}"))
            }
            (Question::Order(id), why) => failed(format!("order {id}: {why}")),
            (Question::OpenOrders(symbol), why) => failed(format!("open orders of {symbol}: {why}")),
            (Question::AllOrders(symbol, _), why) => failed(format!("all orders of {symbol}: {why}")),
            (Question::Trades(symbol, _), why) => failed(format!("trades of {symbol}: {why}")),
        };
        self.reports.push_back(report);
    }

    /// Gives a connection up and opens it anew.
    pub(super) fn reopen(&mut self, now: Timestamp, link: Option<Link>, cause: &str) {
        if let Some(link) = link.filter(|link| self.is_open(*link)) {
            self.out.push_back(Transmit::Close(link));
            self.on_lost(now, link, cause, LostReason::Disconnected);
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone)]
pub(super) enum NoAnswer {
    /// No byte left.
    NotSent(NotSent),
    /// Something left.
    Lost(UnknownCause),
}

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSent(cause) => cause.fmt(f),
            Self::Lost(cause) => cause.fmt(f),
        }
    }
}
