//! The names of the venue's filters.

use serde::{Deserialize, Serialize};

/// A venue's filter that an order does not pass. Its text is the venue's name of the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error, Serialize, Deserialize)]
pub enum FilterFailure {
    /// Price or stop price outside its bounds or off the tick.
    #[error("PRICE_FILTER")]
    Price,
    /// Price too far from the market's.
    #[error("PERCENT_PRICE")]
    PercentPrice,
    /// Price too far from the market's for its side.
    #[error("PERCENT_PRICE_BY_SIDE")]
    PercentPriceBySide,
    /// Quantity, or displayed quantity, outside its bounds or off the step.
    #[error("LOT_SIZE")]
    LotSize,
    /// Quantity of a market order outside its bounds or off the step.
    #[error("MARKET_LOT_SIZE")]
    MarketLotSize,
    /// Value too small, by the older rule.
    #[error("MIN_NOTIONAL")]
    MinNotional,
    /// Value outside its bounds.
    #[error("NOTIONAL")]
    Notional,
    /// Iceberg of too many parts.
    #[error("ICEBERG_PARTS")]
    IcebergParts,
    /// Trailing delta outside its bounds.
    #[error("TRAILING_DELTA")]
    TrailingDelta,
    /// Too many open orders.
    #[error("MAX_NUM_ORDERS")]
    MaxNumOrders,
    /// Too many open orders that wait for a trigger.
    #[error("MAX_NUM_ALGO_ORDERS")]
    MaxNumAlgoOrders,
    /// Too many open icebergs.
    #[error("MAX_NUM_ICEBERG_ORDERS")]
    MaxNumIcebergOrders,
    /// Too much base held or about to be bought.
    #[error("MAX_POSITION")]
    MaxPosition,
    /// Amended too often.
    #[error("MAX_NUM_ORDER_AMENDS")]
    MaxNumOrderAmends,
    /// Too many open order lists.
    #[error("MAX_NUM_ORDER_LISTS")]
    MaxNumOrderLists,
    /// Too many open orders over all pairs.
    #[error("EXCHANGE_MAX_NUM_ORDERS")]
    ExchangeMaxNumOrders,
    /// Too many open orders over all pairs that wait for a trigger.
    #[error("EXCHANGE_MAX_NUM_ALGO_ORDERS")]
    ExchangeMaxNumAlgoOrders,
    /// Too many open icebergs over all pairs.
    #[error("EXCHANGE_MAX_NUM_ICEBERG_ORDERS")]
    ExchangeMaxNumIcebergOrders,
    /// Too many open order lists over all pairs.
    #[error("EXCHANGE_MAX_NUM_ORDER_LISTS")]
    ExchangeMaxNumOrderLists,
    /// Too much of an asset in one order.
    #[error("MAX_ASSET")]
    MaxAsset,
}
