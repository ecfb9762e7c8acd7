//! The local copy of a venue's book.

use std::time::Duration;

use keel_domain::{Price, Symbol, Timestamp};

use crate::levels::Levels;
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
    /// Beyond the band of the last good price, and nothing confirms it yet.
    #[error("the price jumped from {good} to {seen} and nothing confirms it")]
    Jumped {
        /// The last good price.
        good: Price,
        /// The middle of the book.
        seen: Price,
    },
    /// Nothing arrived for longer than the limit.
    #[error("the book is {} ms old", .age.as_millis())]
    Stale {
        /// Time since the last update arrived.
        age: Duration,
    },
}

fn is_worse_bid(a: Price, b: Price) -> bool {
    a < b
}

fn is_worse_ask(a: Price, b: Price) -> bool {
    a > b
}

/// A book for one symbol.
///
/// ```
/// use std::time::Duration;
/// use keel_domain::Timestamp;
/// use keel_market_data::{BookSnapshot, Level, LocalBook};
///
/// let now = Timestamp::from_millis(1_000);
/// let level = |price: &str, qty: &str| -> Result<Level, keel_domain::NumberError> {
///     Ok(Level { price: price.parse()?, qty: qty.parse()? })
/// };
/// let mut book = LocalBook::new("BTCUSDT".parse()?);
/// assert!(book.top(now, Duration::from_secs(2)).is_err(), "no price before a snapshot");
/// book.reset(now, &BookSnapshot {
///     symbol: book.symbol(),
///     last_update_id: 1,
///     bids: vec![level("99", "1")?],
///     asks: vec![level("101", "2")?],
/// });
/// assert_eq!(book.top(now, Duration::from_secs(2))?.ask, level("101", "2")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LocalBook {
    symbol: Symbol,
    bids: Levels,
    asks: Levels,
    last_update_id: Option<u64>,
    updated_at: Timestamp,
}

impl LocalBook {
    /// The most levels kept on a side; beyond it the worst are dropped.
    pub const LEVELS_MAX: usize = Levels::MAX;

    /// An empty book that is not synchronised.
    #[must_use]
    pub fn new(symbol: Symbol) -> Self {
        let (bids, asks) = (Levels::default(), Levels::default());
        Self {
            symbol,
            bids,
            asks,
            last_update_id: None,
            updated_at: Timestamp::EPOCH,
        }
    }

    /// The pair.
    #[must_use]
    pub fn symbol(&self) -> Symbol {
        self.symbol
    }

    /// Replaces the book.
    pub fn reset(&mut self, now: Timestamp, snapshot: &BookSnapshot) {
        self.clear();
        // Worst first, so that each goes to the end.
        for level in snapshot.bids.iter().rev() {
            self.bids.set(*level, is_worse_bid);
        }
        for level in snapshot.asks.iter().rev() {
            self.asks.set(*level, is_worse_ask);
        }
        self.last_update_id = Some(snapshot.last_update_id);
        self.updated_at = now;
    }

    /// Applies a delta that continues the book. One whose updates are all known changes nothing.
    ///
    /// # Errors
    /// `NotSynchronised` when an update is missing (the book is then cleared), or no snapshot came yet.
    pub fn apply(&mut self, now: Timestamp, delta: &BookDelta) -> Result<(), BookFault> {
        let last = self.last_update_id.ok_or(BookFault::NotSynchronised)?;
        if delta.last_update_id <= last {
            return Ok(());
        }
        if delta.first_update_id > last.saturating_add(1) {
            self.clear();
            return Err(BookFault::NotSynchronised);
        }
        for level in &delta.bids {
            self.bids.set(*level, is_worse_bid);
        }
        for level in &delta.asks {
            self.asks.set(*level, is_worse_ask);
        }
        self.last_update_id = Some(delta.last_update_id);
        self.updated_at = now;
        Ok(())
    }

    /// Forgets everything: the book gives no price until the next `reset`.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
        self.last_update_id = None;
    }

    /// Best bid and ask, if the book is in sequence, no older than `age_max`, two-sided and uncrossed.
    ///
    /// # Errors
    /// The fault that makes the price unusable.
    pub fn top(&self, now: Timestamp, age_max: Duration) -> Result<BookTop, BookFault> {
        let age = self.age(now).ok_or(BookFault::NotSynchronised)?;
        if age > age_max {
            return Err(BookFault::Stale { age });
        }
        let (Some(bid), Some(ask)) = (self.bids.best(), self.asks.best()) else {
            return Err(BookFault::OneSided);
        };
        if bid.price >= ask.price {
            return Err(BookFault::Crossed);
        }
        Ok(BookTop { bid: *bid, ask: *ask })
    }

    /// Time since the last update arrived, or `None` while not synchronised.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.last_update_id.map(|_| now.since(self.updated_at))
    }

    /// The last update applied, or `None` while not synchronised.
    #[must_use]
    pub fn last_update_id(&self) -> Option<u64> {
        self.last_update_id
    }

    /// Buy levels, best first.
    pub fn bids(&self) -> impl Iterator<Item = &Level> {
        self.bids.best_first()
    }

    /// Sell levels, best first.
    pub fn asks(&self) -> impl Iterator<Item = &Level> {
        self.asks.best_first()
    }
}
