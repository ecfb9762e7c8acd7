//! The ledger: from trades to positions and money, exactly and once.
//!
//! - [`Ledger`]: trades keyed by (symbol, trade id), so any of them may come twice or late. Position, average cost, FIFO,
//!   fees, dust and adopted quantities follow from them, exactly or as an error.
//!   [`Ledger::carry_forward`] sums old trades up, so that a ledger does not grow with age.
//! - [`Ledgers`]: a ledger for each strategy, and their sum, which is what the venue sees.
//! - [`Account`]: those apart from what is not ours: holdings at the start, foreign trades, transfers.
//! - [`Prices`]: what amounts are worth at the worse side of fresh quotes, or the name of what is missing or stale.
//! - [`asset_identity`], [`money_identity`], [`position_differences`]: whether the money adds up, and what does not.
//! - [`Exit`]: whether a quantity can be sold, before an order is canceled on it.
//!
//! ```
//! use keel_domain::*;
//! use keel_positions::Ledger;
//!
//! let (btc, usdt): (Asset, Asset) = ("BTC".parse()?, "USDT".parse()?);
//! let symbol: Symbol = "BTCUSDT".parse()?;
//! let trade = |trade_id, side, last_px: &str, commission: &str, asset| -> Result<Trade, Box<dyn std::error::Error>> {
//!     Ok(Trade {
//!         symbol,
//!         trade_id: TradeId(trade_id),
//!         order_id: OrderId(trade_id),
//!         side,
//!         last_px: last_px.parse()?,
//!         last_qty: "1".parse()?,
//!         commission: commission.parse()?,
//!         commission_asset: Some(asset),
//!         is_maker: true,
//!         transact_time: Timestamp::EPOCH,
//!     })
//! };
//! let mut ledger = Ledger::new();
//! ledger.apply(&trade(1, Side::Buy, "100", "0", btc)?, btc, usdt)?;
//! ledger.apply(&trade(2, Side::Sell, "110", "0.11", usdt)?, btc, usdt)?;
//! assert_eq!(ledger.position(symbol).to_string(), "0");
//! assert_eq!(ledger.book(symbol).map(|book| book.realised()), Some("10".parse()?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod average_cost;
mod book;
mod bookings;
mod carried;
mod exact;
mod fifo;
mod identity;
mod ledger;
mod ledgers;
mod remainder;
mod stored;
mod sums;
mod valuation;

pub use account::{Account, AccountError, Owner, Transfer, TransferKind};
pub use average_cost::AverageCost;
pub use book::SymbolBook;
pub use bookings::{Booking, CostMethod};
pub use exact::Inexact;
pub use fifo::{Fifo, Lot};
pub use identity::{
    AssetIdentity, Difference, MoneyIdentity, asset_identity, money_identity, position_differences,
};
pub use ledger::{Applied, Flow, Ledger, LedgerError, RefusedCause};
pub use ledgers::Ledgers;
pub use remainder::{Adjustment, Dust, Exit};
pub use valuation::{FreshQuote, Prices, Quote, QuoteFault, ValuationError};
