//! A simulated exchange that speaks Binance Spot's protocol.
//!
//! The core knows orders and money; nothing in it asks a clock or draws chance but from its seed.
//!
//! ```
//! use keel_domain::Timestamp;
//! use keel_sim_exchange::core::{Exchange, ExchangeConfig};
//!
//! let start = Timestamp::from_millis(1_700_000_000_000);
//! let mut exchange = Exchange::new(ExchangeConfig::with_default_markets(42), start)?;
//! exchange.advance(start.plus(std::time::Duration::from_secs(5)));
//! let depth = exchange.depth("BTCUSDT".parse()?, 20).ok_or("no such market")?;
//! assert_eq!((depth.bids.len(), depth.asks.len()), (20, 20));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bounds;
mod carry;
pub mod core;
mod ends;
pub mod faults;
mod listen;
pub mod protocol;
pub mod server;
mod sockets;

pub use bounds::ClientBounds;
