//! Placing, matching and canceling.

use keel_domain::{
    Asset, ClOrdId, InstrumentStatus, Money, OrdStatus, OrdType, OrderId, Price, Qty, Side, Symbol,
    TimeInForce, Timestamp, TradeId, notional,
};

use super::book::Resting;
use super::exchange::{Exchange, MarketState};
use super::{
    AccountId, AccountTrade, AssetBalance, ExchangeEvent, NewOrder, OrderError, OrderRef, OrderReport,
    OrderState, PublicTrade, Quantity, ReportKind,
};

/// What taking from the book would give.
#[derive(Debug, Clone, Copy, Default)]
struct Sweep {
    qty: Qty,
    cost: Money,
}

impl MarketState {
    /// Walks the book against an order: how much base it can trade, and for how much quote.
    fn sweep(&self, side: Side, limit: Option<Price>, quantity: Quantity) -> Sweep {
        let step = self.instrument.lot_size.step;
        let mut sweep = Sweep::default();
        for level in self.book.levels(side.opposite()) {
            let is_beyond = limit.is_some_and(|limit| match side {
                Side::Buy => level.price > limit,
                Side::Sell => level.price < limit,
            });
            let wanted = match quantity {
                Quantity::Base(qty) => qty.saturating_sub(sweep.qty),
                Quantity::Quote(value) => {
                    let left = (value - sweep.cost)
                        .checked_div(level.price.to_decimal())
                        .unwrap_or_default();
                    Qty::from_decimal(left.trunc_with_scale(8))
                        .unwrap_or_default()
                        .floor_to(step)
                }
            };
            if is_beyond || wanted.is_zero() {
                break;
            }
            let qty = wanted.min(level.qty);
            sweep.qty = sweep.qty.saturating_add(qty);
            sweep.cost += notional(qty, level.price);
        }
        sweep
    }
}

impl Exchange {
    /// Checks an order without placing it.
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn test(&self, account: AccountId, order: &NewOrder) -> Result<(), OrderError> {
        self.admit(account, order).map(|_| ())
    }

    /// Places an order and matches it.
    ///
    /// # Errors
    /// Why it was refused; nothing changed.
    pub fn place(
        &mut self,
        now: Timestamp,
        account: AccountId,
        order: NewOrder,
    ) -> Result<OrderId, OrderError> {
        let (order_qty, to_lock) = self.admit(account, &order)?;
        let order_id = OrderId(self.next_order_id);
        self.next_order_id += 1;
        let generated =
            || ClOrdId::new(&format!("keel{:018}", order_id.0)).map_err(|_| OrderError::Duplicate);
        let state = OrderState {
            order_id,
            account,
            cl_ord_id: order.cl_ord_id.map_or_else(generated, Ok)?,
            symbol: order.symbol,
            side: order.side,
            ord_type: order.ord_type,
            order_qty,
            quote_order_qty: match order.quantity {
                Quantity::Quote(value) => value,
                Quantity::Base(_) => Money::ZERO,
            },
            cum_qty: Qty::ZERO,
            cum_quote: Money::ZERO,
            ord_status: OrdStatus::New,
            created_at: now,
            updated_at: now,
            locked: to_lock,
        };
        let asset = self
            .locked_asset(order.symbol, order.side)
            .ok_or(OrderError::UnknownSymbol)?;
        if let Some(owner) = self.accounts.get_mut(account.0) {
            owner.lock(asset, to_lock);
            owner.open.insert(order_id);
            owner
                .open_by_client_id
                .insert((order.symbol, state.cl_ord_id), order_id);
        }
        self.report(&state, ReportKind::New);
        self.orders.insert(order_id, state);
        self.take(now, order_id);
        self.rest_or_expire(now, order_id);
        self.tell_positions(now);
        Ok(order_id)
    }

    /// Cancels an order. The cancel has an id of its own.
    ///
    /// # Errors
    /// `UnknownOrder` when it is not open, `IdMismatch`.
    pub fn cancel(
        &mut self,
        now: Timestamp,
        account: AccountId,
        symbol: Symbol,
        by: OrderRef,
        cancel_id: Option<ClOrdId>,
    ) -> Result<(OrderState, ClOrdId), OrderError> {
        let found = self.order(account, symbol, by)?;
        let order_id = found.order_id;
        if found.ord_status.is_terminal() {
            return Err(OrderError::UnknownOrder);
        }
        let execution = self.next_execution_id;
        let generated =
            || ClOrdId::new(&format!("cancel{execution:018}")).map_err(|_| OrderError::UnknownOrder);
        let cancel_id = cancel_id.map_or_else(generated, Ok)?;
        self.unrest(order_id);
        let ended = self.finish(
            now,
            order_id,
            OrdStatus::Canceled,
            ReportKind::Canceled(cancel_id),
        );
        self.tell_positions(now);
        ended
            .map(|order| (order, cancel_id))
            .ok_or(OrderError::UnknownOrder)
    }

