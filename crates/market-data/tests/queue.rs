//! Updates that wait: a burst neither grows the queue without bound nor loses the newest book.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::Duration;

use keel_domain::{Price, Qty, Side, Symbol, Timestamp, TradeId};
use keel_market_data::{
    BookDelta, BookSnapshot, Dropped, Level, LocalBook, LostReason, MarketUpdate, PublicTrade, UpdateQueue,
};
use proptest::prelude::*;

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const LEN_MAX: u64 = UpdateQueue::LEN_MAX as u64;

fn btc() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

fn eth() -> Symbol {
    "ETHUSDT".parse().unwrap()
}

fn level(price: i64, qty: i64) -> Level {
    Level {
        price: Price::from_units(price).unwrap(),
        qty: Qty::from_units(qty).unwrap(),
    }
}

fn delta(symbol: Symbol, id: u64, bids: Vec<Level>) -> MarketUpdate {
    MarketUpdate::BookDelta(BookDelta {
        symbol,
        first_update_id: id,
        last_update_id: id,
        event_time: T0,
        bids,
        asks: vec![],
    })
}

fn snapshot(symbol: Symbol, id: u64) -> MarketUpdate {
    MarketUpdate::BookSnapshot(BookSnapshot {
        symbol,
        last_update_id: id,
        bids: vec![level(10, 1)],
        asks: vec![level(1_000_000, 1)],
    })
}

fn trade(id: u64) -> MarketUpdate {
    MarketUpdate::Trade(PublicTrade {
        symbol: btc(),
        trade_id: TradeId(id),
        price: Price::UNIT,
        qty: Qty::UNIT,
        aggressor: Side::Buy,
        trade_time: T0,
    })
}

fn taken(queue: &mut UpdateQueue) -> Vec<MarketUpdate> {
    std::iter::from_fn(|| queue.pop()).collect()
}

/// Full of trades, but for the first places.
fn full_after(first: Vec<MarketUpdate>) -> UpdateQueue {
    let mut queue = UpdateQueue::default();
    for update in first {
        assert_eq!(queue.push(update), None);
    }
    let mut id = 0;
    while queue.len() < UpdateQueue::LEN_MAX {
        id += 1;
        assert_eq!(queue.push(trade(id)), None);
    }
    assert_eq!(queue.dropped(), Dropped::default());
    queue
}

#[test]
fn at_the_bound_the_oldest_trade_goes_and_is_counted() {
    let mut queue = full_after(vec![]);
    queue.push(trade(LEN_MAX + 1));
    assert_eq!((queue.len(), queue.dropped().trades), (UpdateQueue::LEN_MAX, 1));
    let left = taken(&mut queue);
    assert_eq!(
        (left.first(), left.last()),
        (Some(&trade(2)), Some(&trade(LEN_MAX + 1)))
    );
}

#[test]
fn at_the_bound_a_change_of_the_book_joins_the_last_one_of_its_pair() {
    let mut queue = full_after(vec![
        delta(btc(), 1, vec![level(5, 1), level(6, 1)]),
        delta(eth(), 7, vec![level(5, 9)]),
    ]);
    queue.push(delta(btc(), 2, vec![level(5, 0), level(7, 3)]));
    assert_eq!(
        (queue.len(), queue.dropped().conflated),
        (UpdateQueue::LEN_MAX, 1)
    );
    let Some(MarketUpdate::BookDelta(joined)) = queue.pop() else {
        panic!("the first is a change of the book");
    };
    assert_eq!((joined.first_update_id, joined.last_update_id), (1, 2));
    assert_eq!(joined.bids, [level(5, 0), level(6, 1), level(7, 3)]);
    assert_eq!(
        queue.pop(),
        Some(delta(eth(), 7, vec![level(5, 9)])),
        "another pair's is left alone"
    );
}

