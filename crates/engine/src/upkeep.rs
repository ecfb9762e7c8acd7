//! What time makes due: questions about open fates, comparison with the venue, and the end.

use std::collections::BTreeSet;
use std::time::Duration;

use keel_domain::{ClOrdId, ExecutionReport, Symbol, Timestamp};
use keel_execution::{CancelState, Order, OrderState};
use keel_strategy::Trigger;

use crate::fate::Poll;
use crate::reconcile::Part;
use crate::{Command, Fact, Step, Trader};

/// The way to the end: every order canceled, and the venue asked until it shows none.
#[derive(Debug, Clone)]
pub(crate) struct Closing {
    since: Timestamp,
    /// The process ends, and is not only halted.
    pub(crate) is_end: bool,
    pressed_at: Timestamp,
    clear: BTreeSet<Symbol>,
}

impl Trader {
    /// How long a cancel may go unanswered before the order is asked for.
    const CANCEL_ANSWER_MAX: Duration = Duration::from_secs(3);
    /// So that a revoked key halts within 5 s.
    const KEY_PROBE_EVERY: Duration = Duration::from_secs(4);
    const CLOSING_EVERY: Duration = Duration::from_secs(1);
    const UNBOOKED_EVERY: Duration = Duration::from_secs(1);
    /// Every so many questions in a row for missing trades ask for the latest ones.
    const UNBOOKED_LATEST: u32 = 4;

    pub(crate) fn on_timer(&mut self, now: Timestamp, step: &mut Step) {
        self.question_silent_submissions(now, step);
        self.question_silent_cancels(now, step);
        self.poll_orders(now, step);
        self.probe_key(now, step);
        self.fetch_unbooked(now, step);
        self.cancel_unpermitted(now, step);
        self.book_dust(now, step);
        self.watch_losses(now, step);
        self.mark_day(now, step);
        self.reconcile_when_due(now, step);
        self.watch_prices(now, step);
        self.resync_crossed(now, step);
        self.read_instruments_when_due(now, step);
        if self
            .closing
            .as_ref()
            .is_some_and(|closing| now.since(closing.pressed_at) >= Self::CLOSING_EVERY)
        {
            self.press_closing(now, step);
        }
        for symbol in self.settings.symbols.clone() {
            self.run_strategies(now, symbol, Trigger::Timer, step);
        }
    }

    /// The first pair's open orders are asked for, however quiet trading is: a key that the venue serves no more is known soon. A weight
    /// of 6 each time, 90 a minute of the 6,000 that may be spent.
    fn probe_key(&mut self, now: Timestamp, step: &mut Step) {
        let first = self.settings.symbols.first().copied();
        let Some(symbol) = first.filter(|_| self.session_up) else {
            self.key_probed_at = now;
            return;
        };
        if now.since(self.key_probed_at) >= Self::KEY_PROBE_EVERY {
            self.key_probed_at = now;
            let question = Command::QueryOpenOrders { symbol };
            if !step.has_command(&question) {
                step.push_command(question);
            }
        }
    }

    fn question_silent_cancels(&mut self, now: Timestamp, step: &mut Step) {
        let silent: Vec<ClOrdId> = self
            .state
            .orders
            .live()
            .filter(|order| match order.cancel_state() {
                CancelState::Requested { at } => now.since(at) >= Self::CANCEL_ANSWER_MAX,
                CancelState::None | CancelState::Unclear => false,
            })
            .map(Order::cl_ord_id)
            .collect();
        for cl_ord_id in silent {
            self.record(
                now,
                step,
                Fact::Cancel {
                    cl_ord_id,
                    state: CancelState::Unclear,
                },
            );
            self.polls.entry(cl_ord_id).or_insert_with(|| Poll::due(now));
        }
    }

    /// Asks for trades that the totals show and the ledger lacks.
    fn fetch_unbooked(&mut self, now: Timestamp, step: &mut Step) {
        if !self.session_up
            || self
                .unbooked_asked_at
                .is_some_and(|last| now.since(last) < Self::UNBOOKED_EVERY)
        {
            return;
        }
        let symbols: BTreeSet<Symbol> = self
            .state
            .orders
            .active()
            .filter(|order| order.cum_qty() > order.booked_qty())
            .map(Order::symbol)
            .collect();
        if symbols.is_empty() {
            self.unbooked_asked = 0;
            return;
        }
        self.unbooked_asked_at = Some(now);
        self.unbooked_asked = self.unbooked_asked.saturating_add(1);
        // The venue may have shown a later trade before an earlier one: then it stands before the next to ask for.
        let asks_for_latest = self.unbooked_asked.is_multiple_of(Self::UNBOOKED_LATEST);
        for symbol in symbols {
            let next = self.state.next_trade.get(&symbol).copied();
            let from = next.filter(|_| !asks_for_latest);
            step.push_command(Command::QueryTrades { symbol, from });
        }
    }

    pub(crate) fn on_open_orders(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        orders: &[ExecutionReport],
        asked_at: Timestamp,
        step: &mut Step,
    ) {
        for report in orders {
            self.on_execution(now, report, step);
        }
        let listed: BTreeSet<ClOrdId> = orders.iter().map(|report| report.cl_ord_id).collect();
        let missing: Vec<ClOrdId> = self
            .state
            .orders
            .live()
            .filter(|order| order.symbol() == symbol && order.state() == OrderState::Live)
            .filter(|order| order.confirmed_at().is_some_and(|at| at < asked_at))
            .map(Order::cl_ord_id)
            .filter(|id| !listed.contains(id))
            .collect();
        for cl_ord_id in missing {
            self.polls
                .entry(cl_ord_id)
                .or_insert_with(|| Poll::due(now))
                .is_missed = true;
        }
        self.on_absent_from(
            now,
            symbol,
            asked_at,
            |id| !listed.contains(&id),
            |poll| poll.absent_open = true,
            step,
        );
        self.on_swept(now, Part::OpenOrders(symbol), asked_at, step);
        self.poll_orders(now, step);
        let none_of_ours = !listed
            .iter()
            .any(|id| self.settings.tag.owns(id) && !self.stays_by_id(id));
        if let Some(closing) = &mut self.closing
            && asked_at >= closing.since
        {
            if none_of_ours {
                closing.clear.insert(symbol);
            } else {
                closing.clear.remove(&symbol);
            }
        }
    }

    pub(crate) fn begin_closing(&mut self, now: Timestamp) -> &mut Closing {
        self.closing.get_or_insert_with(|| Closing {
            since: now,
            is_end: false,
            pressed_at: now,
            clear: BTreeSet::new(),
        })
    }

    /// Cancels what may be live and asks the venue what is left.
    pub(crate) fn press_closing(&mut self, now: Timestamp, step: &mut Step) {
        let Some(closing) = &mut self.closing else { return };
        closing.pressed_at = now;
        self.cancel_all(now, step);
    }

    /// Whether everything is over: no order but a confirmed stop may be live, every trade that the venue's totals show is booked, and the
    /// venue, asked after the closing began, shows none of ours on any symbol.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let Some(closing) = &self.closing else {
            return false;
        };
        let all_clear = self.markets.keys().all(|symbol| closing.clear.contains(symbol));
        let is_over = |order: &Order| {
            self.stays(order) && order.state() == OrderState::Live && order.cum_qty() == order.booked_qty()
        };
        all_clear && self.state.orders.active().all(is_over)
    }

    /// Orders that may still be live at the venue, but for the stops that are to stay there, and the exits that carry one.
    pub fn leftovers(&self) -> impl Iterator<Item = &Order> {
        self.state.orders.live().filter(|order| !self.stays(order))
    }
}
