//! What a trade does to an order and to its owner.

use keel_domain::{OrdStatus, OrderId, Price, Qty, Side, Timestamp, TradeId, notional};

use super::exchange::Exchange;
use super::{AccountTrade, ReportKind};

/// One side of a trade.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fill {
    pub(super) trade_id: TradeId,
    pub(super) price: Price,
    pub(super) qty: Qty,
    pub(super) is_maker: bool,
    pub(super) allocation_id: Option<u64>,
}

impl Exchange {
    /// Books one side of a trade: pays from what is locked, receives, pays the commission, and gives back what is left
    /// over.
    pub(super) fn fill(&mut self, now: Timestamp, order_id: OrderId, fill: Fill) {
        let Some(trade) = self.settle_fill(now, order_id, fill) else {
            return;
        };
        self.release_surplus(order_id);
        self.lock_proceeds(order_id);
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        if order.leaves_qty().is_zero() {
            // An order that self-trade prevention made smaller and that then traded out is filled all the same.
            self.finish(now, order_id, OrdStatus::Filled, ReportKind::Trade(trade));
        } else {
            order.ord_status = OrdStatus::PartiallyFilled;
            let order = order.clone();
            self.report(&order, ReportKind::Trade(trade));
        }
    }

    fn settle_fill(&mut self, now: Timestamp, order_id: OrderId, fill: Fill) -> Option<AccountTrade> {
        let order = self.orders.get(&order_id)?;
        let instrument = self.instrument(order.symbol)?;
        let value = notional(fill.qty, fill.price);
        let base = (instrument.base, fill.qty.to_decimal());
        let quote = (instrument.quote, value);
        let (paid, received) = match order.side {
            Side::Buy => (quote, base),
            Side::Sell => (base, quote),
        };
        let owner = self.accounts.get(order.account.0)?;
        // What was just received can pay at once.
        let free = |asset| {
            let before = owner.free(asset);
            if asset == received.0 {
                before + received.1
            } else {
                before
            }
        };
        let charge = self.charge(&owner.rates, (order.side, fill.is_maker), received, free);
        let owner = self.accounts.get_mut(order.account.0)?;
        owner.spend_locked(paid.0, paid.1);
        owner.receive(received.0, received.1);
        owner.pay(charge.asset, charge.amount);
        *self.commissions.entry(charge.asset).or_default() += charge.amount;
        let order = self.orders.get_mut(&order_id)?;
        order.cum_qty = order.cum_qty.saturating_add(fill.qty);
        order.cum_quote += value;
        order.updated_at = now;
        order.locked -= paid.1;
        order.proceeds += received.1;
        if charge.asset == received.0 {
            order.proceeds -= charge.amount;
        }
        let trade = AccountTrade {
            symbol: order.symbol,
            trade_id: fill.trade_id,
            allocation_id: fill.allocation_id,
            order_id,
            side: order.side,
            price: fill.price,
            qty: fill.qty,
            commission: charge.amount,
            commission_asset: charge.asset,
            is_maker: fill.is_maker,
            time: now,
        };
        owner.keep_trade(trade);
        Some(trade)
    }
}
