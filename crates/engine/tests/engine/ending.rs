//! An end in order leaves what is held with a stop: no other order leaves any more.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, cancels, entry, lots, price, submissions, symbol};
use keel_domain::{ClOrdId, OrdType, OrderIntent, Purpose, Qty, Side};
use keel_engine::{Command, Event, Operator, ProtectionSettings};
use keel_execution::{Reject, VenueReport};
use keel_risk::{HaltCause, TradingState};
use keel_strategy::Action;

fn exit(qty: i64) -> OrderIntent {
    OrderIntent {
        ord_type: OrdType::LimitMaker { price: price("101") },
        purpose: Purpose::ReduceOnly,
        ..entry(Side::Sell, qty)
    }
}

/// Holds ten lots that an exit without a stop has on sale, bought right now.
fn on_sale() -> (World, ClOrdId) {
    let mut world = World::protected(ProtectionSettings {
        stop_distance_bps: 200,
        unprotected_max: Duration::from_secs(5),
    });
    let id = world.submit_live(entry(Side::Buy, 10));
    let report = world.venue.fill(world.now, id, lots(10)).unwrap();
    world.exchange(Event::Venue(report));
    let sale = world.submit_live(exit(10));
    assert_eq!(stopped(&world), Qty::ZERO);
    (world, sale)
}

fn stopped(world: &World) -> Qty {
    let open = world.venue.orders.values();
    open.filter(|order| order.intent.ord_type.trigger().is_some() && !order.status.is_terminal())
        .fold(Qty::ZERO, |sum, order| sum.saturating_add(order.leaves()))
}

/// The venue answers the cancels of this end. Gives the commands that follow.
fn cancels_go_through(world: &mut World, commands: Vec<Command>) -> Vec<Command> {
    let mut following = Vec::new();
    for command in commands {
        for report in world.venue.carry_out(world.now, command) {
            following.extend(world.on_venue(report));
        }
    }
    following
}

fn halt(what: &str) -> Event {
    let what = what.to_owned();
    Event::Operator(Operator::Halt(HaltCause::KeyRefused { what }))
}

#[test]
fn f25_f11_an_end_gives_what_an_exit_had_on_sale_its_stop_at_once_and_waits_for_it() {
    let (mut world, sale) = on_sale();
    let commands = world.on(Event::Operator(Operator::Shutdown));
    assert_eq!((cancels(&commands), submissions(&commands)), (vec![sale], 0));
    let following = cancels_go_through(&mut world, commands);
    assert_eq!(
        submissions(&following),
        1,
        "without the half second: {following:?}"
    );
    assert!(world.trader.awaits_stop(world.now));
    assert!(!world.trader.is_closed());
    cancels_go_through(&mut world, following);
    assert!(!world.trader.awaits_stop(world.now));
    assert!(world.trader.is_closed());
    assert_eq!(stopped(&world), lots(10));
    assert_eq!(world.trader.unprotected_since(symbol()), None);
    assert_eq!(world.trader.trading_state(), TradingState::Halted);
}

#[test]
fn f25_f11_what_fills_while_the_end_is_under_way_has_its_stop_too() {
    let (mut world, _) = on_sale();
    let late = world.submit_live(entry(Side::Buy, 3));
    let commands = world.on(Event::Operator(Operator::Shutdown));
    // The fill is quicker than the cancel.
    let report = world.venue.fill(world.now, late, lots(3)).unwrap();
    world.exchange(Event::Venue(report));
    for command in cancels_go_through(&mut world, commands) {
        for report in world.venue.carry_out(world.now, command) {
            world.exchange(Event::Venue(report));
        }
    }
    world.pass(Duration::from_secs(1));
    assert!(world.trader.is_closed() && !world.trader.awaits_stop(world.now));
    assert_eq!(stopped(&world), lots(13));
}

#[test]
fn f11_a_strategy_sends_no_stop_and_no_exit_once_the_end_has_begun() {
    let (mut world, _) = on_sale();
    world.exchange(Event::Operator(Operator::Shutdown));
    let stop = OrderIntent {
        ord_type: OrdType::StopLoss {
            trigger: keel_domain::Trigger::Stop { stop_px: price("97") },
        },
        ..exit(1)
    };
    for wish in [stop, exit(1), entry(Side::Buy, 1)] {
        let commands = world.wish(vec![Action::Submit(wish)]);
        assert_eq!((submissions(&commands), cancels(&commands)), (0, vec![]));
    }
    assert_eq!(stopped(&world), lots(10));
}

#[test]
fn f25_f11_a_stop_that_is_refused_at_the_end_is_tried_as_a_limit_and_nothing_is_sold() {
    let (mut world, _) = on_sale();
    let commands = world.on(Event::Operator(Operator::Shutdown));
    let mut following = cancels_go_through(&mut world, commands);
    let mut kinds = Vec::new();
    while let Some(Command::Submit(order)) = following.pop() {
        kinds.push(order.intent().ord_type);
        let text = "This action is disabled on this account.".to_owned();
        let reject = Reject { code: -2010, text };
        let cl_ord_id = order.cl_ord_id();
        following = world.on_venue(VenueReport::SubmitRejected { cl_ord_id, reject });
        following.retain(|command| matches!(command, Command::Submit(_)));
    }
    assert!(
        matches!(
            kinds.as_slice(),
            [OrdType::StopLoss { .. }, OrdType::StopLossLimit { .. }]
        ),
        "{kinds:?}"
    );
    assert!(
        !world.trader.awaits_stop(world.now),
        "nothing is left to wait for"
    );
    world.pass(Duration::from_secs(1));
    assert!(world.trader.is_closed());
    assert!(world.trader.unprotected_since(symbol()).is_some());
    let restricted = world.trader.state().restricted_symbols();
    assert!(restricted.is_empty(), "the next start may trade: {restricted:?}");
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(10)));
}

#[test]
fn f25_f11_a_price_below_the_stop_at_the_end_sells_nothing() {
    let (mut world, _) = on_sale();
    world.quote("97.00", "97.02");
    world.exchange(Event::Operator(Operator::Shutdown));
    for _ in 0..10 {
        world.now = world.now.plus(Duration::from_millis(500));
        world.quote("97.00", "97.02");
        world.exchange(Event::Timer);
    }
    assert_eq!(world.venue.open(symbol(), Side::Sell), Qty::ZERO);
    assert!(world.trader.is_closed() && !world.trader.awaits_stop(world.now));
}

#[test]
fn f25_f33_a_halt_before_or_in_the_end_places_no_stop_and_is_waited_for_by_nobody() {
    for halts_first in [true, false] {
        let (mut world, _) = on_sale();
        let mut words = [halt("-2015"), Event::Operator(Operator::Shutdown)];
        if !halts_first {
            words.reverse();
        }
        let mut commands = Vec::new();
        for word in words {
            commands.extend(world.on(word));
        }
        let following = cancels_go_through(&mut world, commands);
        assert_eq!(submissions(&following), 0);
        world.pass(Duration::from_secs(3));
        assert_eq!(stopped(&world), Qty::ZERO, "{halts_first}");
        assert!(!world.trader.awaits_stop(world.now));
        assert!(world.trader.is_closed());
    }
}
