//! Run reports: one HTML page with plots, and JSON.
//!
//! The page is a single file without scripts or outside resources. The money identity is computed here, from balances and
//! trades alone, by no code that trades:
//!
//! ```
//! use std::collections::BTreeMap;
//! use keel_domain::{Asset, Money};
//! use keel_report::money_identity;
//!
//! let usdt: Asset = "USDT".parse()?;
//! let balance = BTreeMap::from([(usdt, Money::from(100))]);
//! let lines = money_identity(&balance, &balance, []);
//! assert!(lines.iter().all(|line| line.difference.is_zero()));
//! # Ok::<(), keel_domain::IdError>(())
//! ```

mod data;
mod format;
mod html;
mod identity;
mod plot;

pub use data::{
    AssetLine, Fill, OrderCounts, PositionLine, QuotePnl, RunReport, RunTitle, Sample, SymbolChart,
};
pub use identity::{BookedTrade, money_identity};
