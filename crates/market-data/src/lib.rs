//! The local order book, its freshness, and the trait of a market feed.
//!
//! A price comes only from a book that is in sequence, fresh, two-sided and uncrossed; everything else is an error that
//! says why not.
//!
//! ```
//! use std::time::Duration;
//! use keel_domain::Timestamp;
//! use keel_market_data::{BookFault, BookSnapshot, Level, LocalBook};
//!
//! let level = |price: &str| Ok::<_, keel_domain::NumberError>(Level { price: price.parse()?, qty: "1".parse()? });
//! let (start, age_max) = (Timestamp::from_millis(1_000), Duration::from_secs(2));
//! let symbol = "BTCUSDT".parse()?;
//! let mut book = LocalBook::new(symbol);
//! assert_eq!(book.top(start, age_max), Err(BookFault::NotSynchronised));
//!
//! let (bids, asks) = (vec![level("64999")?], vec![level("65001")?]);
//! book.reset(start, &BookSnapshot { symbol, last_update_id: 7, bids, asks });
//! assert_eq!(book.top(start, age_max)?.bid.price, "64999".parse()?);
//!
//! let age = Duration::from_secs(3);
//! assert_eq!(book.top(start.plus(age), age_max), Err(BookFault::Stale { age }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod book;
mod feed;
mod guard;
mod levels;
mod queue;
mod sync;
mod update;

pub use book::{BookFault, BookTop, LocalBook};
pub use feed::MarketFeed;
#[cfg(feature = "mock")]
pub use feed::MockMarketFeed;
pub use guard::{PriceGuard, Reading};
pub use queue::{Dropped, UpdateQueue};
pub use sync::{BookSync, SyncStep};
pub use update::{
    BookDelta, BookSnapshot, BookTicker, Kline, Level, LostReason, MarketUpdate, PublicTrade, Stream,
};
