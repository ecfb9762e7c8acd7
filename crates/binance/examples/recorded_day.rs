//! Replays a recording of the venue's frames through the session, and compares the book that comes of it with one that a
//! second, plain implementation makes of the same frames.
//!
//! It reads lines of `<local receive time, ns> <frame>` from standard input: combined stream events and one REST snapshot.
//!
//!     zcat spot_btcusdt_20240808.gz | cargo run --release -p keel-binance --example recorded_day -- BTCUSDT
//!
//! It fails where a gap is found, where a book is crossed, or where the final best prices differ.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use keel_binance::{
    Credentials, Endpoints, HttpResult, Input, KeyKind, Link, RequestId, Session, SessionSettings, Slot,
    Transmit,
};
use keel_domain::{Price, Qty, Symbol, Timestamp};
use keel_market_data::{BookTicker, LocalBook, MarketFeed, MarketUpdate};
use serde_json::Value;

const MARKET: Link = Link::Market(Slot::A);
const AGE_MAX: Duration = Duration::from_secs(2);

/// The second implementation: trees of decimal prices, read by way of generic JSON, without a word about sequence but the
/// snapshot's id.
#[derive(Default)]
struct PlainBook {
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
    snapshot_id: Option<u64>,
    waiting: Vec<Value>,
}

impl PlainBook {
    fn set(side: &mut BTreeMap<Price, Qty>, levels: &Value) -> Result<()> {
        for level in levels.as_array().context("levels")? {
            let text = |place: usize| level.get(place).and_then(Value::as_str).context("a number");
            let (price, qty): (Price, Qty) = (text(0)?.parse()?, text(1)?.parse()?);
            if qty.is_zero() {
                side.remove(&price);
            } else {
                side.insert(price, qty);
            }
        }
        Ok(())
    }

    fn on_snapshot(&mut self, snapshot: &Value) -> Result<()> {
        self.snapshot_id = snapshot.get("lastUpdateId").and_then(Value::as_u64);
        Self::set(&mut self.bids, snapshot.get("bids").context("bids")?)?;
        Self::set(&mut self.asks, snapshot.get("asks").context("asks")?)?;
        for event in std::mem::take(&mut self.waiting) {
            self.on_event(event)?;
        }
        Ok(())
    }

    fn on_event(&mut self, event: Value) -> Result<()> {
        let Some(id) = self.snapshot_id else {
            self.waiting.push(event);
            return Ok(());
        };
        if event.get("u").and_then(Value::as_u64).context("u")? > id {
            Self::set(&mut self.bids, event.get("b").context("b")?)?;
            Self::set(&mut self.asks, event.get("a").context("a")?)?;
        }
        Ok(())
    }

    fn top(&self) -> Option<(Price, Price)> {
        Some((*self.bids.last_key_value()?.0, *self.asks.first_key_value()?.0))
    }
}

/// What the replay counts.
#[derive(Debug, Default)]
struct Tally {
    frames: u64,
    changes: u64,
    trades: u64,
    lost: u64,
    crossed: u64,
    /// Best prices told beside the book that it has caught up with.
    tickers: u64,
    /// Those of them that were the book's. The venue tells both at different moments, so some cannot be.
    tickers_alike: u64,
}

struct Replay {
    symbol: Symbol,
    session: Session,
    book: LocalBook,
    /// The venue's clock less the recorder's, as the first event shows it.
    offset_ms: i64,
    snapshot_asked: Option<RequestId>,
    ticker: Option<BookTicker>,
    tally: Tally,
}

impl Replay {
    fn new(symbol: Symbol, now: Timestamp, offset_ms: i64) -> Result<Self> {
        let endpoints = Endpoints {
            rest_url: "http://recording".to_owned(),
            stream_url: "ws://recording".to_owned(),
            ws_api_url: "ws://recording/ws-api/v3".to_owned(),
        };
        let credentials = Credentials {
            api_key: "none".into(),
            secret: "none".into(),
            kind: KeyKind::Hmac,
        };
        let settings = SessionSettings {
            book_ticker: true,
            ..SessionSettings::new(vec![symbol])
        };
        let session = Session::new(now, endpoints, settings, &credentials)?;
        let book = LocalBook::new(symbol);
        let mut replay = Self {
            symbol,
            session,
            book,
            offset_ms,
            snapshot_asked: None,
            ticker: None,
            tally: Tally::default(),
        };
        replay.settle(now);
        Ok(replay)
    }

    fn input(&mut self, now: Timestamp, input: Input) {
        self.session.handle(now, input);
        self.settle(now);
    }

    /// Carries out what the session wants, as the venue of the recording.
    fn settle(&mut self, now: Timestamp) {
        while let Some(transmit) = self.session.poll_transmit(now) {
            match transmit {
                Transmit::Open(MARKET, _) => self.session.handle(now, Input::Opened(MARKET)),
                Transmit::Frame(MARKET, text) => {
                    let id = serde_json::from_str::<Value>(&text)
                        .ok()
                        .and_then(|f| f.get("id").cloned());
                    let reply = serde_json::json!({"result": null, "id": id}).to_string();
                    self.session.handle(now, Input::Frame(MARKET, reply.into_bytes()));
                }
                Transmit::Http(id, request) if request.path == "/api/v3/depth" => {
                    self.snapshot_asked = Some(id)
                }
                Transmit::Http(id, request) if request.path == "/api/v3/time" => {
                    let time = serde_json::json!({"serverTime": now.as_millis() + self.offset_ms});
                    self.answer(now, id, time.to_string());
                }
                Transmit::Http(..) | Transmit::Open(..) | Transmit::Frame(..) | Transmit::Close(_) => {}
            }
        }
        while let Some(update) = self.session.next_update() {
            self.take(now, update);
        }
    }

