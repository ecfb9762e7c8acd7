//! What one change of a level costs in a book of 100, 1,000 and 5,000 levels a side.
//!
//! `cargo bench -p keel-market-data --bench book`
//!
//! Near the top: as on a real stream, most changes lie within a few dozen levels of the best price; three of five set a
//! quantity, one removes a level, one brings a level back. Anywhere: the same with every level equally likely. Goal: 60 ns near the top, at any depth.
#![allow(clippy::expect_used, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Instant;

use keel_domain::{Price, Qty, Symbol, Timestamp};
use keel_market_data::{BookDelta, BookSnapshot, Level, LocalBook};

const LEVELS_A_DELTA: u64 = 20;
const DELTAS: u64 = 2_000;
const ROUNDS: usize = 31;
const BEST_BID: i64 = 1_000_000;

fn splitmix(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The level `distance` ticks behind the best of its side.
fn level(is_bid: bool, distance: i64, qty: u64) -> Level {
    let ticks = if is_bid {
        BEST_BID - distance
    } else {
        BEST_BID + 1 + distance
    };
    Level {
        price: Price::from_units(ticks * 1_000_000).expect("in range"),
        qty: Qty::from_units(i64::try_from(qty).expect("small")).expect("in range"),
    }
}

#[derive(Clone, Copy)]
enum Where {
    NearTheTop,
    Anywhere,
}

fn delta(symbol: Symbol, n: u64, depth: u64, place: Where) -> BookDelta {
    let side = |is_bid: bool| {
        let change = |k: u64| {
            let draw = splitmix(n * 64 + u64::from(is_bid) * 32 + k);
            let range = match place {
                Where::NearTheTop => (4 << ((draw >> 40) % 6)).min(depth),
                Where::Anywhere => depth,
            };
            let distance = i64::try_from((draw >> 8) % range).expect("small");
            level(
                is_bid,
                distance,
                if draw.is_multiple_of(5) {
                    0
                } else {
                    1 + draw % 1_000
                },
            )
        };
        (0..LEVELS_A_DELTA).map(change).collect()
    };
    BookDelta {
        symbol,
        first_update_id: n + 1,
        last_update_id: n + 1,
        event_time: Timestamp::EPOCH,
        bids: side(true),
        asks: side(false),
    }
}

/// Nanoseconds a level: the quickest round, which nothing disturbed, and the median.
fn cost(symbol: Symbol, depth: u64, place: Where) -> (u128, u128) {
    let side = |is_bid: bool| {
        (0..i64::try_from(depth).expect("small"))
            .map(|d| level(is_bid, d, 5))
            .collect()
    };
    let snapshot = BookSnapshot {
        symbol,
        last_update_id: 0,
        bids: side(true),
        asks: side(false),
    };
    let deltas: Vec<BookDelta> = (0..DELTAS).map(|n| delta(symbol, n, depth, place)).collect();
    let mut figures = Vec::new();
    for _ in 0..ROUNDS {
        let mut book = LocalBook::new(symbol);
        book.reset(Timestamp::EPOCH, &snapshot);
        let start = Instant::now();
        for delta in &deltas {
            book.apply(Timestamp::EPOCH, black_box(delta))
                .expect("in sequence");
        }
        figures.push(start.elapsed().as_nanos() / u128::from(DELTAS * LEVELS_A_DELTA * 2));
        black_box(book.last_update_id());
    }
    figures.sort_unstable();
    let at = |place: usize| figures.get(place).copied().unwrap_or(0);
    (at(0), at(ROUNDS / 2))
}

fn main() {
    let symbol: Symbol = "BTCUSDT".parse().expect("a symbol");
    let changes = DELTAS * LEVELS_A_DELTA * 2;
    println!("one change of a level, {ROUNDS} rounds of {changes} changes; ns, quickest / median");
    println!("  levels a side   near the top (goal 60)   anywhere");
    for depth in [100, 1_000, 5_000] {
        let near = cost(symbol, depth, Where::NearTheTop);
        let anywhere = cost(symbol, depth, Where::Anywhere);
        println!(
            "  {depth:>13}   {:>14} / {:<5}   {:>6} / {}",
            near.0, near.1, anywhere.0, anywhere.1
        );
    }
}
