//! Run reports and statements: one HTML page with plots, CSV and JSON.
//!
//! The page is a single file without scripts or outside resources. What it tells comes in as plain data, so this crate
//! depends on words and numbers alone.

mod csv;
mod data;
mod format;
mod html;
mod plot;
mod statement;
mod statistics;

pub use data::{
    AssetLine, Fill, OrderCounts, PositionLine, QuotePnl, RunReport, RunTitle, Sample, SymbolChart,
};
pub use statement::{DayLine, Statement, StatementOrder, StatementTrade, TradeLine};
pub use statistics::{DayEnd, Statistics};
