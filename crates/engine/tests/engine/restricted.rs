//! What was open when trading was restricted: entries end, whatever became of their first cancel.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, entry, lots, symbol};
use crate::reconciliation::session_down;
use keel_domain::{ClOrdId, OrdType, OrderIntent, Purpose, Side, TimeInForce};
use keel_engine::{Command, Event, Fact, Operator, Record};
use keel_execution::VenueReport;
use keel_risk::{HaltCause, TradingState};

fn is_open(world: &World, id: ClOrdId) -> bool {
    !world.venue.orders.get(&id).unwrap().status.is_terminal()
}

fn reduce_only(world: &mut World) {
    let reason = "drill".to_owned();
    world.exchange(Event::Operator(Operator::ReduceOnly { reason }));
}

fn restriction(state: TradingState) -> Fact {
    let reason = "an earlier run".to_owned();
    let cause = HaltCause::Operator { reason };
    let symbol = symbol();
    Fact::SymbolRestricted { symbol, state, cause }
}

fn session_up(world: &mut World) {
    let account = "1".to_owned();
    world.exchange(Event::Venue(VenueReport::SessionUp { account }));
}

#[test]
fn f12_an_entry_whose_cancel_was_lost_is_canceled_again_where_only_exits_are_permitted() {
    let mut world = World::started();
    let resting = world.submit_live(entry(Side::Buy, 10));
    world.loses = |command| matches!(command, Command::Cancel { .. });
    reduce_only(&mut world);
    assert!(is_open(&world, resting));
    world.loses = |_| false;
    world.pass(Duration::from_secs(5));
    assert!(!is_open(&world, resting));
}

#[test]
fn f12_an_entry_that_arrives_after_its_cancel_is_canceled_again_where_only_exits_are_permitted() {
    let mut world = World::started();
    let (late, command) = world.submit(entry(Side::Buy, 10));
    reduce_only(&mut world);
    for report in world.venue.carry_out(world.now, command) {
        world.exchange(Event::Venue(report));
    }
    assert!(is_open(&world, late));
    world.pass(Duration::from_secs(5));
    assert!(!is_open(&world, late));
}

#[test]
fn f12_an_entry_that_was_open_while_the_session_was_down_is_canceled_when_it_is_up_again() {
    let mut world = World::started();
    let resting = world.submit_live(entry(Side::Buy, 10));
    session_down(&mut world);
    world.loses = |_| true;
    reduce_only(&mut world);
    world.pass(Duration::from_secs(60));
    assert!(is_open(&world, resting));
    world.loses = |_| false;
    session_up(&mut world);
    world.pass(Duration::from_secs(5));
    assert!(!is_open(&world, resting));
}

#[test]
fn f12_after_a_restart_only_what_the_state_permits_stays_open() {
    for (state, stays) in [
        (TradingState::EntriesBlocked, true),
        (TradingState::ReduceOnly, true),
        (TradingState::Halted, false),
    ] {
        let mut world = World::started();
        let held = world.submit_live(entry(Side::Buy, 10));
        let report = world.venue.fill(world.now, held, lots(10)).unwrap();
        world.exchange(Event::Venue(report));
        let adds = world.submit_live(entry(Side::Buy, 10));
        let (price, time_in_force) = ("101".parse().unwrap(), TimeInForce::Gtc);
        let reduces = world.submit_live(OrderIntent {
            ord_type: OrdType::Limit { price, time_in_force },
            purpose: Purpose::ReduceOnly,
            ..entry(Side::Sell, 10)
        });
        let (at, fact) = (world.now, restriction(state));
        world.log.records.push(Record { at, fact });
        world.restart();
        world.connect();
        world.pass(Duration::from_secs(5));
        assert!(!is_open(&world, adds), "{state}");
        assert_eq!(is_open(&world, reduces), stays, "{state}");
    }
}

#[test]
fn f12_flattening_sells_what_is_held_of_a_pair_that_is_halted_alone() {
    let mut world = World::started();
    let held = world.submit_live(entry(Side::Buy, 10));
    let report = world.venue.fill(world.now, held, lots(10)).unwrap();
    world.exchange(Event::Venue(report));
    let (at, fact) = (world.now, restriction(TradingState::Halted));
    world.log.records.push(Record { at, fact });
    world.restart();
    world.connect();
    assert_eq!(world.trader.trading_state(), TradingState::Active);
    assert_eq!(world.trader.trading_state_of(symbol()), TradingState::Halted);
    let reason = "sells all".to_owned();
    world.exchange(Event::Operator(Operator::Flatten { reason }));
    assert_eq!(world.trader.trading_state_of(symbol()), TradingState::ReduceOnly);
    let sales = world.venue.orders.values();
    let sold = sales.filter(|order| order.intent.side == Side::Sell).count();
    assert_eq!(sold, 1, "{:?}", world.alerts);
}
