//! Orders of the background that no check holds back: a recorded market's, placed and made smaller as they were, and those
//! that fill a client's on command.

use keel_domain::{
    InstrumentStatus, OrdStatus, OrdType, OrderId, Qty, Side, Symbol, TimeInForce, Timestamp, notional,
};

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

    /// Whether an order stands in a book where it may trade now, in whole or as an iceberg's part.
    #[must_use]
    pub fn is_fillable(&self, order_id: OrderId) -> bool {
        let order = self.orders.get(&order_id).filter(|order| !order.shown.is_zero());
        let pair = order.and_then(|order| self.instrument(order.symbol));
        pair.is_some_and(|pair| pair.status == InstrumentStatus::Trading)
    }

    /// Lets the background take an order that rests, and all that stands before it, as a market that comes to its price would.
    /// An exchange without background fills none, and a price range may end it early.
    pub fn fill_resting(&mut self, now: Timestamp, order_id: OrderId) {
        let background = self.accounts.iter().rposition(|account| !account.has_client);
        while let (Some(taker), true) = (background, self.is_fillable(order_id)) {
            let Some((symbol, side)) = self.orders.get(&order_id).map(|order| (order.symbol, order.side))
            else {
                break;
            };
            let Some(market) = self.markets.get(&symbol) else {
                break;
            };
            let (traded, front) = (market.next_trade_id, market.book.front(side));
            let Some((price, resting)) = front else { break };
            let ord_type = OrdType::Limit {
                price,
                time_in_force: TimeInForce::Ioc,
            };
            let terms = (symbol, side.opposite(), ord_type, resting.leaves_qty);
            self.enter_unchecked(now, AccountId(taker), terms);
            let market = self.markets.get(&symbol);
            if market.is_none_or(|market| market.next_trade_id == traded) {
                break;
            }
        }
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
