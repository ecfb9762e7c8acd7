//! What the venue's reports do.

use std::time::Duration;

use keel_domain::{AlertClass, ClOrdId, ExecType, ExecutionReport, OrdStatus, Qty, Symbol, Timestamp, Trade};
use keel_execution::{Balance, CancelState, NotSent, Order, OrderState, RefusedCause, Reject, VenueReport};
use keel_risk::HaltCause;
use keel_strategy::Trigger;

use crate::fate::Poll;
use crate::market::Shut;
use crate::reconcile::Part;
use crate::{Command, Fact, Step, Trader};

impl Trader {
    /// The most foreign orders that are told apart; beyond it each is counted again.
    pub(crate) const FOREIGN_MAX: usize = 1_024;
    /// The most reports that are kept until their pair is described; the oldest go first.
    const EARLY_MAX: usize = 256;

    pub(crate) fn on_report(&mut self, now: Timestamp, report: VenueReport, step: &mut Step) {
        match report {
            VenueReport::SessionUp { account } => self.on_session_up(now, &account, step),
            VenueReport::SessionDown { cause } => {
                self.session_up = false;
                self.reconciliation.on_session_down();
                step.push_alert(
                    AlertClass::SessionDown.alert(format!("session with the venue is down: {cause}")),
                );
            }
            VenueReport::RateLimited { wait, is_ban } => tell_wait(wait, is_ban, step),
            VenueReport::Instrument(instrument) => self.on_instrument(now, instrument, step),
            VenueReport::OrderLimit { per_10s_max } => self.on_order_limit(per_10s_max, step),
            VenueReport::Execution(report) => self.on_execution(now, &report, step),
            VenueReport::SubmitRejected { cl_ord_id, reject } => {
                self.on_rejected(now, cl_ord_id, reject, step);
            }
            VenueReport::SubmitNotSent { cl_ord_id, cause } => {
                self.on_not_sent(now, cl_ord_id, cause, step);
            }
            VenueReport::SubmitUnknown { cl_ord_id, cause } => self.on_unknown(now, cl_ord_id, cause, step),
            VenueReport::CancelRejected { cl_ord_id, .. } | VenueReport::CancelUnknown { cl_ord_id } => {
                self.on_cancel_unclear(now, cl_ord_id, step);
            }
            VenueReport::OrderNotFound { cl_ord_id, asked_at } => {
                self.on_vanished(now, cl_ord_id, asked_at, step);
                self.on_absent(now, cl_ord_id, asked_at, |poll| poll.absent_alone = true, step);
            }
            VenueReport::OpenOrders {
                symbol,
                orders,
                asked_at,
            } => {
                self.on_open_orders(now, symbol, &orders, asked_at, step);
            }
            VenueReport::AllOrders {
                symbol,
                around,
                orders,
                asked_at,
            } => self.on_all_orders(now, (symbol, around), &orders, asked_at, step),
            VenueReport::Trades {
                symbol,
                trades,
                asked_at,
                ..
            } => {
                self.on_trades(now, symbol, &trades, asked_at, step);
            }
            VenueReport::Balances {
                balances,
                is_complete,
                ..
            } => self.on_balances(now, balances, is_complete, step),
            VenueReport::Refused { cause, reject } => self.on_refused(now, cause, &reject, step),
            VenueReport::QueryFailed { what } => {
                step.push_alert(AlertClass::QueryFailed.alert(format!("query failed: {what}")))
            }
            moved @ (VenueReport::Transfer { .. } | VenueReport::ExternalLock { .. }) => {
                self.on_moved(now, &moved, step);
            }
            clock @ (VenueReport::ClockApart { .. } | VenueReport::ClockJumped { .. }) => {
                self.on_clock(now, &clock, step);
            }
        }
    }

    fn on_not_sent(&mut self, now: Timestamp, cl_ord_id: ClOrdId, cause: NotSent, step: &mut Step) {
        match cause {
            NotSent::LastInch(trip) => self.halt(now, HaltCause::LastInch(trip), step),
            NotSent::TooManyInFlight | NotSent::DecidedTooLongAgo { .. } => {
                step.push_alert(AlertClass::Overflow.alert(format!("{cl_ord_id} was not sent: {cause}")));
            }
            // Told when it began.
            NotSent::NotConnected | NotSent::RateLimited | NotSent::Restricted(_) => {}
        }
        if let Some(order) = self.state.orders.get(cl_ord_id) {
            self.pause(now, order.symbol());
            self.record(now, step, Fact::SubmitNotSent { cl_ord_id, cause });
        }
    }

    fn on_session_up(&mut self, now: Timestamp, account: &str, step: &mut Step) {
        if !self.is_our_account(now, account, step) {
            return;
        }
        self.session_up = true;
        if !std::mem::replace(&mut self.has_been_up, true) {
            self.tell_untraded(step);
        }
        // The session reads the filters before it comes up.
        self.instruments_at = self.instruments_at.or(Some(now));
        self.ask_everything(now, step);
    }

