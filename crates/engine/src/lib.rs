//! The synchronous trading machine: event in, records and commands out.
//!
//! [`Trader::on_event`] gives a [`Step`], whose submissions can be had only by committing its records to a [`RecordLog`] first.
//! The durable state is nothing but facts applied in order: the same records always make the same state.
//!
//! ```
//! use keel_domain::*;
//! use keel_engine::{DurableState, Fact, Identity, Record, Seen};
//!
//! let at = Timestamp::from_millis(1_700_000_000_000);
//! let identity = Identity {
//!     mode: "paper".to_owned(),
//!     venue: "127.0.0.1:9100".to_owned(),
//!     build: "0.1.0".to_owned(),
//!     config_hash: "c97dbf4e76a02ab4".to_owned(),
//! };
//! let symbol: Symbol = "BTCUSDT".parse()?;
//! let intent = OrderIntent {
//!     symbol,
//!     side: Side::Buy,
//!     ord_type: OrdType::LimitMaker { price: "64999".parse()? },
//!     order_qty: "0.010".parse()?,
//!     purpose: Purpose::Entry,
//! };
//! let nothing = Seen { bid_ask: None, position: SignedQty::ZERO, buy_leaves: Qty::ZERO, sell_leaves: Qty::ZERO };
//!
//! let mut state = DurableState::default();
//! for fact in [
//!     Fact::Intent { cl_ord_id: "k1-trend-1-1".parse()?, intent, seen: nothing, stop: None },
//!     Fact::Booted { boot: 2, identity },
//! ] {
//!     state.apply(&Record { at, fact })?;
//! }
//! // The process ended before the venue answered: the order may be live, and counts in full until the venue says.
//! let exposure = state.orders().exposure(symbol);
//! assert_eq!((exposure.buy_leaves, exposure.unknown_orders), ("0.010".parse()?, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod adoption;
mod bar_check;
mod brakes;
mod counters;
mod differences;
mod dust;
mod fate;
mod flatten;
mod identity;
mod ladder;
mod listed;
mod losses;
mod market;
mod market_updates;
mod marks;
mod order_limit;
mod paired;
mod protection;
mod reconcile;
mod record;
mod refusals;
mod reports;
mod restrict;
mod room;
mod start;
mod state;
mod step;
mod strategies;
mod trader;
mod trades;
mod trading;
mod unmeant;
mod upkeep;
mod view;

pub use adoption::{AdoptError, AdoptedPair, Adoption, VenuePast, adopt};
pub use counters::Counters;
pub use identity::MoneyCheck;
pub use market::{MarketCondition, Shut};
pub use marks::OtherFees;
pub use protection::ProtectionSettings;
pub use record::{Fact, Identity, Record, Seen};
pub use start::StartRefusal;
pub use state::{DurableState, Fault};
pub use step::{Command, RecordLog, Step};
pub use strategies::RunningStrategy;
pub use trader::{Event, Operator, RecoverError, Trader, TraderSettings};
