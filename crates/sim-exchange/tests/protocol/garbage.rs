//! Anything that a client can send is answered or ends its connection; nothing panics, and the venue goes on.

use keel_binance_wire::params::Params;
use keel_sim_exchange::protocol::{ConnId, Limits, Method, Outgoing, Reply, Served};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{HMAC_KEY, Venue, hmac};

/// JSON near what the venue reads, and texts far from it.
fn frame() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "SUBSCRIBE",
        "UNSUBSCRIBE",
        "SET_PROPERTY",
        "GET_PROPERTY",
        "LIST_SUBSCRIPTIONS",
        "order.place",
        "klines",
        "depth",
        "ticker",
        "session.logon",
        "userDataStream.unsubscribe",
        "v3/",
        "",
    ]);
    let value = prop::sample::select(vec![
        "[]",
        "{}",
        "null",
        "-1",
        "1e400",
        "18446744073709551616",
        "\"\"",
        "\"BTCUSDT\"",
        "[\"btcusdt@kline_1M\"]",
        "[\"combined\",1]",
        "{\"symbol\":\"BTCUSDT\",\"interval\":\"1M\",\"startTime\":-9}",
        "[[[[]]]]",
        "{\"symbol\":\"BTCUSDT\",\"limit\":99999999999999999999}",
        "{\"symbol\":{\"a\":[]},\"limit\":[1]}",
        "{\"symbol\":\"BTCUSDT\",\"interval\":\"1w\",\"startTime\":9223372036854775807,\"endTime\":0}",
    ]);
    prop_oneof![
        (name, value.clone(), value)
            .prop_map(|(m, p, id)| format!(r#"{{"method":"{m}","params":{p},"id":{id}}}"#)),
        ".{0,60}",
        "[\\[\\]{}\",:0-9a-z]{0,80}",
    ]
}

fn param() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "symbol",
        "symbols",
        "limit",
        "fromId",
        "startTime",
        "endTime",
        "interval",
        "timeZone",
        "windowSize",
        "type",
        "symbolStatus",
        "permissions",
        "timestamp",
        "signature",
        "recvWindow",
        "orderId",
        "fromAllocationId",
    ]);
    let value = prop_oneof![
        prop::sample::select(vec![
            "BTCUSDT",
            "%5B%22BTCUSDT%22%5D",
            "%5B",
            "1M",
            "1w",
            "0",
            "-1",
            "9223372036854775807",
            "18446744073709551615",
            "99999999999999999999999",
            "-12:00",
            "%00",
            "%E2%98%83",
            "7d",
            "MINI",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,20}",
    ];
    (name, value).prop_map(|(name, value)| format!("{name}={value}"))
}

/// One answer for one frame.
fn answers(venue: &mut Venue, id: ConnId, frame: &str) -> Vec<Value> {
    venue.send(id, frame);
    venue.frames(id)
}

/// A valid order of each kind, as name and value.
fn valid_order() -> impl Strategy<Value = Vec<(String, String)>> {
    let orders = [
        "type=LIMIT&timeInForce=GTC&quantity=0.001&price=60000",
        "type=LIMIT&timeInForce=FOK&quantity=0.001&price=70000",
        "type=LIMIT&timeInForce=GTC&quantity=0.01&price=60000&icebergQty=0.005",
        "type=MARKET&quantity=0.001",
        "type=MARKET&quoteOrderQty=100",
        "type=LIMIT_MAKER&quantity=0.001&price=60000",
        "type=STOP_LOSS&quantity=0.001&trailingDelta=100",
        "type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.001&price=71000&stopPrice=70000",
        "type=TAKE_PROFIT&quantity=0.001&stopPrice=60000",
        "type=TAKE_PROFIT_LIMIT&timeInForce=GTC&quantity=0.001&price=60000&stopPrice=60000",
    ];
    prop::sample::select(orders.to_vec()).prop_map(|order| {
        let order = format!("symbol=BTCUSDT&side=BUY&newClientOrderId=a-1&recvWindow=5000&{order}");
        let pairs = order.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    })
}

