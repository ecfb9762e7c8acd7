//! When a trader counts as dead, and what is asked of the venue then.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{AlertClass, OrderId, Symbol, Timestamp};
use keel_guard::{Answer, Event, Guard, Request};
use proptest::prelude::*;

const LIMIT: Duration = Duration::from_secs(10);

fn pair(name: &str) -> Symbol {
    name.parse().unwrap()
}

fn at(ms: u64) -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_millis(ms))
}

fn guard() -> Guard {
    Guard::new(vec![pair("BTCUSDT"), pair("ETHUSDT")], LIMIT)
}

/// One that has begun to cancel at 10 s.
fn fired() -> Guard {
    let mut guard = guard();
    guard.on_beat(at(0));
    assert_eq!(
        guard.next_request(at(10_000)),
        Some(Request::Look(pair("BTCUSDT")))
    );
    guard
}

fn events(guard: &mut Guard) -> Vec<Event> {
    std::iter::from_fn(|| guard.next_event()).collect()
}

/// So many open orders that are no stops.
fn open(orders: u64) -> Answer {
    open_with_stops(0, orders)
}

fn open_with_stops(stops: usize, orders: u64) -> Answer {
    let others = (1..=orders).map(OrderId).collect();
    Answer::Open { stops, others }
}

fn failed(wait: Option<Duration>) -> Answer {
    Answer::Failed {
        problem: "no".to_owned(),
        wait,
    }
}

/// Takes the next request at its deadline; gives when, and what.
fn next(guard: &mut Guard, now: Timestamp) -> (Timestamp, Request) {
    let due = guard.next_deadline().unwrap().max(now);
    (due, guard.next_request(due).unwrap())
}

#[test]
fn silence_of_the_limit_fires_and_one_millisecond_less_does_not() {
    let mut guard = guard();
    guard.on_beat(at(5_000));
    assert_eq!(guard.next_deadline(), Some(at(15_000)));
    assert_eq!(guard.next_request(at(14_999)), None);
    assert!(!guard.is_canceling());
    assert!(guard.next_request(at(15_000)).is_some());
    assert!(guard.is_canceling() && guard.has_fired());
    let silence = LIMIT;
    assert_eq!(events(&mut guard), [Event::Armed, Event::Silent { silence }]);
}

#[test]
fn a_trader_that_was_never_heard_is_not_silent() {
    let mut guard = guard();
    assert_eq!(guard.next_deadline(), None);
    assert_eq!(guard.next_request(at(1_000_000)), None);
    assert_eq!(events(&mut guard), []);
}

#[test]
fn a_trader_that_was_left_running_is_silent_from_the_start_on() {
    let mut guard = guard();
    guard.expect_beats(at(1_000));
    assert_eq!(guard.next_request(at(10_999)), None);
    assert!(guard.next_request(at(11_000)).is_some());
}

#[test]
fn a_farewell_disarms_and_the_next_heartbeat_arms_again() {
    let mut guard = guard();
    guard.on_beat(at(0));
    guard.on_farewell();
    assert_eq!(guard.next_request(at(60_000)), None);
    assert!(!guard.has_fired());
    guard.on_beat(at(70_000));
    assert_eq!(events(&mut guard), [Event::Armed, Event::Disarmed, Event::Armed]);
    assert!(guard.next_request(at(80_000)).is_some());
}

#[test]
fn only_pairs_with_open_orders_are_canceled_and_two_clean_passes_end_it() {
    let (btc, eth) = (pair("BTCUSDT"), pair("ETHUSDT"));
    let mut guard = fired();
    let now = at(10_000);
    guard.on_answer(now, &open(3));
    assert_eq!(guard.next_request(now), Some(Request::CancelAll(btc)));
    guard.on_answer(now, &Answer::Canceled(3));
    assert_eq!(guard.next_request(now), Some(Request::Look(eth)));
    guard.on_answer(now, &open(0));
    // That pass was not clean. Two are, with a second between them.
    assert_eq!(guard.next_request(at(10_249)), None);
    let mut now = at(10_250);
    for clean in 1..=2 {
        for symbol in [btc, eth] {
            assert!(guard.is_canceling(), "pass {clean}");
            assert_eq!(guard.next_request(now), Some(Request::Look(symbol)));
            guard.on_answer(now, &open(0));
        }
        now = now.plus(Duration::from_secs(1));
    }
    assert!(!guard.is_canceling());
    assert_eq!(guard.next_deadline(), None);
    assert_eq!(guard.next_request(at(1_000_000)), None);
    let canceled = Event::Canceled {
        symbol: btc,
        orders: 3,
    };
    let told = events(&mut guard);
    assert_eq!(
        told.get(2..),
        Some([canceled, Event::Cleared { stops: 0 }].as_slice())
    );
    guard.on_beat(at(2_000_000));
    assert_eq!(events(&mut guard), [Event::Armed], "a restarted trader arms it");
    assert!(guard.next_request(at(2_010_000)).is_some());
}

