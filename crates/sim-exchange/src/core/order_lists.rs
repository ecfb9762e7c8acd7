//! Order lists: a pair of which one cancels the other (OCO), and orders that wait for another to be filled (OTO, OTOCO,
//! and with the proceeds of it, OPO, OPOCO).

use keel_domain::{
    Asset, ClOrdId, FilterFailure, Money, OrdStatus, OrdType, OrderId, Price, Qty, Side, Symbol, Timestamp,
};

use super::admission::{Admitted, Stage, is_triggered};
use super::exchange::Exchange;
use super::lifecycle::Due;
use super::{AccountId, ExchangeEvent, ExpiryReason, NewOrder, OrderError, OrderRef, OrderState, ReportKind};

/// How the orders of a list depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contingency {
    /// One cancels the other.
    Oco,
    /// One triggers the others.
    Oto,
}

/// What happened to a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListStatus {
    /// It was placed.
    ExecStarted,
    /// An order of it has another client order id.
    Updated,
    /// All its orders have ended.
    AllDone,
}

/// The orders of a new list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListLegs {
    /// Two orders of one side and quantity, one on each side of the market.
    Oco {
        /// The higher one.
        above: NewOrder,
        /// The lower one.
        below: NewOrder,
    },
    /// An order, and one that begins once it is filled.
    Oto {
        /// The first.
        working: NewOrder,
        /// The second.
        pending: NewOrder,
    },
    /// An order, and a pair that begins once it is filled.
    Otoco {
        /// The first.
        working: NewOrder,
        /// The higher one of the pair.
        above: NewOrder,
        /// The lower one of the pair.
        below: NewOrder,
    },
}

/// A list that a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrderList {
    /// The pair of assets.
    pub symbol: Symbol,
    /// The client's id of the list; one is made where there is none.
    pub cl_ord_id: Option<ClOrdId>,
    /// The orders.
    pub legs: ListLegs,
    /// Whether the later orders sell what the first one bought, whatever quantity they name.
    pub by_proceeds: bool,
}

/// A list as the exchange keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderList {
    /// The exchange's id.
    pub id: u64,
    /// The owner.
    pub account: AccountId,
    /// The pair of assets.
    pub symbol: Symbol,
    /// The client's id.
    pub cl_ord_id: ClOrdId,
    /// How the orders depend on each other.
    pub contingency: Contingency,
    /// Whether all its orders have ended.
    pub is_done: bool,
    /// When it was placed.
    pub time: Timestamp,
    /// The orders.
    pub orders: Vec<OrderId>,
    /// Those of which one cancels the other.
    pair: Option<(OrderId, OrderId)>,
    /// The one that the others wait for.
    working: Option<OrderId>,
    by_proceeds: bool,
}

/// A list moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListReport {
    /// The list after the move.
    pub list: OrderList,
    /// The move.
    pub status: ListStatus,
    /// Its orders' ids.
    pub orders: Vec<(OrderId, ClOrdId)>,
    /// When.
    pub time: Timestamp,
}

/// Whether the order of a pair lies on the side of the last price where it belongs.
fn lies_right(order_type: OrdType, side: Side, price: Price, last: Price) -> bool {
    match order_type {
        OrdType::LimitMaker { .. } | OrdType::TakeProfitLimit { .. } => match side {
            Side::Buy => price < last,
            Side::Sell => price > last,
        },
        _ => !is_triggered(order_type, side, last),
    }
}

