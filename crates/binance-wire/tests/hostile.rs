//! What is not as documented is an error value; nothing panics on any bytes.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

use keel_binance_wire::convert;
use keel_binance_wire::error::ApiError;
use keel_binance_wire::order_answers::{MyTrade, OrderCanceled, OrderPlaced, OrderStatusReport};
use keel_binance_wire::params::{Params, signed_payload};
use keel_binance_wire::rest::{Account, Depth, ExchangeInfo};
use keel_binance_wire::stream::{self, StreamEvent};
use keel_binance_wire::ws_api::{self, UserEvent, WsFrame};
use proptest::prelude::*;

macro_rules! samples {
    ($($name:literal),* $(,)?) => { [$(include_str!(concat!("samples/", $name, ".json")),)*] };
}

const SAMPLES: [&str; 21] = samples![
    "account",
    "account_position",
    "balance_update",
    "depth",
    "exchange_info",
    "execution_report",
    "filters",
    "list_status",
    "my_trades",
    "open_orders",
    "order",
    "order_ack",
    "order_canceled",
    "order_full",
    "order_result",
    "stream_depth",
    "stream_trade",
    "stream_book_ticker",
    "ws_banned",
    "ws_error",
    "ws_order_placed",
];

/// Everything that reads bytes from outside, and what is made of them.
fn read_as_everything(bytes: &[u8]) {
    if let Ok(WsFrame::Event(UserEvent::ExecutionReport(report))) = ws_api::decode(bytes) {
        let _ = convert::execution_report(&report);
    }
    if let Ok(WsFrame::Reply(reply)) = ws_api::decode(bytes) {
        let _ = (reply.id(), reply.used_weight());
    }
    if let Ok(StreamEvent::Reply(reply)) = stream::decode(bytes) {
        let _ = reply.error();
    }
    if let Ok(placed) = serde_json::from_slice::<OrderPlaced>(bytes) {
        let _ = convert::order_placed(&placed);
    }
    if let Ok(canceled) = serde_json::from_slice::<OrderCanceled>(bytes) {
        let _ = convert::order_canceled(&canceled);
    }
    if let Ok(order) = serde_json::from_slice::<OrderStatusReport>(bytes) {
        let _ = convert::order_status(&order);
    }
    for trade in serde_json::from_slice::<Vec<MyTrade>>(bytes).iter().flatten() {
        let _ = convert::my_trade(trade);
    }
    for symbol in serde_json::from_slice::<ExchangeInfo>(bytes)
        .iter()
        .flat_map(|info| &info.symbols)
    {
        let _ = convert::instrument(symbol);
    }
    let _ = serde_json::from_slice::<Account>(bytes);
    let _ = serde_json::from_slice::<Depth>(bytes);
    let _ = serde_json::from_slice::<ApiError>(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = Params::parse(&text);
    let _ = signed_payload(&text, &text);
}

/// The sample, inside the wrapper of a combined stream where it is an event of one.
fn frames(sample: &str) -> Vec<String> {
    let in_stream = |name: &str| format!(r#"{{"stream":"bnbbtc@{name}","data":{sample}}}"#);
    vec![
        sample.to_owned(),
        in_stream("depth@100ms"),
        in_stream("trade"),
        in_stream("bookTicker"),
    ]
}

/// Pieces that break readers: the ends of number ranges, other types, escapes, nothing.
const PIECES: [&str; 16] = [
    "-1",
    "0",
    "18446744073709551616",
    "-9223372036854775809",
    "1e400",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"99999999999999999999999999999.99999999\"",
    "\"-0.00000001\"",
    "\"1e5\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\u{fffd}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_as_everything(&bytes);
    }

    #[test]
    fn no_mutated_sample_panics(
        sample in proptest::sample::select(SAMPLES.to_vec()),
        wrapper in 0usize..4,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..3), 1..6),
    ) {
        let mut bytes = frames(sample).swap_remove(wrapper).into_bytes();
        for (place, byte, change) in changes {
            let place = place.index(bytes.len());
            match change {
                0 => bytes[place] = byte,
                1 => { bytes.insert(place, byte); }
                _ => bytes.truncate(place.max(1)),
            }
        }
        read_as_everything(&bytes);
    }

    #[test]
    fn no_sample_with_a_foreign_value_panics(
        sample in proptest::sample::select(SAMPLES.to_vec()),
        wrapper in 0usize..4,
        which in any::<prop::sample::Index>(),
        piece in proptest::sample::select(PIECES.to_vec()),
    ) {
        let frame = frames(sample).swap_remove(wrapper);
        let colons: Vec<usize> = frame.match_indices(": ").map(|(place, _)| place + 2).collect();
        prop_assume!(!colons.is_empty());
        let start = colons[which.index(colons.len())];
        let end = frame[start..].find([',', '\n']).map_or(frame.len(), |n| start + n);
        let foreign = format!("{}{piece}{}", &frame[..start], &frame[end..]);
        read_as_everything(foreign.as_bytes());
    }
}

