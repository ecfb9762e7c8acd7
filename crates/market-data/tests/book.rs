//! The local book and its synchronisation.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{Price, Qty, Symbol, Timestamp};
use keel_market_data::{
    BookDelta, BookFault, BookSnapshot, BookSync, BookTop, Level, LocalBook, MarketUpdate, SyncStep,
};
use proptest::prelude::*;

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const AGE_MAX: Duration = Duration::from_secs(2);

fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

fn level(price: i64, qty: i64) -> Level {
    Level {
        price: Price::from_units(price).unwrap(),
        qty: Qty::from_units(qty).unwrap(),
    }
}

fn snapshot(last_update_id: u64, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> BookSnapshot {
    let levels = |side: &[(i64, i64)]| side.iter().map(|(p, q)| level(*p, *q)).collect();
    BookSnapshot {
        symbol: symbol(),
        last_update_id,
        bids: levels(bids),
        asks: levels(asks),
    }
}

fn delta(first: u64, last: u64, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> BookDelta {
    let levels = |side: &[(i64, i64)]| side.iter().map(|(p, q)| level(*p, *q)).collect();
    BookDelta {
        symbol: symbol(),
        first_update_id: first,
        last_update_id: last,
        event_time: T0,
        bids: levels(bids),
        asks: levels(asks),
    }
}

fn book() -> LocalBook {
    let mut book = LocalBook::new(symbol());
    book.reset(T0, &snapshot(10, &[(99, 5), (98, 6)], &[(101, 7), (102, 8)]));
    book
}

#[test]
fn the_best_prices_follow_the_deltas() {
    let mut book = book();
    assert_eq!(
        book.top(T0, AGE_MAX),
        Ok(BookTop {
            bid: level(99, 5),
            ask: level(101, 7)
        })
    );
    book.apply(T0, &delta(11, 12, &[(99, 0)], &[(100, 1)])).unwrap();
    assert_eq!(
        book.top(T0, AGE_MAX),
        Ok(BookTop {
            bid: level(98, 6),
            ask: level(100, 1)
        })
    );
}

#[test]
fn f36_a_book_at_its_age_limit_is_fresh_and_one_nanosecond_later_stale() {
    let book = book();
    let limit = T0.plus(AGE_MAX);
    assert!(book.top(limit, AGE_MAX).is_ok());
    let age = AGE_MAX + Duration::from_nanos(1);
    assert_eq!(book.top(T0.plus(age), AGE_MAX), Err(BookFault::Stale { age }));
}

#[test]
fn f36_a_crossed_or_one_sided_book_gives_no_price() {
    let mut crossed = book();
    crossed.apply(T0, &delta(11, 11, &[(101, 1)], &[])).unwrap();
    assert_eq!(crossed.top(T0, AGE_MAX), Err(BookFault::Crossed));
    let mut one_sided = book();
    one_sided
        .apply(T0, &delta(11, 11, &[(99, 0), (98, 0)], &[]))
        .unwrap();
    assert_eq!(one_sided.top(T0, AGE_MAX), Err(BookFault::OneSided));
}

#[test]
fn f36_a_reset_keeps_nothing_of_the_old_book() {
    let mut book = book();
    book.reset(T0, &snapshot(50, &[(90, 1)], &[(95, 1)]));
    assert_eq!((book.bids().count(), book.asks().count()), (1, 1));
    book.clear();
    assert_eq!(book.top(T0, AGE_MAX), Err(BookFault::NotSynchronised));
}

#[test]
fn f37_a_gap_clears_the_book_and_old_news_changes_nothing() {
    let mut book = book();
    book.apply(T0, &delta(5, 10, &[(99, 1)], &[])).unwrap();
    assert_eq!(book.top(T0, AGE_MAX).unwrap().bid, level(99, 5));
    assert_eq!(
        book.apply(T0, &delta(12, 13, &[], &[])),
        Err(BookFault::NotSynchronised)
    );
    assert_eq!(book.last_update_id(), None);
}

#[test]
fn f65_the_worst_levels_go_at_the_bound() {
    let mut book = LocalBook::new(symbol());
    let max = i64::try_from(LocalBook::LEVELS_MAX).unwrap();
    let bids: Vec<_> = (1..=max + 1).map(|price| (price, 1)).collect();
    book.reset(T0, &snapshot(1, &bids, &[(max + 2, 1)]));
    assert_eq!(book.bids().count(), LocalBook::LEVELS_MAX);
    assert_eq!(book.bids().last(), Some(&level(2, 1)));
}

#[test]
fn the_first_event_asks_for_one_snapshot() {
    let mut sync = BookSync::default();
    assert_eq!(sync.on_delta(delta(5, 6, &[], &[])), SyncStep::FetchSnapshot);
    assert_eq!(sync.on_delta(delta(7, 8, &[], &[])), SyncStep::Wait);
}

/// As in the recording of BTCUSDT: the snapshot's id lies inside an event.
#[test]
fn f37_a_snapshot_inside_an_event_fits() {
    let mut sync = BookSync::default();
    let straddling = delta(5, 8, &[(1, 1)], &[]);
    let _ = sync.on_delta(straddling.clone());
    let snapshot = snapshot(6, &[], &[]);
    let expected = vec![
        MarketUpdate::BookSnapshot(snapshot.clone()),
        MarketUpdate::BookDelta(straddling),
    ];
    assert_eq!(sync.on_snapshot(snapshot), SyncStep::Deliver(expected));
}

/// As in the recording of ETHUSDT: the snapshot's id equals an event's last, which must be dropped.
#[test]
fn f37_an_event_that_the_snapshot_holds_is_dropped() {
    let mut sync = BookSync::default();
    let _ = sync.on_delta(delta(5, 8, &[(1, 1)], &[]));
    let snapshot = snapshot(8, &[], &[]);
    assert_eq!(
        sync.on_snapshot(snapshot.clone()),
        SyncStep::Deliver(vec![MarketUpdate::BookSnapshot(snapshot)])
    );
    let next = delta(9, 9, &[], &[]);
    assert_eq!(
        sync.on_delta(next.clone()),
        SyncStep::Deliver(vec![MarketUpdate::BookDelta(next)])
    );
}

#[test]
fn a_snapshot_older_than_the_events_is_fetched_again() {
    let mut sync = BookSync::default();
    let _ = sync.on_delta(delta(5, 8, &[], &[]));
    assert_eq!(sync.on_snapshot(snapshot(3, &[], &[])), SyncStep::FetchSnapshot);
    assert!(matches!(
        sync.on_snapshot(snapshot(4, &[], &[])),
        SyncStep::Deliver(_)
    ));
}

#[test]
fn f37_a_missing_event_is_a_gap_and_the_next_snapshot_heals_it() {
    let mut sync = BookSync::default();
    let _ = sync.on_delta(delta(1, 1, &[], &[]));
    let _ = sync.on_snapshot(snapshot(1, &[], &[]));
    assert_eq!(sync.on_delta(delta(3, 3, &[], &[])), SyncStep::Gap);
    assert!(matches!(
        sync.on_snapshot(snapshot(3, &[], &[])),
        SyncStep::Deliver(_)
    ));
}

#[test]
fn f65_the_buffer_is_bounded_and_a_snapshot_behind_it_is_refused() {
    let mut sync = BookSync::default();
    let max = BookSync::BUFFERED_MAX as u64;
    for id in 1..=max + 1 {
        let _ = sync.on_delta(delta(id, id, &[], &[]));
    }
    assert_eq!(
        sync.on_snapshot(snapshot(0, &[], &[])),
        SyncStep::FetchSnapshot,
        "event 1 was dropped"
    );
    assert!(matches!(
        sync.on_snapshot(snapshot(1, &[], &[])),
        SyncStep::Deliver(_)
    ));
}

#[cfg(feature = "mock")]
#[test]
fn the_mock_of_the_feed_serves_users_tests() {
    use keel_market_data::{LostReason, MarketFeed, MockMarketFeed};
    let lost = MarketUpdate::BookLost {
        symbol: symbol(),
        reason: LostReason::Stalled,
    };
    let mut feed = MockMarketFeed::new();
    let told = lost.clone();
    feed.expect_next_update().times(1).return_once(move || Some(told));
    assert_eq!(feed.next_update(), Some(lost));
}

proptest! {
    // Each case is thousands of changes.
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// A book of many levels, changed anywhere: each side is what a sorted map would be, cut at the bound.
    #[test]
    fn a_deep_side_is_what_a_sorted_map_would_be(
        changes in proptest::collection::vec((0i64..7_000, 0i64..3), 6_000..12_000),
    ) {
        let mut local = LocalBook::new(symbol());
        local.reset(T0, &snapshot(0, &[], &[]));
        let mut model = BTreeMap::new();
        for (id, (price, qty)) in (1..).zip(&changes) {
            let price = price + 1;
            if *qty == 0 { model.remove(&price) } else { model.insert(price, *qty) };
            local.apply(T0, &delta(id, id, &[(price, *qty)], &[(20_000 - price, *qty)])).unwrap();
            // What is dropped, a block at a time, is worse than all that is in sight; its return is unseen as well.
            prop_assume!(model.len() <= LocalBook::LEVELS_MAX);
        }
        let best_first = || model.iter().rev().map(|(price, qty)| (*price, *qty));
        let bids: Vec<Level> = best_first().map(|(price, qty)| level(price, qty)).collect();
        let asks: Vec<Level> = best_first().map(|(price, qty)| level(20_000 - price, qty)).collect();
        prop_assert_eq!(local.bids().copied().collect::<Vec<_>>(), bids);
        prop_assert_eq!(local.asks().copied().collect::<Vec<_>>(), asks);
    }
}

proptest! {
    /// Whatever is dropped or doubled on the way, the book is the model's or is lost; never wrong.
    #[test]
    fn f37_the_book_is_right_or_lost(
        changes in proptest::collection::vec((any::<bool>(), 0i64..20, 0i64..3, 0u8..10), 1..200),
        snapshot_at in 0usize..50,
    ) {
        let mut sync = BookSync::default();
        let mut local = LocalBook::new(symbol());
        let mut model: [BTreeMap<i64, i64>; 2] = [BTreeMap::new(), BTreeMap::new()];
        let mut is_synchronised = false;
        for (n, (is_bid, offset, qty, fate)) in changes.iter().enumerate() {
            let id = n as u64 + 1;
            let price = if *is_bid { 100 - offset } else { 101 + offset };
            model[usize::from(*is_bid)].insert(price, *qty);
            let side = [(price, *qty)];
            let event = if *is_bid { delta(id, id, &side, &[]) } else { delta(id, id, &[], &side) };
            let times = match fate { 0 => 0, 1 => 2, _ => 1 };
            for _ in 0..times {
                let mut steps = vec![sync.on_delta(event.clone())];
                if n >= snapshot_at && !is_synchronised {
                    let levels = |side: usize| model[side].iter().map(|(p, q)| (*p, *q)).collect::<Vec<_>>();
                    steps.push(sync.on_snapshot(snapshot(id, &levels(1), &levels(0))));
                }
                for step in steps {
                    match step {
                        SyncStep::Gap => { local.clear(); is_synchronised = false; }
                        SyncStep::Deliver(updates) => {
                            for update in updates {
                                match update {
                                    MarketUpdate::BookSnapshot(s) => { local.reset(T0, &s); is_synchronised = true; }
                                    MarketUpdate::BookDelta(d) => local.apply(T0, &d).unwrap(),
                                    _ => unreachable!(),
                                }
                            }
                        }
                        SyncStep::Wait | SyncStep::FetchSnapshot => {}
                    }
                }
            }
            if local.last_update_id() == Some(id) {
                let live = |side: usize| model[side].iter().filter(|(_, q)| **q > 0).map(|(p, q)| level(*p, *q)).collect::<Vec<_>>();
                let bids: Vec<Level> = local.bids().copied().collect();
                let asks: Vec<Level> = local.asks().copied().collect();
                prop_assert_eq!(bids, live(1).into_iter().rev().collect::<Vec<_>>());
                prop_assert_eq!(asks, live(0));
            }
        }
    }
}