impl Exchange {
    /// Places a list. Gives its id, and its orders as they are before anything that the placement itself set off.
    ///
    /// # Errors
    /// Why it was refused; nothing changed.
    pub fn place_list(
        &mut self,
        now: Timestamp,
        account: AccountId,
        new: NewOrderList,
    ) -> Result<(u64, Vec<OrderState>), OrderError> {
        self.check_list(account, &new)?;
        let list_id = self.next_list_id;
        let cl_ord_id = self.made_id("list", new.cl_ord_id)?;
        let mut list = OrderList {
            id: list_id,
            account,
            symbol: new.symbol,
            cl_ord_id,
            contingency: Contingency::Oto,
            is_done: false,
            time: now,
            orders: Vec::new(),
            pair: None,
            working: None,
            by_proceeds: new.by_proceeds,
        };
        match new.legs {
            ListLegs::Oco { above, below } => {
                list.contingency = Contingency::Oco;
                self.enter_pair(now, account, &mut list, [&above, &below])?;
            }
            ListLegs::Oto { working, pending } => {
                self.enter_chain(now, account, &mut list, &working, &[&pending])?;
            }
            ListLegs::Otoco {
                working,
                above,
                below,
            } => {
                self.check_pair(&above, &below)?;
                self.enter_chain(now, account, &mut list, &working, &[&above, &below])?;
                list.pair = list.orders.get(1).copied().zip(list.orders.get(2).copied());
            }
        }
        self.next_list_id += 1;
        let (orders, is_pair) = (list.orders.clone(), list.contingency == Contingency::Oco);
        if let Some(owner) = self.accounts.get_mut(account.0) {
            owner.keep_list(list);
        }
        self.tell_list(now, account, list_id, ListStatus::ExecStarted);
        let begins = if is_pair { orders.len() } else { 1 };
        for order_id in orders.iter().take(begins) {
            self.begin(now, *order_id);
        }
        let states = orders.iter().filter_map(|id| {
            let found = self.order(account, new.symbol, OrderRef::OrderId(*id));
            found.ok().cloned()
        });
        let states = states.collect();
        self.settle(now);
        Ok((list_id, states))
    }

    fn check_list(&self, account: AccountId, new: &NewOrderList) -> Result<(), OrderError> {
        let instrument = self.instrument(new.symbol).ok_or(OrderError::UnknownSymbol)?;
        let owner = self
            .accounts
            .get(account.0)
            .ok_or(OrderError::InsufficientBalance)?;
        let open = owner.open_lists.iter().filter_map(|id| owner.lists.get(id));
        let (mut count, mut is_known) = (0_u32, false);
        for list in open.filter(|list| list.symbol == new.symbol) {
            count += 1;
            is_known |= Some(list.cl_ord_id) == new.cl_ord_id;
        }
        let most = instrument.limits.max_num_order_lists;
        if most.is_some_and(|most| count >= most) {
            return Err(OrderError::Filter(FilterFailure::MaxNumOrderLists));
        }
        if is_known {
            return Err(OrderError::Duplicate);
        }
        let ids: Vec<ClOrdId> = match &new.legs {
            ListLegs::Oco { above, below } => vec![above.cl_ord_id, below.cl_ord_id],
            ListLegs::Oto { working, pending } => vec![working.cl_ord_id, pending.cl_ord_id],
            ListLegs::Otoco {
                working,
                above,
                below,
            } => vec![working.cl_ord_id, above.cl_ord_id, below.cl_ord_id],
        }
        .into_iter()
        .flatten()
        .collect();
        let is_twice = ids
            .iter()
            .enumerate()
            .any(|(n, id)| ids.iter().skip(n + 1).any(|other| other == id));
        if is_twice {
            Err(OrderError::Duplicate)
        } else {
            Ok(())
        }
    }

    /// The orders of a pair must be of one side and quantity.
    fn check_pair(&self, above: &NewOrder, below: &NewOrder) -> Result<(), OrderError> {
        if above.side == below.side && above.quantity == below.quantity {
            Ok(())
        } else {
            Err(OrderError::Combination)
        }
    }

