//! Our answers and events beside the documents' samples: the same keys, the same JSON types (`tests/samples`).

use keel_binance_wire::params::Params;
use keel_sim_exchange::protocol::Method;
use serde_json::{Value, json};

use crate::common::{HMAC_KEY, Venue, hmac};

fn is_type(value: &Value, name: &str) -> bool {
    match name {
        "number" => value.as_str().is_some_and(|text| text.parse::<f64>().is_ok()),
        "string" => value.is_string(),
        "int" => value.is_i64() || value.is_u64(),
        "bool" => value.is_boolean(),
        "null" => value.is_null(),
        "list" => value.is_array(),
        _ => panic!("no such type: {name}"),
    }
}

/// Writes down where a value differs from its shape.
fn compare(path: &str, value: &Value, shape: &Value, differences: &mut Vec<String>) {
    match (shape, value) {
        (Value::String(types), _) => {
            if !types.split('|').any(|name| is_type(value, name)) {
                differences.push(format!("{path}: {types} expected, {value} told"));
            }
        }
        (Value::Object(shape), Value::Object(fields)) => {
            for (key, shape) in shape {
                let (key, is_conditional) = match key.strip_suffix('?') {
                    Some(key) => (key, true),
                    None => (key.as_str(), false),
                };
                match fields.get(key) {
                    Some(value) => compare(&format!("{path}.{key}"), value, shape, differences),
                    None if is_conditional => {}
                    None => differences.push(format!("{path}.{key}: missing")),
                }
            }
            for key in fields.keys() {
                if !shape.contains_key(key) && !shape.contains_key(&format!("{key}?")) {
                    differences.push(format!("{path}.{key}: extra"));
                }
            }
        }
        (Value::Array(shapes), Value::Array(items)) => {
            let is_tuple = shapes.len() > 1;
            if items.is_empty() || is_tuple && items.len() != shapes.len() {
                differences.push(format!("{path}: {} items", items.len()));
            }
            for (place, item) in items.iter().enumerate() {
                let shape = if is_tuple {
                    shapes.get(place)
                } else {
                    shapes.first()
                };
                if let Some(shape) = shape {
                    compare(&format!("{path}[{place}]"), item, shape, differences);
                }
            }
        }
        _ => differences.push(format!("{path}: {shape} expected, {value} told")),
    }
}

fn read(text: &str) -> Value {
    serde_json::from_str(text).expect("the samples are JSON")
}

