//! What a recording says.

use keel_domain::{Price, Qty, Side, Symbol, Timestamp};

use super::LevelQty;

/// What of a reduced level, beyond its trades, counts as gone from before our orders there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueueRule {
    /// Nothing, as long as anybody stood behind them: whoever cancels stood last.
    #[default]
    Conservative,
    /// A part in proportion to what stood before them, rounded down.
    Probabilistic,
}

/// Something that was recorded. Times do not go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// The pair.
    pub symbol: Symbol,
    /// When.
    pub time: Timestamp,
    /// What.
    pub change: RecordedChange,
}

/// What a recorded market did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordedChange {
    /// The whole book. Levels in any order.
    Snapshot {
        /// Buy levels.
        bids: Vec<LevelQty>,
        /// Sell levels.
        asks: Vec<LevelQty>,
    },
    /// Levels changed, all at once: between two of them the book may look crossed.
    Depth {
        /// Changed buy levels: all that rests there now; zero: nothing. Of one price the last counts.
        bids: Vec<LevelQty>,
        /// Changed sell levels.
        asks: Vec<LevelQty>,
    },
    /// A trade.
    Trade {
        /// Who took.
        aggressor: Side,
        /// At which price.
        price: Price,
        /// How much.
        qty: Qty,
    },
}
