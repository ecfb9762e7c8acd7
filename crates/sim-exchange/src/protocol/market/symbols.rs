//! Which pairs a request is about.

use std::collections::BTreeSet;

use keel_binance_wire::error::ApiError;
use keel_binance_wire::params::Params;
use keel_domain::{InstrumentStatus, Symbol};

use super::{bad_combination, bad_symbol};
use crate::protocol::Protocol;
use crate::protocol::endpoint::Refusal;

const SYMBOL_PATTERN: &str = r"^[\w\-._&&[^a-z]]{1,50}$";
const SYMBOLS_PATTERN: &str = r#"^\[("[\w\-._&&[^a-z]]{1,50}"(,"[\w\-._&&[^a-z]]{1,50}"){0,}){0,1}\]$"#;

fn is_legal(name: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() && !c.is_ascii_lowercase() || matches!(c, '-' | '_' | '.');
    (1..=50).contains(&name.chars().count()) && name.chars().all(is_plain)
}

fn known(protocol: &Protocol, name: &str) -> Result<Symbol, Refusal> {
    let symbol = Symbol::new(name).map_err(|_| bad_symbol())?;
    protocol
        .exchange
        .instrument(symbol)
        .map(|_| symbol)
        .ok_or_else(bad_symbol)
}

/// The pair that a request names.
pub(in crate::protocol) fn symbol(protocol: &Protocol, params: &Params) -> Result<Symbol, Refusal> {
    let name = params
        .get("symbol")
        .filter(|name| !name.is_empty())
        .ok_or_else(|| ApiError::mandatory("symbol"))?;
    if !is_legal(name) {
        return Err(ApiError::illegal_chars("symbol", SYMBOL_PATTERN).into());
    }
    known(protocol, name)
}

/// The pair that a request names, where it names one.
pub(in crate::protocol) fn symbol_if_told(
    protocol: &Protocol,
    params: &Params,
) -> Result<Option<Symbol>, Refusal> {
    params.get("symbol").map(|_| symbol(protocol, params)).transpose()
}

/// The pairs of a request.
pub(super) enum Wanted {
    /// By `symbol`: the answer is one object.
    One(Symbol),
    /// By `symbols`: the answer is a list.
    Some(Vec<Symbol>),
    /// Neither.
    All,
}

/// The pairs that a request names by `symbol` or `symbols`.
pub(super) fn wanted(protocol: &Protocol, params: &Params) -> Result<Wanted, Refusal> {
    match (params.get("symbol"), params.get("symbols")) {
        (Some(_), Some(_)) => Err(bad_combination().into()),
        (Some(_), None) => Ok(Wanted::One(symbol(protocol, params)?)),
        (None, Some(list)) => {
            let illegal = || ApiError::illegal_chars("symbols", SYMBOLS_PATTERN);
            let names: Vec<String> = serde_json::from_str(list).map_err(|_| illegal())?;
            if names.is_empty() {
                let msg = "Parameter 'symbols' was empty.";
                return Err(ApiError::new(-1105, msg).into());
            }
            if !names.iter().all(|name| is_legal(name)) {
                return Err(illegal().into());
            }
            if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
                let msg = "Symbol is present multiple times in the list.";
                return Err(ApiError::new(-1151, msg).into());
            }
            let symbols: Result<_, _> = names.iter().map(|name| known(protocol, name)).collect();
            Ok(Wanted::Some(symbols?))
        }
        (None, None) => Ok(Wanted::All),
    }
}

/// How many pairs the parameters name, without looking at which: weights go by it. None: all.
pub(super) fn count(params: &Params) -> Option<u32> {
    if params.get("symbol").is_some() {
        return Some(1);
    }
    let list = params.get("symbols")?;
    let names: Vec<serde_json::Value> = serde_json::from_str(list).unwrap_or_default();
    Some(u32::try_from(names.len()).unwrap_or(u32::MAX).max(1))
}

/// The trading status that a request wants, where it names one.
pub(super) fn status_filter(params: &Params) -> Result<Option<InstrumentStatus>, ApiError> {
    match params.get("symbolStatus") {
        None => Ok(None),
        Some("TRADING") => Ok(Some(InstrumentStatus::Trading)),
        Some("HALT") => Ok(Some(InstrumentStatus::Halt)),
        Some("BREAK") => Ok(Some(InstrumentStatus::Break)),
        Some(_) => Err(ApiError::new(-1122, "Invalid symbolStatus.")),
    }
}

pub(super) fn has_status(protocol: &Protocol, symbol: Symbol, status: Option<InstrumentStatus>) -> bool {
    let instrument = protocol.exchange.instrument(symbol);
    status.is_none_or(|status| instrument.is_some_and(|instrument| instrument.status == status))
}

/// Refuses a pair whose status is not the wanted one.
pub(super) fn check_status(
    protocol: &Protocol,
    symbol: Symbol,
    status: Option<InstrumentStatus>,
) -> Result<(), ApiError> {
    if has_status(protocol, symbol, status) {
        return Ok(());
    }
    Err(ApiError::new(
        -1220,
        "The symbol's status does not match the requested symbolStatus.",
    ))
}

/// All pairs.
pub(super) fn all(protocol: &Protocol) -> Vec<Symbol> {
    protocol
        .exchange
        .instruments()
        .map(|instrument| instrument.symbol)
        .collect()
}
