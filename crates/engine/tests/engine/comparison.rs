//! When the account is compared with the records, what must be seen before a difference counts, and what an operator accepts.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::Duration;

use crate::common::venue::Request;
use crate::common::{
    ABSENCE_AFTER, World, entry, instrument, lots, other_symbol, price, sister_symbol, symbol,
};
use crate::dust;
use crate::money::deposit;
use crate::reconciliation::{asset, change, holding, session_down, states};
use keel_domain::{ExecType, Money, OrderIntent, Side, SignedQty, Timestamp, TradeId};
use keel_engine::{Command, Event, Operator, ProtectionSettings};
use keel_execution::VenueReport;
use keel_market_data::{BookSnapshot, Level, MarketUpdate};
use keel_risk::TradingState;

const ACTIVE: (TradingState, TradingState) = (TradingState::Active, TradingState::Active);
const SECOND: Duration = Duration::from_secs(1);
/// A period, and the looks that follow a difference.
const NOTICED: Duration = Duration::from_secs(35);

fn compare(world: &mut World) {
    world.exchange(Event::Operator(Operator::Reconcile));
}

fn accept(world: &mut World) {
    let reason = "sold by hand".to_owned();
    world.exchange(Event::Operator(Operator::AcceptVenue { reason }));
}

fn compared_at(world: &World) -> Timestamp {
    world.trader.money_check().unwrap().at
}

fn carry(world: &mut World, command: Command) {
    for report in world.venue.carry_out(world.now, command) {
        world.exchange(Event::Venue(report));
    }
}

#[test]
fn f19_an_answer_to_an_older_question_ends_no_comparison() {
    let mut world = World::started();
    assert!(!world.trader.is_reconciling());
    world.now = world.now.plus(SECOND);
    world.loses = |_| true;
    compare(&mut world);
    let early = world.now;
    world.now = world.now.plus(SECOND);
    compare(&mut world);
    for (asked_at, is_under_way) in [(early, true), (world.now, false)] {
        for symbol in [symbol(), other_symbol()] {
            for request in [Request::OpenOrders(symbol), Request::Trades(symbol, None)] {
                for report in world.venue.answer(world.now, asked_at, request) {
                    world.on_venue(report);
                }
            }
        }
        carry(&mut world, Command::QueryBalances);
        assert_eq!(world.trader.is_reconciling(), is_under_way);
    }
}

#[test]
fn f41_a_difference_counts_when_it_is_seen_for_the_third_time_a_second_apart() {
    let mut world = holding();
    change(&mut world, "BTC", -20);
    compare(&mut world);
    world.pass(Duration::from_millis(1_500));
    assert_eq!(states(&world), ACTIVE);
    world.pass(Duration::from_millis(500));
    assert_eq!(states(&world).0, TradingState::ReduceOnly);
    assert_eq!(world.trader.counters().differences, 1);
}

#[test]
fn f41_a_difference_that_changes_is_not_counted_on() {
    let mut world = holding();
    for _ in 0..3 {
        change(&mut world, "BTC", -1);
        compare(&mut world);
    }
    world.pass(SECOND);
    assert_eq!(states(&world), ACTIVE, "the last was seen twice");
    world.pass(SECOND);
    assert_eq!(states(&world).0, TradingState::ReduceOnly);
}

/// A difference that was seen twice, an interruption, and the same difference again.
fn seen_again_after(interruption: impl FnOnce(&mut World)) {
    let mut world = holding();
    change(&mut world, "BTC", -20);
    compare(&mut world);
    world.pass(SECOND);
    interruption(&mut world);
    world.pass(SECOND);
    assert_eq!(states(&world), ACTIVE, "seen twice since then");
    world.pass(SECOND);
    assert_eq!(states(&world).0, TradingState::ReduceOnly);
}

#[test]
fn f41_a_difference_that_went_and_came_back_is_counted_anew() {
    seen_again_after(|world| {
        change(world, "BTC", 20);
        world.pass(SECOND);
        change(world, "BTC", -20);
        compare(world);
    });
}

