//! Klines on request.

use keel_binance_wire::error::{ApiError, code};
use keel_binance_wire::number::EightPlaces;
use keel_binance_wire::params::Params;
use keel_domain::Timestamp;
use serde_json::{Value, json};

use super::{limit, millis, symbol, time_zone};
use crate::protocol::Protocol;
use crate::protocol::endpoint::Answer;
use crate::protocol::tape::{Interval, Kline, Span};

/// Rows of twelve; `uiKlines` answers the same here.
pub(super) fn klines(protocol: &Protocol, now: Timestamp, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let interval = params
        .get("interval")
        .filter(|name| !name.is_empty())
        .ok_or_else(|| ApiError::mandatory("interval"))?;
    let interval =
        Interval::parse(interval).ok_or_else(|| ApiError::new(code::BAD_INTERVAL, "Invalid interval."))?;
    let span = Span {
        start: millis(params, "startTime")?,
        end: millis(params, "endTime")?,
        limit: limit(params, 500, 1_000)?,
    };
    let offset = time_zone(params)?;
    let Some(tape) = protocol.tapes.get(symbol) else {
        return Ok(json!([]));
    };
    let klines = tape.klines(interval, offset, span, now.as_millis());
    Ok(Value::Array(klines.iter().map(row).collect()))
}

fn row(kline: &Kline) -> Value {
    let bar = &kline.bar;
    json!([
        kline.open_time,
        bar.open.write(),
        bar.high.write(),
        bar.low.write(),
        bar.close.write(),
        bar.volume().write(),
        kline.close_time,
        bar.quote_volume().write(),
        bar.count,
        bar.taker_volume().write(),
        bar.taker_quote_volume().write(),
        "0",
    ])
}
