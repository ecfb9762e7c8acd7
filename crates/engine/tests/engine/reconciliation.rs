//! Own records and the venue's: compared, repaired where evidence decides, restricted where it does not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{ABSENCE_AFTER, World, entry, lots, other_symbol, strategy, submissions, symbol};
use keel_domain::{Asset, ClOrdId, Money, Purpose, Side, SignedQty};
use keel_engine::{Command, Event, Operator};
use keel_execution::VenueReport;
use keel_risk::TradingState;
use keel_strategy::{Action, Permission};

/// How long a confirmed order may be denied, and the longest wait between two questions.
const DENIED_FOR: Duration = Duration::from_secs(60 + 30);
const PERIOD: Duration = Duration::from_secs(30);
/// A period, and the looks that follow a difference.
const NOTICED: Duration = Duration::from_secs(35);

pub(super) fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

pub(super) fn change(world: &mut World, name: &str, by: i64) {
    *world.venue.balances.get_mut(&asset(name)).unwrap() += Money::from(by);
}

pub(super) fn states(world: &World) -> (TradingState, TradingState) {
    (
        world.trader.trading_state_of(symbol()),
        world.trader.trading_state_of(other_symbol()),
    )
}

pub(super) fn session_down(world: &mut World) {
    let cause = "test".to_owned();
    world.exchange(Event::Venue(VenueReport::SessionDown { cause }));
}

/// A position of 10 lots, and nothing open.
pub(super) fn holding() -> World {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
    world.exchange(Event::Venue(fill));
    world
}

#[test]
fn f18_a_fill_lost_on_a_healthy_stream_is_found_within_a_period() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    world.venue.fill(world.now, id, lots(3)).unwrap();
    let later = world.venue.fill(world.now, id, lots(2)).unwrap();
    world.exchange(Event::Venue(later));
    world.pass(PERIOD + Duration::from_millis(500));
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(5)));
    assert_eq!(states(&world), (TradingState::Active, TradingState::Active));
}

/// The list of open orders lacks one that we have as live, and the answer to the question for it is the first to say why.
#[test]
fn f38_a_fill_that_the_user_stream_left_out_is_told_once_and_the_stream_opened_anew() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    world.venue.fill(world.now, id, lots(10)).unwrap();
    let renewed = std::cell::Cell::new(0);
    let end = world.now.plus(PERIOD * 3);
    while world.now < end {
        world.now = world.now.plus(Duration::from_millis(500));
        world.quote("99.99", "100.01");
        let mut events = std::collections::VecDeque::from([Event::Timer]);
        while let Some(event) = events.pop_front() {
            for command in world.on(event) {
                renewed
                    .set(renewed.get() + u32::from(matches!(command, keel_engine::Command::RenewUserStream)));
                events.extend(
                    world
                        .venue
                        .carry_out(world.now, command)
                        .into_iter()
                        .map(Event::Venue),
                );
            }
        }
    }
    assert_eq!(renewed.get(), 1);
    let told = world.alerts.iter().filter(|text| text.contains("did not tell"));
    assert_eq!(told.count(), 1, "{:?}", world.alerts);
    assert_eq!(world.trader.counters().differences, 1);
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(10)));
}

/// The same question, but the stream was only later than the list: nothing is wrong with it.
#[test]
fn f38_a_fill_that_the_user_stream_tells_meanwhile_is_no_news() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    world.now = world.now.plus(Duration::from_secs(1));
    let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
    let empty = VenueReport::OpenOrders {
        symbol: symbol(),
        orders: vec![],
        asked_at: world.now,
    };
    let asked = world.on_venue(empty);
    world.on_venue(fill);
    for command in asked {
        for report in world.venue.carry_out(world.now, command) {
            world.exchange(Event::Venue(report));
        }
    }
    assert!(
        !world.alerts.iter().any(|text| text.contains("did not tell")),
        "{:?}",
        world.alerts
    );
}

#[test]
fn f18_a_trade_that_the_venue_shows_later_than_a_younger_one_is_found() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    world.venue.fill(world.now, id, lots(3)).unwrap();
    world.venue.fill(world.now, id, lots(2)).unwrap();
    let hidden = world.venue.trades.remove(0);
    world.pass(PERIOD + Duration::from_secs(1));
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(2)));
    world.venue.trades.insert(0, hidden);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(5)));
}