    /// All checks, in the venue's order. Gives the base quantity and what is to be locked.
    fn admit(&self, account: AccountId, order: &NewOrder) -> Result<(Qty, Money), OrderError> {
        let market = self.markets.get(&order.symbol).ok_or(OrderError::UnknownSymbol)?;
        let owner = self
            .accounts
            .get(account.0)
            .ok_or(OrderError::InsufficientBalance)?;
        if market.instrument.status != InstrumentStatus::Trading {
            return Err(OrderError::MarketClosed);
        }
        let limit = order.ord_type.price();
        let sweep = market.sweep(order.side, limit, order.quantity);
        let order_qty = match order.quantity {
            Quantity::Base(qty) => qty,
            Quantity::Quote(_) => sweep.qty,
        };
        market
            .instrument
            .check(order.ord_type, order_qty, market.stats.last)
            .map_err(OrderError::Filter)?;
        if let Some(id) = order.cl_ord_id
            && owner.open_by_client_id.contains_key(&(order.symbol, id))
        {
            return Err(OrderError::Duplicate);
        }
        if matches!(order.ord_type, OrdType::LimitMaker { .. }) && !sweep.qty.is_zero() {
            return Err(OrderError::WouldMatch);
        }
        let (asset, to_lock) = match (order.side, limit) {
            (Side::Buy, Some(price)) => (market.instrument.quote, notional(order_qty, price)),
            (Side::Buy, None) => (market.instrument.quote, sweep.cost),
            (Side::Sell, _) => (market.instrument.base, order_qty.to_decimal()),
        };
        if owner.free(asset) < to_lock {
            return Err(OrderError::InsufficientBalance);
        }
        Ok((order_qty, to_lock))
    }

    fn locked_asset(&self, symbol: Symbol, side: Side) -> Option<Asset> {
        let instrument = self.instrument(symbol)?;
        Some(match side {
            Side::Buy => instrument.quote,
            Side::Sell => instrument.base,
        })
    }

