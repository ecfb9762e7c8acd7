//! What a feed delivers.

use keel_domain::{Price, Qty, Side, Symbol, Timestamp, TradeId};
use serde::{Deserialize, Serialize};

/// One price level: the price and the whole quantity resting there (zero: the level is gone).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// The level's price.
    pub price: Price,
    /// The absolute quantity; zero removes the level.
    pub qty: Qty,
}

/// A whole book at one moment. Best levels first on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookSnapshot {
    /// The pair.
    pub symbol: Symbol,
    /// The last update the snapshot holds.
    pub last_update_id: u64,
    /// Buy levels, highest first.
    pub bids: Vec<Level>,
    /// Sell levels, lowest first.
    pub asks: Vec<Level>,
}

/// A change of the book: absolute quantities of the levels that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookDelta {
    /// The pair.
    pub symbol: Symbol,
    /// The first update in this delta. The venue's `U`.
    pub first_update_id: u64,
    /// The last update in this delta. The venue's `u`.
    pub last_update_id: u64,
    /// When the venue made it, by its clock.
    pub event_time: Timestamp,
    /// Changed buy levels, in any order.
    pub bids: Vec<Level>,
    /// Changed sell levels, in any order.
    pub asks: Vec<Level>,
}

/// A trade between any two participants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicTrade {
    /// The pair.
    pub symbol: Symbol,
    /// The venue's id of the trade.
    pub trade_id: TradeId,
    /// The price.
    pub price: Price,
    /// The base quantity.
    pub qty: Qty,
    /// The side that took.
    pub aggressor: Side,
    /// When, by the venue's clock.
    pub trade_time: Timestamp,
}

/// Why a book stopped being usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LostReason {
    /// The connection ended.
    Disconnected,
    /// An update is missing.
    Gap,
    /// The connection lives, but no data comes.
    Stalled,
    /// A message could not be read.
    Undecodable,
}

/// One thing a feed says. Deltas come in sequence after their snapshot, or `BookLost` comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum MarketUpdate {
    /// Replaces the book.
    BookSnapshot(BookSnapshot),
    /// Changes the book; continues the last snapshot or delta without a gap.
    BookDelta(BookDelta),
    /// The book must not be used until the next snapshot.
    BookLost {
        /// The pair.
        symbol: Symbol,
        /// Why.
        reason: LostReason,
    },
    /// A public trade.
    Trade(PublicTrade),
}

impl MarketUpdate {
    /// The pair it is about.
    #[must_use]
    pub fn symbol(&self) -> Symbol {
        match self {
            Self::BookSnapshot(snapshot) => snapshot.symbol,
            Self::BookDelta(delta) => delta.symbol,
            Self::BookLost { symbol, .. } => *symbol,
            Self::Trade(trade) => trade.symbol,
        }
    }
}
