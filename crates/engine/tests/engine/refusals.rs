//! What the venue refuses, and the rules that are read again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, entry, instrument, lots, submissions, symbol};
use keel_domain::{ClOrdId, Instrument, LotSize, OrderIntent, Qty, Side};
use keel_engine::{Command, Event, Fact};
use keel_execution::{NotSent, RefusedCause, Reject, VenueReport};
use keel_risk::{HaltCause, Rule, TradingState};
use keel_strategy::Action;

/// Longer than the first pauses after refusals.
const PAUSE: Duration = Duration::from_secs(5);

fn refuse(world: &mut World, intent: OrderIntent, code: i32, text: &str) -> Vec<Command> {
    let (cl_ord_id, _) = world.submit(intent);
    let text = text.to_owned();
    world.on_venue(VenueReport::SubmitRejected {
        cl_ord_id,
        reject: Reject { code, text },
    })
}

fn sent(world: &mut World, intent: OrderIntent) -> usize {
    world.quote("99.99", "100.01");
    submissions(&world.wish(vec![Action::Submit(intent)]))
}

fn asks_instruments(commands: &[Command]) -> bool {
    commands
        .iter()
        .any(|command| matches!(command, Command::QueryInstruments))
}

#[test]
fn f50_a_filter_failure_is_not_sent_again_unchanged_while_the_filters_are_the_same() {
    let mut world = World::started();
    let intent = entry(Side::Buy, 10);
    let commands = refuse(&mut world, intent, -1013, "Filter failure: LOT_SIZE");
    assert!(asks_instruments(&commands), "the filters are read again at once");
    world.pass(PAUSE);
    assert_eq!(sent(&mut world, intent), 0);
    world.exchange(Event::Venue(VenueReport::Instrument(instrument(symbol()))));
    assert_eq!(
        sent(&mut world, intent),
        0,
        "the same filters give the same refusal"
    );
    assert_eq!(
        sent(&mut world, entry(Side::Buy, 11)),
        1,
        "another order is another matter"
    );
    let lot_size = LotSize {
        max: lots(50),
        ..instrument(symbol()).lot_size
    };
    let changed = Instrument {
        lot_size,
        ..instrument(symbol())
    };
    world.exchange(Event::Venue(VenueReport::Instrument(changed)));
    assert_eq!(sent(&mut world, intent), 1);
}

#[test]
fn f51_filters_are_read_again_every_ten_minutes() {
    let mut world = World::started();
    let mut asked = Vec::new();
    for second in 0..1_900 {
        world.now = world.now.plus(Duration::from_secs(1));
        if asks_instruments(&world.on(Event::Timer)) {
            asked.push(second + 1);
        }
    }
    assert_eq!(asked, [600, 1_200, 1_800]);
}

#[test]
fn f51_changed_filters_bind_at_once_and_are_told() {
    let mut world = World::started();
    let lot_size = LotSize {
        step: lots(5),
        ..instrument(symbol()).lot_size
    };
    let changed = Instrument {
        lot_size,
        ..instrument(symbol())
    };
    world.exchange(Event::Venue(VenueReport::Instrument(changed)));
    assert_eq!(sent(&mut world, entry(Side::Buy, 11)), 0);
    assert_eq!(world.trader.counters().refused[&Rule::VenueFilter], 1);
    assert_eq!(sent(&mut world, entry(Side::Buy, 10)), 1);
    assert!(
        world
            .alerts
            .iter()
            .any(|text| text.contains("changed the pair's rules"))
    );
}

#[test]
fn f53_after_a_lack_of_funds_one_try_follows_the_next_balances() {
    let mut world = World::started();
    let intent = entry(Side::Buy, 10);
    let text = "Account has insufficient balance for requested action.";
    let commands = refuse(&mut world, intent, -2010, text);
    assert!(commands.contains(&Command::QueryBalances));
    world.loses = |command| matches!(command, Command::QueryBalances);
    world.pass(PAUSE);
    assert_eq!(sent(&mut world, intent), 0, "not blindly");
    world.loses = |_| false;
    for report in world.venue.carry_out(world.now, Command::QueryBalances) {
        world.exchange(Event::Venue(report));
    }
    let commands = refuse(&mut world, intent, -2010, text);
    assert_eq!(submissions(&commands), 0);
    world.loses = |command| matches!(command, Command::QueryBalances);
    world.pass(PAUSE);
    assert_eq!(sent(&mut world, intent), 0, "and again not blindly");
}

