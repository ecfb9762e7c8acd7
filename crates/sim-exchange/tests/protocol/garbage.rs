//! Anything that a client can send is answered or ends its connection; nothing panics, and the venue goes on.

use keel_sim_exchange::protocol::{ConnId, Limits, Method, Outgoing};
use proptest::prelude::*;
use serde_json::Value;

use crate::common::{HMAC_KEY, Venue};

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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

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
