//! Market data streams: subscriptions, and events to frames (web-socket-streams.md).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use keel_binance_wire::rest::WireLevel;
use keel_binance_wire::stream::{BookTickerEvent, DepthEvent, TradeEvent};
use keel_domain::{Price, Qty, Side, Symbol, Timestamp};
use serde_json::{Value, json};

use super::{ConnId, ConnectionKind, Outgoing, Protocol};
use crate::core::{Exchange, LevelQty, PublicTrade};

/// The most streams one connection may have.
const STREAMS_MAX: usize = 1_024;

/// A connection to the streams: what it subscribed to, and whether frames name their stream.
pub(super) struct StreamConnection {
    is_combined: bool,
    streams: BTreeSet<String>,
}

impl StreamConnection {
    /// `/ws` and `/ws/NAME`: frames come bare.
    pub(super) fn raw(name: &str) -> Self {
        Self {
            is_combined: false,
            streams: names(name).collect(),
        }
    }

    /// `/stream?streams=A/B`: frames name their stream.
    pub(super) fn combined(query: &str) -> Self {
        let list = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("streams="))
            .unwrap_or("");
        Self {
            is_combined: true,
            streams: names(list).collect(),
        }
    }

    /// Whether frames name their stream.
    pub(super) fn is_combined(&self) -> bool {
        self.is_combined
    }

    fn frame(&self, stream: &str, data: &str) -> Option<String> {
        if !self.streams.contains(stream) {
            return None;
        }
        Some(if self.is_combined {
            format!(r#"{{"stream":"{stream}","data":{data}}}"#)
        } else {
            data.to_owned()
        })
    }

    /// Answers a control request.
    pub(super) fn control(&mut self, text: &str, exchange: &Exchange) -> String {
        let request: Value = match serde_json::from_str(text) {
            Ok(request) => request,
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                return refusal(
                    None,
                    3,
                    &format!("Invalid JSON: expected value at line {line} column {column}"),
                );
            }
        };
        let id = request.get("id").cloned();
        if !id.as_ref().is_none_or(is_request_id) {
            return refusal(None, 2, "Invalid request: request ID must be an unsigned integer");
        }
        let Some(method) = request.get("method").and_then(Value::as_str) else {
            return refusal(id, 2, "Invalid request: missing field `method`");
        };
        let list = request
            .get("params")
            .and_then(Value::as_array)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let result = match method {
            "SUBSCRIBE" => self.subscribe(list, exchange).map(|()| Value::Null),
            "UNSUBSCRIBE" => {
                list.iter().filter_map(Value::as_str).for_each(|name| {
                    self.streams.remove(name);
                });
                Ok(Value::Null)
            }
            "LIST_SUBSCRIPTIONS" => Ok(self.streams.iter().cloned().collect()),
            "SET_PROPERTY" => self.set_property(list),
            "GET_PROPERTY" => match list {
                [name] if name == "combined" => Ok(self.is_combined.into()),
                _ => Err((0, "Unknown property".to_owned())),
            },
            other => {
                let known =
                    "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`";
                Err((
                    2,
                    format!("Invalid request: unknown variant `{other}`, expected one of {known}"),
                ))
            }
        };
        match result {
            Ok(result) => json!({ "result": result, "id": id }).to_string(),
            Err((code, msg)) => refusal(id, code, &msg),
        }
    }

    /// Takes all of the streams or none.
    fn subscribe(&mut self, list: &[Value], exchange: &Exchange) -> Result<(), (i32, String)> {
        let mut wanted = Vec::with_capacity(list.len());
        for name in list {
            let name = name
                .as_str()
                .ok_or_else(|| (2, "Invalid request: stream name must be a string".to_owned()))?;
            if !is_stream(name, exchange) {
                return Err((2, format!("Invalid request: unknown stream {name}")));
            }
            wanted.push(name.to_owned());
        }
        if self.streams.len() + wanted.len() > STREAMS_MAX {
            return Err((
                2,
                format!("Invalid request: too many streams, at most {STREAMS_MAX}"),
            ));
        }
        self.streams.extend(wanted);
        Ok(())
    }

    fn set_property(&mut self, list: &[Value]) -> Result<Value, (i32, String)> {
        match list {
            [name, Value::Bool(is_combined)] if name == "combined" => {
                self.is_combined = *is_combined;
                Ok(Value::Null)
            }
            [name, _] if name == "combined" => Err((1, "Invalid value type: expected Boolean".to_owned())),
            _ => Err((0, "Unknown property".to_owned())),
        }
    }
}

fn is_request_id(id: &Value) -> bool {
    id.is_null() || id.is_i64() || id.is_u64() || id.as_str().is_some_and(|text| text.len() <= 36)
}

fn names(list: &str) -> impl Iterator<Item = String> {
    list.split('/')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .take(STREAMS_MAX)
}

/// Whether the name is a stream of a pair that is traded. Streams that come with a later issue are not refused, only
/// silent: clients subscribe to many.
fn is_stream(name: &str, exchange: &Exchange) -> bool {
    let Some((symbol, kind)) = name.split_once('@') else {
        return name.starts_with('!');
    };
    let is_pair =
        Symbol::new(&symbol.to_uppercase()).is_ok_and(|symbol| exchange.instrument(symbol).is_some());
    is_pair && !kind.is_empty() && symbol == symbol.to_lowercase()
}

