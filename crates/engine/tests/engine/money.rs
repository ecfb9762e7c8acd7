//! The money identity in the running machine: every comparison, every way to count, and what a breach does.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::Duration;

use crate::common::{World, entry, lots, other_symbol, price, strategy, symbol};
use keel_domain::{Asset, ClOrdId, Money, Side, TradeId};
use keel_engine::{Event, Fact, MoneyCheck};
use keel_execution::VenueReport;
use keel_risk::TradingState;

/// A period, and the looks that follow a difference.
const NOTICED: Duration = Duration::from_secs(35);

fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

fn check(world: &World) -> &MoneyCheck {
    world.trader.money_check().unwrap()
}

fn position_of(world: &World, name: &str) -> (Money, Money) {
    let lines = &check(world).assets;
    let line = lines.iter().find(|line| line.asset == asset(name)).unwrap();
    (line.transferred, line.foreign)
}

fn holding() -> World {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
    world.exchange(Event::Venue(fill));
    world
}

/// Money moves at the venue, and its event is told.
pub(super) fn deposit(world: &mut World, name: &str, delta: i64) -> VenueReport {
    *world.venue.balances.entry(asset(name)).or_default() += Money::from(delta);
    let moved = VenueReport::Transfer {
        asset: asset(name),
        delta: Money::from(delta),
        transact_time: world.now,
    };
    world.exchange(Event::Venue(moved.clone()));
    moved
}

#[test]
fn equity_is_taken_at_the_worse_side_of_fresh_books_or_not_at_all() {
    let mut world = World::booted();
    assert_eq!(world.trader.equity(world.now), None, "nothing is known");
    world.connect();
    let (before, currency) = world.trader.equity(world.now).unwrap();
    assert_eq!(currency, asset("USDT"));
    let id = world.submit_live(entry(Side::Buy, 10));
    let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
    world.exchange(Event::Venue(fill));
    world.pass(NOTICED);
    let traded = world.venue.trades.last().copied().unwrap();
    let lost = (traded.last_px.to_decimal() - price("99.99").to_decimal()) * lots(10).to_decimal();
    assert_eq!(
        world.trader.equity(world.now),
        Some((before - lost, currency)),
        "held at the bid"
    );
    world.now = world.now.plus(Duration::from_secs(10));
    assert_eq!(
        world.trader.equity(world.now),
        None,
        "a price of ten seconds ago is none"
    );
}

#[test]
fn f47_the_identity_is_checked_within_every_minute_and_is_exact() {
    let mut world = holding();
    for _ in 0..5 {
        let before = world.now;
        world.pass(Duration::from_secs(60));
        let check = check(&world);
        assert!(check.at > before && check.is_ok, "{check:?}");
        let money = check.money.unwrap();
        assert_eq!(money.difference, Money::ZERO);
        // Ten lots bought at 100 are worth 99.99 each.
        assert_eq!(
            (money.equity_change, money.unrealised),
            (Money::new(-1, 3), Money::new(-1, 3))
        );
        // One tick of the price for what is held, and 1e-8 for the one trade.
        assert_eq!(check.tolerance, Money::new(100_001, 8));
    }
    assert_eq!(world.trader.counters().identity_breaches, 0);
}

#[test]
fn f47_a_fee_that_is_not_in_the_records_is_a_breach_and_leaves_only_exits() {
    let mut world = holding();
    *world.venue.balances.get_mut(&asset("USDT")).unwrap() -= Money::new(1, 2);
    world.pass(NOTICED);
    assert!(!check(&world).is_ok);
    assert_eq!(check(&world).money.unwrap().difference, Money::new(-1, 2));
    assert_eq!(world.trader.trading_state_of(symbol()), TradingState::ReduceOnly);
    assert!(
        world
            .alerts
            .iter()
            .any(|text| text.contains("USDT: our records say"))
    );
    assert!(world.trader.counters().identity_breaches > 0);
}

#[test]
fn f47_f46_a_commission_asset_that_is_no_pairs_is_counted_too() {
    let mut world = World::started();
    deposit(&mut world, "BNB", 2);
    let id = world.submit_live(entry(Side::Buy, 10));
    let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
    let VenueReport::Execution(mut report) = fill else {
        unreachable!()
    };
    let trade = report.trade.as_mut().unwrap();
    (trade.commission, trade.commission_asset) = (Money::new(1, 3), Some(asset("BNB")));
    world.venue.trades[0] = *trade;
    *world.venue.balances.get_mut(&asset("BNB")).unwrap() -= Money::new(1, 3);
    world.exchange(Event::Venue(VenueReport::Execution(report)));
    world.pass(NOTICED);
    assert!(check(&world).is_ok);
    assert!(check(&world).money.is_none(), "BNB has no price here");
    let told = |text: &&String| {
        text.as_str()
            == "BNB has moved and no configured pair gives it a price: the money is checked asset by asset, and not in USDT"
    };
    assert_eq!(world.alerts.iter().filter(told).count(), 1, "{:?}", world.alerts);
    *world.venue.balances.get_mut(&asset("BNB")).unwrap() -= Money::new(1, 3);
    world.pass(NOTICED);
    assert!(!check(&world).is_ok);
    let states = (
        world.trader.trading_state_of(symbol()),
        world.trader.trading_state_of(other_symbol()),
    );
    assert_eq!(
        states,
        (TradingState::ReduceOnly, TradingState::Active),
        "only that pair paid in it"
    );
}

