//! Filters over all pairs and of assets on the wire (filters.md; errors.md, "Filter failures"; rest-api.md, "Query
//! relevant filters").

use keel_binance_wire::params::Params;
use keel_domain::{ExchangeLimits, MaxAsset};
use keel_sim_exchange::core::ExchangeConfig;
use keel_sim_exchange::protocol::{Limits, Method};
use serde_json::{Value, json};

use crate::common::{HMAC_KEY, Venue, hmac};

const ORDER: &str = "/api/v3/order";
const OCO: &str = "/api/v3/orderList/oco";

fn of(query: &str) -> Params {
    Params::parse(query).unwrap()
}

fn with(limits: ExchangeLimits, most: &[(&str, i64)]) -> Venue {
    let mut config = ExchangeConfig::with_default_markets(7);
    config.limits = limits;
    let mut account = Venue::account("hmac");
    account.max_assets = most
        .iter()
        .map(|(asset, limit)| MaxAsset {
            asset: asset.parse().unwrap(),
            limit: (*limit).into(),
        })
        .collect();
    config.accounts = vec![account, Venue::account("ed25519"), Venue::account("rsa")];
    Venue::of_config(config, Limits::default())
}

const STOP: &str =
    "symbol=ETHUSDT&side=BUY&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=0.1&stopPrice=4000&price=4000";
const ICEBERG: &str =
    "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=60000&icebergQty=0.005";
const LIST: &str = "symbol=BTCUSDT&side=SELL&quantity=0.001&aboveType=LIMIT_MAKER&abovePrice=70000\
                    &belowType=STOP_LOSS&belowStopPrice=60000";

#[test]
fn what_goes_beyond_a_filter_is_refused_with_its_name() {
    let none = ExchangeLimits::default();
    for (limits, path, order, name) in [
        (
            ExchangeLimits {
                max_num_orders: Some(0),
                ..none
            },
            ORDER,
            ICEBERG,
            "EXCHANGE_MAX_NUM_ORDERS",
        ),
        (
            ExchangeLimits {
                max_num_algo_orders: Some(0),
                ..none
            },
            ORDER,
            STOP,
            "EXCHANGE_MAX_NUM_ALGO_ORDERS",
        ),
        (
            ExchangeLimits {
                max_num_iceberg_orders: Some(0),
                ..none
            },
            ORDER,
            ICEBERG,
            "EXCHANGE_MAX_NUM_ICEBERG_ORDERS",
        ),
        (
            ExchangeLimits {
                max_num_order_lists: Some(0),
                ..none
            },
            OCO,
            LIST,
            "EXCHANGE_MAX_NUM_ORDER_LISTS",
        ),
    ] {
        let text = format!("Filter failure: {name}");
        let mut venue = with(limits, &[]);
        let answer = venue.signed(Method::Post, path, of(order));
        assert_eq!(answer.refusal(), (400, -1013, text.as_str()));
        // Without the filter it is taken.
        let mut venue = with(none, &[]);
        venue.signed(Method::Post, path, of(order)).ok();
    }
    let mut venue = with(none, &[("ETH", 0)]);
    let answer = venue.signed(Method::Post, ORDER, of(STOP));
    assert_eq!(answer.refusal(), (400, -1013, "Filter failure: MAX_ASSET"));
    venue.signed(Method::Post, ORDER, of(ICEBERG)).ok();
}

#[test]
fn exchange_info_and_my_filters_tell_them() {
    let limits = ExchangeLimits {
        max_num_orders: Some(1_000),
        max_num_algo_orders: Some(200),
        max_num_iceberg_orders: Some(10_000),
        max_num_order_lists: Some(20),
    };
    let mut venue = with(limits, &[("ETH", 42), ("BTC", 7), ("JPY", 1)]);
    let documented = json!([
        { "filterType": "EXCHANGE_MAX_NUM_ORDERS", "maxNumOrders": 1000 },
        { "filterType": "EXCHANGE_MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 200 },
        { "filterType": "EXCHANGE_MAX_NUM_ICEBERG_ORDERS", "maxNumIcebergOrders": 10000 },
        { "filterType": "EXCHANGE_MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20 },
    ]);
    let info = venue.get("/api/v3/exchangeInfo?symbol=ETHUSDT").ok();
    assert_eq!(info["exchangeFilters"], documented);
    let before = weight(&venue.get("/api/v3/ping").headers);
    let answer = venue.signed(Method::Get, "/api/v3/myFilters", of("symbol=ETHUSDT"));
    assert_eq!(weight(&answer.headers), before + 40);
    let told = answer.ok();
    assert_eq!(told["exchangeFilters"], documented);
    assert_eq!(told["symbolFilters"], info["symbols"][0]["filters"]);
    // Those of the two assets that the pair is about.
    let most = json!([{ "filterType": "MAX_ASSET", "asset": "ETH", "limit": "42.00000000" }]);
    assert_eq!(told["assetFilters"], most);
    let id = venue.open("/ws-api/v3");
    let params = venue.ws_signed(HMAC_KEY, &hmac(), of("symbol=ETHUSDT"));
    assert_eq!(venue.ask(id, "myFilters", params)["result"], told);
    for (query, code) in [("symbol=NONE", -1121), ("recvWindow=5000", -1102)] {
        let answer = venue.signed(Method::Get, "/api/v3/myFilters", of(query));
        assert_eq!(answer.refusal().1, code, "{query}");
    }
}

#[test]
fn limits_of_assets_are_told_to_their_account_only_and_there_are_none_by_default() {
    let mut venue = with(ExchangeLimits::default(), &[("BTC", 7)]);
    let id = venue.open("/ws-api/v3");
    let mut told = |api_key: &str, key: keel_binance_wire::signing::SigningKey| -> Value {
        let params = venue.ws_signed(api_key, &key, of("symbol=BTCUSDT"));
        venue.ask(id, "myFilters", params)["result"].clone()
    };
    let own = told(HMAC_KEY, hmac());
    let others = told(crate::common::ED25519_KEY, crate::common::ed25519());
    assert_eq!(own["assetFilters"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&others["assetFilters"], &others["exchangeFilters"]),
        (&json!([]), &json!([]))
    );
}

fn weight(headers: &std::collections::BTreeMap<&'static str, String>) -> u32 {
    headers["x-mbx-used-weight-1m"].parse().unwrap()
}