/// What is done to a valid order: at a place, a value is put in or a parameter is taken out or doubled.
fn mutation() -> impl Strategy<Value = (prop::sample::Index, u8, String)> {
    let value = prop_oneof![
        prop::sample::select(vec![
            "0",
            "-1",
            "-0",
            "0.0000000001",
            "1e3",
            "1e400",
            "9223372036854775808",
            "92233720368.54775807",
            "99999999999999999999999999999999",
            "",
            " ",
            "NaN",
            "BUY ",
            "null",
            "\u{0}",
            "☃",
            "0x10",
            "+1",
            "1.",
            ".1",
            "60000.001",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,20}",
        ".{0,8}",
    ];
    (any::<prop::sample::Index>(), 0..3_u8, value)
}

fn mutated(mut order: Vec<(String, String)>, mutations: &[(prop::sample::Index, u8, String)]) -> Params {
    for (place, kind, value) in mutations {
        let place = place.index(order.len());
        match kind {
            0 => order[place].1.clone_from(value),
            1 if order.len() > 1 => drop(order.remove(place)),
            _ => order.push((order[place].0.clone(), value.clone())),
        }
    }
    let mut params = Params::new();
    for (name, value) in &order {
        params.push(name, value);
    }
    params
}

/// A text with characters put in, taken out or exchanged.
fn scratched(text: &str, scratches: &[(prop::sample::Index, Option<char>)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (place, by) in scratches {
        let place = place.index(chars.len());
        match by {
            Some(by) => chars[place] = *by,
            None if chars.len() > 1 => drop(chars.remove(place)),
            None => {}
        }
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_mutated_order_is_answered_and_money_stays(
        order in valid_order(),
        mutations in prop::collection::vec(mutation(), 1..4),
        scratches in prop::collection::vec((any::<prop::sample::Index>(), any::<Option<char>>()), 0..4),
        path in prop::sample::select(vec!["order", "order/test", "order/cancelReplace", "sor/order", "sor/order/test"]),
        method in prop::sample::select(vec!["order.place", "order.test", "order.cancelReplace", "sor.order.place", "sor.order.test"]),
    ) {
        let config = keel_sim_exchange::core::ExchangeConfig::with_default_markets(7).with_sor();
        let mut venue = Venue::of_config(config, Limits::off());
        let totals = venue.protocol.exchange().totals();
        let params = mutated(order, &mutations);

        // Signed after the mutation, so that it is the order that is judged.
        let mut request = venue.signed_request(Method::Post, &format!("/api/v3/{path}"), params.clone());
        let answer = venue.request(&request);
        prop_assert!(answer.status < 500, "{} {}", answer.status, answer.body);
        request.raw_body = scratched(&std::mem::take(&mut request.raw_query), &scratches);
        let answer = venue.request(&request);
        prop_assert!(answer.status < 500, "{} {}", answer.status, answer.body);

        let api = venue.open("/ws-api/v3");
        let signed = venue.ws_signed(HMAC_KEY, &hmac(), params);
        let frame = json!({ "id": 1, "method": method, "params": signed }).to_string();
        for frame in [scratched(&frame, &scratches), frame] {
            let replies = answers(&mut venue, api, &frame);
            prop_assert_eq!(replies.len(), 1, "{}", frame);
            prop_assert!(replies[0]["status"].as_u64().is_some_and(|status| status < 500), "{}", replies[0]);
        }
        let streams = venue.open("/ws");
        let subscribe = r#"{"method":"SUBSCRIBE","params":["btcusdt@depth20@100ms","!ticker_1h@arr"],"id":"a"}"#;
        prop_assert_eq!(answers(&mut venue, streams, &scratched(subscribe, &scratches)).len(), 1);
        venue.wait_millis(300);
        prop_assert_eq!(venue.protocol.exchange().totals(), totals);
    }

    #[test]
    fn every_frame_has_one_answer(frames in prop::collection::vec(frame(), 1..8)) {
        let mut venue = Venue::with_limits(Limits::off());
        let (streams, api) = (venue.open("/ws"), venue.open("/ws-api/v3"));
        for frame in &frames {
            prop_assert_eq!(answers(&mut venue, streams, frame).len(), 1, "{}", frame);
            let replies = answers(&mut venue, api, frame);
            prop_assert_eq!(replies.len(), 1, "{}", frame);
            prop_assert!(replies[0]["status"].as_u64().is_some_and(|status| status < 500), "{}", replies[0]);
        }
        venue.wait_millis(2_000);
    }

    #[test]
    fn every_request_has_an_answer_below_500(
        path in prop::sample::select(vec![
            "exchangeInfo", "depth", "trades", "historicalTrades", "aggTrades", "klines", "uiKlines", "avgPrice",
            "ticker", "ticker/24hr", "ticker/tradingDay", "ticker/price", "executionRules", "referencePrice",
            "order", "account", "myTrades", "openOrders",
        ]),
        params in prop::collection::vec(param(), 0..6),
        body in ".{0,40}",
    ) {
        let mut venue = Venue::with_limits(Limits::off());
        for method in [Method::Get, Method::Post, Method::Delete] {
            let mut request = venue.plain(method, &format!("/api/v3/{path}"), &params.join("&"));
            request.raw_body.clone_from(&body);
            request.api_key = Some(HMAC_KEY.to_owned());
            let answer = venue.request(&request);
            prop_assert!(answer.status < 500, "{} {}", answer.status, answer.body);
        }
    }

    #[test]
    fn whatever_an_operator_sends_is_taken_or_refused_and_orders_are_answered_after_it(
        (path, body) in prop::sample::select(vec![
            ("symbol/BTCUSDT/execution_rules", r#"[{"ruleType":"PRICE_RANGE","bidLimitMultUp":"1.1","askLimitMultDown":"9"}]"#),
            ("symbol/BTCUSDT/reference_price/calculation", r#"{"calculationType":"ARITHMETIC_MEAN","bucketCount":9,"bucketWidthMs":90}"#),
            ("symbol/BTCUSDT/reference_price/calculation", r#"{"calculationType":"EXTERNAL","externalCalculationId":7}"#),
            ("symbol/BTCUSDT/reference_price", r#"{"referencePrice":"65000.01"}"#),
            ("exchange_filters", r#"[{"filterType":"EXCHANGE_MAX_NUM_ORDERS","maxNumOrders":5}]"#),
            ("account/hmac-key/asset_filters", r#"[{"filterType":"MAX_ASSET","asset":"BTC","limit":"7.5"}]"#),
        ]),
        scratches in prop::collection::vec((any::<prop::sample::Index>(), any::<Option<char>>()), 0..4),
        digits in "[0-9]{0,40}",
    ) {
        let mut venue = Venue::with_limits(Limits::off());
        let totals = venue.protocol.exchange().totals();
        for body in [scratched(body, &scratches), body.replace('9', &digits), body.replace('5', &digits)] {
            let mut request = venue.plain(Method::Post, &format!("/keel/{path}"), "");
            request.raw_body = body;
            let Reply::Now(Served { response, .. }) = venue.protocol.serve(venue.now, &request) else {
                panic!("the operator waits")
            };
            prop_assert!([200, 400].contains(&response.status), "{} {}", response.status, response.body);
            let taken = venue.signed(Method::Post, "/api/v3/order", Venue::market_order("BUY", "0.01"));
            prop_assert!(taken.status < 500, "{}", taken.body);
            venue.wait_millis(300);
        }
        prop_assert_eq!(venue.protocol.exchange().totals(), totals);
    }

    #[test]
    fn any_url_opens_or_is_refused(path in "/[ -~]{0,40}", query in "[ -~]{0,60}") {
        let mut venue = Venue::new();
        for url in [path.clone(), format!("/ws{path}"), format!("/stream?streams={query}"), format!("/ws?{query}")] {
            if let Ok(id) = venue.try_open(&url) {
                venue.protocol.ws_pong(venue.now, id, query.as_bytes());
                venue.wait_millis(200);
                venue.protocol.ws_closed(id);
                prop_assert!(!venue.outgoing(id).iter().any(|frame| matches!(frame, Outgoing::Close(..))));
            }
        }
    }
}
