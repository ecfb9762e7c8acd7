//! A stop at the venue for what is held: of exactly its size, whatever happens, and a ladder for when it is refused.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, entry, lots, price, symbol};
use keel_domain::{ClOrdId, OrdStatus, OrdType, OrderIntent, Purpose, Qty, Side, SignedQty, TimeInForce};
use keel_engine::{Command, Event, Operator, ProtectionSettings};
use keel_execution::{Reject, VenueReport};
use keel_risk::TradingState;
use keel_strategy::Action;
use proptest::prelude::*;

const SETTINGS: ProtectionSettings = ProtectionSettings {
    stop_distance_bps: 200,
    unprotected_max: Duration::from_secs(5),
};

fn exit(lots_: i64) -> OrderIntent {
    OrderIntent {
        ord_type: OrdType::LimitMaker { price: price("101") },
        purpose: Purpose::ReduceOnly,
        ..entry(Side::Sell, lots_)
    }
}

/// The orders that rest at the venue on the selling side: stops, and others.
fn resting(world: &World) -> (Vec<(OrdType, Qty)>, Qty) {
    let open = world.venue.orders.values().filter(|order| {
        !order.status.is_terminal() && order.intent.side == Side::Sell && order.intent.symbol == symbol()
    });
    let (stops, others): (Vec<_>, Vec<_>) = open.partition(|order| order.intent.ord_type.trigger().is_some());
    (
        stops
            .iter()
            .map(|order| (order.intent.ord_type, order.leaves()))
            .collect(),
        others
            .iter()
            .fold(Qty::ZERO, |sum, order| sum.saturating_add(order.leaves())),
    )
}

/// What exits that carry no stop may still sell.
fn exits_alone(world: &World) -> Qty {
    let open = world.venue.orders.values();
    open.filter(|order| order.intent.side == Side::Sell && order.intent.ord_type.trigger().is_none())
        .filter(|order| order.pair.is_none())
        .fold(Qty::ZERO, |sum, order| sum.saturating_add(order.leaves()))
}

fn stopped(world: &World) -> Qty {
    let (stops, _) = resting(world);
    stops
        .iter()
        .fold(Qty::ZERO, |sum, (_, qty)| sum.saturating_add(*qty))
}

fn fill(world: &mut World, id: ClOrdId, qty: i64) {
    let report = world.venue.fill(world.now, id, lots(qty)).unwrap();
    world.exchange(Event::Venue(report));
}

/// A fill, and the moment for which an exit of the strategy is waited.
fn fill_and_settle(world: &mut World, id: ClOrdId, qty: i64) {
    fill(world, id, qty);
    world.pass(Duration::from_millis(500));
}

/// The bid is here for half a second, and this follows.
fn settles_at(world: &mut World, bid: &str, ask: &str) -> Vec<Command> {
    world.now = world.now.plus(Duration::from_millis(500));
    world.quote(bid, ask);
    world.on(Event::Timer)
}

/// Holds ten lots, bought at 100, with their stop.
fn holding() -> World {
    let mut world = World::protected(SETTINGS);
    let id = world.submit_live(entry(Side::Buy, 10));
    fill_and_settle(&mut world, id, 10);
    world
}

fn a_stop(world: &World) -> ClOrdId {
    let mut stops = world.trader.resting_stops();
    stops.next().unwrap().cl_ord_id()
}

/// Begins with the event, and refuses every order for so long. Gives how many there were.
fn refuse_all(world: &mut World, first: Event, time: Duration) -> usize {
    let text = "This action is disabled on this account.".to_owned();
    refuse_all_with(world, first, time, &Reject { code: -2010, text })
}

fn refuse_all_with(world: &mut World, first: Event, time: Duration, reject: &Reject) -> usize {
    let mut refused = 0;
    let end = world.now.plus(time);
    let mut events = std::collections::VecDeque::from([first]);
    while world.now < end {
        while let Some(event) = events.pop_front() {
            for command in world.on(event) {
                let reports = match &command {
                    Command::Submit(order) => {
                        refused += 1;
                        vec![VenueReport::SubmitRejected {
                            cl_ord_id: order.cl_ord_id(),
                            reject: reject.clone(),
                        }]
                    }
                    _ => world.venue.carry_out(world.now, command),
                };
                events.extend(reports.into_iter().map(Event::Venue));
            }
        }
        world.now = world.now.plus(Duration::from_millis(500));
        world.quote("99.99", "100.01");
        events.push_back(Event::Timer);
    }
    refused
}

