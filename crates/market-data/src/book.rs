//! The local copy of a venue's book.

use std::time::Duration;

use keel_domain::{Price, Symbol, Timestamp};

use crate::{BookDelta, BookSnapshot, Level};

/// The best price on each side, with the quantity there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookTop {
    /// The best buy level.
    pub bid: Level,
    /// The best sell level.
    pub ask: Level,
}

/// Why a book gives no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BookFault {
    /// No snapshot since the start, a disconnect or a gap.
    #[error("the book is not synchronised")]
    NotSynchronised,
    /// A side has no level.
    #[error("a side of the book is empty")]
    OneSided,
    /// Best bid at or above best ask.
    #[error("the book is crossed")]
    Crossed,
    /// Nothing arrived for longer than the limit.
    #[error("the book is {} ms old", .age.as_millis())]
    Stale {
        /// Time since the last update arrived.
        age: Duration,
    },
}

/// A book for one symbol: sorted levels, best last.
#[derive(Debug, Clone)]
pub struct LocalBook {
    symbol: Symbol,
    bids: Vec<Level>,
    asks: Vec<Level>,
    last_update_id: Option<u64>,
    updated_at: Timestamp,
}

impl LocalBook {
    /// An empty book that is not synchronised.
    #[must_use]
    pub fn new(symbol: Symbol) -> Self {
        Self { symbol, bids: Vec::new(), asks: Vec::new(), last_update_id: None, updated_at: Timestamp::EPOCH }
    }

    /// The pair.
    #[must_use]
    pub fn symbol(&self) -> Symbol {
        self.symbol
    }

    /// Replaces the book.
    pub fn reset(&mut self, _now: Timestamp, _snapshot: &BookSnapshot) {}

    /// Applies a delta that continues the book.
    ///
    /// # Errors
    /// `NotSynchronised` when it does not continue (the book is then cleared) or no snapshot came yet.
    pub fn apply(&mut self, _now: Timestamp, _delta: &BookDelta) -> Result<(), BookFault> {
        Ok(())
    }

    /// Forgets everything: the book gives no price until the next `reset`.
    pub fn clear(&mut self) {}

    /// Best bid and ask, if the book is in sequence, two-sided, uncrossed, and no older than `age_max`.
    ///
    /// # Errors
    /// The fault that makes the price unusable.
    pub fn top(&self, _now: Timestamp, _age_max: Duration) -> Result<BookTop, BookFault> {
        Err(BookFault::NotSynchronised)
    }

    /// Time since the last update arrived, or `None` while not synchronised.
    #[must_use]
    pub fn age(&self, _now: Timestamp) -> Option<Duration> {
        None
    }

    /// The last update applied, or `None` while not synchronised.
    #[must_use]
    pub fn last_update_id(&self) -> Option<u64> {
        self.last_update_id
    }

    /// Buy levels, best first.
    pub fn bids(&self) -> impl Iterator<Item = &Level> {
        self.bids.iter().rev()
    }

    /// Sell levels, best first.
    pub fn asks(&self) -> impl Iterator<Item = &Level> {
        self.asks.iter().rev()
    }

    /// The arithmetic middle of the best prices, rounded down to 1e-8. Same errors as [`LocalBook::top`].
    ///
    /// # Errors
    /// The fault that makes the price unusable.
    pub fn mid(&self, now: Timestamp, age_max: Duration) -> Result<Price, BookFault> {
        let top = self.top(now, age_max)?;
        let twice = top.bid.price.checked_add(top.ask.price).ok_or(BookFault::Crossed)?;
        Price::from_units(twice.units() / 2).map_err(|_| BookFault::Crossed)
    }
}
