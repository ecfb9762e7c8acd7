//! barter-data beside ours: a change of a level, and a depth frame from bytes to the applied book; the parts alternate, and the
//! books must be equal at the end.
//!
//! `cargo run --release --manifest-path crates/market-data/benches/barter/Cargo.toml`
#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark")]

#[path = "../../../../binance-wire/benches/frames/mod.rs"]
mod frames;
#[path = "../../workload/mod.rs"]
mod workload;

use std::hint::black_box;
use std::time::Instant;

use barter_data::books::{Level as TheirLevel, OrderBook};
use barter_data::exchange::binance::spot::l2::BinanceSpotOrderBookL2Update;
use barter_data::subscription::book::OrderBookEvent;
use keel_binance_wire::rest::WireLevel;
use keel_binance_wire::stream::{self, StreamEvent};
use keel_domain::{Symbol, Timestamp};
use keel_market_data::{BookDelta, BookSnapshot, Level, LocalBook};
use workload::{DELTAS, LEVELS_A_DELTA, Where};

const ROUNDS: usize = 15;

fn theirs(levels: &[Level]) -> Vec<TheirLevel> {
    let level = |level: &Level| TheirLevel::new(level.price.to_decimal(), level.qty.to_decimal());
    levels.iter().map(level).collect()
}

fn their_book(snapshot: &BookSnapshot) -> OrderBook {
    OrderBook::new(0, None, theirs(&snapshot.bids), theirs(&snapshot.asks))
}

fn their_event(delta: &BookDelta) -> OrderBookEvent {
    let (bids, asks) = (theirs(&delta.bids), theirs(&delta.asks));
    OrderBookEvent::Update(OrderBook::new(delta.last_update_id, None, bids, asks))
}

fn our_book(symbol: Symbol, snapshot: &BookSnapshot) -> LocalBook {
    let mut book = LocalBook::new(symbol);
    book.reset(Timestamp::EPOCH, snapshot);
    book
}

fn assert_same(ours: &LocalBook, theirs: &OrderBook) {
    let pairs = |levels: Vec<Level>| -> Vec<_> {
        levels
            .iter()
            .map(|level| (level.price.to_decimal(), level.qty.to_decimal()))
            .collect()
    };
    let their_pairs = |levels: &[TheirLevel]| -> Vec<_> {
        levels.iter().map(|level| (level.price, level.amount)).collect()
    };
    assert_eq!(
        pairs(ours.bids().copied().collect()),
        their_pairs(theirs.bids().levels())
    );
    assert_eq!(
        pairs(ours.asks().copied().collect()),
        their_pairs(theirs.asks().levels())
    );
}

fn nanos(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e9
}

fn quickest(figures: &[f64]) -> f64 {
    figures.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Nanoseconds a change, ours and theirs.
fn changes(symbol: Symbol, depth: u64, place: Where) -> (f64, f64) {
    let snapshot = workload::snapshot(symbol, depth);
    let deltas = workload::deltas(symbol, depth, place);
    let events: Vec<OrderBookEvent> = deltas.iter().map(their_event).collect();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut our_book, mut their_book) = (our_book(symbol, &snapshot), their_book(&snapshot));
        ours.push(nanos(|| {
            for delta in &deltas {
                our_book
                    .apply(Timestamp::EPOCH, black_box(delta))
                    .expect("in sequence");
            }
        }));
        theirs.push(nanos(|| {
            for event in &events {
                their_book.update(black_box(event));
            }
        }));
        assert_same(&our_book, &their_book);
    }
    let a_change = |figures: &[f64]| quickest(figures) / (DELTAS * LEVELS_A_DELTA * 2) as f64;
    (a_change(&ours), a_change(&theirs))
}

fn our_delta(symbol: Symbol, frame: &[u8]) -> BookDelta {
    let Ok(StreamEvent::Depth(event)) = stream::decode(frame) else {
        panic!("not a depth frame")
    };
    let levels = |levels: Vec<WireLevel>| {
        levels
            .into_iter()
            .map(|WireLevel(price, qty)| Level { price, qty })
            .collect()
    };
    BookDelta {
        symbol,
        first_update_id: event.first_update_id,
        last_update_id: event.last_update_id,
        event_time: Timestamp::from_millis(event.event_time),
        bids: levels(event.bids),
        asks: levels(event.asks),
    }
}

/// As barter's own transformer does it.
fn decode_theirs(frame: &[u8]) -> OrderBookEvent {
    let update: BinanceSpotOrderBookL2Update = serde_json::from_slice(frame).expect("their frame");
    OrderBookEvent::Update(OrderBook::new(
        update.last_update_id,
        None,
        update.bids,
        update.asks,
    ))
}

/// Nanoseconds a frame from bytes to the applied book, ours and theirs.
fn whole_frames(symbol: Symbol) -> (f64, f64) {
    let frames: Vec<String> = (0..frames::FRAMES).map(frames::frame).collect();
    // Their decoder takes the event without the combined stream's envelope.
    let bare = |frame: &String| {
        let value: serde_json::Value = serde_json::from_str(frame).expect("JSON");
        serde_json::to_string(&value["data"]).expect("memory")
    };
    let bare: Vec<String> = frames.iter().map(bare).collect();
    let first = our_delta(symbol, frames.first().expect("one").as_bytes()).first_update_id;
    let snapshot = BookSnapshot {
        symbol,
        last_update_id: first - 1,
        bids: Vec::new(),
        asks: Vec::new(),
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut our_book, mut their_book) = (our_book(symbol, &snapshot), their_book(&snapshot));
        ours.push(nanos(|| {
            for frame in &frames {
                let delta = our_delta(symbol, black_box(frame.as_bytes()));
                our_book.apply(Timestamp::EPOCH, &delta).expect("in sequence");
            }
        }));
        theirs.push(nanos(|| {
            for frame in &bare {
                their_book.update(&decode_theirs(black_box(frame.as_bytes())));
            }
        }));
        assert_same(&our_book, &their_book);
    }
    let a_frame = |figures: &[f64]| quickest(figures) / frames::FRAMES as f64;
    (a_frame(&ours), a_frame(&theirs))
}

fn main() {
    let symbol: Symbol = "BTCUSDT".parse().expect("a symbol");
    println!("quickest of {ROUNDS} rounds, the same book at the end of each      ours   barter   ratio");
    for depth in [100, 1_000, 5_000] {
        for (place, name) in [(Where::NearTheTop, "near the top"), (Where::Anywhere, "anywhere")] {
            let (ours, theirs) = changes(symbol, depth, place);
            let ratio = theirs / ours;
            println!(
                "a change of a level, {depth:>5} levels a side, {name:<12} {ours:>10.0} ns {theirs:>5.0} ns {ratio:>6.1}"
            );
        }
    }
    let (ours, theirs) = whole_frames(symbol);
    let levels = frames::LEVELS;
    let ratio = theirs / ours;
    println!(
        "a depth frame of {levels} + {levels} levels, bytes to book {ours:>18.0} ns {theirs:>5.0} ns {ratio:>6.1}"
    );
    let _ = frames::MID;
}
