//! Market data on request.

mod info;
mod klines;
mod price_rules;
mod symbols;
mod tickers;
mod trades;

use keel_binance_wire::error::{ApiError, code, text};
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::{Depth, ServerTime, WireLevel};
use keel_domain::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::Protocol;
use super::endpoint::{Answer, Endpoint, Refusal, Weight, public};
use crate::core::LevelQty;

pub(super) use price_rules::NO_REFERENCE_PRICE;
use symbols::{check_status, status_filter};
pub(super) use symbols::{symbol, symbol_if_told};
pub(super) use tickers::{Window, best};

/// Market data. Weights that go by what is asked for are functions of the parameters.
pub(super) const ENDPOINTS: &[Endpoint] = &[
    public("/api/v3/ping", "ping", Weight::Fixed(1), ping),
    public("/api/v3/time", "time", Weight::Fixed(1), time),
    public(
        "/api/v3/exchangeInfo",
        "exchangeInfo",
        Weight::Fixed(20),
        info::exchange_info,
    ),
    public(
        "/api/v3/executionRules",
        "executionRules",
        Weight::By(price_rules::weight_of_rules),
        price_rules::execution_rules,
    ),
    public("/api/v3/depth", "depth", Weight::By(weight_of_depth), depth),
    public(
        "/api/v3/trades",
        "trades.recent",
        Weight::Fixed(25),
        trades::recent,
    ),
    public(
        "/api/v3/historicalTrades",
        "trades.historical",
        Weight::Fixed(25),
        trades::historical,
    ),
    public(
        "/api/v3/historicalBlockTrades",
        "blockTrades.historical",
        Weight::Fixed(25),
        trades::block,
    ),
    public(
        "/api/v3/aggTrades",
        "trades.aggregate",
        Weight::Fixed(4),
        trades::aggregate,
    ),
    public("/api/v3/klines", "klines", Weight::Fixed(2), klines::klines),
    public("/api/v3/uiKlines", "uiKlines", Weight::Fixed(2), klines::klines),
    public(
        "/api/v3/avgPrice",
        "avgPrice",
        Weight::Fixed(2),
        tickers::avg_price,
    ),
    public(
        "/api/v3/ticker/24hr",
        "ticker.24hr",
        Weight::By(tickers::weight_of_day),
        tickers::day,
    ),
    public(
        "/api/v3/ticker/tradingDay",
        "ticker.tradingDay",
        Weight::By(tickers::weight_by_symbol),
        tickers::trading_day,
    ),
    public(
        "/api/v3/ticker",
        "ticker",
        Weight::By(tickers::weight_by_symbol),
        tickers::rolling,
    ),
    public(
        "/api/v3/ticker/price",
        "ticker.price",
        Weight::By(tickers::weight_of_latest),
        tickers::price,
    ),
    public(
        "/api/v3/ticker/bookTicker",
        "ticker.book",
        Weight::By(tickers::weight_of_latest),
        tickers::book,
    ),
    public(
        "/api/v3/referencePrice",
        "referencePrice",
        Weight::Fixed(2),
        price_rules::reference_price,
    ),
    public(
        "/api/v3/referencePrice/calculation",
        "referencePrice.calculation",
        Weight::Fixed(2),
        price_rules::calculation,
    ),
];

pub(super) fn to_value(value: impl Serialize) -> Answer {
    serde_json::to_value(value)
        .map_err(|error| Refusal::new(500, ApiError::new(code::UNKNOWN, error.to_string())))
}

pub(super) fn bad_symbol() -> Refusal {
    ApiError::new(code::BAD_SYMBOL, text::BAD_SYMBOL).into()
}

pub(super) fn invalid(name: &str) -> ApiError {
    ApiError::new(-1130, format!("Data sent for parameter '{name}' is not valid."))
}

pub(super) fn bad_combination() -> ApiError {
    ApiError::new(-1128, "Combination of optional parameters invalid.")
}

const WHOLE_NUMBER: &str = "^[0-9]{1,20}$";

/// An optional whole number.
pub(super) fn whole(params: &Params, name: &str) -> Result<Option<u64>, ApiError> {
    let Some(text) = params.get(name) else {
        return Ok(None);
    };
    if text.is_empty() || text.len() > 20 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ApiError::illegal_chars(name, WHOLE_NUMBER));
    }
    let number = text.parse();
    number
        .map(Some)
        .map_err(|_| ApiError::new(-1108, format!("Parameter '{name}' overflowed.")))
}

/// An optional time in ms; one with more digits is told in microseconds.
pub(super) fn millis(params: &Params, name: &str) -> Result<Option<i64>, ApiError> {
    let time = whole(params, name)?.map(|time| i64::try_from(time).unwrap_or(i64::MAX));
    Ok(time.map(|time| {
        if time > 99_999_999_999_999 {
            time / 1_000
        } else {
            time
        }
    }))
}

/// A count between one and a maximum; larger ones are cut, as the venue does.
pub(super) fn limit(params: &Params, default: usize, max: usize) -> Result<usize, ApiError> {
    match whole(params, "limit")? {
        None => Ok(default),
        Some(0) => Err(invalid("limit")),
        Some(limit) => Ok(usize::try_from(limit).unwrap_or(max).min(max)),
    }
}

/// Minutes east of UTC: "0", "8", "-1:00", "05:45"; from -12:00 to +14:00.
fn time_zone(params: &Params) -> Result<i64, ApiError> {
    let Some(text) = params.get("timeZone") else {
        return Ok(0);
    };
    let read = || -> Option<i64> {
        let (sign, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let (hours, minutes) = unsigned.split_once(':').unwrap_or((unsigned, "00"));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !(1..=2).contains(&hours.len()) || minutes.len() != 2 || !is_number(hours) || !is_number(minutes) {
            return None;
        }
        let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
        let offset = sign * (hours * 60 + minutes);
        ((-12 * 60..=14 * 60).contains(&offset) && minutes < 60).then_some(offset)
    };
    read()
        .map(|minutes| minutes * 60_000)
        .ok_or_else(|| invalid("timeZone"))
}

fn ping(_: &Protocol, _: Timestamp, _: &Params) -> Answer {
    Ok(json!({}))
}

fn time(_: &Protocol, now: Timestamp, _: &Params) -> Answer {
    to_value(ServerTime {
        server_time: now.as_millis(),
    })
}

const DEPTH_MAX: usize = 5_000;

fn weight_of_depth(params: &Params) -> u32 {
    match limit(params, 100, DEPTH_MAX) {
        Ok(..=100) | Err(_) => 5,
        Ok(..=500) => 25,
        Ok(..=1_000) => 50,
        Ok(_) => 250,
    }
}

fn depth(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let limit = limit(params, 100, DEPTH_MAX)?;
    check_status(protocol, symbol, status_filter(params)?)?;
    let snapshot = protocol.exchange.depth(symbol, limit).ok_or_else(bad_symbol)?;
    let levels = |levels: &[LevelQty]| {
        levels
            .iter()
            .map(|level| WireLevel(level.price, level.qty))
            .collect()
    };
    to_value(Depth {
        last_update_id: snapshot.last_update_id,
        bids: levels(&snapshot.bids),
        asks: levels(&snapshot.asks),
    })
}
