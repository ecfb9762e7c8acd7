//! The streams beside depth, undocumented fields, and more data than is taken.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{MARKET, Rig, btc};
use keel_binance::{KeyKind, SessionSettings};
use keel_domain::Timestamp;
use keel_market_data::{BookTicker, Kline, LostReason, MarketUpdate, UpdateQueue};
use serde_json::{Value, json};

fn settings() -> SessionSettings {
    SessionSettings {
        book_ticker: true,
        kline_interval: Some("1m".to_owned()),
        ..SessionSettings::new(vec![btc()])
    }
}

fn up() -> Rig {
    let mut rig = Rig::with(KeyKind::Hmac, settings());
    rig.come_up();
    rig
}

fn ticker(update_id: u64) -> Value {
    json!({"stream": "btcusdt@bookTicker", "data":
        {"u": update_id, "s": "BTCUSDT", "b": "99.9", "B": "2", "a": "100.1", "A": "3"}})
}

/// The venue's documented sample, with another pair and price.
fn kline() -> Value {
    json!({"stream": "btcusdt@kline_1m", "data": {"e": "kline", "E": 1_672_515_782_136_i64, "s": "BTCUSDT", "k": {
        "t": 1_672_515_780_000_i64, "T": 1_672_515_839_999_i64, "s": "BTCUSDT", "i": "1m", "f": 100, "L": 200,
        "o": "100", "c": "102", "h": "103", "l": "99", "v": "1000", "n": 100, "x": true, "q": "1.0000",
        "V": "500", "Q": "0.500", "B": "123456"}}})
}

#[test]
fn the_streams_are_those_that_are_configured() {
    for (settings, expected) in [
        (
            settings(),
            json!([
                "btcusdt@depth@100ms",
                "btcusdt@trade",
                "btcusdt@bookTicker",
                "btcusdt@kline_1m"
            ]),
        ),
        (
            SessionSettings::new(vec![btc()]),
            json!(["btcusdt@depth@100ms", "btcusdt@trade"]),
        ),
    ] {
        let mut rig = Rig::with(KeyKind::Hmac, settings);
        rig.input(keel_binance::Input::Opened(MARKET));
        let (_, subscribed) = &rig.frames[0];
        assert_eq!(subscribed["params"], expected);
    }
}

#[test]
fn the_best_prices_and_bars_are_told_and_the_same_best_prices_once() {
    let mut rig = up();
    for frame in [ticker(7), ticker(7), ticker(6), kline()] {
        rig.frame(MARKET, frame);
    }
    let updates = rig.updates();
    let [MarketUpdate::BookTicker(best), MarketUpdate::Kline(bar)] = &updates[..] else {
        panic!("{updates:?}");
    };
    let level = |price: &str, qty: &str| keel_market_data::Level {
        price: price.parse().unwrap(),
        qty: qty.parse().unwrap(),
    };
    assert_eq!(
        *best,
        BookTicker {
            symbol: btc(),
            update_id: 7,
            bid: level("99.9", "2"),
            ask: level("100.1", "3")
        }
    );
    assert_eq!(
        *bar,
        Kline {
            symbol: btc(),
            open_time: Timestamp::from_millis(1_672_515_780_000),
            close_time: Timestamp::from_millis(1_672_515_839_999),
            open: "100".parse().unwrap(),
            high: "103".parse().unwrap(),
            low: "99".parse().unwrap(),
            close: "102".parse().unwrap(),
            volume: "1000".parse().unwrap(),
            count: 100,
            is_closed: true
        }
    );
}

#[test]
fn f59_both_connections_of_a_roll_tell_the_same_best_prices_once() {
    let mut rig = up();
    rig.frame(
        MARKET,
        json!({"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": 1}}),
    );
    rig.open_market(MARKET.other());
    rig.frame(MARKET, ticker(7));
    rig.frame(MARKET.other(), ticker(7));
    assert_eq!(rig.updates().len(), 1);
}

#[test]
fn a_field_that_is_not_documented_is_told_and_the_event_is_used() {
    let mut rig = up();
    rig.synchronise(btc(), 5);
    let time = rig.now.as_millis();
    for (stream, data, updates) in [
        (
            "btcusdt@trade",
            json!({"e": "trade", "E": time, "s": "BTCUSDT", "t": 1, "p": "100", "q": "1", "T": time, "m": true,
                "M": true, "Z": 1}),
            2,
        ),
        (
            "btcusdt@depth@100ms",
            json!({"e": "depthUpdate", "E": time, "s": "BTCUSDT", "U": 7, "u": 7, "b": [], "a": [], "pu": 6}),
            2,
        ),
    ] {
        let field = if data["Z"].is_null() { "pu" } else { "Z" }.to_owned();
        rig.frame(MARKET, json!({"stream": stream, "data": data}));
        let told = rig.updates();
        assert_eq!(told.len(), updates, "{told:?}");
        assert_eq!(told[0], MarketUpdate::UnknownField { symbol: btc(), field });
    }
    assert_eq!(rig.session.stats().unknown_fields, 2);
}

#[test]
fn documented_fields_are_none_of_them_unknown() {
    let mut rig = up();
    rig.synchronise(btc(), 5);
    rig.trade(MARKET, btc(), 1);
    rig.depth(MARKET, btc(), 7, 7);
    rig.frame(MARKET, ticker(7));
    rig.frame(MARKET, kline());
    assert_eq!(rig.session.stats().unknown_fields, 0);
    assert_eq!(rig.updates().len(), 4);
}

#[test]
fn an_unknown_enum_value_in_a_frame_that_matters_is_no_data() {
    let mut rig = up();
    rig.synchronise(btc(), 5);
    let time = rig.now.as_millis();
    let data = json!({"e": "trade", "E": time, "s": "BTCUSDT", "t": 1, "p": "100", "q": "1", "T": time, "m": "MAYBE",
        "M": true});
    rig.frame(MARKET, json!({"stream": "btcusdt@trade", "data": data}));
    let lost = MarketUpdate::BookLost {
        symbol: btc(),
        reason: LostReason::Undecodable,
    };
    assert_eq!((rig.updates(), rig.session.stats().undecodable), (vec![lost], 1));
}

#[test]
fn a_burst_that_is_not_taken_is_bounded_and_counted_and_the_newest_book_is_there() {
    let mut rig = up();
    rig.synchronise(btc(), 5);
    let bound = u64::try_from(UpdateQueue::LEN_MAX).unwrap();
    for id in 1..=bound + 100 {
        rig.trade(MARKET, btc(), id);
        rig.depth(MARKET, btc(), 6 + id, 6 + id);
    }
    let stats = rig.session.stats();
    let updates = rig.updates();
    let left = u64::try_from(updates.len()).unwrap();
    assert!(left <= bound + 2, "{left}");
    assert_eq!(
        left + stats.updates_conflated + stats.trades_dropped,
        2 * (bound + 100)
    );
    let newest = updates.iter().rev().find_map(|update| match update {
        MarketUpdate::BookDelta(delta) => Some(delta.last_update_id),
        _ => None,
    });
    assert_eq!(newest, Some(6 + bound + 100));
    assert_eq!((stats.gaps, stats.undecodable), (0, 0));
}