#[test]
fn f25_f30_a_stop_of_the_positions_size_follows_every_fill() {
    let mut world = World::protected(SETTINGS);
    let id = world.submit_live(entry(Side::Buy, 10));
    assert_eq!(resting(&world).0, []);
    fill_and_settle(&mut world, id, 3);
    let trigger = keel_domain::Trigger::Stop { stop_px: price("98") };
    assert_eq!(resting(&world).0, [(OrdType::StopLoss { trigger }, lots(3))]);
    fill_and_settle(&mut world, id, 7);
    assert_eq!(stopped(&world), lots(10));
    let stop = a_stop(&world);
    fill_and_settle(&mut world, stop, 2);
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(8)));
    assert_eq!(stopped(&world), lots(8));
    assert_eq!(world.trader.unprotected_since(symbol()), None);
}

#[test]
fn f29_no_stop_outlives_its_position() {
    let mut world = holding();
    // The venue sells what the stop covers by another order of ours, whose event comes first.
    let ids: Vec<ClOrdId> = world
        .trader
        .resting_stops()
        .map(|stop| stop.cl_ord_id())
        .collect();
    for id in ids {
        fill_and_settle(&mut world, id, 10);
    }
    assert_eq!(world.trader.position(symbol()), SignedQty::ZERO);
    world.pass(Duration::from_secs(2));
    assert_eq!(stopped(&world), Qty::ZERO);
}

#[test]
fn f29_a_stop_whose_position_was_sold_by_a_person_is_canceled() {
    let mut world = holding();
    let stop = a_stop(&world);
    world.venue.balances.insert("BTC".parse().unwrap(), 0.into());
    let reason = "sold by hand".to_owned();
    world.exchange(Event::Operator(Operator::AcceptVenue { reason }));
    assert_eq!(world.trader.position(symbol()), SignedQty::ZERO);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.venue.orders[&stop].status, OrdStatus::Canceled);
    world.pass(Duration::from_secs(5));
    assert_eq!(stopped(&world), Qty::ZERO);
}

#[test]
fn f28_a_stop_makes_room_for_an_exit_and_covers_the_rest_again() {
    let mut world = holding();
    let commands = world.wish(vec![Action::Submit(exit(4))]);
    assert!(
        matches!(commands.as_slice(), [Command::Cancel { .. }]),
        "{commands:?}"
    );
    for command in commands {
        for report in world.venue.carry_out(world.now, command) {
            world.exchange(Event::Venue(report));
        }
    }
    assert_eq!((stopped(&world), resting(&world).1), (lots(6), Qty::ZERO));
    let sale = world.submit_live(exit(4));
    world.pass(Duration::from_millis(1_500));
    assert_eq!((stopped(&world), resting(&world).1), (lots(6), lots(4)));
    let canceled = world.venue.end(world.now, sale, OrdStatus::Canceled).unwrap();
    world.exchange(Event::Venue(canceled));
    world.pass(Duration::from_millis(1_500));
    assert_eq!((stopped(&world), resting(&world).1), (lots(10), Qty::ZERO));
}

#[test]
fn f28_an_exit_that_is_not_asked_for_again_gets_its_stop_back() {
    let mut world = holding();
    for command in world.wish(vec![Action::Submit(exit(4))]) {
        for report in world.venue.carry_out(world.now, command) {
            world.exchange(Event::Venue(report));
        }
    }
    assert_eq!(stopped(&world), lots(6), "what the exit does not need");
    world.pass(Duration::from_millis(1_500));
    assert_eq!(stopped(&world), lots(10));
}

#[test]
fn f26_a_refused_stop_goes_down_the_ladder_each_rung_once() {
    let mut world = World::protected(SETTINGS);
    let id = world.submit_live(entry(Side::Buy, 10));
    fill(&mut world, id, 10);
    let _handed_out = settles_at(&mut world, "99.99", "100.01");
    // The first stop was handed out above; its refusal is what begins the ladder.
    let first = a_stop(&world);
    let reject = Reject {
        code: -1013,
        text: "Filter failure: PERCENT_PRICE_BY_SIDE".into(),
    };
    let mut kinds = Vec::new();
    let mut refused = Some(first);
    while let Some(cl_ord_id) = refused.take() {
        let reject = reject.clone();
        for command in world.on_venue(VenueReport::SubmitRejected { cl_ord_id, reject }) {
            if let Command::Submit(order) = command {
                kinds.push(order.intent().ord_type);
                refused = Some(order.cl_ord_id());
            }
        }
    }
    assert!(
        matches!(
            kinds.as_slice(),
            [
                OrdType::StopLossLimit { .. },
                OrdType::Limit {
                    time_in_force: TimeInForce::Ioc,
                    ..
                }
            ]
        ),
        "{kinds:?}"
    );
    assert_eq!(world.trader.trading_state_of(symbol()), TradingState::ReduceOnly);
    let told = world
        .alerts
        .iter()
        .filter(|text| text.contains("no exit was possible"));
    assert_eq!(told.count(), 1, "{:?}", world.alerts);
}

