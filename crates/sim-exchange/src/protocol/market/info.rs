//! What the exchange trades, and by which rules.

use keel_binance_wire::convert::symbol_info;
use keel_binance_wire::error::ApiError;
use keel_binance_wire::filters::exchange_filters;
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::{ExchangeInfo, SymbolInfo};
use keel_binance_wire::sor::Sor;
use keel_domain::Timestamp;

use super::symbols::{Wanted, all, has_status, status_filter, wanted};
use super::{bad_combination, to_value};
use crate::protocol::Protocol;
use crate::protocol::endpoint::Answer;

/// Pairs with one of these are told where a request names no permissions.
const USUAL_PERMISSIONS: [&str; 3] = ["SPOT", "MARGIN", "LEVERAGED"];

/// The permissions that a request names: one, or a list.
fn permissions(params: &Params) -> Result<Option<Vec<String>>, ApiError> {
    let Some(text) = params.get("permissions") else {
        return Ok(None);
    };
    if !text.starts_with('[') {
        return Ok(Some(vec![text.to_owned()]));
    }
    serde_json::from_str(text)
        .map(Some)
        .map_err(|_| ApiError::new(-1135, "JSON sent for parameter 'permissions' is not valid"))
}

fn flag(params: &Params, name: &str, default: bool) -> Result<bool, ApiError> {
    match params.get(name) {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(super::invalid(name)),
    }
}

pub(super) fn exchange_info(protocol: &Protocol, now: Timestamp, params: &Params) -> Answer {
    let wanted = wanted(protocol, params)?;
    let (permissions, status) = (permissions(params)?, status_filter(params)?);
    let shows_permissions = flag(params, "showPermissionSets", true)?;
    let (is_named, symbols) = match wanted {
        Wanted::One(symbol) => (true, vec![symbol]),
        Wanted::Some(symbols) => (true, symbols),
        Wanted::All => (false, all(protocol)),
    };
    if is_named && (permissions.is_some() || status.is_some()) {
        return Err(bad_combination().into());
    }
    let permissions = permissions.unwrap_or_else(|| USUAL_PERMISSIONS.map(str::to_owned).to_vec());
    let is_permitted = |info: &SymbolInfo| {
        is_named
            || info
                .permission_sets
                .iter()
                .flatten()
                .any(|p| permissions.contains(p))
    };
    let infos = symbols
        .into_iter()
        .filter(|symbol| has_status(protocol, *symbol, status))
        .filter_map(|symbol| protocol.exchange.instrument(symbol).map(symbol_info))
        .filter(is_permitted)
        .map(|mut info| {
            if !shows_permissions {
                info.permission_sets.clear();
            }
            info
        });
    to_value(ExchangeInfo {
        timezone: "UTC".to_owned(),
        server_time: now.as_millis(),
        rate_limits: protocol.usage.limits.rate_limits(),
        exchange_filters: exchange_filters(protocol.exchange.limits()),
        symbols: infos.collect(),
        sors: protocol.exchange.sors().iter().map(told_sor).collect(),
    })
}

fn told_sor(sor: &crate::core::Sor) -> Sor {
    Sor {
        base_asset: sor.base.to_string(),
        symbols: sor.symbols.iter().map(ToString::to_string).collect(),
    }
}
