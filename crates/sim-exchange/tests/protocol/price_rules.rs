//! The reference price and the range around it on the wire (rest-api.md, "Query Reference Price", "Query Execution Rules";
//! web-socket-streams.md, "Reference Price Streams"; faqs/price_range_execution_rules.md).

use keel_binance_wire::params::Params;
use keel_domain::Money;
use keel_sim_exchange::core::{ExchangeConfig, PriceRange, PriceRules, ReferenceCalculation};
use keel_sim_exchange::protocol::{Limits, Method, Reply, Served};
use serde_json::{Value, json};

use crate::common::Venue;
use crate::ws_api::subscribe;

const PRICE: &str = "/api/v3/referencePrice";
const ORDER: &str = "/api/v3/order";

/// BTCUSDT with a mean of ten seconds and a range of 0.01 %, ETHUSDT with a price from outside and no range.
pub(crate) fn ruled() -> Venue {
    let (up, down) = (Some(Money::new(10_001, 4)), Some(Money::new(9_999, 4)));
    let rules = |symbol: &str, reference, range| PriceRules {
        symbol: symbol.parse().unwrap(),
        reference: Some(reference),
        range,
    };
    let mean = ReferenceCalculation::ArithmeticMean {
        bucket_count: 10,
        bucket_width_ms: 1_000,
    };
    let range = PriceRange {
        bid_up: up,
        bid_down: down,
        ask_up: up,
        ask_down: down,
    };
    let mut config = ExchangeConfig::with_default_markets(7);
    config.price_rules = vec![
        rules("BTCUSDT", mean, Some(range)),
        rules("ETHUSDT", ReferenceCalculation::External(42), None),
    ];
    Venue::of_config(config, Limits::default())
}

fn post(venue: &mut Venue, path: &str, body: &str) -> (u16, Value) {
    let mut request = venue.plain(Method::Post, path, "");
    request.raw_body = body.to_owned();
    match venue.protocol.serve(venue.now, &request) {
        Reply::Now(Served { response, .. }) => (
            response.status,
            serde_json::from_str(&response.body).unwrap_or_default(),
        ),
        Reply::Later(_) => panic!("the operator waits"),
    }
}

/// Gives ETHUSDT's reference price.
fn give(venue: &mut Venue, price: &Value) {
    let body = json!({ "referencePrice": price }).to_string();
    let (status, told) = post(venue, "/keel/symbol/ETHUSDT/reference_price", &body);
    assert_eq!(status, 200, "{told}");
}

const NONE: (u16, i64, &str) = (400, -2043, "This symbol doesn't have a reference price.");

#[test]
fn a_pair_without_a_reference_price_says_so_and_one_without_a_price_for_now_tells_null() {
    let mut venue = ruled();
    let url = format!("{PRICE}?symbol=ETHUSDT");
    assert_eq!(venue.get(&url).refusal(), NONE);
    // It is calculated all the same.
    let calculation = venue.get(&format!("{PRICE}/calculation?symbol=ETHUSDT")).ok();
    assert_eq!(
        calculation,
        json!({ "symbol": "ETHUSDT", "calculationType": "EXTERNAL", "externalCalculationId": 42 })
    );
    let given_at = venue.now.as_millis();
    give(&mut venue, &json!("10.00"));
    venue.wait_millis(1_500);
    let told = venue.get(&url).ok();
    assert_eq!(
        told,
        json!({ "symbol": "ETHUSDT", "referencePrice": "10.00000000", "timestamp": given_at })
    );
    let emptied_at = venue.now.as_millis();
    give(&mut venue, &Value::Null);
    let told = venue.get(&url).ok();
    assert_eq!(
        told,
        json!({ "symbol": "ETHUSDT", "referencePrice": null, "timestamp": emptied_at })
    );
}

