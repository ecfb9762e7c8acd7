//! User data on the WS API (user-data-stream.md; web-socket-api.md, "User Data Stream requests").

use keel_binance_wire::params::Params;
use keel_sim_exchange::protocol::Method;
use serde_json::{Value, json};

use crate::common::{ED25519_KEY, Venue, ed25519};
use crate::ws_api::subscribe;

#[test]
fn user_events_follow_an_order_and_agree_with_rest() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3");
    assert_eq!(
        subscribe(&mut venue, id)["result"],
        json!({ "subscriptionId": 0 })
    );
    let order = Venue::market_order("BUY", "0.5").with("newClientOrderId", "mine");
    let placed = venue.signed(Method::Post, "/api/v3/order", order).ok();
    let frames = venue.frames(id);
    assert!(
        frames
            .iter()
            .all(|frame| frame["subscriptionId"] == 0 && frame.get("status").is_none())
    );
    let events: Vec<&Value> = frames.iter().map(|frame| &frame["event"]).collect();
    let reports: Vec<&&Value> = events
        .iter()
        .filter(|event| event["e"] == "executionReport")
        .collect();
    assert_eq!(
        (&reports[0]["x"], &reports[0]["X"], &reports[0]["N"]),
        (&json!("NEW"), &json!("NEW"), &Value::Null)
    );
    let told: Vec<(&Value, &Value, &Value, &Value)> = reports[1..]
        .iter()
        .map(|r| (&r["t"], &r["L"], &r["l"], &r["n"]))
        .collect();
    let fills: Vec<(&Value, &Value, &Value, &Value)> = placed["fills"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (&f["tradeId"], &f["price"], &f["qty"], &f["commission"]))
        .collect();
    assert_eq!(told, fills, "the same trades in the answer and in the events");
    assert!(
        reports
            .iter()
            .all(|r| r["c"] == "mine" && r["i"] == placed["orderId"])
    );
    assert_eq!(reports.last().unwrap()["X"], "FILLED");
    // Balances as told last are those on request.
    let mut balances = std::collections::BTreeMap::new();
    for event in events
        .iter()
        .filter(|event| event["e"] == "outboundAccountPosition")
    {
        for balance in event["B"].as_array().unwrap() {
            balances.insert(
                balance["a"].to_string(),
                (balance["f"].clone(), balance["l"].clone()),
            );
        }
    }
    assert_eq!(balances.len(), 2);
    let account = venue.signed(Method::Get, "/api/v3/account", Params::new()).ok();
    for balance in account["balances"].as_array().unwrap() {
        let told = &balances[&balance["asset"].to_string()];
        assert_eq!((&balance["free"], &balance["locked"]), (&told.0, &told.1));
    }
}

#[test]
fn events_go_to_the_accounts_own_subscriptions_only() {
    let mut venue = Venue::new();
    let (mine, other) = (venue.open("/ws-api/v3"), venue.open("/ws-api/v3"));
    subscribe(&mut venue, mine);
    let params = venue.ws_signed(ED25519_KEY, &ed25519(), Params::new());
    assert_eq!(
        venue.ask(other, "userDataStream.subscribe.signature", params)["status"],
        200
    );
    venue
        .signed(
            Method::Post,
            "/api/v3/order",
            Venue::limit_order("BUY", "60000", "0.001"),
        )
        .ok();
    assert!(!venue.frames(mine).is_empty());
    assert_eq!(venue.frames(other), Vec::<Value>::new());
}

#[test]
fn subscriptions_are_one_an_account_and_end_with_an_event() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3");
    subscribe(&mut venue, id);
    let again = subscribe(&mut venue, id);
    let active = json!({ "code": -2035, "msg": "User Data Stream subscription already active." });
    assert_eq!((&again["status"], &again["error"]), (&json!(400), &active));
    let params = venue.ws_signed(ED25519_KEY, &ed25519(), Params::new());
    let second = venue.ask(id, "userDataStream.subscribe.signature", params);
    assert_eq!(second["result"]["subscriptionId"], 1);
    let list = venue.ask(id, "session.subscriptions", json!({}));
    assert_eq!(
        list["result"],
        json!([{ "subscriptionId": 0 }, { "subscriptionId": 1 }])
    );
    let request = r#"{"id":9,"method":"userDataStream.unsubscribe","params":{"subscriptionId":1}}"#;
    venue.send(id, request);
    let frames = venue.frames(id);
    let ended = json!({ "e": "eventStreamTerminated", "E": venue.now.as_millis() });
    assert_eq!(frames[0], json!({ "subscriptionId": 1, "event": ended }));
    assert_eq!(
        (&frames[1]["status"], &frames[1]["result"]),
        (&json!(200), &json!({}))
    );
    let unknown = venue.ask(id, "userDataStream.unsubscribe", json!({ "subscriptionId": 1 }));
    let inactive = json!({ "code": -2036, "msg": "User Data Stream subscription not active." });
    assert_eq!(unknown["error"], inactive);
    assert_eq!(
        venue.ask(id, "userDataStream.unsubscribe", json!({}))["status"],
        200
    );
    assert_eq!(
        venue.ask(id, "userDataStream.unsubscribe", json!({}))["error"],
        inactive
    );
    venue
        .signed(
            Method::Post,
            "/api/v3/order",
            Venue::limit_order("BUY", "60000", "0.001"),
        )
        .ok();
    assert_eq!(venue.frames(id), Vec::<Value>::new());
}

#[test]
fn a_session_may_have_65535_subscriptions_in_its_life() {
    let mut venue = Venue::with_limits(keel_sim_exchange::protocol::Limits::off());
    let id = venue.open("/ws-api/v3?returnRateLimits=false");
    // By the session, which signs once.
    let params = venue.ws_signed(ED25519_KEY, &ed25519(), Params::new());
    assert_eq!(venue.ask(id, "session.logon", params)["status"], 200);
    let request = |method: &str| json!({ "id": 1, "method": method }).to_string();
    let begin = request("userDataStream.subscribe");
    let end = request("userDataStream.unsubscribe");
    for _ in 0..65_535 {
        venue.send(id, &begin);
        venue.send(id, &end);
    }
    let frames = venue.outgoing(id);
    assert_eq!(frames.len(), 3 * 65_535, "each began, ended, and said so");
    let reply = venue.control(id, &begin);
    let full = json!({ "code": -2042, "msg": "Maximum subscription ID reached for this connection." });
    assert_eq!(reply["error"], full);
}
