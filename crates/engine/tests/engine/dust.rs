//! What is too small to sell: out of the position once, in equity for good, and never asked for again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, cancels, entry, instrument, lots, submissions, symbol};
use keel_domain::{
    ClOrdId, Instrument, Money, NotionalRange, OrdStatus, OrdType, OrderIntent, Purpose, Side, SignedQty,
};
use keel_engine::{Event, Fact, Operator};
use keel_execution::VenueReport;
use keel_positions::Dust;
use keel_risk::HaltCause;
use keel_strategy::Action;

/// A lot is 0.01, worth 1: less than five lots cannot be sold.
pub(super) fn world() -> World {
    let mut world = World::started();
    let notional = NotionalRange {
        min: Money::from(5),
        ..instrument(symbol()).notional
    };
    let changed = Instrument {
        notional,
        ..instrument(symbol())
    };
    world.exchange(Event::Venue(VenueReport::Instrument(changed)));
    world
}

pub(super) fn fill(world: &mut World, id: ClOrdId, qty: i64) {
    let report = world.venue.fill(world.now, id, lots(qty)).unwrap();
    world.exchange(Event::Venue(report));
}

fn end(world: &mut World, id: ClOrdId) {
    let report = world.venue.end(world.now, id, OrdStatus::Canceled).unwrap();
    world.exchange(Event::Venue(report));
}

/// An entry of which so much filled, and which is over.
pub(super) fn partial(world: &mut World, filled: i64) -> ClOrdId {
    let id = world.submit_live(entry(Side::Buy, 10));
    fill(world, id, filled);
    end(world, id);
    id
}

/// Time passes with a fresh price.
pub(super) fn pass(world: &mut World, ms: u64) {
    for _ in 0..ms.div_euclid(1_000) {
        step(world, 1_000);
    }
    step(world, ms % 1_000);
}

fn step(world: &mut World, ms: u64) {
    world.now = world.now.plus(Duration::from_millis(ms));
    world.quote("100", "100.02");
    world.exchange(Event::Timer);
}

fn booked(world: &World) -> Vec<Dust> {
    let facts = world.log.records.iter().map(|record| &record.fact);
    facts
        .filter_map(|fact| match fact {
            Fact::Dust { dust, .. } => Some(*dust),
            _ => None,
        })
        .collect()
}

#[test]
fn f44_a_remainder_below_the_smallest_value_becomes_dust_after_five_seconds_once() {
    let mut world = world();
    partial(&mut world, 4);
    step(&mut world, 0);
    pass(&mut world, 4_999);
    assert_eq!(booked(&world), []);
    step(&mut world, 1);
    assert_eq!(world.trader.position(symbol()), SignedQty::ZERO);
    assert_eq!(world.trader.dust(symbol()), lots(4).to_decimal());
    pass(&mut world, 60_000);
    assert_eq!(booked(&world).len(), 1);
    assert_eq!(world.trader.state(), &world.replayed());
    world.restart();
    world.connect();
    pass(&mut world, 10_000);
    assert_eq!(booked(&world).len(), 1, "a restart books nothing again");
    assert_eq!(world.trader.dust(symbol()), lots(4).to_decimal());
    assert!(world.trader.money_check().is_none_or(|check| check.is_ok));
}

#[test]
fn f44_what_can_be_sold_is_no_dust() {
    let mut world = world();
    partial(&mut world, 5);
    pass(&mut world, 60_000);
    assert_eq!(booked(&world), []);
    let exit = OrderIntent {
        ord_type: OrdType::Market,
        purpose: Purpose::ReduceOnly,
        ..entry(Side::Sell, 5)
    };
    assert_eq!(submissions(&world.wish(vec![Action::Submit(exit)])), 1);
}

#[test]
fn f44_a_remainder_that_is_added_to_in_time_is_no_dust() {
    let mut world = world();
    partial(&mut world, 2);
    pass(&mut world, 4_000);
    partial(&mut world, 2);
    pass(&mut world, 4_000);
    assert_eq!(booked(&world), [], "the time begins anew with each trade");
    partial(&mut world, 2);
    pass(&mut world, 60_000);
    assert_eq!(booked(&world), []);
    assert_eq!(world.trader.position(symbol()), SignedQty::from(lots(6)));
}

#[test]
fn f44_nothing_is_booked_while_an_order_could_still_change_it() {
    let mut world = world();
    partial(&mut world, 2);
    let open = world.submit_live(entry(Side::Buy, 10));
    pass(&mut world, 60_000);
    assert_eq!(booked(&world), []);
    end(&mut world, open);
    pass(&mut world, 6_000);
    assert_eq!(booked(&world).len(), 1);
}

#[test]
fn f44_an_entry_of_which_too_little_has_filled_is_kept_for_a_minute() {
    let mut world = world();
    let id = world.submit_live(entry(Side::Buy, 10));
    fill(&mut world, id, 4);
    let asks = |world: &mut World| cancels(&world.wish(vec![Action::Cancel(id)]));
    assert_eq!(asks(&mut world), []);
    pass(&mut world, 59_999);
    assert_eq!(asks(&mut world), []);
    step(&mut world, 1);
    assert_eq!(asks(&mut world), [id]);
}

#[test]
fn f44_an_entry_that_filled_enough_or_not_at_all_is_canceled_at_once() {
    let mut world = world();
    let nothing = world.submit_live(entry(Side::Buy, 10));
    assert_eq!(cancels(&world.wish(vec![Action::Cancel(nothing)])), [nothing]);
    let enough = world.submit_live(entry(Side::Buy, 9));
    fill(&mut world, enough, 4);
    assert_eq!(cancels(&world.wish(vec![Action::Cancel(enough)])), []);
    fill(&mut world, enough, 2);
    assert_eq!(cancels(&world.wish(vec![Action::Cancel(enough)])), [enough]);
}

#[test]
fn f44_a_halt_cancels_what_was_kept() {
    let mut world = world();
    let id = world.submit_live(entry(Side::Buy, 10));
    fill(&mut world, id, 4);
    assert_eq!(cancels(&world.wish(vec![Action::Cancel(id)])), []);
    let reason = "drill".to_owned();
    let halt = Operator::Halt(HaltCause::Operator { reason });
    assert_eq!(cancels(&world.on(Event::Operator(halt))), [id]);
}
