//! A pair's rules as the venue lists them (filters.md).

mod account;
mod convert;

use keel_domain::{Money, Price, Qty};
use serde::{Deserialize, Serialize};

use crate::number;
pub use account::{MyFilters, asset_filters, exchange_filters, exchange_limits, max_assets};
pub(crate) use convert::{Filters, list};

/// A pair's rule (filters.md). Those that are not used here are kept as `Other`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "filterType", rename_all_fields = "camelCase")]
pub enum Filter {
    /// Bounds and tick of prices.
    #[serde(rename = "PRICE_FILTER")]
    Price {
        /// Lowest.
        #[serde(with = "number")]
        min_price: Price,
        /// Highest.
        #[serde(with = "number")]
        max_price: Price,
        /// Step.
        #[serde(with = "number")]
        tick_size: Price,
    },
    /// Bounds and step of quantities.
    #[serde(rename = "LOT_SIZE")]
    LotSize {
        /// Smallest.
        #[serde(with = "number")]
        min_qty: Qty,
        /// Largest.
        #[serde(with = "number")]
        max_qty: Qty,
        /// Step.
        #[serde(with = "number")]
        step_size: Qty,
    },
    /// The same for market orders.
    #[serde(rename = "MARKET_LOT_SIZE")]
    MarketLotSize {
        /// Smallest.
        #[serde(with = "number")]
        min_qty: Qty,
        /// Largest.
        #[serde(with = "number")]
        max_qty: Qty,
        /// Step.
        #[serde(with = "number")]
        step_size: Qty,
    },
    /// Bounds of an order's value.
    #[serde(rename = "NOTIONAL")]
    Notional {
        /// Least.
        #[serde(with = "number")]
        min_notional: Money,
        /// Whether it binds market orders.
        apply_min_to_market: bool,
        /// Most.
        #[serde(with = "number")]
        max_notional: Money,
        /// Whether it binds market orders.
        apply_max_to_market: bool,
        /// Minutes of the average price.
        avg_price_mins: u32,
    },
    /// The older form of the lower bound.
    #[serde(rename = "MIN_NOTIONAL")]
    MinNotional {
        /// Least.
        #[serde(with = "number")]
        min_notional: Money,
        /// Whether it binds market orders.
        apply_to_market: bool,
        /// Minutes of the average price.
        avg_price_mins: u32,
    },
    /// A band around the market's price.
    #[serde(rename = "PERCENT_PRICE")]
    PercentPrice {
        /// Highest multiple.
        #[serde(with = "number")]
        multiplier_up: Money,
        /// Lowest multiple.
        #[serde(with = "number")]
        multiplier_down: Money,
        /// Minutes of the average price.
        avg_price_mins: u32,
    },
    /// A band around the market's price for each side.
    #[serde(rename = "PERCENT_PRICE_BY_SIDE")]
    PercentPriceBySide {
        /// Highest multiple of a buy.
        #[serde(with = "number")]
        bid_multiplier_up: Money,
        /// Lowest multiple of a buy.
        #[serde(with = "number")]
        bid_multiplier_down: Money,
        /// Highest multiple of a sell.
        #[serde(with = "number")]
        ask_multiplier_up: Money,
        /// Lowest multiple of a sell.
        #[serde(with = "number")]
        ask_multiplier_down: Money,
        /// Minutes of the average price.
        avg_price_mins: u32,
    },
    /// Most parts of an iceberg.
    #[serde(rename = "ICEBERG_PARTS")]
    IcebergParts {
        /// Most.
        limit: u32,
    },
    /// Bounds of trailing deltas, in hundredths of a percent.
    #[serde(rename = "TRAILING_DELTA")]
    TrailingDelta {
        /// Least above the market.
        min_trailing_above_delta: u32,
        /// Most above the market.
        max_trailing_above_delta: u32,
        /// Least below the market.
        min_trailing_below_delta: u32,
        /// Most below the market.
        max_trailing_below_delta: u32,
    },
    /// Most open orders.
    #[serde(rename = "MAX_NUM_ORDERS")]
    MaxNumOrders {
        /// Most.
        max_num_orders: u32,
    },
    /// Most open orders that wait for a trigger.
    #[serde(rename = "MAX_NUM_ALGO_ORDERS")]
    MaxNumAlgoOrders {
        /// Most.
        max_num_algo_orders: u32,
    },
    /// Most open icebergs.
    #[serde(rename = "MAX_NUM_ICEBERG_ORDERS")]
    MaxNumIcebergOrders {
        /// Most.
        max_num_iceberg_orders: u32,
    },
    /// Most base held or about to be bought.
    #[serde(rename = "MAX_POSITION")]
    MaxPosition {
        /// Most.
        #[serde(with = "number")]
        max_position: Qty,
    },
    /// Most amends of one order.
    #[serde(rename = "MAX_NUM_ORDER_AMENDS")]
    MaxNumOrderAmends {
        /// Most.
        max_num_order_amends: u32,
    },
    /// Most open order lists.
    #[serde(rename = "MAX_NUM_ORDER_LISTS")]
    MaxNumOrderLists {
        /// Most.
        max_num_order_lists: u32,
    },
    /// Most open orders over all pairs.
    #[serde(rename = "EXCHANGE_MAX_NUM_ORDERS")]
    ExchangeMaxNumOrders {
        /// Most.
        max_num_orders: u32,
    },
    /// Most open orders over all pairs that wait for a trigger.
    #[serde(rename = "EXCHANGE_MAX_NUM_ALGO_ORDERS")]
    ExchangeMaxNumAlgoOrders {
        /// Most.
        max_num_algo_orders: u32,
    },
    /// Most open icebergs over all pairs.
    #[serde(rename = "EXCHANGE_MAX_NUM_ICEBERG_ORDERS")]
    ExchangeMaxNumIcebergOrders {
        /// Most.
        max_num_iceberg_orders: u32,
    },
    /// Most open order lists over all pairs.
    #[serde(rename = "EXCHANGE_MAX_NUM_ORDER_LISTS")]
    ExchangeMaxNumOrderLists {
        /// Most.
        max_num_order_lists: u32,
    },
    /// Most of an asset in one order of the account.
    #[serde(rename = "MAX_ASSET")]
    MaxAsset {
        /// The asset.
        asset: String,
        /// Most.
        #[serde(with = "number")]
        limit: Money,
    },
    /// A rule that is not used here.
    #[serde(other, rename = "OTHER")]
    Other,
}
