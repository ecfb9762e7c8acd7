//! A depth frame of 20 and 20 levels: read by hand, read as JSON, and from bytes to the applied book.
//!
//! `cargo bench -p keel-binance-wire --bench depth`
//!
//! Many different frames in turn, so that no branch is learnt by heart. The parts alternate within each round. Goals: read in 1.2 µs, from bytes to applied book in 3 µs.
//!
//! `once read|json|book FRAMES` does one part for so many frames and no more: for counting instructions (`.ci/instructions`).
#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark")]

mod frames;

use std::hint::black_box;
use std::time::Instant;

use frames::{FRAMES, LEVELS, MID, frame};
use keel_binance_wire::depth_scan::scan;
use keel_binance_wire::rest::WireLevel;
use keel_binance_wire::stream::{self, DepthEvent, StreamEvent};
use keel_domain::{Price, Qty, Symbol, Timestamp};
use keel_market_data::{BookDelta, BookSnapshot, BookSync, Level, LocalBook, MarketUpdate, SyncStep};

const ROUNDS: usize = 31;
/// Levels a side of the book that the frames change, as a snapshot of the usual size gives.
const BOOK_LEVELS: i64 = 1_000;

fn levels(levels: Vec<WireLevel>) -> Vec<Level> {
    levels
        .into_iter()
        .map(|WireLevel(price, qty)| Level { price, qty })
        .collect()
}

fn delta(symbol: Symbol, event: DepthEvent<'_>) -> BookDelta {
    BookDelta {
        symbol,
        first_update_id: event.first_update_id,
        last_update_id: event.last_update_id,
        event_time: Timestamp::from_millis(event.event_time),
        bids: levels(event.bids),
        asks: levels(event.asks),
    }
}

/// A book in sequence up to just before the first frame.
fn synchronised(symbol: Symbol) -> (BookSync, LocalBook) {
    let side = |sign: i64| {
        let level = |n: i64| Level {
            price: Price::from_units((MID + i64::from(sign > 0) + sign * n) * 1_000_000).expect("in range"),
            qty: Qty::UNIT,
        };
        (0..BOOK_LEVELS).map(level).collect()
    };
    let snapshot = BookSnapshot {
        symbol,
        last_update_id: 50_093_239_188,
        bids: side(-1),
        asks: side(1),
    };
    let mut sync = BookSync::default();
    let first = BookDelta {
        symbol,
        first_update_id: 1,
        last_update_id: 2,
        event_time: Timestamp::EPOCH,
        bids: Vec::new(),
        asks: Vec::new(),
    };
    assert_eq!(sync.on_delta(first), SyncStep::FetchSnapshot);
    let mut book = LocalBook::new(symbol);
    book.reset(Timestamp::EPOCH, &snapshot);
    assert!(matches!(sync.on_snapshot(snapshot), SyncStep::Deliver(_)));
    (sync, book)
}

fn apply(symbol: Symbol, sync: &mut BookSync, book: &mut LocalBook, frame: &[u8]) {
    let Ok(StreamEvent::Depth(event)) = stream::decode(frame) else {
        panic!("not a depth frame")
    };
    let SyncStep::Deliver(updates) = sync.on_delta(delta(symbol, event)) else {
        panic!("out of sequence")
    };
    for update in updates {
        let MarketUpdate::BookDelta(delta) = update else {
            panic!("not a delta")
        };
        book.apply(Timestamp::EPOCH, &delta).expect("in sequence");
    }
}

fn per_frame(mut work: impl FnMut()) -> u128 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() / u128::from(FRAMES)
}

/// The quickest round, which nothing disturbed, and the median.
fn summary(mut figures: Vec<u128>) -> (u128, u128) {
    figures.sort_unstable();
    let at = |place: usize| figures.get(place).copied().unwrap_or(0);
    (at(0), at(figures.len() / 2))
}

fn once(symbol: Symbol, part: &str, frames: &[String]) {
    let (mut sync, mut book) = synchronised(symbol);
    for frame in frames {
        let bytes = black_box(frame.as_bytes());
        match part {
            "read" => drop(black_box(scan(bytes).expect("the usual shape"))),
            "json" => drop(black_box(stream::decode_json(bytes).expect("JSON"))),
            _ => apply(symbol, &mut sync, &mut book, bytes),
        }
    }
    black_box(book.last_update_id());
}

fn main() {
    let frames: Vec<String> = (0..FRAMES).map(frame).collect();
    let symbol: Symbol = "BTCUSDT".parse().expect("a symbol");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [verb, part, count, ..] = arguments.as_slice()
        && verb == "once"
    {
        let count = count.parse().expect("a number");
        return once(symbol, part, frames.get(..count).expect("so many frames"));
    }
    let (mut by_hand, mut as_json, mut applied) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        by_hand.push(per_frame(|| {
            for frame in &frames {
                black_box(scan(black_box(frame.as_bytes())).expect("the usual shape"));
            }
        }));
        as_json.push(per_frame(|| {
            for frame in &frames {
                black_box(stream::decode_json(black_box(frame.as_bytes())).expect("JSON"));
            }
        }));
        let (mut sync, mut book) = synchronised(symbol);
        applied.push(per_frame(|| {
            for frame in &frames {
                apply(symbol, &mut sync, &mut book, black_box(frame.as_bytes()));
            }
        }));
        black_box(book.top(Timestamp::EPOCH, std::time::Duration::MAX).is_ok());
    }
    let (by_hand, as_json, applied) = (summary(by_hand), summary(as_json), summary(applied));
    let bytes = frames.first().map_or(0, String::len);
    println!(
        "depth frame of {LEVELS} + {LEVELS} levels, {bytes} bytes; {ROUNDS} rounds of {FRAMES} frames; ns a frame"
    );
    println!("                          quickest   median");
    println!(
        "  read by hand            {:>8} {:>8}   goal 1200",
        by_hand.0, by_hand.1
    );
    let times = ratio(as_json.0, by_hand.0);
    println!(
        "  read as JSON (serde)    {:>8} {:>8}   {times:.1} times as long",
        as_json.0, as_json.1
    );
    println!(
        "  bytes to applied book   {:>8} {:>8}   goal 3000, {BOOK_LEVELS} levels a side",
        applied.0, applied.1
    );
}

fn ratio(a: u128, b: u128) -> f64 {
    let as_float = |n: u128| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
    as_float(a) / as_float(b)
}
