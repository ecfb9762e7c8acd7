//! How an unknown outcome ends: by the venue's evidence, and by nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{ABSENCE_AFTER, World, entry, lots, symbol};
use keel_domain::{ClOrdId, OrdStatus, Side, Timestamp};
use keel_engine::{Command, Event};
use keel_execution::{Ending, OrderState, UnknownCause, VenueReport};
use keel_risk::TradingState;

pub(super) const CAUSE: UnknownCause = UnknownCause::VenueUnsure(-1007);
pub(super) const UNKNOWN: OrderState = OrderState::Unknown(CAUSE);
pub(super) const NEVER_ARRIVED: OrderState = OrderState::Done(Ending::NeverArrived);

/// An order whose submission was lost on its way.
pub(super) fn lost() -> (World, ClOrdId) {
    let mut world = World::started();
    let (cl_ord_id, _) = world.submit(entry(Side::Buy, 10));
    world.exchange(Event::Venue(VenueReport::SubmitUnknown {
        cl_ord_id,
        cause: CAUSE,
    }));
    (world, cl_ord_id)
}

pub(super) fn state(world: &World, id: ClOrdId) -> OrderState {
    world.trader.state().orders().get(id).unwrap().state()
}

#[test]
fn f1_inv10_inv11_an_order_absent_from_all_four_sources_late_enough_never_arrived() {
    let (mut world, id) = lost();
    world.pass(ABSENCE_AFTER - Duration::from_millis(500));
    assert_eq!(state(&world, id), UNKNOWN);
    assert_eq!(world.trader.live_qty(symbol()).0, lots(10));
    world.pass(Duration::from_secs(40));
    assert_eq!(state(&world, id), NEVER_ARRIVED);
    assert_eq!(world.trader.live_qty(symbol()).0, lots(0));
    assert!(world.venue.orders.is_empty(), "it was not sent again");
}

#[test]
fn f24_no_three_of_the_four_sources_prove_an_absence() {
    let missing: [fn(&Command) -> bool; 4] = [
        |command| matches!(command, Command::QueryOrder { .. }),
        |command| matches!(command, Command::QueryOpenOrders { .. }),
        |command| matches!(command, Command::QueryAllOrders { .. }),
        |command| matches!(command, Command::QueryTrades { .. }),
    ];
    for loses in missing {
        let (mut world, id) = lost();
        world.loses = loses;
        world.pass(Duration::from_secs(300));
        assert_eq!(state(&world, id), UNKNOWN);
        world.loses = |_| false;
        world.pass(Duration::from_secs(60));
        assert_eq!(state(&world, id), NEVER_ARRIVED);
    }
}

pub(super) fn absences(id: ClOrdId, asked_at: Timestamp) -> [VenueReport; 4] {
    let symbol = symbol();
    let around = crate::common::T0;
    [
        VenueReport::OrderNotFound {
            cl_ord_id: id,
            asked_at,
        },
        VenueReport::OpenOrders {
            symbol,
            orders: vec![],
            asked_at,
        },
        VenueReport::AllOrders {
            symbol,
            around,
            orders: vec![],
            asked_at,
        },
        VenueReport::Trades {
            symbol,
            from: None,
            trades: vec![],
            asked_at,
        },
    ]
}

#[test]
fn inv11_each_question_must_have_been_asked_late_enough() {
    for early in 0..4 {
        let (mut world, id) = lost();
        let late_enough = crate::common::T0.plus(ABSENCE_AFTER);
        let too_early = crate::common::T0.plus(ABSENCE_AFTER - Duration::from_nanos(1));
        world.now = late_enough.plus(Duration::from_secs(60));
        for place in 0..4 {
            let asked_at = if place == early { too_early } else { late_enough };
            world.on_venue(absences(id, asked_at)[place].clone());
        }
        assert_eq!(state(&world, id), UNKNOWN, "{early} was asked too early");
        world.on_venue(absences(id, late_enough)[early].clone());
        assert_eq!(state(&world, id), NEVER_ARRIVED, "{early}");
    }
}

#[test]
fn f24_a_cut_off_answer_proves_nothing() {
    let (mut world, id) = lost();
    let asked_at = crate::common::T0.plus(ABSENCE_AFTER);
    world.now = asked_at;
    let theirs = "x-1".parse().unwrap();
    world.venue.place(world.now, theirs, entry(Side::Buy, 1));
    let report = world
        .venue
        .report(world.now, theirs, keel_domain::ExecType::OrderStatus)
        .unwrap();
    for mut absence in absences(id, asked_at) {
        if let VenueReport::AllOrders { orders, .. } = &mut absence {
            *orders = vec![report; 1_000];
        }
        world.on_venue(absence);
    }
    assert_eq!(state(&world, id), UNKNOWN);
}

