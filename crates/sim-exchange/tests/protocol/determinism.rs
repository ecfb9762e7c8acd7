//! The same seed and the same requests give the same answers and the same frames, to the byte.

use std::collections::BTreeMap;
use std::fmt::Write;

use keel_binance_wire::params::Params;
use keel_domain::{Price, Side};
use keel_sim_exchange::core::Scenario;
use keel_sim_exchange::protocol::{ConnId, HttpRequest, Limits, Method};
use serde_json::json;

use crate::common::{HMAC_KEY, Venue, hmac};

const STREAMS: &str = "/stream?streams=btcusdt@trade/btcusdt@aggTrade/btcusdt@depth@100ms/btcusdt@depth5/btcusdt@bookTicker/btcusdt@kline_1s/ethusdt@trade/!ticker_1h@arr/!miniTicker@arr&timeUnit=MICROSECOND";

/// Everything that came out of a venue, in order.
struct Transcript {
    venue: Venue,
    connections: [ConnId; 2],
    text: String,
    /// Requests that did something, by kind; where an order replaced none, 409 tells that half of it was done.
    accepted: BTreeMap<&'static str, u32>,
}

impl Transcript {
    fn new(scenario: Scenario) -> Self {
        let mut venue = Venue::of(scenario, Limits::default());
        let (streams, api) = (venue.open(STREAMS), venue.open("/ws-api/v3"));
        let signed = venue.ws_signed(HMAC_KEY, &hmac(), Params::new());
        venue.ask(api, "userDataStream.subscribe.signature", signed);
        Self {
            venue,
            connections: [streams, api],
            text: String::new(),
            accepted: BTreeMap::new(),
        }
    }

    fn send(&mut self, name: &'static str, request: &HttpRequest) {
        let response = self.venue.protocol.http(self.venue.now, request);
        *self.accepted.entry(name).or_default() += u32::from(matches!(response.status, 200 | 409));
        writeln!(self.text, "{name} {response:?}").unwrap();
        self.note_frames();
    }

    fn note_frames(&mut self) {
        for id in self.connections {
            for frame in self.venue.outgoing(id) {
                writeln!(self.text, "{id:?} {frame:?}").unwrap();
            }
        }
    }

