//! Answers and user events in.

use std::time::Duration;

use keel_binance_wire::convert;
use keel_binance_wire::error::{ApiError, code};
use keel_binance_wire::rest::{
    Account, Depth, ExchangeInfo, MyTrade, OrderCanceled, OrderPlaced, OrderStatusReport, ServerTime,
};
use keel_binance_wire::ws_api::{self, AccountPositionEvent, Reply, UserEvent, WsFrame, method};
use keel_domain::{Asset, ExecutionReport, Timestamp};
use keel_execution::{Balance, NotSent, Reject, UnknownCause, VenueReport};
use keel_market_data::LostReason;
use serde::de::DeserializeOwned;

use super::requests::{NoAnswer, Pending, Question};
use super::{HttpFailure, HttpResult, Link, RequestId, Session, Transmit};

/// Codes after which the venue itself does not know what it did.
fn is_unsure(code: i32) -> bool {
    matches!(code, code::UNEXPECTED_RESP | code::TIMEOUT | code::UNKNOWN)
}

/// An answer that is not as documented: what was asked for may or may not have happened.
struct Unreadable;

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(body).map_err(|_| Unreadable)
}

fn read_orders(body: &[u8]) -> Result<Vec<ExecutionReport>, Unreadable> {
    let orders: Vec<OrderStatusReport> = read(body)?;
    let orders: Result<_, _> = orders.iter().map(convert::order_status).collect();
    orders.map_err(|_| Unreadable)
}

impl Session {
    pub(super) fn on_http(&mut self, now: Timestamp, id: RequestId, result: Result<HttpResult, HttpFailure>) {
        let Some(pending) = self.pending.remove(&id) else {
            self.stats.late_answers += 1;
            return;
        };
        let result = match result {
            Ok(result) => result,
            Err(HttpFailure::NotSent) => {
                self.on_no_answer(now, pending.question, NoAnswer::NotSent(NotSent::NotConnected));
                return;
            }
            Err(HttpFailure::Lost) => {
                self.on_no_answer(now, pending.question, NoAnswer::Lost(UnknownCause::Disconnected));
                return;
            }
        };
        self.stats.used_weight = result.used_weight.unwrap_or(self.stats.used_weight);
        let retry_after = result.retry_after.map(Duration::from_secs);
        self.on_status(now, result.status, retry_after);
        self.on_answer(now, pending, result.status, &result.body);
    }

    /// Rate limits: how long nothing is to be sent.
    fn on_status(&mut self, now: Timestamp, status: u16, retry_after: Option<Duration>) {
        match status {
            429 => self.blocked_until = Some(now.plus(retry_after.unwrap_or(Duration::from_secs(10)))),
            418 => self.banned_until = Some(now.plus(retry_after.unwrap_or(Duration::from_secs(120)))),
            _ => {}
        }
    }

    pub(super) fn on_ws_api_frame(&mut self, now: Timestamp, frame: &[u8]) {
        self.heard(now, Link::WsApi);
        match ws_api::decode(frame) {
            Ok(WsFrame::Reply(reply)) => self.on_ws_reply(now, &reply),
            Ok(WsFrame::Event(event)) => self.on_user_event(now, event),
            Err(_) => {
                self.stats.undecodable += 1;
                // It may have been a fill: ask for everything by coming up anew.
                self.reopen_ws_api(now, "a frame of the WS API cannot be read");
            }
        }
    }

    fn reopen_ws_api(&mut self, now: Timestamp, cause: &str) {
        self.out.push_back(Transmit::Close(Link::WsApi));
        self.on_lost(now, Link::WsApi, cause, LostReason::Disconnected);
    }

