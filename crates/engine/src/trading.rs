//! From the strategy's wish to an approved order.

use std::time::Duration;

use keel_domain::{
    ClOrdId, InstrumentStatus, Money, OrderIntent, Price, Qty, SignedQty, StrategyId, Symbol, Timestamp,
};
use keel_execution::{CancelState, IssuedBy};
use keel_market_data::{BookFault, BookTop};
use keel_risk::{Breach, Reference, ReferenceFault, RiskView, TradingState};
use keel_strategy::Permission;

use crate::strategies::Holding;
use crate::{Command, DurableState, Fact, Seen, Step, Trader};

impl Trader {
    /// Whether the venue takes orders on the pair, as far as it has told: by its status, and by what it refused.
    pub(crate) fn takes_orders(&self, symbol: Symbol) -> bool {
        let is_shut = self
            .markets
            .get(&symbol)
            .is_none_or(|market| market.shut.is_some());
        let instrument = self.state.instruments.get(&symbol);
        !is_shut && instrument.is_some_and(|i| i.status == InstrumentStatus::Trading)
    }

    /// What orders the strategy may hope for now.
    pub(crate) fn permission(&self, symbol: Symbol) -> Permission {
        if !self.reconciliation.is_done() || !self.takes_orders(symbol) || self.balances_at.is_none() {
            return Permission::Nothing;
        }
        match self.gate.state_of(symbol) {
            TradingState::Halted => Permission::Nothing,
            TradingState::ReduceOnly | TradingState::EntriesBlocked => Permission::ReduceOnly,
            TradingState::Active if self.state.orders.exposure(symbol).unknown_orders > 0 => {
                Permission::ReduceOnly
            }
            TradingState::Active => Permission::All,
        }
    }

    pub(crate) fn submit(
        &mut self,
        now: Timestamp,
        strategy: StrategyId,
        intent: OrderIntent,
        step: &mut Step,
    ) {
        let is_held_back = self
            .markets
            .get(&intent.symbol)
            .is_none_or(|market| market.holds_back(now, &intent));
        if !self.reconciliation.is_done()
            || is_held_back
            || self.is_flattening(intent.symbol)
            || self.makes_room(now, strategy, &intent, step)
        {
            self.counters.held_back += 1;
            return;
        }
        if let Err(breach) = self.send(now, (strategy, IssuedBy::Strategy), intent, step) {
            self.on_breach(now, intent, breach, step);
        }
    }

    /// Asks the gate, and hands the order out once its intent is recorded.
    pub(crate) fn send(
        &mut self,
        now: Timestamp,
        (strategy, by): (StrategyId, IssuedBy),
        intent: OrderIntent,
        step: &mut Step,
    ) -> Result<(), Breach> {
        if !self.takes_orders(intent.symbol) {
            self.counters.held_back += 1;
            return Ok(());
        }
        let Some(cl_ord_id) = self.next_id(strategy, by) else {
            self.counters.held_back += 1;
            return Ok(());
        };
        let holding = Holding {
            strategy,
            symbol: intent.symbol,
        };
        let stop = match by {
            IssuedBy::Strategy => self.stop_leg(now, holding, &intent),
            IssuedBy::Protection | IssuedBy::Operator => None,
        };
        let Some(instrument) = self.state.instruments.get(&intent.symbol) else {
            self.counters.held_back += 1;
            return Ok(());
        };
        let reference = self.reference(now, intent.symbol);
        let exposure = self.state.orders.exposure(intent.symbol);
        let view = RiskView {
            instrument,
            reference,
            position: self.position(intent.symbol),
            buy_leaves: exposure.buy_leaves,
            sell_leaves: exposure.sell_leaves,
            held_by_others: self.unclaimed_by_others(holding),
            lowest_sell: exposure.lowest_sell,
            quote_free: self.quote_free(instrument.quote, reference.map_or(Price::ZERO, |price| price.ask)),
            gross_exposure: self.gross_exposure(now),
            unknown_orders: exposure.unknown_orders,
        };
        let seen = Seen {
            bid_ask: reference.ok().map(|price| (price.bid, price.ask)),
            position: view.position,
            buy_leaves: view.buy_leaves,
            sell_leaves: view.sell_leaves,
        };
        let approved = match (stop, by) {
            (Some(stop), _) => self.gate.approve_with_stop(now, intent, cl_ord_id, stop, &view)?,
            (None, IssuedBy::Protection) => self.gate.approve_protection(now, intent, cl_ord_id, &view)?,
            (None, _) => self.gate.approve(now, intent, cl_ord_id, &view)?,
        };
        self.counters.submitted += 1;
        let fact = Fact::Intent {
            cl_ord_id,
            intent,
            seen,
            stop: approved.stop(),
        };
        self.record(now, step, fact);
        step.push_command(Command::Submit(approved));
        Ok(())
    }

