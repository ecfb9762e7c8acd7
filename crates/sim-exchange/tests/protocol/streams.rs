//! Market streams (web-socket-streams.md).

use std::collections::BTreeMap;

use keel_domain::Price;
use keel_sim_exchange::protocol::Outgoing;
use serde_json::{Value, json};

use crate::common::Venue;

fn id_of(value: &Value, name: &str) -> u64 {
    value[name]
        .as_u64()
        .unwrap_or_else(|| panic!("{name} in {value}"))
}

/// A book kept by the documented rule.
#[derive(Default)]
struct LocalBook {
    bids: BTreeMap<Price, String>,
    asks: BTreeMap<Price, String>,
    update_id: u64,
}

impl LocalBook {
    fn of(snapshot: &Value) -> Self {
        let mut book = Self {
            update_id: id_of(snapshot, "lastUpdateId"),
            ..Self::default()
        };
        book.set(snapshot, "bids", "asks");
        book
    }

    fn set(&mut self, levels: &Value, bids: &str, asks: &str) {
        for (side, name) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for level in levels[name].as_array().unwrap() {
                let price: Price = level[0].as_str().unwrap().parse().unwrap();
                let qty = level[1].as_str().unwrap();
                if qty.parse::<f64>().unwrap() == 0.0 {
                    side.remove(&price);
                } else {
                    side.insert(price, qty.to_owned());
                }
            }
        }
    }

    /// Takes an event; it must follow.
    fn apply(&mut self, event: &Value) {
        let (first, last) = (id_of(event, "U"), id_of(event, "u"));
        if last < self.update_id {
            return;
        }
        assert!(first <= self.update_id + 1, "a gap before {event}");
        self.set(event, "b", "a");
        self.update_id = last;
    }
}

