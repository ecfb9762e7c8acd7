//! The local order book, its freshness, and the trait of a market feed.

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
