//! What the market did: trades, aggregated trades and bars of each pair, bounded, fed by the exchange's events.

mod bars;
mod interval;

use std::collections::{BTreeMap, VecDeque};

use keel_domain::{Price, Qty, Symbol, Timestamp};

use crate::core::PublicTrade;
pub(super) use bars::Bar;
use bars::Series;
pub(super) use interval::Interval;

/// Trades of one taker at one price at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AggTrade {
    pub(super) id: u64,
    pub(super) price: Price,
    pub(super) qty: Qty,
    pub(super) first_id: u64,
    pub(super) last_id: u64,
    pub(super) is_buyer_maker: bool,
    pub(super) time: Timestamp,
}

impl AggTrade {
    fn takes(&self, trade: &PublicTrade) -> bool {
        (self.price, self.time, self.is_buyer_maker) == (trade.price, trade.time, trade.is_buyer_maker)
    }
}

/// A kline's times and what happened in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kline {
    pub(super) open_time: i64,
    pub(super) close_time: i64,
    pub(super) bar: Bar,
}

/// Which part of a history is wanted; times in ms, both included.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) start: Option<i64>,
    pub(super) end: Option<i64>,
    pub(super) limit: usize,
}

/// One pair's history.
pub(super) struct Tape {
    trades: VecDeque<PublicTrade>,
    agg_trades: VecDeque<AggTrade>,
    /// The aggregate that the next trade may still join.
    open: Option<AggTrade>,
    next_agg_id: u64,
    seconds: Series,
    minutes: Series,
}

impl Default for Tape {
    fn default() -> Self {
        Self {
            trades: VecDeque::new(),
            agg_trades: VecDeque::new(),
            open: None,
            next_agg_id: 1,
            seconds: Series::new(1_000, Self::SECONDS_MAX),
            minutes: Series::new(60_000, Self::MINUTES_MAX),
        }
    }
}

impl Tape {
    /// How many trades, and how many aggregated ones, a pair keeps.
    const TRADES_MAX: usize = 50_000;
    /// Two hours of seconds.
    const SECONDS_MAX: usize = 7_200;
    /// Forty days of minutes: all longer klines are made of them.
    const MINUTES_MAX: usize = 40 * 24 * 60;

    /// Takes a trade; gives the aggregate that it ended.
    fn note(&mut self, trade: &PublicTrade) -> Option<AggTrade> {
        self.trades.push_back(*trade);
        if self.trades.len() > Self::TRADES_MAX {
            self.trades.pop_front();
        }
        self.seconds.note(trade);
        self.minutes.note(trade);
        if let Some(open) = self.open.as_mut().filter(|open| open.takes(trade)) {
            open.qty = open.qty.saturating_add(trade.qty);
            open.last_id = trade.trade_id.0;
            return None;
        }
        let ended = self.end_aggregate();
        self.open = Some(AggTrade {
            id: self.next_agg_id,
            price: trade.price,
            qty: trade.qty,
            first_id: trade.trade_id.0,
            last_id: trade.trade_id.0,
            is_buyer_maker: trade.is_buyer_maker,
            time: trade.time,
        });
        self.next_agg_id += 1;
        ended
    }

    fn end_aggregate(&mut self) -> Option<AggTrade> {
        let ended = self.open.take()?;
        self.agg_trades.push_back(ended);
        if self.agg_trades.len() > Self::TRADES_MAX {
            self.agg_trades.pop_front();
        }
        Some(ended)
    }

    /// When the last trade was.
    pub(super) fn last_trade(&self) -> Option<&PublicTrade> {
        self.trades.back()
    }

    /// Trades from an id on, oldest first; without one, the latest.
    pub(super) fn trades(&self, from_id: Option<u64>, limit: usize) -> impl Iterator<Item = &PublicTrade> {
        let start = match from_id {
            Some(id) => self.trades.partition_point(|trade| trade.trade_id.0 < id),
            None => self.trades.len().saturating_sub(limit),
        };
        self.trades.iter().skip(start).take(limit)
    }

