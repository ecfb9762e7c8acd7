//! What a statement rests on: prices at each day's begin, and what fees in a third asset were worth.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::Duration;

use crate::common::{World, entry, lots, price, strategy, symbol};
use crate::reconciliation::{asset, holding};
use keel_domain::{Money, Price, Side, Timestamp};
use keel_engine::{Event, Fact, OtherFees};
use keel_execution::VenueReport;

const DAY: Duration = Duration::from_secs(86_400);

/// A trade of ten lots whose commission of 0.001 is taken in this asset, told so long after it was made.
fn traded(commission_asset: &str, told_after: Duration) -> World {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let VenueReport::Execution(mut report) = world.venue.fill(world.now, id, lots(10)).unwrap() else {
        unreachable!()
    };
    let trade = report.trade.as_mut().unwrap();
    (trade.commission, trade.commission_asset) = (Money::new(1, 3), Some(asset(commission_asset)));
    world.now = world.now.plus(told_after);
    world.quote("99.99", "100.01");
    world.exchange(Event::Venue(VenueReport::Execution(report)));
    world.exchange(Event::Venue(VenueReport::Execution(report)));
    assert_eq!(&world.replayed(), world.trader.state());
    world
}

fn fees(world: &World) -> OtherFees {
    world.trader.state().other_fees(strategy(), symbol())
}

fn marks(world: &World) -> Vec<(Timestamp, Vec<Price>, Option<Money>)> {
    let records = world.log.records.iter();
    let marks = records.filter_map(|record| match &record.fact {
        Fact::DayMarked { prices, equity } => Some((record.at, prices.values().copied().collect(), *equity)),
        _ => None,
    });
    marks.collect()
}

#[test]
fn f47_a_fee_in_a_third_asset_is_worth_what_that_asset_costs_when_the_trade_is_told() {
    let world = traded("ETH", Duration::from_secs(5));
    // At the ask: that is what it takes to have it back.
    let value = Money::new(10_001, 5);
    assert_eq!(fees(&world), OtherFees { value, unvalued: 0 });
}

#[test]
fn f47_a_fee_without_a_price_of_its_time_has_no_value_and_is_counted() {
    let nothing = OtherFees {
        value: Money::ZERO,
        unvalued: 1,
    };
    assert_eq!(
        fees(&traded("BNB", Duration::ZERO)),
        nothing,
        "no pair gives BNB a price"
    );
    assert_eq!(
        fees(&traded("ETH", Duration::from_secs(6))),
        nothing,
        "a price of six seconds later"
    );
}

#[test]
fn f45_a_fee_in_the_pairs_own_assets_is_no_fee_elsewhere() {
    for own in ["BTC", "USDT"] {
        assert_eq!(fees(&traded(own, Duration::ZERO)), OtherFees::default());
    }
}

#[test]
fn f47_each_day_begins_with_its_first_prices_once_and_over_restarts() {
    let mut world = holding();
    assert_eq!(marks(&world).len(), 1, "the first day's, at the start");
    world.restart();
    world.connect();
    world.pass(Duration::from_secs(120));
    assert_eq!(marks(&world).len(), 1, "a restart begins no day");
    world.now = world.now.plus(DAY);
    world.exchange(Event::Timer);
    assert_eq!(marks(&world).len(), 1, "the books are a day old");
    world.quote("98", "98.02");
    world.exchange(Event::Timer);
    let (at, prices, equity) = marks(&world).pop().unwrap();
    assert_eq!((at, prices), (world.now, vec![price("98"); 2]));
    assert_eq!(equity, world.trader.equity(world.now).map(|(equity, _)| equity));
    assert_eq!(&world.replayed(), world.trader.state());
}

#[test]
fn f47_a_day_waits_a_minute_for_its_prices_and_begins_without_them_then() {
    let mut world = holding();
    world.now = world.now.plus(DAY);
    world.exchange(Event::Timer);
    world.now = world.now.plus(Duration::from_secs(59));
    world.exchange(Event::Timer);
    assert_eq!(marks(&world).len(), 1);
    world.now = world.now.plus(Duration::from_secs(1));
    world.exchange(Event::Timer);
    assert_eq!(marks(&world).pop().unwrap(), (world.now, vec![], None));
}