    /// Counts every refusal; journals one per symbol and rule in ten seconds, so that a strategy that repeats
    /// itself cannot fill the disk.
    pub(crate) fn on_breach(&mut self, now: Timestamp, intent: OrderIntent, breach: Breach, step: &mut Step) {
        *self.counters.refused.entry(breach.rule).or_default() += 1;
        let key = (intent.symbol, breach.rule);
        let is_repeat = self
            .last_refusal
            .get(&key)
            .is_some_and(|last| now.since(*last) < Duration::from_secs(10));
        if !is_repeat {
            self.last_refusal.insert(key, now);
            self.record(now, step, Fact::Refused { intent, breach });
        }
    }

    /// Asks for a cancel of one of our live orders, unless that is under way.
    pub(crate) fn cancel(&mut self, now: Timestamp, cl_ord_id: ClOrdId, step: &mut Step) {
        let Some(order) = self.state.orders.get(cl_ord_id) else {
            return;
        };
        if !order.may_be_live() || order.cancel_state() != CancelState::None {
            return;
        }
        let symbol = order.symbol();
        let state = DurableState::cancel_requested(now);
        self.record(now, step, Fact::Cancel { cl_ord_id, state });
        step.push_command(Command::Cancel { symbol, cl_ord_id });
    }

    /// What all strategies together hold of the symbol's base asset.
    #[must_use]
    pub fn position(&self, symbol: Symbol) -> SignedQty {
        self.state.ledgers.position(symbol)
    }

    /// The best prices, if the book is in sequence, two-sided, uncrossed and fresh.
    ///
    /// # Errors
    /// What is wrong with the book.
    pub fn top(&self, now: Timestamp, symbol: Symbol) -> Result<BookTop, BookFault> {
        let market = self.markets.get(&symbol).ok_or(BookFault::NotSynchronised)?;
        market.top(now, self.gate.limits().book_age_max)
    }

    fn reference(&self, now: Timestamp, symbol: Symbol) -> Result<Reference, ReferenceFault> {
        let fault = |fault: BookFault| {
            ReferenceFault(match fault {
                BookFault::NotSynchronised => "the book is not synchronised",
                BookFault::OneSided => "a side of the book is empty",
                BookFault::Crossed => "the book is crossed",
                BookFault::Jumped { .. } => "the price jumped, and nothing confirms it yet",
                BookFault::Stale { .. } => "the book is stale",
            })
        };
        let top = self.top(now, symbol).map_err(fault)?;
        let age = self
            .markets
            .get(&symbol)
            .and_then(|market| market.book.age(now))
            .unwrap_or(Duration::MAX);
        Ok(Reference {
            bid: top.bid.price,
            ask: top.ask.price,
            age,
        })
    }

    /// What is held and may still be bought, over every pair, at the price at which it could be bought now. A pair that is traded no
    /// more has no book: what is held of it counts at its cost.
    fn gross_exposure(&self, now: Timestamp) -> Option<Money> {
        let books = self.state.ledgers.books();
        let untraded = books.filter(|(_, symbol, _)| !self.markets.contains_key(symbol));
        let mut gross: Money = untraded.map(|(_, _, book)| book.average().cost()).sum();
        for symbol in self.markets.keys() {
            let held = self.position(*symbol).to_decimal().max(Money::ZERO);
            let reach = held + self.state.orders.exposure(*symbol).buy_leaves.to_decimal();
            if !reach.is_zero() {
                gross += reach * self.top(now, *symbol).ok()?.ask.price.to_decimal();
            }
        }
        Some(gross)
    }

    /// Quote currency that can be spent: what the venue says is free, less what it cannot have locked yet.
    fn quote_free(&self, quote: keel_domain::Asset, market_price: Price) -> Option<Money> {
        let received_at = self.balances_at?;
        let free = self
            .balances
            .get(&quote)
            .map_or(Money::ZERO, |balance| balance.free);
        let in_flight: Money = self
            .state
            .instruments
            .values()
            .filter(|instrument| instrument.quote == quote)
            .map(|instrument| {
                self.state
                    .orders
                    .quote_in_flight(instrument.symbol, received_at, market_price)
            })
            .sum();
        Some(free - in_flight)
    }

    /// The sum of what all live orders may still trade, on both sides.
    #[must_use]
    pub fn live_qty(&self, symbol: Symbol) -> (Qty, Qty) {
        let exposure = self.state.orders.exposure(symbol);
        (exposure.buy_leaves, exposure.sell_leaves)
    }
}
