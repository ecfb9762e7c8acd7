//! Bodies of REST answers, which are the WS API's results too (rest-api.md).

use keel_domain::{Money, Price, Qty};
use serde::{Deserialize, Deserializer, Serialize};

use crate::enums::{WireOrderStatus, WireOrderType, WireSide, WireSymbolStatus, WireTimeInForce};
pub use crate::filters::Filter;
use crate::number;
use crate::sor::Sor;

/// `GET /api/v3/time`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerTime {
    /// Milliseconds.
    pub server_time: i64,
}

/// `GET /api/v3/exchangeInfo`, the fields that are used here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExchangeInfo {
    /// Always "UTC".
    pub timezone: String,
    /// Milliseconds.
    pub server_time: i64,
    /// Limits of requests and orders.
    pub rate_limits: Vec<RateLimit>,
    /// Filters over all pairs.
    pub exchange_filters: Vec<Filter>,
    /// The pairs.
    pub symbols: Vec<SymbolInfo>,
    /// Where orders are routed over several books; not told where they are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sors: Vec<Sor>,
}

/// One limit, with its use where the venue tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// REQUEST_WEIGHT, ORDERS or RAW_REQUESTS.
    pub rate_limit_type: String,
    /// SECOND, MINUTE or DAY.
    pub interval: String,
    /// How many of them.
    pub interval_num: u32,
    /// The most in one interval.
    pub limit: u32,
    /// Used in this interval.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<u32>,
}

/// One pair in `exchangeInfo`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the venue's own flags")]
pub struct SymbolInfo {
    /// The pair.
    pub symbol: String,
    /// Whether it trades.
    pub status: WireSymbolStatus,
    /// Base asset.
    pub base_asset: String,
    /// Places of base amounts.
    pub base_asset_precision: u32,
    /// Quote asset.
    pub quote_asset: String,
    /// Places of quote amounts.
    pub quote_precision: u32,
    /// Places of quote amounts.
    pub quote_asset_precision: u32,
    /// Places of commissions in base.
    pub base_commission_precision: u32,
    /// Places of commissions in quote.
    pub quote_commission_precision: u32,
    /// What order types it takes.
    pub order_types: Vec<WireOrderType>,
    /// Icebergs.
    pub iceberg_allowed: bool,
    /// One-cancels-the-other lists.
    pub oco_allowed: bool,
    /// One-triggers-the-other lists.
    #[serde(default)]
    pub oto_allowed: bool,
    /// One-pays-the-other lists.
    #[serde(default)]
    pub opo_allowed: bool,
    /// Market orders by quote amount.
    pub quote_order_qty_market_allowed: bool,
    /// Trailing stops.
    pub allow_trailing_stop: bool,
    /// Cancel and replace in one request.
    pub cancel_replace_allowed: bool,
    /// Amending in place.
    #[serde(default)]
    pub amend_allowed: bool,
    /// Pegged orders.
    #[serde(default)]
    pub peg_instructions_allowed: bool,
    /// Spot trading.
    pub is_spot_trading_allowed: bool,
    /// Margin trading.
    pub is_margin_trading_allowed: bool,
    /// The rules for orders.
    pub filters: Vec<Filter>,
    /// Deprecated, empty.
    pub permissions: Vec<String>,
    /// Who may trade.
    #[serde(default)]
    pub permission_sets: Vec<Vec<String>>,
    /// Self-trade prevention where the order names none.
    pub default_self_trade_prevention_mode: String,
    /// Self-trade prevention that orders may name.
    pub allowed_self_trade_prevention_modes: Vec<String>,
}

/// One level: price and quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireLevel(
    /// Price.
    #[serde(with = "number")]
    pub Price,
    /// Quantity; zero removes the level.
    #[serde(with = "number")]
    pub Qty,
);

/// `GET /api/v3/depth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Depth {
    /// The last update in it.
    pub last_update_id: u64,
    /// Buy levels, best first.
    pub bids: Vec<WireLevel>,
    /// Sell levels, best first.
    pub asks: Vec<WireLevel>,
}

/// One trade of `GET /api/v3/trades`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecentTrade {
    /// Trade id.
    pub id: u64,
    /// Price.
    #[serde(with = "number")]
    pub price: Price,
    /// Base quantity.
    #[serde(with = "number")]
    pub qty: Qty,
    /// Value.
    #[serde(with = "number")]
    pub quote_qty: Money,
    /// Milliseconds.
    pub time: i64,
    /// Whether the seller took.
    pub is_buyer_maker: bool,
    /// Always true.
    pub is_best_match: bool,
}

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

/// One asset of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireBalance {
    /// The asset.
    pub asset: String,
    /// Spendable.
    #[serde(with = "number")]
    pub free: Money,
    /// Held by open orders.
    #[serde(with = "number")]
    pub locked: Money,
}

/// Commission rates as fractions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommissionRates {
    /// Resting.
    #[serde(with = "number")]
    pub maker: Money,
    /// Taking.
    #[serde(with = "number")]
    pub taker: Money,
    /// Buying, on top.
    #[serde(with = "number")]
    pub buyer: Money,
    /// Selling, on top.
    #[serde(with = "number")]
    pub seller: Money,
}

/// `GET /api/v3/account`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "the venue's own flags")]
pub struct Account {
    /// Maker rate in hundredths of a percent.
    pub maker_commission: i64,
    /// Taker rate in hundredths of a percent.
    pub taker_commission: i64,
    /// Buyer rate in hundredths of a percent.
    pub buyer_commission: i64,
    /// Seller rate in hundredths of a percent.
    pub seller_commission: i64,
    /// The rates as fractions.
    pub commission_rates: CommissionRates,
    /// May trade.
    pub can_trade: bool,
    /// May withdraw.
    pub can_withdraw: bool,
    /// May deposit.
    pub can_deposit: bool,
    /// Belongs to a broker.
    pub brokered: bool,
    /// Must name a self-trade prevention.
    pub require_self_trade_prevention: bool,
    /// Smart order routing is off.
    pub prevent_sor: bool,
    /// When the balances last changed; milliseconds.
    pub update_time: i64,
    /// SPOT.
    pub account_type: String,
    /// The assets.
    pub balances: Vec<WireBalance>,
    /// What it may do.
    pub permissions: Vec<String>,
    /// Names the account.
    pub uid: u64,
}
