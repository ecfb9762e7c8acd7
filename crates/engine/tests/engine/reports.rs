//! What each of the venue's reports counts for, and what it does not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, cancels, entry, lots, price};
use keel_domain::{ClOrdId, ExecType, OrdStatus, OrdType, OrderIntent, Purpose, Side, TimeInForce};
use keel_engine::{Command, Event, ProtectionSettings};
use keel_execution::VenueReport;
use keel_risk::TradingState;
use keel_strategy::Action;

#[test]
fn f57_a_clock_apart_is_told_and_halts_where_times_cannot_be_trusted() {
    for (is_fault, state) in [(false, TradingState::Active), (true, TradingState::Halted)] {
        let mut world = World::started();
        world.on_venue(VenueReport::ClockApart {
            offset_ms: -2_100,
            is_warning: true,
            is_fault,
        });
        assert_eq!(world.trader.trading_state(), state);
        let told = "the venue's clock is -2100 ms from ours; set this machine's clock by NTP";
        assert_eq!(world.alerts[0], told);
    }
}

#[test]
fn f58_a_jump_of_the_wall_clock_is_told() {
    let mut world = World::started();
    world.on_venue(VenueReport::ClockJumped { by_ms: -1_500 });
    assert_eq!(world.alerts, ["the wall clock jumped by -1500 ms"]);
}

#[test]
fn every_trade_and_every_cancel_is_counted_once() {
    let mut world = World::started();
    let filled = world.submit_live(entry(Side::Buy, 10));
    let canceled = world.submit_live(entry(Side::Buy, 10));
    let reports = [
        world.venue.fill(world.now, filled, lots(4)),
        world.venue.fill(world.now, filled, lots(6)),
        world.venue.fill(world.now, canceled, lots(3)),
        world.venue.end(world.now, canceled, OrdStatus::Canceled),
    ];
    for report in reports.into_iter().flatten() {
        world.on_venue(report.clone());
        world.on_venue(report);
    }
    let counters = world.trader.counters();
    assert_eq!((counters.fills, counters.canceled), (3, 1));
}

#[test]
fn f18_a_trade_that_only_a_question_found_is_counted_too() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    world.venue.fill(world.now, id, lots(3)).unwrap();
    world.pass(Duration::from_secs(31));
    world.pass(Duration::from_secs(31));
    assert_eq!(world.trader.counters().fills, 1);
}

#[test]
fn f41_an_order_that_somebody_else_amended_is_told_once() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    world.venue.orders.get_mut(&id).unwrap().intent.order_qty = lots(6);
    for _ in 0..2 {
        let amended = world.venue.report(world.now, id, ExecType::OrderStatus).unwrap();
        world.on_venue(VenueReport::Execution(amended));
    }
    assert_eq!(
        world.alerts,
        [format!(
            "BTCUSDT: order {id} was amended from 0.1 to 0.06, and not by us"
        )]
    );
    assert_eq!(world.trader.counters().foreign, 1);
}

fn asks_to_cancel(world: &mut World, id: ClOrdId) -> bool {
    cancels(&world.wish(vec![Action::Cancel(id)])) == [id]
}

fn found_live(world: &mut World, id: ClOrdId) {
    let report = world.venue.report(world.now, id, ExecType::OrderStatus).unwrap();
    world.on_venue(VenueReport::Execution(report));
}

#[test]
fn f3_a_cancel_that_failed_is_tried_again_when_the_order_was_found_live_and_not_before() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    assert!(asks_to_cancel(&mut world, id));
    found_live(&mut world, id);
    assert!(!asks_to_cancel(&mut world, id), "the first is still under way");
    let commands = world.on_venue(VenueReport::CancelUnknown { cl_ord_id: id });
    let asks =
        |command: &Command| matches!(command, Command::QueryOrder { cl_ord_id, .. } if *cl_ord_id == id);
    assert!(commands.iter().any(asks));
    let fill = world.venue.fill(world.now, id, lots(1)).unwrap();
    world.on_venue(fill);
    assert!(
        !asks_to_cancel(&mut world, id),
        "a trade does not answer whether it was canceled"
    );
    found_live(&mut world, id);
    assert!(asks_to_cancel(&mut world, id));
}

#[test]
fn f3_a_late_refusal_to_cancel_what_has_ended_is_no_question() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
    world.on_venue(fill);
    let before = world.log.records.len();
    let refused = world.venue.cancel(world.now, id);
    assert_eq!(world.on_venue(refused), []);
    assert_eq!(world.log.records.len(), before);
}

#[test]
fn an_answer_that_tells_nothing_new_is_not_recorded() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let before = world.log.records.len();
    found_live(&mut world, id);
    assert_eq!(world.log.records.len(), before);
}

#[test]
fn f26_an_entry_that_found_no_seller_is_no_failure_of_the_protection() {
    let mut world = World::protected(ProtectionSettings {
        stop_distance_bps: 500,
        unprotected_max: Duration::from_secs(10),
    });
    let intent = OrderIntent {
        ord_type: OrdType::Limit {
            price: price("100"),
            time_in_force: TimeInForce::Ioc,
        },
        purpose: Purpose::Entry,
        ..entry(Side::Buy, 10)
    };
    let id = world.submit_live(intent);
    let expired = world.venue.end(world.now, id, OrdStatus::Expired).unwrap();
    world.exchange(Event::Venue(expired));
    assert_eq!(world.alerts, Vec::<String>::new());
}