#[test]
fn f26_f57_a_refusal_that_says_nothing_of_the_stop_leaves_the_ladder_where_it_is() {
    for code in [-1021, -1003, -1015, -1008, -1016, -418, -429] {
        let mut world = World::protected(SETTINGS);
        let id = world.submit_live(entry(Side::Buy, 10));
        let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
        let text = "not now".to_owned();
        let reject = Reject { code, text };
        let refused = refuse_all_with(&mut world, Event::Venue(fill), Duration::from_secs(10), &reject);
        assert_eq!(refused, 4, "{code}: after half a second, and 1, 2 and 4 later");
        assert_eq!(world.trader.trading_state_of(symbol()), TradingState::Active);
        world.pass(Duration::from_secs(6));
        let (stops, _) = resting(&world);
        assert!(
            matches!(stops.as_slice(), [(OrdType::StopLoss { .. }, _)]),
            "{code}: {stops:?}"
        );
        assert_eq!(stopped(&world), lots(10));
    }
}

#[test]
fn f26_a_stop_that_would_sell_at_once_becomes_an_exit_within_the_collar() {
    let mut world = World::protected(SETTINGS);
    let id = world.submit_live(entry(Side::Buy, 10));
    world.quote("97.00", "97.02");
    fill(&mut world, id, 10);
    let sold: Vec<OrdType> = settles_at(&mut world, "97.00", "97.02")
        .iter()
        .filter_map(|command| match command {
            Command::Submit(order) => Some(order.intent().ord_type),
            _ => None,
        })
        .collect();
    let at_least = price("95.06"); // two percent below the bid
    let expected = OrdType::Limit {
        price: at_least,
        time_in_force: TimeInForce::Ioc,
    };
    assert_eq!(sold, [expected]);
}

#[test]
fn f27_a_stop_that_the_price_passes_without_selling_becomes_an_exit() {
    let mut world = holding();
    let step = Duration::from_millis(500);
    let mut waited = Duration::ZERO;
    while world.trader.resting_stops().count() == 1 && waited < Duration::from_secs(10) {
        world.now = world.now.plus(step);
        waited += step;
        world.quote("97.00", "97.02");
        world.exchange(Event::Timer);
        if waited < Duration::from_secs(3) {
            assert_eq!(stopped(&world), lots(10), "a stop that triggers takes a moment");
        }
    }
    let (stops, others) = resting(&world);
    assert_eq!(
        (stops, others),
        (vec![], lots(10)),
        "the exit is at the venue instead"
    );
}

#[test]
fn f25_a_position_that_stays_bare_is_told_once_at_the_bound() {
    let mut world = World::protected(SETTINGS);
    let id = world.submit_live(entry(Side::Buy, 10));
    world.loses = |command| matches!(command, Command::Submit(_));
    let bare_since = world.now;
    fill(&mut world, id, 10);
    let told = |world: &World| {
        world
            .alerts
            .iter()
            .filter(|text| text.contains("without a stop at the venue"))
            .count()
    };
    world.pass(Duration::from_millis(4_500));
    assert_eq!(told(&world), 0);
    world.pass(Duration::from_millis(500));
    assert_eq!(told(&world), 1);
    assert_eq!(world.trader.unprotected_since(symbol()), Some(bare_since));
    world.pass(Duration::from_secs(5));
    assert_eq!(told(&world), 1);
}

#[test]
fn f31_a_restart_keeps_the_stop_and_adds_none() {
    let mut world = holding();
    let before = a_stop(&world);
    world.restart();
    world.connect();
    world.pass(Duration::from_secs(5));
    assert_eq!(a_stop(&world), before);
    assert_eq!(stopped(&world), lots(10));
}

#[test]
fn f25_f33_a_halt_and_a_shutdown_leave_the_stop_where_it_is() {
    for operator in [
        Operator::Shutdown,
        Operator::Halt(keel_risk::HaltCause::KeyRefused { what: "-2015".into() }),
    ] {
        let mut world = holding();
        let entry = world.submit_live(entry(Side::Buy, 1));
        world.exchange(Event::Operator(operator));
        world.pass(Duration::from_secs(3));
        assert_eq!(world.venue.orders[&entry].status, OrdStatus::Canceled);
        assert_eq!(stopped(&world), lots(10));
        assert!(world.trader.is_closed());
        assert_eq!(world.trader.leftovers().count(), 0);
    }
}

