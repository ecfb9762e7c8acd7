//! The seam between a venue's market data and its users.

use keel_domain::{Symbol, Timestamp};

use crate::{LostReason, MarketUpdate};

/// A source of market data. It never blocks and asks no clock: whoever drives it moves the bytes.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait MarketFeed {
    /// The next update that has arrived, oldest first, or `None` when all have been taken.
    fn next_update(&mut self) -> Option<MarketUpdate>;

    /// Tells the feed that its book of `symbol` is wrong, as the user found: the feed discards it,
    /// reports `BookLost` with `reason`, and starts again from a snapshot.
    fn resync(&mut self, now: Timestamp, symbol: Symbol, reason: LostReason);
}