#[test]
fn f41_a_difference_of_before_a_reconnect_is_counted_anew() {
    seen_again_after(|world| {
        session_down(world);
        world.connect();
    });
}

#[test]
fn f47_what_the_venue_rounds_of_each_trade_is_no_difference_and_more_is() {
    let mut world = holding();
    for (rounded, state) in [(1, TradingState::Active), (2, TradingState::ReduceOnly)] {
        *world.venue.balances.get_mut(&asset("USDT")).unwrap() -= Money::new(1, 8);
        world.pass(NOTICED);
        assert_eq!(states(&world), (state, state), "{rounded} of 1e-8, and one trade");
    }
}

#[test]
fn f41_what_orders_lock_is_in_the_account_too() {
    let mut world = holding();
    world.venue.locked.insert(asset("BTC"), Money::from(50));
    world.pass(NOTICED);
    assert_eq!(world.alerts, Vec::<String>::new());
    assert_eq!(states(&world), ACTIVE);
}

#[test]
fn f23_a_lack_of_what_no_pair_uses_is_told_and_refuses_no_start() {
    let mut world = holding();
    deposit(&mut world, "BNB", 5);
    world.pass(NOTICED);
    change(&mut world, "BNB", -2);
    world.restart();
    world.connect();
    world.pass(Duration::from_secs(5));
    assert_eq!(world.trader.first_comparison(), Some(Ok(())));
    assert_eq!(states(&world), ACTIVE);
    let told = "differs in what no pair uses: BNB: our records say 5, the venue says 3";
    assert!(
        world.alerts.iter().any(|text| text.contains(told)),
        "{:?}",
        world.alerts
    );
}

#[test]
fn nothing_is_compared_while_an_order_is_on_its_way_and_then_within_ten_seconds() {
    let mut world = World::started();
    let (_, command) = world.submit(entry(Side::Buy, 10));
    world.now = world.now.plus(SECOND);
    compare(&mut world);
    let asked_at = world.now;
    assert!(compared_at(&world) < asked_at);
    carry(&mut world, command);
    world.pass(Duration::from_millis(9_500));
    assert!(compared_at(&world) < asked_at);
    world.pass(Duration::from_millis(500));
    assert_eq!(compared_at(&world), world.now);
}

#[test]
fn nothing_is_compared_while_a_trade_is_not_booked() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    world.venue.fill(world.now, id, lots(4)).unwrap();
    let late = std::mem::take(&mut world.venue.trades);
    let total = world.venue.report(world.now, id, ExecType::OrderStatus).unwrap();
    world.exchange(Event::Venue(VenueReport::Execution(total)));
    world.now = world.now.plus(SECOND);
    compare(&mut world);
    assert!(compared_at(&world) < world.now);
    world.venue.trades = late;
    world.pass(Duration::from_secs(10));
    assert_eq!(compared_at(&world), world.now);
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(4)));
}

#[test]
fn an_operator_who_accepts_waits_a_second_for_orders_on_their_way_and_not_ten() {
    let mut world = World::started();
    let (_, command) = world.submit(entry(Side::Buy, 10));
    world.now = world.now.plus(SECOND);
    accept(&mut world);
    assert!(compared_at(&world) < world.now);
    carry(&mut world, command);
    world.pass(SECOND);
    assert_eq!(compared_at(&world), world.now);
}

#[test]
fn f23_the_first_comparison_waits_for_an_unknown_order_and_no_longer() {
    let mut world = World::started();
    world.submit(entry(Side::Buy, 10));
    world.restart();
    world.now = world.now.plus(Duration::from_secs(5));
    world.connect();
    world.pass(ABSENCE_AFTER - Duration::from_secs(6));
    assert_eq!(world.trader.first_comparison(), None);
    world.pass(SECOND + SECOND);
    assert_eq!(world.trader.first_comparison(), Some(Ok(())));
}

