//! What time makes due: cancels without an answer, trades that are missing, and the way to the end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, cancels, entry, lots, other_symbol, symbol};
use crate::reconciliation::{holding, session_down};
use keel_domain::{ClOrdId, ExecType, ExecutionReport, OrderIntent, Side, Symbol, Timestamp, TradeId};
use keel_engine::{Command, Event, Operator, ProtectionSettings};
use keel_execution::VenueReport;
use keel_strategy::Action;

const INSTANT: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);

fn asks_for(commands: &[Command], id: ClOrdId) -> bool {
    let asks =
        |command: &Command| matches!(command, Command::QueryOrder { cl_ord_id, .. } if *cl_ord_id == id);
    commands.iter().any(asks)
}

fn timer_at(world: &mut World, at: Timestamp) -> Vec<Command> {
    world.now = at;
    world.on(Event::Timer)
}

/// The venue lists these as open, asked at that time.
fn open_orders(
    world: &mut World,
    symbol: Symbol,
    orders: Vec<ExecutionReport>,
    asked_at: Timestamp,
) -> Vec<Command> {
    world.on_venue(VenueReport::OpenOrders {
        symbol,
        orders,
        asked_at,
    })
}

fn listed(world: &World, id: ClOrdId) -> Vec<ExecutionReport> {
    vec![world.venue.report(world.now, id, ExecType::OrderStatus).unwrap()]
}

#[test]
fn f3_a_cancel_without_an_answer_is_a_question_after_three_seconds() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let begin = world.now;
    assert_eq!(cancels(&world.wish(vec![Action::Cancel(id)])), [id]);
    let commands = timer_at(&mut world, begin.plus(Duration::from_secs(3) - INSTANT));
    assert!(!asks_for(&commands, id));
    let commands = timer_at(&mut world, begin.plus(Duration::from_secs(3)));
    assert!(asks_for(&commands, id));
}

/// When in the next seconds a list of open orders is asked for, in tenths.
fn lists_asked(world: &mut World, tenths: u64) -> Vec<u64> {
    let begin = world.now;
    let asks = |command: &Command| matches!(command, Command::QueryOpenOrders { .. });
    let mut asked = Vec::new();
    for tenth in 1..=tenths {
        let commands = timer_at(world, begin.plus(Duration::from_millis(tenth * 100)));
        if commands.iter().any(asks) {
            asked.push(tenth);
        }
    }
    asked
}

#[test]
fn f33_the_key_is_tried_every_four_seconds_with_nothing_open_and_nothing_held_too() {
    for mut world in [World::started(), holding()] {
        assert_eq!(world.trader.state().orders().live().count(), 0);
        let asked = lists_asked(&mut world, 99);
        assert!(asked.len() >= 2, "{asked:?}");
        let mut last = 0;
        for tenth in asked {
            assert!(tenth - last <= 40, "{tenth} after {last}");
            last = tenth;
        }
    }
}

fn trades_asked(commands: &[Command]) -> Vec<Option<TradeId>> {
    let from = |command: &Command| match command {
        Command::QueryTrades { from, .. } => Some(*from),
        _ => None,
    };
    commands.iter().filter_map(from).collect()
}

/// One trade is booked and read, and of the next only the total is known.
fn unbooked() -> World {
    let mut world = holding();
    world.pass(Duration::from_secs(31));
    let id = world.submit_live(entry(Side::Buy, 10));
    world.now = world.now.plus(SECOND);
    let commands = world.on(Event::Timer);
    assert_eq!(trades_asked(&commands), [], "all is booked");
    world.venue.fill(world.now, id, lots(4)).unwrap();
    let total = world.venue.report(world.now, id, ExecType::OrderStatus).unwrap();
    world.on_venue(VenueReport::Execution(total));
    world
}

#[test]
fn f18_missing_trades_are_asked_for_once_a_second_and_each_fourth_time_from_the_latest() {
    let mut world = unbooked();
    let next = Some(TradeId(2));
    for from in [next, next, next, None, next, next, next, None] {
        let at = world.now;
        assert_eq!(trades_asked(&timer_at(&mut world, at)), [from]);
        let commands = timer_at(&mut world, at.plus(SECOND - INSTANT));
        assert_eq!(trades_asked(&commands), []);
        world.now = at.plus(SECOND);
    }
}

#[test]
fn f19_nothing_is_asked_for_while_the_session_is_down() {
    let mut world = unbooked();
    session_down(&mut world);
    assert_eq!(world.on(Event::Timer), []);
}

