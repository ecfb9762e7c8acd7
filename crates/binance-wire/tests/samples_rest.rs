//! REST answers against the samples of the venue's own documents (binance-spot-api-docs, 2026-07): every field that is
//! read has the sample's value, and what is written again reads as the same.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{money, read_back, value};
use keel_binance_wire::convert;
use keel_binance_wire::enums::{WireOrderStatus, WireSymbolStatus};
use keel_binance_wire::order_answers::{MyTrade, OrderCanceled, OrderPlaced, OrderStatusReport};
use keel_binance_wire::rest::{
    Account, AccountCommission, ApiRestrictions, Depth, ExchangeInfo, Filter, RecentTrade, ServerTime,
};
use keel_domain::{ExecType, OrdStatus, Side, Timestamp, TradeId};
use serde_json::Value;

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
    assert_eq!(
        (symbol.filters.len(), unused),
        (14, 0),
        "every documented filter is known"
    );

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

/// developers.binance.com/docs/wallet/account/api-key-permission
#[test]
fn what_a_key_may_do() {
    let told: ApiRestrictions = serde_json::from_str(sample!("api_restrictions")).expect("the sample");
    let expected = ApiRestrictions {
        enable_reading: true,
        enable_portfolio_margin_trading: true,
        ..ApiRestrictions::default()
    };
    assert_eq!(told, expected);
}

#[test]
fn commission_of_a_pair() {
    let told: AccountCommission = serde_json::from_str(sample!("account_commission")).expect("the sample");
    assert_eq!(told.symbol, "BTCUSDT");
    assert_eq!(told.standard_commission.taker, money("0.00000020"));
    let special = told.special_commission.expect("it is told");
    assert_eq!(special.seller, money("0.04"));
    assert_eq!(told.tax_commission.maker, money("0.00000112"));
    assert!(told.discount.enabled_for_account && told.discount.enabled_for_symbol);
    assert_eq!(told.discount.discount_asset, "BNB");
}
