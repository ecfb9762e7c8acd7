//! What happens to a list's orders when one of them trades, begins to work, or ends.

use keel_domain::{Asset, Money, OrdStatus, OrdType, OrderId, Qty, Timestamp};

use super::admission::{is_triggered, lock_of};
use super::exchange::Exchange;
use super::lifecycle::Due;
use super::market::is_beyond;
use super::order_lists::OrderList;
use super::{AccountId, ExpiryReason, ListStatus, OrderState, ReportKind};

impl Exchange {
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
        if !self.passes_sized(now, by_proceeds, &waiting)
            || !self.peg_waiting(now, &waiting)
            || !self.can_activate(&waiting)
            || !self.lock_for_list(first, &waiting)
        {
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

    /// Pegged orders that work at once take their prices; those with a trigger do so when it comes.
    fn peg_waiting(&mut self, now: Timestamp, waiting: &[OrderId]) -> bool {
        waiting.iter().all(|id| {
            let order = self.orders.get(id);
            order.is_none_or(|order| order.ord_type.trigger().is_some()) || self.peg_now(now, *id)
        })
    }

    /// Gives waiting orders the quantity that was bought, adjusted to the lots that any of them has (faqs/opo.md).
    fn size_by_proceeds(&mut self, first: OrderId, waiting: &[OrderId]) {
        let Some(order) = self.orders.get(&first) else {
            return;
        };
        let Some(instrument) = self.instrument(order.symbol) else {
            return;
        };
        let is_market = |id: &OrderId| {
            self.orders
                .get(id)
                .is_some_and(|order| order.ord_type == OrdType::Market)
        };
        let mut lots = vec![instrument.lot_size];
        if waiting.iter().any(is_market) {
            lots.push(instrument.market_lot_size);
        }
        let mut qty = Qty::from_decimal(order.locked.trunc_with_scale(8)).unwrap_or_default();
        for lot in lots {
            let most = if lot.max.is_zero() { qty } else { lot.max };
            qty = qty.min(most).floor_to(lot.step);
        }
        for order_id in waiting {
            if let Some(order) = self.orders.get_mut(order_id) {
                order.order_qty = qty;
            }
        }
    }

    /// Whether the filters pass waiting orders whose quantity was not known before.
    fn passes_sized(&self, now: Timestamp, by_proceeds: bool, waiting: &[OrderId]) -> bool {
        !by_proceeds
            || waiting.iter().all(|id| {
                let order = self.orders.get(id);
                order.is_some_and(|order| self.passes_again(now, order, order.ord_type))
            })
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
                && market
                    .book
                    .best(order.side.opposite())
                    .is_some_and(|best| !is_beyond(order.side, Some(order.price()), best.price));
            let is_late = is_triggered(order.ord_type, order.side, market.stats.last);
            !order.order_qty.is_zero() && !would_match && !is_late
        })
    }

    /// Lets the first of the waiting orders hold what any of them needs; whether that was there.
    fn lock_for_list(&mut self, first: OrderId, waiting: &[OrderId]) -> bool {
        let needs = waiting.iter().filter_map(|id| {
            let order = self.orders.get(id)?;
            let market = self.markets.get(&order.symbol)?;
            Some(lock_of(market, order))
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
}
