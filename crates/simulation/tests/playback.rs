//! What was recorded of an exchange is played back as it was.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;

use keel_domain::{Qty, Symbol, Timestamp};
use keel_recording::{Record, SegmentLimits, SegmentWriter};
use keel_sim_exchange::core::{Exchange, ExchangeConfig, QueueRule, Scenario};
use keel_sim_exchange::protocol::{HttpRequest, Method, Outgoing, Protocol, Reply};
use keel_simulation::{FrameTally, RecordedData, RecordedError};

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const REPLY: &str = r#"{"result":null"#;

fn pair() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

/// Writes records with numbers and times of their own.
struct Recorder {
    writer: SegmentWriter,
    seq: u64,
}

impl Recorder {
    fn new(dir: &Path) -> Self {
        let writer = SegmentWriter::create(dir, SegmentLimits::default()).unwrap();
        Self { writer, seq: 0 }
    }

    fn record(&mut self, now: Timestamp, stream: &str, frame: &str) {
        self.seq += 1;
        let wall_ns = u64::try_from(now.as_nanos()).unwrap();
        let record = Record {
            seq: self.seq,
            wall_ns,
            mono_ns: wall_ns - u64::try_from(START.as_nanos()).unwrap(),
            connection: 1,
            stream: stream.to_owned(),
            frame: frame.to_owned(),
        };
        self.writer.append(&record).unwrap();
    }
}

fn get(protocol: &mut Protocol, now: Timestamp, path: &str, query: &str) -> String {
    let request = HttpRequest {
        peer: PEER,
        method: Method::Get,
        path: path.to_owned(),
        raw_query: query.to_owned(),
        raw_body: String::new(),
        api_key: None,
        time_unit: None,
    };
    match protocol.serve(now, &request) {
        Reply::Now(served) => served.response.body,
        Reply::Later(_) => panic!("no faults are set"),
    }
}

/// Records an exchange for so long, as a client sees it, and gives the exchange as it then is.
fn recorded(dir: &Path, scenario: Scenario, seconds: u64, with_rules: bool) -> Protocol {
    let mut config = ExchangeConfig::with_default_markets(3);
    config.scenario = scenario;
    let mut protocol = Protocol::new(Exchange::new(config, START).unwrap(), Vec::new(), START);
    let mut recorder = Recorder::new(dir);
    let query = "streams=btcusdt@depth@100ms/btcusdt@trade";
    protocol.ws_open(START, PEER, "/stream", query).unwrap();
    if with_rules {
        let rules = get(
            &mut protocol,
            START,
            "/api/v3/exchangeInfo",
            "symbols=[\"BTCUSDT\"]",
        );
        recorder.record(START, "/api/v3/exchangeInfo", &rules);
    }
    let end = START.plus(Duration::from_secs(seconds));
    let (mut now, mut has_snapshot) = (START, false);
    while now < end {
        now = protocol.next_deadline();
        protocol.advance(now);
        while let Some((_, outgoing)) = protocol.poll_out() {
            if let Outgoing::Text(text) = outgoing
                && !text.starts_with(REPLY)
            {
                let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
                recorder.record(now, frame["stream"].as_str().unwrap(), &text);
            }
        }
        if !has_snapshot && now > START.plus(Duration::from_millis(450)) {
            has_snapshot = true;
            let query = "symbol=BTCUSDT&limit=1000";
            let snapshot = get(&mut protocol, now, "/api/v3/depth", query);
            recorder.record(now, &format!("/api/v3/depth?{query}"), &snapshot);
        }
    }
    recorder.writer.finish().unwrap();
    protocol
}

