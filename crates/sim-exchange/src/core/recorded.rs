//! A recorded market that our orders trade against: it moves as it did, and our orders wait in its queues.
//!
//! The recording does not know of our orders, so what they would have got is a matter of rule. Run both rules: the truth
//! lies between the two, as far as our part of the volume ([`Participation`]) is small.

use std::collections::BTreeMap;
use std::iter::Peekable;

use keel_domain::{OrderId, Price, Qty, Side, Timestamp};

use super::{LevelQty, Participation, Placed, QueueRule, RecordedEvent, RecordedFill};

#[derive(Debug, Clone, Copy, Default)]
struct Level {
    recorded: Qty,
    /// What we took of it.
    taken: Qty,
    /// What traded since its quantity was last recorded.
    traded: Qty,
}

impl Level {
    fn shown(self) -> Qty {
        self.recorded.saturating_sub(self.taken)
    }
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    order_id: OrderId,
    side: Side,
    price: Price,
    leaves_qty: Qty,
    /// What of the recorded market trades before it.
    ahead: Qty,
}

/// A recorded market with our orders in it.
#[derive(Debug, Clone)]
pub struct RecordedMarket {
    rule: QueueRule,
    bids: BTreeMap<Price, Level>,
    asks: BTreeMap<Price, Level>,
    /// Ours, in order of arrival.
    waiting: Vec<Waiting>,
    next_order_id: u64,
    participation: Participation,
}

/// Whether a maker at `price` trades before or with what arrives at `limit`.
fn reaches(maker: Side, price: Price, limit: Price) -> bool {
    match maker {
        Side::Buy => price >= limit,
        Side::Sell => price <= limit,
    }
}

