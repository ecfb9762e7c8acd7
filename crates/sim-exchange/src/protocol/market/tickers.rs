//! Tickers: what pairs did in a window of time, and how they stand.

use keel_binance_wire::error::ApiError;
use keel_binance_wire::number::EightPlaces;
use keel_binance_wire::params::Params;
use keel_domain::{Money, Price, Qty, Side, Symbol, Timestamp};
use serde_json::{Value, json};

use super::symbols::{Wanted, all, check_status, count, has_status, status_filter, wanted};
use super::{bad_symbol, invalid, symbol, time_zone};
use crate::core::LevelQty;
use crate::protocol::Protocol;
use crate::protocol::endpoint::Answer;
use crate::protocol::tape::{Bar, Interval};

const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;
/// Pairs that one request for a window may name.
const SYMBOLS_MAX: usize = 100;

/// What a pair did in a window of time.
pub(in crate::protocol) struct Window {
    pub(in crate::protocol) symbol: Symbol,
    pub(in crate::protocol) open_time: i64,
    pub(in crate::protocol) close_time: i64,
    pub(in crate::protocol) bar: Bar,
}

impl Window {
    fn new(protocol: &Protocol, symbol: Symbol, open_time: i64, close_time: i64) -> Option<Self> {
        let from = open_time.div_euclid(MINUTE) * MINUTE;
        let tape = protocol.tapes.get(symbol);
        let bar = match tape.and_then(|tape| tape.window(from, close_time.saturating_add(1))) {
            Some(bar) => bar,
            None => Bar::flat(open_time, protocol.exchange.stats(symbol)?.last),
        };
        Some(Self {
            symbol,
            open_time,
            close_time,
            bar,
        })
    }

    /// The last 24 hours.
    pub(in crate::protocol) fn last_day(protocol: &Protocol, symbol: Symbol, now: Timestamp) -> Option<Self> {
        let now = now.as_millis();
        Self::new(protocol, symbol, now - DAY, now)
    }

    /// At least so long, from a whole minute on.
    pub(in crate::protocol) fn rolling(
        protocol: &Protocol,
        symbol: Symbol,
        now: Timestamp,
        millis: i64,
    ) -> Option<Self> {
        let now = now.as_millis();
        Self::new(protocol, symbol, (now - millis).div_euclid(MINUTE) * MINUTE, now)
    }

    /// The last price before the window; its first price where there was none.
    pub(in crate::protocol) fn previous_close(&self, protocol: &Protocol) -> Price {
        let tape = protocol.tapes.get(self.symbol);
        tape.and_then(|tape| tape.close_before(self.open_time.div_euclid(MINUTE) * MINUTE))
            .unwrap_or(self.bar.open)
    }

    pub(in crate::protocol) fn change(&self) -> Money {
        self.bar.close.to_decimal() - self.bar.open.to_decimal()
    }

    pub(in crate::protocol) fn change_percent(&self) -> String {
        let percent = (self.change() * Money::ONE_HUNDRED).checked_div(self.bar.open.to_decimal());
        format!("{:.3}", percent.unwrap_or_default())
    }

    /// The fields that the short form has.
    fn mini(&self) -> Value {
        let bar = &self.bar;
        json!({
            "symbol": self.symbol.as_str(),
            "openPrice": bar.open.write(), "highPrice": bar.high.write(), "lowPrice": bar.low.write(),
            "lastPrice": bar.close.write(),
            "volume": bar.volume().write(), "quoteVolume": bar.quote_volume().write(),
            "openTime": self.open_time, "closeTime": self.close_time,
            "firstId": bar.first_id, "lastId": bar.last_id, "count": bar.count,
        })
    }

    fn full(&self) -> Value {
        let mut ticker = self.mini();
        let more = [
            ("priceChange", self.change().write()),
            ("priceChangePercent", self.change_percent()),
            ("weightedAvgPrice", self.bar.average().write()),
        ];
        add(&mut ticker, more);
        ticker
    }
}

fn add<const N: usize>(ticker: &mut Value, more: [(&str, String); N]) {
    if let Some(fields) = ticker.as_object_mut() {
        for (name, value) in more {
            fields.insert(name.to_owned(), value.into());
        }
    }
}

/// The best level of each side; zero where there is none, as the venue does.
pub(in crate::protocol) fn best(protocol: &Protocol, symbol: Symbol) -> [LevelQty; 2] {
    let none = LevelQty {
        price: Price::ZERO,
        qty: Qty::ZERO,
    };
    [Side::Buy, Side::Sell].map(|side| protocol.exchange.best(symbol, side).unwrap_or(none))
}

/// One object for one named pair, else a list; only pairs of the wanted status.
fn tickers(
    protocol: &Protocol,
    params: &Params,
    wanted: Wanted,
    ticker: impl Fn(Symbol) -> Option<Value>,
) -> Answer {
    let status = status_filter(params)?;
    let symbols = match wanted {
        Wanted::One(symbol) => {
            check_status(protocol, symbol, status)?;
            return ticker(symbol).ok_or_else(bad_symbol);
        }
        Wanted::Some(symbols) => symbols,
        Wanted::All => all(protocol),
    };
    let listed = symbols
        .into_iter()
        .filter(|symbol| has_status(protocol, *symbol, status));
    Ok(Value::Array(listed.filter_map(ticker).collect()))
}

