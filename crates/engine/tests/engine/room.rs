//! Stops that give way to an exit, to a smaller position or to each other: as few as will do, and the others stay.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, cancels, entry, instrument, lots, price, submissions, symbol};
use keel_domain::{
    ClOrdId, Instrument, Money, NotionalRange, OrdStatus, OrdType, OrderIntent, Purpose, Qty, Side,
};
use keel_engine::{Event, Operator, ProtectionSettings};
use keel_execution::VenueReport;
use keel_risk::{HaltCause, TradingState};
use keel_strategy::Action;

fn exit(qty: i64) -> OrderIntent {
    OrderIntent {
        ord_type: OrdType::LimitMaker { price: price("101") },
        purpose: Purpose::ReduceOnly,
        ..entry(Side::Sell, qty)
    }
}

fn protected() -> World {
    World::protected(ProtectionSettings {
        stop_distance_bps: 200,
        unprotected_max: Duration::from_secs(5),
    })
}

fn buys(world: &mut World, qty: i64) {
    let id = world.submit_live(entry(Side::Buy, qty));
    let report = world.venue.fill(world.now, id, lots(qty)).unwrap();
    world.exchange(Event::Venue(report));
}

/// Holds what was bought in parts, each with a stop of its own. Gives the stops.
fn holding<const N: usize>(parts: [i64; N]) -> (World, [ClOrdId; N]) {
    let mut world = protected();
    let stops = parts.map(|qty| {
        let before: Vec<ClOrdId> = stops(&world).iter().map(|(id, _)| *id).collect();
        buys(&mut world, qty);
        world.pass(Duration::from_millis(500));
        let new = stops(&world).into_iter().find(|(id, _)| !before.contains(id));
        let (id, stopped) = new.unwrap();
        assert_eq!(stopped, lots(qty));
        id
    });
    (world, stops)
}

/// The stops that are open at the venue.
fn stops(world: &World) -> Vec<(ClOrdId, Qty)> {
    let open = world.venue.orders.iter();
    open.filter(|(_, order)| order.intent.ord_type.trigger().is_some() && !order.status.is_terminal())
        .map(|(id, order)| (*id, order.leaves()))
        .collect()
}

fn stopped(world: &World) -> Qty {
    stops(world)
        .iter()
        .fold(Qty::ZERO, |sum, (_, qty)| sum.saturating_add(*qty))
}

/// The strategy wishes for the exit. Gives what is canceled for it, and carries it out.
fn asks_for(world: &mut World, intent: OrderIntent) -> Vec<ClOrdId> {
    let commands = world.wish(vec![Action::Submit(intent)]);
    let canceled = cancels(&commands);
    for command in commands {
        for report in world.venue.carry_out(world.now, command) {
            world.exchange(Event::Venue(report));
        }
    }
    canceled
}

#[test]
fn f28_the_smallest_stop_that_is_enough_makes_room_for_an_exit_and_what_it_does_not_need_is_covered_at_once()
{
    let (mut world, [large, middle, small]) = holding([20, 10, 5]);
    buys(&mut world, 4);
    // Six more than is free.
    assert_eq!(asks_for(&mut world, exit(10)), [middle]);
    let left: Vec<ClOrdId> = stops(&world).iter().map(|(id, _)| *id).collect();
    assert!(left.contains(&large) && left.contains(&small));
    assert_eq!(stopped(&world), lots(29), "all that the exit does not need");
    world.submit_live(exit(10));
    world.pass(Duration::from_secs(2));
    assert_eq!(stopped(&world), lots(29));
}

#[test]
fn f28_where_no_stop_is_enough_the_largest_make_room_and_no_more_of_them_than_are_needed() {
    for (qty, canceled) in [(24, vec![0, 2]), (30, vec![0, 1]), (31, vec![0, 1, 2])] {
        let (mut world, ids) = holding([20, 10, 5]);
        let canceled: Vec<ClOrdId> = canceled.into_iter().map(|place| ids[place]).collect();
        assert_eq!(asks_for(&mut world, exit(qty)), canceled, "{qty}");
        world.submit_live(exit(qty));
    }
}

#[test]
fn f28_a_cancel_that_is_under_way_counts_for_the_exit_that_is_asked_for_again() {
    let (mut world, [_, middle, _]) = holding([20, 10, 5]);
    let first = world.wish(vec![Action::Submit(exit(6))]);
    assert_eq!(cancels(&first), [middle]);
    let again = world.wish(vec![Action::Submit(exit(6))]);
    assert_eq!(cancels(&again), []);
}

