//! Smart order routing on the wire (rest-api.md, "SOR"; faqs/sor_faq.md).

use keel_binance_wire::params::Params;
use keel_sim_exchange::protocol::Method;
use serde_json::{Value, json};

use crate::common::{HMAC_KEY, Venue, hmac};
use crate::ws_api::subscribe;

const ORDER: &str = "/api/v3/sor/order";
const ALLOCATIONS: &str = "/api/v3/myAllocations";

fn of(query: &str) -> Params {
    Params::parse(query).unwrap()
}

/// Takes from both books: more than either shows at its best price.
fn sweeping() -> Params {
    Venue::limit_order("BUY", "66000", "0.5")
}

#[test]
fn answers_events_and_queries_of_a_routed_order_agree() {
    let mut venue = Venue::with_sor();
    let id = venue.open("/ws-api/v3");
    subscribe(&mut venue, id);
    let placed = venue.signed(Method::Post, ORDER, sweeping()).ok();
    assert_eq!(
        (&placed["status"], &placed["usedSor"], &placed["workingFloor"]),
        (&json!("FILLED"), &json!(true), &json!("SOR"))
    );
    let fills = placed["fills"].as_array().unwrap();
    assert!(fills.len() > 1);
    for (place, fill) in fills.iter().enumerate() {
        assert_eq!(
            (&fill["matchType"], &fill["tradeId"], &fill["allocId"]),
            (&json!("ONE_PARTY_TRADE_REPORT"), &json!(-1), &json!(place))
        );
    }
    let events: Vec<Value> = venue.frames(id).into_iter().map(|f| f["event"].clone()).collect();
    let reports: Vec<&Value> = events.iter().filter(|e| e["e"] == "executionReport").collect();
    assert_eq!(
        (&reports[0]["k"], &reports[0]["uS"], reports[0].get("b")),
        (&json!("SOR"), &json!(true), None)
    );
    let told: Vec<_> = reports[1..]
        .iter()
        .map(|r| [&r["L"], &r["l"], &r["n"], &r["t"], &r["a"], &r["b"]])
        .collect();
    let filled: Vec<_> = fills
        .iter()
        .map(|f| {
            [
                &f["price"],
                &f["qty"],
                &f["commission"],
                &f["tradeId"],
                &f["allocId"],
                &f["matchType"],
            ]
        })
        .collect();
    assert_eq!(told, filled);

    let query = of(&format!("symbol=BTCUSDT&orderId={}", placed["orderId"]));
    let allocations = venue.signed(Method::Get, ALLOCATIONS, query.clone()).ok();
    let listed: Vec<_> = allocations
        .as_array()
        .unwrap()
        .iter()
        .map(|a| [&a["price"], &a["qty"], &a["commission"], &a["allocationId"]])
        .collect();
    let filled: Vec<_> = fills
        .iter()
        .map(|f| [&f["price"], &f["qty"], &f["commission"], &f["allocId"]])
        .collect();
    assert_eq!(listed, filled);
    assert_eq!(
        venue.signed(Method::Get, "/api/v3/myTrades", query.clone()).ok(),
        json!([])
    );
    let status = venue.signed(Method::Get, "/api/v3/order", query).ok();
    assert_eq!(
        (&status["usedSor"], &status["workingFloor"]),
        (&json!(true), &json!("SOR"))
    );
}

#[test]
fn a_routed_order_that_rests_is_at_the_exchange() {
    let mut venue = Venue::with_sor();
    let order = Venue::limit_order("BUY", "60000", "0.001");
    let placed = venue.signed(Method::Post, ORDER, order.clone()).ok();
    assert_eq!(
        (&placed["status"], &placed["workingFloor"]),
        (&json!("NEW"), &json!("EXCHANGE"))
    );
    let plain = venue.signed(Method::Post, "/api/v3/order", order).ok();
    assert_eq!((plain.get("usedSor"), plain.get("workingFloor")), (None, None));
}

#[test]
fn the_ws_api_routes_orders_too() {
    let mut venue = Venue::with_sor();
    let id = venue.open("/ws-api/v3");
    let params = venue.ws_signed(HMAC_KEY, &hmac(), sweeping());
    assert_eq!(venue.ask(id, "sor.order.test", params)["result"], json!({}));
    let params = venue.ws_signed(HMAC_KEY, &hmac(), sweeping());
    let placed = venue.ask(id, "sor.order.place", params);
    let [placed] = placed["result"].as_array().unwrap().as_slice() else {
        panic!("a list of one: {placed}")
    };
    assert_eq!(placed["usedSor"], true, "{placed}");
    let params = venue.ws_signed(HMAC_KEY, &hmac(), of("symbol=BTCUSDT"));
    let allocations = venue.ask(id, "myAllocations", params);
    assert_eq!(
        allocations["result"].as_array().unwrap().len(),
        placed["fills"].as_array().unwrap().len()
    );
}

