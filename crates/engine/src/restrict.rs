//! What stops trading, of one symbol or of all, and what an operator says.

use keel_domain::{ClOrdId, Symbol, Timestamp};
use keel_execution::{NotSent, Order};
use keel_risk::{ApprovedOrder, HaltCause, TradingState};

use crate::brakes::Brakes;
use crate::{Command, DurableState, Fact, Operator, Record, Step, Trader};

impl Trader {
    /// Every restriction in force with its cause: of trading as a whole, then of single pairs.
    pub fn restrictions(&self) -> impl Iterator<Item = (Option<Symbol>, TradingState, &HaltCause)> {
        let whole = self.gate.cause().map(|cause| (None, self.gate.state(), cause));
        let of_pairs = self.gate.restricted_symbols();
        whole
            .into_iter()
            .chain(of_pairs.map(|(symbol, state, cause)| (Some(symbol), state, cause)))
    }

    /// The journal failed, or what is in memory cannot be trusted: nothing more is sent but cancels. There is no record of it:
    /// the caller keeps the halt as it can.
    pub fn halt_unrecorded(&mut self, now: Timestamp, cause: HaltCause) -> Vec<Command> {
        self.gate.restrict(TradingState::Halted, cause);
        self.begin_closing(now);
        self.leftovers()
            .map(|order| Command::Cancel {
                symbol: order.symbol(),
                cl_ord_id: order.cl_ord_id(),
            })
            .collect()
    }

    /// Closes the gate at once, ahead of the event that halts: what was approved before, and waits, is not sent any more.
    pub fn close_gate(&mut self, cause: HaltCause) {
        self.gate.restrict(TradingState::Halted, cause);
    }

    /// Whether an order that was approved may still go out. To be asked right before it is sent.
    ///
    /// # Errors
    /// `Restricted`, where trading has been restricted meanwhile to what does not permit it.
    pub fn may_go_out(&self, order: &ApprovedOrder) -> Result<(), NotSent> {
        let intent = order.intent();
        let is_protection = self.is_stop(&order.cl_ord_id()) && intent.ord_type.trigger().is_some();
        let state = if is_protection {
            self.gate.state_for_stops(intent.symbol)
        } else {
            self.gate.state_of(intent.symbol)
        };
        if state.permits(intent.purpose) {
            Ok(())
        } else {
            Err(NotSent::Restricted(state))
        }
    }

    /// What an event has approved, and then forbidden, does not go out.
    pub(crate) fn withdraw_unpermitted(&mut self, now: Timestamp, step: &mut Step) {
        for (cl_ord_id, cause) in step.withdraw(|order| self.may_go_out(order)) {
            self.record(now, step, Fact::SubmitNotSent { cl_ord_id, cause });
        }
    }

    pub(crate) fn on_operator(&mut self, now: Timestamp, operator: Operator, step: &mut Step) {
        match operator {
            Operator::Halt(cause) => self.halt(now, cause, step),
            Operator::Resume { reason } => self.resume(now, reason, step),
            Operator::ReduceOnly { reason } => {
                self.reduce_only(now, HaltCause::Operator { reason }, step);
            }
            Operator::Flatten { reason } => self.begin_flatten(now, reason, step),
            Operator::CancelAll => self.cancel_all(now, step),
            Operator::Reconcile => {
                if self.session_up {
                    self.ask_everything(now, step);
                }
            }
            Operator::AcceptVenue { reason } => {
                self.reconciliation.accept = Some(reason);
                if self.session_up {
                    self.ask_everything(now, step);
                }
            }
            Operator::Shutdown => {
                // Not recorded: a normal end must not leave the next start halted.
                self.gate.restrict(TradingState::Halted, HaltCause::Shutdown);
                self.begin_closing(now).is_end = true;
                self.press_closing(now, step);
            }
        }
    }

