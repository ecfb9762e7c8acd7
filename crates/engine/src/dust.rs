//! What is left of a position and too small to sell.

use std::time::Duration;

use keel_domain::{ClOrdId, Money, Purpose, Symbol, Timestamp, TradeId};
use keel_execution::OrderState;
use keel_positions::{Dust, Exit};
use keel_risk::TradingState;

use crate::strategies::Holding;
use crate::{Fact, Step, Trader};

/// What is known of a remainder and need not survive a restart.
#[derive(Debug, Default)]
pub(crate) struct Remainder {
    /// The last trade when it was seen first, and when that was.
    seen: Option<(TradeId, Timestamp)>,
    /// The partly filled entry that is kept though a cancel was asked for, and since when.
    kept: Option<(ClOrdId, Timestamp)>,
}

impl Trader {
    /// How long a remainder may be added to before it is booked.
    const DUST_AFTER: Duration = Duration::from_secs(5);
    /// How long an entry of which too little has filled to be sold may go on filling after its cancel was asked for.
    const KEPT_FOR: Duration = Duration::from_secs(60);

    /// Books what cannot be sold as dust, where nothing is open that could change it: out of the position, so that nobody tries
    /// to sell it, and still in equity.
    pub(crate) fn book_dust(&mut self, now: Timestamp, step: &mut Step) {
        for symbol in self.settings.symbols.clone() {
            for holding in self.holdings(symbol) {
                self.book_dust_of(now, holding, step);
            }
        }
    }

    fn book_dust_of(&mut self, now: Timestamp, holding: Holding, step: &mut Step) {
        let dust = self.remainder(now, holding);
        let Some(market) = self.markets.get_mut(&holding.symbol) else {
            return;
        };
        let strategy = holding.strategy;
        let seen = &mut market.remainders.entry(strategy).or_default().seen;
        let Some(dust) = dust else {
            *seen = None;
            return;
        };
        let since = match *seen {
            Some((after, since)) if after == dust.after => since,
            _ => now,
        };
        *seen = Some((dust.after, since));
        if now.since(since) >= Self::DUST_AFTER {
            *seen = None;
            self.record(now, step, Fact::Dust { strategy, dust });
        }
    }

    fn remainder(&self, now: Timestamp, holding: Holding) -> Option<Dust> {
        let is_open = self.state.orders.live().any(|order| self.is_in(order, holding));
        if is_open || !self.reconciliation.is_done() || self.position_of(holding).long().is_zero() {
            return None;
        }
        let symbol = holding.symbol;
        let instrument = self.state.instruments.get(&symbol)?;
        let top = self.top(now, symbol).ok()?;
        let ledger = self.state.ledgers.of(holding.strategy)?;
        ledger.remainder(instrument, top.bid.price)
    }

    /// Whether a cancel that the strategy asks for waits, since what has filled of the entry could not be sold: it may go on
    /// filling, and becomes dust where it does not.
    pub(crate) fn keeps_partial(&mut self, now: Timestamp, id: ClOrdId) -> bool {
        let Some(holding) = self.small_partial(now, id) else {
            return false;
        };
        let Some(market) = self.markets.get_mut(&holding.symbol) else {
            return false;
        };
        let remainder = market.remainders.entry(holding.strategy).or_default();
        let since = match remainder.kept {
            Some((kept, since)) if kept == id => since,
            _ => now,
        };
        remainder.kept = Some((id, since));
        now.since(since) < Self::KEPT_FOR
    }

    /// The holding of an entry of which something has filled, but not enough to be sold.
    fn small_partial(&self, now: Timestamp, id: ClOrdId) -> Option<Holding> {
        let order = self.state.orders.get(id)?;
        let holding = self.holding_of(id)?;
        let symbol = order.symbol();
        let is_partial = order.state() == OrderState::Live
            && order.intent().purpose == Purpose::Entry
            && !order.cum_qty().is_zero();
        if !is_partial || self.gate.state_of(symbol) != TradingState::Active {
            return None;
        }
        let held = self.position_of(holding).long();
        let instrument = self.state.instruments.get(&symbol)?;
        let bid = self.top(now, symbol).ok()?.bid.price;
        let is_small = !held.is_zero() && !Exit::of(instrument, held, bid).is_possible();
        is_small.then_some(holding)
    }

    /// What of the pair is held and too small to sell, in base.
    #[must_use]
    pub fn dust(&self, symbol: Symbol) -> Money {
        self.state.ledgers.dust(symbol)
    }
}
