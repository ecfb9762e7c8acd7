//! Exits that carry their stop: both or none at the venue, and never twice the coins.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, cancels, entry, lots, price, symbol};
use keel_domain::{ClOrdId, OrdType, OrderIntent, Purpose, Qty, Side, SignedQty, StopLeg, Trigger};
use keel_engine::{Command, Event, Operator, ProtectionSettings};
use keel_execution::{OrderState, Reject, UnknownCause, VenueReport};
use keel_risk::{HaltCause, TradingState};
use keel_strategy::Action;

/// A sale above the market of 99.99 to 100.01.
fn exit(qty: i64) -> OrderIntent {
    OrderIntent {
        ord_type: OrdType::LimitMaker { price: price("101") },
        purpose: Purpose::ReduceOnly,
        ..entry(Side::Sell, qty)
    }
}

/// Holds ten lots, bought at 100; the last trade was at this price.
fn holding(last: &str) -> World {
    let mut world = World::protected(ProtectionSettings {
        stop_distance_bps: 200,
        unprotected_max: Duration::from_secs(5),
    });
    world.last_trade(last);
    let id = world.submit_live(entry(Side::Buy, 10));
    fill(&mut world, id, 10);
    world
}

fn fill(world: &mut World, id: ClOrdId, qty: i64) {
    let report = world.venue.fill(world.now, id, lots(qty)).unwrap();
    world.exchange(Event::Venue(report));
}

/// Wishes for the exit; gives its id and the stop that it carries.
fn sell(world: &mut World, intent: OrderIntent) -> (ClOrdId, Option<StopLeg>) {
    let (id, command) = world.submit(intent);
    let Command::Submit(order) = &command else {
        panic!("not submitted")
    };
    let stop = order.stop();
    for report in world.venue.carry_out(world.now, command) {
        world.exchange(Event::Venue(report));
    }
    (id, stop)
}

/// With an exit for all of it, and its stop.
fn paired() -> (World, ClOrdId, ClOrdId) {
    let mut world = holding("100");
    let (id, stop) = sell(&mut world, exit(10));
    let stop = stop.unwrap();
    (world, id, stop.cl_ord_id)
}

fn state(world: &World, id: ClOrdId) -> OrderState {
    world.trader.state().orders().get(id).unwrap().state()
}

fn pass(world: &mut World, ms: u64) {
    world.pass(Duration::from_millis(ms));
}

#[test]
fn f28_an_exit_above_the_market_carries_a_stop_of_its_size() {
    let mut world = holding("100");
    let (_, stop) = sell(&mut world, exit(7));
    let trigger = Trigger::Stop { stop_px: price("98") };
    assert_eq!(stop.unwrap().ord_type, OrdType::StopLoss { trigger });
    assert_eq!(world.trader.live_qty(symbol()).1, lots(7), "counted once");
    pass(&mut world, 2_000);
    let open = world
        .venue
        .orders
        .values()
        .filter(|order| !order.status.is_terminal());
    let mut stopped: Vec<Qty> = open
        .filter(|order| order.intent.ord_type.trigger().is_some())
        .map(|order| order.leaves())
        .collect();
    stopped.sort_unstable();
    assert_eq!(stopped, [lots(3), lots(7)], "the rest has a stop of its own");
}

#[test]
fn where_the_venue_takes_no_pair_the_exit_goes_alone() {
    let market = OrderIntent {
        ord_type: OrdType::Market,
        ..exit(10)
    };
    let entry_to_sell = OrderIntent {
        purpose: Purpose::Entry,
        ..exit(10)
    };
    for (last, intent) in [
        // The last price is not below the sale, or not above the stop.
        ("101", exit(10)),
        ("98", exit(10)),
        ("100", market),
        ("100", entry_to_sell),
    ] {
        let (_, stop) = sell(&mut holding(last), intent);
        assert_eq!(stop, None, "{last} {intent:?}");
    }
    assert!(sell(&mut holding("100.99"), exit(10)).1.is_some());
    assert!(sell(&mut holding("98.01"), exit(10)).1.is_some());
}

#[test]
fn what_one_of_them_sells_the_other_does_not() {
    for is_stop in [false, true] {
        let (mut world, id, stop) = paired();
        let (sells, other) = if is_stop { (stop, id) } else { (id, stop) };
        fill(&mut world, sells, 10);
        assert!(matches!(state(&world, other), OrderState::Done(_)), "{is_stop}");
        assert_eq!(world.trader.position(symbol()), SignedQty::ZERO);
        assert_eq!(world.trader.live_qty(symbol()).1, Qty::ZERO);
        pass(&mut world, 5_000);
        assert_eq!(world.venue.open(symbol(), Side::Sell), Qty::ZERO);
    }
}

#[test]
fn f30_an_exit_that_has_sold_a_part_is_alone_and_the_rest_of_it_waits() {
    let (mut world, id, stop) = paired();
    fill(&mut world, id, 4);
    assert!(matches!(state(&world, stop), OrderState::Done(_)));
    pass(&mut world, 5_000);
    assert_eq!(world.venue.open(symbol(), Side::Sell), lots(6));
}