#[track_caller]
fn assert_none(differences: &[String]) {
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn a_difference_of_any_kind_is_listed() {
    let shape = json!({ "a": "int", "b": ["number"], "c?": "bool", "d": ["int", "int"] });
    let mut differences = Vec::new();
    compare(
        "x",
        &json!({ "a": 1, "b": ["1.5"], "d": [1, 2] }),
        &shape,
        &mut differences,
    );
    assert_none(&differences);
    let value = json!({ "a": "1", "b": [1.5], "c": 0, "d": [1], "e": 5 });
    compare("x", &value, &shape, &mut differences);
    let places: Vec<&str> = differences
        .iter()
        .map(|line| line.split(':').next().unwrap())
        .collect();
    assert_eq!(places, ["x.a", "x.b[0]", "x.c", "x.d", "x.e"]);
    differences.clear();
    compare("x", &json!({ "b": [] }), &shape, &mut differences);
    assert_eq!(differences, ["x.a: missing", "x.b: 0 items", "x.d: missing"]);
}

#[test]
fn rest_answers_have_the_documented_keys_and_types() {
    let plain = [
        include_str!("../samples/rest.json"),
        include_str!("../samples/combined.json"),
    ];
    assert_none(&rest_differences(Venue::new(), &plain));
}

#[test]
fn rest_answers_of_routed_orders_have_the_documented_keys_and_types() {
    let samples = [include_str!("../samples/sor.json")];
    assert_none(&rest_differences(Venue::with_sor(), &samples));
}

#[test]
fn rest_answers_about_price_rules_have_the_documented_keys_and_types() {
    let samples = [include_str!("../samples/price_rules.json")];
    assert_none(&rest_differences(crate::price_rules::ruled(), &samples));
}

fn rest_differences(mut venue: Venue, files: &[&str]) -> Vec<String> {
    venue.wait_millis(65_000);
    let mut differences = Vec::new();
    let samples: Vec<Value> = files.iter().map(|file| read(file)).collect();
    let mut order_id = String::new();
    for sample in samples.iter().flat_map(|samples| samples.as_array().unwrap()) {
        let (name, body) = match (sample["get"].as_str(), sample["signed"].as_str()) {
            (Some(url), _) => (url, venue.get(url).body),
            (None, Some(request)) => {
                let (method, path) = request.split_once(' ').unwrap();
                let method = match method {
                    "GET" => Method::Get,
                    "POST" => Method::Post,
                    "PUT" => Method::Put,
                    _ => Method::Delete,
                };
                let query = sample["query"].as_str().unwrap().replace("ORDER", &order_id);
                let body = venue.signed(method, path, Params::parse(&query).unwrap()).body;
                if let Some(id) = body["orderId"].as_u64() {
                    order_id = id.to_string();
                }
                (request, body)
            }
            _ => panic!("{sample}"),
        };
        compare(name, &body, &sample["shape"], &mut differences);
    }
    differences
}

#[test]
fn stream_events_have_the_documented_keys_and_types() {
    let mut venue = Venue::new();
    venue.wait_millis(5_000);
    let mut differences = Vec::new();
    for sample in read(include_str!("../samples/streams.json")).as_array().unwrap() {
        let stream = sample["stream"].as_str().unwrap();
        let id = venue.open(&format!("/stream?streams={stream}"));
        venue.wait_millis(5_000);
        let frames = venue.frames(id);
        venue.protocol.ws_closed(id);
        if frames.is_empty() {
            differences.push(format!("{stream}: nothing told"));
        }
        // A side of the book may not have changed between two frames.
        let frame = frames.into_iter().find(|frame| {
            frame["data"]["e"] != "depthUpdate"
                || frame["data"]["b"] != json!([]) && frame["data"]["a"] != json!([])
        });
        let frame = frame.unwrap_or_default();
        assert_eq!(frame["stream"], stream);
        compare(stream, &frame["data"], &sample["shape"], &mut differences);
    }
    assert_none(&differences);
}

#[test]
fn user_events_and_ws_api_replies_have_the_documented_keys_and_types() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3");
    let shapes = read(include_str!("../samples/user.json"));
    let mut differences = Vec::new();
    let params = venue.ws_signed(HMAC_KEY, &hmac(), Params::new());
    let subscribed = venue.ask(id, "userDataStream.subscribe.signature", params);
    compare(
        "subscribe",
        &subscribed["result"],
        &json!({ "subscriptionId": "int" }),
        &mut differences,
    );
    for order in [
        Venue::limit_order("BUY", "60000", "0.001").with("newClientOrderId", "one"),
        Venue::market_order("BUY", "0.01"),
        Venue::limit_order("BUY", "60000", "0.001").with("newClientOrderId", "two"),
    ] {
        venue.signed(Method::Post, "/api/v3/order", order).ok();
    }
    let by = Params::new()
        .with("symbol", "BTCUSDT")
        .with("origClientOrderId", "one");
    venue.signed(Method::Delete, "/api/v3/order", by).ok();
    let list = "symbol=BTCUSDT&side=SELL&quantity=0.001&aboveType=LIMIT_MAKER&abovePrice=70000\
                &belowType=STOP_LOSS&belowStopPrice=60000";
    venue
        .signed(
            Method::Post,
            "/api/v3/orderList/oco",
            Params::parse(list).unwrap(),
        )
        .ok();
    let mut events = venue.frames(id);
    for sample in read(include_str!("../samples/ws_api.json")).as_array().unwrap() {
        let method = sample["method"].as_str().unwrap();
        let request = json!({ "id": 5, "method": method, "params": sample["params"] });
        venue.send(id, &request.to_string());
        for frame in venue.frames(id) {
            if frame.get("event").is_some() {
                events.push(frame);
                continue;
            }
            let mut shape = json!({ "id": "int", "status": "int", "rateLimits": [{
                "rateLimitType": "string", "interval": "string", "intervalNum": "int", "limit": "int", "count": "int" }] });
            for part in ["result", "error"] {
                if let Some(part_shape) = sample.get(part) {
                    shape[part] = part_shape.clone();
                }
            }
            compare(method, &frame, &shape, &mut differences);
        }
    }
    let kinds: std::collections::BTreeSet<&str> = events
        .iter()
        .map(|frame| frame["event"]["e"].as_str().unwrap())
        .collect();
    let known: Vec<&String> = shapes.as_object().unwrap().keys().collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), {
        let mut known: Vec<&str> = known.into_iter().map(String::as_str).collect();
        known.sort_unstable();
        known
    });
    for frame in &events {
        let kind = frame["event"]["e"].as_str().unwrap();
        compare(kind, frame, &shapes[kind], &mut differences);
    }
    assert_none(&differences);
}
