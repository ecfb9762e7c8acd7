//! What of the market data is believed, and what the venue's word on a pair does.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::*;
use keel_domain::{Instrument, InstrumentStatus, Side, TradeId};
use keel_engine::{Command, Event, MarketCondition, Operator, Shut};
use keel_execution::{RefusedCause, Reject, VenueReport};
use keel_market_data::{
    BookDelta, BookFault, BookSnapshot, BookTicker, Kline, Level, LostReason, MarketUpdate, PublicTrade,
    Stream,
};
use keel_risk::TradingState;
use keel_strategy::{Action, Permission};

fn level(at: &str) -> Level {
    Level {
        price: price(at),
        qty: lots(1_000),
    }
}

fn book(update_id: u64, bid: &str, ask: &str) -> Event {
    Event::Market(MarketUpdate::BookSnapshot(BookSnapshot {
        symbol: symbol(),
        last_update_id: update_id,
        bids: vec![level(bid)],
        asks: vec![level(ask)],
    }))
}

fn trade(id: u64, at: &str) -> Event {
    Event::Market(MarketUpdate::Trade(PublicTrade {
        symbol: symbol(),
        trade_id: TradeId(id),
        price: price(at),
        qty: lots(1),
        aggressor: Side::Buy,
        trade_time: T0,
    }))
}

fn condition(world: &World) -> MarketCondition {
    world.trader.market_condition(world.now, symbol())
}

/// How many orders the venue is sent when the strategy wishes for an entry.
fn entries(world: &mut World) -> usize {
    let commands = world.wish(vec![Action::Submit(entry(Side::Buy, 1))]);
    commands
        .iter()
        .filter(|command| matches!(command, Command::Submit(_)))
        .count()
}

fn permission(world: &mut World) -> Option<Permission> {
    world.on(Event::Timer);
    world.script.lock().unwrap().permission
}

fn jumped() -> MarketCondition {
    MarketCondition::NoPrice(BookFault::Jumped {
        good: price("100"),
        seen: price("50"),
    })
}

fn alerted(world: &World, text: &str) -> bool {
    world.alerts.iter().any(|alert| alert.contains(text))
}

#[test]
fn f39_a_jump_gives_no_price_until_the_next_event_says_the_same() {
    let mut world = World::started();
    world.on(book(100, "49.99", "50.01"));
    assert_eq!((condition(&world), entries(&mut world)), (jumped(), 0));
    assert!(alerted(&world, "jumped to 49.99"), "{:?}", world.alerts);
    world.on(book(101, "49.98", "50.02"));
    assert_eq!(condition(&world), MarketCondition::Usable);
}

#[test]
fn f39_a_trade_at_the_new_level_confirms_it_and_one_at_the_old_does_not() {
    for (at, expected) in [("50.1", MarketCondition::Usable), ("100.1", jumped())] {
        let mut world = World::started();
        world.on(book(100, "49.99", "50.01"));
        world.on(trade(1, at));
        let seen = match condition(&world) {
            // The trade at the old level is the last good price.
            MarketCondition::NoPrice(BookFault::Jumped { .. }) => jumped(),
            other => other,
        };
        assert_eq!(seen, expected, "{at}");
    }
}

#[test]
fn f39_the_best_prices_told_beside_the_book_confirm_a_jump_too() {
    let mut world = World::started();
    world.on(book(100, "49.99", "50.01"));
    world.on(Event::Market(MarketUpdate::BookTicker(BookTicker {
        symbol: symbol(),
        update_id: 100,
        bid: level("49.99"),
        ask: level("50.01"),
    })));
    assert_eq!(condition(&world), MarketCondition::Usable);
}

#[test]
fn f39_a_single_wild_trade_is_neither_shown_nor_the_last_price() {
    let mut world = World::started();
    world.on(trade(1, "100"));
    let calls = world.script.lock().unwrap().calls;
    world.on(trade(2, "1"));
    assert_eq!(
        (
            world.script.lock().unwrap().calls,
            world.trader.last_trade(symbol()),
            condition(&world)
        ),
        (calls, Some(price("100")), MarketCondition::Usable)
    );
    assert_eq!(world.trader.counters().price_jumps, 1);
}