impl RecordedMarket {
    /// An empty market.
    #[must_use]
    pub fn new(rule: QueueRule) -> Self {
        Self {
            rule,
            bids: BTreeMap::new(),
            asks: BTreeMap::new(),
            waiting: Vec::new(),
            next_order_id: 1,
            participation: Participation::default(),
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Price, Level> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn shown_at(&self, side: Side, price: Price) -> Qty {
        let levels = match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        };
        levels.get(&price).map_or(Qty::ZERO, |level| level.shown())
    }

    /// The best level of a side: what was recorded less what we took. Our own orders are not in it.
    #[must_use]
    pub fn best(&self, side: Side) -> Option<LevelQty> {
        let shown = |(price, level): (&Price, &Level)| LevelQty {
            price: *price,
            qty: level.shown(),
        };
        let is_there = |level: &LevelQty| !level.qty.is_zero();
        match side {
            Side::Buy => self.bids.iter().rev().map(shown).find(is_there),
            Side::Sell => self.asks.iter().map(shown).find(is_there),
        }
    }

    /// How much of the market we were.
    #[must_use]
    pub fn participation(&self) -> Participation {
        self.participation
    }

    /// What is left of one of our resting orders, and what the recorded market has before it.
    #[must_use]
    pub fn waiting(&self, order_id: OrderId) -> Option<(Qty, Qty)> {
        let order = self.waiting.iter().find(|order| order.order_id == order_id)?;
        Some((order.leaves_qty, order.ahead))
    }

    /// Places an order of ours: it takes what is shown up to its limit, the best first; what is left rests at the limit
    /// behind all that is shown there, or without a limit is gone.
    pub fn place(&mut self, now: Timestamp, side: Side, limit: Option<Price>, qty: Qty) -> Placed {
        let order_id = OrderId(self.next_order_id);
        self.next_order_id += 1;
        let maker = side.opposite();
        let (mut fills, mut leaves_qty) = (Vec::new(), qty);
        while let Some(best) = self.best(maker) {
            let is_beyond = limit.is_some_and(|limit| !reaches(maker, best.price, limit));
            if is_beyond || leaves_qty.is_zero() {
                break;
            }
            let qty = leaves_qty.min(best.qty);
            self.consume(maker, best.price, qty);
            self.participation.taken = self.participation.taken.saturating_add(qty);
            leaves_qty = leaves_qty.saturating_sub(qty);
            fills.push(RecordedFill {
                order_id,
                price: best.price,
                qty,
                is_maker: false,
                time: now,
            });
        }
        if let Some(price) = limit.filter(|_| !leaves_qty.is_zero()) {
            self.waiting.push(Waiting {
                order_id,
                side,
                price,
                leaves_qty,
                ahead: self.shown_at(side, price),
            });
        }
        Placed {
            order_id,
            fills,
            leaves_qty,
        }
    }

    /// Cancels an order of ours. Returns what was left of it, or none when it does not rest.
    pub fn cancel(&mut self, order_id: OrderId) -> Option<Qty> {
        let place = self.waiting.iter().position(|order| order.order_id == order_id)?;
        Some(self.waiting.remove(place).leaves_qty)
    }

    /// Lets everything recorded up to now happen.
    pub fn advance(
        &mut self,
        events: &mut Peekable<impl Iterator<Item = RecordedEvent>>,
        now: Timestamp,
    ) -> Vec<RecordedFill> {
        let mut fills = Vec::new();
        while let Some(event) = events.next_if(|event| event.time() <= now) {
            fills.extend(self.apply(&event));
        }
        fills
    }

    /// Lets one recorded event happen. Returns what our orders traded by it.
    pub fn apply(&mut self, event: &RecordedEvent) -> Vec<RecordedFill> {
        let mut fills = Vec::new();
        match event {
            RecordedEvent::Snapshot { time, bids, asks } => {
                self.replace(Side::Buy, bids);
                self.replace(Side::Sell, asks);
                self.meet(*time, bids, asks, &mut fills);
            }
            RecordedEvent::Depth { time, bids, asks } => {
                for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
                    for level in levels {
                        self.change(side, *level);
                    }
                }
                self.meet(*time, bids, asks, &mut fills);
            }
            RecordedEvent::Trade {
                time,
                aggressor,
                price,
                qty,
            } => self.trade(*time, *aggressor, *price, *qty, &mut fills),
        }
        self.waiting.retain(|order| !order.leaves_qty.is_zero());
        fills
    }

    /// A whole side anew: what we took of the old one is forgotten, and nobody before us can be more than is there.
    fn replace(&mut self, side: Side, levels: &[LevelQty]) {
        let level = |level: &LevelQty| {
            let recorded = level.qty;
            (
                level.price,
                Level {
                    recorded,
                    ..Level::default()
                },
            )
        };
        *self.side_mut(side) = levels.iter().filter(|l| !l.qty.is_zero()).map(level).collect();
        let prices: Vec<Price> = self.waiting.iter().map(|order| order.price).collect();
        for price in prices {
            self.move_up(side, price, Qty::ZERO, Qty::ZERO);
        }
    }

    fn change(&mut self, side: Side, new: LevelQty) {
        let levels = self.side_mut(side);
        let mut level = levels.get(&new.price).copied().unwrap_or_default();
        let traded = std::mem::take(&mut level.traded);
        // What stood there before this change once its trades are taken off, and what of that is gone.
        let stood = level.recorded.saturating_sub(traded);
        let canceled = stood.saturating_sub(new.qty);
        let came = new.qty.saturating_sub(level.recorded);
        // Refreshed: as much came as we had taken.
        if came >= level.taken {
            level.taken = Qty::ZERO;
        }
        level.taken = level.taken.min(new.qty);
        level.recorded = new.qty;
        if new.qty.is_zero() {
            levels.remove(&new.price);
        } else {
            levels.insert(new.price, level);
        }
        self.move_up(side, new.price, stood, canceled);
    }

