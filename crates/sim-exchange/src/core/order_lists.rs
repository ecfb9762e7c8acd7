//! Order lists: a pair of which one cancels the other (OCO), and orders that wait for another to be filled (OTO, OTOCO,
//! and with the proceeds of it, OPO, OPOCO).

use keel_domain::{
    ClOrdId, FilterFailure, Money, OrdStatus, OrdType, OrderId, Price, Side, Symbol, Timestamp,
};

use super::admission::{Admitted, Stage, is_triggered};
use super::exchange::Exchange;
use super::{AccountId, ExchangeEvent, NewOrder, OrderError, OrderRef, OrderState};

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
#[expect(
    clippy::large_enum_variant,
    reason = "three orders beside two: a request, copied for one call and kept nowhere"
)]
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
    pub(super) pair: Option<(OrderId, OrderId)>,
    /// The one that the others wait for.
    pub(super) working: Option<OrderId>,
    /// Whether the others sell what that one buys.
    pub(super) by_proceeds: bool,
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

/// Whether the order of a pair lies on the side of the last price where it belongs. A pegged one with a trigger has no price
/// of its own before that comes.
fn lies_right(order: &NewOrder, last: Price) -> bool {
    let is_unpriced = order.options.peg.is_some() && order.ord_type.trigger().is_some();
    match order.ord_type {
        OrdType::LimitMaker { price } | OrdType::TakeProfitLimit { price, .. } if !is_unpriced => {
            match order.side {
                Side::Buy => price < last,
                Side::Sell => price > last,
            }
        }
        _ => !is_triggered(order.ord_type, order.side, last),
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
        let new = NewOrderList {
            legs: self.pegged_legs(&new.legs)?,
            ..new
        };
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
        let open = self.open_overall(account);
        self.limits().check_list(&open).map_err(OrderError::Filter)?;
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
        for (order, earlier) in [(above, &[][..]), (below, &[above][..])] {
            self.check_filters(now, account, order, earlier, Stage::Now)?;
            if !lies_right(order, last) {
                return Err(OrderError::PriceRelationship);
            }
        }
        let first = self.check_order(now, account, above, &[], Stage::Now)?;
        let second = self.check_order(now, account, below, &[above], Stage::Now)?;
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
        let first = self.check_order(now, account, working, &[], Stage::Now)?;
        let stage = if list.by_proceeds {
            Stage::Unsized
        } else {
            Stage::Later
        };
        let mut earlier = vec![working];
        let mut waiting = Vec::with_capacity(pending.len());
        for order in pending {
            let admitted = self.check_order(now, account, order, &earlier, stage)?;
            earlier.push(*order);
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