    /// Matches an order against the other side, best price first, then in order of arrival.
    fn take(&mut self, now: Timestamp, order_id: OrderId) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let (symbol, side, limit) = (order.symbol, order.side, order.ord_type.price());
        if let OrdType::Limit {
            time_in_force: TimeInForce::Fok,
            ..
        } = order.ord_type
        {
            let reach = self
                .markets
                .get(&symbol)
                .map(|m| m.sweep(side, limit, Quantity::Base(order.order_qty)));
            if reach.is_none_or(|sweep| sweep.qty < order.order_qty) {
                return;
            }
        }
        loop {
            let Some(leaves) = self.orders.get(&order_id).map(OrderState::leaves_qty) else {
                return;
            };
            let Some(market) = self.markets.get(&symbol) else {
                return;
            };
            let Some((price, resting)) = market.book.front(side.opposite()) else {
                return;
            };
            let is_beyond = limit.is_some_and(|limit| match side {
                Side::Buy => price > limit,
                Side::Sell => price < limit,
            });
            if leaves.is_zero() || is_beyond {
                return;
            }
            let qty = leaves.min(resting.leaves_qty);
            self.trade(now, order_id, resting.order_id, price, qty);
        }
    }

    fn trade(&mut self, now: Timestamp, taker: OrderId, maker: OrderId, price: Price, qty: Qty) {
        let Some(order) = self.orders.get(&taker) else {
            return;
        };
        let (symbol, side) = (order.symbol, order.side);
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        let trade_id = TradeId(market.next_trade_id);
        market.next_trade_id += 1;
        let left = market.book.take_front(side.opposite(), price, qty);
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
        self.tell_level(symbol, side.opposite(), price, left);
        for (order_id, is_maker) in [(maker, true), (taker, false)] {
            self.fill(now, order_id, trade_id, price, qty, is_maker);
        }
    }

    /// Books one side of a trade: pays from what is locked, receives less commission, gives back what is left over.
    fn fill(
        &mut self,
        now: Timestamp,
        order_id: OrderId,
        trade_id: TradeId,
        price: Price,
        qty: Qty,
        is_maker: bool,
    ) {
        let rate = if is_maker {
            self.maker_rate
        } else {
            self.taker_rate
        };
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        let Some(market) = self.markets.get(&order.symbol) else {
            return;
        };
        let Some(owner) = self.accounts.get_mut(order.account.0) else {
            return;
        };
        let (base, quote) = (market.instrument.base, market.instrument.quote);
        let value = notional(qty, price);
        let (paid_asset, paid, received_asset, received) = match order.side {
            Side::Buy => (quote, value, base, qty.to_decimal()),
            Side::Sell => (base, qty.to_decimal(), quote, value),
        };
        let commission = (received * rate).trunc_with_scale(8);
        owner.spend_locked(paid_asset, paid);
        owner.receive(received_asset, received - commission);
        *self.commissions.entry(received_asset).or_default() += commission;
        order.cum_qty = order.cum_qty.saturating_add(qty);
        order.cum_quote += value;
        order.updated_at = now;
        order.locked -= paid;
        if let (Side::Buy, Some(limit)) = (order.side, order.ord_type.price()) {
            let surplus = order.locked - notional(order.leaves_qty(), limit);
            owner.lock(paid_asset, -surplus);
            order.locked -= surplus;
        }
        let is_whole = order.leaves_qty().is_zero();
        order.ord_status = if is_whole {
            OrdStatus::Filled
        } else {
            OrdStatus::PartiallyFilled
        };
        let trade = AccountTrade {
            symbol: order.symbol,
            trade_id,
            order_id,
            side: order.side,
            price,
            qty,
            commission,
            commission_asset: received_asset,
            is_maker,
            time: now,
        };
        owner.keep_trade(trade);
        if is_whole {
            self.finish(now, order_id, OrdStatus::Filled, ReportKind::Trade(trade));
        } else if let Some(order) = self.orders.get(&order_id).cloned() {
            self.report(&order, ReportKind::Trade(trade));
        }
    }

    /// What is left of an order after matching rests, or expires by its terms.
    fn rest_or_expire(&mut self, now: Timestamp, order_id: OrderId) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let (symbol, side, leaves) = (order.symbol, order.side, order.leaves_qty());
        match order.ord_type.price() {
            Some(price) if order.ord_type.can_rest() => {
                let Some(market) = self.markets.get_mut(&symbol) else {
                    return;
                };
                let qty = market.book.add(
                    side,
                    price,
                    Resting {
                        order_id,
                        leaves_qty: leaves,
                    },
                );
                self.tell_level(symbol, side, price, qty);
            }
            Some(_) => {
                let reason = "TIMEINFORCE";
                self.finish(now, order_id, OrdStatus::Expired, ReportKind::Expired(reason));
            }
            None => {
                let reason = "INSUFFICIENT_LIQUIDITY";
                self.finish(now, order_id, OrdStatus::Expired, ReportKind::Expired(reason));
            }
        }
    }

    fn unrest(&mut self, order_id: OrderId) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let (symbol, side, price) = (order.symbol, order.side, order.price());
        let left = self
            .markets
            .get_mut(&symbol)
            .and_then(|market| market.book.remove(side, price, order_id));
        if let Some(left) = left {
            self.tell_level(symbol, side, price, left);
        }
    }

    /// Ends an order: gives back what it holds, tells its owner, and keeps it in the history.
    fn finish(
        &mut self,
        now: Timestamp,
        order_id: OrderId,
        status: OrdStatus,
        kind: ReportKind,
    ) -> Option<OrderState> {
        let mut order = self.orders.remove(&order_id)?;
        order.ord_status = status;
        order.updated_at = now;
        let asset = self.locked_asset(order.symbol, order.side)?;
        let held = std::mem::take(&mut order.locked);
        let owner = self.accounts.get_mut(order.account.0)?;
        owner.lock(asset, -held);
        owner.open.remove(&order_id);
        owner.open_by_client_id.remove(&(order.symbol, order.cl_ord_id));
        owner.keep_ended(order.clone());
        self.report(&order, kind);
        Some(order)
    }

    fn report(&mut self, order: &OrderState, kind: ReportKind) {
        let execution_id = self.next_execution_id;
        self.next_execution_id += 1;
        if self
            .accounts
            .get(order.account.0)
            .is_some_and(|owner| owner.has_client)
        {
            let report = OrderReport {
                order: order.clone(),
                kind,
                execution_id,
            };
            self.events.push_back(ExchangeEvent::Order(Box::new(report)));
        }
    }

    fn tell_level(&mut self, symbol: Symbol, side: Side, price: Price, qty: Qty) {
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        market.update_id += 1;
        let update_id = market.update_id;
        self.events.push_back(ExchangeEvent::Book {
            symbol,
            update_id,
            side,
            price,
            qty,
        });
    }

    fn tell_positions(&mut self, now: Timestamp) {
        for (index, account) in self.accounts.iter_mut().enumerate() {
            let touched = std::mem::take(&mut account.touched);
            if touched.is_empty() {
                continue;
            }
            account.updated_at = now;
            if account.has_client {
                let changed = |balance: &AssetBalance| touched.contains(&balance.asset);
                let balances = account.balances().into_iter().filter(changed).collect();
                let event = ExchangeEvent::AccountPosition {
                    account: AccountId(index),
                    balances,
                    time: now,
                };
                self.events.push_back(event);
            }
        }
    }
}

impl MarketState {
    fn note_trade(&mut self, trade: &PublicTrade) {
        self.recent.push_back(*trade);
        if self.recent.len() > Exchange::RECENT_TRADES_MAX {
            self.recent.pop_front();
        }
        let stats = &mut self.stats;
        stats.high = stats.high.max(trade.price);
        stats.low = stats.low.min(trade.price);
        stats.last = trade.price;
        stats.last_qty = trade.qty;
        stats.volume += trade.qty.to_decimal();
        stats.quote_volume += notional(trade.qty, trade.price);
        stats.first_trade = stats.first_trade.or(Some(trade.trade_id));
        stats.count += 1;
    }
}