    fn answer(&mut self, now: Timestamp, id: RequestId, body: String) {
        let result = HttpResult {
            status: 200,
            retry_after: None,
            used_weight: None,
            body: body.into_bytes(),
        };
        self.session.handle(now, Input::Http(id, Ok(result)));
    }

    fn take(&mut self, now: Timestamp, update: MarketUpdate) {
        match update {
            MarketUpdate::BookSnapshot(snapshot) => self.book.reset(now, &snapshot),
            MarketUpdate::BookDelta(delta) => {
                self.tally.changes += 1;
                self.tally.lost += u64::from(self.book.apply(now, &delta).is_err());
                self.tally.crossed += u64::from(self.book.top(now, AGE_MAX).is_err());
                self.compare_ticker(now, delta.last_update_id);
            }
            MarketUpdate::BookLost { .. } => {
                self.tally.lost += 1;
                self.book.clear();
            }
            MarketUpdate::Trade(_) => self.tally.trades += 1,
            MarketUpdate::BookTicker(ticker) => self.ticker = Some(ticker),
            MarketUpdate::Kline(_) | MarketUpdate::UnknownField { .. } => {}
        }
    }

    /// The best prices told last are those of a book that has just caught up with them.
    fn compare_ticker(&mut self, now: Timestamp, last_update_id: u64) {
        let caught_up = |ticker: &BookTicker| ticker.update_id <= last_update_id;
        let Some(ticker) = self.ticker.take_if(|ticker| caught_up(ticker)) else {
            return;
        };
        let top = self.book.top(now, AGE_MAX);
        let is_alike = top.is_ok_and(|top| (top.bid, top.ask) == (ticker.bid, ticker.ask));
        self.tally.tickers += 1;
        self.tally.tickers_alike += u64::from(is_alike);
    }

    /// Time passes up to the next frame, with a turn at every deadline.
    fn pass_until(&mut self, now: Timestamp) {
        while let Some(at) = self.session.next_deadline().filter(|at| *at < now) {
            self.input(at, Input::Timer);
        }
    }

    fn line(&mut self, now: Timestamp, frame: &str, plain: &mut PlainBook) -> Result<()> {
        self.pass_until(now);
        self.tally.frames += 1;
        let parsed: Value = serde_json::from_str(frame)?;
        if parsed.get("lastUpdateId").is_some() {
            plain.on_snapshot(&parsed)?;
            let id = self.snapshot_asked.take().context("no snapshot is asked for")?;
            self.answer(now, id, frame.to_owned());
            self.settle(now);
            return Ok(());
        }
        let data = parsed.get("data").context("a frame without data")?;
        if data.get("e").and_then(Value::as_str) == Some("depthUpdate") {
            plain.on_event(data.clone())?;
        }
        self.input(now, Input::Frame(MARKET, frame.as_bytes().to_vec()));
        Ok(())
    }
}

/// How far the venue's event time is before the recorder's clock; none where the frame has no event time.
fn offset_ms(now: Timestamp, frame: &str) -> Result<Option<i64>> {
    let frame: Value = serde_json::from_str(frame)?;
    let event_time = frame.pointer("/data/E").and_then(Value::as_i64);
    Ok(event_time.map(|at| at - now.as_millis()))
}

fn main() -> Result<()> {
    let Some(name) = std::env::args().nth(1) else {
        bail!("say which pair, such as BTCUSDT");
    };
    let symbol: Symbol = name.parse()?;
    let mut plain = PlainBook::default();
    let (mut replay, mut now): (Option<Replay>, _) = (None, Timestamp::EPOCH);
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (at, frame) = line.split_once(' ').context("a line without a time")?;
        now = Timestamp::from_nanos(at.parse()?);
        if replay.is_none() {
            // Frames before the first that tells the venue's clock are left out.
            let Some(offset) = offset_ms(now, frame)? else {
                continue;
            };
            replay = Some(Replay::new(symbol, now, offset)?);
        }
        if let Some(replay) = &mut replay {
            replay.line(now, frame, &mut plain)?;
        }
    }
    let replay = replay.context("nothing came")?;
    let (tally, stats) = (&replay.tally, replay.session.stats());
    let ours = replay
        .book
        .top(now, AGE_MAX)
        .map(|top| (top.bid.price, top.ask.price));
    println!("{}: {tally:?}", replay.symbol);
    println!(
        "clock {} ms, gaps {}, stalls {}, unreadable {}, undocumented {}",
        stats.clock_offset_ms, stats.gaps, stats.stalls, stats.undecodable, stats.unknown_fields
    );
    println!(
        "final best prices {ours:?}, by the second implementation {:?}",
        plain.top()
    );
    ensure!(
        ours.ok() == plain.top() && plain.top().is_some(),
        "the final best prices differ"
    );
    ensure!(
        tally.lost + tally.crossed + stats.gaps + stats.stalls == 0,
        "the book was lost or crossed"
    );
    ensure!(
        stats.undecodable + stats.unknown_fields == 0,
        "some frames are not as documented"
    );
    Ok(())
}