#[test]
fn f19_after_a_reconnect_nothing_is_sent_before_everything_missed_was_answered() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    session_down(&mut world);
    world.venue.fill(world.now, id, lots(4)).unwrap();
    let questions: [fn(&Command) -> bool; 3] = [
        |command| matches!(command, Command::QueryOpenOrders { .. }),
        |command| matches!(command, Command::QueryTrades { .. }),
        |command| matches!(command, Command::QueryBalances),
    ];
    for loses in questions {
        session_down(&mut world);
        world.loses = loses;
        world.connect();
        world.pass(Duration::from_secs(5));
        assert_eq!(
            submissions(&world.wish(vec![Action::Submit(entry(Side::Buy, 1))])),
            0
        );
        assert_eq!(world.script.lock().unwrap().permission, Some(Permission::Nothing));
    }
    world.loses = |_| false;
    world.pass(Duration::from_secs(17));
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(4)));
    world.submit(entry(Side::Buy, 1));
}

#[test]
fn unanswered_questions_are_asked_again_less_often_each_time() {
    let mut world = World::booted();
    world.loses = |command| matches!(command, Command::QueryBalances);
    world.connect();
    let mut asked = 0;
    for _ in 0..120 {
        world.now = world.now.plus(Duration::from_millis(500));
        for command in world.on(Event::Timer) {
            asked += usize::from(matches!(command, Command::QueryBalances));
        }
    }
    // After 2, 4, 8, 16, 16 and so on: 2, 6, 14, 30, 46 seconds.
    assert_eq!(asked, 5);
}

#[test]
fn f41_less_than_expected_leaves_only_exits_and_shows_both_sides() {
    let mut world = holding();
    change(&mut world, "BTC", -20);
    world.pass(NOTICED);
    assert_eq!(states(&world), (TradingState::ReduceOnly, TradingState::Active));
    let told: Vec<&String> = world
        .alerts
        .iter()
        .filter(|text| text.contains("BTC: our records say"))
        .collect();
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("say 50.1, the venue says 30.1"), "{}", told[0]);
    world.pass(PERIOD + PERIOD);
    let again = world
        .alerts
        .iter()
        .filter(|text| text.contains("BTC: our records say"))
        .count();
    assert_eq!(again, 1, "it is told once");
    let mut exit = entry(Side::Sell, 10);
    exit.purpose = Purpose::ReduceOnly;
    world.submit(exit);
}

#[test]
fn missing_quote_restricts_every_symbol_that_is_paid_in_it() {
    let mut world = holding();
    change(&mut world, "USDT", -1);
    world.pass(NOTICED);
    assert_eq!(
        states(&world),
        (TradingState::ReduceOnly, TradingState::ReduceOnly)
    );
}

#[test]
fn a_difference_that_passes_is_none() {
    let mut world = holding();
    world.pass(PERIOD - Duration::from_secs(1));
    change(&mut world, "BTC", -20);
    world.pass(Duration::from_secs(2));
    change(&mut world, "BTC", 20);
    world.pass(NOTICED);
    assert_eq!(states(&world), (TradingState::Active, TradingState::Active));
    assert_eq!(world.alerts, Vec::<String>::new());
}

#[test]
fn f41_a_trade_of_a_human_leaves_only_exits_on_its_symbol_within_a_period() {
    let mut world = holding();
    let theirs: ClOrdId = "x-human".parse().unwrap();
    world.venue.place(world.now, theirs, entry(Side::Sell, 5));
    world.venue.fill(world.now, theirs, lots(5)).unwrap();
    world.pass(PERIOD + Duration::from_millis(500));
    assert_eq!(states(&world), (TradingState::ReduceOnly, TradingState::Active));
    let order_id = world.venue.orders[&theirs].order_id;
    let told = format!("of order {order_id}, SELL 0.05 at 100, is not ours");
    assert!(
        world.alerts.iter().any(|text| text.contains(&told)),
        "{:?}",
        world.alerts
    );
    assert_eq!(
        world.trader.position(symbol()),
        Side::Buy.signed(lots(10)),
        "it is not booked"
    );
}