#[test]
fn f53_other_refusals_of_the_matching_engine_do_not_wait_for_balances() {
    let mut world = World::started();
    let intent = entry(Side::Buy, 10);
    refuse(
        &mut world,
        intent,
        -2010,
        "Order would immediately match and take.",
    );
    world.loses = |command| matches!(command, Command::QueryBalances);
    world.pass(PAUSE);
    assert_eq!(sent(&mut world, intent), 1);
}

#[test]
fn f53_funds_of_orders_in_flight_are_not_spent_twice() {
    let mut world = World::started();
    let usdt = "USDT".parse().unwrap();
    world.venue.balances.insert(usdt, 15.into());
    for report in world.venue.carry_out(world.now, Command::QueryBalances) {
        world.exchange(Event::Venue(report));
    }
    assert_eq!(sent(&mut world, entry(Side::Buy, 10)), 1, "10 of 15");
    assert_eq!(sent(&mut world, entry(Side::Buy, 10)), 0, "5 are left");
    assert_eq!(world.trader.counters().refused[&Rule::Funds], 1);
    assert_eq!(sent(&mut world, entry(Side::Buy, 5)), 1);
}

#[test]
fn f6_after_a_refusal_and_after_an_order_that_did_not_leave_the_next_waits_longer_each_time() {
    let ends: [fn(ClOrdId) -> VenueReport; 2] = [
        |cl_ord_id| VenueReport::SubmitRejected {
            cl_ord_id,
            reject: Reject {
                code: -1111,
                text: "Parameter 'price' has too much precision.".to_owned(),
            },
        },
        |cl_ord_id| VenueReport::SubmitNotSent {
            cl_ord_id,
            cause: NotSent::NotConnected,
        },
    ];
    for end in ends {
        let mut world = World::started();
        for wait in [500, 1_000].map(Duration::from_millis) {
            let (id, _) = world.submit(entry(Side::Buy, 10));
            world.on_venue(end(id));
            let until = world.now.plus(wait);
            world.now = world.now.plus(wait - Duration::from_nanos(1));
            assert_eq!(sent(&mut world, entry(Side::Buy, 10)), 0, "{wait:?}");
            world.now = until;
        }
        assert_eq!(sent(&mut world, entry(Side::Buy, 10)), 1);
    }
}

#[test]
fn f50_a_quantity_of_zero_is_never_sent() {
    let mut world = World::started();
    let intent = OrderIntent {
        order_qty: Qty::ZERO,
        ..entry(Side::Buy, 1)
    };
    assert_eq!(sent(&mut world, intent), 0);
    assert_eq!(world.trader.counters().refused[&Rule::VenueFilter], 1);
    assert!(
        !world
            .log
            .records
            .iter()
            .any(|r| matches!(r.fact, Fact::Intent { .. }))
    );
}

fn key_refused() -> VenueReport {
    VenueReport::Refused {
        cause: RefusedCause::Key,
        reject: Reject {
            code: -2015,
            text: "Invalid API-key, IP, or permissions for action.".to_owned(),
        },
    }
}

#[test]
fn f33_a_key_that_works_no_more_halts_at_once_and_over_restarts() {
    let mut world = World::started();
    let live = world.submit_live(entry(Side::Buy, 10));
    let commands = world.on_venue(key_refused());
    assert_eq!(world.trader.trading_state(), TradingState::Halted);
    assert_eq!(
        crate::common::cancels(&commands),
        [live],
        "the cancel is tried all the same"
    );
    assert!(world.alerts.iter().any(|alert| alert.contains("-2015")));
    assert_eq!(sent(&mut world, entry(Side::Buy, 10)), 0);
    world.restart();
    let state = world.trader.state();
    let restriction = state.restriction().map(|(state, cause)| (*state, cause.clone()));
    assert!(
        matches!(
            restriction,
            Some((TradingState::Halted, HaltCause::KeyRefused { .. }))
        ),
        "{restriction:?}"
    );
}

#[test]
fn f33_a_key_that_never_worked_is_told_and_leaves_no_halt_behind() {
    let mut world = World::booted();
    assert_eq!(world.on_venue(key_refused()), []);
    assert!(world.alerts.iter().any(|alert| alert.contains("-2015")));
    assert_eq!(world.trader.trading_state(), TradingState::Active);
}
