//! Requests and what waits for their answers.

use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_binance_wire::ws_api;
use keel_domain::{ClOrdId, Symbol, Timestamp, TradeId};
use keel_execution::{NotSent, UnknownCause, VenueReport};

use super::{HttpMethod, HttpRequest, Link, RequestId, Session, Transmit};

/// What a request asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Question {
    Time,
    Instruments,
    Snapshot(Symbol),
    LogOn,
    SubscribeUser,
    Submit(ClOrdId),
    Cancel(ClOrdId),
    Order(ClOrdId),
    OpenOrders(Symbol),
    AllOrders(Symbol, Timestamp),
    Trades(Symbol, Option<TradeId>),
    Account,
}

/// A request without an answer yet.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) question: Question,
    pub(super) asked_at: Timestamp,
    pub(super) due_at: Timestamp,
    pub(super) is_ws: bool,
}

impl Session {
    /// Whether a request may leave: the venue has not told us to wait, and not too many wait for answers.
    pub(super) fn may_send(&self, now: Timestamp, question: &Question) -> Result<(), NotSent> {
        let is_within = |until: Option<Timestamp>| until.is_some_and(|until| now < until);
        // After 429 only cancels leave, which cost nothing when they succeed; after 418 nothing does.
        let is_exempt = matches!(question, Question::Cancel(_));
        if is_within(self.banned_until) || (is_within(self.blocked_until) && !is_exempt) {
            return Err(NotSent::RateLimited);
        }
        if self.pending.len() >= Self::IN_FLIGHT_MAX && !is_exempt {
            return Err(NotSent::TooManyInFlight);
        }
        Ok(())
    }

    pub(super) fn wait_for(&mut self, now: Timestamp, question: Question, is_ws: bool) -> RequestId {
        let id = RequestId(self.next_request);
        self.next_request += 1;
        let due_at = now.plus(self.settings.answer_within);
        self.pending.insert(
            id,
            Pending {
                question,
                asked_at: now,
                due_at,
                is_ws,
            },
        );
        id
    }

    pub(super) fn send_ws(&mut self, now: Timestamp, method: &str, params: &Params, question: Question) {
        let id = self.wait_for(now, question, true);
        self.out.push_back(Transmit::Frame(
            Link::WsApi,
            ws_api::request(id.0, method, params),
        ));
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
        let id = self.wait_for(now, question, false);
        let request = HttpRequest {
            method,
            path,
            query: params.to_query(),
            api_key,
        };
        self.out.push_back(Transmit::Http(id, request));
    }

    /// Asks by GET, or reports at once that it could not.
    pub(super) fn ask(&mut self, now: Timestamp, path: &'static str, params: &Params, question: Question) {
        match self.may_send(now, &question) {
            Ok(()) => self.send_http(now, HttpMethod::Get, path, params, question),
            Err(cause) => self.on_no_answer(now, question, NoAnswer::NotSent(cause)),
        }
    }

    pub(super) fn request_time(&mut self, now: Timestamp) {
        self.ask(now, "/api/v3/time", &Params::new(), Question::Time);
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

    pub(super) fn request_snapshot(&mut self, now: Timestamp, symbol: Symbol) {
        let params = Params::new().with("symbol", symbol).with("limit", 1_000);
        self.ask(now, "/api/v3/depth", &params, Question::Snapshot(symbol));
    }

    pub(super) fn request_account(&mut self, now: Timestamp) {
        let params = self.signed.account(self.venue_time(now));
        self.ask(now, "/api/v3/account", &params, Question::Account);
    }

    /// Gives up on answers that did not come in time.
    pub(super) fn expire_answers(&mut self, now: Timestamp) {
        let late: Vec<RequestId> = self
            .pending
            .iter()
            .filter(|(_, p)| now >= p.due_at)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            if let Some(pending) = self.pending.remove(&id) {
                self.on_no_answer(now, pending.question, NoAnswer::Lost(UnknownCause::TimedOut));
            }
        }
    }

    /// The WS API is gone: nothing that was asked there will be answered.
    pub(super) fn lose_ws_answers(&mut self, now: Timestamp) {
        let lost: Vec<RequestId> = self
            .pending
            .iter()
            .filter(|(_, p)| p.is_ws)
            .map(|(id, _)| *id)
            .collect();
        for id in lost {
            if let Some(pending) = self.pending.remove(&id) {
                self.on_no_answer(now, pending.question, NoAnswer::Lost(UnknownCause::Disconnected));
            }
        }
    }

    /// What the absence of an answer means, for each question.
    pub(super) fn on_no_answer(&mut self, now: Timestamp, question: Question, why: NoAnswer) {
        let report = match (question, why) {
            (Question::Submit(cl_ord_id), NoAnswer::Lost(cause)) => {
                VenueReport::SubmitUnknown { cl_ord_id, cause }
            }
            (Question::Submit(cl_ord_id), NoAnswer::NotSent(cause)) => {
                VenueReport::SubmitNotSent { cl_ord_id, cause }
            }
            (Question::Cancel(cl_ord_id), _) => VenueReport::CancelUnknown { cl_ord_id },
            (Question::Snapshot(symbol), _) => {
                self.fetch_snapshot_later(now, symbol);
                return;
            }
            (Question::Instruments, _) => {
                self.bootstrap_at = Some(now.plus(Duration::from_secs(2)));
                return;
            }
            (Question::LogOn | Question::SubscribeUser, _) => {
                self.out.push_back(Transmit::Close(Link::WsApi));
                let reason = keel_market_data::LostReason::Disconnected;
                self.on_lost(now, Link::WsApi, "the log-on had no answer", reason);
                return;
            }
            // The next sample comes by itself.
            (Question::Time, _) => return,
            (Question::Account, why) => {
                // Without it the session does not come up, so it is asked for again with the reconnect.
                self.retry_account(now);
                VenueReport::QueryFailed {
                    what: format!("balances: {why}"),
                }
            }
            (Question::Order(id), why) => VenueReport::QueryFailed {
                what: format!("order {id}: {why}"),
            },
            (Question::OpenOrders(symbol), why) => VenueReport::QueryFailed {
                what: format!("open orders of {symbol}: {why}"),
            },
            (Question::AllOrders(symbol, _), why) => VenueReport::QueryFailed {
                what: format!("all orders of {symbol}: {why}"),
            },
            (Question::Trades(symbol, _), why) => VenueReport::QueryFailed {
                what: format!("trades of {symbol}: {why}"),
            },
        };
        self.reports.push_back(report);
    }

    /// While the session is not up, balances are what it waits for.
    fn retry_account(&mut self, now: Timestamp) {
        if !self.is_up && self.is_open(Link::WsApi) {
            self.out.push_back(Transmit::Close(Link::WsApi));
            let reason = keel_market_data::LostReason::Disconnected;
            self.on_lost(now, Link::WsApi, "the account could not be read", reason);
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
