//! The book against a naive model, and its rules one by one.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use keel_domain::{OrderId, Price, Qty, Side};
use keel_sim_exchange::core::{Book, Fill, LevelQty, Resting};
use proptest::prelude::*;

fn price(units: i64) -> Price {
    Price::from_units(units).unwrap()
}

fn qty(units: i64) -> Qty {
    Qty::from_units(units).unwrap()
}

fn resting(id: u64, units: i64) -> Resting {
    Resting {
        order_id: OrderId(id),
        leaves_qty: qty(units),
    }
}

/// Orders in order of arrival; everything else is searched for.
#[derive(Default)]
struct Naive(Vec<(Side, Price, Resting)>);

impl Naive {
    fn prices(&self, side: Side) -> Vec<Price> {
        let mut prices: Vec<Price> = self.0.iter().filter(|o| o.0 == side).map(|o| o.1).collect();
        prices.sort();
        prices.dedup();
        if side == Side::Buy {
            prices.reverse();
        }
        prices
    }

    fn queue(&self, side: Side, price: Price) -> Vec<Resting> {
        let at = |order: &&(Side, Price, Resting)| order.0 == side && order.1 == price;
        self.0.iter().filter(at).map(|order| order.2).collect()
    }

    fn level(&self, side: Side, price: Price) -> LevelQty {
        let qty = self.queue(side, price).iter().map(|r| r.leaves_qty.units()).sum();
        LevelQty {
            price,
            qty: self::qty(qty),
        }
    }

    fn levels(&self, side: Side) -> Vec<LevelQty> {
        self.prices(side)
            .into_iter()
            .map(|price| self.level(side, price))
            .collect()
    }

    fn place(&self, id: u64) -> Option<usize> {
        self.0.iter().position(|order| order.2.order_id == OrderId(id))
    }

    fn cancel(&mut self, id: u64) -> Option<(Side, LevelQty)> {
        let (side, price, _) = self.0.remove(self.place(id)?);
        Some((side, self.level(side, price)))
    }

    fn reduce(&mut self, side: Side, price: Price, id: u64, by: Qty) -> Option<Qty> {
        let place = self.place(id)?;
        let order = &mut self.0[place];
        if order.0 != side || order.1 != price || by >= order.2.leaves_qty {
            return None;
        }
        order.2.leaves_qty = order.2.leaves_qty.saturating_sub(by);
        Some(self.level(side, price).qty)
    }

