//! The WS API, user events and market streams against the samples of the venue's own documents (2026-07).
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{assert_within, money, value};
use keel_binance_wire::convert;
use keel_binance_wire::enums::{WireExecType, WireOrderType};
use keel_binance_wire::order_answers::OrderPlaced;
use keel_binance_wire::params::Params;
use keel_binance_wire::stream::{self, StreamEvent};
use keel_binance_wire::ws_api::{self, Reply, UserEvent, WsFrame};
use keel_domain::{ExecType, OrdStatus, TradeId};
use serde_json::Value;

fn reply(frame: &str) -> Reply<'_> {
    match ws_api::decode(frame.as_bytes()) {
        Ok(WsFrame::Reply(reply)) => reply,
        other => panic!("no reply: {other:?}"),
    }
}

#[test]
fn ws_api_answers() {
    let placed = reply(sample!("ws_order_placed"));
    assert_eq!(
        (placed.id(), placed.status),
        (Some("e2a85d9f-07a5-4f94-8d5f-789dc3deb097"), 200)
    );
    assert_eq!(placed.used_weight(), Some(321));
    let result: OrderPlaced = serde_json::from_str(placed.result.expect("a result").get()).expect("an order");
    assert_eq!(result.order_id, 12_510_053_279);

    let refused = reply(sample!("ws_error"));
    let error = refused.error.expect("an error");
    assert_eq!((refused.status, error.code), (400, -2010));
    assert_eq!(
        error.msg,
        "Account has insufficient balance for requested action."
    );

    let banned = reply(sample!("ws_banned"));
    let data = banned.error.and_then(|error| error.data).expect("it tells when");
    assert_eq!((banned.status, data.retry_after), (418, Some(1_659_146_400_000)));

    assert_eq!(reply(sample!("ws_rate_limits")).used_weight(), Some(70));
    assert_eq!(reply(sample!("ws_logon")).status, 200);
    assert_eq!(reply(r#"{"id":7,"status":200,"result":{}}"#).id(), Some("7"));
    let revoked = reply(r#"{"id":null,"status":401,"error":{"code":-2015,"msg":"Invalid API-key."}}"#);
    assert_eq!((revoked.id(), revoked.status), (None, 401));
}

fn event(frame: &str) -> UserEvent<'_> {
    match ws_api::decode(frame.as_bytes()) {
        Ok(WsFrame::Event(event)) => event,
        other => panic!("no event: {other:?}"),
    }
}

#[test]
fn a_new_order_reported() {
    let sample = value(sample!("execution_report"))["event"].to_string();
    read_back_owned(&sample);
    let UserEvent::ExecutionReport(report) = event(sample!("execution_report")) else {
        panic!("no execution report")
    };
    assert_eq!(
        (report.exec_type, report.order_type),
        (WireExecType::New, WireOrderType::Limit)
    );
    assert_eq!((report.trade_id, &report.commission_asset), (-1, &None));
    let report = convert::execution_report(&report).expect("a report");
    assert_eq!(report.cl_ord_id.as_str(), "mUvoqJxFIILMdfAW5iGSOW");
    assert_eq!(
        (report.trade, report.leaves_qty()),
        (None, "1".parse().expect("a quantity"))
    );
}

fn read_back_owned(text: &str) {
    let text: &'static str = text.to_owned().leak();
    let read: ws_api::ExecutionReportEvent<'static> = serde_json::from_str(text).expect("it can be read");
    assert_within(
        &serde_json::to_value(&read).expect("it can be written"),
        &value(text),
        "",
    );
}

#[test]
fn a_cancel_reported_carries_the_cancels_id_in_c_and_the_orders_in_capital_c() {
    let mut frame = value(sample!("execution_report"));
    frame["event"]["x"] = "CANCELED".into();
    frame["event"]["X"] = "CANCELED".into();
    frame["event"]["c"] = "cancel-1".into();
    frame["event"]["C"] = "order-1".into();
    let frame = frame.to_string();
    let UserEvent::ExecutionReport(report) = event(&frame) else {
        panic!("no execution report")
    };
    let report = convert::execution_report(&report).expect("a report");
    assert_eq!(report.cl_ord_id.as_str(), "order-1");
    assert_eq!(
        (report.exec_type, report.leaves_qty().is_zero()),
        (ExecType::Canceled, true)
    );
}

#[test]
fn a_trade_reported_carries_the_trade() {
    let mut frame = value(sample!("execution_report"));
    let changes = [
        ("x", "TRADE"),
        ("X", "FILLED"),
        ("l", "1.00000000"),
        ("z", "1.00000000"),
        ("L", "0.1"),
        ("n", "0.001"),
        ("N", "ETH"),
    ];
    for (key, text) in changes {
        frame["event"][key] = text.into();
    }
    frame["event"]["t"] = 77.into();
    frame["event"]["m"] = true.into();
    let frame = frame.to_string();
    let UserEvent::ExecutionReport(report) = event(&frame) else {
        panic!("no execution report")
    };
    let trade = convert::execution_report(&report)
        .expect("a report")
        .trade
        .expect("a trade");
    assert_eq!(
        (trade.trade_id, trade.is_maker, trade.commission),
        (TradeId(77), true, money("0.001"))
    );
}

#[test]
fn self_trade_prevention_is_no_trade() {
    let mut frame = value(sample!("execution_report"));
    frame["event"]["x"] = "TRADE_PREVENTION".into();
    frame["event"]["X"] = "EXPIRED_IN_MATCH".into();
    frame["event"]["t"] = 3.into();
    let frame = frame.to_string();
    let UserEvent::ExecutionReport(report) = event(&frame) else {
        panic!("no execution report")
    };
    let report = convert::execution_report(&report).expect("a report");
    assert_eq!(
        (report.trade, report.ord_status),
        (None, OrdStatus::ExpiredInMatch)
    );
}

#[test]
fn the_other_user_events() {
    let UserEvent::AccountPosition(position) = event(sample!("account_position")) else {
        panic!("no position")
    };
    assert_eq!(
        (position.update_time, position.balances[0].free),
        (1_564_034_571_073, money("10000"))
    );
    let UserEvent::BalanceUpdate(update) = event(sample!("balance_update")) else {
        panic!("no balance update")
    };
    assert_eq!(
        (update.asset.as_str(), update.delta, update.clear_time),
        ("BTC", money("100"), 1_573_200_697_068)
    );
    let UserEvent::ExternalLockUpdate(update) = event(sample!("external_lock_update")) else {
        panic!("no lock")
    };
    assert_eq!((update.asset.as_str(), update.delta), ("NEO", money("10")));
    let UserEvent::ListStatus(list) = event(sample!("list_status")) else {
        panic!("no list status")
    };
    assert_eq!(
        (list.order_list_id, list.list_status_type.as_str()),
        (2, "EXEC_STARTED")
    );
    assert_eq!((list.orders.len(), list.orders[1].order_id), (2, 18));
    assert!(matches!(
        event(sample!("event_stream_terminated")),
        UserEvent::StreamTerminated
    ));
    assert!(matches!(
        event(sample!("ws_server_shutdown")),
        UserEvent::ServerShutdown
    ));
    assert!(matches!(
        event(r#"{"event":{"e":"tomorrows"}}"#),
        UserEvent::Other
    ));
}

fn combined(stream: &str, data: &str) -> String {
    format!(r#"{{"stream":"{stream}","data":{data}}}"#)
}

#[test]
fn market_streams() {
    let frame = combined("bnbbtc@trade", sample!("stream_trade"));
    let Ok(StreamEvent::Trade(trade)) = stream::decode(frame.as_bytes()) else {
        panic!("no trade")
    };
    assert_eq!(
        (trade.trade_id, trade.qty, trade.is_buyer_maker),
        (12_345, "100".parse().expect("a quantity"), true)
    );
    assert_within(
        &serde_json::to_value(&trade).expect("it can be written"),
        &value(sample!("stream_trade")),
        "",
    );

    let frame = combined("bnbusdt@bookTicker", sample!("stream_book_ticker"));
    let Ok(StreamEvent::BookTicker(ticker)) = stream::decode(frame.as_bytes()) else {
        panic!("no ticker")
    };
    assert_eq!(
        (ticker.update_id, ticker.ask_qty),
        (400_900_217, "40.66".parse().expect("a quantity"))
    );
    assert_within(
        &serde_json::to_value(&ticker).expect("it can be written"),
        &value(sample!("stream_book_ticker")),
        "",
    );

    for name in ["bnbbtc@depth", "bnbbtc@depth@100ms"] {
        let frame = combined(name, sample!("stream_depth"));
        let Ok(StreamEvent::Depth(depth)) = stream::decode(frame.as_bytes()) else {
            panic!("no depth")
        };
        assert_eq!((depth.first_update_id, depth.last_update_id), (157, 160));
        assert_eq!(depth.asks[0].0, "0.0026".parse().expect("a price"));
        assert_within(
            &serde_json::to_value(&depth).expect("it can be written"),
            &value(sample!("stream_depth")),
            "",
        );
    }
    let shutdown = stream::decode(sample!("stream_server_shutdown").as_bytes());
    assert!(matches!(shutdown, Ok(StreamEvent::ServerShutdown)));
}

#[test]
fn control_answers_tell_a_refusal_in_either_form() {
    let Ok(StreamEvent::Reply(reply)) = stream::decode(sample!("stream_subscribed").as_bytes()) else {
        panic!("no answer")
    };
    assert_eq!((reply.id, reply.error()), (Some(1), None));
    for refusal in [
        r#"{"code":2,"msg":"Invalid request: too many parameters"}"#,
        r#"{"error":{"code":2,"msg":"Invalid request: too many parameters"},"id":1}"#,
    ] {
        let Ok(StreamEvent::Reply(reply)) = stream::decode(refusal.as_bytes()) else {
            panic!("no answer")
        };
        assert_eq!(reply.error().expect("a refusal").code, 2);
    }
}

#[test]
fn requests_are_written_as_documented() {
    let subscribe = stream::subscribe(1, &["btcusdt@aggTrade".to_owned(), "btcusdt@depth".to_owned()]);
    assert_eq!(value(&subscribe), value(sample!("stream_subscribe_request")));

    let sample = value(sample!("ws_order_place_request"));
    let params = sample["params"].as_object().expect("parameters");
    let params = params.iter().fold(Params::new(), |params, (name, value)| {
        params.with(
            name,
            value.as_str().map_or_else(|| value.to_string(), str::to_owned),
        )
    });
    let request = value(&ws_api::request(3, "order.place", &params));
    assert_eq!(request["params"], sample["params"]);
    assert_eq!(
        (&request["method"], &request["id"]),
        (&sample["method"], &Value::from("3"))
    );
}
