//! An order from its acceptance to its end.

use keel_domain::{Asset, ClOrdId, Money, OrdStatus, OrderId, Price, Qty, Side, Symbol, Timestamp};

use super::account::Account;
use super::admission::Admitted;
use super::exchange::Exchange;
use super::triggers::Woken;
use super::{
    AccountId, AssetBalance, CancelRestriction, ExchangeEvent, ExpiryReason, NewOrder, OrderError, OrderRef,
    OrderReport, OrderState, Quantity, ReportKind, WorkingFloor,
};

/// Something that a trade has made due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// The orders that waited in a list begin.
    Activate(AccountId, u64),
}

impl Exchange {
    /// Checks an order without placing it.
    ///
    /// # Errors
    /// Why it would be refused.
    pub fn test(&self, now: Timestamp, account: AccountId, order: &NewOrder) -> Result<(), OrderError> {
        let order = self.pegged(order)?;
        self.admit(now, account, &order).map(|_| ())
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
        let order = self.pegged(&order)?;
        let admitted = self.admit(now, account, &order)?;
        let order_id = self.enter(now, account, &order, admitted, None, OrdStatus::New)?;
        self.begin(now, order_id);
        self.settle(now);
        Ok(order_id)
    }

    /// Cancels an order. The cancel has an id of its own. An order of a list takes the list with it.
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
        self.cancel_if(now, account, symbol, by, cancel_id, None)
    }

    /// Cancels an order if it is in the state asked for.
    ///
    /// # Errors
    /// `UnknownOrder` when it is not open, `IdMismatch`, `CancelRestricted`.
    pub fn cancel_if(
        &mut self,
        now: Timestamp,
        account: AccountId,
        symbol: Symbol,
        by: OrderRef,
        cancel_id: Option<ClOrdId>,
        restriction: Option<CancelRestriction>,
    ) -> Result<(OrderState, ClOrdId), OrderError> {
        let found = self.order(account, symbol, by)?;
        let (order_id, status) = (found.order_id, found.ord_status);
        if status.is_terminal() {
            return Err(OrderError::UnknownOrder);
        }
        let is_permitted = match restriction {
            None => true,
            Some(CancelRestriction::OnlyNew) => status == OrdStatus::New,
            Some(CancelRestriction::OnlyPartiallyFilled) => status == OrdStatus::PartiallyFilled,
        };
        if !is_permitted {
            return Err(OrderError::CancelRestricted);
        }
        let cancel_id = self.made_id("cancel", cancel_id)?;
        let ended = self.end(
            now,
            order_id,
            OrdStatus::Canceled,
            ReportKind::Canceled(cancel_id),
        );
        self.settle(now);
        ended
            .map(|order| (order, cancel_id))
            .ok_or(OrderError::UnknownOrder)
    }

    /// The id given, or one that the exchange makes.
    pub(super) fn made_id(&self, prefix: &str, given: Option<ClOrdId>) -> Result<ClOrdId, OrderError> {
        let number = self.next_execution_id;
        let made = || ClOrdId::new(&format!("{prefix}{number:018}")).map_err(|_| OrderError::Duplicate);
        given.map_or_else(made, Ok)
    }

    /// Accepts an order: it holds what it needs, and its owner is told. It does not begin yet.
    pub(super) fn enter(
        &mut self,
        now: Timestamp,
        account: AccountId,
        order: &NewOrder,
        admitted: Admitted,
        order_list_id: Option<u64>,
        ord_status: OrdStatus,
    ) -> Result<OrderId, OrderError> {
        let order_id = OrderId(self.next_order_id);
        let enters_pegged =
            order.options.peg.is_some() && order.ord_type.trigger().is_none() && ord_status == OrdStatus::New;
        let state = OrderState {
            order_id,
            account,
            cl_ord_id: self.made_id("keel", order.cl_ord_id)?,
            symbol: order.symbol,
            side: order.side,
            ord_type: order.ord_type,
            order_qty: admitted.order_qty,
            quote_order_qty: match order.quantity {
                Quantity::Quote(value) => value,
                Quantity::Base(_) => Money::ZERO,
            },
            cum_qty: Qty::ZERO,
            cum_quote: Money::ZERO,
            ord_status,
            created_at: now,
            updated_at: now,
            options: order.options,
            iceberg_qty: order.options.iceberg_qty,
            prevented_qty: Qty::ZERO,
            prevented_match_id: None,
            order_list_id,
            working_at: None,
            trailing_at: None,
            pegged_price: order.ord_type.price().filter(|_| enters_pegged),
            working_floor: order.options.uses_sor.then_some(WorkingFloor::Sor),
            expiry_reason: None,
            amendments: Vec::new(),
            locked: admitted.to_lock,
            shown: Qty::ZERO,
            proceeds: Money::ZERO,
        };
        let owner = self
            .accounts
            .get_mut(account.0)
            .ok_or(OrderError::InsufficientBalance)?;
        owner.lock(admitted.asset, admitted.to_lock);
        owner.opened(&state);
        self.next_order_id += 1;
        self.report(&state, ReportKind::New);
        self.orders.insert(order_id, state);
        Ok(order_id)
    }

    /// An accepted order begins: a contingent one waits for its trigger, any other works.
    pub(super) fn begin(&mut self, now: Timestamp, order_id: OrderId) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let Some(trigger) = order.ord_type.trigger() else {
            return self.work(now, order_id);
        };
        let is_above = order.ord_type.triggers_above(order.side);
        if let Some(market) = self.markets.get_mut(&order.symbol) {
            market.triggers.add(order_id, order.side, is_above, trigger);
        }
    }

    /// Matches an order, then rests or expires what is left of it.
    fn work(&mut self, now: Timestamp, order_id: OrderId) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let waited = order.ord_type.trigger().is_some();
        if waited && !self.peg_now(now, order_id) {
            let kind = ReportKind::Expired(ExpiryReason::Rejected);
            self.finish(now, order_id, OrdStatus::Expired, kind);
            return;
        }
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        order.working_at = Some(now);
        if waited {
            order.updated_at = now;
            let order = order.clone();
            self.report(&order, ReportKind::New);
            self.top_up(order_id);
        }
        match self.take(now, order_id) {
            Some(reason) => {
                self.finish(now, order_id, OrdStatus::Expired, ReportKind::Expired(reason));
            }
            None => self.rest_or_expire(now, order_id),
        }
    }

    /// A stop order that buys at any price takes what it needs beyond what it holds, as far as it is there.
    fn top_up(&mut self, order_id: OrderId) {
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        if order.side != Side::Buy || order.ord_type.price().is_some() {
            return;
        }
        let (Some(market), Some(owner)) = (
            self.markets.get(&order.symbol),
            self.accounts.get_mut(order.account.0),
        ) else {
            return;
        };
        let quantity = Quantity::Base(order.leaves_qty());
        let sweep = market.sweep(order.side, None, quantity, &std::collections::BTreeMap::new());
        let quote = market.instrument.quote;
        let more = (sweep.cost - order.locked)
            .min(owner.free(quote))
            .max(Money::ZERO);
        owner.lock(quote, more);
        order.locked += more;
    }

    /// Carries out everything that the last operation made due, then tells the balances.
    pub(super) fn settle(&mut self, now: Timestamp) {
        loop {
            let mut markets = self.markets.values_mut();
            if let Some(woken) = markets.find_map(|market| market.triggers.poll()) {
                self.wake(now, woken);
            } else if let Some(Due::Activate(account, list_id)) = self.due.pop_front() {
                self.activate_list(now, account, list_id);
            } else {
                break;
            }
        }
        self.tell_positions(now);
    }

    fn wake(&mut self, now: Timestamp, woken: Woken) {
        match woken {
            Woken::Tracks(order_id) => {
                if let Some(order) = self.orders.get_mut(&order_id) {
                    order.trailing_at = Some(now);
                }
            }
            Woken::Works(order_id) => {
                self.touch_pair(now, order_id);
                self.work(now, order_id);
            }
        }
    }

    /// What is left of an order after matching rests, or expires by its terms.
    fn rest_or_expire(&mut self, now: Timestamp, order_id: OrderId) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        if order.ord_type.can_rest() {
            return self.rest(order_id);
        }
        let reason = if order.ord_type.price().is_none() {
            ExpiryReason::InsufficientLiquidity
        } else if super::admission::is_fill_or_kill(order.ord_type) {
            ExpiryReason::UnfilledFok
        } else {
            ExpiryReason::UnfilledIoc
        };
        self.finish(now, order_id, OrdStatus::Expired, ReportKind::Expired(reason));
    }

    /// Takes an order out of wherever it is, and ends it.
    pub(super) fn end(
        &mut self,
        now: Timestamp,
        order_id: OrderId,
        status: OrdStatus,
        kind: ReportKind,
    ) -> Option<OrderState> {
        self.unrest(order_id);
        let order = self.orders.get(&order_id)?;
        if let (Some(trigger), Some(market)) = (order.ord_type.trigger(), self.markets.get_mut(&order.symbol))
        {
            market.triggers.remove(order_id, trigger.stop_px());
        }
        self.finish(now, order_id, status, kind)
    }

    /// Ends an order that is in no book: gives back what it holds, tells its owner, and keeps it in the history.
    pub(super) fn finish(
        &mut self,
        now: Timestamp,
        order_id: OrderId,
        status: OrdStatus,
        kind: ReportKind,
    ) -> Option<OrderState> {
        let mut order = self.orders.remove(&order_id)?;
        order.ord_status = status;
        order.updated_at = now;
        if let ReportKind::Expired(reason) = kind {
            order.expiry_reason = Some(reason);
        }
        let asset = self.locked_asset(order.symbol, order.side)?;
        let held = std::mem::take(&mut order.locked);
        let owner: &mut Account = self.accounts.get_mut(order.account.0)?;
        owner.lock(asset, -held);
        owner.closed(order.clone());
        self.report(&order, kind);
        self.list_order_ended(now, &order, kind);
        Some(order)
    }

    /// Gives back what an order holds beyond what it needs.
    pub(super) fn release_surplus(&mut self, order_id: OrderId) {
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        let surplus = order.locked - order.required_lock();
        let (symbol, side, account) = (order.symbol, order.side, order.account);
        order.locked -= surplus;
        let asset = self.locked_asset(symbol, side);
        if let (Some(asset), Some(owner)) = (asset, self.accounts.get_mut(account.0)) {
            owner.lock(asset, -surplus);
        }
    }

    pub(super) fn locked_asset(&self, symbol: Symbol, side: Side) -> Option<Asset> {
        let instrument = self.instrument(symbol)?;
        Some(match side {
            Side::Buy => instrument.quote,
            Side::Sell => instrument.base,
        })
    }

    /// Tells the owner of an order, if a client uses the account.
    pub(super) fn report(&mut self, order: &OrderState, kind: ReportKind) {
        let execution_id = self.next_execution_id;
        self.next_execution_id += 1;
        let owner = self.accounts.get(order.account.0);
        if owner.is_some_and(|owner| owner.has_client) {
            let report = OrderReport {
                order: order.clone(),
                kind,
                execution_id,
            };
            self.events.push_back(ExchangeEvent::Order(Box::new(report)));
        }
    }

    pub(super) fn tell_level(&mut self, symbol: Symbol, side: Side, price: Price, qty: Qty) {
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

    pub(super) fn tell_positions(&mut self, now: Timestamp) {
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