#[test]
fn a_client_that_follows_the_documented_rule_has_the_exchanges_book() {
    for stream in ["btcusdt@depth", "btcusdt@depth@100ms"] {
        let mut venue = Venue::new();
        let id = venue.open(&format!("/ws/{stream}"));
        venue.wait_millis(2_350);
        let mut buffered = venue.frames(id);
        let first = id_of(&buffered[0], "U");
        let snapshot = venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").ok();
        let mut book = LocalBook::of(&snapshot);
        assert!(
            book.update_id >= first,
            "the snapshot is not older than the stream"
        );
        venue.wait_millis(7_650);
        buffered.extend(venue.frames(id));
        buffered.retain(|event| id_of(event, "u") > book.update_id);
        assert!((id_of(&buffered[0], "U")..=id_of(&buffered[0], "u")).contains(&(book.update_id + 1)));
        for event in &buffered {
            book.apply(event);
        }
        for pair in buffered.windows(2) {
            assert_eq!(
                id_of(&pair[1], "U"),
                id_of(&pair[0], "u") + 1,
                "{stream}: contiguous"
            );
        }
        let exchange = LocalBook::of(&venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5000").ok());
        assert_eq!(book.update_id, exchange.update_id, "{stream}");
        assert_eq!(book.bids, exchange.bids, "{stream}");
        assert_eq!(book.asks, exchange.asks, "{stream}");
        assert!(!book.bids.is_empty() && !book.asks.is_empty());
    }
}

#[test]
fn raw_streams_come_bare_and_combined_streams_come_named() {
    let mut venue = Venue::new();
    let raw = venue.open("/ws/btcusdt@depth@100ms");
    let combined = venue.open("/stream?streams=btcusdt@depth@100ms/ethusdt@depth@100ms");
    venue.wait_millis(500);
    let bare = venue.frames(raw);
    assert!(
        bare.iter()
            .all(|frame| frame["e"] == "depthUpdate" && frame["s"] == "BTCUSDT")
    );
    let named = venue.frames(combined);
    let of_btc: Vec<Value> = named
        .iter()
        .filter(|frame| frame["stream"] == "btcusdt@depth@100ms")
        .map(|frame| frame["data"].clone())
        .collect();
    assert_eq!(of_btc, bare, "one event, two forms");
    assert!(named.iter().any(|frame| frame["stream"] == "ethusdt@depth@100ms"));
}

#[test]
fn any_path_under_ws_opens_and_an_empty_list_of_streams_too() {
    let mut venue = Venue::new();
    for url in [
        "/ws",
        "/ws/",
        "/ws/0",
        "/stream",
        "/stream?streams=",
        "/stream?streams=&timeUnit=microsecond",
    ] {
        let id = venue.open(url);
        let reply = venue.control(id, r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#);
        assert_eq!(reply, json!({ "result": [], "id": 3 }), "{url}");
    }
    assert_eq!(venue.try_open("/wsx"), Err(404));
    assert_eq!(venue.try_open("/ws?timeUnit=NANOSECOND"), Err(400));
}

#[test]
fn subscriptions_take_numbers_texts_and_null_as_ids() {
    let mut venue = Venue::new();
    let id = venue.open("/ws");
    for request_id in [json!(1), json!(-5), json!("a1b2-c3"), Value::Null] {
        let request = json!({ "method": "SUBSCRIBE", "params": ["btcusdt@trade"], "id": request_id });
        let reply = venue.control(id, &request.to_string());
        assert_eq!(reply, json!({ "result": null, "id": request_id }));
        venue.wait_millis(1_000);
    }
    let request = json!({ "method": "UNSUBSCRIBE", "params": ["btcusdt@trade"], "id": 312 });
    assert_eq!(
        venue.control(id, &request.to_string()),
        json!({ "result": null, "id": 312 })
    );
    venue.wait_millis(5_000);
    assert_eq!(venue.frames(id), Vec::<Value>::new(), "nothing after the end");
}

#[test]
fn control_errors_are_the_documented_ones() {
    let mut venue = Venue::new();
    let known = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`";
    let cases = [
        (
            r#"{"method":"SET_PROPERTY","params":["x",true],"id":1}"#,
            0,
            "Unknown property".to_owned(),
        ),
        (
            r#"{"method":"GET_PROPERTY","params":["x"],"id":1}"#,
            0,
            "Unknown property".to_owned(),
        ),
        (
            r#"{"method":"SET_PROPERTY","params":["combined","true"],"id":1}"#,
            1,
            "Invalid value type: expected Boolean".to_owned(),
        ),
        (
            r#"{"method":"GET_PROPERTY","params":[1],"id":1}"#,
            2,
            "Invalid request: property name must be a string".to_owned(),
        ),
        (
            r#"{"method":"GET_PROPERTY","id":1}"#,
            2,
            "Invalid request: property name must be a string".to_owned(),
        ),
        (
            r#"{"method":"GET_PROPERTY","params":["combined",1],"id":1}"#,
            2,
            "Invalid request: too many parameters".to_owned(),
        ),
        (
            r#"{"method":"LIST_SUBSCRIPTIONS","id":1.5}"#,
            2,
            "Invalid request: request ID must be an unsigned integer".to_owned(),
        ),
        (
            r#"{"method":"LIST_SUBSCRIPTIONS","id":"0123456789012345678901234567890123456"}"#,
            2,
            "Invalid request: request ID must be an unsigned integer".to_owned(),
        ),
        (
            r#"{"method":"SUBSCRIBED","params":[]}"#,
            2,
            format!(
                "Invalid request: unknown variant `SUBSCRIBED`, expected one of {known} at line 1 column 22"
            ),
        ),
        (
            r#"{"params":["btcusdt@trade"],"id":1}"#,
            2,
            "Invalid request: missing field `method` at line 1 column 35".to_owned(),
        ),
        (
            "nonsense",
            3,
            "Invalid JSON: expected ident at line 1 column 2".to_owned(),
        ),
        (
            "[1,",
            3,
            "Invalid JSON: EOF while parsing a value at line 1 column 3".to_owned(),
        ),
        (
            r#"{"method":"SUBSCRIBE","params":["no stream"],"id":1}"#,
            2,
            "Invalid request: invalid stream".to_owned(),
        ),
    ];
    for (request, code, msg) in cases {
        let id = venue.open("/ws");
        let reply = venue.control(id, request);
        assert_eq!(reply["error"], json!({ "code": code, "msg": msg }), "{request}");
    }
}

#[test]
fn properties_switch_the_form_of_frames() {
    let mut venue = Venue::new();
    let id = venue.open("/ws/btcusdt@depth@100ms");
    assert_eq!(
        venue.control(id, r#"{"method":"GET_PROPERTY","params":["combined"],"id":2}"#),
        json!({ "result": false, "id": 2 })
    );
    venue.control(
        id,
        r#"{"method":"SET_PROPERTY","params":["combined",true],"id":5}"#,
    );
    venue.wait_millis(300);
    let frames = venue.frames(id);
    assert!(
        !frames.is_empty()
            && frames
                .iter()
                .all(|frame| frame["stream"] == "btcusdt@depth@100ms")
    );
    let combined = venue.open("/stream");
    assert_eq!(
        venue.control(
            combined,
            r#"{"method":"GET_PROPERTY","params":["combined"],"id":2}"#
        )["result"],
        true
    );
}

#[test]
fn streams_that_never_tell_anything_are_taken_in_silence() {
    let mut venue = Venue::new();
    let id = venue.open("/ws");
    let names = [
        "btcusdt@nothing",
        "BTCUSDT@trade",
        "btcusdt@referencePrice",
        "xyzusdt@trade",
    ];
    let request = json!({ "method": "SUBSCRIBE", "params": names, "id": 1 });
    assert_eq!(
        venue.control(id, &request.to_string()),
        json!({ "result": null, "id": 1 })
    );
    let reply = venue.control(id, r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#);
    assert_eq!(reply["result"].as_array().unwrap().len(), 4);
    venue.wait_millis(5_000);
    assert_eq!(venue.frames(id), Vec::<Value>::new());
}

#[test]
fn a_connection_has_at_most_1024_streams() {
    let mut venue = Venue::new();
    let id = venue.open("/ws");
    let names: Vec<String> = (0..1_024).map(|n| format!("pair{n}@trade")).collect();
    let subscribe = |names: &[String]| json!({ "method": "SUBSCRIBE", "params": names, "id": 1 }).to_string();
    assert_eq!(venue.control(id, &subscribe(&names))["result"], Value::Null);
    let reply = venue.control(id, &subscribe(&["onemore@trade".to_owned()]));
    assert_eq!(reply["error"]["code"], 2, "{reply}");
    // One that is there already is no further one.
    assert!(venue.control(id, &subscribe(&names[..1])).get("error").is_none());
    let list = names.join("/");
    assert!(venue.try_open(&format!("/stream?streams={list}")).is_ok());
    assert_eq!(
        venue.try_open(&format!("/stream?streams={list}/onemore@trade")),
        Err(400)
    );
}

/// Frames of one stream over ten seconds.
fn listen(venue: &mut Venue, stream: &str) -> Vec<Value> {
    let id = venue.open(&format!("/ws/{stream}"));
    venue.wait_millis(10_000);
    venue.frames(id)
}

#[test]
fn aggregated_trades_hold_every_trade_once() {
    let mut venue = Venue::new();
    let (agg, all) = (
        venue.open("/ws/btcusdt@aggTrade"),
        venue.open("/ws/btcusdt@trade"),
    );
    venue.wait_millis(60_000);
    let (agg, all) = (venue.frames(agg), venue.frames(all));
    assert!(all.len() > 3, "the market trades");
    let mut next = all[0]["t"].as_u64().unwrap();
    let mut next_agg = agg[0]["a"].as_u64().unwrap();
    for trade in &agg {
        assert_eq!((id_of(trade, "f"), id_of(trade, "a")), (next, next_agg));
        let inside: Vec<&Value> = all
            .iter()
            .filter(|t| (id_of(trade, "f")..=id_of(trade, "l")).contains(&id_of(t, "t")))
            .collect();
        assert!(
            inside
                .iter()
                .all(|t| t["p"] == trade["p"] && t["m"] == trade["m"] && t["T"] == trade["T"])
        );
        let sum: f64 = inside
            .iter()
            .map(|t| t["q"].as_str().unwrap().parse::<f64>().unwrap())
            .sum();
        assert!((sum - trade["q"].as_str().unwrap().parse::<f64>().unwrap()).abs() < 1e-9);
        next = id_of(trade, "l") + 1;
        next_agg += 1;
    }
    assert_eq!(next, id_of(all.last().unwrap(), "t") + 1, "none is left over");
}

#[test]
fn klines_are_told_as_they_stand_and_once_at_their_end() {
    let mut venue = Venue::new();
    let id = venue.open("/ws/btcusdt@kline_1m");
    venue.wait_millis(130_000);
    let frames = venue.frames(id);
    let closed: Vec<&Value> = frames.iter().filter(|frame| frame["k"]["x"] == true).collect();
    assert_eq!(closed.len(), 2, "two minutes ended");
    let rows = venue.get("/api/v3/klines?symbol=BTCUSDT&interval=1m").ok();
    for frame in closed {
        let kline = &frame["k"];
        let row = rows
            .as_array()
            .unwrap()
            .iter()
            .find(|row| row[0] == kline["t"])
            .unwrap();
        let fields = ["t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q"];
        for (place, field) in fields.into_iter().enumerate() {
            assert_eq!(row[place], kline[field], "{field}");
        }
    }
    // Every two seconds, and the ends.
    assert!((64..=68).contains(&frames.len()), "{}", frames.len());
    let shifted = listen(&mut venue, "btcusdt@kline_1d@+08:00");
    let start = shifted[0]["k"]["t"].as_i64().unwrap();
    assert_eq!((start + 8 * 3_600_000) % 86_400_000, 0, "days begin at UTC+8");
    assert_eq!(
        listen(&mut venue, "btcusdt@kline_1s")
            .iter()
            .filter(|f| f["k"]["x"] == false)
            .count(),
        10
    );
}

#[test]
fn figures_come_each_second_and_agree_with_the_tickers_on_request() {
    let mut venue = Venue::new();
    venue.wait_millis(30_000);
    let ticker = listen(&mut venue, "btcusdt@ticker").pop().unwrap();
    let asked = venue.get("/api/v3/ticker/24hr?symbol=BTCUSDT").ok();
    assert_eq!(
        ticker["E"],
        venue.now.as_millis(),
        "the last second's frame came just now"
    );
    let pairs = [
        ("p", "priceChange"),
        ("P", "priceChangePercent"),
        ("w", "weightedAvgPrice"),
        ("x", "prevClosePrice"),
        ("c", "lastPrice"),
        ("Q", "lastQty"),
        ("b", "bidPrice"),
        ("B", "bidQty"),
        ("a", "askPrice"),
        ("A", "askQty"),
        ("o", "openPrice"),
        ("h", "highPrice"),
        ("l", "lowPrice"),
        ("v", "volume"),
        ("q", "quoteVolume"),
        ("O", "openTime"),
        ("C", "closeTime"),
        ("F", "firstId"),
        ("L", "lastId"),
        ("n", "count"),
    ];
    for (letter, name) in pairs {
        assert_eq!(ticker[letter], asked[name], "{letter} {name}");
    }
    let mini = listen(&mut venue, "btcusdt@miniTicker").pop().unwrap();
    assert_eq!(mini["e"], "24hrMiniTicker");
    let all = listen(&mut venue, "!miniTicker@arr");
    assert!(
        all.iter().all(|frame| !frame.as_array().unwrap().is_empty()),
        "only when something changed"
    );
    for reach in ["1h", "4h", "1d"] {
        let frame = listen(&mut venue, &format!("btcusdt@ticker_{reach}"))
            .pop()
            .unwrap();
        assert_eq!(frame["e"], format!("{reach}Ticker"));
        assert_eq!(frame["O"].as_i64().unwrap() % 60_000, 0, "from a whole minute on");
        let array = listen(&mut venue, &format!("!ticker_{reach}@arr")).pop().unwrap();
        assert_eq!(array[0]["e"], format!("{reach}Ticker"));
    }
    let average = listen(&mut venue, "btcusdt@avgPrice").pop().unwrap();
    assert_eq!((&average["e"], &average["i"]), (&json!("avgPrice"), &json!("5m")));
}

#[test]
fn partial_books_are_the_best_levels() {
    let mut venue = Venue::new();
    for levels in [5_usize, 10, 20] {
        let slow = listen(&mut venue, &format!("btcusdt@depth{levels}"));
        let fast = listen(&mut venue, &format!("btcusdt@depth{levels}@100ms"));
        assert!(slow.len() <= 10 && fast.len() > slow.len());
        let asked = venue
            .get(&format!("/api/v3/depth?symbol=BTCUSDT&limit={levels}"))
            .ok();
        assert_eq!(fast.last(), Some(&asked));
        assert_eq!(asked["bids"].as_array().unwrap().len(), levels);
    }
}

#[test]
fn book_tickers_come_when_the_best_changes_and_not_otherwise() {
    let mut venue = Venue::new();
    let frames = listen(&mut venue, "btcusdt@bookTicker");
    assert!(frames.len() > 1);
    let prices = |frame: &Value| ["b", "B", "a", "A"].map(|name| frame[name].to_string());
    assert!(frames.windows(2).all(|pair| prices(&pair[0]) != prices(&pair[1])));
    assert!(
        frames
            .iter()
            .all(|frame| frame.get("e").is_none() && frame.get("E").is_none())
    );
    let asked = venue.get("/api/v3/ticker/bookTicker?symbol=BTCUSDT").ok();
    assert_eq!(frames.last().unwrap()["b"], asked["bidPrice"]);
}

#[test]
fn microseconds_are_told_where_the_url_asks() {
    let mut venue = Venue::new();
    let milli = venue.open("/stream?streams=btcusdt@trade/btcusdt@kline_1m");
    let micro = venue.open("/stream?streams=btcusdt@trade/btcusdt@kline_1m&timeUnit=MICROSECOND");
    venue.wait_millis(20_000);
    let (milli, micro) = (venue.frames(milli), venue.frames(micro));
    assert_eq!(milli.len(), micro.len());
    for (milli, micro) in milli.iter().zip(&micro) {
        let (milli, micro) = (&milli["data"], &micro["data"]);
        assert_eq!(micro["E"].as_i64().unwrap() / 1_000, milli["E"].as_i64().unwrap());
        if milli["e"] == "kline" {
            assert_eq!(
                micro["k"]["t"].as_i64().unwrap(),
                milli["k"]["t"].as_i64().unwrap() * 1_000
            );
        } else {
            assert_eq!(micro["T"].as_i64().unwrap() / 1_000, milli["T"].as_i64().unwrap());
        }
    }
}

#[test]
fn an_event_is_written_once_for_all_who_listen_in_the_same_form() {
    let mut venue = Venue::new();
    let ids: Vec<_> = (0..3).map(|_| venue.open("/ws/btcusdt@depth@100ms")).collect();
    venue.wait_millis(100);
    let texts: Vec<_> = ids
        .into_iter()
        .map(|id| match venue.outgoing(id).pop().unwrap() {
            Outgoing::Text(text) => text,
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(
        texts
            .windows(2)
            .all(|pair| std::sync::Arc::ptr_eq(&pair[0], &pair[1]))
    );
}