#[test]
fn f49_a_deposit_and_a_withdrawal_are_recorded_once_and_are_no_profit() {
    let mut world = holding();
    let moved = deposit(&mut world, "USDT", 500);
    world.exchange(Event::Venue(moved));
    deposit(&mut world, "BTC", 3);
    deposit(&mut world, "BTC", -1);
    world.pass(NOTICED);
    assert!(check(&world).is_ok);
    assert_eq!(position_of(&world, "USDT").0, Money::from(500));
    assert_eq!(position_of(&world, "BTC").0, Money::from(2));
    let money = check(&world).money.unwrap();
    assert_eq!(money.realised + money.unrealised, Money::new(-1, 3));
    assert_eq!(
        world.trader.position(symbol()),
        Side::Buy.signed(lots(10)),
        "not ours to sell"
    );
    assert_eq!(world.trader.trading_state_of(symbol()), TradingState::Active);
    let recorded = world
        .log
        .records
        .iter()
        .filter(|record| matches!(record.fact, Fact::Transfer(_)));
    assert_eq!(recorded.count(), 3);
    assert_eq!(world.trader.counters().identity_breaches, 0);
    world.restart();
    world.connect();
    assert_eq!(
        world.trader.first_comparison(),
        Some(Ok(())),
        "{:?}",
        world.alerts
    );
    assert_eq!(position_of(&world, "USDT").0, Money::from(500));
}

#[test]
fn f49_a_lock_from_outside_moves_nothing() {
    let mut world = holding();
    world.exchange(Event::Venue(VenueReport::ExternalLock {
        asset: asset("BTC"),
        delta: Money::from(2),
        transact_time: world.now,
    }));
    world.pass(NOTICED);
    assert!(check(&world).is_ok);
    assert!(
        world
            .alerts
            .iter()
            .any(|text| text.contains("2 BTC is locked from outside"))
    );
}

#[test]
fn f41_a_persons_trade_is_a_fact_of_its_own_and_the_identity_holds() {
    for is_told in [true, false] {
        let mut world = holding();
        let theirs: ClOrdId = "x-human".parse().unwrap();
        world.venue.place(world.now, theirs, entry(Side::Sell, 5));
        let fill = world.venue.fill(world.now, theirs, lots(5)).unwrap();
        if is_told {
            world.exchange(Event::Venue(fill.clone()));
            world.exchange(Event::Venue(fill));
            assert_eq!(
                world.trader.trading_state_of(symbol()),
                TradingState::ReduceOnly,
                "at once"
            );
        }
        world.pass(NOTICED);
        assert_eq!(world.trader.trading_state_of(symbol()), TradingState::ReduceOnly);
        assert!(check(&world).is_ok, "{:?}", check(&world));
        assert_eq!(position_of(&world, "BTC").1, Money::new(-5, 2));
        assert_eq!(
            world.trader.position(symbol()),
            Side::Buy.signed(lots(10)),
            "it is not booked"
        );
        assert_eq!(world.trader.counters().foreign, 1);
        world.restart();
        world.connect();
        assert_eq!(world.trader.first_comparison(), Some(Ok(())));
    }
}

/// Planted: an event of a trade that never was, with balances that fit it.
#[test]
fn f21_a_trade_that_the_venue_does_not_list_is_found() {
    let mut world = holding();
    let id = world.submit_live(entry(Side::Buy, 10));
    let made_up = world.venue.fill(world.now, id, lots(4)).unwrap();
    world.exchange(Event::Venue(made_up));
    let VenueReport::Execution(report) = world.venue.fill(world.now, id, lots(6)).unwrap() else {
        unreachable!()
    };
    world.exchange(Event::Venue(VenueReport::Execution(report)));
    world.venue.trades.retain(|trade| trade.trade_id != TradeId(2));
    world.pass(Duration::from_secs(60));
    assert_eq!(
        world.trader.trading_state_of(symbol()),
        TradingState::Active,
        "it may only be late"
    );
    world.pass(Duration::from_secs(60));
    assert_eq!(world.trader.trading_state_of(symbol()), TradingState::ReduceOnly);
    assert!(!check(&world).is_ok);
    let told = "our records have trade 2, and the venue does not list it";
    assert!(
        world.alerts.iter().any(|text| text.contains(told)),
        "{:?}",
        world.alerts
    );
}

#[test]
fn f21_a_trade_that_the_venue_lists_late_is_not_called_missing() {
    let mut world = holding();
    let id = world.submit_live(entry(Side::Buy, 10));
    for qty in [4, 6] {
        let fill = world.venue.fill(world.now, id, lots(qty)).unwrap();
        world.exchange(Event::Venue(fill));
    }
    let late = world.venue.trades.remove(1);
    world.pass(Duration::from_secs(45));
    world.venue.trades.insert(1, late);
    world.pass(Duration::from_secs(120));
    assert_eq!(world.trader.trading_state_of(symbol()), TradingState::Active);
    assert!(check(&world).is_ok);
}

/// Planted: the average and the profit come from fills, whatever the order asked for.
#[test]
fn f40_f48_cost_and_profit_come_from_fills_and_never_from_the_orders_price() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let VenueReport::Execution(mut report) = world.venue.fill(world.now, id, lots(10)).unwrap() else {
        unreachable!()
    };
    let trade = report.trade.as_mut().unwrap();
    trade.last_px = price("97");
    report.cum_quote = Money::new(97, 1);
    world.venue.trades[0] = *trade;
    *world.venue.balances.get_mut(&asset("USDT")).unwrap() += Money::new(3, 1);
    world.exchange(Event::Venue(VenueReport::Execution(report)));
    world.pass(NOTICED);
    let ledger = world.trader.state().ledgers().of(strategy()).unwrap();
    assert_eq!(ledger.avg_px(symbol()), Some(97.into()));
    let check = check(&world);
    assert!(check.is_ok, "{check:?}");
    assert_eq!(check.money.unwrap().unrealised, Money::new(299, 3));
}
