//! Order requests as clients send them: parameters, texts, statuses, bodies and events.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

#[path = "protocol/common.rs"]
mod common;

use common::{Answer, HMAC_KEY, Venue, hmac};
use keel_binance_wire::params::Params;
use keel_domain::{Price, Side};
use keel_sim_exchange::protocol::{ConnId, Method};
use serde_json::{Value, json};

/// A venue some seconds old, so that it has a book and trades.
fn venue() -> Venue {
    let mut venue = Venue::new();
    venue.wait_millis(3_000);
    venue
}

fn params(text: &str) -> Params {
    Params::parse(text).unwrap()
}

fn send(venue: &mut Venue, method: Method, path: &str, query: &str) -> Answer {
    venue.signed(method, path, params(query))
}

fn post(venue: &mut Venue, query: &str) -> Answer {
    let query = format!("symbol=BTCUSDT&{query}");
    send(venue, Method::Post, "/api/v3/order", &query)
}

fn last(venue: &Venue) -> Price {
    venue
        .protocol
        .exchange()
        .stats("BTCUSDT".parse().unwrap())
        .unwrap()
        .last
}

/// The last price and so many percent of it more, on the tick.
fn near(venue: &Venue, percent: i64) -> String {
    let units = last(venue).units() / 100 * (100 + percent);
    Price::from_units(units / 1_000_000 * 1_000_000)
        .unwrap()
        .to_string()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn subscribe(venue: &mut Venue) -> ConnId {
    let id = venue.open("/ws-api/v3");
    let signed = venue.ws_signed(HMAC_KEY, &hmac(), Params::new());
    let answer = venue.ask(id, "userDataStream.subscribe.signature", signed);
    assert_eq!(answer["status"], 200, "{answer}");
    id
}

fn events(venue: &mut Venue, id: ConnId, kind: &str) -> Vec<Value> {
    let frames = venue.frames(id).into_iter();
    frames
        .map(|frame| frame["event"].clone())
        .filter(|event| event["e"] == kind)
        .collect()
}

#[test]
fn each_bad_parameter_has_its_documented_code_and_text() {
    let mut venue = venue();
    let mandatory = |name: &str| {
        let text = format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed.");
        (400, -1102, text)
    };
    let unwanted = |name: &str| (400, -1106, format!("Parameter '{name}' sent when not required."));
    let text = |code: i64, text: &str| (400, code, text.to_owned());
    let cases = [
        (
            "type=LIMIT&side=BUY&quantity=1&price=60000",
            mandatory("timeInForce"),
        ),
        (
            "type=LIMIT&side=BUY&timeInForce=GTC&price=60000",
            mandatory("quantity"),
        ),
        (
            "type=LIMIT&side=BUY&timeInForce=GTC&quantity=1",
            mandatory("price"),
        ),
        ("side=BUY&quantity=1", mandatory("type")),
        ("type=MARKET&quantity=1", mandatory("side")),
        ("type=MARKET&side=BUY", mandatory("quantity")),
        ("type=MARKET&side=BUY&quantity=1&price=60000", unwanted("price")),
        (
            "type=MARKET&side=BUY&quantity=1&timeInForce=GTC",
            unwanted("timeInForce"),
        ),
        (
            "type=MARKET&side=BUY&quantity=1&quoteOrderQty=50",
            unwanted("quoteOrderQty"),
        ),
        (
            "type=LIMIT_MAKER&side=BUY&quantity=1&price=60000&timeInForce=GTC",
            unwanted("timeInForce"),
        ),
        (
            "type=STOP_LOSS&side=SELL&quantity=1&stopPrice=60000&price=59000",
            unwanted("price"),
        ),
        (
            "type=STOP_LOSS&side=SELL&quantity=1",
            text(
                -1102,
                "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!",
            ),
        ),
        (
            "type=STOP_LOSS_LIMIT&side=SELL&quantity=1&stopPrice=60000&price=59000",
            mandatory("timeInForce"),
        ),
        ("type=ODD&side=SELL&quantity=1", text(-1116, "Invalid orderType.")),
        ("type=MARKET&side=ODD&quantity=1", text(-1117, "Invalid side.")),
        (
            "type=LIMIT&side=BUY&timeInForce=DAY&quantity=1&price=60000",
            text(-1115, "Invalid timeInForce."),
        ),
        (
            "type=MARKET&side=BUY&quantity=0.123456789",
            text(-1111, "Parameter 'quantity' has too much precision."),
        ),
        (
            "type=MARKET&side=BUY&quantity=1&strategyType=999999",
            text(-1134, "strategyType was less than 1000000."),
        ),
        (
            "type=MARKET&side=BUY&quantity=1&newOrderRespType=ALL",
            text(-1122, "Invalid newOrderRespType."),
        ),
    ];
    for (query, expected) in cases {
        let answer = post(&mut venue, query);
        let (status, code, msg) = answer.refusal();
        assert_eq!((status, code, msg.to_owned()), expected, "{query}");
    }
}

#[test]
fn the_matching_engine_refuses_with_its_own_texts() {
    let mut venue = venue();
    let (above, below) = (near(&venue, 5), near(&venue, -5));
    let off_tick = Price::from_units(last(&venue).units() + 1).unwrap();
    let rejected = |text: &'static str| (400, -2010, text);
    let cases = [
        (
            format!("type=STOP_LOSS&side=SELL&quantity=0.1&stopPrice={above}"),
            rejected("Order would trigger immediately."),
        ),
        (
            format!("type=LIMIT_MAKER&side=BUY&quantity=0.1&price={above}"),
            rejected("Order would immediately match and take."),
        ),
        (
            format!("type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.1&price={below}&icebergQty=0.2"),
            rejected("IcebergQty exceeds QTY."),
        ),
        (
            format!("type=LIMIT&timeInForce=GTC&side=SELL&quantity=11&price={above}"),
            rejected("Account has insufficient balance for requested action."),
        ),
        (
            format!("type=LIMIT&timeInForce=GTC&side=SELL&quantity=0.1&price={off_tick}"),
            (400, -1013, "Filter failure: PRICE_FILTER"),
        ),
        (
            "type=STOP_LOSS&side=SELL&quantity=0.1&trailingDelta=9".to_owned(),
            (400, -1013, "Filter failure: TRAILING_DELTA"),
        ),
    ];
    for (query, expected) in cases {
        assert_eq!(post(&mut venue, &query).refusal(), expected, "{query}");
    }
}

#[test]
fn a_stop_order_is_acknowledged_queried_and_told_with_its_conditional_fields() {
    let mut venue = venue();
    let user = subscribe(&mut venue);
    let stop = near(&venue, -10);
    let query =
        format!("type=STOP_LOSS&side=SELL&quantity=0.1&stopPrice={stop}&trailingDelta=100&strategyId=7");
    let ack = post(&mut venue, &query).ok();
    assert_eq!(
        keys(&ack),
        [
            "clientOrderId",
            "orderId",
            "orderListId",
            "symbol",
            "transactTime"
        ]
    );
    let result = post(&mut venue, &format!("{query}&newOrderRespType=RESULT")).ok();
    assert_eq!(
        result["stopPrice"]
            .as_str()
            .unwrap()
            .parse::<Price>()
            .unwrap()
            .to_string(),
        stop
    );
    assert_eq!(result["trailingDelta"], 100);
    assert_eq!(
        (&result["trailingTime"], &result["workingTime"]),
        (&json!(-1), &json!(-1))
    );
    assert_eq!(result["strategyId"], 7);
    let query = format!("symbol=BTCUSDT&orderId={}", ack["orderId"]);
    let status = send(&mut venue, Method::Get, "/api/v3/order", &query).ok();
    assert_eq!(
        (&status["isWorking"], &status["status"]),
        (&json!(false), &json!("NEW"))
    );
    let report = &events(&mut venue, user, "executionReport")[0];
    assert_eq!(
        (&report["x"], &report["o"], &report["w"]),
        (&json!("NEW"), &json!("STOP_LOSS"), &json!(false))
    );
    assert_eq!(
        (&report["d"], &report["D"], &report["j"]),
        (&json!(100), &json!(-1), &json!(7))
    );
    assert!(report.get("W").is_none());
}

#[test]
fn an_order_expires_with_the_venues_word_for_the_reason() {
    let mut venue = venue();
    let user = subscribe(&mut venue);
    let below = near(&venue, -5);
    for (tif, word) in [
        ("IOC", "UNFILLED_IOC_QUANTITY_EXPIRED"),
        ("FOK", "UNFILLED_FOK_ORDER_EXPIRED"),
    ] {
        let query = format!("type=LIMIT&timeInForce={tif}&side=BUY&quantity=0.1&price={below}");
        let placed = post(&mut venue, &query).ok();
        assert_eq!(
            (&placed["status"], &placed["expiryReason"]),
            (&json!("EXPIRED"), &json!(word))
        );
        let told = events(&mut venue, user, "executionReport").pop().unwrap();
        assert_eq!((&told["X"], &told["eR"]), (&json!("EXPIRED"), &json!(word)));
    }
}

fn rest_one(venue: &mut Venue, percent: i64) -> Value {
    let (side, at) = (if percent < 0 { "BUY" } else { "SELL" }, near(venue, percent));
    post(
        venue,
        &format!("type=LIMIT&timeInForce=GTC&side={side}&quantity=0.1&price={at}"),
    )
    .ok()
}

#[test]
fn cancel_replace_answers_200_400_and_409() {
    let mut venue = venue();
    let old = rest_one(&mut venue, -5);
    let (below, above) = (near(&venue, -6), near(&venue, 5));
    let mut replace = |mode: &str, cancel: &Value, price: &str| {
        let query = format!(
            "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=0.1&price={price}&cancelReplaceMode={mode}&cancelOrderId={cancel}"
        );
        send(&mut venue, Method::Post, "/api/v3/order/cancelReplace", &query)
    };
    let both = replace("STOP_ON_FAILURE", &old["orderId"], &below);
    assert_eq!(both.status, 200);
    assert_eq!(
        (&both.body["cancelResult"], &both.body["newOrderResult"]),
        (&json!("SUCCESS"), &json!("SUCCESS"))
    );
    assert_eq!(both.body["cancelResponse"]["status"], "CANCELED");
    let stopped = replace("STOP_ON_FAILURE", &old["orderId"], &below);
    assert_eq!(stopped.refusal(), (400, -2022, "Order cancel-replace failed."));
    let data = &stopped.body["data"];
    assert_eq!(
        (&data["newOrderResult"], &data["newOrderResponse"]),
        (&json!("NOT_ATTEMPTED"), &Value::Null)
    );
    assert_eq!(
        data["cancelResponse"],
        json!({ "code": -2011, "msg": "Unknown order sent." })
    );
    let allowed = replace("ALLOW_FAILURE", &old["orderId"], &below);
    assert_eq!(
        allowed.refusal(),
        (409, -2021, "Order cancel-replace partially failed.")
    );
    let placed = allowed.body["data"]["newOrderResponse"]["orderId"].clone();
    let half = replace("STOP_ON_FAILURE", &placed, &above);
    assert_eq!(half.refusal().0, 409);
    assert_eq!(half.body["data"]["newOrderResponse"]["code"], -2010);
    let both = replace("ALLOW_FAILURE", &placed, &above);
    assert_eq!(both.refusal(), (400, -2022, "Order cancel-replace failed."));
    assert_eq!(both.body["data"]["newOrderResult"], "FAILURE");
}

#[test]
fn an_amend_is_answered_told_and_kept() {
    let mut venue = venue();
    let user = subscribe(&mut venue);
    let old = rest_one(&mut venue, -5);
    let query = |qty: &str| format!("symbol=BTCUSDT&orderId={}&newQty={qty}", old["orderId"]);
    let path = "/api/v3/order/amend/keepPriority";
    let amended = send(&mut venue, Method::Put, path, &query("0.05")).ok();
    let order = &amended["amendedOrder"];
    assert_eq!(
        (&order["qty"], &order["status"]),
        (&json!("0.05000000"), &json!("NEW"))
    );
    assert_eq!(order["origClientOrderId"], old["clientOrderId"]);
    let told = events(&mut venue, user, "executionReport").pop().unwrap();
    assert_eq!(
        (&told["x"], &told["q"]),
        (&json!("REPLACED"), &json!("0.05000000"))
    );
    assert_eq!(
        (&told["c"], &told["C"]),
        (&order["clientOrderId"], &old["clientOrderId"])
    );
    let same = send(&mut venue, Method::Put, path, &query("0.05"));
    let text = "The requested action would change no state; rejecting";
    assert_eq!(same.refusal(), (400, -2038, text));
    let more = send(&mut venue, Method::Put, path, &query("0.06"));
    assert_eq!(
        more.refusal(),
        (400, -2038, "Order amend (quantity increase) is not supported.")
    );
    let query = format!("symbol=BTCUSDT&orderId={}", old["orderId"]);
    let kept = send(&mut venue, Method::Get, "/api/v3/order/amendments", &query).ok();
    assert_eq!(
        (&kept[0]["origQty"], &kept[0]["newQty"]),
        (&json!("0.10000000"), &json!("0.05000000"))
    );
    assert_eq!(kept[0]["executionId"], amended["executionId"]);
}

#[test]
fn a_cancel_keeps_to_its_restrictions() {
    let mut venue = venue();
    let old = rest_one(&mut venue, -5);
    let mut cancel = |only: &str| {
        let query = format!(
            "symbol=BTCUSDT&orderId={}&cancelRestrictions={only}",
            old["orderId"]
        );
        send(&mut venue, Method::Delete, "/api/v3/order", &query)
    };
    let text = "Order was not canceled due to cancel restrictions.";
    assert_eq!(cancel("ONLY_PARTIALLY_FILLED").refusal(), (400, -2011, text));
    assert_eq!(cancel("ONLY_OLD").refusal().1, -1145);
    assert_eq!(cancel("ONLY_NEW").ok()["status"], "CANCELED");
}

fn oco(venue: &Venue) -> String {
    format!(
        "symbol=BTCUSDT&side=SELL&quantity=0.1&aboveType=LIMIT_MAKER&abovePrice={}&belowType=STOP_LOSS_LIMIT&belowStopPrice={}&belowPrice={}&belowTimeInForce=GTC",
        near(venue, 5),
        near(venue, -5),
        near(venue, -6),
    )
}

#[test]
fn a_pair_is_placed_told_queried_and_canceled_as_one() {
    let mut venue = venue();
    let user = subscribe(&mut venue);
    let query = oco(&venue);
    let placed = send(&mut venue, Method::Post, "/api/v3/orderList/oco", &query).ok();
    let all = [
        "contingencyType",
        "listClientOrderId",
        "listOrderStatus",
        "listStatusType",
        "orderListId",
        "orderReports",
        "orders",
        "symbol",
        "transactionTime",
    ];
    assert_eq!(keys(&placed), all);
    assert_eq!(placed["contingencyType"], "OCO");
    let types: Vec<&Value> = placed["orderReports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["type"])
        .collect();
    assert_eq!(types, ["LIMIT_MAKER", "STOP_LOSS_LIMIT"]);
    let told = events(&mut venue, user, "listStatus");
    assert_eq!(
        (&told[0]["l"], &told[0]["L"], &told[0]["c"]),
        (&json!("EXEC_STARTED"), &json!("EXECUTING"), &json!("OCO"))
    );
    assert_eq!(told[0]["O"].as_array().unwrap().len(), 2);
    let open = send(&mut venue, Method::Get, "/api/v3/openOrderList", "").ok();
    assert_eq!(open[0]["orderListId"], placed["orderListId"]);
    let by_client = format!(
        "origClientOrderId={}",
        placed["listClientOrderId"].as_str().unwrap()
    );
    let status = send(&mut venue, Method::Get, "/api/v3/orderList", &by_client).ok();
    assert_eq!(status["orders"], placed["orders"]);
    let by = format!("symbol=BTCUSDT&orderListId={}", placed["orderListId"]);
    let canceled = send(&mut venue, Method::Delete, "/api/v3/orderList", &by).ok();
    assert_eq!(canceled["listOrderStatus"], "ALL_DONE");
    for report in canceled["orderReports"].as_array().unwrap() {
        assert_eq!(report["status"], "CANCELED");
    }
    assert_eq!(
        send(&mut venue, Method::Get, "/api/v3/openOrderList", "").ok(),
        json!([])
    );
    let again = send(&mut venue, Method::Delete, "/api/v3/orderList", &by);
    assert_eq!(again.refusal(), (400, -2011, "Unknown order sent."));
}

#[test]
fn the_older_spelling_places_the_same_pair_and_cancel_all_takes_it() {
    let mut venue = venue();
    let query = format!(
        "symbol=BTCUSDT&side=SELL&quantity=0.1&price={}&stopPrice={}",
        near(&venue, 5),
        near(&venue, -5)
    );
    let placed = send(&mut venue, Method::Post, "/api/v3/order/oco", &query).ok();
    let types: Vec<&Value> = placed["orderReports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["type"])
        .collect();
    assert_eq!(types, ["LIMIT_MAKER", "STOP_LOSS"]);
    rest_one(&mut venue, 6);
    let ended = send(&mut venue, Method::Delete, "/api/v3/openOrders", "symbol=BTCUSDT").ok();
    let ended = ended.as_array().unwrap();
    assert_eq!(ended.len(), 2);
    assert_eq!(ended[0]["orderReports"].as_array().unwrap().len(), 2);
    assert_eq!(ended[1]["status"], "CANCELED");
}

#[test]
fn legs_in_the_wrong_place_have_codes_of_their_own() {
    let mut venue = venue();
    let good = oco(&venue);
    let cases = [
        ("belowType=STOP_LOSS_LIMIT", "belowType=TAKE_PROFIT_LIMIT", -1199),
        (
            "aboveType=LIMIT_MAKER",
            "aboveType=LIMIT&aboveTimeInForce=GTC",
            -1158,
        ),
        ("side=SELL", "side=BUY", -1165),
    ];
    for (from, to, code) in cases {
        let answer = send(
            &mut venue,
            Method::Post,
            "/api/v3/orderList/oco",
            &good.replace(from, to),
        );
        assert_eq!(answer.refusal().1, code, "{to}: {}", answer.body);
    }
    let wrong_prices = good.replace(&near(&venue, 5), &near(&venue, -1));
    let answer = send(&mut venue, Method::Post, "/api/v3/orderList/oco", &wrong_prices);
    let text = "The relationship of the prices for the orders is not correct.";
    assert_eq!(answer.refusal(), (400, -2010, text));
}

#[test]
fn chains_by_quantity_and_by_proceeds() {
    let mut venue = venue();
    let working = format!(
        "symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice={}&workingQuantity=0.1&workingTimeInForce=IOC&pendingSide=SELL",
        near(&venue, 2)
    );
    let pending = format!("pendingType=LIMIT_MAKER&pendingPrice={}", near(&venue, 8));
    let query = format!("{working}&{pending}&pendingQuantity=0.05");
    let placed = send(&mut venue, Method::Post, "/api/v3/orderList/oto", &query).ok();
    let told: Vec<&Value> = placed["orderReports"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["status"])
        .collect();
    assert_eq!(
        (placed["contingencyType"].as_str(), told[1].as_str()),
        (Some("OTO"), Some("PENDING_NEW"))
    );
    let with_quantity = send(&mut venue, Method::Post, "/api/v3/orderList/opo", &query);
    assert_eq!(with_quantity.refusal().1, -1225);
    let sells = working.replace("workingSide=BUY", "workingSide=SELL");
    let sells = send(
        &mut venue,
        Method::Post,
        "/api/v3/orderList/opo",
        &format!("{sells}&{pending}"),
    );
    assert_eq!(
        sells.refusal(),
        (400, -1222, "Working order in an OPO list must be a bid.")
    );
    let opo = send(
        &mut venue,
        Method::Post,
        "/api/v3/orderList/opo",
        &format!("{working}&{pending}"),
    )
    .ok();
    let pair = format!(
        "{working}&pendingAboveType=LIMIT_MAKER&pendingAbovePrice={}&pendingBelowType=STOP_LOSS&pendingBelowStopPrice={}",
        near(&venue, 8),
        near(&venue, -8)
    );
    let opoco = send(&mut venue, Method::Post, "/api/v3/orderList/opoco", &pair).ok();
    assert_eq!(
        (
            opo["orders"].as_array().unwrap().len(),
            opoco["orders"].as_array().unwrap().len()
        ),
        (2, 3)
    );
    let all = send(&mut venue, Method::Get, "/api/v3/allOrderList", "").ok();
    assert_eq!(all.as_array().unwrap().len(), 3);
}

#[test]
fn a_prevented_match_is_kept_for_query() {
    let mut venue = venue();
    let user = subscribe(&mut venue);
    let best = venue
        .protocol
        .exchange()
        .best("BTCUSDT".parse().unwrap(), Side::Buy)
        .unwrap()
        .price;
    // At the best bid's own level, so that ours is the last to be met there.
    let query = format!("type=LIMIT&timeInForce=GTC&side=BUY&quantity=0.01&price={best}");
    let own = post(&mut venue, &query).ok();
    let query = format!(
        "type=LIMIT&timeInForce=IOC&side=SELL&quantity=5&price={best}&selfTradePreventionMode=EXPIRE_MAKER"
    );
    post(&mut venue, &query).ok();
    let query = format!("symbol=BTCUSDT&orderId={}", own["orderId"]);
    let kept = send(&mut venue, Method::Get, "/api/v3/myPreventedMatches", &query).ok();
    assert_eq!(
        (&kept[0]["makerOrderId"], &kept[0]["tradeGroupId"]),
        (&own["orderId"], &json!(-1))
    );
    assert_eq!(kept[0]["makerPreventedQuantity"], "0.01000000");
    assert!(kept[0].get("takerPreventedQuantity").is_none());
    let status = send(&mut venue, Method::Get, "/api/v3/order", &query).ok();
    assert_eq!(
        (&status["status"], &status["preventedQuantity"]),
        (&json!("EXPIRED_IN_MATCH"), &json!("0.01000000"))
    );
    let told = events(&mut venue, user, "executionReport");
    let told = told
        .iter()
        .find(|event| event["x"] == "TRADE_PREVENTION")
        .unwrap();
    assert_eq!(
        (&told["X"], &told["A"], &told["B"]),
        (
            &json!("EXPIRED_IN_MATCH"),
            &json!("0.01000000"),
            &json!("0.01000000")
        )
    );
}

#[test]
fn the_ws_api_takes_the_same_requests() {
    let mut venue = venue();
    let id = venue.open("/ws-api/v3");
    let query = params(&oco(&venue));
    let signed = venue.ws_signed(HMAC_KEY, &hmac(), query);
    let placed = venue.ask(id, "orderList.place.oco", signed);
    assert_eq!(placed["result"]["contingencyType"], "OCO", "{placed}");
    let signed = venue.ws_signed(HMAC_KEY, &hmac(), Params::new());
    let open = venue.ask(id, "openOrderLists.status", signed);
    assert_eq!(open["result"].as_array().unwrap().len(), 1);
    let replace = params(&format!(
        "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=0.1&price={}&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=1",
        near(&venue, -5)
    ));
    let signed = venue.ws_signed(HMAC_KEY, &hmac(), replace);
    let refused = venue.ask(id, "order.cancelReplace", signed);
    assert_eq!(
        (&refused["status"], &refused["error"]["code"]),
        (&json!(400), &json!(-2022)),
        "{refused}"
    );
    assert_eq!(refused["error"]["data"]["cancelResult"], "FAILURE");
}
