//! Run reports and statements: one HTML page with plots, CSV and JSON.
//!
//! The page is a single file without scripts or outside resources. What it tells comes in as plain data, so this crate
//! depends on words and numbers alone.

mod data;
mod format;
mod html;
mod plot;

pub use data::{
    AssetLine, Fill, OrderCounts, PositionLine, QuotePnl, RunReport, RunTitle, Sample, SymbolChart,
};
