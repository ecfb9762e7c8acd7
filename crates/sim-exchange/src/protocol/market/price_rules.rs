//! Reference prices, and the rules about the prices at which orders may trade.

use keel_binance_wire::error::ApiError;
use keel_binance_wire::params::Params;
use keel_binance_wire::price_rules::{
    Calculation, ExecutionRule, ExecutionRules, ReferencePrice, ReferencePriceCalculation, SymbolRules,
};
use keel_domain::{Symbol, Timestamp};

use super::symbols::{Wanted, all, check_status, count, has_status, status_filter, symbol, wanted};
use super::{bad_combination, to_value};
use crate::core::{PriceRange, ReferenceCalculation};
use crate::protocol::Protocol;
use crate::protocol::endpoint::Answer;

/// 2 for each pair, 40 at most and for all.
pub(super) fn weight_of_rules(params: &Params) -> u32 {
    count(params).map_or(40, |symbols| symbols.saturating_mul(2).min(40))
}

pub(super) fn execution_rules(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    let status = status_filter(params)?;
    let symbols = match wanted(protocol, params)? {
        Wanted::All => all(protocol),
        _ if status.is_some() => return Err(bad_combination().into()),
        Wanted::One(symbol) => vec![symbol],
        Wanted::Some(symbols) => symbols,
    };
    let told = |symbol: Symbol| SymbolRules {
        symbol: symbol.to_string(),
        rules: protocol
            .exchange
            .price_rules(symbol)
            .range
            .map(told_range)
            .into_iter()
            .collect(),
    };
    let wanted = symbols
        .into_iter()
        .filter(|symbol| has_status(protocol, *symbol, status));
    to_value(ExecutionRules {
        symbol_rules: wanted.map(told).collect(),
    })
}

fn told_range(range: PriceRange) -> ExecutionRule {
    ExecutionRule::PriceRange {
        bid_limit_mult_up: range.bid_up,
        bid_limit_mult_down: range.bid_down,
        ask_limit_mult_up: range.ask_up,
        ask_limit_mult_down: range.ask_down,
    }
}

/// The venue's code for a pair that never had a reference price, or has no way to one.
pub(in crate::protocol) const NO_REFERENCE_PRICE: i32 = -2043;

fn no_reference_price() -> ApiError {
    ApiError::new(NO_REFERENCE_PRICE, "This symbol doesn't have a reference price.")
}

pub(super) fn reference_price(protocol: &Protocol, now: Timestamp, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let reference = protocol
        .exchange
        .reference_price(now, symbol)
        .ok_or_else(no_reference_price)?;
    to_value(ReferencePrice {
        symbol: symbol.to_string(),
        reference_price: reference.price,
        timestamp: reference.time.as_millis(),
    })
}

/// How a pair's reference price comes about, also before there is one.
pub(super) fn calculation(protocol: &Protocol, _: Timestamp, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    check_status(protocol, symbol, status_filter(params)?)?;
    let rules = protocol.exchange.price_rules(symbol);
    to_value(ReferencePriceCalculation {
        symbol: symbol.to_string(),
        calculation: told_calculation(rules.reference.ok_or_else(no_reference_price)?),
    })
}

fn told_calculation(calculation: ReferenceCalculation) -> Calculation {
    match calculation {
        ReferenceCalculation::ArithmeticMean {
            bucket_count,
            bucket_width_ms,
        } => Calculation::ArithmeticMean {
            bucket_count,
            bucket_width_ms,
        },
        ReferenceCalculation::External(external_calculation_id) => Calculation::External {
            external_calculation_id,
        },
    }
}
