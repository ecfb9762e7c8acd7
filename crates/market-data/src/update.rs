//! What a feed delivers.

use keel_domain::{Money, Price, Qty, Side, Symbol, Timestamp, TradeId};
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

/// The best prices, as the venue tells them beside the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookTicker {
    /// The pair.
    pub symbol: Symbol,
    /// The book's update that made them the best.
    pub update_id: u64,
    /// The best buy level.
    pub bid: Level,
    /// The best sell level.
    pub ask: Level,
}

/// A bar as the venue counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kline {
    /// The pair.
    pub symbol: Symbol,
    /// Its first millisecond, by the venue's clock.
    pub open_time: Timestamp,
    /// Its last millisecond.
    pub close_time: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Base traded.
    pub volume: Money,
    /// Trades.
    pub count: u64,
    /// Whether it is over; until then it is told again as it grows.
    pub is_closed: bool,
}

/// What of a pair is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stream {
    /// Changes of the book.
    Depth,
    /// Public trades.
    Trade,
    /// The best prices.
    BookTicker,
    /// Bars.
    Kline,
}

impl Stream {
    /// The name by which metrics know it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Depth => "depth",
            Self::Trade => "trade",
            Self::BookTicker => "book_ticker",
            Self::Kline => "kline",
        }
    }
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
    /// More arrived than could be handled in time.
    Overrun,
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
    /// The best prices.
    BookTicker(BookTicker),
    /// A bar, growing or over.
    Kline(Kline),
    /// The venue tells something of the pair that is not documented: what it means is not known.
    UnknownField {
        /// The pair.
        symbol: Symbol,
        /// The field's name.
        field: String,
    },
}

impl MarketUpdate {
    /// The pair it is about.
    #[must_use]
    pub fn symbol(&self) -> Symbol {
        match self {
            Self::BookSnapshot(snapshot) => snapshot.symbol,
            Self::BookDelta(delta) => delta.symbol,
            Self::BookLost { symbol, .. } | Self::UnknownField { symbol, .. } => *symbol,
            Self::Trade(trade) => trade.symbol,
            Self::BookTicker(ticker) => ticker.symbol,
            Self::Kline(kline) => kline.symbol,
        }
    }
    /// The stream it came on, where it tells that the stream lives.
    #[must_use]
    pub fn stream(&self) -> Option<Stream> {
        match self {
            Self::BookSnapshot(_) | Self::BookDelta(_) => Some(Stream::Depth),
            Self::Trade(_) => Some(Stream::Trade),
            Self::BookTicker(_) => Some(Stream::BookTicker),
            Self::Kline(_) => Some(Stream::Kline),
            Self::BookLost { .. } | Self::UnknownField { .. } => None,
        }
    }

    /// Whether it changes the book.
    pub(crate) fn is_of_book(&self) -> bool {
        matches!(
            self,
            Self::BookSnapshot(_) | Self::BookDelta(_) | Self::BookLost { .. }
        )
    }

    /// Whether it says that something has no price at all: a level or a trade at zero.
    #[must_use]
    pub fn has_zero_price(&self) -> bool {
        let is_zero = |level: &Level| level.price == Price::ZERO;
        match self {
            Self::BookSnapshot(book) => book.bids.iter().chain(&book.asks).any(is_zero),
            Self::BookDelta(book) => book.bids.iter().chain(&book.asks).any(is_zero),
            Self::Trade(trade) => trade.price == Price::ZERO,
            Self::BookTicker(ticker) => is_zero(&ticker.bid) || is_zero(&ticker.ask),
            Self::Kline(kline) => kline.count > 0 && kline.low == Price::ZERO,
            Self::BookLost { .. } | Self::UnknownField { .. } => false,
        }
    }
}