    /// Applies a fact, keeps it for the journal, and halts its symbol when it contradicts what is known. A contradiction of
    /// no symbol halts all.
    pub(crate) fn record(&mut self, at: Timestamp, step: &mut Step, fact: Fact) {
        let symbol = self.symbol_of(&fact);
        let record = Record { at, fact };
        let applied = self.state.apply(&record);
        step.push_record(record);
        let Err(fault) = applied else { return };
        self.counters.differences += 1;
        let what = fault.to_string();
        let cause = HaltCause::Contradiction { what };
        match symbol {
            Some(symbol) => self.restrict_symbol(at, symbol, TradingState::Halted, cause, step),
            None => self.halt(at, cause, step),
        }
    }

    /// The symbol that a fact of an order or a trade is about. What we ordered counts, not what the venue calls it.
    fn symbol_of(&self, fact: &Fact) -> Option<Symbol> {
        let of_order = |id: &ClOrdId| self.state.orders.get(*id).map(Order::symbol);
        match fact {
            Fact::Execution(report) => of_order(&report.cl_ord_id),
            Fact::Trade { trade, .. } | Fact::ForeignTrade(trade) => Some(trade.symbol),
            Fact::Dust { dust, .. } => Some(dust.symbol),
            Fact::SubmitRejected { cl_ord_id, .. }
            | Fact::SubmitNotSent { cl_ord_id, .. }
            | Fact::SubmitUnknown { cl_ord_id, .. }
            | Fact::NeverArrived { cl_ord_id }
            | Fact::Cancel { cl_ord_id, .. } => of_order(cl_ord_id),
            _ => None,
        }
    }

    pub(crate) fn halt(&mut self, now: Timestamp, cause: HaltCause, step: &mut Step) {
        step.push_alert(
            cause
                .alert_class()
                .alert(format!("trading halted, cancels only: {cause}")),
        );
        if self
            .state
            .restriction
            .as_ref()
            .is_none_or(|(state, _)| *state < TradingState::Halted)
        {
            let fact = Fact::Restricted {
                state: TradingState::Halted,
                cause: cause.clone(),
            };
            self.record(now, step, fact);
        }
        self.gate.restrict(TradingState::Halted, cause);
        self.begin_closing(now);
        self.press_closing(now, step);
    }

    pub(crate) fn resume(&mut self, now: Timestamp, reason: String, step: &mut Step) {
        self.record(now, step, Fact::Resumed { reason });
        self.follow_resume();
    }

    /// Lifts every restriction to exits only.
    pub(crate) fn resume_to_reduce_only(&mut self, now: Timestamp, reason: String, step: &mut Step) {
        let cause = HaltCause::Operator {
            reason: reason.clone(),
        };
        tell_state(TradingState::ReduceOnly, &cause, step);
        self.record(now, step, Fact::ResumedToReduceOnly { reason });
        self.follow_resume();
    }

    /// After an operator's word in the records.
    fn follow_resume(&mut self) {
        for market in self.markets.values_mut() {
            market.brakes = Brakes::default();
        }
        self.listed.forget_missing();
        self.closing = None;
        self.restore_restrictions();
    }

    /// Lets only orders out that reduce, and cancels everything but stops.
    pub(crate) fn reduce_only(&mut self, now: Timestamp, cause: HaltCause, step: &mut Step) {
        let state = TradingState::ReduceOnly;
        if self.gate.state() < state {
            tell_state(state, &cause, step);
            self.gate.restrict(state, cause.clone());
            self.record(now, step, Fact::Restricted { state, cause });
        }
        self.cancel_all(now, step);
    }

    /// Cancels whatever may be live but the stops that protect, also where an earlier cancel has not been answered, and asks what the venue shows.
    pub(crate) fn cancel_all(&mut self, now: Timestamp, step: &mut Step) {
        let live: Vec<(Symbol, ClOrdId)> = self
            .leftovers()
            .map(|order| (order.symbol(), order.cl_ord_id()))
            .collect();
        for (symbol, cl_ord_id) in live {
            let state = DurableState::cancel_requested(now);
            self.record(now, step, Fact::Cancel { cl_ord_id, state });
            step.push_command(Command::Cancel { symbol, cl_ord_id });
        }
        for symbol in self.markets.keys() {
            step.push_command(Command::QueryOpenOrders { symbol: *symbol });
        }
    }

