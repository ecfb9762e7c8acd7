//! The codec against the samples of the venue's own documents (binance-spot-api-docs, 2026-07): every field that is read
//! has the sample's value, and what is written again reads as the same.

use keel_binance_wire::convert;
use keel_binance_wire::enums::{WireExecType, WireOrderStatus, WireOrderType, WireSymbolStatus};
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::{
    Account, Depth, ExchangeInfo, Filter, MyTrade, OrderCanceled, OrderPlaced, OrderStatusReport,
    RecentTrade, ServerTime,
};
use keel_binance_wire::stream::{self, StreamEvent};
use keel_binance_wire::ws_api::{self, Reply, UserEvent, WsFrame};
use keel_domain::{ExecType, Money, OrdStatus, Side, Timestamp, TradeId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("samples/", $name, ".json"))
    };
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("a sample is JSON")
}

/// Reads the sample, and finds every field of what is written again in the sample, with the same meaning.
fn read_back<T: DeserializeOwned + Serialize>(text: &str) -> T {
    let read: T = serde_json::from_str(text).expect("the sample can be read");
    let written = serde_json::to_value(&read).expect("it can be written");
    assert_within(&written, &value(text), "");
    read
}

/// Numbers in strings are compared as numbers: the samples write as many places as they like.
fn assert_within(ours: &Value, theirs: &Value, at: &str) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, value) in ours {
                let place = format!("{at}.{key}");
                let other = theirs
                    .get(key)
                    .unwrap_or_else(|| panic!("{place} is not in the sample"));
                assert_within(value, other, &place);
            }
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{at}");
            for (n, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                assert_within(ours, theirs, &format!("{at}[{n}]"));
            }
        }
        (Value::String(ours), Value::String(theirs)) if ours != theirs => {
            let (a, b): (Result<Money, _>, Result<Money, _>) = (ours.parse(), theirs.parse());
            assert!(a.is_ok() && a == b, "{at}: {ours} is not {theirs}");
        }
        _ => assert_eq!(ours, theirs, "{at}"),
    }
}

fn money(text: &str) -> Money {
    text.parse().expect("a number")
}

#[test]
fn server_time() {
    let time: ServerTime = read_back(sample!("time"));
    assert_eq!(time.server_time, 1_499_827_319_559);
}

#[test]
fn exchange_info_with_the_documented_filters() {
    let mut info = value(sample!("exchange_info"));
    info["symbols"][0]["filters"] = value(sample!("filters"));
    info["rateLimits"] = value(sample!("ws_rate_limits"))["rateLimits"].clone();
    let info: ExchangeInfo = serde_json::from_value(info).expect("the sample can be read");
    let symbol = &info.symbols[0];
    assert_eq!(
        (symbol.symbol.as_str(), symbol.status),
        ("ETHBTC", WireSymbolStatus::Trading)
    );
    assert_eq!(symbol.order_types.len(), 7);
    assert_eq!(info.rate_limits[0].limit, 6_000);
    let unused = symbol
        .filters
        .iter()
        .filter(|filter| matches!(filter, Filter::Other))
        .count();
    assert_eq!((symbol.filters.len(), unused), (14, 9));

    let instrument = convert::instrument(symbol).expect("it has the filters that orders need");
    assert_eq!(
        instrument.price_filter.tick_size,
        "0.000001".parse().expect("a price")
    );
    assert_eq!(instrument.lot_size.step, "0.001".parse().expect("a quantity"));
    assert_eq!(instrument.notional.min, money("10"));
    assert_eq!(instrument.notional.max, Some(money("10000")));
}

#[test]
fn a_pair_without_filters_is_an_error() {
    let info: ExchangeInfo = serde_json::from_value({
        let mut info = value(sample!("exchange_info"));
        info["rateLimits"] = Value::Array(Vec::new());
        info
    })
    .expect("the sample can be read");
    assert_eq!(
        convert::instrument(&info.symbols[0]),
        Err(convert::ConvertError::NoFilter {
            symbol: "ETHBTC".to_owned(),
            filter: "PRICE_FILTER"
        })
    );
}

#[test]
fn depth_and_recent_trades() {
    let depth: Depth = read_back(sample!("depth"));
    assert_eq!(depth.last_update_id, 1_027_024);
    assert_eq!(depth.asks[0].0, "4.000002".parse().expect("a price"));
    let trades: Vec<RecentTrade> = read_back(sample!("trades"));
    assert_eq!((trades[0].id, trades[0].quote_qty), (28_457, money("48.000012")));
}

