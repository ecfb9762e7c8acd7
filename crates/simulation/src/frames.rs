//! From recorded frames to what a market did, by the decoder and the book's rule that trade live.

use std::collections::BTreeMap;

use keel_binance_wire::rest::{Depth, WireLevel};
use keel_binance_wire::stream::{self, StreamEvent};
use keel_domain::{Side, Symbol, Timestamp, TradeId};
use keel_market_data::{BookDelta, BookSnapshot, BookSync, Level, MarketUpdate, SyncStep};
use keel_recording::Record;
use keel_sim_exchange::core::{LevelQty, RecordedChange, RecordedEvent};

/// What the frames of a recording were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameTally {
    /// All frames.
    pub frames: u64,
    /// Changes of books that were in sequence.
    pub depth: u64,
    /// Trades, each told once.
    pub trades: u64,
    /// Places where an update of a book is missing; the book stands until the next snapshot.
    pub gaps: u64,
    /// Frames that cannot be read.
    pub undecodable: u64,
}

/// Reads frames in the order of their arrival.
pub(crate) struct Frames {
    pairs: BTreeMap<Symbol, Pair>,
    pub(crate) tally: FrameTally,
    begun: Option<(u64, u64)>,
    now: Timestamp,
}

#[derive(Default)]
struct Pair {
    book: BookSync,
    has_book: bool,
    last_trade: Option<TradeId>,
}

fn levels(levels: Vec<WireLevel>) -> Vec<Level> {
    let level = |WireLevel(price, qty)| Level { price, qty };
    levels.into_iter().map(level).collect()
}

fn recorded(levels: Vec<Level>) -> Vec<LevelQty> {
    let level = |Level { price, qty }| LevelQty { price, qty };
    levels.into_iter().map(level).collect()
}

/// The pair that a request for a snapshot named.
fn snapshot_of(stream: &str) -> Option<Symbol> {
    let query = stream.strip_prefix("/api/v3/depth?")?;
    let mut parts = query.split('&');
    parts.find_map(|part| part.strip_prefix("symbol=")?.parse().ok())
}

impl Frames {
    pub(crate) fn new(symbols: &[Symbol]) -> Self {
        Self {
            pairs: symbols.iter().map(|symbol| (*symbol, Pair::default())).collect(),
            tally: FrameTally::default(),
            begun: None,
            now: Timestamp::EPOCH,
        }
    }

    /// What a frame says happened. Its time is that of its arrival: the wall clock at the beginning and the monotonic one
    /// since.
    pub(crate) fn take(&mut self, record: &Record) -> Vec<RecordedEvent> {
        let (wall_ns, mono_ns) = *self.begun.get_or_insert((record.wall_ns, record.mono_ns));
        let at = wall_ns.saturating_add(record.mono_ns.saturating_sub(mono_ns));
        let at = Timestamp::from_nanos(i64::try_from(at).unwrap_or(i64::MAX));
        self.now = self.now.max(at);
        self.tally.frames += 1;
        if record.stream.starts_with('/') {
            return self.on_answer(record);
        }
        match stream::decode(record.frame.as_bytes()) {
            Ok(StreamEvent::Depth(event)) => {
                let Ok(symbol) = Symbol::new(&event.symbol) else {
                    return Vec::new();
                };
                let delta = BookDelta {
                    symbol,
                    first_update_id: event.first_update_id,
                    last_update_id: event.last_update_id,
                    event_time: self.now,
                    bids: levels(event.bids),
                    asks: levels(event.asks),
                };
                self.step(symbol, |book| book.on_delta(delta))
            }
            Ok(StreamEvent::Trade(event)) => {
                let (Ok(symbol), id) = (Symbol::new(&event.symbol), TradeId(event.trade_id)) else {
                    return Vec::new();
                };
                let known = self.pairs.get_mut(&symbol).filter(|pair| pair.has_book);
                let Some(pair) = known.filter(|pair| pair.last_trade < Some(id)) else {
                    return Vec::new();
                };
                pair.last_trade = Some(id);
                self.tally.trades += 1;
                let aggressor = if event.is_buyer_maker {
                    Side::Sell
                } else {
                    Side::Buy
                };
                let change = RecordedChange::Trade {
                    aggressor,
                    price: event.price,
                    qty: event.qty,
                };
                vec![self.event(symbol, change)]
            }
            Ok(_) => Vec::new(),
            Err(_) => {
                self.tally.undecodable += 1;
                Vec::new()
            }
        }
    }

    fn on_answer(&mut self, record: &Record) -> Vec<RecordedEvent> {
        let Some(symbol) = snapshot_of(&record.stream) else {
            return Vec::new();
        };
        let Ok(depth) = serde_json::from_str::<Depth>(&record.frame) else {
            self.tally.undecodable += 1;
            return Vec::new();
        };
        let snapshot = BookSnapshot {
            symbol,
            last_update_id: depth.last_update_id,
            bids: levels(depth.bids),
            asks: levels(depth.asks),
        };
        self.step(symbol, |book| book.on_snapshot(snapshot))
    }

    fn event(&self, symbol: Symbol, change: RecordedChange) -> RecordedEvent {
        RecordedEvent {
            symbol,
            time: self.now,
            change,
        }
    }

    fn step(&mut self, symbol: Symbol, step: impl FnOnce(&mut BookSync) -> SyncStep) -> Vec<RecordedEvent> {
        let Some(pair) = self.pairs.get_mut(&symbol) else {
            return Vec::new();
        };
        let updates = match step(&mut pair.book) {
            SyncStep::Deliver(updates) => updates,
            SyncStep::Gap => {
                self.tally.gaps += 1;
                Vec::new()
            }
            SyncStep::Wait | SyncStep::FetchSnapshot => Vec::new(),
        };
        pair.has_book |= !updates.is_empty();
        let change = |update| match update {
            MarketUpdate::BookSnapshot(book) => Some(RecordedChange::Snapshot {
                bids: recorded(book.bids),
                asks: recorded(book.asks),
            }),
            MarketUpdate::BookDelta(delta) => Some(RecordedChange::Depth {
                bids: recorded(delta.bids),
                asks: recorded(delta.asks),
            }),
            _ => None,
        };
        let events: Vec<RecordedEvent> = updates
            .into_iter()
            .filter_map(change)
            .map(|change| self.event(symbol, change))
            .collect();
        self.tally.depth += events.len() as u64;
        events
    }
}