    fn on_clock(&mut self, now: Timestamp, clock: &VenueReport, step: &mut Step) {
        match clock {
            VenueReport::ClockApart {
                offset_ms, is_fault, ..
            } => {
                let what =
                    format!("the venue's clock is {offset_ms} ms from ours; set this machine's clock by NTP");
                step.push_alert(AlertClass::Clock.alert(what.clone()));
                self.loss_watch.is_clock_off = *is_fault;
                if *is_fault {
                    self.halt(now, HaltCause::Clock { what }, step);
                }
            }
            VenueReport::ClockJumped { by_ms } => {
                step.push_alert(AlertClass::Clock.alert(format!("the wall clock jumped by {by_ms} ms")));
            }
            _ => {}
        }
    }

    /// Keeps a report of one of our orders until its pair is described, since its trade cannot be booked before.
    fn keep_early(&mut self, report: &ExecutionReport, step: &mut Step) {
        if self.early.len() >= Self::EARLY_MAX {
            self.early.pop_front();
            let symbol = report.symbol;
            step.push_alert(AlertClass::Overflow.alert(format!(
                "{symbol}: more than {} reports came before the pair's description; the oldest is dropped and will be \
                 asked for",
                Self::EARLY_MAX
            )));
        }
        self.early.push_back(*report);
    }

    fn on_balances(&mut self, now: Timestamp, balances: Vec<Balance>, is_complete: bool, step: &mut Step) {
        if is_complete {
            self.balances.clear();
        }
        self.balances
            .extend(balances.into_iter().map(|balance| (balance.asset, balance)));
        for market in self.markets.values_mut() {
            market.awaits_balances = false;
        }
        if is_complete || self.balances_at.is_some() {
            self.balances_at = Some(now);
        }
        if is_complete {
            // The venue does not say when the question was asked; an answer to an older one is caught by asking again.
            self.on_swept(now, Part::Balances, now, step);
        }
    }

