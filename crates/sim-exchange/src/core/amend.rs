//! Making an order smaller without losing its place (faqs/order_amend_keep_priority.md).

use keel_domain::{
    ClOrdId, FilterFailure, FilterInputs, OrdStatus, OrderId, OrderTerms, Qty, Symbol, Timestamp,
};

use super::exchange::Exchange;
use super::{AccountId, ExpiryReason, ListStatus, OrderError, OrderRef, OrderState, ReportKind};

/// One change of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amendment {
    /// The execution that reported it.
    pub execution_id: u64,
    /// The client's id before.
    pub orig_cl_ord_id: ClOrdId,
    /// The client's id after.
    pub new_cl_ord_id: ClOrdId,
    /// The quantity before.
    pub orig_qty: Qty,
    /// The quantity after.
    pub new_qty: Qty,
    /// When.
    pub time: Timestamp,
}

impl Exchange {
    /// Reduces an order's quantity. It keeps its id and its place; of a pair, both orders are reduced. An order with
    /// nothing left by that expires.
    ///
    /// # Errors
    /// `UnknownOrder`, `IdMismatch`, `AmendIncrease`, `AmendNoChange`, `AmendPendingProceeds`, `Duplicate`, `Filter`;
    /// nothing changed.
    pub fn amend(
        &mut self,
        now: Timestamp,
        account: AccountId,
        symbol: Symbol,
        by: OrderRef,
        (new_qty, new_id): (Qty, Option<ClOrdId>),
    ) -> Result<OrderState, OrderError> {
        let order = self.order(account, symbol, by)?;
        let order_id = order.order_id;
        let new_id = self.made_id("amend", new_id)?;
        self.check_amend(order, new_qty, new_id)?;
        let pair = self.pair_of(order_id);
        let other = pair.and_then(|id| self.orders.get(&id));
        if let Some(other) = other {
            self.check_amend(other, new_qty, other.cl_ord_id)?;
        }
        let before = self.orders.get(&order_id).map(|order| order.cl_ord_id);
        self.reduce(now, order_id, new_qty, new_id);
        if let Some((other, id)) = pair.and_then(|id| self.orders.get(&id).map(|o| (id, o.cl_ord_id))) {
            self.reduce(now, other, new_qty, id);
        }
        self.release_pair_surplus(order_id, pair);
        let list = self.orders.get(&order_id).and_then(|order| order.order_list_id);
        if let Some(list) = list.filter(|_| before != Some(new_id)) {
            self.tell_list(now, account, list, ListStatus::Updated);
        }
        if self
            .orders
            .get(&order_id)
            .is_some_and(|order| order.leaves_qty().is_zero())
        {
            let kind = ReportKind::Expired(ExpiryReason::ExchangeCanceled);
            self.end(now, order_id, OrdStatus::Expired, kind);
        }
        self.settle(now);
        self.order(account, symbol, OrderRef::OrderId(order_id)).cloned()
    }

    fn check_amend(&self, order: &OrderState, new_qty: Qty, new_id: ClOrdId) -> Result<(), OrderError> {
        let instrument = self.instrument(order.symbol).ok_or(OrderError::UnknownSymbol)?;
        if order.ord_status.is_terminal() {
            return Err(OrderError::UnknownOrder);
        }
        if new_qty > order.order_qty {
            return Err(OrderError::AmendIncrease);
        }
        if new_qty == order.order_qty {
            return Err(OrderError::AmendNoChange);
        }
        if order.ord_status == OrdStatus::PendingNew && self.sells_proceeds(order) {
            return Err(OrderError::AmendPendingProceeds);
        }
        let owner = self
            .accounts
            .get(order.account.0)
            .ok_or(OrderError::UnknownOrder)?;
        let holder = owner.open_by_client_id.get(&(order.symbol, new_id));
        if holder.is_some_and(|holder| *holder != order.order_id) {
            return Err(OrderError::Duplicate);
        }
        let most = instrument.limits.max_num_order_amends;
        let amends = u32::try_from(order.amendments.len()).unwrap_or(u32::MAX);
        if most.is_some_and(|most| amends >= most) {
            return Err(OrderError::Filter(FilterFailure::MaxNumOrderAmends));
        }
        let mut terms = OrderTerms::new(order.side, order.ord_type, new_qty);
        terms.iceberg_qty = order.iceberg_qty.min(new_qty);
        let market = self.markets.get(&order.symbol).ok_or(OrderError::UnknownSymbol)?;
        // It is open already: neither counts nor position grow by it.
        instrument
            .check(&terms, &FilterInputs::at_price(market.stats.last))
            .map_err(OrderError::Filter)
    }

