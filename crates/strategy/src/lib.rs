//! The trait of a strategy, and two reference strategies.
//!
//! A strategy sees one symbol at a time and pushes wishes; the risk gate decides. It is synchronous and deterministic, so
//! it can be replayed, and it needs no venue to be tested:
//!
//! ```
//! use keel_strategy::{Quoter, QuoterSettings, Strategy};
//!
//! let quoter = Quoter::new(QuoterSettings {
//!     order_qty: "0.01".parse()?,
//!     position_target: "0.02".parse()?,
//!     position_max: "0.05".parse()?,
//!     quote_offset_ticks: 0,
//!     requote_ticks: 50,
//!     skew_ticks_max: 100,
//! })?;
//! let _strategy: Box<dyn Strategy> = Box::new(quoter);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bars;
mod quoter;
mod trend;
mod view;

pub use bars::{Bar, Bars};
pub use quoter::{Quoter, QuoterSettings};
pub use trend::{Trend, TrendSettings};
pub use view::{Action, OpenOrder, OrdersLeft, Permission, SettingsError, Strategy, StrategyView, Trigger};