    pub(crate) fn pause(&mut self, now: Timestamp, symbol: Symbol) {
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.pause.on_refusal(now);
        }
    }

    /// A key that worked and works no more halts trading; a pair that is gone is told. Before the session was ever up, the
    /// shell does not start on it.
    fn on_refused(&mut self, now: Timestamp, cause: RefusedCause, reject: &Reject, step: &mut Step) {
        let what = format!("{cause}: {reject}");
        let class = match cause {
            RefusedCause::Symbol(_) => AlertClass::PairStatus,
            RefusedCause::Key | RefusedCause::Signature => AlertClass::KeyRefused,
        };
        step.push_alert(class.alert(format!("{what}. {}", cause.remedy())));
        if !self.has_been_up {
            return;
        }
        match cause {
            RefusedCause::Symbol(symbol) => self.shut(symbol, Shut::Unlisted, step),
            RefusedCause::Key | RefusedCause::Signature => {
                self.halt(now, HaltCause::KeyRefused { what }, step);
            }
        }
    }

    pub(crate) fn on_execution(&mut self, now: Timestamp, report: &ExecutionReport, step: &mut Step) {
        if !self.settings.tag.owns(&report.cl_ord_id) || self.state.orders.get(report.cl_ord_id).is_none() {
            self.on_foreign(now, report, step);
            return;
        }
        if !self.state.instruments.contains_key(&report.symbol) {
            self.keep_early(report, step);
            return;
        }
        if self.state.is_news(now, report) {
            self.notice_untold(report, step);
            let trade_is_news = report
                .trade
                .is_some_and(|trade| !self.state.ledgers.contains(trade.symbol, trade.trade_id));
            self.counters.fills += u64::from(trade_is_news);
            if let Some(trade) = report.trade.filter(|_| trade_is_news) {
                self.check_trade_price(trade.symbol, trade.last_px, step);
            }
            let (was_live, order_qty) = self
                .state
                .orders
                .get(report.cl_ord_id)
                .map_or((false, report.order_qty), |order| {
                    (order.may_be_live(), order.order_qty())
                });
            let entries = self.state.entries_on_day(report.symbol, now);
            self.record(now, step, Fact::Execution(*report));
            if trade_is_news {
                self.value_fee_of(now, report, step);
            }
            self.brake_entries(now, report.symbol, entries, step);
            if was_live && report.ord_status == OrdStatus::Canceled {
                self.counters.canceled += 1;
            }
            if report.order_qty < order_qty {
                self.counters.foreign += 1;
                step.push_alert(AlertClass::ForeignOrder.alert(format!(
                    "{}: order {} was amended from {order_qty} to {}, and not by us",
                    report.symbol, report.cl_ord_id, report.order_qty
                )));
            }
        }
        self.settle(now, report, step);
        if self.is_stop(&report.cl_ord_id) && report.ord_status.is_terminal() {
            self.on_stop_ended(now, report.cl_ord_id, step);
        }
        if let Some(market) = self.markets.get_mut(&report.symbol)
            && !matches!(report.ord_status, OrdStatus::Rejected)
        {
            market.pause.on_acceptance();
            market.brakes.on_acceptance();
        }
        self.run_strategies(now, report.symbol, Trigger::Execution(report), step);
    }

    /// An order that the list of open ones lacked has moved, and the answer to a question is the first to say so: the stream of
    /// user events has left out what happened, and may go on to do so.
    fn notice_untold(&mut self, report: &ExecutionReport, step: &mut Step) {
        let is_missed = self
            .polls
            .get(&report.cl_ord_id)
            .is_some_and(|poll| poll.is_missed);
        if !is_missed || report.exec_type != ExecType::OrderStatus {
            return;
        }
        self.counters.differences += 1;
        let known = self
            .state
            .orders
            .get(report.cl_ord_id)
            .map_or(Qty::ZERO, Order::cum_qty);
        step.push_alert(AlertClass::Difference.alert(format!(
            "{}: order {}: our records say it is live and {known} has traded, the venue says it is {:?} and {} has; the stream \
             of user events did not tell, and is opened anew",
            report.symbol, report.cl_ord_id, report.ord_status, report.cum_qty
        )));
        step.push_command(Command::RenewUserStream);
    }

    /// After the venue's word on an order: its poll ends, and a cancel that failed may be tried again.
    fn settle(&mut self, now: Timestamp, report: &ExecutionReport, step: &mut Step) {
        self.polls.remove(&report.cl_ord_id);
        let Some(order) = self.state.orders.get(report.cl_ord_id) else {
            return;
        };
        let is_answer = report.exec_type == ExecType::OrderStatus;
        if is_answer && order.state() == OrderState::Live && order.cancel_state() == CancelState::Unclear {
            let fact = Fact::Cancel {
                cl_ord_id: report.cl_ord_id,
                state: CancelState::None,
            };
            step.push_alert(AlertClass::CancelFailed.alert(format!(
                "{}: order {} was to be canceled, and is live",
                report.symbol, report.cl_ord_id
            )));
            self.record(now, step, fact);
        }
    }

    /// An order that is not ours, or that carries our tag without being in our records.
    fn on_foreign(&mut self, now: Timestamp, report: &ExecutionReport, step: &mut Step) {
        let is_booked = |trade: Trade| self.state.ledgers.contains(trade.symbol, trade.trade_id);
        if report.trade.is_some_and(is_booked) {
            // It was ours, and was let go with the oldest ended ones.
            return;
        }
        self.on_unmeant(now, report, step);
        if let Some(trade) = &report.trade
            && self.state.instruments.contains_key(&trade.symbol)
        {
            self.on_foreign_trade(now, trade, step);
        }
        let key = (report.symbol, report.order_id);
        if self.foreign_orders.contains(&key) {
            return;
        }
        if self.foreign_orders.len() < Self::FOREIGN_MAX {
            self.foreign_orders.insert(key);
        }
        self.counters.foreign += 1;
        self.notice_other_instance(report);
        let (id, symbol) = (report.cl_ord_id, report.symbol);
        if self.settings.tag.owns(&id) && !report.ord_status.is_terminal() {
            step.push_alert(AlertClass::ForeignOrder.alert(format!(
                "{symbol}: order {id} (strategy {}) carries our tag but is not in our records; it is being canceled. \
                 Does a second instance use this tag, or was the state directory lost?",
                (self.settings.tag.parts_of(&id)).map_or_else(|| "unknown".to_owned(), |parts| parts.strategy.to_string())
            )));
        } else {
            step.push_alert(
                AlertClass::ForeignOrder.alert(format!("{symbol}: order {id} in this account is not ours")),
            );
        }
    }

    /// A cancel was refused or its answer lost: the order may have filled, so it is asked for.
    fn on_cancel_unclear(&mut self, now: Timestamp, cl_ord_id: ClOrdId, step: &mut Step) {
        let Some(order) = self.state.orders.get(cl_ord_id) else {
            return;
        };
        if !order.may_be_live() {
            return;
        }
        self.record(
            now,
            step,
            Fact::Cancel {
                cl_ord_id,
                state: CancelState::Unclear,
            },
        );
        self.polls.entry(cl_ord_id).or_insert_with(|| Poll::due(now));
        self.poll_orders(now, step);
    }
}

fn tell_wait(wait: Duration, is_ban: bool, step: &mut Step) {
    let sent = if is_ban {
        "nothing is sent meanwhile, no cancel either"
    } else {
        "only exits and cancels are sent meanwhile"
    };
    let text = format!("the venue wants no requests for {} s: {sent}", wait.as_secs());
    step.push_alert(AlertClass::RateLimited.alert(text));
}
