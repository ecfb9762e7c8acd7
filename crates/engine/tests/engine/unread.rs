//! The loss budget while prices are missing: nothing is forgotten, dust does not switch it off, and a position without a price for
//! too long is a breach.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::Duration;

use crate::common::{World, entry, instrument, lots, other_symbol, price, symbol};
use crate::losses::{fill, holding, limits, money, reads, standing};
use keel_domain::{Instrument, Money, NotionalRange, OrdStatus, OrderIntent, Side};
use keel_engine::{Event, Operator, Trader};
use keel_execution::VenueReport;
use keel_market_data::{BookSnapshot, Level, MarketUpdate};
use keel_risk::{HaltCause, TradingState};

/// A book of one pair; the other pair's goes stale.
fn quote_one(world: &mut World, update_id: u64, bid: &str) {
    let level = |text: &str| Level {
        price: price(text),
        qty: lots(1_000),
    };
    world.exchange(Event::Market(MarketUpdate::BookSnapshot(BookSnapshot {
        symbol: symbol(),
        last_update_id: 1_000_000 + update_id,
        bids: vec![level(bid)],
        asks: vec![level(&(money(bid) + money("0.02")).to_string())],
    })));
}

fn a_timer_later(world: &mut World, time: Duration) -> TradingState {
    world.now = world.now.plus(time);
    world.exchange(Event::Timer);
    world.trader.trading_state()
}

#[test]
fn without_a_price_nothing_is_read_and_nothing_forgotten() {
    let mut world = holding(limits("0.5", "100"));
    reads(&mut world, "94");
    assert_eq!(
        a_timer_later(&mut world, Duration::from_secs(3)),
        TradingState::Active
    );
    assert_eq!(world.trader.loss_standing(world.now), None);
    assert_eq!(
        reads(&mut world, "94"),
        TradingState::ReduceOnly,
        "the second reading"
    );
}

#[test]
fn f15_a_position_without_a_price_for_a_minute_is_a_breach_and_before_that_it_is_not() {
    let mut world = holding(limits("0.5", "100"));
    reads(&mut world, "100");
    // The first reading that fails; a pause of the process alone is none.
    assert_eq!(
        a_timer_later(&mut world, Duration::from_secs(3_600)),
        TradingState::Active
    );
    let before = Trader::UNREAD_MAX - Duration::from_nanos(1);
    assert_eq!(a_timer_later(&mut world, before), TradingState::Active);
    let at_the_bound = a_timer_later(&mut world, Duration::from_nanos(1));
    assert_eq!(at_the_bound, TradingState::ReduceOnly);
    let what =
        "BTCUSDT is held and has had no fresh price for 60 s: what is being lost is not known".to_owned();
    let cause = HaltCause::MarketData { what };
    assert_eq!(world.trader.restriction_cause(), Some(&cause));
    assert_eq!(
        world
            .alerts
            .iter()
            .filter(|text| text.contains(&cause.to_string()))
            .count(),
        1
    );
    a_timer_later(&mut world, Duration::from_secs(1));
    assert_eq!(
        world
            .alerts
            .iter()
            .filter(|text| text.contains(&cause.to_string()))
            .count(),
        1
    );
    let reason = "did not look".to_owned();
    world.exchange(Event::Operator(Operator::Resume { reason }));
    assert_eq!(
        a_timer_later(&mut world, Duration::ZERO),
        TradingState::ReduceOnly,
        "it is missing still"
    );
}

#[test]
fn f15_a_price_in_between_begins_the_minute_anew() {
    let mut world = holding(limits("0.5", "100"));
    for _ in 0..3 {
        a_timer_later(&mut world, Duration::from_secs(3));
        assert_eq!(
            a_timer_later(&mut world, Duration::from_secs(59)),
            TradingState::Active
        );
        assert_eq!(reads(&mut world, "100"), TradingState::Active);
    }
}

#[test]
fn without_a_position_no_price_is_missed() {
    let mut world = World::losing(limits("0.5", "100"));
    for _ in 0..4 {
        assert_eq!(
            a_timer_later(&mut world, Duration::from_secs(60)),
            TradingState::Active
        );
    }
}

/// Holds what `holding` does, and a lot of the other pair that is too small to sell.
fn with_dust_elsewhere() -> World {
    let mut world = holding(limits("0.5", "100"));
    let pair = instrument(other_symbol());
    let notional = NotionalRange {
        min: Money::from(5),
        ..pair.notional
    };
    let changed = Instrument { notional, ..pair };
    world.exchange(Event::Venue(VenueReport::Instrument(changed)));
    let intent = OrderIntent {
        symbol: other_symbol(),
        ..entry(Side::Buy, 5)
    };
    let id = world.submit_live(intent);
    fill(&mut world, id, 1);
    let ended = world.venue.end(world.now, id, OrdStatus::Canceled).unwrap();
    world.exchange(Event::Venue(ended));
    world.pass(Duration::from_secs(40));
    assert_eq!(world.trader.dust(other_symbol()), money("0.01"));
    world
}

#[test]
fn f13_dust_without_a_price_leaves_the_budget_of_all_other_pairs_on() {
    let mut world = with_dust_elsewhere();
    world.now = world.now.plus(Duration::from_secs(10));
    quote_one(&mut world, 1, "100");
    world.exchange(Event::Timer);
    // The dust cost 1, and its last bid was 99.99.
    assert_eq!(standing(&world).day_lost, money("0.0001"));
    for (update_id, expected) in [(2, TradingState::Active), (3, TradingState::ReduceOnly)] {
        world.now = world.now.plus(Duration::from_secs(1));
        quote_one(&mut world, update_id, "95");
        world.exchange(Event::Timer);
        assert_eq!(world.trader.trading_state(), expected);
    }
}

#[test]
fn dust_without_a_price_is_worth_no_more_than_it_cost() {
    let mut world = with_dust_elsewhere();
    reads(&mut world, "105");
    assert_eq!(standing(&world).day_lost, money("-0.55"), "5 a coin, on 0.11");
    world.now = world.now.plus(Duration::from_secs(10));
    quote_one(&mut world, 1, "105");
    assert_eq!(standing(&world).day_lost, money("-0.5"));
}
