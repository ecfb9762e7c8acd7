//! What one change of a level costs in a book of 100, 1,000 and 5,000 levels a side.
//!
//! `cargo bench -p keel-market-data --bench book`
//!
//! Near the top: as on a real stream, most changes lie within a few dozen levels of the best price; three of five set a
//! quantity, one removes a level, one brings a level back. Anywhere: the same with every level equally likely. Goal: 60 ns at any depth.
//!
//! `once DEPTH near|anywhere DELTAS` applies so many and no more: for counting instructions (`.ci/instructions`).
#![allow(clippy::expect_used, reason = "a benchmark")]

mod workload;

use std::hint::black_box;
use std::time::Instant;

use keel_domain::{Symbol, Timestamp};
use keel_market_data::LocalBook;
use workload::{DELTAS, LEVELS_A_DELTA, Where, deltas, snapshot};

const ROUNDS: usize = 31;

/// Nanoseconds a level: the quickest round, which nothing disturbed, and the median.
fn cost(symbol: Symbol, depth: u64, place: Where) -> (u128, u128) {
    let (snapshot, deltas) = (snapshot(symbol, depth), deltas(symbol, depth, place));
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

/// Applies the first `count` changes' deltas to a fresh book, once.
fn once(symbol: Symbol, depth: u64, place: Where, count: usize) {
    let mut book = LocalBook::new(symbol);
    book.reset(Timestamp::EPOCH, &snapshot(symbol, depth));
    for delta in deltas(symbol, depth, place).iter().take(count) {
        book.apply(Timestamp::EPOCH, black_box(delta))
            .expect("in sequence");
    }
    black_box(book.last_update_id());
}

fn main() {
    let symbol: Symbol = "BTCUSDT".parse().expect("a symbol");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [verb, depth, place, count, ..] = arguments.as_slice()
        && verb == "once"
    {
        let place = if place == "near" {
            Where::NearTheTop
        } else {
            Where::Anywhere
        };
        let number = |text: &String| text.parse::<u32>().expect("a number");
        return once(symbol, number(depth).into(), place, number(count) as usize);
    }
    let changes = DELTAS * LEVELS_A_DELTA * 2;
    println!("one change of a level, {ROUNDS} rounds of {changes} changes; ns, quickest / median");
    println!("  levels a side   near the top   anywhere (goal 60)");
    for depth in [100, 1_000, 5_000] {
        let near = cost(symbol, depth, Where::NearTheTop);
        let anywhere = cost(symbol, depth, Where::Anywhere);
        println!(
            "  {depth:>13}   {:>6} / {:<5}   {:>6} / {}",
            near.0, near.1, anywhere.0, anywhere.1
        );
    }
}