/// A history that says 10 lots, and an account that has none of the asset.
fn emptied() -> World {
    let mut world = holding();
    world.venue.balances.insert(asset("BTC"), Money::ZERO);
    world.restart();
    world.connect();
    world.pass(Duration::from_secs(5));
    world
}

#[test]
fn f23_a_start_that_cannot_be_reconciled_says_so_and_shows_both_sides() {
    let world = emptied();
    let what = world.trader.first_comparison().unwrap().unwrap_err();
    assert_eq!(what, "BTC: our records say 50.1, the venue says 0");
    assert_eq!(states(&world).0, TradingState::ReduceOnly);
}

#[test]
fn f23_an_agreeing_start_agrees() {
    let mut world = holding();
    assert_eq!(world.trader.first_comparison(), Some(Ok(())));
    world.restart();
    assert_eq!(world.trader.first_comparison(), None);
    world.connect();
    assert_eq!(world.trader.first_comparison(), Some(Ok(())));
}

#[test]
fn f23_an_operator_accepts_the_venues_view_and_the_cost_is_an_estimate() {
    let mut world = emptied();
    let reason = "sold by hand".to_owned();
    world.exchange(Event::Operator(Operator::AcceptVenue { reason }));
    for _ in 0..2 {
        world.pass(NOTICED);
        assert_eq!(world.trader.position(symbol()), SignedQty::ZERO);
        assert_eq!(states(&world), (TradingState::Active, TradingState::Active));
        assert_eq!(world.trader.first_comparison(), Some(Ok(())));
        assert!(
            world
                .trader
                .state()
                .ledgers()
                .of(strategy())
                .and_then(|ledger| ledger.book(symbol()))
                .unwrap()
                .is_estimated()
        );
        assert_eq!(&world.replayed(), world.trader.state());
        world.restart();
        world.connect();
    }
}

#[test]
fn f23_accepting_the_venues_view_takes_no_coins_of_a_human() {
    let mut world = holding();
    change(&mut world, "BTC", 5);
    world.restart();
    let reason = "test".to_owned();
    world.on(Event::Operator(Operator::AcceptVenue { reason }));
    world.connect();
    world.pass(NOTICED);
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(10)));
}

#[test]
fn a_position_that_the_account_does_not_hold_is_not_resumed_away() {
    let mut world = emptied();
    let reason = "did not look".to_owned();
    world.exchange(Event::Operator(Operator::Resume { reason }));
    world.pass(NOTICED);
    assert_eq!(states(&world).0, TradingState::ReduceOnly);
}

#[test]
fn accepting_the_venues_view_lifts_no_halt() {
    let mut world = emptied();
    let reason = "stop".to_owned();
    let cause = keel_risk::HaltCause::Operator {
        reason: reason.clone(),
    };
    world.exchange(Event::Operator(Operator::Halt(cause)));
    world.exchange(Event::Operator(Operator::AcceptVenue { reason }));
    world.pass(NOTICED);
    assert_eq!(world.trader.trading_state(), TradingState::Halted);
}

#[test]
fn f24_a_confirmed_order_that_the_venue_no_longer_knows_leaves_only_exits() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    world.venue.orders.remove(&id);
    world.pass(PERIOD + ABSENCE_AFTER + PERIOD + DENIED_FOR);
    assert_eq!(states(&world), (TradingState::ReduceOnly, TradingState::Active));
    assert_eq!(world.trader.live_qty(symbol()).0, lots(10), "it still counts");
}

#[test]
fn f24_a_confirmed_order_that_the_venue_knows_again_is_no_difference() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    for _ in 0..3 {
        let forgotten = world.venue.orders.remove(&id).unwrap();
        world.pass(PERIOD + ABSENCE_AFTER);
        assert_eq!(
            world.trader.live_qty(symbol()).0,
            lots(10),
            "it counts all the time"
        );
        world.venue.orders.insert(id, forgotten);
        world.pass(PERIOD);
    }
    assert_eq!(states(&world), (TradingState::Active, TradingState::Active));
}

#[test]
fn f19_nothing_is_sent_while_the_session_is_down() {
    let mut world = World::started();
    session_down(&mut world);
    assert_eq!(
        submissions(&world.wish(vec![Action::Submit(entry(Side::Buy, 1))])),
        0
    );
    assert_eq!(world.script.lock().unwrap().permission, Some(Permission::Nothing));
}