#[test]
fn allocations_are_chosen_by_the_documented_parameters() {
    let mut venue = Venue::with_sor();
    let placed = venue.signed(Method::Post, ORDER, sweeping()).ok();
    let count = placed["fills"].as_array().unwrap().len();
    let (first, end) = (venue.now.as_millis(), venue.now.as_millis() + 1);
    venue.wait_millis(2_000);
    let second = venue.signed(Method::Post, ORDER, sweeping()).ok();
    let ids = |venue: &mut Venue, rest: &str| -> Vec<u64> {
        let query = of(&format!("symbol=BTCUSDT{rest}"));
        let all = venue.signed(Method::Get, ALLOCATIONS, query).ok();
        let all = all.as_array().unwrap().iter();
        all.map(|a| a["allocationId"].as_u64().unwrap()).collect()
    };
    let all = ids(&mut venue, "");
    assert_eq!(all, (0..all.len() as u64).collect::<Vec<_>>());
    assert!(count > 1 && all.len() > count);
    let (of_first, of_second) = all.split_at(count);
    for (rest, expected) in [
        ("&limit=1".to_owned(), &all[..1]),
        (format!("&endTime={end}&limit=1"), &of_first[count - 1..]),
        (format!("&startTime={end}"), of_second),
        (format!("&startTime={first}&endTime={end}"), of_first),
        ("&fromAllocationId=1".to_owned(), &all[1..]),
        (format!("&orderId={}", second["orderId"]), of_second),
        (
            format!("&orderId={}&fromAllocationId=1", placed["orderId"]),
            &of_first[1..],
        ),
    ] {
        assert_eq!(ids(&mut venue, &rest), expected, "{rest}");
    }
}

#[test]
fn bad_parameters_of_allocations_have_their_errors() {
    let mut venue = Venue::with_sor();
    for (rest, code) in [
        ("&fromAllocationId=x", -1100),
        ("&fromAllocationId=-1", -1100),
        ("&fromAllocationId=99999999999999999999", -1108),
        ("&orderId=", -1100),
        ("&limit=0", -1130),
        ("&startTime=1&endTime=86400002", -1127),
        ("&startTime=1&orderId=1", -1128),
        ("&endTime=1&fromAllocationId=1", -1128),
    ] {
        let query = of(&format!("symbol=BTCUSDT{rest}"));
        let answer = venue.signed(Method::Get, ALLOCATIONS, query);
        assert_eq!(answer.refusal().1, code, "{rest}");
    }
    assert_eq!(
        venue.signed(Method::Get, ALLOCATIONS, Params::new()).refusal().1,
        -1102
    );
}

#[test]
fn only_limit_and_market_orders_by_quantity_are_routed() {
    let mut venue = Venue::with_sor();
    for (order, code) in [
        ("type=MARKET&quoteOrderQty=100", -1106),
        ("type=MARKET&quantity=0.01&quoteOrderQty=100", -1106),
        ("type=LIMIT_MAKER&quantity=0.01&price=60000", -1116),
        ("type=STOP_LOSS&quantity=0.01&stopPrice=60000", -1116),
        (
            "type=LIMIT&timeInForce=GTC&quantity=0.01&price=60000&stopPrice=60000",
            -1106,
        ),
        (
            "type=LIMIT&timeInForce=GTC&quantity=0.01&pegPriceType=PRIMARY_PEG",
            -1106,
        ),
        ("type=LIMIT&timeInForce=GTC&quantity=0.01", -1102),
        ("quantity=0.01", -1102),
    ] {
        for path in [ORDER, "/api/v3/sor/order/test"] {
            let order = of(&format!("symbol=BTCUSDT&side=BUY&{order}"));
            assert_eq!(
                venue.signed(Method::Post, path, order).refusal().1,
                code,
                "{path}"
            );
        }
    }
}

#[test]
fn a_symbol_without_routing_says_so() {
    let mut venue = Venue::new();
    for path in [ORDER, "/api/v3/sor/order/test"] {
        let answer = venue.signed(Method::Post, path, sweeping());
        assert_eq!(
            answer.refusal(),
            (400, -1013, "This symbol is not enabled for SOR.")
        );
    }
    assert_eq!(venue.get("/api/v3/exchangeInfo").ok().get("sors"), None);
}
