//! The words and numbers of trading, free of policy, clocks, I/O and any venue's JSON.
//!
//! Prices and quantities are fixed-point integers in units of 1e-8; money is an exact decimal.
//! Every name is the field's standard term (FIX first).
//!
//! ```
//! use keel_domain::{Price, Qty, notional};
//!
//! let price: Price = "65000.01".parse()?;
//! let qty: Qty = "0.00100000".parse()?;
//! assert_eq!(notional(qty, price).to_string(), "65.00001");
//! assert_eq!(price.to_string(), "65000.01");
//! # Ok::<(), keel_domain::NumberError>(())
//! ```

mod account_filters;
mod alert;
mod filter_failure;
mod filters;
mod fixed;
mod ids;
mod instrument;
mod order;
mod report;
mod stage;
mod time;

pub use account_filters::{ExchangeLimits, MaxAsset, OpenOverall};
pub use alert::{Alert, AlertClass, AlertOwner};
pub use filter_failure::FilterFailure;
pub use filters::{
    FilterInputs, LotSize, MinNotional, NotionalRange, OrderLimits, OrderTerms, PercentPrice,
    PercentPriceBySide, PriceBand, PriceFilter, TrailingDelta,
};
pub use fixed::{Money, NumberError, Price, Qty, SCALE, SignedQty, notional};
pub use ids::{Asset, ClOrdId, IdError, OrderId, StrategyId, Symbol, TradeId};
pub use instrument::{Instrument, InstrumentStatus};
pub use order::{OrdType, OrderIntent, Purpose, Side, StopLeg, TimeInForce, Trigger};
pub use report::{ExecType, ExecutionReport, OrdStatus, Trade};
pub use stage::{Stage, StageError};
pub use time::Timestamp;
