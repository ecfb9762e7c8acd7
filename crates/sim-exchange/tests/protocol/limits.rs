//! The venue's limits, each at its bound (rest-api.md, "LIMITS"; web-socket-api.md, "Rate limits").

use std::time::Duration;

use keel_binance_wire::params::Params;
use keel_sim_exchange::protocol::{Limits, Method, Outgoing, Protocol};
use serde_json::{Value, json};

use crate::common::{Answer, HMAC_KEY, OTHER_PEER, Venue, hmac};

const ORDER: &str = "/api/v3/order";

pub(crate) fn small() -> Limits {
    Limits {
        request_weight_1m: 10,
        orders_10s: 3,
        orders_1d: 5,
        refusals_before_ban_1m: 2,
        ..Limits::default()
    }
}

fn used(answer: &Answer) -> u32 {
    answer.headers["x-mbx-used-weight-1m"].parse().unwrap()
}

#[test]
fn weight_is_counted_by_address_and_minute() {
    let mut venue = Venue::with_limits(small());
    venue.wait_millis(30_500);
    for n in 1..=10 {
        let answer = venue.get("/api/v3/ping");
        assert_eq!((answer.status, used(&answer)), (200, n));
    }
    let refused = venue.get("/api/v3/ping");
    let text = "Too much request weight used; current limit is 10 request weight per 1 MINUTE. \
                Please use WebSocket Streams for live updates to avoid polling the API.";
    assert_eq!(refused.refusal(), (429, -1003, text));
    assert_eq!(
        refused.headers["retry-after"], "30",
        "until the minute ends, rounded up"
    );
    assert_eq!(used(&refused), 11);
    venue.peer = OTHER_PEER;
    assert_eq!(used(&venue.get("/api/v3/ping")), 1);
    venue.peer = crate::common::PEER;
    venue.wait_millis(29_500);
    let answer = venue.get("/api/v3/ping");
    assert_eq!((answer.status, used(&answer)), (200, 1));
}

#[test]
fn the_header_is_on_every_reply() {
    let mut venue = Venue::new();
    for url in ["/api/v3/nothing", "/api/v3/depth", "/api/v3/account"] {
        let headers = venue.get(url).headers;
        let weight = headers.get("x-mbx-used-weight-1m");
        assert!(weight.is_some(), "{url}");
        // unicorn-binance-rest-api reads the name without an interval, and fails without it.
        assert_eq!(headers.get("x-mbx-used-weight"), weight, "{url}");
    }
}

#[test]
fn ignoring_429_bans_and_bans_grow_from_two_minutes_to_three_days() {
    let mut venue = Venue::with_limits(small());
    let mut lengths = Vec::new();
    for _ in 0..14 {
        for _ in 0..10 {
            assert_eq!(venue.get("/api/v3/ping").status, 200);
        }
        for _ in 0..2 {
            assert_eq!(venue.get("/api/v3/ping").status, 429);
        }
        let banned = venue.get("/api/v3/ping");
        let seconds: u64 = banned.headers["retry-after"].parse().unwrap();
        let until = venue.now.as_millis() + i64::try_from(seconds).unwrap() * 1_000;
        let text = format!(
            "Way too much request weight used; IP banned until {until}. Please use WebSocket Streams for live updates to avoid bans."
        );
        assert_eq!(banned.refusal(), (418, -1003, text.as_str()));
        lengths.push(seconds);
        venue.now = venue.now.plus(Duration::from_millis(seconds * 1_000 - 1));
        let still = venue.get("/api/v3/ping");
        assert_eq!((still.status, still.headers["retry-after"].as_str()), (418, "1"));
        assert_eq!(venue.try_open("/ws"), Err(418));
        venue.now = venue.now.plus(Duration::from_millis(1));
    }
    assert_eq!(lengths[..4], [120, 240, 480, 960]);
    assert_eq!(lengths.last(), Some(&(3 * 86_400)));
    // Three days of good behaviour, and it begins anew.
    venue.now = venue.now.plus(Duration::from_millis(3 * 86_400_000 + 1));
    for _ in 0..12 {
        venue.get("/api/v3/ping");
    }
    assert_eq!(venue.get("/api/v3/ping").headers["retry-after"], "120");
}

#[test]
fn raw_requests_are_counted_by_five_minutes() {
    let mut venue = Venue::with_limits(Limits {
        raw_requests_5m: 4,
        ..Limits::default()
    });
    for _ in 0..4 {
        venue.get("/api/v3/ping").ok();
    }
    let refused = venue.get("/api/v3/ping");
    assert_eq!(refused.refusal(), (429, -1003, "Too many requests queued."));
    assert_eq!(refused.headers["retry-after"], "300");
    venue.wait_millis(300_000);
    venue.get("/api/v3/ping").ok();
}

