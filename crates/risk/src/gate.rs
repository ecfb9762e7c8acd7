//! The gate.

use std::collections::BTreeMap;

use keel_domain::{ClOrdId, OrderIntent, StopLeg, Symbol, Timestamp};

use crate::rules::order_rate::OrderRate;
use crate::rules::{
    Veto, allow_list, collar, notional, order_qty, position, spot, stale_book, state, unknown_outcome,
    venue_filter,
};
use crate::{ApprovedOrder, Breach, HaltCause, LimitError, RiskLimits, RiskView, TradingState};

/// Judges every order. Concrete on purpose: there is no other gate to put in its place.
#[derive(Debug)]
pub struct RiskGate {
    limits: RiskLimits,
    rate: OrderRate,
    state: TradingState,
    cause: Option<HaltCause>,
    by_symbol: BTreeMap<Symbol, (TradingState, HaltCause)>,
}

impl RiskGate {
    /// A gate in state `Active`.
    ///
    /// # Errors
    /// The first limit that cannot be meant.
    pub fn new(limits: RiskLimits) -> Result<Self, LimitError> {
        limits.validate()?;
        let rate = OrderRate::new(limits.orders_per_10s_max);
        Ok(Self {
            limits,
            rate,
            state: TradingState::Active,
            cause: None,
            by_symbol: BTreeMap::new(),
        })
    }

    /// Approves the order, or says which rule vetoes it. An approval counts against the order rate.
    ///
    /// Every rule binds every order, exits too, but for two: a restricted state and an unknown outcome stop entries only
    /// (`Halted` stops all).
    ///
    /// # Errors
    /// The first breach, cheapest rule first.
    pub fn approve(
        &mut self,
        now: Timestamp,
        intent: OrderIntent,
        cl_ord_id: ClOrdId,
        view: &RiskView<'_>,
    ) -> Result<ApprovedOrder, Breach> {
        match self.judge(now, &intent, view) {
            Ok(()) => Ok(ApprovedOrder::new(intent, cl_ord_id, now)),
            Err(veto) => Err(self.breach(intent.symbol, veto)),
        }
    }

    /// Approves an exit together with its stop, or says which rule vetoes one of them. Both count as one order of the rate,
    /// since only one of them can trade.
    ///
    /// # Errors
    /// The first breach.
    pub fn approve_with_stop(
        &mut self,
        now: Timestamp,
        intent: OrderIntent,
        cl_ord_id: ClOrdId,
        stop: StopLeg,
        view: &RiskView<'_>,
    ) -> Result<ApprovedOrder, Breach> {
        if let Err(veto) = self.judge_leg(&stop.intent(&intent), view) {
            return Err(self.breach(intent.symbol, veto));
        }
        Ok(self.approve(now, intent, cl_ord_id, view)?.with_stop(stop))
    }

    /// What the exit's own check does not see: the stop's trigger and price.
    fn judge_leg(&self, leg: &OrderIntent, view: &RiskView<'_>) -> Result<(), Veto> {
        let reference = stale_book::check(view.reference, self.limits.book_age_max)?;
        collar::check(&self.limits, reference, leg.side, leg.ord_type)?;
        venue_filter::check(view.instrument, leg, reference.bid)
    }

    fn breach(&self, symbol: Symbol, Veto { rule, limit, value }: Veto) -> Breach {
        Breach {
            rule,
            limit,
            value,
            state: self.state_of(symbol),
        }
    }

    fn judge(&mut self, now: Timestamp, intent: &OrderIntent, view: &RiskView<'_>) -> Result<(), Veto> {
        let OrderIntent {
            symbol,
            side,
            ord_type,
            order_qty,
            purpose,
        } = *intent;
        state::check(self.state_of(symbol), purpose)?;
        let limits = allow_list::check(&self.limits, symbol)?;
        unknown_outcome::check(view.unknown_orders, purpose)?;
        order_qty::check(order_qty, limits.order_qty_max)?;
        let reference = stale_book::check(view.reference, self.limits.book_age_max)?;
        let valued_at = collar::check(&self.limits, reference, side, ord_type)?;
        venue_filter::check(view.instrument, intent, reference.bid)?;
        notional::check(order_qty, valued_at, limits.order_notional_max)?;
        position::check(view, side, order_qty, limits.position_max)?;
        spot::check_reduces(view, intent)?;
        spot::check_owned(view, side, order_qty)?;
        spot::check_funds(view, side, order_qty, valued_at)?;
        self.rate.take(now, purpose)
    }

    /// What is permitted now, on symbols without a restriction of their own.
    #[must_use]
    pub fn state(&self) -> TradingState {
        self.state
    }

    /// What is permitted now on the symbol: the stricter of its own state and the state of all.
    #[must_use]
    pub fn state_of(&self, symbol: Symbol) -> TradingState {
        self.by_symbol
            .get(&symbol)
            .map_or(self.state, |(state, _)| self.state.max(*state))
    }

    /// The symbols that have a restriction of their own, with its cause.
    pub fn restricted_symbols(&self) -> impl Iterator<Item = (Symbol, TradingState, &HaltCause)> {
        self.by_symbol
            .iter()
            .map(|(symbol, (state, cause))| (*symbol, *state, cause))
    }

    /// Why it is restricted, while it is.
    #[must_use]
    pub fn cause(&self) -> Option<&HaltCause> {
        self.cause.as_ref()
    }

    /// The limits it judges by.
    #[must_use]
    pub fn limits(&self) -> &RiskLimits {
        &self.limits
    }

    /// Restricts trading to `state`. Never loosens: a milder state than the present one changes nothing, and
    /// the first cause of the strictest state is kept.
    pub fn restrict(&mut self, state: TradingState, cause: HaltCause) {
        if state > self.state {
            self.state = state;
            self.cause = Some(cause);
        }
    }

    /// Restricts one symbol, in the same way: never loosens, and keeps the first cause of the strictest state.
    pub fn restrict_symbol(&mut self, symbol: Symbol, state: TradingState, cause: HaltCause) {
        let is_stricter = self
            .by_symbol
            .get(&symbol)
            .is_none_or(|(known, _)| state > *known);
        if is_stricter && state > TradingState::Active {
            self.by_symbol.insert(symbol, (state, cause));
        }
    }

    /// Lifts every restriction, those of symbols too. Only an operator's journalled record may lead here.
    pub fn resume(&mut self) {
        self.state = TradingState::Active;
        self.cause = None;
        self.by_symbol.clear();
    }
}