    /// Accepts both orders of a pair. The first holds for both: only one of them can trade.
    fn enter_pair(
        &mut self,
        now: Timestamp,
        account: AccountId,
        list: &mut OrderList,
        [above, below]: [&NewOrder; 2],
    ) -> Result<(), OrderError> {
        self.check_pair(above, below)?;
        let last = self
            .markets
            .get(&list.symbol)
            .map_or(Price::ZERO, |m| m.stats.last);
        for (order, earlier) in [(above, 0), (below, 1)] {
            self.check_filters(now, account, order, earlier)?;
            let price = order.ord_type.price().unwrap_or_default();
            if !lies_right(order.ord_type, order.side, price, last) {
                return Err(OrderError::PriceRelationship);
            }
        }
        let first = self.check_order(now, account, above, 0, Stage::Now)?;
        let second = self.check_order(now, account, below, 1, Stage::Now)?;
        let to_lock = first.to_lock.max(second.to_lock);
        self.check_free(account, first.asset, to_lock)?;
        let holds = |to_lock| Admitted { to_lock, ..first };
        let (holder, other) = (holds(to_lock), holds(Money::ZERO));
        let id = Some(list.id);
        let above = self.enter(now, account, above, holder, id, OrdStatus::New)?;
        let below = self.enter(now, account, below, other, id, OrdStatus::New)?;
        list.orders = vec![above, below];
        list.pair = Some((above, below));
        Ok(())
    }

    /// Accepts an order and those that wait for it; these hold nothing yet.
    fn enter_chain(
        &mut self,
        now: Timestamp,
        account: AccountId,
        list: &mut OrderList,
        working: &NewOrder,
        pending: &[&NewOrder],
    ) -> Result<(), OrderError> {
        let first = self.check_order(now, account, working, 0, Stage::Now)?;
        let mut waiting = Vec::with_capacity(pending.len());
        for (order, earlier) in pending.iter().zip(1_u32..) {
            let admitted = self.check_order(now, account, order, earlier, Stage::Later)?;
            let to_lock = Money::ZERO;
            waiting.push((*order, Admitted { to_lock, ..admitted }));
        }
        self.check_free(account, first.asset, first.to_lock)?;
        let id = Some(list.id);
        let first = self.enter(now, account, working, first, id, OrdStatus::New)?;
        list.working = Some(first);
        list.orders.push(first);
        for (order, admitted) in waiting {
            let pending = self.enter(now, account, order, admitted, id, OrdStatus::PendingNew)?;
            list.orders.push(pending);
        }
        Ok(())
    }

    /// Whether an order waits to sell what another buys.
    pub(super) fn sells_proceeds(&self, order: &OrderState) -> bool {
        self.list_of(order).is_some_and(|list| list.by_proceeds)
    }

    fn list_of(&self, order: &OrderState) -> Option<&OrderList> {
        let owner = self.accounts.get(order.account.0)?;
        owner.lists.get(&order.order_list_id?)
    }

    /// The other order of a pair.
    pub(super) fn pair_of(&self, order_id: OrderId) -> Option<OrderId> {
        let order = self.orders.get(&order_id)?;
        let (first, second) = self.list_of(order)?.pair?;
        let other = if first == order_id {
            second
        } else if second == order_id {
            first
        } else {
            return None;
        };
        self.orders.contains_key(&other).then_some(other)
    }

