//! Bodies of REST answers, which are the WS API's results too (rest-api.md).

use keel_domain::{Money, Price, Qty};
use serde::{Deserialize, Serialize};

use crate::enums::{WireOrderType, WireSymbolStatus};
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

/// `GET /sapi/v1/account/apiRestrictions`: what the key may do. A right that is not told is not there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "the venue's own flags")]
pub struct ApiRestrictions {
    /// Bound to addresses.
    pub ip_restrict: bool,
    /// Account data.
    pub enable_reading: bool,
    /// Orders.
    pub enable_spot_and_margin_trading: bool,
    /// Withdrawals.
    pub enable_withdrawals: bool,
    /// Transfers to another user.
    pub enable_internal_transfer: bool,
    /// Transfers between accounts of one user.
    pub permits_universal_transfer: bool,
    /// Margin.
    pub enable_margin: bool,
    /// Futures.
    pub enable_futures: bool,
    /// Options.
    pub enable_vanilla_options: bool,
    /// Portfolio margin.
    pub enable_portfolio_margin_trading: bool,
}

/// `GET /api/v3/account/commission`: what the account pays on trades of one pair.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountCommission {
    /// The pair.
    pub symbol: String,
    /// The usual commission.
    pub standard_commission: CommissionRates,
    /// On top, for some pairs; not told by every venue.
    #[serde(default)]
    pub special_commission: Option<CommissionRates>,
    /// On top, by law.
    pub tax_commission: CommissionRates,
    /// The lower commission in an asset of the venue's.
    pub discount: CommissionDiscount,
}

/// The lower standard commission where it is paid in an asset of the venue's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommissionDiscount {
    /// The account asked for it.
    pub enabled_for_account: bool,
    /// The pair takes part.
    pub enabled_for_symbol: bool,
    /// What is paid in.
    pub discount_asset: String,
}
