//! Answers and user events in.

use std::time::Duration;

use keel_binance_wire::convert;
use keel_binance_wire::error::{ApiError, code};
use keel_binance_wire::ws_api::{self, AccountPositionEvent, BalanceUpdateEvent, Reply, UserEvent, WsFrame};
use keel_domain::{Asset, Timestamp};
use keel_execution::{Balance, NotSent, RefusedCause, Reject, UnknownCause, VenueReport};
use serde::de::DeserializeOwned;

use super::requests::{NoAnswer, Pending, Question};
use super::{HttpFailure, HttpResult, Link, RequestId, Session};

/// Codes after which the venue itself does not know what it did.
fn is_unsure(code: i32) -> bool {
    matches!(
        code,
        code::UNKNOWN | code::DISCONNECTED | code::UNEXPECTED_RESP | code::TIMEOUT
    )
}

/// Statuses that refuse a request before it is looked at, whatever the body says: the firewall and the rate limits.
fn is_refused_unread(status: u16) -> bool {
    matches!(status, 401 | 403 | 418 | 429)
}

/// What moved without a trade, and when. An asset whose name cannot be one is not traded here.
fn moved(event: &BalanceUpdateEvent) -> Option<(Asset, Timestamp)> {
    let asset = Asset::new(&event.asset).ok()?;
    Some((asset, Timestamp::from_millis(event.clear_time)))
}

/// An answer that is not as documented: what was asked for may or may not have happened.
pub(super) struct Unreadable;

pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|_| Unreadable)
}

/// Whether the venue's error says that it will not serve us as we are configured.
fn refused_cause(question: &Question, status: u16, code: i32) -> Option<RefusedCause> {
    match code {
        code::BAD_API_KEY_FMT | code::REJECTED_MBX_KEY => Some(RefusedCause::Key),
        // Whatever else the venue calls it, or where its words cannot be read.
        _ if status == 401 => Some(RefusedCause::Key),
        code::INVALID_SIGNATURE => Some(RefusedCause::Signature),
        code::BAD_SYMBOL => match question {
            Question::Instrument(symbol) => Some(RefusedCause::Symbol(*symbol)),
            _ => None,
        },
        _ => None,
    }
}

impl Session {
    /// The request that an answer belongs to, and whether the answer is overdue.
    fn take_asked(&mut self, id: RequestId) -> Option<(Pending, bool)> {
        if let Some(pending) = self.pending.remove(&id) {
            return Some((pending, false));
        }
        self.stats.late_answers += 1;
        self.overdue.remove(&id).map(|pending| (pending, true))
    }

    pub(super) fn on_http(&mut self, now: Timestamp, id: RequestId, result: Result<HttpResult, HttpFailure>) {
        let Some((pending, is_overdue)) = self.take_asked(id) else {
            return;
        };
        match result {
            Ok(result) => {
                self.count_weight(now, &pending, result.status, result.used_weight);
                self.on_status(now, result.status, result.retry_after.map(Duration::from_secs));
                self.on_answer(now, pending, is_overdue, result.status, &result.body);
            }
            // Its absence has been told.
            Err(_) if is_overdue => {}
            Err(HttpFailure::NotSent) => {
                let why = NoAnswer::NotSent(NotSent::NotConnected);
                self.on_no_answer(now, pending.question, None, why);
            }
            Err(HttpFailure::Lost) => {
                let why = NoAnswer::Lost(UnknownCause::Disconnected);
                self.on_no_answer(now, pending.question, None, why);
            }
        }
    }

    /// Rate limits: how long nothing is to be sent.
    pub(super) fn on_status(&mut self, now: Timestamp, status: u16, retry_after: Option<Duration>) {
        let told = match status {
            429 => self.weight.block(now, retry_after),
            418 => self.weight.ban(now, retry_after),
            _ => None,
        };
        if let Some(wait) = told {
            let is_ban = status == 418;
            self.reports.push_back(VenueReport::RateLimited { wait, is_ban });
        }
    }

    pub(super) fn on_ws_api_frame(&mut self, now: Timestamp, link: Link, frame: &[u8]) {
        if !self.is_open(link) {
            return;
        }
        match ws_api::decode(frame) {
            Ok(WsFrame::Reply(reply)) => self.on_ws_reply(now, link, &reply),
            Ok(WsFrame::Event(event)) => self.on_user_event(now, link, event),
            Err(_) => {
                self.stats.undecodable += 1;
                // It may have been a fill: ask for everything by coming up anew.
                self.reopen(now, Some(link), "a frame of the WS API cannot be read");
            }
        }
    }

    fn on_ws_reply(&mut self, now: Timestamp, link: Link, reply: &Reply<'_>) {
        let id = reply.id().and_then(|id| id.parse().ok()).map(RequestId);
        let Some((pending, is_overdue)) = id.and_then(|id| self.take_asked(id)) else {
            if reply.status == 401 {
                self.reopen(now, Some(link), "the venue no longer accepts the key");
            }
            return;
        };
        let retry_at = reply
            .error
            .as_ref()
            .and_then(|e| e.data.as_ref())
            .and_then(|data| data.retry_after);
        let retry_after = retry_at.map(|at| Timestamp::from_millis(at).since(self.venue_time(now)));
        self.count_weight(now, &pending, reply.status, reply.used_weight());
        self.on_status(now, reply.status, retry_after);
        match (&reply.error, reply.result) {
            (Some(error), _) => {
                self.on_error(now, pending, is_overdue, reply.status, &error.clone().into());
            }
            (None, Some(result)) => {
                let body = result.get().as_bytes();
                self.on_answer(now, pending, is_overdue, reply.status, body);
            }
            (None, None) => self.on_answer(now, pending, is_overdue, reply.status, b""),
        }
    }

