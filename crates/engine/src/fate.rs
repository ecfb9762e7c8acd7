//! Orders whose fate is open: asked for until the venue's evidence decides.
//!
//! An unknown order ends in one of two ways: the venue shows it, or the venue shows in four places that it is not there (the
//! order itself, the open orders, all orders, the trades), each asked for so late that the submission cannot be under way any
//! more. An order that was proven absent is ended and never sent again: a strategy that still wants it wishes anew, and gets
//! a new id. Should the venue show it after all, it is adopted again.

use std::collections::BTreeSet;
use std::time::Duration;

use keel_domain::{AlertClass, ClOrdId, ExecutionReport, Symbol, Timestamp};
use keel_execution::{Order, OrderState, UnknownCause};

use crate::{Command, Fact, Step, Trader};

/// How often an order of open fate is asked for, and what the answers have shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Poll {
    due_at: Timestamp,
    delay: Duration,
    /// The venue says it does not know the order.
    pub(crate) absent_alone: bool,
    /// It is not among the open orders.
    pub(crate) absent_open: bool,
    /// It is not among all orders placed around its time, ended ones included.
    pub(crate) absent_all: bool,
    /// No trade could be its.
    pub(crate) absent_trades: bool,
    /// We have it as live, and the venue's open orders lack it.
    pub(crate) is_missed: bool,
    /// Since when the venue has said of an order that it confirmed that it does not know it.
    pub(crate) vanished_since: Option<Timestamp>,
    pub(crate) is_vanishing_told: bool,
}

impl Poll {
    const DELAY_MIN: Duration = Duration::from_secs(1);
    const DELAY_MAX: Duration = Duration::from_secs(30);

    pub(crate) fn due(now: Timestamp) -> Self {
        Self {
            due_at: now,
            delay: Self::DELAY_MIN,
            absent_alone: false,
            absent_open: false,
            absent_all: false,
            absent_trades: false,
            is_missed: false,
            vanished_since: None,
            is_vanishing_told: false,
        }
    }

    fn proves_absence(&self) -> bool {
        self.absent_alone && self.absent_open && self.absent_all && self.absent_trades
    }
}

/// Whether the answer about all orders around a time tells of one submitted at another.
fn covers(around: Timestamp, submitted_at: Timestamp) -> bool {
    submitted_at >= around && submitted_at.since(around) < Duration::from_secs(60)
}

/// When a question about the order can first prove that it never arrived. Counted from the start of this process at the
/// earliest: the clock of the one before may have been another.
fn provable_at(order: &Order, booted_at: Timestamp, absence_after: Duration) -> Timestamp {
    order.submitted_at().max(booted_at).plus(absence_after)
}

impl Trader {
    /// The most entries of one answer. An answer as long as that may have been cut off, and proves no absence.
    pub(crate) const PAGE: usize = 1_000;

    /// How long a submission may go unanswered before its outcome is unknown. The session says so earlier; this holds even
    /// if it does not.
    const SUBMIT_ANSWER_MAX: Duration = Duration::from_secs(15);

    /// When the last of the orders whose outcome is unknown can first be proven never to have arrived; none without such.
    #[must_use]
    pub fn unknown_until(&self) -> Option<Timestamp> {
        let unknown = self
            .state
            .orders
            .live()
            .filter(|order| matches!(order.state(), OrderState::Unknown(_)));
        unknown
            .map(|order| provable_at(order, self.booted_at, self.settings.absence_after))
            .max()
    }

    pub(crate) fn question_silent_submissions(&mut self, now: Timestamp, step: &mut Step) {
        let silent: Vec<ClOrdId> = self
            .state
            .orders
            .live()
            .filter(|order| order.state() == OrderState::Submitted)
            .filter(|order| now.since(order.submitted_at()) >= Self::SUBMIT_ANSWER_MAX)
            .map(Order::cl_ord_id)
            .collect();
        for cl_ord_id in silent {
            let order = self.state.orders.get(cl_ord_id);
            // The other order of an OCO has told of both.
            if order.is_none_or(|order| order.state() != OrderState::Submitted) {
                continue;
            }
            self.on_unknown(now, cl_ord_id, UnknownCause::TimedOut, step);
        }
    }

    /// The outcome of a submission is unknown: it is asked for from now on.
    pub(crate) fn on_unknown(
        &mut self,
        now: Timestamp,
        cl_ord_id: ClOrdId,
        cause: UnknownCause,
        step: &mut Step,
    ) {
        self.counters.unknown += 1;
        let pair = self.state.orders.get(cl_ord_id).and_then(Order::pair);
        for id in std::iter::once(cl_ord_id).chain(pair) {
            self.polls.insert(id, Poll::due(now));
        }
        self.record(now, step, Fact::SubmitUnknown { cl_ord_id, cause });
        step.push_alert(AlertClass::UnknownOutcome.alert(format!("{cl_ord_id}: outcome unknown: {cause}")));
        self.poll_orders(now, step);
    }

