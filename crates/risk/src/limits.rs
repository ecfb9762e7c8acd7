//! The limits an operator sets. There is no default and no way to switch one off.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{Money, Qty, Symbol};
use serde::Serialize;

/// A limit that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// A limit of zero or less forbids everything; to forbid, leave the symbol out.
    #[error("risk limit {name} is {value}: it must be above zero")]
    NotPositive {
        /// Which limit.
        name: String,
        /// What was given.
        value: String,
    },
    /// No symbol is allowed.
    #[error("no symbol has risk limits: add [risk.per_symbol.SYMBOL] with order_qty_max, order_notional_max and position_max")]
    NoSymbol,
}

/// The limits of one symbol. Being listed puts the symbol on the allow-list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SymbolLimits {
    /// The most base one order may have.
    pub order_qty_max: Qty,
    /// The most quote one order may be worth.
    pub order_notional_max: Money,
    /// The most base that may be held, counting all that may still trade.
    pub position_max: Qty,
}

/// All limits, as an operator means them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RiskLimits {
    /// Limits of each allowed symbol.
    pub per_symbol: BTreeMap<Symbol, SymbolLimits>,
    /// The most orders in any ten seconds.
    pub orders_per_10s_max: u32,
    /// How far through the market a limit price may be, in hundredths of a percent.
    pub collar_through_bps: u32,
    /// How far away from the market a limit price may be, in hundredths of a percent.
    pub collar_away_bps: u32,
    /// The oldest book that gives a price.
    pub book_age_max: Duration,
}
