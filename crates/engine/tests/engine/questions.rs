//! What is asked about orders of open fate, and which answers tell of which order.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{ABSENCE_AFTER, T0, World, entry, lots, other_symbol, symbol};
use crate::fate::{CAUSE, NEVER_ARRIVED, UNKNOWN, absences, lost, state};
use crate::reconciliation::holding;
use keel_domain::{ClOrdId, OrderIntent, Purpose, Side, Symbol};
use keel_engine::{Command, Event};
use keel_execution::{OrderState, UnknownCause, VenueReport};
use keel_risk::TradingState;

/// How many questions for open orders, for all orders, and for trades.
fn questions(commands: &[Command]) -> [usize; 3] {
    let count = |is: fn(&Command) -> bool| commands.iter().filter(|command| is(command)).count();
    [
        count(|command| matches!(command, Command::QueryOpenOrders { .. })),
        count(|command| matches!(command, Command::QueryAllOrders { .. })),
        count(|command| matches!(command, Command::QueryTrades { .. })),
    ]
}

fn on_symbol(symbol: Symbol, intent: OrderIntent) -> OrderIntent {
    OrderIntent { symbol, ..intent }
}

#[test]
fn f22_a_submission_without_an_answer_is_unknown_after_fifteen_seconds() {
    let mut world = World::started();
    let (id, _) = world.submit(entry(Side::Buy, 10));
    let (other, command) = world.submit(on_symbol(other_symbol(), entry(Side::Buy, 10)));
    for report in world.venue.carry_out(world.now, command) {
        world.on_venue(report);
    }
    assert_eq!(world.trader.unknown_until(), None);
    world.now = T0.plus(Duration::from_millis(14_999));
    world.on(Event::Timer);
    assert_eq!(state(&world, id), OrderState::Submitted);
    world.now = T0.plus(Duration::from_secs(15));
    world.on(Event::Timer);
    assert_eq!(state(&world, id), OrderState::Unknown(UnknownCause::TimedOut));
    assert_eq!(state(&world, other), OrderState::Live, "it was answered");
    assert_eq!(world.trader.counters().unknown, 1);
    assert_eq!(world.trader.unknown_until(), Some(T0.plus(ABSENCE_AFTER)));
}

#[test]
fn f24_the_lists_are_asked_for_when_they_can_prove_something_and_not_before() {
    let (mut world, id) = lost();
    for _ in 0..39 {
        world.now = world.now.plus(Duration::from_millis(500));
        let commands = world.on(Event::Timer);
        // Open orders are asked for all the time, to try the key.
        assert_eq!(questions(&commands)[1..], [0, 0]);
    }
    world.now = world.now.plus(Duration::from_millis(500));
    let commands = world.on(Event::Timer);
    assert_eq!(questions(&commands), [1, 1, 1]);
    let (symbol, around) = (symbol(), T0);
    assert!(commands.contains(&Command::QueryAllOrders { symbol, around }));
    assert_eq!(state(&world, id), UNKNOWN);
}

/// Two lost orders, and what is asked at once when the absence of both can be proven.
fn asked_for_two(symbols: [Symbol; 2]) -> [usize; 3] {
    let mut world = World::started();
    let ids = symbols.map(|symbol| {
        let (id, _) = world.submit(on_symbol(symbol, entry(Side::Buy, 10)));
        id
    });
    for cl_ord_id in ids {
        world.exchange(Event::Venue(VenueReport::SubmitUnknown {
            cl_ord_id,
            cause: CAUSE,
        }));
    }
    world.now = T0.plus(ABSENCE_AFTER);
    questions(&world.on(Event::Timer))
}

#[test]
fn f24_each_list_is_asked_for_once_a_pair_and_for_every_pair() {
    assert_eq!(asked_for_two([symbol(), symbol()]), [1, 1, 1]);
    assert_eq!(asked_for_two([symbol(), other_symbol()]), [2, 2, 2]);
}

