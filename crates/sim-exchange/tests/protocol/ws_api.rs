//! The WS API: envelope, sessions, user data (web-socket-api.md, user-data-stream.md).

use keel_binance_wire::params::Params;
use keel_sim_exchange::protocol::Method;
use serde_json::{Value, json};

use crate::common::{ED25519_KEY, HMAC_KEY, Venue, ed25519, hmac};

/// The WS API's result is REST's body, with and without the version in the method's name.
#[track_caller]
fn assert_same(venue: &mut Venue, method: &str, url: &str, params: &Value) {
    let id = venue.open("/ws-api/v3?returnRateLimits=false");
    for method in [method.to_owned(), format!("v3/{method}")] {
        let reply = venue.ask(id, &method, params.clone());
        let expected = json!({ "id": "q", "status": 200, "result": venue.get(url).ok() });
        assert_eq!(reply, expected, "{method}");
    }
}

#[test]
fn books_trades_and_klines_answer_as_rest_does() {
    let mut venue = Venue::new();
    venue.wait_millis(30_000);
    let cases = [
        ("ping", "/api/v3/ping", json!({})),
        ("time", "/api/v3/time", json!({})),
        (
            "exchangeInfo",
            "/api/v3/exchangeInfo?symbols=[\"BTCUSDT\"]",
            json!({ "symbols": ["BTCUSDT"] }),
        ),
        ("executionRules", "/api/v3/executionRules", json!({})),
        (
            "depth",
            "/api/v3/depth?symbol=BTCUSDT&limit=5",
            json!({ "symbol": "BTCUSDT", "limit": 5 }),
        ),
        (
            "trades.recent",
            "/api/v3/trades?symbol=BTCUSDT&limit=2",
            json!({ "symbol": "BTCUSDT", "limit": 2 }),
        ),
        (
            "trades.historical",
            "/api/v3/historicalTrades?symbol=BTCUSDT&fromId=2&limit=2",
            json!({ "symbol": "BTCUSDT", "fromId": 2, "limit": 2 }),
        ),
        (
            "trades.aggregate",
            "/api/v3/aggTrades?symbol=BTCUSDT&limit=2",
            json!({ "symbol": "BTCUSDT", "limit": 2 }),
        ),
        (
            "blockTrades.historical",
            "/api/v3/historicalBlockTrades?symbol=BTCUSDT&fromId=0",
            json!({ "symbol": "BTCUSDT", "fromId": 0 }),
        ),
        (
            "klines",
            "/api/v3/klines?symbol=BTCUSDT&interval=1s&limit=3",
            json!({ "symbol": "BTCUSDT", "interval": "1s", "limit": 3 }),
        ),
        (
            "uiKlines",
            "/api/v3/uiKlines?symbol=BTCUSDT&interval=1s&limit=3",
            json!({ "symbol": "BTCUSDT", "interval": "1s", "limit": 3 }),
        ),
    ];
    for (method, url, params) in cases {
        assert_same(&mut venue, method, url, &params);
    }
}

#[test]
fn tickers_answer_as_rest_does() {
    let mut venue = Venue::new();
    venue.wait_millis(30_000);
    let cases = [
        (
            "avgPrice",
            "/api/v3/avgPrice?symbol=BTCUSDT",
            json!({ "symbol": "BTCUSDT" }),
        ),
        (
            "ticker.24hr",
            "/api/v3/ticker/24hr?symbol=BTCUSDT",
            json!({ "symbol": "BTCUSDT" }),
        ),
        (
            "ticker.tradingDay",
            "/api/v3/ticker/tradingDay?symbol=BTCUSDT",
            json!({ "symbol": "BTCUSDT" }),
        ),
        (
            "ticker",
            "/api/v3/ticker?symbol=BTCUSDT&windowSize=7d",
            json!({ "symbol": "BTCUSDT", "windowSize": "7d" }),
        ),
        ("ticker.price", "/api/v3/ticker/price", json!({})),
        (
            "ticker.book",
            "/api/v3/ticker/bookTicker?symbol=ETHUSDT",
            json!({ "symbol": "ETHUSDT" }),
        ),
    ];
    for (method, url, params) in cases {
        assert_same(&mut venue, method, url, &params);
    }
    let id = venue.open("/ws-api/v3");
    let reply = venue.ask(id, "referencePrice", json!({ "symbol": "BTCUSDT" }));
    let none = json!({ "code": -2043, "msg": "This symbol doesn't have a reference price." });
    assert_eq!((&reply["status"], &reply["result"]), (&json!(200), &none));
    let reply = venue.ask(id, "referencePrice.calculation", json!({ "symbol": "BTCUSDT" }));
    assert_eq!((&reply["status"], &reply["error"]), (&json!(400), &none));
}