    /// Restricts one symbol, latched until an operator resumes. What the state does not permit is canceled.
    pub(crate) fn restrict_symbol(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        state: TradingState,
        cause: HaltCause,
        step: &mut Step,
    ) {
        step.push_alert(cause.alert_class().alert(format!(
            "{symbol} is {state}, still allowed: {}: {cause}",
            state.still_allowed()
        )));
        let known = self.state.by_symbol.get(&symbol).map(|(known, _)| *known);
        if known.is_none_or(|known| known < state) {
            let fact = Fact::SymbolRestricted {
                symbol,
                state,
                cause: cause.clone(),
            };
            self.record(now, step, fact);
        }
        self.gate.restrict_symbol(symbol, state, cause);
        self.cancel_unpermitted(now, step);
    }

    /// Leaves a symbol with exits only. Where it may do no more already, its state and cause stay, and the new cause is told.
    pub(crate) fn leave_exits_only(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        cause: HaltCause,
        step: &mut Step,
    ) {
        let state = self.gate.state_of(symbol);
        if state < TradingState::ReduceOnly {
            self.restrict_symbol(now, symbol, TradingState::ReduceOnly, cause, step);
        } else {
            let class = cause.alert_class();
            step.push_alert(class.alert(format!(
                "{symbol} stays {state}, and another reason for it: {cause}"
            )));
        }
    }

    /// Cancels what is live and not permitted any more, and has not been asked for yet: entries that outlived their first cancel, or
    /// arrived after it; on symbols that are halted, and on those that are traded no more, exits too. Stops stay.
    pub(crate) fn cancel_unpermitted(&mut self, now: Timestamp, step: &mut Step) {
        let is_permitted = |order: &&Order| {
            let state = self.gate.state_of(order.symbol());
            self.markets.contains_key(&order.symbol()) && state.permits(order.intent().purpose)
        };
        let unpermitted = self.leftovers().filter(|order| !is_permitted(order));
        let unpermitted: Vec<ClOrdId> = unpermitted.map(Order::cl_ord_id).collect();
        for cl_ord_id in unpermitted {
            self.cancel(now, cl_ord_id, step);
        }
    }

    /// After restrictions were lifted in the records: the gate follows, unless the process is ending.
    pub(crate) fn restore_restrictions(&mut self) {
        if self.closing.is_none() {
            self.gate.resume();
        }
        if let Some((state, cause)) = self.state.restriction.clone() {
            self.gate.restrict(state, cause);
        }
        for (symbol, (state, cause)) in self.state.by_symbol.clone() {
            self.gate.restrict_symbol(symbol, state, cause);
        }
    }
}

fn tell_state(state: TradingState, cause: &HaltCause, step: &mut Step) {
    let allowed = state.still_allowed();
    let text = format!("{state}, still allowed: {allowed}: {cause}");
    step.push_alert(cause.alert_class().alert(text));
}

impl DurableState {
    pub(crate) fn resume(&mut self) {
        self.losses.resume();
        self.restriction = None;
        self.by_symbol.clear();
        self.grant_what_was_told();
    }

    /// Every latched restriction with its cause: of trading as a whole, then of single pairs.
    pub fn restrictions(&self) -> impl Iterator<Item = (Option<Symbol>, TradingState, &HaltCause)> {
        let whole = self
            .restriction
            .iter()
            .map(|(state, cause)| (None, *state, cause));
        let of_pairs = self
            .by_symbol
            .iter()
            .map(|(symbol, (state, cause))| (Some(*symbol), *state, cause));
        whole.chain(of_pairs)
    }
}