#[test]
fn at_the_bound_a_lost_book_or_a_snapshot_replaces_what_waits_of_the_pairs_book() {
    let lost = MarketUpdate::BookLost {
        symbol: btc(),
        reason: LostReason::Gap,
    };
    for newest in [lost, snapshot(btc(), 9)] {
        let mut queue = full_after(vec![
            snapshot(btc(), 1),
            delta(btc(), 2, vec![]),
            snapshot(eth(), 1),
        ]);
        queue.push(newest.clone());
        assert_eq!(queue.dropped().conflated, 2);
        let left = taken(&mut queue);
        assert_eq!(
            (left.first(), left.last()),
            (Some(&snapshot(eth(), 1)), Some(&newest))
        );
    }
}

#[test]
fn a_change_that_grows_beyond_what_a_book_holds_loses_the_book() {
    let mut queue = full_after(vec![delta(btc(), 1, vec![])]);
    let levels = |from: i64, count: usize| (from..).take(count).map(|price| level(price, 1)).collect();
    assert_eq!(
        queue.push(delta(btc(), 2, levels(1, LocalBook::LEVELS_MAX))),
        None,
        "at the bound"
    );
    assert_eq!(
        queue.push(delta(btc(), 3, levels(1, LocalBook::LEVELS_MAX))),
        None,
        "the same levels again"
    );
    assert_eq!(queue.push(delta(btc(), 4, levels(1_000_000, 1))), Some(btc()));
    let left = taken(&mut queue);
    let lost = MarketUpdate::BookLost {
        symbol: btc(),
        reason: LostReason::Overrun,
    };
    assert_eq!(left.last(), Some(&lost));
    assert!(
        !left
            .iter()
            .any(|update| matches!(update, MarketUpdate::BookDelta(_)))
    );
}

#[test]
fn a_burst_that_nobody_takes_stays_within_the_bound() {
    let mut queue = UpdateQueue::default();
    queue.push(snapshot(btc(), 0));
    for id in 1..=5 * LEN_MAX {
        queue.push(delta(
            btc(),
            id,
            vec![level(1 + i64::try_from(id % 50).unwrap(), 1)],
        ));
        queue.push(trade(id));
        assert!(queue.len() <= UpdateQueue::LEN_MAX + 2, "{}", queue.len());
    }
    let Dropped { conflated, trades } = queue.dropped();
    let left = u64::try_from(queue.len()).unwrap();
    assert_eq!(
        conflated + trades + left,
        1 + 10 * LEN_MAX,
        "each is there, joined or counted"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// However much is joined, the book that comes of it is the book of all changes in their order.
    #[test]
    fn the_book_is_the_same_whether_or_not_changes_were_joined(
        changes in prop::collection::vec((1_i64..200, 0_i64..3), 1..400),
        taken_first in 0_usize..50,
    ) {
        let mut queue = UpdateQueue::default();
        queue.push(snapshot(btc(), 0));
        for id in 1..LEN_MAX {
            queue.push(trade(id));
        }
        let (mut whole, mut joined) = (LocalBook::new(btc()), LocalBook::new(btc()));
        let mut take = |queue: &mut UpdateQueue| match queue.pop() {
            Some(MarketUpdate::BookSnapshot(book)) => joined.reset(T0, &book),
            Some(MarketUpdate::BookDelta(delta)) => joined.apply(T0, &delta).unwrap(),
            Some(_) | None => {}
        };
        if let MarketUpdate::BookSnapshot(book) = snapshot(btc(), 0) {
            whole.reset(T0, &book);
        }
        for (id, (price, qty)) in (1_u64..).zip(changes) {
            let change = delta(btc(), id, vec![level(price, qty)]);
            if let MarketUpdate::BookDelta(delta) = &change {
                whole.apply(T0, delta).unwrap();
            }
            queue.push(change);
            if usize::try_from(id).unwrap() <= taken_first {
                take(&mut queue);
            }
        }
        while !queue.is_empty() {
            take(&mut queue);
        }
        prop_assert!(whole.bids().eq(joined.bids()));
        prop_assert_eq!(whole.top(T0, Duration::ZERO), joined.top(T0, Duration::ZERO));
    }
}