    fn on_answer(&mut self, now: Timestamp, pending: Pending, is_overdue: bool, status: u16, body: &[u8]) {
        if status != 200 {
            match read::<ApiError>(body) {
                Ok(error) => self.on_error(now, pending, is_overdue, status, &error),
                Err(Unreadable) if is_refused_unread(status) => {
                    let error = ApiError::new(-i32::from(status), format!("HTTP {status}"));
                    self.on_error(now, pending, is_overdue, status, &error);
                }
                Err(Unreadable) => {
                    let cause = UnknownCause::VenueUnsure(i32::from(status));
                    self.on_unclear(now, pending, is_overdue, cause);
                }
            }
            return;
        }
        let unread = Pending {
            question: pending.question.clone(),
            ..pending
        };
        if self.on_result(now, pending, body).is_err() {
            self.stats.undecodable += 1;
            self.on_unclear(now, unread, is_overdue, UnknownCause::Unreadable);
        }
    }

    /// An answer that does not tell what happened; an overdue one tells nothing new.
    fn on_unclear(&mut self, now: Timestamp, pending: Pending, is_overdue: bool, cause: UnknownCause) {
        if !is_overdue {
            self.on_no_answer(now, pending.question, pending.link, NoAnswer::Lost(cause));
        }
    }

    /// The venue's error: its outcome is known, unless it says itself that it is not.
    fn on_error(
        &mut self,
        now: Timestamp,
        pending: Pending,
        is_overdue: bool,
        status: u16,
        error: &ApiError,
    ) {
        if status >= 500 || is_unsure(error.code) {
            self.on_unclear(now, pending, is_overdue, UnknownCause::VenueUnsure(error.code));
            return;
        }
        match error.code {
            code::INVALID_TIMESTAMP => self.clock.measure_again(now),
            // A filter, or the pair's status, is not what we know.
            code::INVALID_MESSAGE => self.instruments_at = now,
            _ => {}
        }
        if pending.question == Question::Instruments && error.code == code::BAD_SYMBOL {
            self.request_each_instrument(now);
            return;
        }
        let reject = Reject {
            code: error.code,
            text: error.msg.clone(),
        };
        if let Some(cause) = refused_cause(&pending.question, status, error.code) {
            let reject = reject.clone();
            self.reports.push_back(VenueReport::Refused { cause, reject });
        }
        let report = match pending.question {
            Question::Submit(cl_ord_id, _) | Question::SubmitPair(cl_ord_id) => {
                VenueReport::SubmitRejected { cl_ord_id, reject }
            }
            Question::Cancel(cl_ord_id) => VenueReport::CancelRejected { cl_ord_id, reject },
            Question::Order(cl_ord_id) if error.code == code::NO_SUCH_ORDER => {
                let asked_at = pending.asked_at;
                VenueReport::OrderNotFound { cl_ord_id, asked_at }
            }
            Question::LogOn | Question::SubscribeUser => {
                let what = format!("log-on refused: {error}");
                self.reopen(now, pending.link, &what);
                VenueReport::QueryFailed { what }
            }
            // It has been told; whoever needs the pair asks again.
            Question::Instrument(_) if error.code == code::BAD_SYMBOL => return,
            question => {
                let why = NoAnswer::Lost(UnknownCause::VenueUnsure(error.code));
                self.on_no_answer(now, question, pending.link, why);
                return;
            }
        };
        self.reports.push_back(report);
    }

    fn on_user_event(&mut self, now: Timestamp, link: Link, event: UserEvent<'_>) {
        match event {
            UserEvent::ExecutionReport(event) => match convert::execution_report(&event) {
                Ok(report) => self.reports.push_back(VenueReport::Execution(report)),
                Err(_) => {
                    self.stats.undecodable += 1;
                    self.reopen(now, Some(link), "an execution report cannot be read");
                }
            },
            UserEvent::AccountPosition(event) => self.on_account_position(&event),
            UserEvent::BalanceUpdate(event) => {
                let told = moved(&event).map(|(asset, transact_time)| VenueReport::Transfer {
                    asset,
                    delta: event.delta,
                    transact_time,
                });
                self.reports.extend(told);
                self.request_account(now);
            }
            UserEvent::ExternalLockUpdate(event) => {
                let told = moved(&event).map(|(asset, transact_time)| VenueReport::ExternalLock {
                    asset,
                    delta: event.delta,
                    transact_time,
                });
                self.reports.extend(told);
                self.request_account(now);
            }
            UserEvent::StreamTerminated => self.reopen(now, Some(link), "the venue ended the user stream"),
            UserEvent::ServerShutdown => self.roll(now, link),
            // The orders of a list tell their own states.
            UserEvent::ListStatus(_) | UserEvent::Other => {}
        }
    }

    fn on_account_position(&mut self, event: &AccountPositionEvent) {
        // An asset whose name cannot be one is not traded here.
        let named = event
            .balances
            .iter()
            .filter_map(|b| Some((Asset::new(&b.asset).ok()?, b)));
        let balances = named
            .map(|(asset, b)| Balance {
                asset,
                free: b.free,
                locked: b.locked,
            })
            .collect();
        let update_time = Timestamp::from_millis(event.update_time);
        self.reports.push_back(VenueReport::Balances {
            balances,
            is_complete: false,
            update_time,
        });
    }
}
