//! The gate.

use std::collections::BTreeMap;

use keel_domain::{ClOrdId, OrderIntent, Price, StopLeg, Symbol, Timestamp};

use crate::rules::duplicate::Duplicates;
use crate::rules::order_rate::OrderRate;
use crate::rules::{
    Veto, allow_list, collar, exposure, notional, order_qty, position, self_trade, spot, stage, stale_book,
    state, unknown_outcome, venue_filter,
};
use crate::{ApprovedOrder, Breach, HaltCause, LimitError, RiskLimits, RiskView, Rule, TradingState};

/// Judges every order. Concrete on purpose: there is no other gate to put in its place.
#[derive(Debug)]
pub struct RiskGate {
    limits: RiskLimits,
    rate: OrderRate,
    duplicates: Duplicates,
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
            duplicates: Duplicates::default(),
            state: TradingState::Active,
            cause: None,
            by_symbol: BTreeMap::new(),
        })
    }

    /// Approves the order, or says which rule vetoes it. An approval counts against the order rate.
    ///
    /// Every rule binds every order, exits too, but for these: a restricted state, stage `shadow`, an unknown outcome and the gross exposure stop
    /// entries only (`Halted` stops all), and stops are no duplicates.
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
        self.approve_in(self.state_of(intent.symbol), now, intent, cl_ord_id, view)
    }

    /// Approves what protects a position: as [`Self::approve`], and a stop also while the process ends in order, when no other order
    /// may leave any more ([`Self::state_for_stops`]).
    ///
    /// # Errors
    /// The first breach, cheapest rule first.
    pub fn approve_protection(
        &mut self,
        now: Timestamp,
        intent: OrderIntent,
        cl_ord_id: ClOrdId,
        view: &RiskView<'_>,
    ) -> Result<ApprovedOrder, Breach> {
        let state = match intent.ord_type.trigger() {
            Some(_) => self.state_for_stops(intent.symbol),
            None => self.state_of(intent.symbol),
        };
        self.approve_in(state, now, intent, cl_ord_id, view)
    }

    fn approve_in(
        &mut self,
        state: TradingState,
        now: Timestamp,
        intent: OrderIntent,
        cl_ord_id: ClOrdId,
        view: &RiskView<'_>,
    ) -> Result<ApprovedOrder, Breach> {
        match self.judge(state, now, &intent, view) {
            Ok(valued_at) => Ok(ApprovedOrder::new(intent, cl_ord_id, now, valued_at)),
            Err(veto) => Err(self.breach(intent.symbol, veto)),
        }
    }

    /// Approves an exit together with its stop; alone, where a rule vetoes the stop, since nothing may keep an exit back that could
    /// go without it. Both take a place in the rate of exits, since the venue counts both.
    ///
    /// # Errors
    /// The first breach of the exit.
    pub fn approve_with_stop(
        &mut self,
        now: Timestamp,
        intent: OrderIntent,
        cl_ord_id: ClOrdId,
        stop: StopLeg,
        view: &RiskView<'_>,
    ) -> Result<ApprovedOrder, Breach> {
        let approved = self.approve(now, intent, cl_ord_id, view)?;
        Ok(match self.judge_leg(now, &stop.intent(&intent), view) {
            Ok(()) => approved.with_stop(stop),
            Err(_) => approved,
        })
    }

    /// What the exit's own check does not see: the stop's trigger and price.
    fn judge_leg(&mut self, now: Timestamp, leg: &OrderIntent, view: &RiskView<'_>) -> Result<(), Veto> {
        let reference = stale_book::check(view.reference, self.limits.book_age_max)?;
        collar::check(&self.limits, reference, leg.side, leg.ord_type)?;
        venue_filter::check(view.instrument, leg, reference.bid)?;
        self.rate.take_carried(now)
    }

    fn breach(&self, symbol: Symbol, Veto { rule, limit, value }: Veto) -> Breach {
        let state = self.state_of(symbol);
        Breach {
            rule,
            limit,
            value,
            // What a stage leaves is what this state leaves.
            state: if rule == Rule::Stage {
                state.max(TradingState::EntriesBlocked)
            } else {
                state
            },
        }
    }

    /// Gives the price at which the order was valued.
    fn judge(
        &mut self,
        state: TradingState,
        now: Timestamp,
        intent: &OrderIntent,
        view: &RiskView<'_>,
    ) -> Result<Price, Veto> {
        let OrderIntent {
            symbol,
            side,
            ord_type,
            order_qty,
            purpose,
        } = *intent;
        state::check(state, purpose)?;
        stage::check(self.limits.stage, purpose)?;
        let limits = allow_list::check(&self.limits, symbol)?;
        unknown_outcome::check(view.unknown_orders, purpose)?;
        order_qty::check(order_qty, limits.order_qty_max)?;
        let reference = stale_book::check(view.reference, self.limits.book_age_max)?;
        let valued_at = collar::check(&self.limits, reference, side, ord_type)?;
        venue_filter::check(view.instrument, intent, reference.bid)?;
        notional::check(order_qty, valued_at, limits.order_notional_max)?;
        position::check(view, side, order_qty, limits.position_max)?;
        self_trade::check(view, side, purpose, valued_at)?;
        spot::check_reduces(view, intent)?;
        spot::check_owned(view, side, order_qty)?;
        spot::check_funds(view, side, order_qty, valued_at)?;
        exposure::check(
            view,
            side,
            purpose,
            order_qty,
            valued_at,
            self.limits.gross_exposure_max,
        )?;
        self.duplicates.check(now, intent)?;
        self.rate.take(now, purpose, ord_type)?;
        self.duplicates.note(now, *intent);
        Ok(valued_at)
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

    /// The same for a stop that protects a position. An end in order leaves it what an exit has in ReduceOnly: what is held when
    /// nobody looks after it any more is not to be bare.
    #[must_use]
    pub fn state_for_stops(&self, symbol: Symbol) -> TradingState {
        let of_symbol = self.by_symbol.get(&symbol).map(|(state, _)| *state);
        let of_all = if self.cause == Some(HaltCause::Shutdown) {
            TradingState::ReduceOnly
        } else {
            self.state
        };
        of_symbol.map_or(of_all, |state| of_all.max(state))
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

    /// How many entries, and how many exits, the order rate still takes now.
    pub fn orders_left(&mut self, now: Timestamp) -> (usize, usize) {
        self.rate.left(now)
    }

    /// The most orders in any ten seconds that are approved now, of all kinds together.
    #[must_use]
    pub fn orders_per_10s_max(&self) -> u32 {
        self.rate.whole()
    }

    /// Approves no more orders in any ten seconds than this, and never more than the limits say. Less than
    /// [`RiskLimits::ORDERS_PER_10S_LEAST`] cannot be shared out, and counts as that.
    pub fn cap_orders_per_10s(&mut self, most: u32) {
        self.rate.set_whole(self.limits.orders_per_10s_max.min(most));
    }

    /// Restricts trading to `state`. Never loosens: a milder state than the present one changes nothing, and
    /// the first cause of the strictest state is kept. A halt is stricter than the end of the process, which leaves stops.
    pub fn restrict(&mut self, state: TradingState, cause: HaltCause) {
        let is_halt_at_the_end = state == self.state && self.cause == Some(HaltCause::Shutdown);
        if state > self.state || is_halt_at_the_end {
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
