//! Market data that the venue tells and the trader does not need: aggregated trades, klines, tickers
//! (web-socket-streams.md).

use std::borrow::Cow;

use keel_domain::{Money, Price, Qty};
use serde::{Deserialize, Serialize};

use crate::number;

/// Trades of one taker order at one price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggTradeEvent<'a> {
    /// "aggTrade".
    #[serde(rename = "e", borrow)]
    pub event: Cow<'a, str>,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// Its id.
    #[serde(rename = "a")]
    pub agg_trade_id: u64,
    /// Price.
    #[serde(rename = "p", with = "number")]
    pub price: Price,
    /// Quantity.
    #[serde(rename = "q", with = "number")]
    pub qty: Qty,
    /// First trade.
    #[serde(rename = "f")]
    pub first_trade_id: u64,
    /// Last trade.
    #[serde(rename = "l")]
    pub last_trade_id: u64,
    /// Trade time, ms.
    #[serde(rename = "T")]
    pub trade_time: i64,
    /// Whether the seller took.
    #[serde(rename = "m")]
    pub is_buyer_maker: bool,
    /// Ignored.
    #[serde(rename = "M")]
    pub ignored: bool,
}

/// A kline as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KlineEvent<'a> {
    /// "kline".
    #[serde(rename = "e", borrow)]
    pub event: Cow<'a, str>,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// Its figures.
    #[serde(rename = "k", borrow)]
    pub kline: KlineFigures<'a>,
}

/// The figures of a kline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KlineFigures<'a> {
    /// First millisecond.
    #[serde(rename = "t")]
    pub open_time: i64,
    /// Last millisecond.
    #[serde(rename = "T")]
    pub close_time: i64,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// Its length.
    #[serde(rename = "i", borrow)]
    pub interval: Cow<'a, str>,
    /// First trade, or -1.
    #[serde(rename = "f")]
    pub first_trade_id: i64,
    /// Last trade, or -1.
    #[serde(rename = "L")]
    pub last_trade_id: i64,
    /// First price.
    #[serde(rename = "o", with = "number")]
    pub open: Price,
    /// Last price.
    #[serde(rename = "c", with = "number")]
    pub close: Price,
    /// Highest price.
    #[serde(rename = "h", with = "number")]
    pub high: Price,
    /// Lowest price.
    #[serde(rename = "l", with = "number")]
    pub low: Price,
    /// Base traded.
    #[serde(rename = "v", with = "number")]
    pub volume: Money,
    /// Trades.
    #[serde(rename = "n")]
    pub count: u64,
    /// Whether it is over.
    #[serde(rename = "x")]
    pub is_closed: bool,
    /// Quote traded.
    #[serde(rename = "q", with = "number")]
    pub quote_volume: Money,
    /// Base that buyers took.
    #[serde(rename = "V", with = "number")]
    pub taker_volume: Money,
    /// Quote that buyers took with.
    #[serde(rename = "Q", with = "number")]
    pub taker_quote_volume: Money,
    /// Ignored.
    #[serde(rename = "B", borrow)]
    pub ignored: Cow<'a, str>,
}

/// The last 24 hours of a pair, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MiniTickerEvent<'a> {
    /// "24hrMiniTicker".
    #[serde(rename = "e", borrow)]
    pub event: Cow<'a, str>,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// Last price.
    #[serde(rename = "c", with = "number")]
    pub close: Price,
    /// First price.
    #[serde(rename = "o", with = "number")]
    pub open: Price,
    /// Highest price.
    #[serde(rename = "h", with = "number")]
    pub high: Price,
    /// Lowest price.
    #[serde(rename = "l", with = "number")]
    pub low: Price,
    /// Base traded.
    #[serde(rename = "v", with = "number")]
    pub volume: Money,
    /// Quote traded.
    #[serde(rename = "q", with = "number")]
    pub quote_volume: Money,
}

