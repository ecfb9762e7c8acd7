//! What a recording says, and what our orders got from it.

use keel_domain::{OrderId, Price, Qty, Side, Timestamp};

use super::LevelQty;

/// What of a reduced level, beyond its trades, counts as gone from before us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueRule {
    /// Nothing: whoever cancels stood behind us. Only trades at our price, and a level that no longer holds what was
    /// before us, bring us forward.
    Conservative,
    /// A part in proportion to what stood before us, rounded down.
    Probabilistic,
}

/// Something that was recorded. Times do not go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordedEvent {
    /// The whole book. Levels in any order.
    Snapshot {
        /// When.
        time: Timestamp,
        /// Buy levels.
        bids: Vec<LevelQty>,
        /// Sell levels.
        asks: Vec<LevelQty>,
    },
    /// Levels changed, all at once: between two of them the book may look crossed.
    Depth {
        /// When.
        time: Timestamp,
        /// Changed buy levels: all that rests there now; zero: nothing. In any order.
        bids: Vec<LevelQty>,
        /// Changed sell levels.
        asks: Vec<LevelQty>,
    },
    /// A trade.
    Trade {
        /// When.
        time: Timestamp,
        /// Who took.
        aggressor: Side,
        /// At which price.
        price: Price,
        /// How much.
        qty: Qty,
    },
}

impl RecordedEvent {
    /// When it was.
    #[must_use]
    pub const fn time(&self) -> Timestamp {
        match self {
            Self::Snapshot { time, .. } | Self::Depth { time, .. } | Self::Trade { time, .. } => *time,
        }
    }
}

/// One of our orders traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedFill {
    /// The order.
    pub order_id: OrderId,
    /// At which price: a resting order's own, or the level's that was taken.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// Whether the order rested.
    pub is_maker: bool,
    /// When.
    pub time: Timestamp,
}

/// What became of an order at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Its id.
    pub order_id: OrderId,
    /// What it took.
    pub fills: Vec<RecordedFill>,
    /// What is left: it rests at the limit, or without one is gone.
    pub leaves_qty: Qty,
}

/// How much of the market we were. Beyond a few percent the recording says little: others would have answered us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Participation {
    /// What our resting orders traded.
    pub made: Qty,
    /// What our orders took.
    pub taken: Qty,
    /// What the recorded market traded.
    pub recorded: Qty,
}

impl Participation {
    /// Our part in millionths of the recorded volume; none before a recorded trade.
    #[must_use]
    pub fn rate_ppm(self) -> Option<i64> {
        let ours = i128::from(self.made.units()) + i128::from(self.taken.units());
        let rate = (ours * 1_000_000).checked_div(i128::from(self.recorded.units()))?;
        i64::try_from(rate).ok()
    }
}
