//! What stops entries where the venue refuses, or the market fills, one order after the other.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, cancels, entry, instrument, lots, other_symbol, submissions, symbol};
use keel_domain::{ClOrdId, OrdType, OrderIntent, Purpose, Side, TimeInForce};
use keel_engine::{Command, Event, Operator};
use keel_execution::{Reject, VenueReport};
use keel_risk::{HaltCause, Rule, TradingState};
use keel_strategy::Action;

const NOT_AUTHORISED: (i32, &str) = (-2010, "This action is disabled on this account.");
const OTHER_REASON: (i32, &str) = (-1111, "Parameter 'price' has too much precision.");
const WOULD_TAKE: (i32, &str) = (-2010, "Order would immediately match and take.");

fn reject(world: &mut World, cl_ord_id: ClOrdId, reason: (i32, &str)) -> Vec<Command> {
    let (code, text) = (reason.0, reason.1.to_owned());
    world.on_venue(VenueReport::SubmitRejected {
        cl_ord_id,
        reject: Reject { code, text },
    })
}

/// Wishes for an entry, which the venue refuses; gives whether one was sent, and what followed.
fn refused(world: &mut World, qty: i64, reason: (i32, &str)) -> Option<Vec<Command>> {
    world.quote("99.99", "100.01");
    let commands = world.wish(vec![Action::Submit(entry(Side::Buy, qty))]);
    let sent = commands.iter().find_map(|command| match command {
        Command::Submit(order) => Some(order.cl_ord_id()),
        _ => None,
    });
    sent.map(|id| reject(world, id, reason))
}

fn state(world: &World) -> TradingState {
    let restricted = world.trader.state().restricted_symbols();
    restricted
        .get(&symbol())
        .map_or(TradingState::Active, |(state, _)| *state)
}

fn fill(world: &mut World, id: ClOrdId, qty: i64) -> Vec<Command> {
    let report = world.venue.fill(world.now, id, lots(qty)).unwrap();
    world.on_venue(report)
}

fn exit(qty: i64) -> OrderIntent {
    OrderIntent {
        ord_type: OrdType::Market,
        purpose: Purpose::ReduceOnly,
        ..entry(Side::Sell, qty)
    }
}

#[test]
fn f6_a_venue_that_refuses_everything_for_ten_minutes_receives_three_orders() {
    let mut world = World::started();
    world.alerts.clear();
    let mut sent = 0;
    for turn in 0..6_000 {
        // Each time another order, so that nothing but the reason is the same.
        sent += u32::from(refused(&mut world, 1 + turn % 90, NOT_AUTHORISED).is_some());
        world.now = world.now.plus(Duration::from_millis(100));
    }
    assert_eq!(sent, 3);
    assert_eq!(state(&world), TradingState::EntriesBlocked);
    assert_eq!(
        world.alerts,
        [
            "BTCUSDT is EntriesBlocked, still allowed: exits and cancels: runaway: the venue refused 3 orders in 60 s for the same \
             reason: -2010 This action is disabled on this account."
        ]
    );
}

#[test]
fn f6_refusals_count_for_sixty_seconds_and_by_reason() {
    let third_at = |ms: u64, reason| {
        let mut world = World::started();
        let begin = world.now;
        for (at, reason) in [(0, NOT_AUTHORISED), (30_000, NOT_AUTHORISED), (ms, reason)] {
            world.now = begin.plus(Duration::from_millis(at));
            assert!(refused(&mut world, 10, reason).is_some(), "it was sent");
        }
        state(&world)
    };
    assert_eq!(third_at(59_999, NOT_AUTHORISED), TradingState::EntriesBlocked);
    assert_eq!(third_at(60_000, NOT_AUTHORISED), TradingState::Active);
    assert_eq!(third_at(59_999, OTHER_REASON), TradingState::Active);
}

/// A venue that names the price, the time or an id in its refusal refuses for the same reason all the same.
#[test]
fn f6_three_refusals_that_differ_by_a_number_or_an_id_are_the_same_reason() {
    let after = |texts: &[&str]| {
        let mut world = World::started();
        for text in texts {
            assert!(refused(&mut world, 10, (-2010, text)).is_some(), "{text}");
            world.now = world.now.plus(Duration::from_secs(10));
        }
        state(&world)
    };
    let numbers = [
        "Price 100.01 is above 99.5.",
        "Price 100.02 is above 99.",
        "Price 7 is above 6.",
    ];
    assert_eq!(after(&numbers[..2]), TradingState::Active);
    assert_eq!(after(&numbers), TradingState::EntriesBlocked);
    let ids = [
        "Order k1-a-1-2 (f00d-1a): no.",
        "Order k1-b-1-3 (1-beef): no.",
        "Order 7 (2): no.",
    ];
    assert_eq!(after(&ids), TradingState::EntriesBlocked);
    let other = [numbers[0], numbers[1], "Price 100.03 is below 101."];
    assert_eq!(after(&other), TradingState::Active);
}

#[test]
fn f34_exits_that_are_refused_for_the_rate_alone_block_no_entries() {
    let refusals = |code, text: &str| {
        let mut world = World::started();
        let held = world.submit_live(entry(Side::Buy, 10));
        fill(&mut world, held, 10);
        for _ in 0..3 {
            world.quote("99.99", "100.01");
            let (id, _) = world.submit(exit(10));
            reject(&mut world, id, (code, text));
            world.now = world.now.plus(Duration::from_secs(10));
        }
        state(&world)
    };
    assert_eq!(
        refusals(-1003, "Too much request weight used."),
        TradingState::Active
    );
    assert_eq!(
        refusals(NOT_AUTHORISED.0, NOT_AUTHORISED.1),
        TradingState::EntriesBlocked
    );
}