#[test]
fn f39_a_price_of_zero_is_never_used() {
    let mut world = World::started();
    world.on(trade(1, "0"));
    assert_eq!(world.trader.last_trade(symbol()), None);
    assert_eq!(
        condition(&world),
        MarketCondition::Usable,
        "the book is as it was"
    );
    let delta = MarketUpdate::BookDelta(BookDelta {
        symbol: symbol(),
        first_update_id: 1,
        last_update_id: 1_000,
        event_time: T0,
        bids: vec![level("0")],
        asks: vec![],
    });
    let commands = world.on(Event::Market(delta));
    let resync = Command::Resync {
        symbol: symbol(),
        reason: LostReason::Undecodable,
    };
    assert!(commands.contains(&resync), "{commands:?}");
    assert_eq!(
        (condition(&world), entries(&mut world)),
        (MarketCondition::ZeroPrice, 0)
    );
    assert!(alerted(&world, "a price of zero"));
    world.on(book(1_001, "99.99", "100.01"));
    assert_eq!(condition(&world), MarketCondition::Usable);
    assert_eq!(world.trader.counters().zero_prices, 2);
}

#[test]
fn f39_a_pair_that_does_not_trade_takes_no_entry_until_it_trades_again() {
    for status in [
        InstrumentStatus::Halt,
        InstrumentStatus::Break,
        InstrumentStatus::CancelOnly,
    ] {
        let mut world = World::started();
        let pair = |status| {
            VenueReport::Instrument(Instrument {
                status,
                ..instrument(symbol())
            })
        };
        world.on_venue(pair(status));
        assert_eq!(
            (condition(&world), permission(&mut world), entries(&mut world)),
            (MarketCondition::NotTrading(status), Some(Permission::Nothing), 0)
        );
        assert!(
            alerted(&world, &format!("status is {status:?}")),
            "{:?}",
            world.alerts
        );
        world.on_venue(pair(InstrumentStatus::Trading));
        assert_eq!(
            (condition(&world), entries(&mut world)),
            (MarketCondition::Usable, 1),
            "{status:?}"
        );
    }
}

#[test]
fn f39_while_a_pair_does_not_trade_its_status_is_asked_for_every_half_minute() {
    let mut world = World::started();
    world.on_venue(VenueReport::Instrument(Instrument {
        status: InstrumentStatus::Halt,
        ..instrument(symbol())
    }));
    let mut asked = 0;
    for _ in 0..120 {
        world.now = world.now.plus(Duration::from_millis(500));
        let commands = world.on(Event::Timer);
        asked += commands
            .iter()
            .filter(|command| **command == Command::QueryInstruments)
            .count();
    }
    assert_eq!(asked, 2);
}

#[test]
fn f62_a_closed_market_takes_no_order_until_the_status_is_trading() {
    let mut world = World::started();
    let (cl_ord_id, _) = world.submit(entry(Side::Buy, 1));
    let reject = Reject {
        code: -1013,
        text: "Market is closed.".to_owned(),
    };
    let commands = world.on_venue(VenueReport::SubmitRejected { cl_ord_id, reject });
    assert!(commands.contains(&Command::QueryInstruments), "{commands:?}");
    world.now = world.now.plus(Duration::from_secs(600));
    world.on(book(100, "99.99", "100.01"));
    assert_eq!(
        (condition(&world), permission(&mut world), entries(&mut world)),
        (
            MarketCondition::Shut(Shut::MarketClosed),
            Some(Permission::Nothing),
            0
        ),
        "time alone opens nothing"
    );
    assert!(alerted(&world, "market is closed"));
    world.on_venue(VenueReport::Instrument(Instrument {
        status: InstrumentStatus::Break,
        ..instrument(symbol())
    }));
    assert_eq!(condition(&world), MarketCondition::Shut(Shut::MarketClosed));
    world.on_venue(VenueReport::Instrument(instrument(symbol())));
    assert_eq!(
        (condition(&world), entries(&mut world)),
        (MarketCondition::Usable, 1)
    );
}

