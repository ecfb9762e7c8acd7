//! What streams tell at fixed times: changes of books, and figures of the moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keel_binance_wire::rest::{Depth, WireLevel};
use keel_binance_wire::stream::DepthEvent;
use keel_domain::{Price, Qty, Side, Symbol, Timestamp};

use super::publish::to_json;
use super::{Kind, Speed, Stream};
use crate::core::LevelQty;
use crate::protocol::Protocol;
use crate::protocol::tape::Interval;

/// Changes of one pair's book since the last frame of one speed.
#[derive(Default)]
struct Pending {
    first_update_id: Option<u64>,
    last_update_id: u64,
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

impl Pending {
    fn note(&mut self, update_id: u64, side: Side, price: Price, qty: Qty) {
        self.first_update_id.get_or_insert(update_id);
        self.last_update_id = update_id;
        match side {
            Side::Buy => self.bids.insert(price, qty),
            Side::Sell => self.asks.insert(price, qty),
        };
    }
}

/// When streams are told next, and what changed since.
pub(in crate::protocol) struct Flushes {
    fast: BTreeMap<Symbol, Pending>,
    slow: BTreeMap<Symbol, Pending>,
    /// Pairs that traded since the last second's frames.
    traded: BTreeSet<Symbol>,
    /// Pairs whose book changed since the best prices were told.
    pub(super) touched: BTreeSet<Symbol>,
    pub(super) best: BTreeMap<Symbol, (Option<LevelQty>, Option<LevelQty>)>,
    /// The kline that a stream told last, by its start: when the next begins, its end is told.
    klines: BTreeMap<Stream, i64>,
    fast_at: Timestamp,
    slow_at: Timestamp,
    klines_at: Timestamp,
}

/// The next multiple of a period.
fn next(now: Timestamp, period: Duration) -> Timestamp {
    let millis = i64::try_from(period.as_millis()).unwrap_or(i64::MAX).max(1);
    Timestamp::from_millis((now.as_millis().div_euclid(millis) + 1) * millis)
}

impl Flushes {
    const FAST: Duration = Duration::from_millis(100);
    const SLOW: Duration = Duration::from_secs(1);
    const KLINES: Duration = Duration::from_secs(2);

    pub(in crate::protocol) fn new(now: Timestamp) -> Self {
        Self {
            fast: BTreeMap::new(),
            slow: BTreeMap::new(),
            traded: BTreeSet::new(),
            touched: BTreeSet::new(),
            best: BTreeMap::new(),
            klines: BTreeMap::new(),
            fast_at: next(now, Self::FAST),
            slow_at: next(now, Self::SLOW),
            klines_at: next(now, Self::KLINES),
        }
    }

    /// A level of a book changed.
    pub(in crate::protocol) fn note(
        &mut self,
        symbol: Symbol,
        update_id: u64,
        side: Side,
        price: Price,
        qty: Qty,
    ) {
        self.touched.insert(symbol);
        for pending in [&mut self.fast, &mut self.slow] {
            pending
                .entry(symbol)
                .or_default()
                .note(update_id, side, price, qty);
        }
    }

    /// A pair traded.
    pub(super) fn note_trade(&mut self, symbol: Symbol) {
        self.traded.insert(symbol);
    }

    pub(in crate::protocol) fn next_at(&self) -> Timestamp {
        self.fast_at.min(self.slow_at).min(self.klines_at)
    }
}

impl Protocol {
    /// Tells what is due. Nothing is told of a book that did not change.
    pub(in crate::protocol) fn flush_streams(&mut self, now: Timestamp) {
        if now >= self.flushes.fast_at {
            self.flushes.fast_at = next(now, Flushes::FAST);
            let changes = std::mem::take(&mut self.flushes.fast);
            self.send_depth(now, Speed::Fast, &changes);
        }
        if now >= self.flushes.slow_at {
            self.flushes.slow_at = next(now, Flushes::SLOW);
            let changes = std::mem::take(&mut self.flushes.slow);
            self.send_depth(now, Speed::Slow, &changes);
            let traded = std::mem::take(&mut self.flushes.traded);
            self.send_figures(now, &traded, &changes.keys().copied().collect());
            self.send_klines(now, |interval| interval == Interval::S1);
        }
        if now >= self.flushes.klines_at {
            self.flushes.klines_at = next(now, Flushes::KLINES);
            self.send_klines(now, |interval| interval != Interval::S1);
        }
    }

