//! One pair's book: price levels, each a queue in order of arrival.

use std::collections::{BTreeMap, VecDeque};

use keel_domain::{OrderId, Price, Qty, Side};

/// One price level as everybody sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelQty {
    /// The price.
    pub price: Price,
    /// All that rests there.
    pub qty: Qty,
}

/// The best levels of a book at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepthSnapshot {
    /// The last update in it.
    pub last_update_id: u64,
    /// Buy levels, highest first.
    pub bids: Vec<LevelQty>,
    /// Sell levels, lowest first.
    pub asks: Vec<LevelQty>,
}

/// A resting order: its id and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resting {
    pub(super) order_id: OrderId,
    pub(super) leaves_qty: Qty,
}

#[derive(Debug, Clone, Default)]
struct Level {
    qty: Qty,
    queue: VecDeque<Resting>,
}

/// Resting orders by price, then by arrival.
#[derive(Debug, Clone, Default)]
pub(super) struct Book {
    bids: BTreeMap<Price, Level>,
    asks: BTreeMap<Price, Level>,
}

impl Book {
    fn side(&self, side: Side) -> &BTreeMap<Price, Level> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Price, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    /// Levels of a side, best first.
    pub(super) fn levels(&self, side: Side) -> Box<dyn Iterator<Item = LevelQty> + '_> {
        let level = |(price, level): (&Price, &Level)| LevelQty {
            price: *price,
            qty: level.qty,
        };
        match side {
            Side::Buy => Box::new(self.bids.iter().rev().map(level)),
            Side::Sell => Box::new(self.asks.iter().map(level)),
        }
    }

    /// The best level of a side.
    pub(super) fn best(&self, side: Side) -> Option<LevelQty> {
        let best = match side {
            Side::Buy => self.bids.last_key_value(),
            Side::Sell => self.asks.first_key_value(),
        };
        best.map(|(price, level)| LevelQty {
            price: *price,
            qty: level.qty,
        })
    }

    /// The order that trades first on a side, with its price.
    pub(super) fn front(&self, side: Side) -> Option<(Price, Resting)> {
        let best = self.best(side)?;
        self.side(side)
            .get(&best.price)
            .and_then(|level| level.queue.front())
            .map(|front| (best.price, *front))
    }

    /// Puts an order behind all others at its price. Returns the level's quantity afterwards.
    pub(super) fn add(&mut self, side: Side, price: Price, resting: Resting) -> Qty {
        let level = self.side_mut(side).entry(price).or_default();
        level.qty = level.qty.saturating_add(resting.leaves_qty);
        level.queue.push_back(resting);
        level.qty
    }

    /// Takes quantity from the first order at the best price of a side. Returns the level's quantity afterwards.
    pub(super) fn take_front(&mut self, side: Side, price: Price, qty: Qty) -> Qty {
        let levels = self.side_mut(side);
        let Some(level) = levels.get_mut(&price) else {
            return Qty::ZERO;
        };
        level.qty = level.qty.saturating_sub(qty);
        if let Some(front) = level.queue.front_mut() {
            front.leaves_qty = front.leaves_qty.saturating_sub(qty);
            if front.leaves_qty.is_zero() {
                level.queue.pop_front();
            }
        }
        let left = level.qty;
        if level.queue.is_empty() {
            levels.remove(&price);
        }
        left
    }

    /// Takes an order out. Returns the level's quantity afterwards, or none when the order was not there.
    pub(super) fn remove(&mut self, side: Side, price: Price, order_id: OrderId) -> Option<Qty> {
        let levels = self.side_mut(side);
        let level = levels.get_mut(&price)?;
        let place = level
            .queue
            .iter()
            .position(|resting| resting.order_id == order_id)?;
        let resting = level.queue.remove(place)?;
        level.qty = level.qty.saturating_sub(resting.leaves_qty);
        let left = level.qty;
        if level.queue.is_empty() {
            levels.remove(&price);
        }
        Some(left)
    }
}

impl Book {
    /// Makes an order smaller without changing its place. Returns the level's quantity afterwards, or none when the order
    /// was not there. What is left of the order must not be zero: such an order is removed.
    pub(super) fn reduce(&mut self, side: Side, price: Price, order_id: OrderId, by: Qty) -> Option<Qty> {
        let level = self.side_mut(side).get_mut(&price)?;
        let resting = level
            .queue
            .iter_mut()
            .find(|resting| resting.order_id == order_id)?;
        resting.leaves_qty = resting.leaves_qty.saturating_sub(by);
        level.qty = level.qty.saturating_sub(by);
        Some(level.qty)
    }
}
