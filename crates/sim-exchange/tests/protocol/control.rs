//! Requests on a streams connection (web-socket-streams.md, "Live Subscribing/Unsubscribing to streams").

use serde_json::{Value, json};

use crate::common::Venue;

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

#[track_caller]
fn assert_refused(request: &str, code: i64, msg: &str) {
    let mut venue = Venue::new();
    let id = venue.open("/ws");
    let reply = venue.control(id, request);
    assert_eq!(reply["error"], json!({ "code": code, "msg": msg }), "{request}");
}

#[test]
fn control_errors_of_values_are_the_documented_ones() {
    let cases = [
        (
            r#"{"method":"SET_PROPERTY","params":["x",true],"id":1}"#,
            0,
            "Unknown property",
        ),
        (
            r#"{"method":"GET_PROPERTY","params":["x"],"id":1}"#,
            0,
            "Unknown property",
        ),
        (
            r#"{"method":"SET_PROPERTY","params":["combined","true"],"id":1}"#,
            1,
            "Invalid value type: expected Boolean",
        ),
        (
            r#"{"method":"GET_PROPERTY","params":[1],"id":1}"#,
            2,
            "Invalid request: property name must be a string",
        ),
        (
            r#"{"method":"GET_PROPERTY","id":1}"#,
            2,
            "Invalid request: property name must be a string",
        ),
        (
            r#"{"method":"GET_PROPERTY","params":["combined",1],"id":1}"#,
            2,
            "Invalid request: too many parameters",
        ),
        (
            r#"{"method":"LIST_SUBSCRIPTIONS","id":1.5}"#,
            2,
            "Invalid request: request ID must be an unsigned integer",
        ),
        (
            r#"{"method":"LIST_SUBSCRIPTIONS","id":"0123456789012345678901234567890123456"}"#,
            2,
            "Invalid request: request ID must be an unsigned integer",
        ),
    ];
    for (request, code, msg) in cases {
        assert_refused(request, code, msg);
    }
}

#[test]
fn control_errors_of_form_are_the_documented_ones() {
    let known = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`";
    let cases = [
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
        assert_refused(request, code, &msg);
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
        // The pair has none.
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