#[test]
fn f31_a_stop_stays_and_what_is_open_beside_it_goes_one_by_one() {
    let btc = pair("BTCUSDT");
    let mut guard = Guard::new(vec![btc], LIMIT);
    guard.expect_beats(at(0));
    let now = at(10_000);
    assert_eq!(guard.next_request(now), Some(Request::Look(btc)));
    guard.on_answer(now, &open_with_stops(1, 2));
    for order in [1, 2] {
        assert_eq!(
            guard.next_request(now),
            Some(Request::Cancel(btc, OrderId(order)))
        );
        guard.on_answer(now, &Answer::Canceled(1));
    }
    let mut now = now;
    for _ in 0..2 {
        let (due, request) = next(&mut guard, now);
        assert_eq!(request, Request::Look(btc));
        guard.on_answer(due, &open_with_stops(1, 0));
        now = due;
    }
    assert!(!guard.is_canceling(), "a stop alone is no open order to it");
    assert_eq!(events(&mut guard).pop(), Some(Event::Cleared { stops: 1 }));
}

#[test]
fn an_order_that_cannot_be_canceled_keeps_no_other_waiting() {
    let btc = pair("BTCUSDT");
    let mut guard = fired();
    let now = at(10_000);
    guard.on_answer(now, &open_with_stops(1, 2));
    assert_eq!(guard.next_request(now), Some(Request::Cancel(btc, OrderId(1))));
    guard.on_answer(now, &failed(None));
    assert_eq!(guard.next_request(now), Some(Request::Cancel(btc, OrderId(2))));
    guard.on_answer(now, &failed(Some(Duration::from_secs(7))));
    assert_eq!(
        guard.next_request(at(16_999)),
        None,
        "the venue's wait is for all"
    );
    assert_eq!(guard.next_request(at(17_000)), Some(Request::Look(btc)));
}

#[test]
fn an_order_in_the_second_pass_begins_the_count_anew() {
    let mut guard = Guard::new(vec![pair("BTCUSDT")], LIMIT);
    guard.expect_beats(at(0));
    let mut now = at(10_000);
    let readings = [0, 1, 0, 1, 0, 0];
    for (nth, count) in readings.into_iter().enumerate() {
        assert!(guard.is_canceling() || nth == 0, "reading {nth}");
        let (due, request) = next(&mut guard, now);
        assert!(matches!(request, Request::Look(_)));
        guard.on_answer(due, &open(count));
        now = due;
        if count > 0 {
            assert!(matches!(guard.next_request(now), Some(Request::CancelAll(_))));
            guard.on_answer(now, &Answer::Canceled(1));
        }
    }
    assert!(!guard.is_canceling());
}

#[test]
fn a_heartbeat_ends_the_canceling_and_a_late_answer_changes_nothing() {
    let mut guard = fired();
    guard.on_beat(at(10_100));
    assert!(!guard.is_canceling());
    guard.on_answer(at(10_200), &open(5));
    assert_eq!(guard.next_request(at(10_200)), None, "no cancel follows");
    assert_eq!(events(&mut guard).last(), Some(&Event::Returned));
    assert_eq!(guard.next_request(at(20_099)), None);
    assert!(guard.next_request(at(20_100)).is_some(), "armed all the same");
}

#[test]
fn a_late_answer_of_an_earlier_canceling_is_no_answer_to_the_next() {
    let mut guard = fired();
    guard.on_beat(at(10_100));
    assert_eq!(
        guard.next_request(at(20_100)),
        None,
        "one request at a time: the first is still under way"
    );
    assert!(guard.is_canceling());
    guard.on_answer(at(20_200), &open(0));
    // Both passes are looked at in whole, from the first pair on.
    let mut asked = Vec::new();
    let mut now = at(20_200);
    while guard.is_canceling() {
        let (due, request) = next(&mut guard, now);
        asked.push(request.symbol().to_string());
        guard.on_answer(due, &open(0));
        now = due;
    }
    assert_eq!(asked, ["BTCUSDT", "ETHUSDT", "BTCUSDT", "ETHUSDT"]);
}

#[test]
fn what_was_canceled_late_is_told() {
    let mut guard = fired();
    guard.on_answer(at(10_000), &open(1));
    assert!(guard.next_request(at(10_000)).is_some());
    guard.on_beat(at(10_100));
    guard.on_answer(at(10_200), &Answer::Canceled(1));
    let symbol = pair("BTCUSDT");
    assert_eq!(
        events(&mut guard).last(),
        Some(&Event::Canceled { symbol, orders: 1 })
    );
}

#[test]
fn the_venues_wait_is_kept_to_the_millisecond() {
    let mut guard = fired();
    guard.on_answer(at(10_000), &failed(Some(Duration::from_secs(120))));
    assert_eq!(guard.next_request(at(129_999)), None);
    assert!(guard.next_request(at(130_000)).is_some());
}

#[test]
fn failures_back_off_to_ten_seconds_and_never_end() {
    let mut guard = Guard::new(vec![pair("BTCUSDT")], LIMIT);
    guard.expect_beats(at(0));
    let mut now = at(10_000);
    let mut waits = Vec::new();
    for _ in 0..100 {
        let (due, _) = next(&mut guard, now);
        waits.push(due.since(now).as_millis());
        guard.on_answer(due, &failed(None));
        now = due;
    }
    assert_eq!(
        waits.get(..9),
        Some([0, 250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000].as_slice())
    );
    assert!(guard.is_canceling());
}

