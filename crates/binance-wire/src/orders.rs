//! What an order's answer and its event have only under conditions (rest-api.md, user-data-stream.md).

use keel_domain::{Money, Price, Qty};
use serde::{Deserialize, Serialize};

use crate::number;

/// Fields that an order's answer has only where they mean something ("Conditional fields in Order Responses").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConditionalFields {
    /// Stop price.
    #[serde(with = "number::option", default, skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Price>,
    /// Displayed part of an iceberg.
    #[serde(with = "number::option", default, skip_serializing_if = "Option::is_none")]
    pub iceberg_qty: Option<Qty>,
    /// Trailing delta, in hundredths of a percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trailing_delta: Option<u32>,
    /// When a trailing order began to follow the price; milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trailing_time: Option<i64>,
    /// The client's number of a strategy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy_id: Option<i64>,
    /// The client's number of a kind of strategy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy_type: Option<i64>,
    /// The latest prevented match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prevented_match_id: Option<u64>,
    /// What self-trade prevention took away.
    #[serde(with = "number::option", default, skip_serializing_if = "Option::is_none")]
    pub prevented_quantity: Option<Qty>,
    /// Which side of the book a pegged order's price comes from: `PRIMARY_PEG`, `MARKET_PEG`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peg_price_type: Option<String>,
    /// Only `PRICE_LEVEL`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peg_offset_type: Option<String>,
    /// How many levels behind the best one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peg_offset_value: Option<u8>,
    /// The price that was taken from the book.
    #[serde(with = "number::option", default, skip_serializing_if = "Option::is_none")]
    pub pegged_price: Option<Price>,
    /// True where the order uses smart order routing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_sor: Option<bool>,
    /// Where such an order was last active: `EXCHANGE`, `SOR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_floor: Option<String>,
}

/// Fields that an `executionReport` has only where they mean something ("Conditional Fields in Execution Report").
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ConditionalEventFields {
    /// Trailing delta, in hundredths of a percent.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub trailing_delta: Option<u32>,
    /// When a trailing order began to follow the price; milliseconds.
    #[serde(rename = "D", default, skip_serializing_if = "Option::is_none")]
    pub trailing_time: Option<i64>,
    /// The client's number of a strategy.
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    pub strategy_id: Option<i64>,
    /// The client's number of a kind of strategy.
    #[serde(rename = "J", default, skip_serializing_if = "Option::is_none")]
    pub strategy_type: Option<i64>,
    /// The latest prevented match.
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub prevented_match_id: Option<u64>,
    /// What self-trade prevention took away in all.
    #[serde(
        rename = "A",
        with = "number::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub prevented_qty: Option<Qty>,
    /// What it took away now.
    #[serde(
        rename = "B",
        with = "number::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub last_prevented_qty: Option<Qty>,
    /// The accounts' group in a prevented match.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub trade_group_id: Option<u64>,
    /// The other order of a prevented match.
    #[serde(rename = "U", default, skip_serializing_if = "Option::is_none")]
    pub counter_order_id: Option<u64>,
    /// That order's pair.
    #[serde(rename = "Cs", default, skip_serializing_if = "Option::is_none")]
    pub counter_symbol: Option<String>,
    /// What would have traded.
    #[serde(
        rename = "pl",
        with = "number::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub prevented_execution_qty: Option<Qty>,
    /// The price that it would have traded at.
    #[serde(
        rename = "pL",
        with = "number::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub prevented_execution_px: Option<Price>,
    /// The value that would have traded.
    #[serde(
        rename = "pY",
        with = "number::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub prevented_execution_quote: Option<Money>,
    /// Which side of the book a pegged order's price comes from: `PRIMARY_PEG`, `MARKET_PEG`.
    #[serde(rename = "gP", default, skip_serializing_if = "Option::is_none")]
    pub peg_price_type: Option<String>,
    /// Only `PRICE_LEVEL`.
    #[serde(rename = "gOT", default, skip_serializing_if = "Option::is_none")]
    pub peg_offset_type: Option<String>,
    /// How many levels behind the best one.
    #[serde(rename = "gOV", default, skip_serializing_if = "Option::is_none")]
    pub peg_offset_value: Option<u8>,
    /// The price that was taken from the book.
    #[serde(
        rename = "gp",
        with = "number::option",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub pegged_price: Option<Price>,
    /// `ONE_PARTY_TRADE_REPORT` where an allocation filled the order.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub match_type: Option<String>,
    /// The allocation.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub allocation_id: Option<u64>,
    /// Where an order that uses smart order routing was last active: `EXCHANGE`, `SOR`.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub working_floor: Option<String>,
    /// True where the order uses smart order routing.
    #[serde(rename = "uS", default, skip_serializing_if = "Option::is_none")]
    pub used_sor: Option<bool>,
}
