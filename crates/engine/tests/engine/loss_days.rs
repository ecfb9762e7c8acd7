//! The loss budget over days, restarts, steps of the clock and transfers, and what the journal keeps of a trip.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::Duration;

use crate::common::World;
use crate::losses::{holding, limits, money, reads, standing};
use crate::money::deposit;
use keel_domain::{Money, Timestamp};
use keel_engine::{Event, Fact};
use keel_execution::VenueReport;
use keel_risk::{HaltCause, LossBreach, LossInputs, LossTrip, ProfitReading, TradingState};

const HOUR: Duration = Duration::from_secs(3_600);
/// 2023-11-14, the day on which every world begins, and the day after.
const TODAY: Timestamp = Timestamp::from_millis(1_699_920_000_000);
const MIDNIGHT: Timestamp = Timestamp::from_millis(1_700_006_400_000);

fn days_begun(world: &World) -> usize {
    let facts = world.log.records.iter().map(|record| &record.fact);
    facts.filter(|fact| matches!(fact, Fact::DayBegan { .. })).count()
}

/// Holds a tenth of a coin, and has lost 0.3 of the day's 0.5.
fn having_lost() -> World {
    let mut world = holding(limits("0.5", "100"));
    reads(&mut world, "97");
    reads(&mut world, "97");
    assert_eq!(standing(&world).day_lost, money("0.3"));
    world
}

/// The process was down until now.
fn comes_back_at(world: &mut World, now: Timestamp) {
    world.now = now;
    world.restart();
    world.connect();
}

/// Another process runs on, and sees the same prices.
fn runs_on_at(world: &mut World, now: Timestamp) {
    world.now = now;
    world.quote("99.99", "100.01");
    world.exchange(Event::Timer);
}

/// Two more readings: a day begins with the third.
fn day_begins(world: &mut World) {
    reads(world, "99.99");
    reads(world, "99.99");
}

#[test]
fn f14_restarts_around_midnight_begin_one_day_and_leave_what_is_left() {
    let second = Duration::from_secs(1);
    let before = Timestamp::from_nanos(MIDNIGHT.as_nanos() - 2_000_000_001);
    for restarts_at in [
        vec![before],
        vec![MIDNIGHT],
        vec![before, MIDNIGHT.plus(second * 4), MIDNIGHT.plus(HOUR * 8)],
        vec![MIDNIGHT.plus(HOUR * 23), MIDNIGHT.plus(HOUR * 23 + second * 4)],
    ] {
        let (mut world, mut other) = (having_lost(), having_lost());
        for now in restarts_at {
            comes_back_at(&mut world, now);
            runs_on_at(&mut other, now);
            for world in [&mut world, &mut other] {
                reads(world, "97");
                reads(world, "97");
            }
            assert_eq!(standing(&world), standing(&other), "{now:?}");
            let begun = if now < MIDNIGHT { 1 } else { 2 };
            assert_eq!([&world, &other].map(days_begun), [begun; 2], "{now:?}");
        }
    }
}

#[test]
fn f14_a_step_of_the_clock_by_two_hours_within_a_day_gives_nothing_back() {
    let noon = MIDNIGHT.plus(HOUR * 12);
    let before = Timestamp::from_nanos(noon.as_nanos() - 7_200_000_000_000);
    for steps_to in [noon.plus(HOUR * 2), before] {
        for step in [comes_back_at, runs_on_at] {
            let mut world = holding(limits("0.5", "100"));
            world.now = noon;
            for _ in 0..3 {
                reads(&mut world, "100");
            }
            reads(&mut world, "97");
            step(&mut world, steps_to);
            reads(&mut world, "97");
            assert_eq!(standing(&world).day_lost, money("0.3"));
            reads(&mut world, "94");
            assert_eq!(world.trader.trading_state(), TradingState::Active);
            assert_eq!(reads(&mut world, "94"), TradingState::ReduceOnly);
            assert_eq!(days_begun(&world), 2, "today's and yesterday's");
        }
    }
}

#[test]
fn f14_a_clock_that_is_set_over_midnight_and_back_gives_one_budget() {
    for step in [comes_back_at, runs_on_at] {
        let mut world = having_lost();
        let evening = Timestamp::from_nanos(MIDNIGHT.as_nanos() - 3_600_000_000_000);
        step(&mut world, evening.plus(HOUR * 2));
        day_begins(&mut world);
        assert_eq!(days_begun(&world), 2);
        let start = standing(&world).day_lost;
        reads(&mut world, "97");
        let lost = standing(&world).day_lost;
        assert_eq!(lost - start, money("0.299"));
        // Back, and over the same midnight once more.
        for now in [evening, MIDNIGHT.plus(HOUR), MIDNIGHT.plus(HOUR * 23)] {
            step(&mut world, now);
            reads(&mut world, "97");
            assert_eq!(
                (days_begun(&world), standing(&world).day_lost),
                (2, lost),
                "{now:?}"
            );
        }
        step(&mut world, MIDNIGHT.plus(HOUR * 24));
        day_begins(&mut world);
        assert_eq!((days_begun(&world), standing(&world).day_lost), (3, Money::ZERO));
    }
}

#[test]
fn f49_what_comes_in_and_goes_out_changes_nothing_of_what_was_lost() {
    let mut world = having_lost();
    let before = standing(&world);
    for (asset, amount) in [("USDT", 5_000), ("BTC", 3), ("USDT", -2_000), ("BTC", -1)] {
        deposit(&mut world, asset, amount);
        reads(&mut world, "97");
        assert_eq!(standing(&world), before, "{amount} {asset}");
    }
    world.restart();
    world.connect();
    reads(&mut world, "97");
    assert_eq!(standing(&world).day_lost, before.day_lost);
    reads(&mut world, "94");
    assert_eq!(reads(&mut world, "94"), TradingState::ReduceOnly);
}

