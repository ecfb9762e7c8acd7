//! What it costs to tell one event to many: 1,000 connections that listen to a busy pair, a virtual minute.
//!
//! `cargo bench -p keel-sim-exchange --bench fan_out`. The venue without listeners is measured beside it, so that the
//! market's own work can be told from the frames'.
#![allow(
    clippy::unwrap_used,
    reason = "a benchmark that cannot start has nothing to say"
)]

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use keel_domain::Timestamp;
use keel_sim_exchange::core::{Exchange, ExchangeConfig};
use keel_sim_exchange::protocol::{Limits, Outgoing, Protocol};

const START: Timestamp = Timestamp::from_millis(1_700_000_100_000);
const STREAMS: &str = "/stream?streams=btcusdt@trade/btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@kline_1m";

/// Frames of a virtual minute, and how long they took.
fn minute(connections: usize) -> (u64, u64, Duration) {
    let exchange = Exchange::new(ExchangeConfig::with_default_markets(7), START).unwrap();
    let mut protocol = Protocol::with_limits(exchange, Vec::new(), Limits::off(), START);
    let (path, query) = STREAMS.split_once('?').unwrap();
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    for _ in 0..connections {
        protocol.ws_open(START, peer, path, query).unwrap();
    }
    let end = START.plus(Duration::from_secs(60));
    let (mut frames, mut bytes) = (0, 0);
    let began = Instant::now();
    while protocol.next_deadline() <= end {
        protocol.advance(protocol.next_deadline());
        while let Some((id, outgoing)) = protocol.poll_out() {
            match outgoing {
                Outgoing::Text(text) => {
                    frames += 1;
                    bytes += text.len() as u64;
                }
                Outgoing::Ping(payload) => protocol.ws_pong(protocol.next_deadline(), id, payload.as_bytes()),
                Outgoing::Close(..) | Outgoing::Reset => {}
            }
        }
    }
    (frames, bytes, began.elapsed())
}

fn main() {
    let (_, _, market) = minute(0);
    for connections in [1, 100, 1_000] {
        let (frames, bytes, took) = minute(connections);
        let own = took.saturating_sub(market);
        let nanos = own.as_nanos() / u128::from(frames.max(1));
        println!(
            "{connections:>5} connections: {:>7} frames and {:>6} kB a virtual second, {nanos:>5} ns a frame, \
             {:.2} % of one core (the market alone {:.2} %)",
            frames / 60,
            bytes / 60_000,
            took.as_secs_f64() / 0.6,
            market.as_secs_f64() / 0.6,
        );
    }
}
