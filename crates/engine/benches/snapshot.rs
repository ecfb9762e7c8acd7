//! What the durable state takes after so many orders, each traded once: its size as a snapshot, the time to write it down
//! and to read it back, and beside it the time to apply all records.
//!
//! `cargo bench -p keel-engine --bench snapshot`
#![allow(clippy::unwrap_used, reason = "a measurement that fails is no measurement")]

#[path = "../tests/engine/common/mod.rs"]
mod common;

use std::time::Instant;

use common::venue::{ModelVenue, Request};
use common::{T0, entry, instrument, lots, replay, symbol};
use keel_domain::{Qty, Side, SignedQty, TradeId};
use keel_engine::{DurableState, Fact, Record, Seen};
use keel_execution::VenueReport;

/// The records of so many orders.
fn history(orders: u64) -> Vec<Record> {
    let mut venue = ModelVenue::new();
    let record = |fact| Record { at: T0, fact };
    let mut records = vec![record(Fact::Instrument(instrument(symbol())))];
    let seen = Seen {
        bid_ask: None,
        position: SignedQty::ZERO,
        buy_leaves: Qty::ZERO,
        sell_leaves: Qty::ZERO,
    };
    for n in 0..orders {
        let side = if n % 2 == 0 { Side::Buy } else { Side::Sell };
        let cl_ord_id = format!("k1-1-{n}").parse().unwrap();
        let intent = entry(side, 1);
        records.push(record(Fact::Intent {
            cl_ord_id,
            intent,
            seen,
            stop: None,
        }));
        let placed = venue.answer(T0, T0, Request::Submit(cl_ord_id, intent));
        for report in placed.into_iter().chain(venue.fill(T0, cl_ord_id, lots(1))) {
            if let VenueReport::Execution(report) = report {
                records.push(record(Fact::Execution(report)));
            }
        }
        // As a comparison with the venue finds them, every 30 s.
        if n % 100 == 0 {
            let next = venue.trades.last().map(|trade| TradeId(trade.trade_id.0 + 1));
            records.extend(next.map(|next| {
                record(Fact::TradesRead {
                    symbol: symbol(),
                    next,
                })
            }));
        }
    }
    records
}

fn main() {
    println!("orders   records  snapshot bytes  write ms  read ms  apply all ms");
    for orders in [1_000, 10_000, 100_000] {
        let records = history(orders);
        let started = Instant::now();
        let state = replay(DurableState::default(), &records);
        let applied = started.elapsed();
        let started = Instant::now();
        let written = serde_json::to_vec(&state).unwrap();
        let write = started.elapsed();
        let started = Instant::now();
        let read: DurableState = serde_json::from_slice(&written).unwrap();
        let reading = started.elapsed();
        assert_eq!(read, state);
        assert_eq!(state.ledgers().trade_count(symbol()) as u64, orders);
        println!(
            "{orders:>7} {:>8} {:>15} {:>9.1} {:>8.1} {:>13.1}",
            records.len(),
            written.len(),
            write.as_secs_f64() * 1e3,
            reading.as_secs_f64() * 1e3,
            applied.as_secs_f64() * 1e3
        );
    }
}
