//! All orders of the system.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use keel_domain::{
    ClOrdId, ExecutionReport, Money, OrdStatus, OrderId, OrderIntent, Price, Qty, Side, StopLeg, Symbol,
    Timestamp, notional,
};
use serde::{Deserialize, Serialize};

use crate::{Applied, CancelState, Contradiction, Ending, Order, OrderState, UnknownCause};

/// What an operation on the set can run into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OrdersError {
    /// An id is used once, ever.
    #[error("{0}: this client order id was used before")]
    IdUsed(ClOrdId),
    /// The set never had it, or has let it go with the oldest ended ones.
    #[error("{0}: no such order")]
    NotFound(ClOrdId),
    /// The venue's word and ours exclude each other.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
}

/// What may still come to a position, on one symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exposure {
    /// All that buy orders may still add.
    pub buy_leaves: Qty,
    /// All that sell orders may still take.
    pub sell_leaves: Qty,
    /// The lowest price at which a sell order may stand in the book; stops wait elsewhere.
    pub lowest_sell: Option<Price>,
    /// How many orders have an unknown outcome.
    pub unknown_orders: usize,
}

/// Every order that may be live, and the latest that ended. Written down as a plain list, from which the indexes are made
/// again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Listed", into = "Listed")]
pub struct Orders {
    by_id: BTreeMap<ClOrdId, Order>,
    by_order_id: BTreeMap<(Symbol, OrderId), ClOrdId>,
    /// Those that may be live or have trades to book: all that exposure counts.
    active: BTreeSet<ClOrdId>,
    /// The others, oldest end first.
    ended: VecDeque<ClOrdId>,
}

/// The written form of [`Orders`].
#[derive(Serialize, Deserialize)]
struct Listed {
    active: Vec<Order>,
    /// Oldest end first.
    ended: Vec<Order>,
}

impl From<Listed> for Orders {
    fn from(listed: Listed) -> Self {
        let mut orders = Self::new();
        orders.active = listed.active.iter().map(Order::cl_ord_id).collect();
        orders.ended = listed.ended.iter().map(Order::cl_ord_id).collect();
        for order in listed.active.into_iter().chain(listed.ended) {
            if let Some(order_id) = order.order_id {
                orders
                    .by_order_id
                    .insert((order.symbol(), order_id), order.cl_ord_id);
            }
            orders.by_id.insert(order.cl_ord_id, order);
        }
        orders
    }
}

impl From<Orders> for Listed {
    fn from(orders: Orders) -> Self {
        let active = orders.active().cloned().collect();
        let ended = orders
            .ended
            .iter()
            .filter_map(|id| orders.get(*id).cloned())
            .collect();
        Self { active, ended }
    }
}

impl Orders {
    /// How many ended orders are kept, so that late reports find them. The oldest go first.
    pub const ENDED_MAX: usize = 4_096;

    /// No orders.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an order whose intent was approved: from now on all of it counts as exposure.
    ///
    /// # Errors
    /// `IdUsed`; nothing changed.
    pub fn submit(&mut self, id: ClOrdId, intent: OrderIntent, now: Timestamp) -> Result<(), OrdersError> {
        if self.by_id.contains_key(&id) {
            return Err(OrdersError::IdUsed(id));
        }
        self.by_id.insert(id, Order::new(id, intent, now));
        self.active.insert(id);
        Ok(())
    }

    /// Adds an order, and the stop that it carries, where it does. At most one of the two trades, so exposure counts the larger
    /// remainder.
    ///
    /// # Errors
    /// `IdUsed`; nothing changed.
    pub fn submit_with(
        &mut self,
        id: ClOrdId,
        intent: OrderIntent,
        stop: Option<StopLeg>,
        now: Timestamp,
    ) -> Result<(), OrdersError> {
        let Some(stop) = stop else {
            return self.submit(id, intent, now);
        };
        if self.by_id.contains_key(&stop.cl_ord_id) || stop.cl_ord_id == id {
            return Err(OrdersError::IdUsed(stop.cl_ord_id));
        }
        self.submit(id, intent, now)?;
        self.submit(stop.cl_ord_id, stop.intent(&intent), now)?;
        for (one, other) in [(id, stop.cl_ord_id), (stop.cl_ord_id, id)] {
            if let Some(order) = self.by_id.get_mut(&one) {
                order.pair = Some(other);
            }
        }
        Ok(())
    }

    /// The order, and the other one of its OCO.
    fn with_pair(&self, id: ClOrdId) -> impl Iterator<Item = ClOrdId> + use<> {
        let pair = self.by_id.get(&id).and_then(|order| order.pair);
        std::iter::once(id).chain(pair)
    }