#[test]
fn f30_a_smaller_position_costs_no_stop_that_still_fits() {
    let (mut world, [large, small]) = holding([20, 10]);
    // The account had 50 before it bought; a person sold them and 0.03 more.
    world
        .venue
        .balances
        .insert("BTC".parse().unwrap(), lots(27).to_decimal());
    let reason = "sold by hand".to_owned();
    world.exchange(Event::Operator(Operator::AcceptVenue { reason }));
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(27)));
    world.pass(Duration::from_secs(2));
    assert_eq!(world.venue.orders[&large].status, OrdStatus::New);
    assert_eq!(world.venue.orders[&small].status, OrdStatus::Canceled);
    assert_eq!(stopped(&world), lots(27));
}

#[test]
fn f30_where_the_pair_has_its_number_of_stops_the_two_smallest_become_one() {
    let (mut world, [one, two, three, four]) = holding([8, 5, 7, 6]);
    buys(&mut world, 1);
    world.pass(Duration::from_secs(1));
    let left: Vec<(ClOrdId, Qty)> = stops(&world);
    assert!(left.contains(&(one, lots(8))) && left.contains(&(three, lots(7))));
    assert_eq!(left.len(), 3, "{left:?}");
    for merged in [two, four] {
        assert_eq!(world.venue.orders[&merged].status, OrdStatus::Canceled);
    }
    assert_eq!(stopped(&world), lots(27));
}

/// What is sold for less than 2.50 is too little.
fn with_a_least_value(world: &mut World) {
    let min = Money::new(250, 2);
    let pair = Instrument {
        notional: NotionalRange {
            min,
            ..NotionalRange::OFF
        },
        ..instrument(symbol())
    };
    world.exchange(Event::Venue(VenueReport::Instrument(pair)));
}

#[test]
fn f30_what_is_too_little_for_a_stop_of_its_own_joins_the_smallest() {
    let (mut world, [large, small]) = holding([20, 10]);
    with_a_least_value(&mut world);
    let id = world.submit_live(entry(Side::Buy, 10));
    let report = world.venue.fill(world.now, id, lots(1)).unwrap();
    world.exchange(Event::Venue(report));
    world.pass(Duration::from_secs(2));
    assert_eq!(world.venue.orders[&large].status, OrdStatus::New);
    assert_eq!(world.venue.orders[&small].status, OrdStatus::Canceled);
    assert_eq!(stopped(&world), lots(31));
}

#[test]
fn f30_what_is_a_little_more_than_one_order_may_sell_has_two_stops_and_they_stay() {
    let (mut world, [_]) = holding([99]);
    with_a_least_value(&mut world);
    let id = world.submit_live(entry(Side::Buy, 10));
    for _ in 0..2 {
        let report = world.venue.fill(world.now, id, lots(1)).unwrap();
        world.exchange(Event::Venue(report));
        world.pass(Duration::from_secs(2));
    }
    assert_eq!(stopped(&world), lots(101));
    let covered = stops(&world);
    assert_eq!(covered.len(), 2, "{covered:?}");
    world.pass(Duration::from_secs(10));
    assert_eq!(stops(&world), covered, "and nothing is canceled any more");
}

fn halted(world: &mut World) {
    let reason = "drill".to_owned();
    world.exchange(Event::Operator(Operator::Halt(HaltCause::Operator { reason })));
    assert_eq!(world.trader.trading_state(), TradingState::Halted);
}

#[test]
fn f28_no_stop_makes_room_for_an_exit_that_the_state_does_not_permit() {
    let (mut world, [_]) = holding([10]);
    halted(&mut world);
    let commands = world.wish(vec![Action::Submit(exit(4))]);
    assert_eq!((cancels(&commands), submissions(&commands)), (vec![], 0));
}

#[test]
fn f27_a_stop_that_the_price_has_passed_stays_where_no_sale_may_follow() {
    let (mut world, [stop]) = holding([10]);
    halted(&mut world);
    for _ in 0..20 {
        world.now = world.now.plus(Duration::from_millis(500));
        world.quote("97.00", "97.02");
        world.exchange(Event::Timer);
    }
    assert_eq!(stops(&world), [(stop, lots(10))]);
}

#[test]
fn f25_no_stop_is_given_up_for_a_larger_one_that_may_not_follow() {
    let (mut world, ids) = holding([5, 6, 7, 8]);
    let late = world.submit_live(entry(Side::Buy, 1));
    // The fill is quicker than the halt's cancel.
    let report = world.venue.fill(world.now, late, lots(1)).unwrap();
    halted(&mut world);
    world.exchange(Event::Venue(report));
    world.pass(Duration::from_secs(6));
    let left: Vec<ClOrdId> = stops(&world).iter().map(|(id, _)| *id).collect();
    assert_eq!(left, ids);
    let told = |text: &&String| text.contains("0.01 held by strategy scripted without a stop");
    assert_eq!(world.alerts.iter().filter(told).count(), 1, "{:?}", world.alerts);
}