    fn on_ws_reply(&mut self, now: Timestamp, reply: &Reply<'_>) {
        let id = reply.id.as_ref().and_then(|id| id.parse().ok()).map(RequestId);
        let Some(pending) = id.and_then(|id| self.pending.remove(&id)) else {
            if reply.status == 401 {
                self.reopen_ws_api(now, "the venue no longer accepts the key");
            }
            self.stats.late_answers += 1;
            return;
        };
        let retry_at = reply
            .error
            .as_ref()
            .and_then(|e| e.data.as_ref())
            .and_then(|data| data.retry_after);
        let retry_after = retry_at.map(|at| Timestamp::from_millis(at).since(self.venue_time(now)));
        self.on_status(now, reply.status, retry_after);
        match (&reply.error, reply.result) {
            (Some(error), _) => self.on_error(now, pending, reply.status, &error.clone().into()),
            (None, Some(result)) => self.on_answer(now, pending, reply.status, result.get().as_bytes()),
            (None, None) => self.on_answer(now, pending, reply.status, b""),
        }
    }

    fn on_answer(&mut self, now: Timestamp, pending: Pending, status: u16, body: &[u8]) {
        if status != 200 {
            match read::<ApiError>(body) {
                Ok(error) => self.on_error(now, pending, status, &error),
                Err(Unreadable) if (400..500).contains(&status) => {
                    let error = ApiError::new(-i32::from(status), format!("HTTP {status}"));
                    self.on_error(now, pending, status, &error);
                }
                Err(Unreadable) => {
                    let cause = UnknownCause::VenueUnsure(i32::from(status));
                    self.on_no_answer(now, pending.question, NoAnswer::Lost(cause));
                }
            }
            return;
        }
        let question = pending.question.clone();
        if self.on_result(now, pending, body).is_err() {
            self.stats.undecodable += 1;
            self.on_no_answer(now, question, NoAnswer::Lost(UnknownCause::Unreadable));
        }
    }

    /// The venue's error: its outcome is known, unless it says itself that it is not.
    fn on_error(&mut self, now: Timestamp, pending: Pending, status: u16, error: &ApiError) {
        if status >= 500 || is_unsure(error.code) {
            let cause = UnknownCause::VenueUnsure(error.code);
            self.on_no_answer(now, pending.question, NoAnswer::Lost(cause));
            return;
        }
        if error.code == code::INVALID_TIMESTAMP {
            self.clock.next_sample_at = Some(now);
            self.clock.samples_left = 0;
        }
        let reject = Reject {
            code: error.code,
            text: error.msg.clone(),
        };
        match pending.question {
            Question::Submit(cl_ord_id) => self
                .reports
                .push_back(VenueReport::SubmitRejected { cl_ord_id, reject }),
            Question::Cancel(cl_ord_id) => self
                .reports
                .push_back(VenueReport::CancelRejected { cl_ord_id, reject }),
            Question::Order(cl_ord_id) if error.code == code::NO_SUCH_ORDER => {
                let asked_at = pending.asked_at;
                self.reports
                    .push_back(VenueReport::OrderNotFound { cl_ord_id, asked_at });
            }
            Question::LogOn | Question::SubscribeUser => {
                let what = format!("log-on refused: {error}");
                self.reports
                    .push_back(VenueReport::QueryFailed { what: what.clone() });
                self.reopen_ws_api(now, &what);
            }
            question => {
                if question == Question::Instruments {
                    let what = format!("the venue does not describe the configured symbols: {error}");
                    self.reports.push_back(VenueReport::QueryFailed { what });
                }
                let cause = UnknownCause::VenueUnsure(error.code);
                self.on_no_answer(now, question, NoAnswer::Lost(cause));
            }
        }
    }