    /// Applies the venue's word on one order.
    ///
    /// # Errors
    /// `NotFound` for an order that is not ours; `Contradiction` (the order keeps what was known, but one that turns
    /// out to exist counts as live again).
    pub fn apply(&mut self, now: Timestamp, report: &ExecutionReport) -> Result<Applied, OrdersError> {
        let id = report.cl_ord_id;
        let order = self.by_id.get_mut(&id).ok_or(OrdersError::NotFound(id))?;
        let applied = order.apply(now, report);
        if let Some(order_id) = order.order_id {
            self.by_order_id.insert((order.intent.symbol, order_id), id);
        }
        self.classify(id);
        Ok(applied?)
    }

    /// The answer was lost, for both orders of an OCO. An order that the venue has confirmed, or that has ended, stays as it is.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn mark_unknown(&mut self, id: ClOrdId, cause: UnknownCause) -> Result<Applied, OrdersError> {
        let mut applied = Applied::Unchanged;
        for id in self.with_pair(id) {
            if self.mark_one_unknown(id, cause)? == Applied::Changed {
                applied = Applied::Changed;
            }
        }
        Ok(applied)
    }

    fn mark_one_unknown(&mut self, id: ClOrdId, cause: UnknownCause) -> Result<Applied, OrdersError> {
        let order = self.by_id.get_mut(&id).ok_or(OrdersError::NotFound(id))?;
        if order.state != OrderState::Submitted {
            return Ok(Applied::Unchanged);
        }
        order.state = OrderState::Unknown(cause);
        Ok(Applied::Changed)
    }

    /// Ends an order without the venue having it: refused, never sent, or proven absent. An OCO is refused or not sent as a
    /// whole; absence is proven for each of its orders.
    ///
    /// # Errors
    /// `NotFound`; `Contradiction` when the venue has confirmed the order, which then stays as it is.
    pub fn mark_ended(&mut self, id: ClOrdId, ending: Ending) -> Result<Applied, OrdersError> {
        let as_a_whole = matches!(ending, Ending::Rejected | Ending::NotSent);
        let mut applied = Applied::Unchanged;
        for id in self.with_pair(id).take(1 + usize::from(as_a_whole)) {
            if self.mark_one_ended(id, ending)? == Applied::Changed {
                applied = Applied::Changed;
            }
        }
        Ok(applied)
    }

    fn mark_one_ended(&mut self, id: ClOrdId, ending: Ending) -> Result<Applied, OrdersError> {
        let order = self.by_id.get_mut(&id).ok_or(OrdersError::NotFound(id))?;
        match order.state {
            OrderState::Done(known) if known == ending => return Ok(Applied::Unchanged),
            OrderState::Done(Ending::Ended(OrdStatus::Rejected)) if ending == Ending::Rejected => {
                return Ok(Applied::Unchanged);
            }
            OrderState::Submitted | OrderState::Unknown(_) => {}
            OrderState::Live | OrderState::Done(_) => {
                return Err(Contradiction::Resurrected(id, ending).into());
            }
        }
        order.state = OrderState::Done(ending);
        order.cancel = CancelState::None;
        self.classify(id);
        Ok(Applied::Changed)
    }

    /// Notes that a cancel was asked for, or that its answer left its fate open. The venue cancels both orders of an OCO.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn mark_cancel(&mut self, id: ClOrdId, cancel: CancelState) -> Result<Applied, OrdersError> {
        let mut applied = Applied::Unchanged;
        for id in self.with_pair(id) {
            let order = self.by_id.get_mut(&id).ok_or(OrdersError::NotFound(id))?;
            if order.may_be_live() && order.cancel != cancel {
                order.cancel = cancel;
                applied = Applied::Changed;
            }
        }
        Ok(applied)
    }

    /// Notes that the ledger has booked a trade of the order.
    ///
    /// # Errors
    /// `NotFound`; `Contradiction` when more would be booked than was ordered.
    pub fn mark_booked(&mut self, id: ClOrdId, last_qty: Qty) -> Result<(), OrdersError> {
        let order = self.by_id.get_mut(&id).ok_or(OrdersError::NotFound(id))?;
        let booked = order
            .booked_qty
            .checked_add(last_qty)
            .ok_or(Contradiction::Overfilled(id))?;
        if booked > order.intent.order_qty {
            return Err(Contradiction::Overfilled(id).into());
        }
        order.booked_qty = booked;
        self.classify(id);
        Ok(())
    }

    /// After a restart: every order whose answer had not come is unknown.
    pub fn mark_restarted(&mut self) {
        for order in self.by_id.values_mut() {
            if order.state == OrderState::Submitted {
                order.state = OrderState::Unknown(UnknownCause::Restarted);
            }
            if order.cancel != CancelState::None {
                order.cancel = CancelState::Unclear;
            }
        }
    }

    /// One order.
    #[must_use]
    pub fn get(&self, id: ClOrdId) -> Option<&Order> {
        self.by_id.get(&id)
    }

    /// Whether the report would change its order, or contradicts it.
    #[must_use]
    pub fn is_news(&self, now: Timestamp, report: &ExecutionReport) -> bool {
        self.by_id
            .get(&report.cl_ord_id)
            .is_some_and(|order| order.clone().apply(now, report) != Ok(Applied::Unchanged))
    }

    /// The order that the venue knows by this id.
    #[must_use]
    pub fn by_order_id(&self, symbol: Symbol, order_id: OrderId) -> Option<&Order> {
        self.by_order_id
            .get(&(symbol, order_id))
            .and_then(|id| self.by_id.get(id))
    }

    /// Orders that may be live, in the order of their ids.
    pub fn live(&self) -> impl Iterator<Item = &Order> {
        self.active().filter(|order| order.may_be_live())
    }

    /// What may still come to the position: unacknowledged, unknown and canceling orders in full, and what has traded
    /// without being booked yet.
    #[must_use]
    pub fn exposure(&self, symbol: Symbol) -> Exposure {
        self.exposure_of(symbol, |_| true)
    }

    /// The same of some of the orders.
    pub fn exposure_of(&self, symbol: Symbol, is_counted: impl Fn(&Order) -> bool) -> Exposure {
        let mut exposure = Exposure::default();
        let of_symbol = self.active().filter(|order| order.symbol() == symbol);
        for order in of_symbol.filter(|order| is_counted(order)) {
            exposure.unknown_orders += usize::from(matches!(order.state, OrderState::Unknown(_)));
            let ord_type = order.intent.ord_type;
            if order.side() == Side::Sell && order.may_be_live() && ord_type.trigger().is_none() {
                let lowest = exposure.lowest_sell.into_iter().chain(ord_type.price());
                exposure.lowest_sell = lowest.min();
            }
            if self.is_counted_by_pair(order) {
                continue;
            }
            let unbooked = order.unbooked_qty();
            let side = match order.side() {
                Side::Buy => &mut exposure.buy_leaves,
                Side::Sell => &mut exposure.sell_leaves,
            };
            *side = side.saturating_add(unbooked);
        }
        exposure
    }

    /// Whether the other order of its OCO can still trade as much or more, and so stands for both.
    #[must_use]
    pub fn is_counted_by_pair(&self, order: &Order) -> bool {
        let pair = order.pair.filter(|pair| self.active.contains(pair));
        let pair = pair.and_then(|pair| self.by_id.get(&pair));
        pair.is_some_and(|pair| {
            (pair.unbooked_qty(), pair.cl_ord_id) > (order.unbooked_qty(), order.cl_ord_id)
        })
    }

    /// The quote currency that buy orders on the symbol will lock but balances received at `balances_at` may not show.
    #[must_use]
    pub fn quote_in_flight(&self, symbol: Symbol, balances_at: Timestamp, market_price: Price) -> Money {
        self.live()
            .filter(|order| order.symbol() == symbol && order.side() == Side::Buy)
            .filter(|order| order.confirmed_at.is_none_or(|at| at >= balances_at))
            .map(|order| {
                notional(
                    order.leaves_qty(),
                    order.intent.ord_type.price().unwrap_or(market_price),
                )
            })
            .sum()
    }

    /// Orders that may be live or have trades to book, in the order of their ids.
    pub fn active(&self) -> impl Iterator<Item = &Order> {
        self.active.iter().filter_map(|id| self.by_id.get(id))
    }

    /// Moves the order between the active and the ended, and lets the oldest ended ones go.
    fn classify(&mut self, id: ClOrdId) {
        let Some(order) = self.by_id.get(&id) else { return };
        if order.may_be_live() || !order.unbooked_qty().is_zero() {
            if self.active.insert(id) {
                self.ended.retain(|ended| *ended != id);
            }
        } else if self.active.remove(&id) {
            self.ended.push_back(id);
        }
        while self.ended.len() > Self::ENDED_MAX {
            let Some(oldest) = self.ended.pop_front() else {
                return;
            };
            let order_id = self
                .by_id
                .remove(&oldest)
                .and_then(|order| order.order_id.map(|id| (order.symbol(), id)));
            if let Some(key) = order_id {
                self.by_order_id.remove(&key);
            }
        }
    }
}