#[test]
fn f62_a_closed_market_is_lifted_by_the_same_description_as_before() {
    let mut world = World::started();
    let (cl_ord_id, _) = world.submit(entry(Side::Buy, 1));
    let reject = Reject {
        code: -1013,
        text: "Market is closed.".to_owned(),
    };
    world.on_venue(VenueReport::SubmitRejected { cl_ord_id, reject });
    world.on_venue(VenueReport::Instrument(instrument(symbol())));
    assert_eq!(condition(&world), MarketCondition::Usable);
}

#[test]
fn f39_a_pair_that_the_venue_no_longer_knows_takes_no_order() {
    let mut world = World::started();
    let reject = Reject {
        code: -1121,
        text: "Invalid symbol.".to_owned(),
    };
    world.on_venue(VenueReport::Refused {
        cause: RefusedCause::Symbol(symbol()),
        reject,
    });
    assert_eq!(
        (condition(&world), entries(&mut world)),
        (MarketCondition::Shut(Shut::Unlisted), 0)
    );
    assert!(alerted(&world, "delisted or renamed"));
    let other = world.trader.market_condition(world.now, other_symbol());
    assert_eq!(other, MarketCondition::Usable, "the other pair trades on");
    world.on_venue(VenueReport::Instrument(instrument(symbol())));
    assert_eq!(
        (condition(&world), entries(&mut world)),
        (MarketCondition::Usable, 1)
    );
}

#[test]
fn f39_a_name_that_means_another_pair_halts_the_pair_until_an_operator_resumes() {
    let mut world = World::started();
    world.on_venue(VenueReport::Instrument(Instrument {
        base: "NEW".parse().unwrap(),
        ..instrument(symbol())
    }));
    assert_eq!(world.trader.trading_state_of(symbol()), TradingState::Halted);
    assert_eq!(world.trader.trading_state(), TradingState::Active);
    let base = world.trader.instrument(symbol()).unwrap().base;
    assert_eq!(
        base,
        instrument(symbol()).base,
        "its position is still of the old asset"
    );
}

#[test]
fn an_undocumented_field_blocks_entries_until_an_operator_resumes() {
    let mut world = World::started();
    let field = "x".to_owned();
    let unknown = MarketUpdate::UnknownField {
        symbol: symbol(),
        field,
    };
    world.on(Event::Market(unknown.clone()));
    world.on(Event::Market(unknown));
    assert_eq!(
        (
            world.trader.trading_state_of(symbol()),
            permission(&mut world),
            entries(&mut world)
        ),
        (TradingState::EntriesBlocked, Some(Permission::ReduceOnly), 0)
    );
    let told = world.alerts.iter().filter(|alert| alert.contains("field `x`"));
    assert_eq!(told.count(), 1, "{:?}", world.alerts);
    let reason = "the field is harmless".to_owned();
    world.on(Event::Operator(Operator::Resume { reason }));
    assert_eq!(entries(&mut world), 1);
}

#[test]
fn a_message_that_cannot_be_read_gives_no_price_and_is_told_once() {
    let mut world = World::started();
    for _ in 0..3 {
        world.on(Event::Market(MarketUpdate::BookLost {
            symbol: symbol(),
            reason: LostReason::Undecodable,
        }));
    }
    assert_eq!(
        (condition(&world), entries(&mut world)),
        (MarketCondition::Undecodable, 0)
    );
    assert_eq!(world.alerts.len(), 1, "{:?}", world.alerts);
}

#[test]
fn a_book_that_stays_crossed_starts_again() {
    let mut world = World::started();
    world.on(book(100, "100.02", "100.01"));
    world.on(Event::Timer);
    let resync = Command::Resync {
        symbol: symbol(),
        reason: LostReason::Gap,
    };
    world.now = world.now.plus(Duration::from_millis(1_999));
    assert!(!world.on(Event::Timer).contains(&resync));
    world.now = world.now.plus(Duration::from_millis(1));
    assert!(world.on(Event::Timer).contains(&resync));
    assert!(!world.on(Event::Timer).contains(&resync), "once");
}