    fn reduce(&mut self, now: Timestamp, order_id: OrderId, new_qty: Qty, new_id: ClOrdId) {
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        let (symbol, price) = (order.symbol, order.price());
        let before = order.leaves_qty();
        let amendment = Amendment {
            execution_id: self.next_execution_id,
            orig_cl_ord_id: order.cl_ord_id,
            new_cl_ord_id: new_id,
            orig_qty: order.order_qty,
            new_qty,
            time: now,
        };
        order.order_qty = new_qty;
        order.updated_at = now;
        order.cl_ord_id = new_id;
        order.amendments.push(amendment);
        let (leaves, shown) = (order.leaves_qty(), order.shown);
        let shown_after = shown.min(leaves);
        order.shown = shown_after;
        let (order, account) = (order.clone(), order.account);
        if !shown.is_zero() {
            self.reduce_resting(&order, price, before.saturating_sub(shown), shown);
        }
        if let Some(owner) = self.accounts.get_mut(account.0) {
            owner
                .open_by_client_id
                .remove(&(symbol, amendment.orig_cl_ord_id));
            owner.open_by_client_id.insert((symbol, new_id), order_id);
        }
        self.report(&order, ReportKind::Replaced(amendment.orig_cl_ord_id));
    }

    /// Brings the book in line with an order that has become smaller: first what it hides goes, then what it shows.
    fn reduce_resting(
        &mut self,
        order: &OrderState,
        price: keel_domain::Price,
        hidden_before: Qty,
        shown_before: Qty,
    ) {
        let hidden = order.leaves_qty().saturating_sub(order.shown);
        let Some(market) = self.markets.get_mut(&order.symbol) else {
            return;
        };
        market.hide(order.side, price, hidden_before, hidden);
        let by = shown_before.saturating_sub(order.shown);
        let left = if order.shown.is_zero() {
            market.book.remove(order.side, price, order.order_id)
        } else {
            market.book.reduce(order.side, price, order.order_id, by)
        };
        if let Some(left) = left.filter(|_| !by.is_zero()) {
            self.tell_level(order.symbol, order.side, price, left);
        }
    }

    /// Gives back what an order, and the other of its pair, hold beyond what the more costly one needs.
    fn release_pair_surplus(&mut self, order_id: OrderId, pair: Option<OrderId>) {
        let Some(other) = pair else {
            // One that waits for another order holds nothing, or what was bought for it.
            let is_waiting = self
                .orders
                .get(&order_id)
                .is_some_and(|order| order.ord_status == OrdStatus::PendingNew);
            if !is_waiting {
                self.release_surplus(order_id);
            }
            return;
        };
        let need = [order_id, other]
            .iter()
            .filter_map(|id| self.orders.get(id))
            .filter(|order| order.ord_status != OrdStatus::PendingNew)
            .map(OrderState::required_lock)
            .max()
            .unwrap_or_default();
        for id in [order_id, other] {
            let Some(order) = self.orders.get_mut(&id) else {
                continue;
            };
            let surplus = order.locked - need;
            if order.locked.is_zero() || surplus.is_sign_negative() {
                continue;
            }
            order.locked -= surplus;
            let (symbol, side, account) = (order.symbol, order.side, order.account);
            let asset = self.locked_asset(symbol, side);
            if let (Some(asset), Some(owner)) = (asset, self.accounts.get_mut(account.0)) {
                owner.lock(asset, -surplus);
            }
        }
    }
}
