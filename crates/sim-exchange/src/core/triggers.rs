//! Orders that wait for the last price to reach or to turn (faqs/trailing-stop-faq.md).

use std::collections::{BTreeMap, VecDeque};

use keel_domain::{OrderId, Price, Side, Trigger};

/// An order that follows the price.
#[derive(Debug, Clone, Copy)]
struct Trail {
    side: Side,
    delta_bips: u32,
    /// The best price since it follows; none before the first trade.
    best: Option<Price>,
}

/// What the trades since the last look have done to waiting orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// It follows the price from now on.
    Tracks(OrderId),
    /// It is to work now.
    Works(OrderId),
}

/// All waiting orders of one pair.
#[derive(Debug, Clone, Default)]
pub(super) struct Triggers {
    above: BTreeMap<(Price, OrderId), Option<Trail>>,
    below: BTreeMap<(Price, OrderId), Option<Trail>>,
    trailing: BTreeMap<OrderId, Trail>,
    woken: VecDeque<Woken>,
}

const BIPS: i128 = 10_000;

impl Trail {
    /// Takes a price in; whether the order is to work.
    fn follow(&mut self, price: Price) -> bool {
        let best = self.best.map_or(price, |best| match self.side {
            Side::Buy => best.min(price),
            Side::Sell => best.max(price),
        });
        self.best = Some(best);
        let delta = i128::from(self.delta_bips);
        let (price, best) = (i128::from(price.units()), i128::from(best.units()));
        match self.side {
            Side::Buy => price * BIPS >= best * (BIPS + delta),
            Side::Sell => price * BIPS <= best * (BIPS - delta),
        }
    }
}

impl Triggers {
    /// Lets an order wait. `is_above`: its stop price lies above the market.
    pub(super) fn add(&mut self, order_id: OrderId, side: Side, is_above: bool, trigger: Trigger) {
        let trail = trigger.delta_bips().map(|delta_bips| Trail {
            side,
            delta_bips,
            best: None,
        });
        match (trigger.stop_px(), trail) {
            (Some(price), trail) => {
                let waiting = if is_above {
                    &mut self.above
                } else {
                    &mut self.below
                };
                waiting.insert((price, order_id), trail);
            }
            (None, Some(trail)) => {
                self.trailing.insert(order_id, trail);
            }
            (None, None) => {}
        }
    }

    /// Lets an order wait no more.
    pub(super) fn remove(&mut self, order_id: OrderId, stop_px: Option<Price>) {
        if let Some(price) = stop_px {
            self.above.remove(&(price, order_id));
            self.below.remove(&(price, order_id));
        }
        self.trailing.remove(&order_id);
    }

    /// A trade happened.
    pub(super) fn note(&mut self, price: Price) {
        let mut reached = Vec::new();
        while let Some(entry) = self.above.first_entry().filter(|e| e.key().0 <= price) {
            reached.push(entry.remove_entry());
        }
        while let Some(entry) = self.below.last_entry().filter(|e| e.key().0 >= price) {
            reached.push(entry.remove_entry());
        }
        let mut works: Vec<OrderId> = Vec::new();
        for (order_id, trail) in &mut self.trailing {
            if trail.best.is_none() {
                self.woken.push_back(Woken::Tracks(*order_id));
            }
            if trail.follow(price) {
                works.push(*order_id);
            }
        }
        for ((_, order_id), trail) in reached {
            if let Some(mut trail) = trail {
                trail.follow(price);
                self.trailing.insert(order_id, trail);
                self.woken.push_back(Woken::Tracks(order_id));
            } else {
                works.push(order_id);
            }
        }
        works.sort_unstable();
        for order_id in works {
            self.trailing.remove(&order_id);
            self.woken.push_back(Woken::Works(order_id));
        }
    }

    /// The oldest order that the trades have moved.
    pub(super) fn poll(&mut self) -> Option<Woken> {
        self.woken.pop_front()
    }
}
