//! Bars made of trades.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::Duration;

use keel_domain::{Money, Price, Qty, Side, Timestamp, TradeId};
use keel_market_data::PublicTrade;
use keel_strategy::{Bar, Bars};

fn trade(at_ms: i64, price: i64, qty: i64) -> PublicTrade {
    PublicTrade {
        symbol: "BTCUSDT".parse().unwrap(),
        trade_id: TradeId(1),
        price: Price::from_units(price).unwrap(),
        qty: Qty::from_units(qty).unwrap(),
        aggressor: Side::Buy,
        trade_time: Timestamp::from_millis(at_ms),
    }
}

#[test]
fn a_bar_holds_the_trades_from_its_first_to_before_the_next_ones_first_moment() {
    let mut bars = Bars::new(Duration::from_secs(60));
    for (at, price, qty) in [
        (60_000, 10, 1),
        (60_001, 14, 2),
        (119_998, 8, 3),
        (119_999, 11, 4),
    ] {
        assert_eq!(bars.push(&trade(at, price, qty)), None);
    }
    let price = |units| Price::from_units(units).unwrap();
    let ended = Bar {
        open_time: Timestamp::from_millis(60_000),
        open: price(10),
        high: price(14),
        low: price(8),
        close: price(11),
        volume: Money::new(10, 8),
        count: 4,
    };
    assert_eq!(bars.push(&trade(120_000, 9, 1)), Some(ended));
    assert_eq!(bars.current().unwrap().open_time, Timestamp::from_millis(120_000));
}

#[test]
fn a_trade_of_an_earlier_bar_changes_nothing() {
    let mut bars = Bars::new(Duration::from_secs(1));
    bars.push(&trade(5_000, 10, 1));
    let before = *bars.current().unwrap();
    assert_eq!(bars.push(&trade(4_999, 99, 1)), None);
    assert_eq!(*bars.current().unwrap(), before);
}

#[test]
fn bars_before_1970_begin_at_whole_multiples_too() {
    let mut bars = Bars::new(Duration::from_secs(1));
    bars.push(&trade(-1, 10, 1));
    assert_eq!(bars.current().unwrap().open_time, Timestamp::from_millis(-1_000));
}