#[test]
fn f28_a_canceled_exit_takes_its_stop_along_and_another_one_follows() {
    let (mut world, id, stop) = paired();
    let commands = world.wish(vec![Action::Cancel(id)]);
    assert_eq!(cancels(&commands), [id], "one cancel for both");
    for command in commands {
        for report in world.venue.carry_out(world.now, command) {
            world.exchange(Event::Venue(report));
        }
    }
    for id in [id, stop] {
        assert!(matches!(state(&world, id), OrderState::Done(_)));
    }
    pass(&mut world, 2_000);
    let alone: Vec<ClOrdId> = world.trader.resting_stops().map(|o| o.cl_ord_id()).collect();
    assert_eq!(alone.len(), 1);
    assert_eq!(world.venue.open(symbol(), Side::Sell), lots(10));
}

#[test]
fn a_refused_pair_is_refused_as_a_whole_and_the_next_exit_goes_alone() {
    let mut world = holding("100");
    let refuse = |world: &mut World| {
        let (cl_ord_id, command) = world.submit(exit(10));
        let Command::Submit(order) = command else {
            panic!("not submitted")
        };
        let text = "The relationship of the prices for the orders is not correct.".to_owned();
        let reject = Reject { code: -2010, text };
        world.exchange(Event::Venue(VenueReport::SubmitRejected { cl_ord_id, reject }));
        (cl_ord_id, order.stop())
    };
    let (id, stop) = refuse(&mut world);
    for id in [id, stop.unwrap().cl_ord_id] {
        assert!(matches!(state(&world, id), OrderState::Done(_)));
    }
    world.now = world.now.plus(Duration::from_millis(600));
    world.quote("99.99", "100.01");
    assert_eq!(sell(&mut world, exit(10)).1, None);
    assert_eq!(world.trader.trading_state(), TradingState::Active);
    let restricted = world.trader.state().restricted_symbols();
    assert!(restricted.is_empty(), "{restricted:?}");
}

#[test]
fn f1_a_pair_of_unknown_outcome_is_unknown_as_a_whole_and_found_or_proven_absent_one_by_one() {
    for arrived in [true, false] {
        let mut world = holding("100");
        let (id, command) = world.submit(exit(10));
        let Command::Submit(order) = &command else {
            panic!("not submitted")
        };
        let stop = order.stop().unwrap().cl_ord_id;
        if arrived {
            let _lost = world.venue.carry_out(world.now, command);
        }
        let cause = UnknownCause::TimedOut;
        let commands = world.on_venue(VenueReport::SubmitUnknown { cl_ord_id: id, cause });
        let asked = commands
            .iter()
            .filter(|c| matches!(c, Command::QueryOrder { .. }));
        assert_eq!(asked.count(), 2, "both are asked for");
        for id in [id, stop] {
            assert!(matches!(state(&world, id), OrderState::Unknown(_)));
        }
        assert_eq!(world.trader.live_qty(symbol()).1, lots(10), "and counted once");
        pass(&mut world, 60_000);
        for id in [id, stop] {
            let is_live = state(&world, id) == OrderState::Live;
            assert_eq!(is_live, arrived, "{id}");
        }
        assert_eq!(
            world.venue.open(symbol(), Side::Sell),
            lots(10),
            "a stop, where none arrived"
        );
    }
}

#[test]
fn f31_a_halt_and_an_end_leave_both_and_name_them() {
    for end in [
        Operator::Shutdown,
        Operator::Halt(HaltCause::Operator {
            reason: "drill".to_owned(),
        }),
    ] {
        let (mut world, id, stop) = paired();
        world.exchange(Event::Operator(end));
        pass(&mut world, 2_000);
        assert!(world.trader.is_closed());
        assert_eq!(world.trader.leftovers().count(), 0);
        let mut left: Vec<ClOrdId> = world.trader.resting_stops().map(|o| o.cl_ord_id()).collect();
        left.sort_unstable();
        let mut expected = [id, stop];
        expected.sort_unstable();
        assert_eq!(left, expected);
        assert_eq!(world.venue.open(symbol(), Side::Sell), lots(10));
    }
}

#[test]
fn f31_a_restart_knows_that_they_belong_together() {
    let (mut world, id, stop) = paired();
    world.restart();
    world.connect();
    pass(&mut world, 2_000);
    let pair = |id| world.trader.state().orders().get(id).unwrap().pair();
    assert_eq!((pair(id), pair(stop)), (Some(stop), Some(id)));
    assert_eq!(world.trader.live_qty(symbol()).1, lots(10));
    assert_eq!(
        world.venue.open(symbol(), Side::Sell),
        lots(10),
        "nothing was added"
    );
    assert_eq!(world.trader.state(), &world.replayed());
}

#[test]
fn flattening_cancels_both_by_one_cancel_and_sells() {
    let (mut world, id, _) = paired();
    let reason = "going away".to_owned();
    let commands = world.on(Event::Operator(Operator::Flatten { reason }));
    assert_eq!(cancels(&commands), [id]);
    for command in commands {
        for report in world.venue.carry_out(world.now, command) {
            world.exchange(Event::Venue(report));
        }
    }
    pass(&mut world, 10);
    let sale = world.trader.leftovers().next().unwrap();
    assert_eq!(
        sale.intent().ord_type.time_in_force(),
        Some(keel_domain::TimeInForce::Ioc)
    );
    let sale = sale.cl_ord_id();
    fill(&mut world, sale, 10);
    pass(&mut world, 1_000);
    assert!(world.trader.is_flat());
    assert!(
        world
            .venue
            .orders
            .values()
            .all(|order| order.status.is_terminal())
    );
}
