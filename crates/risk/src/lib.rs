//! The risk gate: the only maker of an [`ApprovedOrder`].
//!
//! A venue takes an `ApprovedOrder` by value, and nothing but [`RiskGate::approve`] makes one; so an order cannot go round
//! the gate, be sent twice, or be changed after it was checked. There is no bypass and no default limit.
//!
//! ```
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//! use keel_domain::*;
//! use keel_risk::*;
//!
//! let symbol: Symbol = "BTCUSDT".parse()?;
//! let lot = LotSize { min: "0.001".parse()?, max: "100".parse()?, step: "0.001".parse()? };
//! let instrument = Instrument {
//!     symbol,
//!     base: "BTC".parse()?,
//!     quote: "USDT".parse()?,
//!     status: InstrumentStatus::Trading,
//!     price_filter: PriceFilter { min: "0.01".parse()?, max: "1000000".parse()?, tick_size: "0.01".parse()? },
//!     lot_size: lot,
//!     market_lot_size: lot,
//!     notional: NotionalRange { min: 5.into(), max: None, apply_min_to_market: true,
//!         apply_max_to_market: false, avg_price_mins: 5 },
//!     limits: Box::default(),
//! };
//! let mut gate = RiskGate::new(RiskLimits {
//!     stage: keel_domain::Stage::Normal,
//!     per_symbol: BTreeMap::from([(symbol, SymbolLimits {
//!         order_qty_max: "0.010".parse()?,
//!         order_notional_max: 1_000.into(),
//!         position_max: "0.020".parse()?,
//!     })]),
//!     gross_exposure_max: 10_000.into(),
//!     orders_per_10s_max: 10,
//!     collar_through_bps: 200,
//!     collar_away_bps: 1_000,
//!     book_age_max: Duration::from_secs(2),
//!     rejections_per_60s_max: 3,
//!     entry_fills_per_60s_max: 20,
//! })?;
//! let view = RiskView {
//!     instrument: &instrument,
//!     reference: Ok(Reference { bid: "64999".parse()?, ask: "65001".parse()?, age: Duration::ZERO }),
//!     position: SignedQty::ZERO,
//!     buy_leaves: Qty::ZERO,
//!     sell_leaves: Qty::ZERO,
//!     held_by_others: Qty::ZERO,
//!     lowest_sell: None,
//!     gross_exposure: Some(0.into()),
//!     quote_free: Some(10_000.into()),
//!     unknown_orders: 0,
//! };
//! let intent = |order_qty: &str| -> Result<OrderIntent, NumberError> {
//!     Ok(OrderIntent {
//!         symbol,
//!         side: Side::Buy,
//!         ord_type: OrdType::LimitMaker { price: "64999".parse()? },
//!         order_qty: order_qty.parse()?,
//!         purpose: Purpose::Entry,
//!     })
//! };
//! let approved = gate.approve(Timestamp::EPOCH, intent("0.010")?, "k1-1-1".parse()?, &view)?;
//! assert_eq!(approved.intent().order_qty, "0.010".parse()?);
//! let breach = gate.approve(Timestamp::EPOCH, intent("0.011")?, "k1-1-2".parse()?, &view).unwrap_err();
//! assert_eq!(breach.rule, Rule::OrderQty);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod approved;
mod breach;
mod gate;
mod last_inch;
mod limits;
mod loss_budget;
mod loss_trip;
mod rules;
mod state;
mod trading_day;
mod view;

pub use approved::ApprovedOrder;
pub use breach::{Breach, Rule};
pub use gate::RiskGate;
pub use last_inch::{LastInch, LastInchLimits, Trip};
pub use limits::{LimitError, RiskLimits, SymbolLimits};
pub use loss_budget::{LossBook, LossBreach, LossLimits, LossStanding};
pub use loss_trip::{LossInputs, LossTrip, ProfitReading};
pub use state::{HaltCause, TradingState};
pub use trading_day::{DayRule, DayRuleError, TradingDay};
pub use view::{Reference, ReferenceFault, RiskView};
