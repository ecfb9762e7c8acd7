//! Bars made of trades, and averages of their closing prices, in exact integers.

use std::collections::VecDeque;
use std::time::Duration;

use keel_domain::{Money, Price, Timestamp};
use keel_market_data::PublicTrade;

/// The trades of one span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Its beginning, by the venue's clock.
    pub open_time: Timestamp,
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
}

impl Bar {
    fn of(open_time: Timestamp, trade: &PublicTrade) -> Self {
        Self {
            open_time,
            open: trade.price,
            high: trade.price,
            low: trade.price,
            close: trade.price,
            volume: trade.qty.to_decimal(),
            count: 1,
        }
    }

    fn take(&mut self, trade: &PublicTrade) {
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume += trade.qty.to_decimal();
        self.count += 1;
    }
}

/// Makes bars of trades. They begin at whole multiples of their length since 1970, as the venue's klines of up to a day do.
#[derive(Debug, Clone)]
pub struct Bars {
    nanos: i64,
    current: Option<Bar>,
}

impl Bars {
    /// Bars of the given length, of at least a nanosecond.
    #[must_use]
    pub fn new(length: Duration) -> Self {
        Self {
            nanos: i64::try_from(length.as_nanos()).unwrap_or(i64::MAX).max(1),
            current: None,
        }
    }

    /// Takes a trade, by its time; gives the bar that it ended. One of an earlier bar than the current changes nothing.
    pub fn push(&mut self, trade: &PublicTrade) -> Option<Bar> {
        let into_bar = trade.trade_time.as_nanos().rem_euclid(self.nanos);
        let open_time = Timestamp::from_nanos(trade.trade_time.as_nanos().saturating_sub(into_bar));
        match &mut self.current {
            Some(bar) if open_time < bar.open_time => None,
            Some(bar) if open_time == bar.open_time => {
                bar.take(trade);
                None
            }
            current => current.replace(Bar::of(open_time, trade)),
        }
    }

    /// The bar that grows now.
    #[must_use]
    pub fn current(&self) -> Option<&Bar> {
        self.current.as_ref()
    }
}

/// Closes of the last bars. A bar without a trade closes where the one before did.
#[derive(Debug)]
pub(crate) struct Closes {
    bars: Bars,
    keep: usize,
    closes: VecDeque<Price>,
}

impl Closes {
    pub(crate) fn new(bar_ms: u32, keep: usize) -> Self {
        Self {
            bars: Bars::new(Duration::from_millis(bar_ms.into())),
            keep,
            closes: VecDeque::new(),
        }
    }

    /// Takes a trade; gives whether at least one bar closed with it. One older than the current bar changes nothing.
    pub(crate) fn push(&mut self, trade: &PublicTrade) -> bool {
        let Some(ended) = self.bars.push(trade) else {
            return false;
        };
        let next = self.bars.current().map_or(ended.open_time, |bar| bar.open_time);
        let bars = (next.as_nanos() - ended.open_time.as_nanos()) / self.bars.nanos;
        // More bars than are kept would all close at the same price.
        let closed = usize::try_from(bars).unwrap_or(usize::MAX).min(self.keep);
        for _ in 0..closed {
            self.closes.push_back(ended.close);
            if self.closes.len() > self.keep {
                self.closes.pop_front();
            }
        }
        closed > 0
    }

    /// The sum of the last `n` closes in price units, `back` bars ago; none while there are not enough.
    fn sum(&self, n: usize, back: usize) -> Option<i128> {
        let end = self.closes.len().checked_sub(back)?;
        let start = end.checked_sub(n)?;
        Some(
            self.closes
                .range(start..end)
                .map(|price| i128::from(price.units()))
                .sum(),
        )
    }

    /// Whether the average of the last `fast` closes is above that of the last `slow`, `back` bars ago. Exact: the sums
    /// are compared across, without a division.
    pub(crate) fn is_fast_above(&self, fast: usize, slow: usize, back: usize) -> Option<bool> {
        let (fast_sum, slow_sum) = (self.sum(fast, back)?, self.sum(slow, back)?);
        let (fast, slow) = (i128::try_from(fast).ok()?, i128::try_from(slow).ok()?);
        Some(fast_sum * slow > slow_sum * fast)
    }
}
