//! Smart order routing (faqs/sor_faq.md).

use keel_domain::{Money, Price, Qty};
use serde::{Deserialize, Serialize};

use crate::number;

/// Pairs of one base over whose books orders are routed (faqs/sor_faq.md).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sor {
    /// What all of them trade.
    pub base_asset: String,
    /// The pairs.
    pub symbols: Vec<String>,
}

/// An order's fill by smart order routing (myAllocations).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Allocation {
    /// The pair that the order was sent to.
    pub symbol: String,
    /// The allocation.
    pub allocation_id: u64,
    /// Always `SOR`.
    pub allocation_type: String,
    /// The order.
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
    /// Which way.
    pub is_buyer: bool,
    /// Always false: routing takes.
    pub is_maker: bool,
    /// Whether the account is the one that allocates.
    pub is_allocator: bool,
}