#[test]
fn f15_the_journal_keeps_what_a_trip_rested_on() {
    let mut world = holding(limits("0.5", "100"));
    reads(&mut world, "100");
    let peak_at = world.now;
    reads(&mut world, "94.5");
    assert_eq!(reads(&mut world, "94"), TradingState::ReduceOnly);
    let reading = |at: Timestamp, profit: &str| ProfitReading {
        at,
        profit: money(profit),
    };
    let before = Timestamp::from_nanos(world.now.as_nanos() - 1_000_000_000);
    let expected = LossTrip {
        breach: LossBreach::Day {
            lost: money("0.6"),
            limit: money("0.5"),
        },
        inputs: Some(LossInputs {
            readings: [reading(before, "-0.55"), reading(world.now, "-0.6")],
            day_start: reading(TODAY, "0"),
            peak: Some(reading(peak_at, "0")),
        }),
    };
    let causes = world.log.records.iter().filter_map(|record| match &record.fact {
        Fact::Restricted { cause, .. } => Some(cause.clone()),
        _ => None,
    });
    assert_eq!(causes.collect::<Vec<_>>(), [HaltCause::Loss(expected)]);
    // What a disk gives back is the same.
    world.restart();
    assert_eq!(
        world.trader.restriction_cause(),
        Some(&HaltCause::Loss(expected)),
        "a snapshot holds it, too"
    );
    let written = serde_json::to_string(&HaltCause::Loss(expected)).unwrap();
    let read: HaltCause = serde_json::from_str(&written).unwrap();
    assert_eq!(read, HaltCause::Loss(expected));
}

#[test]
fn a_trip_of_before_its_inputs_were_kept_can_be_read() {
    let breach = LossBreach::Day {
        lost: money("12"),
        limit: money("10"),
    };
    let old = r#"{"Loss":{"Day":{"lost":"12","limit":"10"}}}"#;
    let cause = HaltCause::Loss(LossTrip { breach, inputs: None });
    assert_eq!(serde_json::from_str::<HaltCause>(old).unwrap(), cause);
    assert_eq!(serde_json::to_string(&cause).unwrap(), old);
}

/// Three good readings before midnight, then these. Where that leaves it.
fn over_midnight(bids: &[&str]) -> (World, TradingState) {
    let mut world = holding(limits("0.5", "100"));
    world.now = Timestamp::from_nanos(MIDNIGHT.as_nanos() - 4_000_000_000);
    let mut state = TradingState::Active;
    for bid in ["100", "100", "100"].iter().chain(bids) {
        state = reads(&mut world, bid);
    }
    (world, state)
}

#[test]
fn f14_f15_one_bad_price_as_the_day_begins_gives_no_larger_budget() {
    for bids in [["95.5", "100", "100"], ["100", "95.5", "100"]] {
        let (mut world, _) = over_midnight(&bids);
        assert_eq!(days_begun(&world), 2);
        assert_eq!(reads(&mut world, "94.9"), TradingState::Active);
        assert_eq!(
            reads(&mut world, "94.9"),
            TradingState::ReduceOnly,
            "0.51 lost today"
        );
    }
}

#[test]
fn f14_f15_one_price_that_is_too_good_as_the_day_begins_trips_nothing() {
    let (world, state) = over_midnight(&["108", "100", "100", "100"]);
    assert_eq!(days_begun(&world), 2);
    assert_eq!(state, TradingState::Active);
}

#[test]
fn f14_f15_after_a_restart_a_day_begins_with_the_third_reading_and_not_with_a_bad_first_one() {
    let mut world = having_lost();
    comes_back_at(&mut world, MIDNIGHT.plus(HOUR));
    for (bid, begun) in [("97", 1), ("97", 2)] {
        reads(&mut world, bid);
        assert_eq!(days_begun(&world), begun);
    }
    // The first one was 99.99.
    assert_eq!(standing(&world).day_lost, Money::ZERO);
    assert_eq!(world.trader.state(), &world.replayed());
}

#[test]
fn f14_readings_that_are_far_apart_begin_no_day_together() {
    let mut world = having_lost();
    world.now = MIDNIGHT;
    for begun in [1, 1, 2] {
        reads(&mut world, "97");
        assert_eq!(days_begun(&world), begun);
    }
}

fn clock_apart(world: &mut World, is_fault: bool) {
    let offset_ms = if is_fault { -90_000_000 } else { 0 };
    let is_warning = is_fault;
    world.exchange(Event::Venue(VenueReport::ClockApart {
        offset_ms,
        is_warning,
        is_fault,
    }));
}

#[test]
fn f14_a_clock_that_is_a_day_ahead_over_a_restart_gives_todays_loss_not_back() {
    let mut world = having_lost();
    let today = world.now;
    world.now = today.plus(HOUR * 25);
    world.restart();
    clock_apart(&mut world, true);
    world.connect();
    for _ in 0..5 {
        reads(&mut world, "97");
    }
    assert_eq!(days_begun(&world), 1);
    // It is set right, and the process started again.
    world.now = today.plus(HOUR);
    world.restart();
    clock_apart(&mut world, false);
    world.connect();
    reads(&mut world, "97");
    assert_eq!(standing(&world).day_lost, money("0.3"));
    world.now = MIDNIGHT.plus(HOUR);
    for _ in 0..3 {
        reads(&mut world, "97");
    }
    assert_eq!(days_begun(&world), 2, "the next day begins as ever");
}
