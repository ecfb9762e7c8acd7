//! Orders and trades of others in the account: told, told apart up to a bound, and never mistaken for ours.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{T0, World, entry, lots, other_symbol, symbol};
use crate::reconciliation::{holding, states};
use keel_domain::{ClOrdId, ExecType, OrdStatus, OrderIntent, Side, Trade, TradeId};
use keel_engine::{Command, Event, Fact};
use keel_execution::VenueReport;
use keel_risk::TradingState;

const ACTIVE: (TradingState, TradingState) = (TradingState::Active, TradingState::Active);
/// A comparison comes within it.
const PERIOD: Duration = Duration::from_secs(31);
/// The most foreign orders that are told apart.
const TOLD_APART: u64 = 1_024;

fn theirs(number: u64) -> ClOrdId {
    format!("x-{number}").parse().unwrap()
}

/// Somebody else's order is placed, and its report comes.
fn told(world: &mut World, number: u64) {
    let placed = world.venue.place(world.now, theirs(number), entry(Side::Buy, 10));
    world.on_venue(placed);
}

fn told_again(world: &mut World, number: u64) {
    let report = world
        .venue
        .report(world.now, theirs(number), ExecType::OrderStatus);
    world.on_venue(VenueReport::Execution(report.unwrap()));
}

/// Somebody else trades a lot, and only the list of trades tells it.
fn trades(world: &mut World, number: u64) {
    world.venue.fill(world.now, theirs(number), lots(1)).unwrap();
    let asked_at = world.now;
    world.on_venue(VenueReport::Trades {
        symbol: symbol(),
        from: None,
        trades: world.venue.trades.clone(),
        asked_at,
    });
}

#[test]
fn f41_f65_foreign_orders_are_told_apart_up_to_a_bound() {
    let mut world = World::started();
    for number in 0..=TOLD_APART {
        told(&mut world, number);
    }
    assert_eq!(world.trader.counters().foreign, TOLD_APART + 1);
    for number in 0..=TOLD_APART {
        told_again(&mut world, number);
    }
    assert_eq!(
        world.trader.counters().foreign,
        TOLD_APART + 2,
        "one is not remembered"
    );
}

#[test]
fn f41_f65_orders_of_foreign_trades_are_told_apart_up_to_the_same_bound() {
    for (known, counted) in [(TOLD_APART - 1, TOLD_APART), (TOLD_APART, TOLD_APART + 2)] {
        let mut world = World::started();
        for number in 0..known {
            told(&mut world, number);
        }
        world.venue.place(world.now, theirs(known), entry(Side::Buy, 10));
        trades(&mut world, known);
        trades(&mut world, known);
        assert_eq!(world.trader.counters().foreign, counted);
    }
}

#[test]
fn f41_the_first_trade_of_a_foreign_order_that_is_known_restricts_its_pair_and_is_told_once() {
    let mut world = World::started();
    told(&mut world, 1);
    assert_eq!(states(&world), ACTIVE);
    trades(&mut world, 1);
    assert_eq!(states(&world), (TradingState::ReduceOnly, TradingState::Active));
    let alerts = world.alerts.len();
    trades(&mut world, 1);
    assert_eq!(world.alerts.len(), alerts, "{:?}", world.alerts);
    assert_eq!(world.trader.counters().foreign, 1);
}

#[test]
fn f42_an_ended_order_with_our_tag_that_is_not_recorded_is_told_and_not_canceled() {
    let mut world = World::started();
    let lost = "k1-900-1".parse().unwrap();
    world.venue.place(world.now, lost, entry(Side::Buy, 10));
    let ended = world.venue.end(world.now, lost, OrdStatus::Canceled).unwrap();
    assert_eq!(world.on_venue(ended), []);
    assert_eq!(
        world.alerts,
        ["BTCUSDT: order k1-900-1 in this account is not ours"]
    );
}

#[test]
fn f41_a_humans_trade_is_told_while_our_orders_are_live_or_unknown_elsewhere() {
    let elsewhere = OrderIntent {
        symbol: other_symbol(),
        ..entry(Side::Buy, 10)
    };
    let with_order: [fn(&mut World, OrderIntent); 2] = [
        |world, _| {
            world.submit_live(entry(Side::Buy, 10));
        },
        |world, elsewhere| {
            world.submit(elsewhere);
        },
    ];
    for place in with_order {
        let mut world = World::started();
        place(&mut world, elsewhere);
        world.venue.place(world.now, theirs(1), entry(Side::Sell, 5));
        trades(&mut world, 1);
        assert_eq!(states(&world).0, TradingState::ReduceOnly);
    }
}

#[test]
fn f20_a_trade_that_may_be_of_an_order_in_flight_is_not_called_foreign() {
    let mut world = World::started();
    let (id, command) = world.submit(entry(Side::Buy, 10));
    let answer = world.venue.carry_out(world.now, command);
    world.venue.fill(world.now, id, lots(4)).unwrap();
    let list = |world: &World| VenueReport::Trades {
        symbol: symbol(),
        from: None,
        trades: world.venue.trades.clone(),
        asked_at: world.now,
    };
    world.on_venue(list(&world));
    assert_eq!(states(&world), ACTIVE);
    for report in answer {
        world.on_venue(report);
    }
    world.on_venue(list(&world));
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(4)));
    assert_eq!(states(&world), ACTIVE);
}

#[test]
fn f41_trades_of_before_the_first_start_are_nobodys_concern() {
    let mut world = World::booted();
    world.venue.place(T0, theirs(1), entry(Side::Sell, 5));
    world.venue.fill(T0, theirs(1), lots(5)).unwrap();
    let trade = world.venue.trades.first_mut().unwrap();
    trade.transact_time = keel_domain::Timestamp::from_millis(1_699_999_999_999);
    world.connect();
    world.pass(PERIOD);
    assert_eq!(states(&world), ACTIVE);
    let trade = world.venue.trades.first_mut().unwrap();
    (trade.transact_time, trade.trade_id) = (T0, TradeId(2));
    world.pass(PERIOD);
    assert_eq!(states(&world).0, TradingState::ReduceOnly);
}

fn questions_for_trades(commands: &[Command]) -> Vec<Option<TradeId>> {
    let from = |command: &Command| match command {
        Command::QueryTrades { from, .. } => Some(*from),
        _ => None,
    };
    commands.iter().filter_map(from).collect()
}

#[test]
fn f19_a_full_list_of_trades_is_read_on_and_one_that_brings_nothing_new_is_not() {
    let mut world = holding();
    world.pass(PERIOD);
    let trade = *world.venue.trades.first().unwrap();
    let page: Vec<Trade> = (1..=1_000)
        .map(|id| Trade {
            trade_id: TradeId(id),
            ..trade
        })
        .collect();
    let answer = VenueReport::Trades {
        symbol: symbol(),
        from: Some(TradeId(1)),
        trades: page,
        asked_at: world.now,
    };
    let commands = world.on_venue(answer.clone());
    assert_eq!(questions_for_trades(&commands), [Some(TradeId(1_001))]);
    let commands = world.on_venue(answer);
    assert_eq!(questions_for_trades(&commands), [], "it would be asked for ever");
}

#[test]
fn what_was_read_of_the_trades_is_recorded_once() {
    let mut world = holding();
    world.pass(PERIOD);
    world.pass(PERIOD);
    world.exchange(Event::Timer);
    let read = world.log.records.iter().filter_map(|record| match record.fact {
        Fact::TradesRead { next, .. } => Some(next),
        _ => None,
    });
    assert_eq!(read.collect::<Vec<_>>(), [TradeId(2)]);
}
