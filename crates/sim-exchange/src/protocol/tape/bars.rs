//! Bars: what a pair did in one second, in one minute, or in any time made of those.

use std::collections::VecDeque;

use keel_domain::{Money, Price};

use crate::core::PublicTrade;

/// Trades of a stretch of time, summed up. Sums are whole numbers: base in 1e-8, quote in 1e-16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::protocol) struct Bar {
    /// Ms since the epoch.
    pub(in crate::protocol) open_time: i64,
    pub(in crate::protocol) open: Price,
    pub(in crate::protocol) high: Price,
    pub(in crate::protocol) low: Price,
    pub(in crate::protocol) close: Price,
    base: i128,
    quote: i128,
    taker_base: i128,
    taker_quote: i128,
    /// The first and the last trade; -1 without one.
    pub(in crate::protocol) first_id: i64,
    pub(in crate::protocol) last_id: i64,
    pub(in crate::protocol) count: u64,
}

fn money(sum: i128, places: u32) -> Money {
    let units = sum / 10_i128.pow(places.saturating_sub(8));
    Money::try_from_i128_with_scale(units, 8).unwrap_or(Money::MAX)
}

impl Bar {
    /// A time without trades, after one that closed at this price.
    pub(in crate::protocol) const fn flat(open_time: i64, price: Price) -> Self {
        Self {
            open_time,
            open: price,
            high: price,
            low: price,
            close: price,
            base: 0,
            quote: 0,
            taker_base: 0,
            taker_quote: 0,
            first_id: -1,
            last_id: -1,
            count: 0,
        }
    }

    fn of(open_time: i64, trade: &PublicTrade) -> Self {
        let base = i128::from(trade.qty.units());
        let quote = base * i128::from(trade.price.units());
        let id = i64::try_from(trade.trade_id.0).unwrap_or(i64::MAX);
        // A buyer who took is a seller who rested.
        let taken = i128::from(!trade.is_buyer_maker);
        Self {
            base,
            quote,
            taker_base: base * taken,
            taker_quote: quote * taken,
            first_id: id,
            last_id: id,
            count: 1,
            ..Self::flat(open_time, trade.price)
        }
    }

    /// Adds a later bar.
    fn append(&mut self, later: &Self) {
        if later.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = Self {
                open_time: self.open_time,
                ..*later
            };
            return;
        }
        self.high = self.high.max(later.high);
        self.low = self.low.min(later.low);
        self.close = later.close;
        self.base += later.base;
        self.quote += later.quote;
        self.taker_base += later.taker_base;
        self.taker_quote += later.taker_quote;
        self.last_id = later.last_id;
        self.count += later.count;
    }

    pub(in crate::protocol) fn volume(&self) -> Money {
        money(self.base, 8)
    }

    pub(in crate::protocol) fn quote_volume(&self) -> Money {
        money(self.quote, 16)
    }

    pub(in crate::protocol) fn taker_volume(&self) -> Money {
        money(self.taker_base, 8)
    }

    pub(in crate::protocol) fn taker_quote_volume(&self) -> Money {
        money(self.taker_quote, 16)
    }

    /// Quote by base; the close where nothing traded.
    pub(in crate::protocol) fn average(&self) -> Money {
        self.quote_volume()
            .checked_div(self.volume())
            .unwrap_or_else(|| self.close.to_decimal())
    }
}

/// Bars of one width that hold trades, oldest first; bounded, the oldest go first.
pub(super) struct Series {
    width: i64,
    max: usize,
    bars: VecDeque<Bar>,
}

impl Series {
    pub(super) const fn new(width: i64, max: usize) -> Self {
        Self {
            width,
            max,
            bars: VecDeque::new(),
        }
    }

    pub(super) fn note(&mut self, trade: &PublicTrade) {
        let open_time = trade.time.as_millis().div_euclid(self.width) * self.width;
        let bar = Bar::of(open_time, trade);
        match self.bars.back_mut() {
            Some(last) if last.open_time >= open_time => last.append(&bar),
            _ => {
                self.bars.push_back(bar);
                if self.bars.len() > self.max {
                    self.bars.pop_front();
                }
            }
        }
    }

    pub(super) fn first(&self) -> Option<&Bar> {
        self.bars.front()
    }

    /// What happened from one moment until before another: flat where nothing traded, none before the first trade.
    pub(super) fn sum(&self, from: i64, until: i64) -> Option<Bar> {
        let start = self.bars.partition_point(|bar| bar.open_time < from);
        let end = self.bars.partition_point(|bar| bar.open_time < until);
        let before = start.checked_sub(1).and_then(|place| self.bars.get(place));
        let first = self.bars.get(start).filter(|_| start < end);
        let price = before.map(|bar| bar.close).or(first.map(|bar| bar.open))?;
        let mut sum = Bar::flat(from, price);
        self.bars
            .iter()
            .take(end)
            .skip(start)
            .for_each(|bar| sum.append(bar));
        Some(sum)
    }

    /// The close before a moment.
    pub(super) fn close_before(&self, millis: i64) -> Option<Price> {
        let start = self.bars.partition_point(|bar| bar.open_time < millis);
        start
            .checked_sub(1)
            .and_then(|place| self.bars.get(place))
            .map(|bar| bar.close)
    }
}
