//! Changes of a book, and the book they begin with.
#![allow(clippy::expect_used, reason = "a benchmark")]

use keel_domain::{Price, Qty, Symbol, Timestamp};
use keel_market_data::{BookDelta, BookSnapshot, Level};

pub(crate) const LEVELS_A_DELTA: u64 = 20;
pub(crate) const DELTAS: u64 = 2_000;
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
pub(crate) enum Where {
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

/// A full book of so many levels a side.
pub(crate) fn snapshot(symbol: Symbol, depth: u64) -> BookSnapshot {
    let side = |is_bid: bool| {
        (0..i64::try_from(depth).expect("small"))
            .map(|distance| level(is_bid, distance, 5))
            .collect()
    };
    BookSnapshot {
        symbol,
        last_update_id: 0,
        bids: side(true),
        asks: side(false),
    }
}

pub(crate) fn deltas(symbol: Symbol, depth: u64, place: Where) -> Vec<BookDelta> {
    (0..DELTAS).map(|n| delta(symbol, n, depth, place)).collect()
}