#[test]
fn f2_the_venue_took_it_after_all_and_it_is_found_not_sent_again() {
    let mut world = World::started();
    let (id, submission) = world.submit(entry(Side::Buy, 10));
    // The venue accepts and answers 504; the order fills before anyone asks.
    world.venue.carry_out(world.now, submission);
    world.venue.fill(world.now, id, lots(10)).unwrap();
    world.exchange(Event::Venue(VenueReport::SubmitUnknown {
        cl_ord_id: id,
        cause: CAUSE,
    }));
    world.pass(Duration::from_secs(2));
    assert_eq!(
        state(&world, id),
        OrderState::Done(Ending::Ended(OrdStatus::Filled))
    );
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(10)));
    assert_eq!(world.venue.orders[&id].submissions, 1);
}

#[test]
fn f24_an_order_that_only_the_list_of_all_orders_shows_is_found() {
    let mut world = World::started();
    let (id, submission) = world.submit(entry(Side::Buy, 10));
    world.venue.carry_out(world.now, submission);
    world.venue.fill(world.now, id, lots(10)).unwrap();
    world.loses = |command| matches!(command, Command::QueryOrder { .. });
    world.exchange(Event::Venue(VenueReport::SubmitUnknown {
        cl_ord_id: id,
        cause: CAUSE,
    }));
    world.pass(ABSENCE_AFTER + Duration::from_secs(40));
    assert_eq!(
        state(&world, id),
        OrderState::Done(Ending::Ended(OrdStatus::Filled))
    );
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(10)));
}

#[test]
fn f24_an_order_that_appears_after_it_was_proven_absent_is_adopted_again() {
    let (mut world, id) = lost();
    world.pass(ABSENCE_AFTER + Duration::from_secs(40));
    assert_eq!(state(&world, id), NEVER_ARRIVED);
    let appeared = world.venue.place(world.now, id, entry(Side::Buy, 10));
    world.exchange(Event::Venue(appeared));
    assert_eq!(state(&world, id), OrderState::Live);
    assert_eq!(world.trader.live_qty(symbol()).0, lots(10));
    assert_eq!(world.trader.trading_state_of(symbol()), TradingState::Active);
}

#[test]
fn a_clock_that_was_set_while_the_process_was_down_proves_no_absence() {
    let (mut world, id) = lost();
    world.now = world.now.plus(Duration::from_secs(3_600));
    world.restart();
    world.connect();
    for absence in absences(id, world.now) {
        world.on_venue(absence);
    }
    world.pass(ABSENCE_AFTER - Duration::from_millis(500));
    assert!(matches!(state(&world, id), OrderState::Unknown(_)));
    world.pass(Duration::from_secs(40));
    assert_eq!(state(&world, id), NEVER_ARRIVED);
}

#[test]
fn f41_inv10_trades_of_a_human_do_not_keep_an_unknown_order_open() {
    let (mut world, id) = lost();
    let theirs = "x-human".parse().unwrap();
    world.venue.place(world.now, theirs, entry(Side::Buy, 1));
    world.venue.fill(world.now, theirs, lots(1)).unwrap();
    world.pass(ABSENCE_AFTER + Duration::from_secs(70));
    assert_eq!(state(&world, id), NEVER_ARRIVED);
}

#[test]
fn an_unknown_order_is_asked_for_less_often_each_time() {
    let (mut world, id) = lost();
    let mut questions = 0;
    for _ in 0..600 {
        world.now = world.now.plus(Duration::from_millis(500));
        for command in world.on(Event::Timer) {
            questions +=
                usize::from(matches!(command, Command::QueryOrder { cl_ord_id, .. } if cl_ord_id == id));
        }
    }
    // After 1, 2, 4 and 8 seconds; when absence can first be proven, at 20; every 30 from there on: 4, 1 and 9.
    assert_eq!(questions, 14);
}

#[test]
fn f24_a_confirmed_order_is_not_ended_by_any_number_of_absences() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    world.now = world.now.plus(ABSENCE_AFTER + Duration::from_secs(60));
    let deny = |world: &mut World| {
        for absence in absences(id, world.now) {
            world.on_venue(absence);
        }
        assert_eq!(state(world, id), OrderState::Live);
        world.trader.trading_state_of(symbol())
    };
    assert_eq!(deny(&mut world), TradingState::Active, "it may be known again");
    world.now = world.now.plus(Duration::from_millis(59_999));
    assert_eq!(deny(&mut world), TradingState::Active);
    world.now = world.now.plus(Duration::from_millis(1));
    assert_eq!(deny(&mut world), TradingState::ReduceOnly);
}

#[test]
fn f24_a_second_order_that_vanished_is_told_once_though_only_exits_are_left_already() {
    let mut world = World::started();
    let ids = [(); 2].map(|()| world.submit_live(entry(Side::Buy, 10)));
    world.now = world.now.plus(ABSENCE_AFTER + Duration::from_secs(60));
    for id in ids {
        for _ in 0..4 {
            for absence in absences(id, world.now) {
                world.on_venue(absence);
            }
            world.now = world.now.plus(Duration::from_secs(60));
        }
    }
    let told: Vec<&String> = world
        .alerts
        .iter()
        .filter(|text| text.contains("the venue says it does not know it"))
        .collect();
    let [first, second] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(
        first.contains("is ReduceOnly") && first.contains(&ids[0].to_string()),
        "{first}"
    );
    assert!(
        second.contains("stays ReduceOnly") && second.contains(&ids[1].to_string()),
        "{second}"
    );
}