    fn ask(&mut self, method: Method, name: &'static str, path: &str, query: &str) {
        let mut params = Params::new();
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            params.push(name, value);
        }
        let request = self
            .venue
            .signed_request(method, &format!("/api/v3/{path}"), params);
        self.send(name, &request);
    }

    fn order(&mut self, name: &'static str, path: &str, rest: &str) {
        self.ask(Method::Post, name, path, &format!("symbol=BTCUSDT&{rest}"));
    }

    /// A price so many permille from the best bid, on the tick.
    fn price(&self, permille: i64) -> Price {
        let best = self
            .venue
            .protocol
            .exchange()
            .best("BTCUSDT".parse().unwrap(), Side::Buy);
        let units = best.map_or(0, |level| level.price.units()) / 1_000 * (1_000 + permille);
        Price::from_units(units)
            .unwrap()
            .floor_to("0.01".parse().unwrap())
    }

    /// An order of every type, lists of orders, and what is done to them.
    fn round(&mut self, has_pair: bool) {
        self.ask(Method::Delete, "cancel all", "openOrders", "symbol=BTCUSDT");
        let (below, above) = (self.price(-10), self.price(10));
        let (further_below, further_above) = (self.price(-20), self.price(20));
        let limit = "type=LIMIT&quantity=0.001";
        let near = self.price(0);
        // With the pair, the last order that waits for a trigger is one too many.
        if has_pair {
            self.order(
                "oco",
                "orderList/oco",
                &format!("side=SELL&quantity=0.001&aboveType=LIMIT_MAKER&abovePrice={above}&belowType=STOP_LOSS&belowStopPrice={further_below}"),
            );
        }
        for (name, order) in [
            ("market", "side=BUY&type=MARKET&quantity=0.01".to_owned()),
            (
                "market by value",
                "side=SELL&type=MARKET&quoteOrderQty=500".to_owned(),
            ),
            ("limit", format!("side=BUY&{limit}&timeInForce=GTC&price={near}")),
            ("ioc", format!("side=SELL&{limit}&timeInForce=IOC&price={below}")),
            ("fok", format!("side=BUY&{limit}&timeInForce=FOK&price={above}")),
            (
                "iceberg",
                format!("side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&icebergQty=0.002&price={near}"),
            ),
            (
                "maker",
                format!("side=SELL&type=LIMIT_MAKER&quantity=0.001&price={above}"),
            ),
            (
                "stop",
                format!("side=SELL&type=STOP_LOSS&quantity=0.001&stopPrice={below}"),
            ),
            (
                "trailing",
                "side=SELL&type=STOP_LOSS&quantity=0.001&trailingDelta=20".to_owned(),
            ),
            (
                "stop limit",
                format!(
                    "side=BUY&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.001&stopPrice={above}&price={further_above}"
                ),
            ),
            (
                "profit",
                format!("side=SELL&type=TAKE_PROFIT&quantity=0.001&stopPrice={above}"),
            ),
            (
                "profit limit",
                format!(
                    "side=BUY&type=TAKE_PROFIT_LIMIT&timeInForce=GTC&quantity=0.001&stopPrice={below}&price={below}"
                ),
            ),
        ] {
            self.order(name, "order", &order);
        }
        self.order(
            "replace",
            "order/cancelReplace",
            &format!("side=BUY&type=LIMIT_MAKER&quantity=0.001&price={below}&cancelReplaceMode=ALLOW_FAILURE&cancelOrderId=1"),
        );
        self.order("refused", "order", "side=BUY&type=MARKET&quantity=0.000001");
        self.ask(Method::Get, "open orders", "openOrders", "symbol=BTCUSDT");
        let params = Venue::limit_order("BUY", &below.to_string(), "0.001");
        let signed = self.venue.ws_signed(HMAC_KEY, &hmac(), params);
        let frame = json!({ "id": "q", "method": "order.place", "params": signed });
        let [_, api] = self.connections;
        self.venue.send(api, &frame.to_string());
        self.note_frames();
    }
}

/// Past the moment at which a scenario does what it is named for.
fn run(scenario: Scenario) -> Transcript {
    let mut transcript = Transcript::new(scenario);
    for round in 0..7 {
        transcript.round(round % 2 == 0);
        transcript.venue.wait_millis(10_700);
        transcript.note_frames();
    }
    for (name, path, query) in [
        ("account", "account", ""),
        ("orders", "allOrders", "symbol=BTCUSDT"),
        ("trades", "myTrades", "symbol=BTCUSDT"),
    ] {
        transcript.ask(Method::Get, name, path, query);
    }
    for path in [
        "klines?symbol=BTCUSDT&interval=1s&limit=1000",
        "aggTrades?symbol=BTCUSDT&limit=1000",
        "depth?symbol=BTCUSDT&limit=5000",
        "ticker/24hr",
        "exchangeInfo",
    ] {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let request = transcript
            .venue
            .plain(Method::Get, &format!("/api/v3/{path}"), query);
        transcript.send("market", &request);
    }
    transcript
}

#[test]
fn the_same_seed_and_requests_give_the_same_answers_and_frames_to_the_byte() {
    for scenario in Scenario::ALL {
        let (first, second) = (run(scenario), run(scenario));
        let accepted = first.accepted.iter().filter(|(name, _)| **name != "refused");
        for (name, count) in accepted {
            assert!(*count > 0, "{scenario}: no {name} is ever accepted");
        }
        assert_eq!(first.accepted["refused"], 0);
        assert!(first.text.lines().count() > 2_000, "{scenario}");
        let differs = first.text.lines().zip(second.text.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{scenario}");
        assert_eq!(first.text.len(), second.text.len(), "{scenario}");
    }
}
