//! The local order book, its freshness, and the trait of a market feed.
//!
//! A price comes only from a book that is in sequence, fresh, two-sided and uncrossed; everything else is an error that
//! says why not. See [`LocalBook`] for an example.

mod book;
mod feed;
mod sync;
mod update;

pub use book::{BookFault, BookTop, LocalBook};
pub use feed::MarketFeed;
#[cfg(feature = "mock")]
pub use feed::MockMarketFeed;
pub use sync::{BookSync, SyncStep};
pub use update::{BookDelta, BookSnapshot, Level, LostReason, MarketUpdate, PublicTrade};