#[test]
fn requests_that_cannot_be_read_say_why_and_keep_their_id() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3?returnRateLimits=false");
    let cases = [
        ("nonsense", Value::Null, -1135),
        ("[]", Value::Null, -1135),
        (r#"{"id":7}"#, json!(7), -1135),
        (r#"{"id":"x","method":5}"#, json!("x"), -1135),
        (r#"{"id":null,"method":"ping","params":[]}"#, Value::Null, -1135),
        (r#"{"id":1.5,"method":"ping"}"#, Value::Null, -1135),
        (r#"{"id":1,"method":"no.such"}"#, json!(1), -1020),
    ];
    for (request, request_id, code) in cases {
        let reply = venue.control(id, request);
        assert_eq!(
            (&reply["id"], &reply["status"]),
            (&request_id, &json!(400)),
            "{request}"
        );
        assert_eq!(reply["error"]["code"], code, "{request}");
    }
}

pub(crate) fn subscribe(venue: &mut Venue, id: keel_sim_exchange::protocol::ConnId) -> Value {
    let params = venue.ws_signed(HMAC_KEY, &hmac(), Params::new());
    venue.ask(id, "userDataStream.subscribe.signature", params)
}

#[test]
fn a_session_logs_on_with_an_ed25519_key_and_then_needs_no_signature() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3?returnRateLimits=false");
    let opened_at = venue.now.as_millis();
    venue.wait_millis(1_000);
    let timestamp = json!({ "timestamp": venue.now.as_millis() });
    let before = venue.ask(id, "account.status", timestamp.clone());
    assert_eq!(before["error"]["code"], -1102, "{before}");
    assert_eq!(
        venue.ask(id, "userDataStream.subscribe", json!({}))["status"],
        401
    );
    let wrong_kind = venue.ws_signed(HMAC_KEY, &hmac(), Params::new());
    assert_eq!(venue.ask(id, "session.logon", wrong_kind)["status"], 400);
    let params = venue.ws_signed(ED25519_KEY, &ed25519(), Params::new());
    let status = json!({
        "apiKey": ED25519_KEY, "authorizedSince": venue.now.as_millis(), "connectedSince": opened_at,
        "returnRateLimits": false, "serverTime": venue.now.as_millis(), "userDataStream": false,
    });
    assert_eq!(venue.ask(id, "session.logon", params)["result"], status);
    assert_eq!(venue.ask(id, "session.status", json!({}))["result"], status);
    assert_eq!(
        venue.ask(id, "account.status", timestamp.clone())["result"]["uid"],
        1_000_001
    );
    assert_eq!(
        venue.ask(id, "account.status", json!({}))["error"]["code"],
        -1102,
        "the time is still needed"
    );
    // Another key by its own signature.
    let params = venue.ws_signed(HMAC_KEY, &hmac(), Params::new());
    assert_eq!(
        venue.ask(id, "account.status", params)["result"]["uid"],
        1_000_000
    );

    assert_eq!(
        venue.ask(id, "userDataStream.subscribe", json!({}))["result"]["subscriptionId"],
        0
    );
    subscribe(&mut venue, id);
    venue.send(id, r#"{"id":1,"method":"session.logout"}"#);
    let frames = venue.frames(id);
    assert_eq!(
        frames[0]["subscriptionId"], 0,
        "the session's own subscription ends, the signed one stays"
    );
    assert_eq!(frames[0]["event"]["e"], "eventStreamTerminated");
    let status = &frames[1]["result"];
    assert_eq!(
        (&status["apiKey"], &status["authorizedSince"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(status["userDataStream"], true);
    assert_eq!(
        venue.ask(id, "session.subscriptions", json!({}))["result"],
        json!([{ "subscriptionId": 1 }])
    );
    assert_eq!(venue.ask(id, "account.status", timestamp)["error"]["code"], -1102);
}

#[test]
fn an_order_lives_by_ws_api_with_its_id_as_number_or_text() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3?returnRateLimits=false");
    let order = Venue::limit_order("BUY", "60000", "0.001");
    let params = venue.ws_signed(HMAC_KEY, &hmac(), order);
    let placed = venue.ask(id, "order.place", params);
    assert_eq!(placed["status"], 200, "{placed}");
    let order_id = placed["result"]["orderId"].as_u64().unwrap();
    let by = Params::new().with("symbol", "BTCUSDT").with("orderId", order_id);
    let mut params = venue.ws_signed(HMAC_KEY, &hmac(), by);
    for as_sent in [json!(order_id), json!(order_id.to_string())] {
        params["orderId"] = as_sent;
        let status = venue.ask(id, "order.status", params.clone());
        assert_eq!(status["result"]["orderId"], order_id, "{status}");
    }
    let open = venue.ws_signed(HMAC_KEY, &hmac(), Params::new().with("symbol", "BTCUSDT"));
    assert_eq!(
        venue.ask(id, "openOrders.status", open.clone())["result"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        venue.ask(id, "order.cancel", params)["result"]["status"],
        "CANCELED"
    );
    let none = venue.ask(id, "openOrders.cancelAll", open.clone());
    assert_eq!(
        (&none["status"], &none["error"]["code"]),
        (&json!(400), &json!(-2011))
    );
    for method in [
        "allOrders",
        "myTrades",
        "account.commission",
        "myFilters",
        "account.rateLimits.orders",
    ] {
        assert_eq!(venue.ask(id, method, open.clone())["status"], 200, "{method}");
    }
}

#[test]
fn times_are_in_microseconds_where_the_url_asks() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3?timeUnit=MICROSECOND");
    let reply = venue.ask(id, "time", json!({}));
    assert_eq!(reply["result"]["serverTime"], venue.now.as_micros());
    subscribe(&mut venue, id);
    venue
        .signed(
            Method::Post,
            "/api/v3/order",
            Venue::limit_order("BUY", "60000", "0.001"),
        )
        .ok();
    let now = venue.now.as_micros();
    for frame in venue.frames(id) {
        assert_eq!(frame["event"]["E"], now, "{frame}");
        let other = if frame["event"]["e"] == "executionReport" {
            "T"
        } else {
            "u"
        };
        assert_eq!(frame["event"][other], now, "{frame}");
    }
}
