//! Reference prices, and the rules about the prices at which orders may trade (faqs/price_range_execution_rules.md).

use std::borrow::Cow;

use keel_domain::{Money, Price};
use serde::{Deserialize, Serialize};

use crate::number;

/// `GET /api/v3/executionRules`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionRules {
    /// The rules of each pair.
    pub symbol_rules: Vec<SymbolRules>,
}

/// The rules of one pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolRules {
    /// The pair.
    pub symbol: String,
    /// Its rules; often none.
    pub rules: Vec<ExecutionRule>,
}

/// A rule that is enforced when an order trades (enums.md, "Execution Rules").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ruleType", rename_all_fields = "camelCase")]
pub enum ExecutionRule {
    /// How far from the reference price a taking order may trade, as multiples of it. What is not there does not bind.
    #[serde(rename = "PRICE_RANGE")]
    PriceRange {
        /// The highest price of a buy.
        #[serde(with = "number::option", default, skip_serializing_if = "Option::is_none")]
        bid_limit_mult_up: Option<Money>,
        /// The lowest price of a buy.
        #[serde(with = "number::option", default, skip_serializing_if = "Option::is_none")]
        bid_limit_mult_down: Option<Money>,
        /// The highest price of a sell.
        #[serde(with = "number::option", default, skip_serializing_if = "Option::is_none")]
        ask_limit_mult_up: Option<Money>,
        /// The lowest price of a sell.
        #[serde(with = "number::option", default, skip_serializing_if = "Option::is_none")]
        ask_limit_mult_down: Option<Money>,
    },
    /// A rule that is not used here.
    #[serde(other, rename = "OTHER")]
    Other,
}

/// `GET /api/v3/referencePrice`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReferencePrice {
    /// The pair.
    pub symbol: String,
    /// The price; none where none is set.
    #[serde(with = "number::option")]
    pub reference_price: Option<Price>,
    /// When it was valid, ms.
    pub timestamp: i64,
}

/// `GET /api/v3/referencePrice/calculation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferencePriceCalculation {
    /// The pair.
    pub symbol: String,
    /// How its reference price comes about.
    #[serde(flatten)]
    pub calculation: Calculation,
}

/// How a reference price comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "calculationType", rename_all_fields = "camelCase")]
pub enum Calculation {
    /// The matching engine's mean of the prices of a moving window's trades.
    #[serde(rename = "ARITHMETIC_MEAN")]
    ArithmeticMean {
        /// Buckets of the window.
        bucket_count: u32,
        /// How long each is, ms.
        bucket_width_ms: u32,
    },
    /// Outside of the matching engine.
    #[serde(rename = "EXTERNAL")]
    External {
        /// The method.
        external_calculation_id: u32,
    },
}

/// A pair's reference price on its stream, each second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferencePriceEvent<'a> {
    /// "referencePrice".
    #[serde(rename = "e", borrow)]
    pub event: Cow<'a, str>,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// The price; none where none is set.
    #[serde(rename = "r", with = "number::option")]
    pub price: Option<Price>,
    /// When it was valid, ms.
    #[serde(rename = "t")]
    pub time: i64,
}