#[test]
fn f26_a_ladder_that_came_to_nothing_is_tried_again_after_a_minute_and_not_before() {
    let mut world = World::protected(SETTINGS);
    let id = world.submit_live(entry(Side::Buy, 10));
    let report = world.venue.fill(world.now, id, lots(10)).unwrap();
    let before = world.trader.counters().submitted;
    refuse_all(&mut world, Event::Venue(report), Duration::from_secs(60));
    assert_eq!(world.trader.counters().submitted - before, 3);
    refuse_all(&mut world, Event::Timer, Duration::from_secs(2));
    assert_eq!(world.trader.counters().submitted - before, 6);
}

#[derive(Debug, Clone, Copy)]
enum Op {
    Buy(i64),
    Sell(i64),
    FillAny(usize, i64),
    EndAny(usize),
    Pass(u64),
    Restart,
}

fn ops() -> impl proptest::strategy::Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        3 => (1i64..20).prop_map(Op::Buy),
        3 => (1i64..20).prop_map(Op::Sell),
        6 => (0usize..8, 1i64..20).prop_map(|(place, qty)| Op::FillAny(place, qty)),
        2 => (0usize..8).prop_map(Op::EndAny),
        4 => (1u64..3_000).prop_map(Op::Pass),
        1 => Just(Op::Restart),
    ];
    prop::collection::vec(op, 0..40)
}

fn open_ids(world: &World) -> Vec<ClOrdId> {
    let open = world
        .venue
        .orders
        .iter()
        .filter(|(_, order)| !order.status.is_terminal());
    open.map(|(id, _)| *id).collect()
}

fn act(world: &mut World, op: Op) {
    let wished = match op {
        Op::Buy(qty) => vec![Action::Submit(entry(Side::Buy, qty))],
        Op::Sell(qty) => vec![Action::Submit(exit(qty))],
        _ => vec![],
    };
    match op {
        Op::Buy(_) | Op::Sell(_) => {
            world.script.lock().unwrap().wishes.push_back(wished);
            world.exchange(Event::Timer);
        }
        Op::FillAny(place, qty) => {
            let ids = open_ids(world);
            if let Some(id) = ids.get(place % ids.len().max(1)) {
                fill(world, *id, qty);
            }
        }
        Op::EndAny(place) => {
            let ids = open_ids(world);
            if let Some(id) = ids.get(place % ids.len().max(1)) {
                let report = world.venue.end(world.now, *id, OrdStatus::Expired).unwrap();
                world.exchange(Event::Venue(report));
            }
        }
        Op::Pass(ms) => world.pass(Duration::from_millis(ms)),
        Op::Restart => {
            world.restart();
            world.connect();
        }
    }
}

proptest! {
    /// F29: whatever happens, no more is on sale than is held; and once all is quiet, every lot has a stop, but those that an exit
    /// without one claims.
    #[test]
    fn f29_f30_no_more_is_on_sale_than_is_held_and_all_of_it_ends_with_a_stop(
        ops in ops(),
        exits_carry_stops in any::<bool>(),
    ) {
        let mut world = World::protected(SETTINGS);
        if exits_carry_stops {
            world.last_trade("100");
        }
        for op in ops {
            act(&mut world, op);
            let held = world.venue.position(symbol()).long();
            prop_assert!(world.venue.open(symbol(), Side::Sell) <= held, "{op:?}");
        }
        world.pass(Duration::from_secs(5));
        let alone = exits_alone(&world);
        let uncovered = world.venue.position(symbol()).long().saturating_sub(alone);
        prop_assert_eq!(stopped(&world), uncovered, "{:?}", world.alerts);
    }

    /// F25, F11: whenever the end comes, all that is held is left with stops, and nothing else is left.
    #[test]
    fn f25_f11_whatever_happened_an_end_leaves_all_that_is_held_with_stops(
        ops in ops(),
        exits_carry_stops in any::<bool>(),
    ) {
        let mut world = World::protected(SETTINGS);
        if exits_carry_stops {
            world.last_trade("100");
        }
        for op in ops {
            act(&mut world, op);
        }
        world.exchange(Event::Operator(Operator::Shutdown));
        world.pass(Duration::from_secs(3));
        let held = world.venue.position(symbol()).long();
        prop_assert!(world.trader.is_closed() && !world.trader.awaits_stop(world.now));
        prop_assert_eq!(stopped(&world), held, "{:?}", world.alerts);
        prop_assert_eq!(exits_alone(&world), Qty::ZERO);
        prop_assert!(world.venue.open(symbol(), Side::Sell) <= held);
    }
}
