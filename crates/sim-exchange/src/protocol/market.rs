//! Market data on request.

use keel_binance_wire::convert::symbol_info;
use keel_binance_wire::error::{ApiError, code, text};
use keel_binance_wire::number::EightPlaces;
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::{Depth, ExchangeInfo, RateLimit, RecentTrade, ServerTime, WireLevel};
use keel_domain::{Money, Price, Qty, Side, Symbol, Timestamp, notional};
use serde::Serialize;
use serde_json::{Value, json};

use super::Protocol;
use super::endpoint::{Answer, Refusal};
use crate::core::LevelQty;

pub(super) fn to_value(value: impl Serialize) -> Answer {
    serde_json::to_value(value).map_err(|error| Refusal {
        status: 500,
        error: ApiError::new(code::UNKNOWN, error.to_string()),
    })
}

pub(super) fn bad_symbol() -> Refusal {
    ApiError::new(code::BAD_SYMBOL, text::BAD_SYMBOL).into()
}

/// The pair that a request names.
pub(super) fn symbol(protocol: &Protocol, params: &Params) -> Result<Symbol, Refusal> {
    let name = params
        .get("symbol")
        .filter(|name| !name.is_empty())
        .ok_or_else(|| ApiError::mandatory("symbol"))?;
    let symbol = Symbol::new(name).map_err(|_| bad_symbol())?;
    protocol
        .exchange
        .instrument(symbol)
        .map(|_| symbol)
        .ok_or_else(bad_symbol)
}

/// The pairs that a request names by `symbol` or `symbols`; all, when it names none. And whether it named just one.
fn symbols(protocol: &Protocol, params: &Params) -> Result<(Vec<Symbol>, bool), Refusal> {
    if params.get("symbol").is_some() {
        return Ok((vec![symbol(protocol, params)?], true));
    }
    let Some(list) = params.get("symbols") else {
        return Ok((
            protocol
                .exchange
                .instruments()
                .map(|instrument| instrument.symbol)
                .collect(),
            false,
        ));
    };
    let names: Vec<String> = serde_json::from_str(list)
        .map_err(|_| ApiError::illegal_chars("symbols", r#"^\[("[A-Z0-9-_.]{1,20}")(,"..."){0,}\]$"#))?;
    let known = names.iter().map(|name| {
        let symbol = Symbol::new(name).map_err(|_| bad_symbol())?;
        protocol
            .exchange
            .instrument(symbol)
            .map(|_| symbol)
            .ok_or_else(bad_symbol)
    });
    Ok((known.collect::<Result<_, _>>()?, false))
}

/// A count between one and a maximum; larger ones are cut, as the venue does.
pub(super) fn limit(params: &Params, default: usize, max: usize) -> Result<usize, ApiError> {
    match params.get("limit") {
        None => Ok(default),
        Some(text) => match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(max)),
            _ => Err(ApiError::illegal_chars("limit", "^[0-9]{1,20}$")),
        },
    }
}

pub(super) fn ping(_: &Protocol, _: Timestamp, _: &Params) -> Answer {
    Ok(json!({}))
}

pub(super) fn time(_: &Protocol, now: Timestamp, _: &Params) -> Answer {
    to_value(ServerTime {
        server_time: now.as_millis(),
    })
}

/// The venue's limits. Counted and told here; not enforced yet.
pub(super) fn rate_limits() -> Vec<RateLimit> {
    let limit = |kind: &str, interval: &str, interval_num, limit| RateLimit {
        rate_limit_type: kind.to_owned(),
        interval: interval.to_owned(),
        interval_num,
        limit,
        count: None,
    };
    vec![
        limit("REQUEST_WEIGHT", "MINUTE", 1, 6_000),
        limit("ORDERS", "SECOND", 10, 100),
        limit("ORDERS", "DAY", 1, 200_000),
        limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
    ]
}

pub(super) fn exchange_info(protocol: &Protocol, now: Timestamp, params: &Params) -> Answer {
    let (wanted, _) = symbols(protocol, params)?;
    let known = wanted
        .iter()
        .filter_map(|symbol| protocol.exchange.instrument(*symbol));
    to_value(ExchangeInfo {
        timezone: "UTC".to_owned(),
        server_time: now.as_millis(),
        rate_limits: rate_limits(),
        exchange_filters: Vec::new(),
        symbols: known.map(symbol_info).collect(),
    })
}