#[test]
fn f35_the_age_of_each_stream_is_known() {
    let mut world = World::started();
    world.on(trade(1, "100"));
    world.now = world.now.plus(Duration::from_millis(700));
    world.on(book(100, "99.99", "100.01"));
    world.on(Event::Market(MarketUpdate::BookLost {
        symbol: symbol(),
        reason: LostReason::Stalled,
    }));
    world.now = world.now.plus(Duration::from_millis(300));
    let ages: Vec<_> = world.trader.data_ages(world.now, symbol()).collect();
    assert_eq!(
        ages,
        [
            (Stream::Depth, Duration::from_millis(300)),
            (Stream::Trade, Duration::from_millis(1_000))
        ]
    );
}

/// A bar of a second as the venue tells it after these trades: `(ms, price, lots)`.
fn kline(open_ms: i64, count: u64, close: &str) -> Event {
    let open_time = T0.plus(Duration::from_millis(open_ms.unsigned_abs()));
    Event::Market(MarketUpdate::Kline(Kline {
        symbol: symbol(),
        open_time,
        close_time: open_time.plus(Duration::from_millis(999)),
        open: price("100"),
        high: price("101"),
        low: price("100"),
        close: price(close),
        volume: lots(i64::try_from(count).unwrap()).to_decimal(),
        count,
        is_closed: true,
    }))
}

#[test]
fn the_venues_bars_are_compared_with_bars_made_of_its_trades() {
    let mut world = World::started();
    let at = |ms: u64, id, at: &str| {
        let Event::Market(MarketUpdate::Trade(trade)) = trade(id, at) else {
            panic!("a trade");
        };
        let trade_time = T0.plus(Duration::from_millis(ms));
        Event::Market(MarketUpdate::Trade(PublicTrade { trade_time, ..trade }))
    };
    let compared = |world: &World| {
        let counters = world.trader.counters();
        (counters.bars_compared, counters.bars_differing)
    };
    world.on(kline(0, 1, "100"));
    world.on(at(500, 1, "100"));
    world.on(kline(0, 1, "100"));
    assert_eq!(
        compared(&world),
        (0, 0),
        "the first bar may have begun before its trades were heard"
    );
    world.on(at(1_000, 2, "100"));
    world.on(at(1_999, 3, "101"));
    world.on(kline(1_000, 2, "101"));
    assert_eq!(compared(&world), (1, 0));
    world.on(at(2_000, 4, "100"));
    world.on(at(2_500, 5, "101"));
    world.on(at(3_000, 6, "100"));
    world.on(kline(2_000, 2, "101"));
    assert_eq!(compared(&world), (2, 0), "the next bar has begun");
    world.on(kline(3_000, 2, "101"));
    assert_eq!(compared(&world), (3, 1), "a trade is missing");
    world.on(Event::Market(MarketUpdate::BookLost {
        symbol: symbol(),
        reason: LostReason::Disconnected,
    }));
    world.on(kline(4_000, 2, "101"));
    world.on(at(4_500, 9, "101"));
    world.on(kline(4_000, 2, "101"));
    assert_eq!(compared(&world), (3, 1), "trades went unheard");
}

#[test]
fn f40_a_trade_of_ours_far_from_the_market_is_told() {
    for (at, is_told) in [("110", false), ("2.5", true), ("0", true)] {
        let mut world = World::started();
        let id = world.submit_live(entry(Side::Buy, 10));
        let VenueReport::Execution(mut report) = world.venue.fill(world.now, id, lots(10)).unwrap() else {
            panic!("a fill is an execution");
        };
        report.trade.as_mut().unwrap().last_px = price(at);
        world.on_venue(VenueReport::Execution(report));
        assert_eq!(
            alerted(&world, "is far from the market"),
            is_told,
            "{at}: {:?}",
            world.alerts
        );
    }
}
