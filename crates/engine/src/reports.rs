//! What the venue's reports do.

use keel_domain::{ClOrdId, ExecType, ExecutionReport, OrdStatus, Symbol, Timestamp, Trade};
use keel_execution::{Balance, CancelState, OrderState, Reject, VenueReport};
use keel_risk::HaltCause;
use keel_strategy::Trigger;

use crate::upkeep::Poll;
use crate::{Command, Fact, Step, Trader};

impl Trader {
    /// The most foreign orders that are told apart; beyond it each is counted again.
    const FOREIGN_MAX: usize = 1_024;

    pub(crate) fn on_report(&mut self, now: Timestamp, report: VenueReport, step: &mut Step) {
        match report {
            VenueReport::SessionUp { .. } => {
                self.session_up = true;
                self.ask_everything(now, step);
            }
            VenueReport::SessionDown { cause } => {
                self.session_up = false;
                step.push_command(Command::Alert(format!("session with the venue is down: {cause}")));
            }
            VenueReport::Instrument(instrument) => {
                if self.state.instruments.get(&instrument.symbol) != Some(&instrument) {
                    self.record(now, step, Fact::Instrument(instrument));
                }
            }
            VenueReport::Execution(report) => self.on_execution(now, &report, step),
            VenueReport::SubmitRejected { cl_ord_id, reject } => {
                self.on_rejected(now, cl_ord_id, reject, step);
            }
            VenueReport::SubmitNotSent { cl_ord_id, cause } => {
                if let Some(order) = self.state.orders.get(cl_ord_id) {
                    self.pause(now, order.symbol());
                    self.record(now, step, Fact::SubmitNotSent { cl_ord_id, cause });
                }
            }
            VenueReport::SubmitUnknown { cl_ord_id, cause } => {
                self.counters.unknown += 1;
                self.polls.insert(cl_ord_id, Poll::due(now));
                self.record(now, step, Fact::SubmitUnknown { cl_ord_id, cause });
                step.push_command(Command::Alert(format!("{cl_ord_id}: outcome unknown: {cause}")));
                self.poll_orders(now, step);
            }
            VenueReport::CancelRejected { cl_ord_id, .. } | VenueReport::CancelUnknown { cl_ord_id } => {
                self.on_cancel_unclear(now, cl_ord_id, step);
            }
            VenueReport::OrderNotFound { cl_ord_id, asked_at } => {
                self.on_absent(now, cl_ord_id, asked_at, |poll| poll.absent_alone = true, step);
            }
            VenueReport::OpenOrders {
                symbol,
                orders,
                asked_at,
            } => {
                self.on_open_orders(now, symbol, &orders, asked_at, step);
            }
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
            } => self.on_balances(now, balances, is_complete),
            VenueReport::QueryFailed { what } => {
                step.push_command(Command::Alert(format!("query failed: {what}")))
            }
            clock @ (VenueReport::ClockApart { .. } | VenueReport::ClockJumped { .. }) => {
                self.on_clock(now, &clock, step);
            }
        }
    }

    fn on_clock(&mut self, now: Timestamp, clock: &VenueReport, step: &mut Step) {
        match clock {
            VenueReport::ClockApart {
                offset_ms, is_fault, ..
            } => {
                let what = format!("the venue's clock is {offset_ms} ms from ours");
                step.push_command(Command::Alert(what.clone()));
                if *is_fault {
                    self.halt(now, HaltCause::Internal { what }, step);
                }
            }
            VenueReport::ClockJumped { by_ms } => {
                step.push_command(Command::Alert(format!("the wall clock jumped by {by_ms} ms")));
            }
            _ => {}
        }
    }

    fn on_rejected(&mut self, now: Timestamp, cl_ord_id: ClOrdId, reject: Reject, step: &mut Step) {
        self.counters.rejected += 1;
        if let Some(order) = self.state.orders.get(cl_ord_id) {
            let symbol = order.symbol();
            self.pause(now, symbol);
            self.record(now, step, Fact::SubmitRejected { cl_ord_id, reject });
            self.run_strategy(now, symbol, Trigger::Timer, step);
        }
    }

    fn on_balances(&mut self, now: Timestamp, balances: Vec<Balance>, is_complete: bool) {
        if is_complete {
            self.balances.clear();
        }
        self.balances
            .extend(balances.into_iter().map(|balance| (balance.asset, balance)));
        if is_complete || self.balances_at.is_some() {
            self.balances_at = Some(now);
        }
    }

    fn pause(&mut self, now: Timestamp, symbol: Symbol) {
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.pause.on_refusal(now);
        }
    }

    pub(crate) fn on_execution(&mut self, now: Timestamp, report: &ExecutionReport, step: &mut Step) {
        if !self.settings.tag.owns(&report.cl_ord_id) || self.state.orders.get(report.cl_ord_id).is_none() {
            self.on_foreign(report, step);
            return;
        }
        if self.state.is_news(now, report) {
            let trade_is_news = report
                .trade
                .is_some_and(|trade| !self.state.ledger.contains(trade.symbol, trade.trade_id));
            self.counters.fills += u64::from(trade_is_news);
            let was_live = self
                .state
                .orders
                .get(report.cl_ord_id)
                .is_some_and(|order| order.may_be_live());
            self.record(now, step, Fact::Execution(*report));
            if was_live && report.ord_status == OrdStatus::Canceled {
                self.counters.canceled += 1;
            }
            if let Some(trade) = report.trade {
                self.advance_cursor(trade.symbol, trade.trade_id);
            }
        }
        self.settle(now, report, step);
        if let Some(market) = self.markets.get_mut(&report.symbol)
            && !matches!(report.ord_status, OrdStatus::Rejected)
        {
            market.pause.on_acceptance();
        }
        self.run_strategy(now, report.symbol, Trigger::Execution(report), step);
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
            self.record(now, step, fact);
        }
    }

    /// An order that is not ours, or that carries our tag without being in our records.
    fn on_foreign(&mut self, report: &ExecutionReport, step: &mut Step) {
        let key = (report.symbol, report.order_id);
        if self.foreign_orders.contains(&key) {
            return;
        }
        if self.foreign_orders.len() < Self::FOREIGN_MAX {
            self.foreign_orders.insert(key);
        }
        self.counters.foreign += 1;
        let (id, symbol) = (report.cl_ord_id, report.symbol);
        if self.settings.tag.owns(&id) && !report.ord_status.is_terminal() {
            step.push_command(Command::Alert(format!(
                "{symbol}: order {id} carries our tag but is not in our records; it is being canceled. \
                 Does a second instance use this tag, or was the state directory lost?"
            )));
            step.push_command(Command::Cancel {
                symbol,
                cl_ord_id: id,
            });
        } else {
            step.push_command(Command::Alert(format!(
                "{symbol}: order {id} in this account is not ours"
            )));
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

    fn on_trades(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        trades: &[Trade],
        asked_at: Timestamp,
        step: &mut Step,
    ) {
        let since = self.state.first_boot_at.unwrap_or(now);
        let has_unplaced = self
            .state
            .orders
            .live()
            .any(|o| o.symbol() == symbol && o.order_id().is_none());
        let mut all_placed = true;
        for trade in trades {
            let is_ours = self.state.orders.by_order_id(symbol, trade.order_id).is_some();
            if is_ours {
                if !self.state.ledger.contains(symbol, trade.trade_id) {
                    self.counters.fills += 1;
                    self.record(now, step, Fact::Trade(*trade));
                }
            } else if has_unplaced && trade.transact_time >= since {
                // It may belong to an order whose id the venue has not told us yet; it is asked for again.
                all_placed = false;
                continue;
            } else if trade.transact_time >= since && self.foreign_orders.insert((symbol, trade.order_id)) {
                self.counters.foreign += 1;
                let what = format!(
                    "{symbol}: trade {} of order {} is not ours",
                    trade.trade_id, trade.order_id
                );
                step.push_command(Command::Alert(what));
            }
            if all_placed {
                self.advance_cursor(symbol, trade.trade_id);
            }
        }
        if all_placed {
            self.on_absent_from(
                now,
                symbol,
                asked_at,
                |_| true,
                |poll| poll.absent_trades = true,
                step,
            );
        }
    }
}