/// How often the list of all orders is asked for when two orders of unknown outcome were sent so far apart.
fn lists_for_two(apart: Duration) -> usize {
    let mut world = holding();
    let exit = OrderIntent {
        purpose: Purpose::ReduceOnly,
        ..entry(Side::Sell, 1)
    };
    world.submit(exit);
    world.now = world.now.plus(apart);
    world.quote("99.99", "100.01");
    world.submit(exit);
    world.restart();
    world.connect();
    world.now = world.now.plus(ABSENCE_AFTER);
    let [_, all_orders, _] = questions(&world.on(Event::Timer));
    all_orders
}

#[test]
fn f24_one_list_of_all_orders_covers_those_sent_in_the_minute_that_it_begins_with() {
    assert_eq!(lists_for_two(Duration::from_nanos(59_999_999_999)), 1);
    assert_eq!(lists_for_two(Duration::from_secs(60)), 2);
}

fn of_other_pair(mut absence: VenueReport) -> VenueReport {
    match &mut absence {
        VenueReport::OpenOrders { symbol, .. }
        | VenueReport::AllOrders { symbol, .. }
        | VenueReport::Trades { symbol, .. } => *symbol = other_symbol(),
        _ => {}
    }
    absence
}

/// All four answers, but one of them instead.
fn end_of(world: &mut World, id: ClOrdId, place: usize, instead: VenueReport) -> OrderState {
    let mut answers = absences(id, world.now);
    answers[place] = instead;
    for answer in answers {
        world.on_venue(answer);
    }
    state(world, id)
}

#[test]
fn f24_the_lists_of_another_pair_prove_nothing() {
    for place in 1..4 {
        let (mut world, id) = lost();
        world.now = T0.plus(ABSENCE_AFTER);
        let instead = of_other_pair(absences(id, world.now)[place].clone());
        assert_eq!(end_of(&mut world, id, place, instead), UNKNOWN, "{place}");
        let right = absences(id, world.now)[place].clone();
        assert_eq!(end_of(&mut world, id, place, right), NEVER_ARRIVED);
    }
}

#[test]
fn f24_a_list_of_all_orders_of_another_time_proves_nothing() {
    let minute = Duration::from_secs(60);
    for (sent_at, around) in [(T0, T0.plus(Duration::from_nanos(1))), (T0.plus(minute), T0)] {
        let mut world = World::started();
        world.now = sent_at;
        world.quote("99.99", "100.01");
        let (id, _) = world.submit(entry(Side::Buy, 10));
        world.on_venue(VenueReport::SubmitUnknown {
            cl_ord_id: id,
            cause: CAUSE,
        });
        world.now = sent_at.plus(ABSENCE_AFTER);
        let asked_at = world.now;
        let orders = vec![];
        let instead = VenueReport::AllOrders {
            symbol: symbol(),
            around,
            orders,
            asked_at,
        };
        assert_eq!(end_of(&mut world, id, 2, instead), UNKNOWN);
    }
}

#[test]
fn f24_the_minute_of_denial_begins_with_the_first_that_was_asked_late_enough() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let mut denied_at = |after: Duration| {
        world.now = T0.plus(after);
        let asked_at = world.now;
        world.on_venue(VenueReport::OrderNotFound {
            cl_ord_id: id,
            asked_at,
        });
        let differences = world.trader.counters().differences;
        (world.trader.trading_state_of(symbol()), differences)
    };
    let (minute, instant) = (Duration::from_secs(60), Duration::from_nanos(1));
    for after in [
        ABSENCE_AFTER - instant,
        ABSENCE_AFTER,
        ABSENCE_AFTER + minute - instant,
    ] {
        assert_eq!(denied_at(after), (TradingState::Active, 0), "{after:?}");
    }
    for after in [ABSENCE_AFTER + minute, ABSENCE_AFTER + minute + minute] {
        assert_eq!(denied_at(after), (TradingState::ReduceOnly, 1), "it is told once");
    }
    assert_eq!(world.trader.live_qty(symbol()).0, lots(10), "it still counts");
}