/// The last 24 hours of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickerEvent<'a> {
    /// "24hrTicker".
    #[serde(rename = "e", borrow)]
    pub event: Cow<'a, str>,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// Last price less the first.
    #[serde(rename = "p", with = "number")]
    pub price_change: Money,
    /// The same in percent.
    #[serde(rename = "P", borrow)]
    pub price_change_percent: Cow<'a, str>,
    /// Quote by base.
    #[serde(rename = "w", with = "number")]
    pub average: Money,
    /// Last price before the window.
    #[serde(rename = "x", with = "number")]
    pub previous_close: Price,
    /// Last price.
    #[serde(rename = "c", with = "number")]
    pub close: Price,
    /// Last quantity.
    #[serde(rename = "Q", with = "number")]
    pub last_qty: Qty,
    /// Best bid.
    #[serde(rename = "b", with = "number")]
    pub bid_price: Price,
    /// Quantity there.
    #[serde(rename = "B", with = "number")]
    pub bid_qty: Qty,
    /// Best ask.
    #[serde(rename = "a", with = "number")]
    pub ask_price: Price,
    /// Quantity there.
    #[serde(rename = "A", with = "number")]
    pub ask_qty: Qty,
    /// First price.
    #[serde(rename = "o", with = "number")]
    pub open: Price,
    /// Highest price.
    #[serde(rename = "h", with = "number")]
    pub high: Price,
    /// Lowest price.
    #[serde(rename = "l", with = "number")]
    pub low: Price,
    /// Base traded.
    #[serde(rename = "v", with = "number")]
    pub volume: Money,
    /// Quote traded.
    #[serde(rename = "q", with = "number")]
    pub quote_volume: Money,
    /// First millisecond.
    #[serde(rename = "O")]
    pub open_time: i64,
    /// Last millisecond.
    #[serde(rename = "C")]
    pub close_time: i64,
    /// First trade, or -1.
    #[serde(rename = "F")]
    pub first_trade_id: i64,
    /// Last trade, or -1.
    #[serde(rename = "L")]
    pub last_trade_id: i64,
    /// Trades.
    #[serde(rename = "n")]
    pub count: u64,
}

/// A rolling window of a pair: 1h, 4h or 1d.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollingTickerEvent<'a> {
    /// "1hTicker", "4hTicker" or "1dTicker".
    #[serde(rename = "e", borrow)]
    pub event: Cow<'a, str>,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// Last price less the first.
    #[serde(rename = "p", with = "number")]
    pub price_change: Money,
    /// The same in percent.
    #[serde(rename = "P", borrow)]
    pub price_change_percent: Cow<'a, str>,
    /// First price.
    #[serde(rename = "o", with = "number")]
    pub open: Price,
    /// Highest price.
    #[serde(rename = "h", with = "number")]
    pub high: Price,
    /// Lowest price.
    #[serde(rename = "l", with = "number")]
    pub low: Price,
    /// Last price.
    #[serde(rename = "c", with = "number")]
    pub close: Price,
    /// Quote by base.
    #[serde(rename = "w", with = "number")]
    pub average: Money,
    /// Base traded.
    #[serde(rename = "v", with = "number")]
    pub volume: Money,
    /// Quote traded.
    #[serde(rename = "q", with = "number")]
    pub quote_volume: Money,
    /// First millisecond; a whole minute.
    #[serde(rename = "O")]
    pub open_time: i64,
    /// Last millisecond.
    #[serde(rename = "C")]
    pub close_time: i64,
    /// First trade, or -1.
    #[serde(rename = "F")]
    pub first_trade_id: i64,
    /// Last trade, or -1.
    #[serde(rename = "L")]
    pub last_trade_id: i64,
    /// Trades.
    #[serde(rename = "n")]
    pub count: u64,
}

/// The average price of five minutes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvgPriceEvent<'a> {
    /// "avgPrice".
    #[serde(rename = "e", borrow)]
    pub event: Cow<'a, str>,
    /// Event time, ms.
    #[serde(rename = "E")]
    pub event_time: i64,
    /// The pair.
    #[serde(rename = "s", borrow)]
    pub symbol: Cow<'a, str>,
    /// "5m".
    #[serde(rename = "i", borrow)]
    pub interval: Cow<'a, str>,
    /// The average.
    #[serde(rename = "w", with = "number")]
    pub price: Money,
    /// When the last trade was, ms.
    #[serde(rename = "T")]
    pub last_trade_time: i64,
}