pub(super) fn depth(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let limit = limit(params, 100, 5_000)?;
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

pub(super) fn trades(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let limit = limit(params, 500, 1_000)?;
    let trades = protocol
        .exchange
        .recent_trades(symbol, limit)
        .into_iter()
        .map(|trade| RecentTrade {
            id: trade.trade_id.0,
            price: trade.price,
            qty: trade.qty,
            quote_qty: notional(trade.qty, trade.price),
            time: trade.time.as_millis(),
            is_buyer_maker: trade.is_buyer_maker,
            is_best_match: true,
        });
    to_value(trades.collect::<Vec<_>>())
}

pub(super) fn avg_price(protocol: &Protocol, now: Timestamp, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let stats = protocol.exchange.stats(symbol).ok_or_else(bad_symbol)?;
    let average = stats
        .quote_volume
        .checked_div(stats.volume)
        .unwrap_or_else(|| stats.last.to_decimal());
    Ok(json!({ "mins": 5, "price": average.write(), "closeTime": now.as_millis() }))
}

/// One object for one named pair, else a list.
fn tickers(
    protocol: &Protocol,
    params: &Params,
    ticker: impl Fn(&Protocol, Symbol) -> Option<Value>,
) -> Answer {
    let (wanted, is_single) = symbols(protocol, params)?;
    let mut tickers: Vec<Value> = wanted
        .into_iter()
        .filter_map(|symbol| ticker(protocol, symbol))
        .collect();
    if is_single {
        tickers.pop().ok_or_else(bad_symbol)
    } else {
        Ok(Value::Array(tickers))
    }
}

pub(super) fn ticker_price(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    tickers(protocol, params, |protocol, symbol| {
        let stats = protocol.exchange.stats(symbol)?;
        Some(json!({ "symbol": symbol.as_str(), "price": stats.last.write() }))
    })
}

/// The best level of each side; zero where there is none, as the venue does.
fn best(protocol: &Protocol, symbol: Symbol) -> [LevelQty; 2] {
    let none = LevelQty {
        price: Price::ZERO,
        qty: Qty::ZERO,
    };
    [Side::Buy, Side::Sell].map(|side| protocol.exchange.best(symbol, side).unwrap_or(none))
}

pub(super) fn ticker_book(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    tickers(protocol, params, |protocol, symbol| {
        let [bid, ask] = best(protocol, symbol);
        Some(json!({
            "symbol": symbol.as_str(),
            "bidPrice": bid.price.write(), "bidQty": bid.qty.write(),
            "askPrice": ask.price.write(), "askQty": ask.qty.write(),
        }))
    })
}

/// Since the exchange started, where the venue says since 24 hours ago.
pub(super) fn ticker_24hr(protocol: &Protocol, now: Timestamp, params: &Params) -> Answer {
    tickers(protocol, params, |protocol, symbol| {
        let stats = protocol.exchange.stats(symbol)?;
        let [bid, ask] = best(protocol, symbol);
        let (open, last) = (stats.open.to_decimal(), stats.last.to_decimal());
        let percent = ((last - open) * Money::ONE_HUNDRED)
            .checked_div(open)
            .unwrap_or_default();
        let average = stats.quote_volume.checked_div(stats.volume).unwrap_or(last);
        let first = stats
            .first_trade
            .map_or(-1, |id| i64::try_from(id.0).unwrap_or(i64::MAX));
        let count = i64::try_from(stats.count).unwrap_or(i64::MAX);
        Some(json!({
            "symbol": symbol.as_str(),
            "priceChange": (last - open).write(), "priceChangePercent": format!("{percent:.3}"),
            "weightedAvgPrice": average.write(), "prevClosePrice": open.write(),
            "lastPrice": stats.last.write(), "lastQty": stats.last_qty.write(),
            "bidPrice": bid.price.write(), "bidQty": bid.qty.write(),
            "askPrice": ask.price.write(), "askQty": ask.qty.write(),
            "openPrice": stats.open.write(), "highPrice": stats.high.write(), "lowPrice": stats.low.write(),
            "volume": stats.volume.write(), "quoteVolume": stats.quote_volume.write(),
            "openTime": now.as_millis() - 86_400_000, "closeTime": now.as_millis(),
            "firstId": first, "lastId": first + count - 1, "count": count,
        }))
    })
}