    fn send_depth(&mut self, now: Timestamp, speed: Speed, changes: &BTreeMap<Symbol, Pending>) {
        let level = |(price, qty): (&Price, &Qty)| WireLevel(*price, *qty);
        for (symbol, pending) in changes {
            let Some(first_update_id) = pending.first_update_id else {
                continue;
            };
            self.send_to_stream(Stream::of(*symbol, Kind::Depth(speed)), |unit| {
                to_json(DepthEvent {
                    event: "depthUpdate".into(),
                    event_time: unit.of(now),
                    symbol: symbol.as_str().into(),
                    first_update_id,
                    last_update_id: pending.last_update_id,
                    bids: pending.bids.iter().rev().map(level).collect(),
                    asks: pending.asks.iter().map(level).collect(),
                })
            });
            for levels in [5, 10, 20] {
                let stream = Stream::of(*symbol, Kind::PartialDepth(levels, speed));
                if !self.hub.has(&stream) {
                    continue;
                }
                let Some(snapshot) = self.exchange.depth(*symbol, levels) else {
                    continue;
                };
                let side = |levels: &[LevelQty]| levels.iter().map(|l| WireLevel(l.price, l.qty)).collect();
                self.send_to_stream(stream, |_| {
                    to_json(Depth {
                        last_update_id: snapshot.last_update_id,
                        bids: side(&snapshot.bids),
                        asks: side(&snapshot.asks),
                    })
                });
            }
        }
    }

    /// Tells the figures of pairs that changed in the last second.
    fn send_figures(&mut self, now: Timestamp, traded: &BTreeSet<Symbol>, moved: &BTreeSet<Symbol>) {
        let wanted: Vec<Stream> = self.hub.streams().collect();
        for stream in wanted {
            let has_changed = match (stream.symbol, stream.kind) {
                (Some(symbol), Kind::Ticker) => traded.contains(&symbol) || moved.contains(&symbol),
                (Some(symbol), Kind::MiniTicker | Kind::Rolling(_) | Kind::AvgPrice) => {
                    traded.contains(&symbol)
                }
                // It moves with time alone.
                (Some(_), Kind::ReferencePrice) => true,
                (None, _) => !traded.is_empty(),
                _ => false,
            };
            if !has_changed {
                continue;
            }
            match stream.symbol {
                Some(symbol) => {
                    if let Some(event) = self.figure(now, symbol, stream.kind) {
                        self.send_to_stream(stream, |unit| event.write(unit));
                    }
                }
                None => {
                    let events: Vec<_> = traded
                        .iter()
                        .filter_map(|symbol| self.figure(now, *symbol, stream.kind))
                        .collect();
                    self.send_to_stream(stream, |unit| {
                        let items: Vec<String> = events.iter().map(|event| event.write(unit)).collect();
                        format!("[{}]", items.join(","))
                    });
                }
            }
        }
    }

    /// Tells klines as they stand, and the end of those that another has followed since.
    fn send_klines(&mut self, now: Timestamp, is_due: impl Fn(Interval) -> bool) {
        let hub = &self.hub;
        self.flushes.klines.retain(|stream, _| hub.has(stream));
        let wanted: Vec<Stream> = self.hub.streams().collect();
        for stream in wanted {
            let (Some(symbol), Kind::Kline(interval, is_shifted)) = (stream.symbol, stream.kind) else {
                continue;
            };
            if !is_due(interval) {
                continue;
            }
            let offset = if is_shifted { 8 * 3_600_000 } else { 0 };
            let start = interval.start_of(now.as_millis(), offset);
            let last = self.flushes.klines.insert(stream, start);
            for (start, is_closed) in [(last.filter(|last| *last != start), true), (Some(start), false)] {
                let Some(start) = start else { continue };
                if let Some(kline) = self.tapes.kline(symbol, interval, offset, start) {
                    self.send_to_stream(stream, |unit| {
                        super::publish::kline(now, symbol, interval, &kline, is_closed, unit)
                    });
                }
            }
        }
    }
}
