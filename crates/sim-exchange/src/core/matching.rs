//! Matching an order against the book.

use keel_domain::{OrderId, Price, Qty, Side, Timestamp, TradeId};

use super::admission::is_fill_or_kill;
use super::book::Resting;
use super::exchange::Exchange;
use super::market::{affordable, is_beyond};
use super::pegged::at_price;
use super::prevention::Prevented;
use super::reference::PriceBounds;
use super::settlement::Fill;
use super::{ExchangeEvent, ExpiryReason, NewOrder, OrderState, PublicTrade, Quantity};

impl Exchange {
    /// Matches an order against the other side, best price first, then in order of arrival. The range of prices in which it
    /// may trade is set at its beginning and holds to its end. Gives why what is left must end, where it must not go on.
    pub(super) fn take(&mut self, now: Timestamp, order_id: OrderId) -> Option<ExpiryReason> {
        let order = self.orders.get(&order_id)?;
        let (symbol, side, limit) = (order.symbol, order.side, order.ord_type.price());
        let is_recorded = self.accounts.get(order.account.0)?.is_recorded;
        let bounds = if is_recorded {
            PriceBounds::default()
        } else {
            self.price_bounds(now, symbol, side)
        };
        if is_fill_or_kill(order.ord_type) {
            let refused = self.check_whole(order, bounds);
            if refused.is_some() {
                return refused;
            }
        }
        loop {
            let (order, market) = (self.orders.get(&order_id)?, self.markets.get(&symbol)?);
            let (price, resting) = self.front_for(order)?;
            let step = market.instrument.lot_size.step;
            let qty = wanted_at(order, price, step).min(resting.leaves_qty);
            if qty.is_zero() || is_beyond(side, limit, price) {
                return None;
            }
            if !bounds.contains(price) {
                return Some(ExpiryReason::PriceRangeExceeded);
            }
            match self.prevent(now, order_id, resting, price) {
                Prevented::Nothing => self.trade(now, order_id, resting.order_id, price, qty),
                Prevented::Matched => {}
            }
        }
    }

    /// Why a fill-or-kill order cannot trade whole, if it cannot.
    fn check_whole(&self, order: &OrderState, bounds: PriceBounds) -> Option<ExpiryReason> {
        let leaves = order.leaves_qty();
        let wanted = NewOrder {
            symbol: order.symbol,
            side: order.side,
            ord_type: order.ord_type,
            quantity: Quantity::Base(leaves),
            cl_ord_id: None,
            options: order.options,
        };
        if !self.can_fill(order.account, &wanted, leaves) {
            return Some(ExpiryReason::UnfilledFok);
        }
        let within = at_price(order.ord_type, bounds.worst(order.side, order.price()));
        let begins_within = self
            .front_for(order)
            .is_none_or(|(price, _)| bounds.contains(price));
        let wanted = NewOrder {
            ord_type: within,
            ..wanted
        };
        let can_fill = begins_within && self.can_fill(order.account, &wanted, leaves);
        (!can_fill).then_some(ExpiryReason::PriceRangeExceeded)
    }

    fn trade(&mut self, now: Timestamp, taker: OrderId, maker: OrderId, price: Price, qty: Qty) {
        // The book is the resting order's: another one than the taker's where orders are routed.
        let Some(resting) = self.orders.get(&maker) else {
            return;
        };
        let (symbol, side) = (resting.symbol, resting.side.opposite());
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        let trade_id = TradeId(market.next_trade_id);
        market.next_trade_id += 1;
        let public = PublicTrade {
            symbol,
            trade_id,
            price,
            qty,
            is_buyer_maker: side == Side::Sell,
            time: now,
        };
        market.note_trade(&public);
        self.events.push_back(ExchangeEvent::Trade(public));
        self.take_shown(maker, price, qty);
        let allocation_id = self.allocate(taker, symbol, price, qty);
        for (order_id, is_maker) in [(maker, true), (taker, false)] {
            self.touch_pair(now, order_id);
            let fill = Fill {
                trade_id,
                price,
                qty,
                is_maker,
                allocation_id: allocation_id.filter(|_| !is_maker),
            };
            self.fill(now, order_id, fill);
        }
        self.show_next(maker);
    }

    /// Takes quantity from the order at the front of its level.
    pub(super) fn take_shown(&mut self, maker: OrderId, price: Price, qty: Qty) {
        let Some(order) = self.orders.get_mut(&maker) else {
            return;
        };
        let (symbol, side) = (order.symbol, order.side);
        order.shown = order.shown.saturating_sub(qty);
        if let Some(market) = self.markets.get_mut(&symbol) {
            let left = market.book.take_front(side, price, qty);
            self.tell_level(symbol, side, price, left);
        }
    }

    /// An iceberg whose shown part is gone shows the next one, behind all others at its price.
    pub(super) fn show_next(&mut self, order_id: OrderId) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        if !order.shown.is_zero() || order.leaves_qty().is_zero() {
            return;
        }
        let (symbol, side, price, leaves) = (order.symbol, order.side, order.price(), order.leaves_qty());
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.hide(side, price, leaves, Qty::ZERO);
        }
        self.rest(order_id);
    }

    /// Puts what is left of an order into the book: all of it, or what an iceberg shows.
    pub(super) fn rest(&mut self, order_id: OrderId) {
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        let (symbol, side, price, leaves) = (order.symbol, order.side, order.price(), order.leaves_qty());
        let shown = if order.iceberg_qty.is_zero() {
            leaves
        } else {
            order.iceberg_qty.min(leaves)
        };
        order.shown = shown;
        order.leave_sor();
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        market.hide(side, price, Qty::ZERO, leaves.saturating_sub(shown));
        let resting = Resting {
            order_id,
            leaves_qty: shown,
        };
        let qty = market.book.add(side, price, resting);
        self.tell_level(symbol, side, price, qty);
    }

    /// Takes an order out of the book, if it is there.
    pub(super) fn unrest(&mut self, order_id: OrderId) {
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        if order.shown.is_zero() {
            return;
        }
        let (symbol, side, price) = (order.symbol, order.side, order.price());
        let hidden = order.leaves_qty().saturating_sub(order.shown);
        order.shown = Qty::ZERO;
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        market.hide(side, price, hidden, Qty::ZERO);
        if let Some(left) = market.book.remove(side, price, order_id) {
            self.tell_level(symbol, side, price, left);
        }
    }
}

/// How much an order wants at a price: what is left of it, and for a buy without a price no more than it can pay.
fn wanted_at(order: &OrderState, price: Price, step: Qty) -> Qty {
    let leaves = order.leaves_qty();
    match (order.side, order.ord_type.price()) {
        (Side::Buy, None) => leaves.min(affordable(order.locked, price, step)),
        _ => leaves,
    }
}