#[test]
fn an_unknown_enum_value_is_an_error_in_every_message() {
    type IsError = fn(&[u8]) -> bool;
    let cases: [(&str, &str, IsError); 8] = [
        ("order_result", "FILLED", |b| {
            serde_json::from_slice::<OrderPlaced>(b).is_err()
        }),
        ("order_full", "MARKET", |b| {
            serde_json::from_slice::<OrderPlaced>(b).is_err()
        }),
        ("order", "NEW", |b| {
            serde_json::from_slice::<OrderStatusReport>(b).is_err()
        }),
        ("order_canceled", "GTC", |b| {
            serde_json::from_slice::<OrderCanceled>(b).is_err()
        }),
        ("execution_report", "BUY", |b| ws_api::decode(b).is_err()),
        ("execution_report", "LIMIT", |b| ws_api::decode(b).is_err()),
        ("execution_report", "NEW", |b| ws_api::decode(b).is_err()),
        ("exchange_info", "TRADING", |b| {
            serde_json::from_slice::<ExchangeInfo>(b).is_err()
        }),
    ];
    for (name, word, is_error) in cases {
        let sample = by_name(name);
        let word = format!("\"{word}\"");
        assert!(sample.contains(&word), "{name} has {word}");
        assert!(
            is_error(sample.replace(&word, "\"TOMORROWS\"").as_bytes()),
            "{name} with another {word}"
        );
    }
}

fn by_name(name: &str) -> &'static str {
    match name {
        "order_result" => include_str!("samples/order_result.json"),
        "order_full" => include_str!("samples/order_full.json"),
        "order" => include_str!("samples/order.json"),
        "order_canceled" => include_str!("samples/order_canceled.json"),
        "execution_report" => include_str!("samples/execution_report.json"),
        _ => include_str!("samples/exchange_info.json"),
    }
}

#[test]
fn a_missing_field_or_a_cut_message_is_an_error() {
    let report = include_str!("samples/execution_report.json");
    let without_total = report.replace("\"z\"", "\"zz\"");
    assert!(ws_api::decode(without_total.as_bytes()).is_err());
    for cut in [1, report.len() / 2, report.trim_end().len() - 1] {
        assert!(ws_api::decode(&report.as_bytes()[..cut]).is_err(), "cut at {cut}");
    }
    let depth = include_str!("samples/stream_depth.json").replace("\"u\"", "\"uu\"");
    let frame = format!(r#"{{"stream":"bnbbtc@depth","data":{depth}}}"#);
    assert!(stream::decode(frame.as_bytes()).is_err());
}

#[test]
fn numbers_are_plain_decimals_or_errors() {
    for number in [
        "1e5",
        "1E5",
        "+1",
        "1_000",
        " 1",
        "",
        ".",
        "1.",
        "NaN",
        "0x1",
        "--1",
        "1.000000001",
    ] {
        let frame = format!(r#"{{"lastUpdateId":1,"bids":[["{number}","1"]],"asks":[]}}"#);
        assert!(
            serde_json::from_str::<Depth>(&frame).is_err(),
            "{number:?} as a price"
        );
    }
    let balance = |free: &str| format!(r#"{{"asset":"BTC","free":"{free}","locked":"0"}}"#);
    for number in ["1e5", "+1", "1_000", "", "."] {
        let read = serde_json::from_str::<keel_binance_wire::rest::WireBalance>(&balance(number));
        assert!(read.is_err(), "{number:?} as money");
    }
    assert!(serde_json::from_str::<keel_binance_wire::rest::WireBalance>(&balance("-1.5")).is_ok());
}

/// Sums beyond what money holds end in an error, not in a panic.
#[test]
fn a_fill_of_absurd_value_is_an_error() {
    let huge =
        include_str!("samples/order_full.json").replace("\"4000.00000000\"", "\"92233720368.54775807\"");
    let huge = huge.replace("\"1.00000000\"", "\"92233720368.54775807\"");
    let placed: OrderPlaced = serde_json::from_str(&huge).expect("the numbers are in range");
    assert!(convert::order_placed(&placed).is_err());
}
