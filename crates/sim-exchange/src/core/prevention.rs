//! Self-trade prevention (faqs/stp_faq.md).

use keel_domain::{OrdStatus, OrderId, Price, Qty, Side, Symbol, Timestamp, notional};

use super::book::Resting;
use super::exchange::Exchange;
use super::{AccountId, Prevention, ReportKind, StpMode};

/// A match that did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreventedMatch {
    /// The pair.
    pub symbol: Symbol,
    /// Counts up by one on the pair.
    pub prevented_match_id: u64,
    /// The order that came.
    pub taker_order_id: OrderId,
    /// The order that rested.
    pub maker_order_id: OrderId,
    /// That order's pair: another one only where orders are routed.
    pub maker_symbol: Symbol,
    /// The accounts' group.
    pub trade_group: Option<u64>,
    /// What was done.
    pub mode: StpMode,
    /// The price it would have had.
    pub price: Price,
    /// What the coming order lost; zero: nothing.
    pub taker_prevented_qty: Qty,
    /// What the resting order lost; zero: nothing.
    pub maker_prevented_qty: Qty,
    /// When.
    pub time: Timestamp,
}

/// What prevention did at the front of the book.
pub(super) enum Prevented {
    /// Nothing: the two may trade.
    Nothing,
    /// It acted; the order that came, if it is there still, goes on.
    Matched,
}

impl Exchange {
    /// The accounts that an account does not trade with where an order asks for that; itself among them.
    pub(super) fn trade_group_of(&self, account: AccountId) -> Vec<AccountId> {
        let group = self.accounts.get(account.0).and_then(|owner| owner.trade_group);
        let mut members: Vec<AccountId> = Vec::new();
        if group.is_some() {
            let others = self.accounts.iter().enumerate();
            members.extend(
                others
                    .filter(|(_, other)| other.trade_group == group)
                    .map(|(index, _)| AccountId(index)),
            );
        } else {
            members.push(account);
        }
        members
    }

    fn effective_mode(&self, taker: OrderId, maker: OrderId) -> StpMode {
        let (Some(taker), Some(maker)) = (self.orders.get(&taker), self.orders.get(&maker)) else {
            return StpMode::None;
        };
        let mode = taker.options.stp_mode;
        if mode == StpMode::None {
            return mode;
        }
        let is_same = taker.account == maker.account;
        if !is_same && !self.trade_group_of(taker.account).contains(&maker.account) {
            return StpMode::None;
        }
        match mode {
            // What two pairs are paid in is not the same money, so nothing of it changes hands.
            StpMode::Transfer
                if maker.options.stp_mode != StpMode::Transfer || is_same || taker.symbol != maker.symbol =>
            {
                StpMode::Decrement
            }
            mode => mode,
        }
    }

    /// Acts where the order that came and the one at the front must not trade.
    pub(super) fn prevent(
        &mut self,
        now: Timestamp,
        taker: OrderId,
        front: Resting,
        price: Price,
    ) -> Prevented {
        let maker = front.order_id;
        let mode = self.effective_mode(taker, maker);
        let leaves = |id: OrderId| self.orders.get(&id).map_or(Qty::ZERO, |o| o.leaves_qty());
        let both = leaves(taker).min(front.leaves_qty);
        let (from_taker, from_maker) = match mode {
            StpMode::None => return Prevented::Nothing,
            StpMode::ExpireTaker => (leaves(taker), Qty::ZERO),
            StpMode::ExpireMaker => (Qty::ZERO, leaves(maker)),
            StpMode::ExpireBoth => (leaves(taker), leaves(maker)),
            StpMode::Decrement | StpMode::Transfer => (both, both),
        };
        self.keep_prevented(now, (taker, maker), mode, price, (from_taker, from_maker));
        if mode == StpMode::Transfer {
            self.hand_over(taker, maker, price, both);
        }
        let owner = self.orders.get(&taker).map(|order| order.account.0);
        let owner = owner.and_then(|index| self.accounts.get(index));
        let symbol_of = |id: OrderId| self.orders.get(&id).map(|order| order.symbol);
        let (Some(taker_symbol), Some(maker_symbol)) = (symbol_of(taker), symbol_of(maker)) else {
            return Prevented::Matched;
        };
        let prevention = Prevention {
            qty: from_maker,
            counter_order_id: taker,
            counter_symbol: taker_symbol,
            trade_group: owner.and_then(|owner| owner.trade_group),
            execution_qty: both,
            execution_px: price,
        };
        self.take_away(now, maker, prevention, Some(price));
        let prevention = Prevention {
            qty: from_taker,
            counter_order_id: maker,
            counter_symbol: maker_symbol,
            ..prevention
        };
        self.take_away(now, taker, prevention, None);
        Prevented::Matched
    }

