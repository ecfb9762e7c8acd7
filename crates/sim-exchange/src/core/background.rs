//! Orders of a recorded market: placed and made smaller as they were, without any check.

use keel_domain::{OrdStatus, OrdType, OrderId, Qty, Side, Symbol, Timestamp, notional};

use super::admission::Admitted;
use super::exchange::Exchange;
use super::{AccountId, NewOrder, OrderOptions, Quantity, ReportKind};

impl Exchange {
    /// Places an order of the background as it is: no filter and no balance is looked at.
    pub(super) fn enter_unchecked(
        &mut self,
        now: Timestamp,
        account: AccountId,
        (symbol, side, ord_type, qty): (Symbol, Side, OrdType, Qty),
    ) -> Option<OrderId> {
        let order = NewOrder {
            symbol,
            side,
            ord_type,
            quantity: Quantity::Base(qty),
            cl_ord_id: None,
            options: OrderOptions::default(),
        };
        let asset = self.locked_asset(symbol, side)?;
        let to_lock = match (side, ord_type.price()) {
            (Side::Buy, Some(price)) => notional(qty, price),
            _ => qty.to_decimal(),
        };
        let admitted = Admitted {
            order_qty: qty,
            asset,
            to_lock,
        };
        let entered = self.enter(now, account, &order, admitted, None, OrdStatus::New);
        let order_id = entered.ok()?;
        self.begin(now, order_id);
        self.settle(now);
        Some(order_id)
    }

    /// Makes an order of the background smaller; it keeps its place. With nothing left it ends.
    pub(super) fn shrink(&mut self, now: Timestamp, order_id: OrderId, by: Qty) {
        let Some(order) = self.orders.get_mut(&order_id).filter(|_| !by.is_zero()) else {
            return;
        };
        if by >= order.leaves_qty() {
            let kind = ReportKind::Canceled(order.cl_ord_id);
            self.end(now, order_id, OrdStatus::Canceled, kind);
            return self.settle(now);
        }
        order.order_qty = order.order_qty.saturating_sub(by);
        order.shown = order.shown.saturating_sub(by);
        let (symbol, side, price) = (order.symbol, order.side, order.price());
        let market = self.markets.get_mut(&symbol);
        if let Some(left) = market.and_then(|market| market.book.reduce(side, price, order_id, by)) {
            self.tell_level(symbol, side, price, left);
        }
        self.release_surplus(order_id);
        self.settle(now);
    }
}