#[test]
fn one_pairs_failure_keeps_no_other_waiting() {
    let mut guard = fired();
    guard.on_answer(at(10_000), &failed(None));
    assert_eq!(
        guard.next_request(at(10_000)),
        Some(Request::Look(pair("ETHUSDT")))
    );
}

proptest! {
    #[test]
    fn beats_within_the_limit_never_fire_and_a_gap_of_the_limit_always_does(
        gaps in prop::collection::vec(0_u64..10_000, 1..50),
        beyond in 0_u64..5_000,
    ) {
        let mut guard = guard();
        let mut now = 0;
        guard.on_beat(at(now));
        for gap in gaps {
            if guard.next_request(at(now + gap)).is_some() {
                // No more than a probe.
                guard.on_answer(at(now + gap), &open(1));
            }
            prop_assert!(!guard.has_fired());
            now += gap;
            guard.on_beat(at(now));
        }
        prop_assert!(guard.next_request(at(now + 10_000 + beyond)).is_some());
    }

    /// However the venue fails for some time: nothing is open in the end but the stops, its waits are kept, and the weight of a minute (six
    /// for a question, one for a cancel) stays under the venue's 6,000.
    #[test]
    fn it_clears_every_pair_whatever_fails_on_the_way(
        open in prop::collection::vec((0_usize..2, 0_u64..4), 1..8),
        failures in prop::collection::vec(prop::option::of(prop::option::of(0_u64..90)), 0..60),
    ) {
        let symbols: Vec<Symbol> = (0..open.len()).map(|n| pair(&format!("C{n}USDT"))).collect();
        let mut venue: BTreeMap<Symbol, (usize, u64)> = symbols.iter().copied().zip(open.iter().copied()).collect();
        let stops_before: usize = open.iter().map(|(stops, _)| *stops).sum();
        let mut guard = Guard::new(symbols, LIMIT);
        guard.expect_beats(at(0));
        let mut failures = failures.into_iter();
        let (mut now, mut free_at) = (at(0), at(0));
        let mut sent: Vec<(Timestamp, usize)> = Vec::new();
        let mut requests = 0;
        while guard.is_canceling() || requests == 0 {
            requests += 1;
            prop_assert!(requests < 1_000, "it comes to an end");
            let (due, request) = next(&mut guard, now);
            prop_assert!(due >= free_at, "a wait is kept");
            now = due;
            sent.push((now, if matches!(request, Request::Look(_)) { 6 } else { 1 }));
            let (stops, orders) = venue.get_mut(&request.symbol()).unwrap();
            let answer = match (failures.next().flatten(), request) {
                (Some(wait), _) => {
                    let wait = wait.map(Duration::from_secs);
                    free_at = now.plus(wait.unwrap_or_default());
                    failed(wait)
                }
                (None, Request::Look(_)) => open_with_stops(*stops, *orders),
                (None, Request::CancelAll(_)) => {
                    *stops = 0;
                    *orders = 0;
                    Answer::Canceled(1)
                }
                (None, Request::Cancel(..)) => {
                    *orders -= 1;
                    Answer::Canceled(1)
                }
            };
            guard.on_answer(now, &answer);
        }
        prop_assert!(venue.values().all(|(_, orders)| *orders == 0));
        let stops_after = venue.values().map(|(stops, _)| *stops).sum();
        prop_assert_eq!(stops_before, stops_after);
        prop_assert_eq!(events(&mut guard).pop(), Some(Event::Cleared { stops: stops_after }));
        for (from, _) in &sent {
            let minute = sent.iter().filter(|(at, _)| at >= from && at.since(*from) < Duration::from_secs(60));
            let weight: usize = minute.map(|(_, weight)| weight).sum();
            prop_assert!(weight <= 6_000, "{weight} in a minute");
        }
    }
}

/// The classes of what was told since.
fn classes(guard: &mut Guard) -> Vec<AlertClass> {
    events(guard).iter().filter_map(Event::alert_class).collect()
}

#[test]
fn trader_silent_is_told_at_the_deadline_and_leftover_with_each_answer_that_leaves_orders_open() {
    let mut guard = guard();
    guard.on_beat(at(0));
    assert_eq!(classes(&mut guard), []);
    let deadline = guard.next_deadline().unwrap();
    assert_eq!(deadline, at(10_000));
    guard.next_request(deadline).unwrap();
    assert_eq!(classes(&mut guard), [AlertClass::TraderSilent]);
    guard.on_answer(at(10_050), &failed(None));
    assert_eq!(classes(&mut guard), [AlertClass::Leftover]);
    let (_, request) = next(&mut guard, at(10_050));
    assert!(matches!(request, Request::Look(_)));
    guard.on_answer(at(10_100), &open(1));
    next(&mut guard, at(10_100));
    guard.on_answer(at(10_150), &Answer::Canceled(1));
    assert_eq!(
        classes(&mut guard),
        [AlertClass::TraderSilent],
        "orders were canceled"
    );
}
