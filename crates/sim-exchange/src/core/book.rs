//! One pair's book: price levels, each a queue in order of arrival.
//!
//! Orders and levels live in arenas, queues are linked through the orders, and each side is a sorted vector of prices
//! with the best at its end. Adding, taking and removing allocate nothing once the book has reached its usual size.

use keel_domain::{OrderId, Price, Qty, Side};

use super::arena::{Arena, Handle, NONE};
use super::order_index::OrderIndex;

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
pub struct Resting {
    /// Its id.
    pub order_id: OrderId,
    /// What can still trade.
    pub leaves_qty: Qty,
}

/// A resting order traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// The order that rested.
    pub order_id: OrderId,
    /// Its price, which is the trade's.
    pub price: Price,
    /// How much traded.
    pub qty: Qty,
    /// What is left at the level.
    pub level_qty: Qty,
}

#[derive(Debug, Clone, Copy)]
struct Level {
    price: Price,
    qty: Qty,
    head: Handle,
    tail: Handle,
    side: Side,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    order_id: OrderId,
    leaves_qty: Qty,
    level: Handle,
    prev: Handle,
    next: Handle,
}

#[derive(Debug, Clone, Copy)]
struct Rung {
    /// Grows towards the better price: the price for bids, its negative for asks.
    key: i64,
    level: Handle,
}

/// A side's prices, the best last.
#[derive(Debug, Clone, Default)]
struct Ladder(Vec<Rung>);

impl Ladder {
    /// Orders mostly come and go near the best price, so the nearest few are looked at before the search.
    const NEAR: usize = 8;

    fn key(side: Side, price: Price) -> i64 {
        match side {
            Side::Buy => price.units(),
            Side::Sell => -price.units(),
        }
    }

    #[inline]
    fn find(&self, key: i64) -> Result<usize, usize> {
        let mut place = self.0.len();
        for rung in self.0.iter().rev().take(Self::NEAR) {
            if rung.key < key {
                return Err(place);
            }
            place -= 1;
            if rung.key == key {
                return Ok(place);
            }
        }
        self.0
            .get(..place)
            .unwrap_or_default()
            .binary_search_by_key(&key, |rung| rung.key)
    }

    fn level(&self, key: i64) -> Option<Handle> {
        let place = self.find(key).ok()?;
        self.0.get(place).map(|rung| rung.level)
    }
}

/// Resting orders by price, then by arrival.
///
/// ```
/// use keel_domain::{OrderId, Side};
/// use keel_sim_exchange::core::{Book, Resting};
///
/// let mut book = Book::default();
/// let resting = Resting { order_id: OrderId(1), leaves_qty: "2".parse()? };
/// book.add(Side::Sell, "100".parse()?, resting);
/// let mut fills = Vec::new();
/// let left = book.take(Side::Buy, None, "3".parse()?, |fill| fills.push(fill.order_id));
/// assert_eq!((left, fills), ("1".parse()?, vec![OrderId(1)]));
/// # Ok::<(), keel_domain::NumberError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Book {
    bids: Ladder,
    asks: Ladder,
    levels: Arena<Level>,
    orders: Arena<Node>,
    index: OrderIndex,
}

impl Book {
    fn ladder(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn level_at(&self, side: Side, price: Price) -> Option<&Level> {
        let handle = self.ladder(side).level(Ladder::key(side, price))?;
        self.levels.get(handle)
    }

    fn best_level(&self, side: Side) -> Option<(Handle, &Level)> {
        let handle = self.ladder(side).0.last()?.level;
        self.levels.get(handle).map(|level| (handle, level))
    }

    /// Levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = LevelQty> + '_ {
        let rungs = self.ladder(side).0.iter().rev();
        rungs
            .filter_map(|rung| self.levels.get(rung.level))
            .map(|level| LevelQty {
                price: level.price,
                qty: level.qty,
            })
    }

