//! Run reports and statements: one HTML page with plots, CSV and JSON.
//!
//! The page is a single file without scripts or outside resources. What it tells comes in as plain data, so this crate
//! depends on words and numbers alone.
//!
//! ```
//! use keel_domain::Money;
//! use keel_report::{DayEnd, Statistics};
//!
//! let day = |equity: i64, transferred: i64| DayEnd { equity: equity.into(), transferred: transferred.into() };
//! // Ten percent, and then a deposit, which is no gain.
//! let statistics = Statistics::new(&[day(100, 0), day(110, 0), day(160, 50)], &[Money::from(10)]);
//! assert!(statistics.total_return.is_some_and(|total| (total - 0.1).abs() < 1e-12));
//! assert_eq!(statistics.win_rate, Some(1.0));
//! ```

mod csv;
mod data;
mod format;
mod html;
mod plot;
mod statement;
mod statistics;

pub use data::{
    AssetLine, Fill, MoneyLine, OrderCounts, PositionLine, QuotePnl, RunReport, RunTitle, Sample, SymbolChart,
};
pub use statement::{DayLine, Statement, StatementOrder, StatementTrade, TradeLine};
pub use statistics::{DayEnd, Statistics};