    fn on_result(&mut self, now: Timestamp, pending: Pending, body: &[u8]) -> Result<(), Unreadable> {
        let asked_at = pending.asked_at;
        match pending.question {
            Question::Time => {
                let time: ServerTime = read(body)?;
                self.on_time(now, asked_at, Timestamp::from_millis(time.server_time));
            }
            Question::Instruments => {
                let info: ExchangeInfo = read(body)?;
                for symbol in &info.symbols {
                    let instrument = convert::instrument(symbol).map_err(|_| Unreadable)?;
                    self.reports.push_back(VenueReport::Instrument(instrument));
                }
            }
            Question::Snapshot(symbol) => {
                let depth: Depth = read(body)?;
                self.on_snapshot(now, symbol, &depth);
            }
            Question::LogOn => {
                self.is_logged_on = true;
                let params = keel_binance_wire::params::Params::new();
                self.send_ws(now, method::USER_SUBSCRIBE, &params, Question::SubscribeUser);
            }
            Question::SubscribeUser => self.request_account(now),
            Question::Submit(_) => {
                let placed: OrderPlaced = read(body)?;
                let reports = convert::order_placed(&placed).map_err(|_| Unreadable)?;
                self.reports
                    .extend(reports.into_iter().map(VenueReport::Execution));
            }
            Question::Cancel(_) => {
                let canceled: OrderCanceled = read(body)?;
                let report = convert::order_canceled(&canceled).map_err(|_| Unreadable)?;
                self.reports.push_back(VenueReport::Execution(report));
            }
            Question::Order(_) => {
                let order: OrderStatusReport = read(body)?;
                let report = convert::order_status(&order).map_err(|_| Unreadable)?;
                self.reports.push_back(VenueReport::Execution(report));
            }
            Question::OpenOrders(symbol) => {
                let orders = read_orders(body)?;
                self.reports.push_back(VenueReport::OpenOrders {
                    symbol,
                    orders,
                    asked_at,
                });
            }
            Question::AllOrders(symbol, around) => {
                let orders = read_orders(body)?;
                self.reports.push_back(VenueReport::AllOrders {
                    symbol,
                    around,
                    orders,
                    asked_at,
                });
            }
            Question::Trades(symbol, from) => {
                let trades: Vec<MyTrade> = read(body)?;
                let trades: Result<_, _> = trades.iter().map(convert::my_trade).collect();
                let trades = trades.map_err(|_| Unreadable)?;
                self.reports.push_back(VenueReport::Trades {
                    symbol,
                    from,
                    trades,
                    asked_at,
                });
            }
            Question::Account => self.on_account(&read(body)?)?,
        }
        Ok(())
    }

    /// The quickest of a few samples says best how far the clocks are apart.
    fn on_time(&mut self, now: Timestamp, asked_at: Timestamp, venue_time: Timestamp) {
        let round_trip = now.since(asked_at);
        if self.clock.best_round_trip.is_none_or(|best| round_trip <= best) {
            self.clock.best_round_trip = Some(round_trip);
            let middle = asked_at.plus(round_trip / 2);
            // The venue tells whole milliseconds: on average half of one has passed.
            self.clock.offset_nanos = venue_time.as_nanos() - middle.as_nanos() + 500_000;
        }
    }

    fn on_account(&mut self, account: &Account) -> Result<(), Unreadable> {
        let balance = |b: &keel_binance_wire::rest::WireBalance| {
            let asset = Asset::new(&b.asset).map_err(|_| Unreadable)?;
            Ok(Balance {
                asset,
                free: b.free,
                locked: b.locked,
            })
        };
        let balances = account
            .balances
            .iter()
            .map(balance)
            .collect::<Result<_, Unreadable>>()?;
        let update_time = Timestamp::from_millis(account.update_time);
        self.reports.push_back(VenueReport::Balances {
            balances,
            is_complete: true,
            update_time,
        });
        if !self.is_up && self.is_open(Link::WsApi) {
            self.is_up = true;
            self.proven(Link::WsApi);
            self.reports.push_back(VenueReport::SessionUp {
                account: account.uid.to_string(),
            });
        }
        Ok(())
    }

    fn on_user_event(&mut self, now: Timestamp, event: UserEvent<'_>) {
        match event {
            UserEvent::ExecutionReport(event) => match convert::execution_report(&event) {
                Ok(report) => self.reports.push_back(VenueReport::Execution(report)),
                Err(_) => {
                    self.stats.undecodable += 1;
                    self.reopen_ws_api(now, "an execution report cannot be read");
                }
            },
            UserEvent::AccountPosition(event) => self.on_account_position(&event),
            UserEvent::BalanceUpdate => self.request_account(now),
            UserEvent::StreamTerminated => self.reopen_ws_api(now, "the venue ended the user stream"),
            UserEvent::ServerShutdown => self.reopen_ws_api(now, "the venue is about to end the connection"),
            UserEvent::Other => {}
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
