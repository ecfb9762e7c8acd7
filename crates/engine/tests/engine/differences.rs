//! More at the venue than explained, and what an operator's word forgives of a difference.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::Duration;

use crate::common::{World, entry, lots, symbol};
use crate::reconciliation::{asset, change, holding, session_down, states};
use keel_domain::{Money, Side};
use keel_engine::{Event, Operator};
use keel_execution::VenueReport;
use keel_risk::{HaltCause, TradingState};

const ACTIVE: (TradingState, TradingState) = (TradingState::Active, TradingState::Active);
const EXITS: (TradingState, TradingState) = (TradingState::ReduceOnly, TradingState::ReduceOnly);
/// A period, and the looks that follow a difference.
const NOTICED: Duration = Duration::from_secs(35);
/// As long again as the news of a transfer may be late.
const LATE: Duration = Duration::from_secs(35);

fn told(world: &World, text: &str) -> usize {
    world.alerts.iter().filter(|alert| alert.contains(text)).count()
}

fn resume(world: &mut World) {
    let reason = "looked at it".to_owned();
    world.exchange(Event::Operator(Operator::Resume { reason }));
}

#[test]
fn f47_more_than_is_explained_leaves_only_exits_once_no_transfer_was_told() {
    let mut world = holding();
    change(&mut world, "USDT", 500);
    world.pass(NOTICED);
    assert_eq!(states(&world), ACTIVE, "its news may be late");
    assert_eq!(world.trader.counters().identity_breaches, 0);
    world.pass(LATE);
    assert_eq!(states(&world), EXITS, "both are paid in it");
    assert!(!world.trader.money_check().unwrap().is_ok);
    assert!(world.trader.counters().identity_breaches > 0);
    world.pass(LATE * 4);
    assert_eq!(told(&world, "USDT: our records say"), 2, "{:?}", world.alerts);
    assert!(
        !world.trader.money_check().unwrap().is_ok,
        "it is no new baseline"
    );
}

#[test]
fn f49_a_deposit_whose_news_comes_late_is_no_difference() {
    let mut world = holding();
    change(&mut world, "USDT", 500);
    world.pass(Duration::from_secs(55));
    world.exchange(Event::Venue(VenueReport::Transfer {
        asset: asset("USDT"),
        delta: Money::from(500),
        transact_time: world.now,
    }));
    world.pass(LATE * 2);
    assert_eq!(states(&world), ACTIVE, "{:?}", world.alerts);
    assert_eq!(world.trader.counters().identity_breaches, 0);
}

/// Planted: a commission twice as high in our records as the venue took.
#[test]
fn f47_a_fee_that_our_records_overstate_is_found() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let VenueReport::Execution(mut report) = world.venue.fill(world.now, id, lots(10)).unwrap() else {
        unreachable!()
    };
    let trade = report.trade.as_mut().unwrap();
    (trade.commission, trade.commission_asset) = (Money::new(2, 3), Some(asset("USDT")));
    *world.venue.trades.last_mut().unwrap() = *trade;
    *world.venue.balances.get_mut(&asset("USDT")).unwrap() -= Money::new(1, 3);
    world.exchange(Event::Venue(VenueReport::Execution(report)));
    world.pass(NOTICED + LATE);
    assert_eq!(states(&world), EXITS);
    let check = world.trader.money_check().unwrap();
    assert_eq!(check.money.unwrap().difference, Money::new(1, 3));
}

#[test]
fn f49_what_came_while_the_process_was_down_leaves_only_exits_and_refuses_no_start() {
    let mut world = holding();
    change(&mut world, "BTC", 3);
    world.restart();
    world.connect();
    world.pass(Duration::from_secs(5));
    assert_eq!(world.trader.first_comparison(), Some(Ok(())));
    let only_its_pair = (TradingState::ReduceOnly, TradingState::Active);
    assert_eq!(states(&world), only_its_pair);
    resume(&mut world);
    world.pass(NOTICED + LATE);
    assert_eq!(states(&world), ACTIVE, "the operator was told of it");
    assert_eq!(
        world.trader.position(symbol()),
        Side::Buy.signed(lots(10)),
        "and it is not ours"
    );
    assert_eq!(&world.replayed(), world.trader.state());
}

#[test]
fn f49_what_came_while_the_session_was_down_is_waited_for_too() {
    let mut world = holding();
    session_down(&mut world);
    change(&mut world, "BTC", 3);
    world.connect();
    world.pass(Duration::from_secs(25));
    assert_eq!(states(&world), ACTIVE);
    world.pass(LATE);
    assert_eq!(states(&world).0, TradingState::ReduceOnly);
}

#[test]
fn f47_a_resume_forgives_what_was_told_and_not_what_came_after() {
    let mut world = holding();
    change(&mut world, "USDT", -20);
    world.pass(NOTICED);
    assert_eq!(states(&world), EXITS);
    change(&mut world, "USDT", -5);
    resume(&mut world);
    assert_eq!(states(&world), ACTIVE);
    world.pass(NOTICED);
    assert_eq!(states(&world), EXITS, "the five were told to nobody");
    assert_eq!(
        world.trader.money_check().unwrap().money.unwrap().difference,
        Money::from(-5)
    );
    resume(&mut world);
    world.pass(NOTICED + LATE);
    assert_eq!(states(&world), ACTIVE);
}

#[test]
fn f47_a_resume_from_something_else_forgives_no_difference() {
    let mut world = holding();
    change(&mut world, "USDT", 500);
    world.pass(Duration::from_secs(40));
    let reason = "coffee".to_owned();
    world.exchange(Event::Operator(Operator::Halt(HaltCause::Operator { reason })));
    resume(&mut world);
    world.pass(NOTICED + LATE);
    assert_eq!(states(&world), EXITS);
}

#[test]
fn f47_a_difference_that_grows_under_a_restriction_is_told_again_and_then_forgiven() {
    let mut world = holding();
    change(&mut world, "USDT", -20);
    world.pass(NOTICED);
    change(&mut world, "USDT", -5);
    world.pass(NOTICED);
    assert_eq!(told(&world, "the account differs otherwise now: USDT"), 1);
    world.restart();
    world.connect();
    resume(&mut world);
    world.pass(NOTICED + LATE);
    assert_eq!(states(&world), ACTIVE, "{:?}", world.alerts);
}

#[test]
fn f47_a_difference_that_went_away_is_not_granted_by_a_later_resume() {
    let mut world = holding();
    change(&mut world, "USDT", -20);
    world.pass(NOTICED);
    change(&mut world, "USDT", 20);
    world.pass(NOTICED);
    assert!(world.trader.money_check().unwrap().is_ok);
    resume(&mut world);
    world.pass(NOTICED + LATE);
    assert_eq!(states(&world), ACTIVE, "{:?}", world.alerts);
}