#[test]
fn an_ack_tells_no_state() {
    let placed: OrderPlaced = read_back(sample!("order_ack"));
    assert_eq!(
        (placed.order_id, placed.client_order_id.as_str()),
        (28, "6gCrw2kRUAF9CvJDGP16IP")
    );
    assert_eq!((&placed.result, &placed.fills), (&None, &None));
    assert_eq!(
        convert::order_placed(&placed),
        Err(convert::ConvertError::NoState)
    );
}

#[test]
fn a_result_tells_the_state_without_fills() {
    let placed: OrderPlaced = read_back(sample!("order_result"));
    let reports = convert::order_placed(&placed).expect("a state");
    assert_eq!(reports.len(), 1);
    assert_eq!(
        (reports[0].ord_status, reports[0].side),
        (OrdStatus::Filled, Side::Sell)
    );
    assert_eq!(
        (reports[0].cum_qty, reports[0].trade),
        ("10".parse().expect("a quantity"), None)
    );
}

#[test]
fn a_full_answer_tells_each_fill_with_growing_totals() {
    let placed: OrderPlaced = read_back(sample!("order_full"));
    let reports = convert::order_placed(&placed).expect("a state");
    let ids: Vec<u64> = reports
        .iter()
        .map(|r| r.trade.expect("a trade").trade_id.0)
        .collect();
    assert_eq!(ids, [56, 57, 58, 59, 60]);
    let cum: Vec<String> = reports.iter().map(|r| r.cum_qty.to_string()).collect();
    assert_eq!(cum, ["1", "6", "8", "9", "10"]);
    let last = reports.last().expect("five reports");
    assert_eq!(
        (last.ord_status, last.cum_quote),
        (OrdStatus::Filled, money("39983"))
    );
    assert_eq!(last.trade.expect("a trade").commission, money("3.995"));
}

#[test]
fn an_expired_order_tells_why() {
    let mut answer = value(sample!("order_result"));
    answer["status"] = "EXPIRED".into();
    answer["expiryReason"] = "INSUFFICIENT_LIQUIDITY".into();
    let placed: OrderPlaced = read_back(&answer.to_string());
    let result = placed.result.expect("a state");
    assert_eq!(result.status, WireOrderStatus::Expired);
    assert_eq!(result.expiry_reason.as_deref(), Some("INSUFFICIENT_LIQUIDITY"));
}

#[test]
fn the_answer_to_a_cancel_names_the_order_by_its_original_id() {
    let canceled: OrderCanceled = read_back(sample!("order_canceled"));
    assert_eq!(canceled.client_order_id, "cancelMyOrder1");
    let report = convert::order_canceled(&canceled).expect("a report");
    assert_eq!(report.cl_ord_id.as_str(), "myOrder1");
    assert_eq!(
        (report.exec_type, report.ord_status),
        (ExecType::Canceled, OrdStatus::Canceled)
    );
}

#[test]
fn queried_orders() {
    let order: OrderStatusReport = read_back(sample!("order"));
    let report = convert::order_status(&order).expect("a report");
    assert_eq!(
        (report.cl_ord_id.as_str(), report.ord_status),
        ("myOrder1", OrdStatus::New)
    );
    assert_eq!(report.transact_time, Timestamp::from_millis(1_499_827_319_559));
    let open: Vec<OrderStatusReport> = read_back(sample!("open_orders"));
    let all: Vec<OrderStatusReport> = read_back(sample!("all_orders"));
    assert_eq!((open.len(), all.len()), (1, 1));
}

#[test]
fn account_and_trades() {
    let account: Account = read_back(sample!("account"));
    assert_eq!(
        (account.uid, account.balances[0].free),
        (354_937_868, money("4723846.89208129"))
    );
    assert_eq!(account.commission_rates.maker, money("0.0015"));
    let trades: Vec<MyTrade> = read_back(sample!("my_trades"));
    let trade = convert::my_trade(&trades[0]).expect("a trade");
    assert_eq!(
        (trade.trade_id, trade.side, trade.is_maker),
        (TradeId(28_457), Side::Buy, false)
    );
    assert_eq!(
        (
            trade.commission,
            trade.commission_asset.expect("an asset").as_str()
        ),
        (money("10.1"), "BNB")
    );
}

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