    /// The best level of a side.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<LevelQty> {
        self.best_level(side).map(|(_, level)| LevelQty {
            price: level.price,
            qty: level.qty,
        })
    }

    /// The order that trades first on a side, with its price.
    #[must_use]
    pub fn front(&self, side: Side) -> Option<(Price, Resting)> {
        let (_, level) = self.best_level(side)?;
        let node = self.orders.get(level.head)?;
        Some((level.price, node.resting()))
    }

    /// Orders at a price, the first to trade first.
    pub fn queue(&self, side: Side, price: Price) -> impl Iterator<Item = Resting> + '_ {
        let head = self.level_at(side, price).map_or(NONE, |level| level.head);
        std::iter::successors(self.orders.get(head), |node| self.orders.get(node.next)).map(Node::resting)
    }

    /// The order with this id.
    #[must_use]
    pub fn get(&self, order_id: OrderId) -> Option<Resting> {
        self.orders.get(self.index.get(order_id)?).map(Node::resting)
    }

    /// Puts an order behind all others at its price. Returns the level's quantity afterwards. An id rests once: adding
    /// it again changes nothing, and neither does adding to a book with 2³² - 1 orders.
    pub fn add(&mut self, side: Side, price: Price, resting: Resting) -> Qty {
        let key = Ladder::key(side, price);
        let node = self.orders.insert(Node {
            order_id: resting.order_id,
            leaves_qty: resting.leaves_qty,
            level: NONE,
            prev: NONE,
            next: NONE,
        });
        let is_new = node != NONE && self.index.insert(resting.order_id, node);
        if !is_new {
            if node != NONE {
                self.orders.release(node);
            }
            return self.level_at(side, price).map_or(Qty::ZERO, |level| level.qty);
        }
        let handle = match self.ladder(side).find(key) {
            Ok(place) => self.ladder(side).0.get(place).map_or(NONE, |rung| rung.level),
            Err(place) => self.open_level(side, price, place),
        };
        let Some(level) = self.levels.get_mut(handle) else {
            return Qty::ZERO;
        };
        let tail = std::mem::replace(&mut level.tail, node);
        if tail == NONE {
            level.head = node;
        }
        level.qty = level.qty.saturating_add(resting.leaves_qty);
        let level_qty = level.qty;
        if let Some(last) = self.orders.get_mut(tail) {
            last.next = node;
        }
        if let Some(added) = self.orders.get_mut(node) {
            added.level = handle;
            added.prev = tail;
        }
        level_qty
    }

    fn open_level(&mut self, side: Side, price: Price, place: usize) -> Handle {
        let level = self.levels.insert(Level {
            price,
            qty: Qty::ZERO,
            head: NONE,
            tail: NONE,
            side,
        });
        let key = Ladder::key(side, price);
        self.ladder_mut(side).0.insert(place, Rung { key, level });
        level
    }

    /// Matches a taker of a side against the other side up to its limit, best price first, then in order of arrival.
    /// Tells every fill as it happens and returns what is left of `qty`.
    pub fn take(&mut self, side: Side, limit: Option<Price>, qty: Qty, mut on_fill: impl FnMut(Fill)) -> Qty {
        let maker = side.opposite();
        let worst = limit.map_or(i64::MIN, |limit| Ladder::key(maker, limit));
        let mut left = qty;
        while !left.is_zero() {
            let Some(rung) = self.ladder(maker).0.last().copied() else {
                break;
            };
            if rung.key < worst {
                break;
            }
            let Some(fill) = self.fill_head(rung.level, left) else {
                break;
            };
            left = left.saturating_sub(fill.qty);
            on_fill(fill);
        }
        left
    }

    /// Takes quantity from the first order at a price of a side. Returns the level's quantity afterwards.
    pub fn take_front(&mut self, side: Side, price: Price, qty: Qty) -> Qty {
        let level = self.ladder(side).level(Ladder::key(side, price));
        level
            .and_then(|level| self.fill_head(level, qty))
            .map_or(Qty::ZERO, |fill| fill.level_qty)
    }

    /// Trades at most `qty` with the first order of a level.
    #[inline]
    fn fill_head(&mut self, handle: Handle, qty: Qty) -> Option<Fill> {
        let level = self.levels.get_mut(handle)?;
        let head = level.head;
        let node = self.orders.get_mut(head)?;
        let qty = qty.min(node.leaves_qty);
        node.leaves_qty = node.leaves_qty.saturating_sub(qty);
        level.qty = level.qty.saturating_sub(qty);
        let fill = Fill {
            order_id: node.order_id,
            price: level.price,
            qty,
            level_qty: level.qty,
        };
        if node.leaves_qty.is_zero() {
            let node = *node;
            self.index.remove(node.order_id);
            self.unlink(head, node);
        }
        Some(fill)
    }

    /// Takes an order out of its queue, and its level out of the book when it was the last there.
    fn unlink(&mut self, handle: Handle, node: Node) {
        if let Some(before) = self.orders.get_mut(node.prev) {
            before.next = node.next;
        }
        if let Some(after) = self.orders.get_mut(node.next) {
            after.prev = node.prev;
        }
        self.orders.release(handle);
        let Some(level) = self.levels.get_mut(node.level) else {
            return;
        };
        if node.prev == NONE {
            level.head = node.next;
        }
        if node.next == NONE {
            level.tail = node.prev;
        }
        if level.head == NONE {
            let (side, key) = (level.side, Ladder::key(level.side, level.price));
            self.levels.release(node.level);
            let ladder = self.ladder_mut(side);
            if let Ok(place) = ladder.find(key) {
                ladder.0.remove(place);
            }
        }
    }

    /// Takes an order out by its id. Returns its side and its level afterwards, or none when it does not rest here.
    pub fn cancel(&mut self, order_id: OrderId) -> Option<(Side, LevelQty)> {
        let handle = self.index.remove(order_id)?;
        let node = *self.orders.get(handle)?;
        let level = self.levels.get_mut(node.level)?;
        level.qty = level.qty.saturating_sub(node.leaves_qty);
        let left = LevelQty {
            price: level.price,
            qty: level.qty,
        };
        let side = level.side;
        self.unlink(handle, node);
        Some((side, left))
    }

    /// Takes an order out. Returns the level's quantity afterwards, or none when the order does not rest at this price.
    pub fn remove(&mut self, side: Side, price: Price, order_id: OrderId) -> Option<Qty> {
        let node = self.orders.get(self.index.get(order_id)?)?;
        let level = self.levels.get(node.level)?;
        if level.side != side || level.price != price {
            return None;
        }
        self.cancel(order_id).map(|(_, level)| level.qty)
    }

    /// Makes an order smaller without changing its place. Returns the level's quantity afterwards, or none, with nothing
    /// changed, when the order does not rest at this price or nothing would be left of it: such an order is removed.
    pub fn reduce(&mut self, side: Side, price: Price, order_id: OrderId, by: Qty) -> Option<Qty> {
        let node = self.orders.get_mut(self.index.get(order_id)?)?;
        let level = self.levels.get_mut(node.level)?;
        if level.side != side || level.price != price || by >= node.leaves_qty {
            return None;
        }
        node.leaves_qty = node.leaves_qty.saturating_sub(by);
        level.qty = level.qty.saturating_sub(by);
        Some(level.qty)
    }

    /// Places for orders, levels and ids that memory is held for. Does not grow while the book keeps its size.
    #[must_use]
    pub fn capacity(&self) -> usize {
        let rungs = self.bids.0.capacity() + self.asks.0.capacity();
        rungs + self.levels.capacity() + self.orders.capacity() + self.index.capacity()
    }
}

impl Node {
    fn resting(&self) -> Resting {
        Resting {
            order_id: self.order_id,
            leaves_qty: self.leaves_qty,
        }
    }
}
