//! Smart order routing: an order takes from the books of several pairs whose quotes are worth the same (faqs/sor_faq.md).
//! The exchange trades on the order's behalf and fills the order by allocations, in the quote of the order's own pair.

use std::collections::BTreeMap;

use keel_domain::{InstrumentStatus, OrderId, Price, Qty, Side, Symbol, notional};

use super::book::Resting;
use super::exchange::Exchange;
use super::market::Sweep;
use super::{NewOrder, OrderError, OrderState, Quantity, Sor, WorkingFloor};

impl Exchange {
    /// Refuses an order that is to be routed where nothing is.
    pub(super) fn check_sor(&self, order: &NewOrder) -> Result<(), OrderError> {
        if order.options.uses_sor && self.sor_of(order.symbol).is_none() {
            return Err(OrderError::NoSor);
        }
        Ok(())
    }

    fn sor_of(&self, symbol: Symbol) -> Option<&Sor> {
        self.sors.iter().find(|sor| sor.symbols.contains(&symbol))
    }

    /// The pairs whose books an order takes from, its own first: of the others those that trade now.
    pub(super) fn routes(&self, symbol: Symbol, uses_sor: bool) -> impl Iterator<Item = Symbol> + '_ {
        let sor = self.sor_of(symbol).filter(|_| uses_sor);
        let others = sor.into_iter().flat_map(|sor| sor.symbols.iter().copied());
        let others = others.filter(move |other| {
            let status = self.instrument(*other).map(|instrument| instrument.status);
            *other != symbol && status == Some(InstrumentStatus::Trading)
        });
        std::iter::once(symbol).chain(others)
    }

    /// The best resting order that an order can take: at equal prices the one in its own book.
    pub(super) fn front_for(&self, order: &OrderState) -> Option<(Price, Resting)> {
        let side = order.side.opposite();
        let front = |symbol: Symbol| self.markets.get(&symbol)?.book.front(side);
        if !order.options.uses_sor {
            return front(order.symbol);
        }
        let fronts = self.routes(order.symbol, true).filter_map(front);
        fronts.reduce(|best, next| {
            let is_better = match side {
                Side::Sell => next.0 < best.0,
                Side::Buy => next.0 > best.0,
            };
            if is_better { next } else { best }
        })
    }

    /// What an order would take, from all books that it is routed to. What `own` names does not count.
    pub(super) fn sweep_for(
        &self,
        order: &NewOrder,
        limit: Option<Price>,
        quantity: Quantity,
        own: &BTreeMap<Price, Qty>,
    ) -> Sweep {
        let Some(market) = self.markets.get(&order.symbol) else {
            return Sweep::default();
        };
        if !order.options.uses_sor {
            return market.sweep(order.side, limit, quantity, own);
        }
        let mut levels: BTreeMap<Price, Qty> = BTreeMap::new();
        for symbol in self.routes(order.symbol, true) {
            let book = self.markets.get(&symbol).into_iter();
            for (price, there) in book.flat_map(|market| market.whole_levels(order.side.opposite())) {
                let qty = levels.entry(price).or_default();
                *qty = qty.saturating_add(there);
            }
        }
        for (price, taken) in own {
            if let Some(qty) = levels.get_mut(price) {
                *qty = qty.saturating_sub(*taken);
            }
        }
        let step = market.instrument.lot_size.step;
        let levels = levels.into_iter();
        match order.side {
            Side::Buy => Sweep::of(levels, order.side, limit, quantity, step),
            Side::Sell => Sweep::of(levels.rev(), order.side, limit, quantity, step),
        }
    }

    /// The exchange, having traded on an order's behalf in the book of `traded`, gives the order what it got there. Where
    /// that book has another quote, the exchange takes the one for the other. None: the order trades itself.
    pub(super) fn allocate(&mut self, taker: OrderId, traded: Symbol, price: Price, qty: Qty) -> Option<u64> {
        let order = self.orders.get(&taker).filter(|order| order.options.uses_sor)?;
        let (symbol, side) = (order.symbol, order.side);
        let (own, other) = (self.instrument(symbol)?.quote, self.instrument(traded)?.quote);
        let value = match side {
            Side::Buy => notional(qty, price),
            Side::Sell => -notional(qty, price),
        };
        *self.exchanged.entry(own).or_default() += value;
        *self.exchanged.entry(other).or_default() -= value;
        let market = self.markets.get_mut(&symbol)?;
        let allocation_id = market.next_allocation;
        market.next_allocation += 1;
        Some(allocation_id)
    }
}

impl OrderState {
    /// A routed order that comes to rest is active in its own book from now on.
    pub(super) fn leave_sor(&mut self) {
        if self.working_floor.is_some() {
            self.working_floor = Some(WorkingFloor::Exchange);
        }
    }
}