    /// An order of a pair begins to trade or to work: it takes over what the pair holds, and the other one expires.
    pub(super) fn touch_pair(&mut self, now: Timestamp, order_id: OrderId) {
        let Some(other) = self.pair_of(order_id) else {
            return;
        };
        let held = self
            .orders
            .get_mut(&other)
            .map(|order| std::mem::take(&mut order.locked));
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.locked += held.unwrap_or_default();
        }
        let kind = ReportKind::Expired(ExpiryReason::OcoTrigger);
        self.end(now, other, OrdStatus::Expired, kind);
    }

    /// What an order that others wait for has bought is kept for them, where they sell it.
    pub(super) fn lock_proceeds(&mut self, order_id: OrderId) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let (proceeds, account) = (order.proceeds, order.account);
        let Some(list) = self.list_of(order) else {
            return;
        };
        let pending = list.orders.get(1).copied();
        if !list.by_proceeds || list.working != Some(order_id) {
            return;
        }
        let pending = pending.and_then(|id| self.orders.get_mut(&id));
        let (Some(pending), Some(owner)) = (pending, self.accounts.get_mut(account.0)) else {
            return;
        };
        let Some(market) = self.markets.get(&pending.symbol) else {
            return;
        };
        owner.lock(market.instrument.base, proceeds - pending.locked);
        pending.locked = proceeds;
    }

    /// The orders that waited begin: they hold what they need, or are refused.
    pub(super) fn activate_list(&mut self, now: Timestamp, account: AccountId, list_id: u64) {
        let Some(list) = self
            .accounts
            .get(account.0)
            .and_then(|owner| owner.lists.get(&list_id))
        else {
            return;
        };
        let (waiting, by_proceeds) = (list.orders.iter().skip(1).copied(), list.by_proceeds);
        let waiting: Vec<OrderId> = waiting.filter(|id| self.orders.contains_key(id)).collect();
        let Some(first) = waiting.first().copied() else {
            return;
        };
        if by_proceeds {
            self.size_by_proceeds(first, &waiting);
        }
        if !self.can_activate(&waiting) || !self.lock_for_list(first, &waiting) {
            let kind = ReportKind::Expired(ExpiryReason::Rejected);
            self.finish(now, first, OrdStatus::Expired, kind);
            return;
        }
        for order_id in &waiting {
            if let Some(order) = self.orders.get_mut(order_id) {
                order.ord_status = OrdStatus::New;
                order.updated_at = now;
                let order = order.clone();
                self.report(&order, ReportKind::New);
            }
        }
        for order_id in waiting {
            self.begin(now, order_id);
        }
    }

    fn size_by_proceeds(&mut self, first: OrderId, waiting: &[OrderId]) {
        let Some(order) = self.orders.get(&first) else {
            return;
        };
        let step = self
            .instrument(order.symbol)
            .map_or(Qty::ZERO, |i| i.lot_size.step);
        let bought = Qty::from_decimal(order.locked.trunc_with_scale(8)).unwrap_or_default();
        for order_id in waiting {
            if let Some(order) = self.orders.get_mut(order_id) {
                order.order_qty = bought.floor_to(step);
            }
        }
    }

    /// Whether waiting orders may begin at the last price: a contingent one must not have been triggered already, a
    /// post-only one must not trade.
    fn can_activate(&self, waiting: &[OrderId]) -> bool {
        waiting.iter().all(|id| {
            let Some(order) = self.orders.get(id) else {
                return false;
            };
            let Some(market) = self.markets.get(&order.symbol) else {
                return false;
            };
            let would_match = matches!(order.ord_type, OrdType::LimitMaker { .. })
                && market.book.best(order.side.opposite()).is_some_and(|best| {
                    !super::market::is_beyond(order.side, Some(order.price()), best.price)
                });
            let is_late = is_triggered(order.ord_type, order.side, market.stats.last);
            !order.order_qty.is_zero() && !would_match && !is_late
        })
    }

    /// Lets the first of the waiting orders hold what any of them needs; whether that was there.
    fn lock_for_list(&mut self, first: OrderId, waiting: &[OrderId]) -> bool {
        let needs = waiting.iter().filter_map(|id| {
            let order = self.orders.get(id)?;
            let market = self.markets.get(&order.symbol)?;
            Some(super::admission::lock_of(market, order))
        });
        let Some((asset, need)) = needs.max_by_key(|(_, need): &(Asset, Money)| *need) else {
            return false;
        };
        let Some(order) = self.orders.get_mut(&first) else {
            return false;
        };
        let Some(owner) = self.accounts.get_mut(order.account.0) else {
            return false;
        };
        let more = need - order.locked;
        if owner.free(asset) < more {
            return false;
        }
        owner.lock(asset, more);
        order.locked += more;
        true
    }

    /// An order of a list has ended: those that depend on it end or begin, and the list is done with its last order.
    pub(super) fn list_order_ended(&mut self, now: Timestamp, order: &OrderState, kind: ReportKind) {
        let Some(list) = self.list_of(order) else {
            return;
        };
        let (list_id, is_working) = (list.id, list.working == Some(order.order_id));
        let others = list.orders.clone();
        match kind {
            ReportKind::Canceled(_) => {
                for other in others.iter().copied() {
                    self.end(now, other, OrdStatus::Canceled, kind);
                }
            }
            ReportKind::Trade(_) if is_working => self.due.push_back(Due::Activate(order.account, list_id)),
            ReportKind::Trade(_) | ReportKind::Expired(ExpiryReason::OcoTrigger) => {}
            _ => {
                let reason = if is_working {
                    ExpiryReason::OtoPhaseOneExpired
                } else {
                    ExpiryReason::OcoTrigger
                };
                for other in others.iter().copied() {
                    self.end(now, other, OrdStatus::Expired, ReportKind::Expired(reason));
                }
            }
        }
        let is_done = others.iter().all(|id| !self.orders.contains_key(id));
        let Some(owner) = self.accounts.get_mut(order.account.0) else {
            return;
        };
        if is_done && owner.open_lists.remove(&list_id) {
            if let Some(list) = owner.lists.get_mut(&list_id) {
                list.is_done = true;
            }
            self.tell_list(now, order.account, list_id, ListStatus::AllDone);
        }
    }

    /// Tells the owner of a list, if a client uses the account.
    pub(super) fn tell_list(&mut self, now: Timestamp, account: AccountId, list_id: u64, status: ListStatus) {
        let owner = self.accounts.get(account.0).filter(|owner| owner.has_client);
        let Some(list) = owner.and_then(|owner| owner.lists.get(&list_id)).cloned() else {
            return;
        };
        let report = ListReport {
            orders: self.list_orders(&list),
            list,
            status,
            time: now,
        };
        self.events.push_back(ExchangeEvent::List(Box::new(report)));
    }

    /// The ids of a list's orders.
    #[must_use]
    pub fn list_orders(&self, list: &OrderList) -> Vec<(OrderId, ClOrdId)> {
        let ids = list.orders.iter().filter_map(|id| {
            let order = self.order(list.account, list.symbol, OrderRef::OrderId(*id));
            order.ok().map(|order| (*id, order.cl_ord_id))
        });
        ids.collect()
    }

    /// One list of an account, by the exchange's id or the client's; by both, which must belong together.
    ///
    /// # Errors
    /// `UnknownOrder`, `IdMismatch`.
    pub fn order_list(
        &self,
        account: AccountId,
        id: Option<u64>,
        cl_ord_id: Option<ClOrdId>,
    ) -> Result<&OrderList, OrderError> {
        let owner = self.accounts.get(account.0).ok_or(OrderError::UnknownOrder)?;
        if let Some(id) = id {
            let list = owner.lists.get(&id).ok_or(OrderError::UnknownOrder)?;
            return match cl_ord_id {
                Some(cl_ord_id) if cl_ord_id != list.cl_ord_id => Err(OrderError::IdMismatch),
                _ => Ok(list),
            };
        }
        // The latest: a client may use the id of an ended list again.
        let mut lists = owner.lists.values().rev();
        lists
            .find(|list| Some(list.cl_ord_id) == cl_ord_id)
            .ok_or(OrderError::UnknownOrder)
    }

    /// Lists of an account, oldest first.
    pub fn order_lists(&self, account: AccountId) -> impl DoubleEndedIterator<Item = &OrderList> {
        let owner = self.accounts.get(account.0);
        owner.into_iter().flat_map(|owner| owner.lists.values())
    }

    /// Cancels a list: every order of it that is open.
    ///
    /// # Errors
    /// `UnknownOrder` when it is not open, `IdMismatch`.
    pub fn cancel_list(
        &mut self,
        now: Timestamp,
        account: AccountId,
        (id, cl_ord_id): (Option<u64>, Option<ClOrdId>),
        cancel_id: Option<ClOrdId>,
    ) -> Result<(OrderList, ClOrdId), OrderError> {
        let list = self.order_list(account, id, cl_ord_id)?.clone();
        let mut open = list.orders.iter().copied();
        let first = open
            .find(|id| self.orders.contains_key(id))
            .ok_or(OrderError::UnknownOrder)?;
        let (_, cancel_id) = self.cancel(now, account, list.symbol, OrderRef::OrderId(first), cancel_id)?;
        let list = self.order_list(account, Some(list.id), None)?.clone();
        Ok((list, cancel_id))
    }
}