fn refusal(id: Option<Value>, code: i32, msg: &str) -> String {
    json!({ "error": { "code": code, "msg": msg }, "id": id }).to_string()
}

/// Changes of one pair's book since the last frame of one speed.
#[derive(Default)]
struct Pending {
    first_update_id: Option<u64>,
    last_update_id: u64,
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
}

impl Pending {
    fn note(&mut self, update_id: u64, side: Side, price: Price, qty: Qty) {
        self.first_update_id.get_or_insert(update_id);
        self.last_update_id = update_id;
        match side {
            Side::Buy => self.bids.insert(price, qty),
            Side::Sell => self.asks.insert(price, qty),
        };
    }
}

/// The two speeds at which book changes are told.
pub(super) struct DepthStreams {
    fast: BTreeMap<Symbol, Pending>,
    slow: BTreeMap<Symbol, Pending>,
    fast_flush_at: Timestamp,
    slow_flush_at: Timestamp,
    best: BTreeMap<Symbol, (Option<LevelQty>, Option<LevelQty>)>,
}

impl DepthStreams {
    const FAST: Duration = Duration::from_millis(100);
    const SLOW: Duration = Duration::from_secs(1);

    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            fast: BTreeMap::new(),
            slow: BTreeMap::new(),
            fast_flush_at: now.plus(Self::FAST),
            slow_flush_at: now.plus(Self::SLOW),
            best: BTreeMap::new(),
        }
    }

    pub(super) fn note(&mut self, symbol: Symbol, update_id: u64, side: Side, price: Price, qty: Qty) {
        for pending in [&mut self.fast, &mut self.slow] {
            pending
                .entry(symbol)
                .or_default()
                .note(update_id, side, price, qty);
        }
    }

    pub(super) fn next_flush_at(&self) -> Timestamp {
        self.fast_flush_at.min(self.slow_flush_at)
    }
}

fn stream_name(symbol: Symbol, kind: &str) -> String {
    format!("{}@{kind}", symbol.as_str().to_lowercase())
}

/// JSON of an event; serialising these plain structs cannot fail.
fn to_json(event: impl serde::Serialize) -> String {
    serde_json::to_string(&event).unwrap_or_default()
}

impl Protocol {
    fn send_to_stream(&mut self, stream: &str, data: &str) {
        for (id, connection) in &self.connections {
            if let ConnectionKind::Streams(streams) = &connection.kind
                && let Some(frame) = streams.frame(stream, data)
            {
                self.out.push_back((ConnId(id.0), Outgoing::Text(frame)));
            }
        }
    }

    pub(super) fn publish_trade(&mut self, trade: &PublicTrade) {
        let event = TradeEvent {
            event: "trade".into(),
            event_time: trade.time.as_millis(),
            symbol: trade.symbol.as_str().into(),
            trade_id: trade.trade_id.0,
            price: trade.price,
            qty: trade.qty,
            trade_time: trade.time.as_millis(),
            is_buyer_maker: trade.is_buyer_maker,
            ignored: true,
        };
        self.send_to_stream(&stream_name(trade.symbol, "trade"), &to_json(event));
    }

    /// Tells the best prices of pairs where they changed.
    pub(super) fn publish_best(&mut self) {
        let symbols: Vec<Symbol> = self
            .exchange
            .instruments()
            .map(|instrument| instrument.symbol)
            .collect();
        for symbol in symbols {
            let best = (
                self.exchange.best(symbol, Side::Buy),
                self.exchange.best(symbol, Side::Sell),
            );
            if self.depth.best.get(&symbol) == Some(&best) {
                continue;
            }
            self.depth.best.insert(symbol, best);
            let (Some(bid), Some(ask)) = best else { continue };
            let event = BookTickerEvent {
                update_id: self.exchange.update_id(symbol),
                symbol: symbol.as_str().into(),
                bid_price: bid.price,
                bid_qty: bid.qty,
                ask_price: ask.price,
                ask_qty: ask.qty,
            };
            self.send_to_stream(&stream_name(symbol, "bookTicker"), &to_json(event));
        }
    }

    /// Tells the book's changes whose time has come. Nothing is told of a book that did not change.
    pub(super) fn flush_depth(&mut self, now: Timestamp) {
        if now >= self.depth.fast_flush_at {
            self.depth.fast_flush_at = now.plus(DepthStreams::FAST);
            let changes = std::mem::take(&mut self.depth.fast);
            self.send_depth(now, "depth@100ms", changes);
        }
        if now >= self.depth.slow_flush_at {
            self.depth.slow_flush_at = now.plus(DepthStreams::SLOW);
            let changes = std::mem::take(&mut self.depth.slow);
            self.send_depth(now, "depth", changes);
        }
    }

    fn send_depth(&mut self, now: Timestamp, kind: &str, changes: BTreeMap<Symbol, Pending>) {
        let level = |(price, qty): (&Price, &Qty)| WireLevel(*price, *qty);
        for (symbol, pending) in changes {
            let Some(first_update_id) = pending.first_update_id else {
                continue;
            };
            let event = DepthEvent {
                event: "depthUpdate".into(),
                event_time: now.as_millis(),
                symbol: symbol.as_str().into(),
                first_update_id,
                last_update_id: pending.last_update_id,
                bids: pending.bids.iter().rev().map(level).collect(),
                asks: pending.asks.iter().map(level).collect(),
            };
            self.send_to_stream(&stream_name(symbol, kind), &to_json(event));
        }
    }
}