    /// Brings our orders at a price forward after `canceled` of the `stood` there are gone.
    fn move_up(&mut self, side: Side, price: Price, stood: Qty, canceled: Qty) {
        let shown = self.shown_at(side, price);
        let rule = self.rule;
        let here = |order: &&mut Waiting| order.side == side && order.price == price;
        for order in self.waiting.iter_mut().filter(here) {
            let gone = match rule {
                QueueRule::Conservative => Qty::ZERO,
                QueueRule::Probabilistic => share(canceled, order.ahead, stood),
            };
            order.ahead = order.ahead.saturating_sub(gone).min(shown);
        }
    }

    /// Quantity that stands where our resting orders reach it would have traded with them first.
    fn meet(&mut self, time: Timestamp, bids: &[LevelQty], asks: &[LevelQty], fills: &mut Vec<RecordedFill>) {
        for (side, levels) in [(Side::Buy, bids), (Side::Sell, asks)] {
            let ours = side.opposite();
            for price in levels.iter().map(|level| level.price) {
                let shown = self.shown_at(side, price);
                if !shown.is_zero() && self.forget_queue(ours, price) {
                    let left = self.fill_waiting(time, ours, price, shown, fills);
                    self.consume(side, price, shown.saturating_sub(left));
                }
            }
        }
    }

    /// What stood before our orders that a price reaches would have traded as well, and so is gone. Says whether there
    /// are such orders.
    fn forget_queue(&mut self, side: Side, limit: Price) -> bool {
        let mut are_any = false;
        let is_reached = |order: &&mut Waiting| order.side == side && reaches(side, order.price, limit);
        for order in self.waiting.iter_mut().filter(is_reached) {
            order.ahead = Qty::ZERO;
            are_any = true;
        }
        are_any
    }

    fn trade(
        &mut self,
        time: Timestamp,
        aggressor: Side,
        price: Price,
        qty: Qty,
        fills: &mut Vec<RecordedFill>,
    ) {
        self.participation.recorded = self.participation.recorded.saturating_add(qty);
        let maker = aggressor.opposite();
        if let Some(level) = self.side_mut(maker).get_mut(&price) {
            level.traded = level.traded.saturating_add(qty);
        }
        self.fill_waiting(time, maker, price, qty, fills);
    }

    /// Gives what arrives at `limit` to our orders that it reaches, the best price first. Where we stand at `limit`
    /// itself, the recorded market before us trades first. Returns what is left.
    fn fill_waiting(
        &mut self,
        time: Timestamp,
        side: Side,
        limit: Price,
        qty: Qty,
        fills: &mut Vec<RecordedFill>,
    ) -> Qty {
        let mut reached: Vec<&mut Waiting> = self
            .waiting
            .iter_mut()
            .filter(|order| order.side == side && reaches(side, order.price, limit))
            .collect();
        // Stable: in order of arrival within a price.
        reached.sort_by_key(|order| match side {
            Side::Buy => -order.price.units(),
            Side::Sell => order.price.units(),
        });
        let (mut left, mut queue_traded) = (qty, Qty::ZERO);
        for order in reached {
            if order.price != limit {
                order.ahead = Qty::ZERO;
            }
            let before = left.min(order.ahead.saturating_sub(queue_traded));
            queue_traded = queue_traded.saturating_add(before);
            order.ahead = order.ahead.saturating_sub(queue_traded);
            left = left.saturating_sub(before);
            let qty = left.min(order.leaves_qty);
            if qty.is_zero() {
                continue;
            }
            left = left.saturating_sub(qty);
            order.leaves_qty = order.leaves_qty.saturating_sub(qty);
            self.participation.made = self.participation.made.saturating_add(qty);
            fills.push(RecordedFill {
                order_id: order.order_id,
                price: order.price,
                qty,
                is_maker: true,
                time,
            });
        }
        left
    }

    fn consume(&mut self, side: Side, price: Price, qty: Qty) {
        if let Some(level) = self.side_mut(side).get_mut(&price) {
            level.taken = level.taken.saturating_add(qty);
        }
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
