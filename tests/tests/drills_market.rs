//! Drills: market data that cannot be believed, and pairs that do not trade, against the real binaries.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use std::time::{Duration, Instant};

use keel_tests::{Drill, Trader, eventually};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);

fn pair(trader: &Trader) -> Value {
    trader.snapshot()["symbols"][0].clone()
}

fn condition(trader: &Trader) -> String {
    pair(trader)["condition"].as_str().unwrap().to_owned()
}

/// A trader whose dashboard shows something.
fn started(drill: &Drill, settings: &[&str]) -> Trader {
    let trader = drill.trader(settings);
    eventually("a first snapshot", SOON, || !pair(&trader).is_null());
    trader
}

/// The strategy that wants to place its quotes anew all the time.
fn quoting(drill: &Drill) -> Trader {
    let trader = started(drill, &["strategy.quoter.requote_ticks=1"]);
    eventually("an open order", SOON, || !drill.open_orders().is_empty());
    trader
}

/// Watches for a while that no order reaches the venue.
fn orders_nothing(drill: &Drill, lasting: Duration) {
    let (since, placed) = (Instant::now(), drill.placed());
    while since.elapsed() < lasting {
        assert_eq!(drill.placed(), placed, "an order was sent");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn all_streams_are_heard_and_bars_made_of_trades_are_the_venues() {
    let drill = Drill::start(501);
    let trader = started(
        &drill,
        &["market_data.kline_interval=1s", "market_data.book_ticker=true"],
    );
    eventually("ten bars", Duration::from_secs(40), || {
        trader.counter("bars_compared") >= 10
    });
    assert_eq!(trader.counter("bars_differing"), 0);
    for harmless in [
        "data_unknown_fields",
        "data_undecodable",
        "data_gaps",
        "price_jumps",
        "zero_prices",
    ] {
        assert_eq!(trader.counter(harmless), 0, "{harmless}");
    }
    let metrics = trader.metrics();
    for stream in ["depth", "trade", "book_ticker", "kline"] {
        let gauge = format!("keel_data_age_seconds{{symbol=\"BTCUSDT\",stream=\"{stream}\"}} ");
        let age: f64 = metrics
            .lines()
            .find_map(|line| line.strip_prefix(&gauge))
            .unwrap_or_else(|| panic!("no {gauge} in {metrics}"))
            .parse()
            .unwrap();
        assert!(age < 5.0, "{stream} {age}");
    }
    let _ = drill.end(trader);
}

#[test]
fn f62_a_pair_that_closes_takes_no_order_until_it_trades_again() {
    let drill = Drill::start(502);
    let mut trader = quoting(&drill);
    drill.fault(json!({ "id": "halt", "action": "symbol_status", "symbol": "BTCUSDT", "status": "HALT" }));
    eventually("it is noticed", SOON, || {
        let condition = condition(&trader);
        condition.contains("halted the pair") || condition.contains("market is closed")
    });
    orders_nothing(&drill, Duration::from_secs(4));
    assert_eq!(pair(&trader)["is_usable"], false);
    let metrics = trader.metrics();
    assert!(
        metrics.contains("keel_market_usable{symbol=\"BTCUSDT\"} 0"),
        "{metrics}"
    );
    assert!(
        trader.process.said().contains("ALERT"),
        "{}",
        trader.process.said()
    );
    let placed = drill.placed();
    drill.heal("halt");
    // A pair that does not trade is asked about every half minute.
    eventually("it goes on", Duration::from_secs(45), || drill.placed() > placed);
    eventually("it is shown", SOON, || condition(&trader) == "usable");
    let _ = drill.end(trader);
}

#[test]
fn f39_prices_of_zero_are_never_traded_on() {
    let drill = Drill::start(503);
    let mut trader = quoting(&drill);
    drill.fault(json!({ "id": "zero", "event": "market", "action": "corrupt", "what": "zero_price", "probability": 0.05 }));
    eventually("zeros come", Duration::from_secs(40), || {
        trader.counter("zero_prices") >= 5
    });
    drill.heal("zero");
    eventually("the book is whole again", SOON, || condition(&trader) == "usable");
    assert!(
        trader.process.said().contains("price of zero"),
        "{}",
        trader.process.said()
    );
    let orders = drill.all_orders();
    assert!(!orders.is_empty());
    for order in orders {
        let price: f64 = order["price"].as_str().unwrap().parse().unwrap();
        assert!(price > 10_000.0, "{order}");
    }
    let _ = drill.end(trader);
}

/// Paper trading has the same gate: a session that is up, and no data.
#[test]
fn f69_without_market_data_nothing_is_ready_and_nothing_is_ordered() {
    let drill = Drill::start(504);
    drill.fault(json!({ "id": "silent", "event": "market", "action": "stall", "for_s": 120 }));
    let trader = started(&drill, &["strategy.quoter.requote_ticks=1"]);
    eventually("the session is up", SOON, || {
        trader.snapshot()["session_up"] == true
    });
    orders_nothing(&drill, Duration::from_secs(4));
    assert_eq!(condition(&trader), "the book is not synchronised");
    assert_eq!(pair(&trader)["is_usable"], false);
    drill.heal("silent");
    eventually("it trades once data comes", Duration::from_secs(40), || {
        drill.placed() > 0
    });
    let _ = drill.end(trader);
}