#[test]
fn f38_a_list_without_an_order_of_before_the_question_is_a_question_for_that_order() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let elsewhere = OrderIntent {
        symbol: other_symbol(),
        ..entry(Side::Buy, 10)
    };
    let other = world.submit_live(elsewhere);
    let confirmed_at = world.now;
    world.now = world.now.plus(SECOND);
    let report = listed(&world, id);
    let commands = open_orders(&mut world, symbol(), report, confirmed_at.plus(INSTANT));
    assert!(!asks_for(&commands, id), "it is listed");
    assert!(!asks_for(&commands, other), "that pair's list was another one");
    let commands = open_orders(&mut world, symbol(), vec![], confirmed_at);
    assert!(!asks_for(&commands, id), "it may have come after the question");
    let commands = open_orders(&mut world, symbol(), vec![], confirmed_at.plus(INSTANT));
    assert!(asks_for(&commands, id));
}

fn shut_down(world: &mut World) -> Vec<Command> {
    world.now = world.now.plus(SECOND);
    world.on(Event::Operator(Operator::Shutdown))
}

/// The venue lists nothing but `of_symbol`, asked at that time.
fn list_all(world: &mut World, of_symbol: Vec<ExecutionReport>, asked_at: Timestamp) {
    open_orders(world, symbol(), of_symbol, asked_at);
    open_orders(world, other_symbol(), vec![], asked_at);
}

#[test]
fn f11_what_is_to_end_is_canceled_again_every_second() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    assert_eq!(cancels(&shut_down(&mut world)), [id]);
    let begin = world.now;
    let commands = timer_at(&mut world, begin.plus(SECOND - INSTANT));
    assert_eq!(cancels(&commands), []);
    for second in 1..4 {
        let commands = timer_at(&mut world, begin.plus(SECOND * second));
        assert_eq!(cancels(&commands), [id]);
    }
}

#[test]
fn f11_the_end_needs_a_list_of_every_pair_that_was_asked_for_after_it_began() {
    let mut world = World::started();
    let early = world.now;
    shut_down(&mut world);
    list_all(&mut world, vec![], early);
    assert!(!world.trader.is_closed());
    let now = world.now;
    open_orders(&mut world, symbol(), vec![], now);
    assert!(!world.trader.is_closed());
    open_orders(&mut world, other_symbol(), vec![], now);
    assert!(world.trader.is_closed());
}

#[test]
fn f11_an_order_with_our_tag_that_is_listed_keeps_the_end_open_and_a_humans_does_not() {
    for (id, is_closed) in [("k1-900-1", false), ("x-human", true)] {
        let mut world = World::started();
        shut_down(&mut world);
        let now = world.now;
        list_all(&mut world, vec![], now);
        assert!(world.trader.is_closed());
        let id = id.parse().unwrap();
        world.venue.place(now, id, entry(Side::Buy, 10));
        let report = listed(&world, id);
        list_all(&mut world, report, now);
        assert_eq!(world.trader.is_closed(), is_closed);
    }
}

#[test]
fn f11_an_order_that_our_records_have_keeps_the_end_open_whatever_is_listed() {
    let places: [fn(&mut World); 2] = [
        |world| {
            world.submit_live(entry(Side::Buy, 10));
        },
        |world| {
            world.submit(entry(Side::Buy, 10));
        },
    ];
    for place in places {
        let mut world = World::started();
        place(&mut world);
        shut_down(&mut world);
        let now = world.now;
        list_all(&mut world, vec![], now);
        assert!(!world.trader.is_closed());
    }
}

/// A position with its stop at the venue.
fn stopped() -> (World, ClOrdId) {
    let mut world = World::protected(ProtectionSettings {
        stop_distance_bps: 500,
        unprotected_max: Duration::from_secs(10),
    });
    let id = world.submit_live(entry(Side::Buy, 10));
    let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
    world.exchange(Event::Venue(fill));
    world.pass(Duration::from_secs(2));
    let live = world.trader.state().orders().live();
    let stops: Vec<ClOrdId> = live.map(keel_execution::Order::cl_ord_id).collect();
    let [stop] = stops[..] else { panic!("{stops:?}") };
    (world, stop)
}

#[test]
fn f25_the_end_leaves_a_stop_and_waits_for_what_it_sold() {
    let (mut world, stop) = stopped();
    shut_down(&mut world);
    let now = world.now;
    let report = listed(&world, stop);
    list_all(&mut world, report, now);
    assert!(world.trader.is_closed());
    assert_eq!(world.trader.leftovers().count(), 0);
    let fill = world.venue.fill(now, stop, lots(4)).unwrap();
    let report = listed(&world, stop);
    list_all(&mut world, report, now);
    assert!(!world.trader.is_closed(), "4 lots are not booked yet");
    world.on_venue(fill);
    assert!(world.trader.is_closed());
}