    fn keep_prevented(
        &mut self,
        now: Timestamp,
        (taker, maker): (OrderId, OrderId),
        mode: StpMode,
        price: Price,
        (from_taker, from_maker): (Qty, Qty),
    ) {
        let (Some(order), Some(resting)) = (self.orders.get(&taker), self.orders.get(&maker)) else {
            return;
        };
        let (symbol, account, maker_symbol) = (order.symbol, order.account, resting.symbol);
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        let prevented_match_id = market.next_prevented_match;
        market.next_prevented_match += 1;
        let prevented = PreventedMatch {
            symbol,
            prevented_match_id,
            taker_order_id: taker,
            maker_order_id: maker,
            maker_symbol,
            trade_group: self.accounts.get(account.0).and_then(|owner| owner.trade_group),
            mode,
            price,
            taker_prevented_qty: from_taker,
            maker_prevented_qty: from_maker,
            time: now,
        };
        let mut owners = Vec::new();
        for id in [taker, maker] {
            if let Some(order) = self.orders.get_mut(&id) {
                order.prevented_match_id = Some(prevented_match_id);
                if !owners.contains(&order.account) {
                    owners.push(order.account);
                }
            }
        }
        for owner in owners {
            if let Some(owner) = self.accounts.get_mut(owner.0) {
                owner.keep_prevented(prevented);
            }
        }
    }

    /// Takes quantity from an order. One that rests at `rests_at` keeps its place; one with nothing left ends.
    fn take_away(
        &mut self,
        now: Timestamp,
        order_id: OrderId,
        prevention: Prevention,
        rests_at: Option<Price>,
    ) {
        let qty = prevention.qty;
        if qty.is_zero() {
            return;
        }
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let is_all = qty == order.leaves_qty();
        self.touch_pair(now, order_id);
        if is_all {
            self.unrest(order_id);
        } else if let Some(price) = rests_at {
            self.take_shown(order_id, price, qty);
        }
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        order.prevented_qty = order.prevented_qty.saturating_add(qty);
        order.updated_at = now;
        let kind = ReportKind::Prevented(prevention);
        if is_all {
            self.finish(now, order_id, OrdStatus::ExpiredInMatch, kind);
            return;
        }
        let order = order.clone();
        self.report(&order, kind);
        self.release_surplus(order_id);
        if rests_at.is_some() {
            self.show_next(order_id);
        }
    }

    /// Moves a quantity from the selling account to the buying one, and its value back; nobody pays commission.
    fn hand_over(&mut self, taker: OrderId, maker: OrderId, price: Price, qty: Qty) {
        for id in [taker, maker] {
            let Some(order) = self.orders.get_mut(&id) else {
                return;
            };
            let (Some(market), Some(owner)) = (
                self.markets.get(&order.symbol),
                self.accounts.get_mut(order.account.0),
            ) else {
                return;
            };
            let base = (market.instrument.base, qty.to_decimal());
            let quote = (market.instrument.quote, notional(qty, price));
            let (paid, received) = match order.side {
                Side::Buy => (quote, base),
                Side::Sell => (base, quote),
            };
            owner.spend_locked(paid.0, paid.1);
            owner.receive(received.0, received.1);
            order.locked -= paid.1;
        }
    }
}
