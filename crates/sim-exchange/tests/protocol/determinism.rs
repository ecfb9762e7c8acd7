//! The same seed and the same requests give the same answers and the same frames, to the byte.

use std::collections::BTreeMap;
use std::fmt::Write;

use keel_binance_wire::params::Params;
use keel_domain::{MaxAsset, Money, Price, Side};
use keel_sim_exchange::core::{ExchangeConfig, PriceRange, PriceRules, ReferenceCalculation, Scenario};
use keel_sim_exchange::faults::FaultFile;
use keel_sim_exchange::protocol::{ConnId, HttpRequest, Limits, Method, Reply, Served};
use serde_json::json;

use crate::common::{HMAC_KEY, Venue, hmac};

const STREAMS: &str = "/stream?streams=btcusdt@trade/btcusdt@aggTrade/btcusdt@depth@100ms/btcusdt@depth5/btcusdt@bookTicker/btcusdt@kline_1s/ethusdt@trade/!ticker_1h@arr/!miniTicker@arr/btcusdt@referencePrice/ethusdt@referencePrice&timeUnit=MICROSECOND";

const FAULTS: &str = "seed = 3\n[[rule]]\naction = \"fill_before_cancel\"\nprobability = 0.5\n";

/// Routed orders, price rules, and filters over all pairs and of an asset.
fn config(scenario: Scenario) -> ExchangeConfig {
    let mut config = ExchangeConfig::with_default_markets(7).with_sor();
    config.scenario = scenario;
    config.limits.max_num_orders = Some(40);
    config.limits.max_num_order_lists = Some(10);
    let rules = |symbol: &str, reference, range| PriceRules {
        symbol: symbol.parse().unwrap(),
        reference: Some(reference),
        range,
    };
    let mean = ReferenceCalculation::ArithmeticMean {
        bucket_count: 7,
        bucket_width_ms: 900,
    };
    let range = PriceRange {
        bid_up: Some(Money::new(100_001, 5)),
        ask_down: Some(Money::new(99_999, 5)),
        ..PriceRange::default()
    };
    config.price_rules = vec![
        rules("BTCUSDT", mean, Some(range)),
        rules("ETHUSDT", ReferenceCalculation::External(0), None),
    ];
    config.accounts = ["hmac", "ed25519", "rsa"].map(Venue::account).to_vec();
    config.accounts[0].max_assets = vec![MaxAsset {
        asset: "USDT".parse().unwrap(),
        limit: 40_000.into(),
    }];
    config
}

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
        let mut venue = Venue::of_config(config(scenario), Limits::default());
        let faults = FaultFile::parse("f.toml", FAULTS).unwrap();
        venue
            .protocol
            .set_faults(venue.now, faults.seed.unwrap(), faults.rules)
            .unwrap();
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
        let Reply::Now(Served { response, .. }) = self.venue.protocol.serve(self.venue.now, request) else {
            panic!("{name} waits")
        };
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

    /// Routed orders with their allocations, pegged ones alone, in a list and in place of another, and prices from outside.
    fn routed_and_pegged(&mut self) {
        self.order("routed", "sor/order", "side=BUY&type=MARKET&quantity=0.3");
        let peg = "timeInForce=GTC&quantity=0.001&pegPriceType=PRIMARY_PEG";
        self.order(
            "pegged",
            "order",
            &format!("side=BUY&type=LIMIT&{peg}&newClientOrderId=pegged"),
        );
        self.order(
            "pegged replacement",
            "order/cancelReplace",
            &format!(
                "side=SELL&type=LIMIT&{peg}&cancelReplaceMode=ALLOW_FAILURE&cancelOrigClientOrderId=pegged"
            ),
        );
        self.order(
            "pegged list",
            "orderList/oto",
            "workingType=LIMIT&workingSide=BUY&workingQuantity=0.001&workingTimeInForce=GTC&workingPegPriceType=PRIMARY_PEG\
             &pendingType=LIMIT&pendingSide=SELL&pendingQuantity=0.001&pendingTimeInForce=GTC&pendingPegPriceType=PRIMARY_PEG\
             &pendingPegOffsetType=PRICE_LEVEL&pendingPegOffsetValue=1",
        );
        for (name, path, query) in [
            ("allocations", "myAllocations", "symbol=BTCUSDT"),
            ("my filters", "myFilters", "symbol=BTCUSDT"),
        ] {
            self.ask(Method::Get, name, path, query);
        }
        let given = self.venue.now.as_millis() % 1_000 + 3_000;
        let mut request = self
            .venue
            .plain(Method::Post, "/keel/symbol/ETHUSDT/reference_price", "");
        request.raw_body = json!({ "referencePrice": given.to_string() }).to_string();
        self.send("given price", &request);
        for path in [
            "referencePrice?symbol=BTCUSDT",
            "referencePrice?symbol=ETHUSDT",
            "referencePrice/calculation?symbol=BTCUSDT",
            "executionRules",
        ] {
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            let request = self.venue.plain(Method::Get, &format!("/api/v3/{path}"), query);
            self.send("price rules", &request);
        }
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
        self.order("refused", "order", "side=BUY&type=MARKET&quantity=1");
        self.routed_and_pegged();
        self.ask(Method::Get, "open orders", "openOrders", "symbol=BTCUSDT");
        self.place_by_ws_api(below);
    }

    fn place_by_ws_api(&mut self, below: Price) {
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
        for word in [
            "allocId",
            "peggedPrice",
            "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
            "MAX_ASSET",
            "-2011",
        ] {
            assert!(first.text.contains(word), "{scenario}: no {word}");
        }
        assert!(first.text.lines().count() > 2_000, "{scenario}");
        let differs = first.text.lines().zip(second.text.lines()).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{scenario}");
        assert_eq!(first.text.len(), second.text.len(), "{scenario}");
    }
}