    /// Asks for every order whose fate is open and whose question is due, less often each time.
    pub(crate) fn poll_orders(&mut self, now: Timestamp, step: &mut Step) {
        if !self.session_up {
            return;
        }
        let orders = &self.state.orders;
        self.polls
            .retain(|id, _| orders.get(*id).is_some_and(Order::may_be_live));
        let mut symbols_to_sweep: BTreeSet<(Symbol, Timestamp)> = BTreeSet::new();
        for (cl_ord_id, poll) in self.polls.iter_mut().filter(|(_, poll)| now >= poll.due_at) {
            let Some(order) = orders.get(*cl_ord_id) else {
                continue;
            };
            let symbol = order.symbol();
            step.push_command(Command::QueryOrder {
                symbol,
                cl_ord_id: *cl_ord_id,
            });
            let provable_at = provable_at(order, self.booted_at, self.settings.absence_after);
            let may_be_proven = now >= provable_at;
            poll.due_at = now.plus(poll.delay);
            if !may_be_proven {
                // The answer that can decide is asked for as soon as it can.
                poll.due_at = poll.due_at.min(provable_at);
            }
            poll.delay = (poll.delay * 2).min(Poll::DELAY_MAX);
            if may_be_proven && matches!(order.state(), OrderState::Unknown(_)) {
                symbols_to_sweep.insert((symbol, order.submitted_at()));
            }
        }
        let mut asked: Option<(Symbol, Timestamp)> = None;
        for (symbol, submitted_at) in symbols_to_sweep {
            let is_same_symbol = asked.is_some_and(|(last, _)| last == symbol);
            let is_covered =
                asked.is_some_and(|(last, around)| last == symbol && covers(around, submitted_at));
            if !is_covered {
                asked = Some((symbol, submitted_at));
                let around = submitted_at;
                step.push_command(Command::QueryAllOrders { symbol, around });
            }
            if is_same_symbol {
                continue;
            }
            step.push_command(Command::QueryOpenOrders { symbol });
            let from = self.state.next_trade.get(&symbol).copied();
            step.push_command(Command::QueryTrades { symbol, from });
        }
    }

    pub(crate) fn on_all_orders(
        &mut self,
        now: Timestamp,
        (symbol, around): (Symbol, Timestamp),
        orders: &[ExecutionReport],
        asked_at: Timestamp,
        step: &mut Step,
    ) {
        for report in orders {
            self.on_execution(now, report, step);
        }
        if orders.len() >= Self::PAGE {
            step.push_alert(AlertClass::UnknownOutcome.alert(format!(
                "{symbol}: the venue has more orders than one answer holds; absence cannot be proven from it"
            )));
            return;
        }
        let listed: BTreeSet<ClOrdId> = orders.iter().map(|report| report.cl_ord_id).collect();
        let asked_for: Vec<ClOrdId> = self
            .state
            .orders
            .live()
            .filter(|order| order.symbol() == symbol && covers(around, order.submitted_at()))
            .map(Order::cl_ord_id)
            .filter(|id| !listed.contains(id))
            .collect();
        for cl_ord_id in asked_for {
            self.on_absent(now, cl_ord_id, asked_at, |poll| poll.absent_all = true, step);
        }
    }

    /// Notes a kind of absence for every unknown order of the symbol that `is_absent` names.
    pub(crate) fn on_absent_from(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        asked_at: Timestamp,
        is_absent: impl Fn(ClOrdId) -> bool,
        note: impl Fn(&mut Poll),
        step: &mut Step,
    ) {
        let absent: Vec<ClOrdId> = self
            .state
            .orders
            .live()
            .filter(|order| order.symbol() == symbol && is_absent(order.cl_ord_id()))
            .map(Order::cl_ord_id)
            .collect();
        for cl_ord_id in absent {
            self.on_absent(now, cl_ord_id, asked_at, &note, step);
        }
    }

    /// Notes one kind of absence of an unknown order. It ends only when all kinds have been shown by questions asked
    /// late enough that the order could no longer have been under way.
    pub(crate) fn on_absent(
        &mut self,
        now: Timestamp,
        cl_ord_id: ClOrdId,
        asked_at: Timestamp,
        note: impl Fn(&mut Poll),
        step: &mut Step,
    ) {
        let Some(order) = self.state.orders.get(cl_ord_id) else {
            return;
        };
        let is_unknown = matches!(order.state(), OrderState::Unknown(_));
        let is_late_enough = asked_at >= provable_at(order, self.booted_at, self.settings.absence_after);
        if !is_unknown || !is_late_enough {
            return;
        }
        let poll = self.polls.entry(cl_ord_id).or_insert_with(|| Poll::due(now));
        note(poll);
        if poll.proves_absence() {
            self.polls.remove(&cl_ord_id);
            self.record(now, step, Fact::NeverArrived { cl_ord_id });
        }
    }
}