/// Plays a recording to its end.
fn played(dir: &Path, rule: QueueRule) -> (Exchange, FrameTally) {
    let data = RecordedData::open(dir, &[pair()]).unwrap();
    let mut config = ExchangeConfig::with_default_markets(0);
    config.has_background = false;
    config.markets = data.markets().to_vec();
    let now = data.starts_at();
    let (events, recording) = data.play().unwrap();
    let mut exchange = Exchange::new(config, now).unwrap();
    exchange.play(now, rule, events);
    while let Some(at) = exchange.next_deadline() {
        exchange.advance(at);
        while exchange.poll_event().is_some() {}
    }
    assert!(exchange.is_played_out());
    let (read, tally) = recording.finish().unwrap();
    assert_eq!((read.missing, read.out_of_order), (0, 0));
    (exchange, tally)
}

#[test]
fn the_book_at_the_end_is_the_recorded_exchanges_book() {
    for scenario in [Scenario::Calm, Scenario::Volatile, Scenario::FlashCrash] {
        let dir = tempfile::tempdir().unwrap();
        let protocol = recorded(dir.path(), scenario, 60, true);
        let (exchange, tally) = played(dir.path(), QueueRule::Conservative);
        assert_eq!((tally.gaps, tally.undecodable), (0, 0));
        assert!(tally.trades > 50 && tally.depth > 500, "{tally:?}");
        let (was, is) = (
            protocol.exchange().depth(pair(), 5_000).unwrap(),
            exchange.depth(pair(), 5_000).unwrap(),
        );
        assert_eq!((was.bids, was.asks), (is.bids, is.asks), "{scenario}");
        // One recorded trade may meet several orders of a level, and is as many trades then.
        let trades = |exchange: &Exchange| {
            let mut told: BTreeMap<_, Qty> = BTreeMap::new();
            for trade in exchange.recent_trades(pair(), 1_000) {
                let sum = told
                    .entry((trade.time, trade.price, trade.is_buyer_maker))
                    .or_default();
                *sum = sum.saturating_add(trade.qty);
            }
            let half_a_minute_in = START.plus(Duration::from_secs(30));
            told.retain(|(time, ..), _| *time > half_a_minute_in);
            told
        };
        assert_eq!(trades(protocol.exchange()), trades(&exchange), "{scenario}");
    }
}

#[test]
fn a_missing_frame_is_a_gap_and_the_book_stands_until_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path(), Scenario::Calm, 5, true);
    let mut kept = Vec::new();
    keel_recording::read(dir.path(), |record| {
        kept.push(record);
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    let other = tempfile::tempdir().unwrap();
    let mut writer = SegmentWriter::create(other.path(), SegmentLimits::default()).unwrap();
    let depth = |record: &Record| record.stream.contains("depth@");
    let dropped = kept.iter().filter(|record| depth(record)).nth(20).unwrap().seq;
    for record in kept.iter().filter(|record| record.seq != dropped) {
        writer.append(record).unwrap();
    }
    writer.finish().unwrap();
    let data = RecordedData::open(other.path(), &[pair()]).unwrap();
    let (events, recording) = data.play().unwrap();
    assert!(events.count() > 15);
    let (read, tally) = recording.finish().unwrap();
    assert_eq!((tally.gaps, read.missing), (1, 1));
}

#[test]
fn a_recording_that_cannot_be_played_says_what_it_lacks() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path(), Scenario::Calm, 1, true);
    let open = |symbols: &[&str]| {
        let symbols: Vec<Symbol> = symbols.iter().map(|s| s.parse().unwrap()).collect();
        RecordedData::open(dir.path(), &symbols)
    };
    assert_eq!(open(&[]).unwrap().markets()[0].instrument.symbol, pair());
    let error = open(&["ETHUSDT"]).unwrap_err();
    assert!(matches!(error, RecordedError::NoBook { .. }), "{error}");
    let error = open(&["SOLUSDT"]).unwrap_err();
    assert!(matches!(error, RecordedError::NoRules { .. }), "{error}");
    let empty = tempfile::tempdir().unwrap();
    let error = RecordedData::open(empty.path(), &[]).unwrap_err();
    assert!(matches!(error, RecordedError::Recording(_)), "{error}");
}
