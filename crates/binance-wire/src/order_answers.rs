//! What the venue answers of orders and of an account's trades, on REST and on the WS API (rest-api.md, "Trading endpoints").

use keel_domain::{Money, Price, Qty};
use serde::{Deserialize, Deserializer, Serialize};

use crate::enums::{WireOrderStatus, WireOrderType, WireSide, WireTimeInForce};
use crate::number;

/// One execution in a FULL answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fill {
    /// Price.
    #[serde(with = "number")]
    pub price: Price,
    /// Base quantity.
    #[serde(with = "number")]
    pub qty: Qty,
    /// Commission.
    #[serde(with = "number")]
    pub commission: Money,
    /// Its asset.
    pub commission_asset: String,
    /// Trade id; -1 where the order was filled by an allocation.
    pub trade_id: i64,
    /// `ONE_PARTY_TRADE_REPORT` where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_type: Option<String>,
    /// The allocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alloc_id: Option<u64>,
}

/// The answer to a new order: ACK has the first five fields, RESULT the next, FULL the fills too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderPlaced {
    /// The pair.
    pub symbol: String,
    /// The venue's id.
    pub order_id: u64,
    /// -1, unless part of a list.
    pub order_list_id: i64,
    /// Our id.
    pub client_order_id: String,
    /// Milliseconds.
    pub transact_time: i64,
    /// The state, from RESULT on.
    #[serde(
        flatten,
        deserialize_with = "told_state",
        skip_serializing_if = "Option::is_none"
    )]
    pub result: Option<OrderResult>,
    /// The executions, in FULL.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fills: Option<Vec<Fill>>,
}

/// The answer to a new order list, as far as it is read: its orders, each as a new order is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderListPlaced {
    /// The orders.
    pub order_reports: Vec<OrderPlaced>,
}

/// An answer with a status tells the whole state; one whose state cannot be read is no ACK, but an error.
fn told_state<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<OrderResult>, D::Error> {
    let rest = serde_json::Map::deserialize(deserializer)?;
    if !rest.contains_key("status") {
        return Ok(None);
    }
    serde_json::from_value(serde_json::Value::Object(rest))
        .map(Some)
        .map_err(serde::de::Error::custom)
}

/// An order's state in the answer to a new order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderResult {
    /// Limit price; zero for a market order.
    #[serde(with = "number")]
    pub price: Price,
    /// Ordered quantity.
    #[serde(with = "number")]
    pub orig_qty: Qty,
    /// Traded quantity.
    #[serde(with = "number")]
    pub executed_qty: Qty,
    /// Ordered value, for market orders by value.
    #[serde(with = "number")]
    pub orig_quote_order_qty: Money,
    /// Traded value (the venue's spelling).
    #[serde(with = "number")]
    pub cummulative_quote_qty: Money,
    /// Status.
    pub status: WireOrderStatus,
    /// Time in force.
    pub time_in_force: WireTimeInForce,
    /// Type.
    #[serde(rename = "type")]
    pub order_type: WireOrderType,
    /// Side.
    pub side: WireSide,
    /// When it began to work; milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub working_time: Option<i64>,
    /// Self-trade prevention.
    pub self_trade_prevention_mode: String,
    /// Why it expired.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expiry_reason: Option<String>,
}

/// An order as `GET /api/v3/order`, `openOrders` and `allOrders` tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderStatusReport {
    /// The pair.
    pub symbol: String,
    /// The venue's id.
    pub order_id: u64,
    /// -1, unless part of a list.
    pub order_list_id: i64,
    /// Our id.
    pub client_order_id: String,
    /// Limit price; zero for a market order.
    #[serde(with = "number")]
    pub price: Price,
    /// Ordered quantity.
    #[serde(with = "number")]
    pub orig_qty: Qty,
    /// Traded quantity.
    #[serde(with = "number")]
    pub executed_qty: Qty,
    /// Traded value (the venue's spelling).
    #[serde(with = "number")]
    pub cummulative_quote_qty: Money,
    /// Status.
    pub status: WireOrderStatus,
    /// Time in force.
    pub time_in_force: WireTimeInForce,
    /// Type.
    #[serde(rename = "type")]
    pub order_type: WireOrderType,
    /// Side.
    pub side: WireSide,
    /// Stop price; zero without one.
    #[serde(with = "number")]
    pub stop_price: Price,
    /// Displayed part of an iceberg; zero without one.
    #[serde(with = "number")]
    pub iceberg_qty: Qty,
    /// When it came; milliseconds.
    pub time: i64,
    /// When it last changed; milliseconds.
    pub update_time: i64,
    /// Whether it is in the book or was.
    pub is_working: bool,
    /// When it began to work; milliseconds.
    pub working_time: i64,
    /// Ordered value, for market orders by value.
    #[serde(with = "number")]
    pub orig_quote_order_qty: Money,
    /// Self-trade prevention.
    pub self_trade_prevention_mode: String,
    /// Why it expired.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expiry_reason: Option<String>,
}

/// The answer to the cancel of an order: of it alone, or of the whole list that it is part of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Canceled {
    /// A list, as far as it is read.
    List {
        /// Its orders.
        #[serde(rename = "orderReports")]
        order_reports: Vec<OrderCanceled>,
    },
    /// An order.
    Order(Box<OrderCanceled>),
}

/// The answer to a cancel. `client_order_id` is the cancel's own; the order's is `orig_client_order_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderCanceled {
    /// The pair.
    pub symbol: String,
    /// The order's client order id.
    pub orig_client_order_id: String,
    /// The venue's id of the order.
    pub order_id: u64,
    /// -1, unless part of a list.
    pub order_list_id: i64,
    /// The cancel's own id.
    pub client_order_id: String,
    /// Milliseconds.
    pub transact_time: i64,
    /// Limit price.
    #[serde(with = "number")]
    pub price: Price,
    /// Ordered quantity.
    #[serde(with = "number")]
    pub orig_qty: Qty,
    /// Traded quantity.
    #[serde(with = "number")]
    pub executed_qty: Qty,
    /// Ordered value, for market orders by value.
    #[serde(with = "number")]
    pub orig_quote_order_qty: Money,
    /// Traded value (the venue's spelling).
    #[serde(with = "number")]
    pub cummulative_quote_qty: Money,
    /// CANCELED.
    pub status: WireOrderStatus,
    /// Time in force.
    pub time_in_force: WireTimeInForce,
    /// Type.
    #[serde(rename = "type")]
    pub order_type: WireOrderType,
    /// Side.
    pub side: WireSide,
    /// Self-trade prevention.
    pub self_trade_prevention_mode: String,
}

/// One trade of `GET /api/v3/myTrades`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MyTrade {
    /// The pair.
    pub symbol: String,
    /// Trade id.
    pub id: u64,
    /// The order that traded.
    pub order_id: u64,
    /// -1, unless part of a list.
    pub order_list_id: i64,
    /// Price.
    #[serde(with = "number")]
    pub price: Price,
    /// Base quantity.
    #[serde(with = "number")]
    pub qty: Qty,
    /// Value.
    #[serde(with = "number")]
    pub quote_qty: Money,
    /// Commission.
    #[serde(with = "number")]
    pub commission: Money,
    /// Its asset.
    pub commission_asset: String,
    /// Milliseconds.
    pub time: i64,
    /// Whether the account bought.
    pub is_buyer: bool,
    /// Whether the account's order rested.
    pub is_maker: bool,
    /// Always true.
    pub is_best_match: bool,
}