/// The pairs of a request that must name them.
fn named(protocol: &Protocol, params: &Params) -> Result<Wanted, crate::protocol::endpoint::Refusal> {
    match wanted(protocol, params)? {
        Wanted::All => {
            let msg = "Param 'symbol' or 'symbols' must be sent, but both were empty/null!";
            Err(ApiError::new(-1102, msg).into())
        }
        Wanted::Some(symbols) if symbols.len() > SYMBOLS_MAX => Err(invalid("symbols").into()),
        wanted => Ok(wanted),
    }
}

fn is_full(params: &Params) -> Result<bool, ApiError> {
    match params.get("type") {
        None | Some("FULL") => Ok(true),
        Some("MINI") => Ok(false),
        Some(_) => Err(ApiError::new(-1139, "Invalid ticker type.")),
    }
}

pub(super) fn weight_of_latest(params: &Params) -> u32 {
    if params.get("symbol").is_some() { 2 } else { 4 }
}

pub(super) fn weight_of_day(params: &Params) -> u32 {
    match count(params) {
        Some(..=20) => 2,
        Some(..=100) => 40,
        _ => 80,
    }
}

/// 4 for each pair, 200 at most.
pub(super) fn weight_by_symbol(params: &Params) -> u32 {
    count(params).map_or(4, |symbols| symbols.saturating_mul(4).min(200))
}

pub(super) fn price(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    tickers(protocol, params, wanted(protocol, params)?, |symbol| {
        let stats = protocol.exchange.stats(symbol)?;
        Some(json!({ "symbol": symbol.as_str(), "price": stats.last.write() }))
    })
}

pub(super) fn book(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    tickers(protocol, params, wanted(protocol, params)?, |symbol| {
        let [bid, ask] = best(protocol, symbol);
        Some(json!({
            "symbol": symbol.as_str(),
            "bidPrice": bid.price.write(), "bidQty": bid.qty.write(),
            "askPrice": ask.price.write(), "askQty": ask.qty.write(),
        }))
    })
}

pub(super) fn day(protocol: &Protocol, now: Timestamp, params: &Params) -> Answer {
    let is_full = is_full(params)?;
    tickers(protocol, params, wanted(protocol, params)?, |symbol| {
        let window = Window::last_day(protocol, symbol, now)?;
        if !is_full {
            return Some(window.mini());
        }
        let mut ticker = window.full();
        let [bid, ask] = best(protocol, symbol);
        let more = [
            ("prevClosePrice", window.previous_close(protocol).write()),
            ("lastQty", protocol.exchange.stats(symbol)?.last_qty.write()),
            ("bidPrice", bid.price.write()),
            ("bidQty", bid.qty.write()),
            ("askPrice", ask.price.write()),
            ("askQty", ask.qty.write()),
        ];
        add(&mut ticker, more);
        Some(ticker)
    })
}

pub(super) fn trading_day(protocol: &Protocol, now: Timestamp, params: &Params) -> Answer {
    let (is_full, offset) = (is_full(params)?, time_zone(params)?);
    let start = Interval::D1.start_of(now.as_millis(), offset);
    tickers(protocol, params, named(protocol, params)?, |symbol| {
        let window = Window::new(protocol, symbol, start, start + DAY - 1)?;
        Some(if is_full { window.full() } else { window.mini() })
    })
}

/// "1m" to "59m", "1h" to "23h", "1d" to "7d"; in ms.
fn window_size(params: &Params) -> Result<i64, ApiError> {
    let Some(text) = params.get("windowSize") else {
        return Ok(DAY);
    };
    let read = || -> Option<i64> {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let (unit, max) = match unit {
            "m" => (MINUTE, 59),
            "h" => (60 * MINUTE, 23),
            "d" => (DAY, 7),
            _ => return None,
        };
        let is_plain = !number.starts_with('0') && number.bytes().all(|byte| byte.is_ascii_digit());
        let number: i64 = number.parse().ok()?;
        (is_plain && (1..=max).contains(&number)).then_some(number * unit)
    };
    read().ok_or_else(|| invalid("windowSize"))
}

pub(super) fn rolling(protocol: &Protocol, now: Timestamp, params: &Params) -> Answer {
    let (is_full, size) = (is_full(params)?, window_size(params)?);
    tickers(protocol, params, named(protocol, params)?, |symbol| {
        let window = Window::rolling(protocol, symbol, now, size)?;
        Some(if is_full { window.full() } else { window.mini() })
    })
}

pub(super) fn avg_price(protocol: &Protocol, now: Timestamp, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let tape = protocol.tapes.get(symbol);
    let average = match tape.and_then(|tape| tape.last_five_minutes(now)) {
        Some(bar) => bar.average(),
        None => protocol
            .exchange
            .stats(symbol)
            .ok_or_else(bad_symbol)?
            .last
            .to_decimal(),
    };
    let last = tape
        .and_then(|tape| tape.last_trade())
        .map_or(now, |trade| trade.time);
    Ok(json!({ "mins": 5, "price": average.write(), "closeTime": last.as_millis() }))
}