#[test]
fn the_brake_lets_exits_out_cancels_entries_and_leaves_other_symbols_alone() {
    let mut world = World::started();
    let held = world.submit_live(entry(Side::Buy, 10));
    fill(&mut world, held, 10);
    let resting = world.submit_live(entry(Side::Buy, 5));
    let mut last = Vec::new();
    for _ in 0..3 {
        last = refused(&mut world, 10, NOT_AUTHORISED).unwrap();
        world.now = world.now.plus(Duration::from_secs(3));
    }
    assert_eq!(cancels(&last), [resting]);
    world.quote("99.99", "100.01");
    assert_eq!(
        submissions(&world.wish(vec![Action::Submit(entry(Side::Buy, 10))])),
        0
    );
    assert_eq!(world.trader.counters().refused[&Rule::State], 1);
    assert_eq!(submissions(&world.wish(vec![Action::Submit(exit(10))])), 1);
    assert_eq!(world.trader.trading_state(), TradingState::Active, "all in all");
    assert!(
        !world
            .trader
            .state()
            .restricted_symbols()
            .contains_key(&instrument(other_symbol()).symbol)
    );
}

#[test]
fn f6_the_brake_outlives_a_restart_and_an_operator_lifts_it() {
    let mut world = World::started();
    for _ in 0..3 {
        assert!(refused(&mut world, 10, NOT_AUTHORISED).is_some());
        world.now = world.now.plus(Duration::from_secs(3));
    }
    world.restart();
    world.connect();
    assert_eq!(state(&world), TradingState::EntriesBlocked);
    assert_eq!(refused(&mut world, 10, NOT_AUTHORISED), None);
    let reason = "the account may trade again".to_owned();
    world.exchange(Event::Operator(Operator::Resume { reason }));
    assert!(
        refused(&mut world, 10, NOT_AUTHORISED).is_some(),
        "counted from here on"
    );
    assert_eq!(state(&world), TradingState::Active);
}

#[test]
fn an_operator_who_resumes_lets_refusals_be_counted_anew() {
    let mut world = World::started();
    for _ in 0..3 {
        assert!(refused(&mut world, 10, NOT_AUTHORISED).is_some());
        world.now = world.now.plus(Duration::from_secs(3));
    }
    let reason = "tries again".to_owned();
    world.exchange(Event::Operator(Operator::Resume { reason }));
    assert!(refused(&mut world, 10, NOT_AUTHORISED).is_some());
    assert_eq!(state(&world), TradingState::Active);
}

#[test]
fn f54_makers_may_be_late_ten_times_in_a_row_and_any_order_taken_begins_the_count_anew() {
    let mut world = World::started();
    let late = |world: &mut World, times: u32| {
        for _ in 0..times {
            assert!(refused(world, 10, WOULD_TAKE).is_some(), "it was sent");
            world.now = world.now.plus(Duration::from_secs(65));
        }
        state(world)
    };
    assert_eq!(late(&mut world, 9), TradingState::Active);
    world.quote("99.99", "100.01");
    world.submit_live(entry(Side::Buy, 1));
    assert_eq!(late(&mut world, 9), TradingState::Active);
    assert_eq!(late(&mut world, 1), TradingState::EntriesBlocked);
}

#[test]
fn f7_ten_entries_that_trade_in_a_minute_are_a_loop_and_nine_are_not() {
    let mut world = World::started();
    let round = |world: &mut World| {
        world.quote("99.99", "100.01");
        let id = world.submit_live(entry(Side::Buy, 2));
        fill(world, id, 1);
        fill(world, id, 1);
        world.now = world.now.plus(Duration::from_millis(6_700));
        state(world)
    };
    // Ten in 60.3 seconds: the first is out of the window when the tenth begins to trade.
    for _ in 0..12 {
        assert_eq!(round(&mut world), TradingState::Active);
    }
    world.now = world.now.plus(Duration::from_secs(60));
    for _ in 0..9 {
        world.quote("99.99", "100.01");
        let id = world.submit_live(entry(Side::Buy, 2));
        fill(&mut world, id, 2);
        world.now = world.now.plus(Duration::from_millis(600));
    }
    assert_eq!(state(&world), TradingState::Active);
    let resting = world.submit_live(entry(Side::Buy, 1));
    world.quote("99.99", "100.01");
    let tenth = world.submit_live(entry(Side::Buy, 2));
    assert_eq!(cancels(&fill(&mut world, tenth, 1)), [resting, tenth]);
    assert_eq!(state(&world), TradingState::EntriesBlocked);
    let cause = world.trader.state().restricted_symbols()[&symbol()].1.clone();
    let what = "10 entries traded in 60 s".to_owned();
    assert_eq!(cause, HaltCause::Runaway { what });
}

#[test]
fn f9_a_halt_cancels_two_hundred_orders_in_one_step() {
    let mut world = World::started();
    let mut ids: Vec<ClOrdId> = (0..200)
        .map(|n| {
            // No three of them are the same, and none trades.
            let price = format!("98.{:02}", n / 2).parse().unwrap();
            let time_in_force = TimeInForce::Gtc;
            world.submit_live(OrderIntent {
                ord_type: OrdType::Limit { price, time_in_force },
                ..entry(Side::Buy, 1)
            })
        })
        .collect();
    let reason = "drill".to_owned();
    let cause = HaltCause::Operator { reason };
    let mut canceled = cancels(&world.on(Event::Operator(Operator::Halt(cause))));
    ids.sort_unstable();
    canceled.sort_unstable();
    assert_eq!(canceled, ids);
}