#[test]
fn the_mean_is_told_by_rest_and_ws_api_and_its_calculation_with_it() {
    let mut venue = ruled();
    venue.wait_millis(15_000);
    let told = venue.get(&format!("{PRICE}?symbol=BTCUSDT")).ok();
    assert_eq!(told["timestamp"], venue.now.as_millis());
    let trades = venue.get("/api/v3/trades?symbol=BTCUSDT&limit=1000").ok();
    let prices: Vec<f64> = trades
        .as_array()
        .unwrap()
        .iter()
        .filter(|trade| trade["time"].as_i64().unwrap() > venue.now.as_millis() - 9_000)
        .map(|trade| trade["price"].as_str().unwrap().parse().unwrap())
        .collect();
    let price: f64 = told["referencePrice"].as_str().unwrap().parse().unwrap();
    let mean = prices.iter().sum::<f64>() / prices.len() as f64;
    assert!(
        prices.len() > 5 && (price / mean - 1.0).abs() < 0.001,
        "{price} {mean}"
    );
    let id = venue.open("/ws-api/v3?returnRateLimits=false");
    let asked = venue.ask(id, "referencePrice", json!({ "symbol": "BTCUSDT" }));
    assert_eq!((&asked["status"], &asked["result"]), (&json!(200), &told));
    let calculation = venue.get(&format!("{PRICE}/calculation?symbol=BTCUSDT")).ok();
    assert_eq!(
        calculation,
        json!({ "symbol": "BTCUSDT", "calculationType": "ARITHMETIC_MEAN", "bucketCount": 10, "bucketWidthMs": 1000 })
    );
    let asked = venue.ask(id, "referencePrice.calculation", json!({ "symbol": "BTCUSDT" }));
    assert_eq!(asked["result"], calculation);
    for (rest, refusal) in [
        ("", None),
        ("&symbolStatus=TRADING", None),
        ("&symbolStatus=HALT", Some(-1220)),
        ("&symbolStatus=SLEEPING", Some(-1122)),
    ] {
        let answer = venue.get(&format!("{PRICE}/calculation?symbol=BTCUSDT{rest}"));
        assert_eq!(answer.body["code"].as_i64(), refusal, "{rest}");
    }
    for path in [PRICE.to_owned(), format!("{PRICE}/calculation")] {
        assert_eq!(venue.get(&path).refusal().1, -1102);
        assert_eq!(venue.get(&format!("{path}?symbol=NONE")).refusal().1, -1121);
        let (before, after) = (used(&mut venue, "/api/v3/ping"), used(&mut venue, &path));
        assert_eq!(after, before + 2, "{path}");
    }
}

fn used(venue: &mut Venue, url: &str) -> u32 {
    let answer = venue.get(url);
    answer.headers["x-mbx-used-weight-1m"].parse().unwrap()
}

#[test]
fn execution_rules_tell_the_range_and_nothing_where_there_is_none() {
    let mut venue = ruled();
    let told = venue.get("/api/v3/executionRules").ok();
    let range = json!({
        "ruleType": "PRICE_RANGE",
        "bidLimitMultUp": "1.00010000",
        "bidLimitMultDown": "0.99990000",
        "askLimitMultUp": "1.00010000",
        "askLimitMultDown": "0.99990000",
    });
    let of = |symbol: &str, rules: Value| json!({ "symbol": symbol, "rules": rules });
    let (btc, eth) = (of("BTCUSDT", json!([range])), of("ETHUSDT", json!([])));
    assert_eq!(told, json!({ "symbolRules": [btc, eth] }));
    let told = venue.get("/api/v3/executionRules?symbols=[\"ETHUSDT\"]").ok();
    assert_eq!(told, json!({ "symbolRules": [eth] }));
    let told = venue.get("/api/v3/executionRules?symbolStatus=HALT").ok();
    assert_eq!(told, json!({ "symbolRules": [] }));
    let path = "/keel/symbol/BTCUSDT/execution_rules";
    let (status, _) = post(
        &mut venue,
        path,
        r#"[{"ruleType":"PRICE_RANGE","bidLimitMultUp":"1.5"}]"#,
    );
    assert_eq!(status, 200);
    let id = venue.open("/ws-api/v3");
    let told = venue.ask(id, "executionRules", json!({ "symbol": "BTCUSDT" }));
    // A multiple that is not set is not told.
    let only_up = json!([{ "ruleType": "PRICE_RANGE", "bidLimitMultUp": "1.50000000" }]);
    assert_eq!(told["result"], json!({ "symbolRules": [of("BTCUSDT", only_up)] }));
    assert_eq!(post(&mut venue, path, "[]").0, 200);
    let told = venue.get("/api/v3/executionRules?symbol=BTCUSDT").ok();
    assert_eq!(told["symbolRules"][0]["rules"], json!([]));
}

