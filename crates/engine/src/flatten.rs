//! Selling everything that is held, because an operator says so.

use std::time::Duration;

use keel_domain::{AlertClass, OrderIntent, Purpose, Qty, Side, Symbol, Timestamp};
use keel_execution::{IssuedBy, Order};
use keel_positions::Exit;
use keel_risk::{HaltCause, TradingState};

use crate::strategies::Holding;
use crate::{Step, Trader};

/// A pair's position that is being sold. It ends with the process; the restriction does not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flattening {
    until: Timestamp,
    next_at: Timestamp,
}

impl Trader {
    /// After so long a person is told what is left, and protection takes over again.
    const FLATTEN_WITHIN: Duration = Duration::from_secs(60);
    /// Between two orders on a pair, so that the book is another one.
    const FLATTEN_EVERY: Duration = Duration::from_millis(500);

    /// Leaves only exits, cancels everything, and sells what is held, within the collar. A halt is lifted to that, one of a single pair
    /// too: it is an operator's word.
    pub(crate) fn begin_flatten(&mut self, now: Timestamp, reason: String, step: &mut Step) {
        if self.closing.as_ref().is_some_and(|closing| closing.is_end) {
            return;
        }
        let is_halted = self
            .restrictions()
            .any(|(_, state, _)| state == TradingState::Halted);
        if is_halted {
            self.resume_to_reduce_only(now, reason.clone(), step);
        }
        self.reduce_only(now, HaltCause::Operator { reason }, step);
        for market in self.markets.values_mut() {
            market.flattening = Some(Flattening {
                until: now.plus(Self::FLATTEN_WITHIN),
                next_at: now,
            });
        }
        self.flatten(now, step);
    }

    /// Whether the pair's position is being sold.
    pub(crate) fn is_flattening(&self, symbol: Symbol) -> bool {
        self.markets
            .get(&symbol)
            .is_some_and(|market| market.flattening.is_some())
    }

    /// Whether nothing that can be sold is held, and nothing is open.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        let is_flattening = |symbol: &Symbol| self.is_flattening(*symbol);
        !self.settings.symbols.iter().any(is_flattening)
            && self.state.orders.live().next().is_none()
            && self
                .settings
                .symbols
                .iter()
                .flat_map(|symbol| self.holdings(*symbol))
                .all(|holding| self.held_for_sale(holding).is_none())
    }

    pub(crate) fn flatten(&mut self, now: Timestamp, step: &mut Step) {
        for symbol in self.settings.symbols.clone() {
            let market = self.markets.get(&symbol);
            if let Some(flattening) = market.and_then(|market| market.flattening) {
                self.flatten_symbol(now, symbol, flattening, step);
            }
        }
    }

    fn flatten_symbol(&mut self, now: Timestamp, symbol: Symbol, flattening: Flattening, step: &mut Step) {
        if now >= flattening.until || self.gate.state_of(symbol) == TradingState::Halted {
            self.end_flattening(symbol);
            let left = self.position(symbol);
            let text = format!("{symbol}: not flat, {left} left: `trader flatten` tries again");
            step.push_alert(AlertClass::NotFlat.alert(text));
            return;
        }
        // What was sold while nobody listened is not ours any more: selling it again would sell a person's coins.
        if !self.session_up || !self.reconciliation.is_done() {
            return;
        }
        // What is open may hold the coins, or buy more of them.
        let live = self.state.orders.live();
        let open: Vec<_> = live
            .filter(|order| order.symbol() == symbol)
            // The venue cancels a carried stop with its exit.
            .filter(|order| !self.is_carried(order))
            .map(Order::cl_ord_id)
            .collect();
        if !open.is_empty() || self.state.orders.live().any(|order| order.symbol() == symbol) {
            for id in open {
                if self.issuer(&id) != Some(IssuedBy::Operator) {
                    self.cancel(now, id, step);
                }
            }
            return;
        }
        let for_sale: Vec<(Holding, Qty)> = self
            .holdings(symbol)
            .into_iter()
            .filter_map(|holding| Some((holding, self.held_for_sale(holding)?)))
            .collect();
        if for_sale.is_empty() {
            return self.end_flattening(symbol);
        }
        let ord_type = self.top(now, symbol).ok().and_then(|top| {
            let price = top.bid.price;
            self.exit_within_collar(symbol, price)
        });
        let Some(ord_type) = ord_type.filter(|_| now >= flattening.next_at) else {
            return;
        };
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.flattening = Some(Flattening {
                next_at: now.plus(Self::FLATTEN_EVERY),
                ..flattening
            });
        }
        for (holding, qty) in for_sale {
            let intent = OrderIntent {
                symbol,
                side: Side::Sell,
                ord_type,
                order_qty: self.within_order_limits(symbol, qty, ord_type.price()),
                purpose: Purpose::ReduceOnly,
            };
            let issuer = (holding.strategy, IssuedBy::Operator);
            if let Err(breach) = self.send(now, issuer, intent, step) {
                self.on_breach(now, intent, breach, step);
            }
        }
    }

    fn end_flattening(&mut self, symbol: Symbol) {
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.flattening = None;
        }
    }

    /// What is held, in whole steps, where it is enough to be sold at the last price that is known.
    pub(crate) fn held_for_sale(&self, holding: Holding) -> Option<Qty> {
        let instrument = self.state.instruments.get(&holding.symbol)?;
        let held = self.position_of(holding).long();
        let market = self.markets.get(&holding.symbol)?;
        let bid = market.book.bids().next().map(|level| level.price);
        // Any price tells dust from the rest better than none.
        let price = bid.or(market.last_trade).or_else(|| self.avg_px_of(holding))?;
        let exit = Exit::of(instrument, held, price);
        exit.is_possible().then_some(exit.sellable)
    }
}