/// Planted: a trade that never was, as in `money.rs`.
#[test]
fn f21_a_missing_trade_that_an_operator_has_looked_at_is_not_told_again() {
    let reason = || "looked at it".to_owned();
    for operator in [
        Operator::Resume { reason: reason() },
        Operator::AcceptVenue { reason: reason() },
    ] {
        let mut world = holding();
        let id = world.submit_live(entry(Side::Buy, 10));
        for qty in [4, 6] {
            dust::fill(&mut world, id, qty);
        }
        world.venue.trades.retain(|trade| trade.trade_id != TradeId(2));
        world.pass(Duration::from_secs(120));
        assert_eq!(states(&world).0, TradingState::ReduceOnly);
        world.exchange(Event::Operator(operator));
        world.pass(Duration::from_secs(120));
        assert_eq!(states(&world), ACTIVE);
    }
}

/// Dust of 4 lots, a position of 10, and an account with 10.
fn short_by_dust() -> World {
    let mut world = dust::world();
    dust::partial(&mut world, 4);
    dust::pass(&mut world, 6_000);
    assert_eq!(world.trader.dust(symbol()), lots(4).to_decimal());
    let id = world.submit_live(entry(Side::Buy, 10));
    dust::fill(&mut world, id, 10);
    world.venue.balances.insert(asset("BTC"), lots(10).to_decimal());
    world
}

#[test]
fn f44_f23_what_an_operator_accepts_leaves_the_dust_where_it_is() {
    let mut world = short_by_dust();
    accept(&mut world);
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(6)));
    assert_eq!(world.trader.dust(symbol()), lots(4).to_decimal());
}

#[test]
fn f44_f23_dust_that_the_account_lacks_is_not_resumed_away() {
    let mut world = short_by_dust();
    world.pass(NOTICED);
    assert_eq!(states(&world).0, TradingState::ReduceOnly);
    let reason = "did not look".to_owned();
    world.exchange(Event::Operator(Operator::Resume { reason }));
    world.pass(NOTICED);
    assert_eq!(states(&world).0, TradingState::ReduceOnly);
    let told = "BTC: our records say 0.14, the venue says 0.1";
    assert!(
        world.alerts.iter().any(|text| text.contains(told)),
        "{:?}",
        world.alerts
    );
}

#[test]
fn f23_two_pairs_of_one_asset_are_not_both_left_with_the_same_coins() {
    let mut world = World::booted();
    world.symbols = vec![symbol(), sister_symbol()];
    world.restart();
    world.exchange(Event::Venue(VenueReport::Instrument(instrument(sister_symbol()))));
    world.connect();
    let level = |text| Level {
        price: price(text),
        qty: lots(1_000),
    };
    world.exchange(Event::Market(MarketUpdate::BookSnapshot(BookSnapshot {
        symbol: sister_symbol(),
        last_update_id: 1,
        bids: vec![level("99.99")],
        asks: vec![level("100.01")],
    })));
    for symbol in [symbol(), sister_symbol()] {
        let intent = OrderIntent {
            symbol,
            ..entry(Side::Buy, 10)
        };
        let id = world.submit_live(intent);
        dust::fill(&mut world, id, 10);
    }
    world.venue.balances.insert(asset("BTC"), lots(15).to_decimal());
    accept(&mut world);
    let positions = [symbol(), sister_symbol()].map(|symbol| world.trader.position(symbol));
    assert_eq!(positions, [lots(10), lots(5)].map(SignedQty::from));
}

/// F30: the account was put right by hand, and less is held than the stop was for.
#[test]
fn f30_a_stop_of_more_than_is_held_is_replaced_by_one_of_what_is() {
    let mut world = World::protected(ProtectionSettings {
        stop_distance_bps: 200,
        unprotected_max: Duration::from_secs(5),
    });
    let id = world.submit_live(entry(Side::Buy, 10));
    let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
    world.exchange(Event::Venue(fill));
    world.pass(SECOND);
    assert_eq!(world.venue.open(symbol(), Side::Sell), lots(10), "its stop");
    let base = instrument(symbol()).base;
    world.venue.balances.insert(base, lots(4).to_decimal());
    world.pass(NOTICED);
    accept(&mut world);
    world.pass(NOTICED);
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(4)));
    assert_eq!(world.venue.open(symbol(), Side::Sell), lots(4));
}