#[test]
fn the_stream_tells_the_price_each_second_or_null_and_nothing_before_there_ever_was_one() {
    let mut venue = ruled();
    let id = venue.open("/stream?streams=ethusdt@referencePrice");
    venue.wait_millis(3_000);
    assert_eq!(venue.frames(id), Vec::<Value>::new());
    // It does not wait for trades.
    let halt = r#"{"status":"HALT"}"#;
    assert_eq!(post(&mut venue, "/keel/symbol/ETHUSDT/status", halt).0, 200);
    give(&mut venue, &json!("3000.5"));
    let given_at = venue.now.as_millis();
    venue.wait_millis(3_000);
    let told = json!({ "e": "referencePrice", "s": "ETHUSDT", "r": "3000.50000000", "t": given_at });
    let frame = json!({ "stream": "ethusdt@referencePrice", "data": told });
    assert_eq!(venue.frames(id), vec![frame; 3]);
    give(&mut venue, &Value::Null);
    venue.wait_millis(1_000);
    assert_eq!(venue.frames(id)[0]["data"]["r"], Value::Null);
    // A mean is calculated for each moment.
    let micro = venue.open("/ws/btcusdt@referencePrice?timeUnit=MICROSECOND");
    venue.wait_millis(2_000);
    let frames = venue.frames(micro);
    let times: Vec<i64> = frames.iter().map(|frame| frame["t"].as_i64().unwrap()).collect();
    assert_eq!(times.len(), 2);
    assert_eq!(times[1] - times[0], 1_000_000);
    let reply = venue.control(id, r#"{"method":"LIST_SUBSCRIPTIONS","id":1}"#);
    assert_eq!(reply["result"], json!(["ethusdt@referencePrice"]));
}

#[test]
fn an_order_that_meets_the_range_expires_with_the_documented_reason_everywhere() {
    let mut venue = ruled();
    venue.wait_millis(5_000);
    let id = venue.open("/ws-api/v3");
    subscribe(&mut venue, id);
    let narrow = r#"[{"ruleType":"PRICE_RANGE","bidLimitMultUp":"1.000001"}]"#;
    let (status, _) = post(&mut venue, "/keel/symbol/BTCUSDT/execution_rules", narrow);
    assert_eq!(status, 200);
    let order = Venue::market_order("BUY", "1.4").with("newOrderRespType", "RESULT");
    let placed = venue.signed(Method::Post, ORDER, order).ok();
    assert_eq!(
        (&placed["status"], &placed["expiryReason"]),
        (&json!("EXPIRED"), &json!("EXECUTION_RULE_PRICE_RANGE_EXCEEDED")),
        "{placed}"
    );
    let query = Params::new()
        .with("symbol", "BTCUSDT")
        .with("orderId", &placed["orderId"]);
    let status = venue.signed(Method::Get, ORDER, query).ok();
    assert_eq!(status["expiryReason"], placed["expiryReason"]);
    let events: Vec<Value> = venue
        .frames(id)
        .into_iter()
        .map(|frame| frame["event"].clone())
        .collect();
    let last = events
        .iter()
        .rfind(|event| event["e"] == "executionReport")
        .unwrap();
    assert_eq!(
        (&last["x"], &last["X"], &last["eR"]),
        (&json!("EXPIRED"), &json!("EXPIRED"), &placed["expiryReason"])
    );
}

#[test]
fn the_operator_changes_rules_and_is_told_what_cannot_be() {
    let mut venue = ruled();
    let calculation = "/keel/symbol/BTCUSDT/reference_price/calculation";
    let mean = r#"{"calculationType":"ARITHMETIC_MEAN","bucketCount":3,"bucketWidthMs":500}"#;
    assert_eq!(post(&mut venue, calculation, mean).0, 200);
    let told = venue.get(&format!("{PRICE}/calculation?symbol=BTCUSDT")).ok();
    assert_eq!(
        (&told["bucketCount"], &told["bucketWidthMs"]),
        (&json!(3), &json!(500))
    );
    assert_eq!(post(&mut venue, calculation, "null").0, 200);
    assert_eq!(
        venue
            .get(&format!("{PRICE}/calculation?symbol=BTCUSDT"))
            .refusal(),
        NONE
    );
    let none = "{\"calculationType\":\"ARITHMETIC_MEAN\",\"bucketCount\":0,\"bucketWidthMs\":500}";
    let rules = "/keel/symbol/BTCUSDT/execution_rules";
    let price = "/keel/symbol/BTCUSDT/reference_price";
    for (path, body, status) in [
        (calculation, none, 400),
        (calculation, r#"{"calculationType":"GUESS"}"#, 400),
        (calculation, "", 400),
        (rules, "", 400),
        (rules, r#"[{"ruleType":"SPEED"}]"#, 400),
        (rules, r#"[{"ruleType":"PRICE_RANGE"}]"#, 400),
        (rules, r#"[{"ruleType":"PRICE_RANGE","bidLimitMultUp":"0"}]"#, 400),
        // Its price does not come from outside.
        (price, r#"{"referencePrice":"10"}"#, 400),
        (
            "/keel/symbol/ETHUSDT/reference_price",
            r#"{"referencePrice":"0"}"#,
            400,
        ),
        (
            "/keel/symbol/ETHUSDT/reference_price",
            r#"{"referencePrice":10}"#,
            400,
        ),
        ("/keel/symbol/ETHUSDT/reference_price", "{}", 400),
        (
            "/keel/symbol/NONE/reference_price",
            r#"{"referencePrice":"10"}"#,
            404,
        ),
        ("/keel/symbol/NONE/execution_rules", "[]", 404),
        ("/keel/symbol/NONE/reference_price/calculation", "null", 404),
        ("/keel/exchange_filters", "", 400),
        (
            "/keel/exchange_filters",
            r#"[{"filterType":"MAX_NUM_ORDERS","maxNumOrders":5}]"#,
            400,
        ),
        ("/keel/account/nobody/asset_filters", "[]", 404),
        ("/keel/account/hmac-key/asset_filters", "nonsense", 400),
        (
            "/keel/account/hmac-key/asset_filters",
            r#"[{"filterType":"MAX_NUM_ORDERS","maxNumOrders":5}]"#,
            400,
        ),
    ] {
        let (told, answer) = post(&mut venue, path, body);
        assert_eq!(told, status, "{path} {body} {answer}");
        assert!(
            answer["error"].is_string() && answer["remedy"].is_string(),
            "{answer}"
        );
    }
}

#[test]
fn the_operator_changes_the_filters_over_all_pairs_and_of_assets() {
    let mut venue = ruled();
    let filters = json!([{ "filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1 }]);
    let (status, told) = post(&mut venue, "/keel/exchange_filters", &filters.to_string());
    assert_eq!((status, &told), (200, &filters));
    let order = || Venue::limit_order("BUY", "60000", "0.001");
    venue.signed(Method::Post, ORDER, order()).ok();
    let refused = venue.signed(Method::Post, ORDER, order());
    assert_eq!(
        refused.refusal(),
        (400, -1013, "Filter failure: EXCHANGE_MAX_NUM_ORDERS")
    );
    assert_eq!(post(&mut venue, "/keel/exchange_filters", "[]").0, 200);
    let filters = json!([{ "filterType": "MAX_ASSET", "asset": "BTC", "limit": "0.00050000" }]);
    let path = "/keel/account/hmac-key/asset_filters";
    let (status, told) = post(&mut venue, path, &filters.to_string());
    assert_eq!((status, &told), (200, &filters));
    let refused = venue.signed(Method::Post, ORDER, order());
    assert_eq!(refused.refusal(), (400, -1013, "Filter failure: MAX_ASSET"));
    assert_eq!(post(&mut venue, path, "[]").0, 200);
    venue.signed(Method::Post, ORDER, order()).ok();
}
