//! Pegged orders and prevented matches on the wire.

use crate::common::Venue;
use crate::ws_api::subscribe;
use keel_binance_wire::params::Params;
use keel_sim_exchange::protocol::Method;
use serde_json::{Value, json};

const ORDER: &str = "/api/v3/order";

fn pegged(fields: &[(&str, &str)]) -> Params {
    let mut params = Params::new();
    for (name, value) in fields {
        params.push(name, value);
    }
    // What is named already stays.
    params.merge(
        Params::new()
            .with("symbol", "BTCUSDT")
            .with("side", "BUY")
            .with("quantity", "0.001")
            .with("type", "LIMIT")
            .with("timeInForce", "GTC")
            .with("pegPriceType", "PRIMARY_PEG"),
    );
    params
}

fn reports(venue: &mut Venue, id: keel_sim_exchange::protocol::ConnId) -> Vec<Value> {
    let frames = venue.frames(id).into_iter().map(|frame| frame["event"].clone());
    frames.filter(|event| event["e"] == "executionReport").collect()
}

#[test]
fn answers_and_events_of_a_pegged_order_tell_its_peg() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3");
    subscribe(&mut venue, id);
    let best = venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5").ok()["bids"][1][0].clone();
    let offset = [("pegOffsetType", "PRICE_LEVEL"), ("pegOffsetValue", "1")];
    let placed = venue.signed(Method::Post, ORDER, pegged(&offset)).ok();
    let told = |answer: &Value, names: [&str; 5]| names.map(|name| answer[name].clone());
    let expected = [
        json!("PRIMARY_PEG"),
        json!("PRICE_LEVEL"),
        json!(1),
        best,
        json!("0.00000000"),
    ];
    let names = [
        "pegPriceType",
        "pegOffsetType",
        "pegOffsetValue",
        "peggedPrice",
        "price",
    ];
    assert_eq!(told(&placed, names), expected);
    assert_eq!(
        told(&reports(&mut venue, id)[0], ["gP", "gOT", "gOV", "gp", "p"]),
        expected
    );
    let query = Params::new()
        .with("symbol", "BTCUSDT")
        .with("orderId", &placed["orderId"]);
    for method in [Method::Get, Method::Delete] {
        let answer = venue.signed(method, ORDER, query.clone()).ok();
        assert_eq!(told(&answer, names), expected, "{method:?}");
    }
    let info = venue.get("/api/v3/exchangeInfo?symbol=BTCUSDT").ok();
    assert_eq!(info["symbols"][0]["pegInstructionsAllowed"], true);
}

#[test]
fn pegs_that_cannot_be_read_or_do_not_fit_say_why() {
    let mut venue = Venue::new();
    let level = ("pegOffsetType", "PRICE_LEVEL");
    for (fields, code, text) in [
        (vec![("pegPriceType", "BEST")], -1210, "Invalid pegPriceType."),
        (
            vec![("pegOffsetType", "TICKS"), ("pegOffsetValue", "1")],
            -1211,
            "Invalid pegOffsetType.",
        ),
        (vec![level], -1102, "'pegOffsetValue'"),
        (vec![("pegOffsetValue", "1")], -1102, "'pegOffsetType'"),
        (vec![level, ("pegOffsetValue", "101")], -1130, "'pegOffsetValue'"),
        (
            vec![level, ("pegOffsetValue", "100")],
            -2010,
            "Order book liquidity is too low for this pegged order.",
        ),
        (
            vec![("timeInForce", "IOC")],
            -2010,
            "This price peg cannot be used with this order type.",
        ),
    ] {
        let answer = venue.signed(Method::Post, ORDER, pegged(&fields));
        let (status, told, msg) = answer.refusal();
        assert_eq!((status, told), (400, code), "{msg}");
        assert!(msg.contains(text), "{msg}");
    }
    let market = Venue::market_order("BUY", "0.001").with("pegPriceType", "MARKET_PEG");
    let answer = venue.signed(Method::Post, ORDER, market);
    assert_eq!(
        answer.refusal(),
        (400, -2010, "This order type may not use pegged price.")
    );
}

#[test]
fn the_event_of_a_prevented_match_names_the_other_order_and_what_would_have_traded() {
    let mut venue = Venue::new();
    let id = venue.open("/ws-api/v3");
    subscribe(&mut venue, id);
    // Alone at the front of the book: within the spread, if only by a tick; post-only.
    let depth = venue.get("/api/v3/depth?symbol=BTCUSDT&limit=5").ok();
    let ask: f64 = depth["asks"][0][0].as_str().unwrap().parse().unwrap();
    let at = format!("{:.2}", ask - 0.01);
    let maker = venue
        .signed(Method::Post, ORDER, Venue::limit_order("BUY", &at, "0.002"))
        .ok();
    let taker = Venue::limit_order("SELL", &at, "0.001").with("selfTradePreventionMode", "EXPIRE_TAKER");
    let taker = venue.signed(Method::Post, ORDER, taker).ok();
    assert_eq!(taker["status"], "EXPIRED_IN_MATCH");
    let report = reports(&mut venue, id).pop().unwrap();
    assert_eq!(report["x"], "TRADE_PREVENTION");
    assert_eq!(
        (&report["U"], &report["Cs"]),
        (&maker["orderId"], &json!("BTCUSDT"))
    );
    assert_eq!(report["pl"], "0.00100000");
    assert_eq!(report["pL"].as_str().unwrap(), format!("{at}000000"));
    let value: f64 = report["pY"].as_str().unwrap().parse().unwrap();
    assert!((value - (ask - 0.01) * 0.001).abs() < 1e-8, "{report}");
}