pub(crate) fn place(venue: &mut Venue, price: &str) -> Answer {
    venue.signed(Method::Post, ORDER, Venue::limit_order("BUY", price, "0.001"))
}

#[test]
fn orders_cost_no_weight_when_they_succeed_and_one_when_they_fail() {
    let mut venue = Venue::new();
    let placed = place(&mut venue, "60000");
    assert_eq!((placed.status, used(&placed)), (200, 0));
    let failed = place(&mut venue, "0.001");
    assert_eq!((failed.status, used(&failed)), (400, 1));
    let by = Params::new()
        .with("symbol", "BTCUSDT")
        .with("orderId", &placed.body["orderId"]);
    let canceled = venue.signed(Method::Delete, ORDER, by.clone());
    assert_eq!((canceled.status, used(&canceled)), (200, 1));
    let again = venue.signed(Method::Delete, ORDER, by.clone());
    assert_eq!((again.status, used(&again)), (400, 2));
    let asked = venue.signed(Method::Get, ORDER, by);
    assert_eq!((asked.status, used(&asked)), (200, 6));
}

#[test]
fn the_ws_api_tells_limits_and_refuses_in_its_own_form() {
    let mut venue = Venue::with_limits(Limits {
        request_weight_1m: 4,
        ..small()
    });
    let id = venue.open("/ws-api/v3");
    let reply = venue.ask(id, "ping", json!({}));
    let limit = json!([{
        "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 4, "count": 3,
    }]);
    assert_eq!(
        reply["rateLimits"], limit,
        "two for the connection, one for the ping"
    );
    let quiet = venue.ask(id, "ping", json!({ "returnRateLimits": false }));
    assert_eq!(quiet, json!({ "id": "q", "status": 200, "result": {} }));
    let minute_ends = venue.now.as_millis() + 60_000;
    for _ in 0..2 {
        let refused = venue.ask(id, "ping", json!({}));
        assert_eq!(refused["status"], 429);
        assert_eq!(refused["error"]["code"], -1003);
        let data = json!({ "serverTime": venue.now.as_millis(), "retryAfter": minute_ends });
        assert_eq!(refused["error"]["data"], data);
    }
    venue.send(id, r#"{"id":1,"method":"ping"}"#);
    let frames = venue.outgoing(id);
    let [Outgoing::Text(text), Outgoing::Close(1_008, "IP banned")] = frames.as_slice() else {
        panic!("{frames:?}");
    };
    let banned: Value = serde_json::from_str(text).unwrap();
    assert_eq!(banned["status"], 418);
    assert_eq!(
        banned["error"]["data"]["retryAfter"],
        venue.now.as_millis() + 120_000
    );
}

#[test]
fn the_ws_api_tells_the_order_count_with_orders() {
    let mut venue = Venue::with_limits(small());
    let id = venue.open("/ws-api/v3?returnRateLimits=false");
    for n in 1..=3 {
        let order = Venue::limit_order("BUY", "60000", "0.001").with("returnRateLimits", true);
        let params = venue.ws_signed(HMAC_KEY, &hmac(), order);
        let reply = venue.ask(id, "order.place", params);
        assert_eq!(reply["status"], 200, "{reply}");
        let told: Vec<(&str, i64)> = reply["rateLimits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| (l["rateLimitType"].as_str().unwrap(), l["count"].as_i64().unwrap()))
            .collect();
        assert_eq!(told, [("ORDERS", n), ("ORDERS", n), ("REQUEST_WEIGHT", 2)]);
    }
    let params = venue.ws_signed(HMAC_KEY, &hmac(), Venue::limit_order("BUY", "60000", "0.001"));
    let refused = venue.ask(id, "order.place", params);
    assert_eq!(
        (&refused["status"], &refused["error"]["code"]),
        (&json!(429), &json!(-1015))
    );
    assert_eq!(
        refused["error"]["data"]["retryAfter"],
        venue.now.as_millis() + 10_000
    );
    assert!(refused.get("rateLimits").is_none(), "the URL asked for none");
}

#[test]
fn an_address_may_try_300_connections_in_five_minutes() {
    let mut venue = Venue::new();
    for _ in 0..300 {
        venue.open("/ws");
    }
    assert_eq!(venue.try_open("/ws"), Err(429));
    venue.peer = OTHER_PEER;
    assert!(venue.try_open("/ws").is_ok());
    venue.peer = crate::common::PEER;
    venue.now = venue.now.plus(Duration::from_secs(300));
    assert!(venue.try_open("/ws").is_ok());
}

#[test]
fn a_streams_connection_may_send_five_frames_a_second() {
    let mut venue = Venue::new();
    let list = r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#;
    let id = venue.open("/ws");
    for _ in 0..5 {
        venue.send(id, list);
    }
    // A second later the first five are forgotten; pings and pongs count like requests.
    venue.now = venue.now.plus(Duration::from_secs(1));
    for _ in 0..3 {
        venue.send(id, list);
    }
    venue.protocol.ws_ping(venue.now, id);
    venue.protocol.ws_pong(venue.now, id, b"");
    assert!(
        venue
            .outgoing(id)
            .iter()
            .all(|frame| matches!(frame, Outgoing::Text(_)))
    );
    venue.now = venue.now.plus(Duration::from_millis(999));
    venue.send(id, list);
    assert_eq!(venue.outgoing(id), [Outgoing::Close(1_008, "Too many messages")]);
    let id = venue.open("/ws-api/v3");
    for _ in 0..50 {
        assert_eq!(venue.ask(id, "ping", json!({}))["status"], 200);
    }
}

#[test]
fn a_ping_comes_every_20_seconds_and_wants_its_payload_back_within_60() {
    let mut venue = Venue::new();
    venue.answers_pings = false;
    let (answers, silent, wrong) = (venue.open("/ws"), venue.open("/ws"), venue.open("/ws"));
    let mut pings = 0;
    for _ in 0..10 {
        venue.wait(Protocol::PING_EVERY);
        for outgoing in venue.outgoing(answers) {
            let Outgoing::Ping(payload) = outgoing else {
                panic!("{outgoing:?}")
            };
            pings += 1;
            venue.protocol.ws_pong(venue.now, answers, payload.as_bytes());
        }
        venue.protocol.ws_pong(venue.now, wrong, b"unasked");
    }
    assert_eq!(pings, 10);
    for id in [silent, wrong] {
        let frames = venue.outgoing(id);
        assert_eq!(frames.last(), Some(&Outgoing::Close(1_008, "Pong timeout")));
        // Pings at 20, 40, 60 s; the first's time ends at 80 s, with the fourth.
        assert_eq!(frames.len() - 1, 3, "{frames:?}");
    }
}

#[test]
fn a_connection_is_told_before_its_end_and_ended_on_its_day() {
    let mut venue = Venue::with_limits(Limits {
        connection_life: Duration::from_secs(10),
        shutdown_notice: Duration::from_secs(2),
        ..Limits::default()
    });
    let (raw, combined, api) = (venue.open("/ws"), venue.open("/stream"), venue.open("/ws-api/v3"));
    venue.wait_millis(7_999);
    for id in [raw, combined, api] {
        assert_eq!(venue.outgoing(id), []);
    }
    venue.wait_millis(1);
    let event = json!({ "e": "serverShutdown", "E": venue.now.as_millis() });
    assert_eq!(venue.frames(raw), std::slice::from_ref(&event));
    assert_eq!(
        venue.frames(combined),
        [json!({ "stream": "!serverShutdown", "data": event })]
    );
    assert_eq!(venue.frames(api), [json!({ "event": event })]);
    venue.wait_millis(1_999);
    assert_eq!(venue.outgoing(raw), [], "told once");
    venue.wait_millis(1);
    for id in [raw, combined, api] {
        assert_eq!(
            venue.outgoing(id),
            [Outgoing::Close(1_001, "Connection is 24 hours old")]
        );
    }
    assert_eq!(Limits::default().connection_life, Duration::from_secs(86_400));
}

#[test]
fn switched_off_nothing_is_refused() {
    let mut venue = Venue::with_limits(Limits::off());
    for _ in 0..7_000 {
        venue.get("/api/v3/ping").ok();
    }
    for _ in 0..150 {
        assert_eq!(place(&mut venue, "60000").status, 200);
    }
    for _ in 0..310 {
        venue.open("/ws");
    }
}

#[test]
fn addresses_are_remembered_up_to_a_bound_and_banned_ones_stay() {
    let mut venue = Venue::with_limits(small());
    for _ in 0..13 {
        venue.get("/api/v3/ping");
    }
    assert_eq!(venue.get("/api/v3/ping").status, 418);
    let address = |n: u16| std::net::IpAddr::from([10, 1, n.to_be_bytes()[0], n.to_be_bytes()[1]]);
    for n in 0..9_999 {
        venue.peer = address(n);
        assert_eq!(used(&venue.get("/api/v3/ping")), 1);
    }
    venue.peer = address(0);
    assert_eq!(used(&venue.get("/api/v3/ping")), 2, "ten thousand are remembered");
    venue.peer = address(9_999);
    venue.get("/api/v3/ping");
    venue.peer = address(0);
    assert_eq!(
        used(&venue.get("/api/v3/ping")),
        1,
        "one more, and those that are not banned are forgotten"
    );
    venue.peer = crate::common::PEER;
    assert_eq!(venue.get("/api/v3/ping").status, 418);
}
