//! What of one price level is the recorded market's.

use std::collections::VecDeque;

use keel_domain::{OrderId, Qty, Timestamp};

use super::QueueRule;
use super::exchange::Exchange;

/// One price of the recorded market, as its orders in the book.
#[derive(Debug, Default)]
pub(super) struct LevelQueue {
    recorded: Qty,
    /// What clients took of it, until as much came anew.
    taken: Qty,
    /// What was left there when it was last looked at.
    left: Qty,
    /// The orders, oldest first.
    orders: VecDeque<OrderId>,
}

impl LevelQueue {
    /// Notes what was recorded here. What clients took stays gone until as much came, and is never more than is there.
    pub(super) fn record(&mut self, exchange: &Exchange, qty: Qty) {
        self.note_taken(exchange);
        let came = qty.saturating_sub(self.recorded);
        if came >= self.taken {
            self.taken = Qty::ZERO;
        }
        self.taken = self.taken.min(qty);
        self.recorded = qty;
    }

    fn wanted(&self) -> Qty {
        self.recorded.saturating_sub(self.taken)
    }

    /// What is to come to be what was recorded.
    pub(super) fn missing(&self) -> Qty {
        self.wanted().saturating_sub(self.left)
    }

    /// Nothing stands here and nothing is to.
    pub(super) fn is_over(&self) -> bool {
        self.orders.is_empty() && self.recorded.is_zero()
    }

    /// An order came that is to show so much; what of it met a client's order at once counts as taken.
    pub(super) fn push(&mut self, order_id: OrderId, qty: Qty) {
        self.orders.push_back(order_id);
        self.left = self.left.saturating_add(qty);
    }

    fn live(&mut self, exchange: &Exchange) -> Qty {
        self.orders.retain(|id| exchange.orders.contains_key(id));
        let leaves = self.orders.iter().filter_map(|id| exchange.orders.get(id));
        leaves.fold(Qty::ZERO, |sum, order| sum.saturating_add(order.leaves_qty()))
    }

    /// What is gone since the last look, clients took.
    pub(super) fn note_taken(&mut self, exchange: &Exchange) {
        let live = self.live(exchange);
        let gone = self.left.saturating_sub(live);
        self.taken = self.taken.saturating_add(gone).min(self.recorded);
        self.left = live;
    }

    /// What is gone since the last look, the recorded market took.
    pub(super) fn note_traded(&mut self, exchange: &Exchange) {
        self.left = self.live(exchange);
    }

    /// Takes away what stands here beyond what was recorded.
    pub(super) fn shrink(&mut self, exchange: &mut Exchange, now: Timestamp, rule: QueueRule) {
        let (live, mut surplus) = (self.left, self.left.saturating_sub(self.wanted()));
        let canceled = surplus;
        for order_id in self.orders.iter().filter(|_| rule == QueueRule::Probabilistic) {
            let leaves = exchange
                .orders
                .get(order_id)
                .map_or(Qty::ZERO, |order| order.leaves_qty());
            let by = share(canceled, leaves, live).min(surplus);
            exchange.shrink(now, *order_id, by);
            surplus = surplus.saturating_sub(by);
        }
        for order_id in self.orders.iter().rev() {
            let leaves = exchange
                .orders
                .get(order_id)
                .map_or(Qty::ZERO, |order| order.leaves_qty());
            let by = leaves.min(surplus);
            exchange.shrink(now, *order_id, by);
            surplus = surplus.saturating_sub(by);
        }
        self.left = self.live(exchange);
    }
}

/// `of * part / whole`, rounded down; nothing of an empty whole.
fn share(of: Qty, part: Qty, whole: Qty) -> Qty {
    let product = i128::from(of.units()) * i128::from(part.units());
    let share = product.checked_div(i128::from(whole.units())).unwrap_or(0);
    i64::try_from(share)
        .ok()
        .and_then(|units| Qty::from_units(units).ok())
        .unwrap_or_default()
}