    fn take(&mut self, side: Side, limit: Option<Price>, mut left: Qty) -> (Vec<Fill>, Qty) {
        let maker = side.opposite();
        let mut fills = Vec::new();
        while let Some(best) = self.prices(maker).first().copied() {
            let is_beyond = limit.is_some_and(|limit| {
                if side == Side::Buy {
                    best > limit
                } else {
                    best < limit
                }
            });
            if is_beyond || left.is_zero() {
                break;
            }
            let place = self.0.iter().position(|o| o.0 == maker && o.1 == best).unwrap();
            let front = &mut self.0[place].2;
            let traded = left.min(front.leaves_qty);
            front.leaves_qty = front.leaves_qty.saturating_sub(traded);
            left = left.saturating_sub(traded);
            let front = *front;
            if front.leaves_qty.is_zero() {
                self.0.remove(place);
            }
            fills.push(Fill {
                order_id: front.order_id,
                price: best,
                qty: traded,
                level_qty: self.level(maker, best).qty,
            });
        }
        (fills, left)
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Add(Side, i64, i64),
    Take(Side, Option<i64>, i64),
    TakeFront(Side, i64),
    Cancel(usize),
    Remove(Side, i64, usize),
    Reduce(Side, i64, usize, i64),
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn step() -> impl Strategy<Value = Step> {
    let (near, units) = (1..12_i64, 1..20_i64);
    prop_oneof![
        6 => (side(), near.clone(), units.clone()).prop_map(|(s, p, q)| Step::Add(s, p, q)),
        2 => (side(), proptest::option::of(near.clone()), 1..60_i64).prop_map(|(s, p, q)| Step::Take(s, p, q)),
        1 => (side(), units.clone()).prop_map(|(s, q)| Step::TakeFront(s, q)),
        3 => any::<usize>().prop_map(Step::Cancel),
        1 => (side(), near, any::<usize>()).prop_map(|(s, p, i)| Step::Remove(s, p, i)),
        3 => (side(), 1..12_i64, any::<usize>(), 0..20_i64).prop_map(|(s, p, i, q)| Step::Reduce(s, p, i, q)),
    ]
}

fn carry_out(book: &mut Book, naive: &mut Naive, id: u64, step: Step) {
    // An id that was given out, not always of an order that still rests.
    let pick = |i: usize| i as u64 % id.max(1);
    match step {
        Step::Add(side, p, q) => {
            naive.0.push((side, price(p), resting(id, q)));
            assert_eq!(
                book.add(side, price(p), resting(id, q)),
                naive.level(side, price(p)).qty
            );
        }
        Step::Take(side, limit, q) => {
            let mut fills = Vec::new();
            let left = book.take(side, limit.map(price), qty(q), |fill| fills.push(fill));
            assert_eq!((fills, left), naive.take(side, limit.map(price), qty(q)));
        }
        Step::TakeFront(side, q) => {
            if let Some((at, front)) = book.front(side) {
                let traded = front.leaves_qty.min(qty(q));
                let (fills, _) = naive.take(side.opposite(), None, traded);
                assert_eq!(book.take_front(side, at, traded), fills[0].level_qty);
            }
        }
        Step::Cancel(i) => assert_eq!(book.cancel(OrderId(pick(i))), naive.cancel(pick(i))),
        Step::Remove(side, p, i) => {
            let rests = naive
                .queue(side, price(p))
                .iter()
                .any(|r| r.order_id.0 == pick(i));
            let expected = if rests {
                naive.cancel(pick(i)).map(|(_, level)| level.qty)
            } else {
                None
            };
            assert_eq!(book.remove(side, price(p), OrderId(pick(i))), expected);
        }
        Step::Reduce(side, p, i, q) => {
            let expected = naive.reduce(side, price(p), pick(i), qty(q));
            assert_eq!(book.reduce(side, price(p), OrderId(pick(i)), qty(q)), expected);
        }
    }
}

proptest! {
    #[test]
    fn any_sequence_gives_the_levels_queues_and_fills_of_the_naive_model(
        steps in proptest::collection::vec(step(), 1..250)
    ) {
        let (mut book, mut naive) = (Book::default(), Naive::default());
        for (id, step) in (0_u64..).zip(steps) {
            carry_out(&mut book, &mut naive, id, step);
            for side in [Side::Buy, Side::Sell] {
                let levels: Vec<LevelQty> = book.levels(side).collect();
                prop_assert_eq!(&levels, &naive.levels(side));
                prop_assert_eq!(book.best(side), levels.first().copied());
                for level in &levels {
                    let queue: Vec<Resting> = book.queue(side, level.price).collect();
                    prop_assert_eq!(&queue, &naive.queue(side, level.price));
                    prop_assert_eq!(book.get(queue[0].order_id), Some(queue[0]));
                }
            }
        }
    }
}

#[test]
fn a_taker_stops_at_its_limit_and_keeps_the_rest() {
    let mut book = Book::default();
    book.add(Side::Sell, price(100), resting(1, 5));
    book.add(Side::Sell, price(101), resting(2, 5));
    let mut fills = Vec::new();
    let left = book.take(Side::Buy, Some(price(100)), qty(8), |fill| {
        fills.push((fill.order_id.0, fill.price))
    });
    assert_eq!((left, fills), (qty(3), vec![(1, price(100))]));
}

#[test]
fn a_reduced_order_keeps_its_place() {
    let mut book = Book::default();
    book.add(Side::Buy, price(100), resting(1, 5));
    book.add(Side::Buy, price(100), resting(2, 5));
    let reduce = |book: &mut Book, by| book.reduce(Side::Buy, price(100), OrderId(1), qty(by));
    assert_eq!(reduce(&mut book, 3), Some(qty(7)));
    assert_eq!(book.front(Side::Buy), Some((price(100), resting(1, 2))));
    assert_eq!(reduce(&mut book, 2), None, "nothing would be left");
    assert_eq!(
        book.reduce(Side::Buy, price(99), OrderId(1), qty(1)),
        None,
        "not its price"
    );
    assert_eq!(book.best(Side::Buy).unwrap().qty, qty(7));
}

#[test]
fn an_id_rests_once() {
    let mut book = Book::default();
    book.add(Side::Buy, price(100), resting(1, 5));
    assert_eq!(book.add(Side::Buy, price(100), resting(1, 9)), qty(5));
    assert_eq!(book.add(Side::Sell, price(101), resting(1, 9)), Qty::ZERO);
    assert_eq!(
        (book.levels(Side::Buy).count(), book.levels(Side::Sell).count()),
        (1, 0)
    );
}

#[test]
fn a_book_that_keeps_its_size_holds_no_more_memory() {
    let mut book = Book::default();
    let mut capacities = Vec::new();
    // Every id leaves 1,000 later; prices wander through 500 levels, some ids leave by a trade.
    for id in 0..200_000_u64 {
        let side = if id % 2 == 0 { Side::Buy } else { Side::Sell };
        let wander = (id * 7919 % 250) as i64;
        let at = if side == Side::Buy {
            1_000 - wander
        } else {
            1_001 + wander
        };
        book.add(side, price(at), resting(id, 3));
        if let Some(old) = id.checked_sub(1_000) {
            book.cancel(OrderId(old));
        }
        if id % 10 == 0 {
            book.take(side, None, qty(4), |_| {});
        }
        if id % 20_000 == 19_999 {
            capacities.push(book.capacity());
        }
    }
    capacities.dedup();
    assert_eq!(
        capacities.len(),
        1,
        "grew after the first 20,000 steps: {capacities:?}"
    );
}