    /// Aggregated trades from an id on, oldest first.
    pub(super) fn agg_trades_from(&self, id: u64, limit: usize) -> impl Iterator<Item = &AggTrade> {
        let start = self.agg_trades.partition_point(|trade| trade.id < id);
        self.agg_trades.iter().skip(start).take(limit)
    }

    /// Aggregated trades of a span of time.
    pub(super) fn agg_trades(&self, span: Span) -> impl Iterator<Item = &AggTrade> {
        let place = |millis: i64| {
            self.agg_trades
                .partition_point(|trade| trade.time.as_millis() < millis)
        };
        let end = span
            .end
            .map_or(self.agg_trades.len(), |end| place(end.saturating_add(1)));
        let start = match span.start {
            Some(start) => place(start),
            None => end.saturating_sub(span.limit),
        };
        self.agg_trades.iter().take(end).skip(start).take(span.limit)
    }

    fn series(&self, interval: Interval) -> &Series {
        if interval == Interval::S1 {
            &self.seconds
        } else {
            &self.minutes
        }
    }

    /// The kline that starts then.
    fn kline(&self, interval: Interval, offset: i64, start: i64) -> Option<Kline> {
        let after = interval.after(start, offset);
        let bar = self.series(interval).sum(start, after)?;
        Some(Kline {
            open_time: start,
            close_time: after - 1,
            bar,
        })
    }

    /// Klines of a span, oldest first: without a start, the latest until its end.
    pub(super) fn klines(&self, interval: Interval, offset: i64, span: Span, now: i64) -> Vec<Kline> {
        let Some(first) = self.series(interval).first() else {
            return Vec::new();
        };
        let first = interval.start_of(first.open_time, offset);
        let last = interval.start_of(span.end.unwrap_or(now).min(now), offset);
        let mut klines = Vec::new();
        if let Some(wanted) = span.start {
            let floor = interval.start_of(wanted, offset);
            let start = if floor < wanted {
                interval.after(floor, offset)
            } else {
                floor
            };
            let mut start = start.max(first);
            while start <= last && klines.len() < span.limit {
                klines.extend(self.kline(interval, offset, start));
                start = interval.after(start, offset);
            }
        } else {
            let mut start = last;
            while start >= first && klines.len() < span.limit {
                klines.extend(self.kline(interval, offset, start));
                start = interval.start_of(start - 1, offset);
            }
            klines.reverse();
        }
        klines
    }

    /// What happened from one moment until before another, to the minute.
    pub(super) fn window(&self, from: i64, until: i64) -> Option<Bar> {
        self.minutes.sum(from, until)
    }

    /// The last price before a moment, to the minute.
    pub(super) fn close_before(&self, millis: i64) -> Option<Price> {
        self.minutes.close_before(millis)
    }

    /// What happened in the last five minutes, to the second.
    pub(super) fn last_five_minutes(&self, now: Timestamp) -> Option<Bar> {
        let now = now.as_millis();
        self.seconds.sum(now - 300_000, now + 1)
    }
}

/// The histories of all pairs.
#[derive(Default)]
pub(super) struct Tapes(BTreeMap<Symbol, Tape>);

impl Tapes {
    /// One pair's history; none before its first trade.
    pub(super) fn get(&self, symbol: Symbol) -> Option<&Tape> {
        self.0.get(&symbol)
    }

    /// Takes a trade; gives the aggregate that it ended.
    pub(super) fn note(&mut self, trade: &PublicTrade) -> Option<AggTrade> {
        self.0.entry(trade.symbol).or_default().note(trade)
    }

    /// Ends the aggregates that are open: what comes next is another taker's.
    pub(super) fn end_aggregates(&mut self) -> Vec<(Symbol, AggTrade)> {
        let ended = self.0.iter_mut();
        ended
            .filter_map(|(symbol, tape)| tape.end_aggregate().map(|trade| (*symbol, trade)))
            .collect()
    }

    /// The kline of a pair that starts then.
    pub(super) fn kline(&self, symbol: Symbol, interval: Interval, offset: i64, start: i64) -> Option<Kline> {
        self.get(symbol)?.kline(interval, offset, start)
    }
}
