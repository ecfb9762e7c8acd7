//! Restrictions, in words and for machines.

use std::collections::BTreeSet;

use keel_control::PairState;
use keel_domain::Symbol;
use keel_engine::Trader;
use keel_risk::{HaltCause, TradingState};

use crate::valuation::symbols;

/// Every restriction with its cause, in a sentence; none where nothing is restricted.
#[must_use]
pub fn restrictions_in_words<'a>(
    restrictions: impl Iterator<Item = (Option<Symbol>, TradingState, &'a HaltCause)>,
) -> Option<String> {
    let each: Vec<String> = restrictions
        .map(|(symbol, state, cause)| {
            let of_pair = symbol.map_or_else(String::new, |symbol| format!("{symbol} "));
            format!("{of_pair}{state}, which was set because: {cause}")
        })
        .collect();
    (!each.is_empty()).then(|| each.join("; "))
}

/// What a resume lifts: the restrictions, in words, and the reasons in a mark that none of them names.
#[must_use]
pub fn lifted(restrictions: Option<String>, mark: Option<&str>) -> String {
    let is_named = |mark: &&str| restrictions.as_ref().is_none_or(|text| !text.contains(*mark));
    let of_mark = mark
        .filter(is_named)
        .map(|mark| format!("the mark of a halt: {mark}"));
    let all: Vec<String> = restrictions.iter().cloned().chain(of_mark).collect();
    match all.is_empty() {
        true => "nothing to lift: nothing was restricted".to_owned(),
        false => format!("lifted {}", all.join("; ")),
    }
}

/// The pairs that are traded or restricted, each with what holds for it.
pub(crate) fn pair_states(trader: &Trader) -> Vec<PairState> {
    let pair = |symbol| {
        let state = trader.trading_state_of(symbol);
        PairState {
            symbol: symbol.to_string(),
            state: state.to_string(),
            cause: pair_cause(trader, symbol),
            still_allowed: state.still_allowed().to_owned(),
        }
    };
    let restricted = trader.restrictions().filter_map(|(symbol, _, _)| symbol);
    let pairs: BTreeSet<Symbol> = symbols(trader).chain(restricted).collect();
    pairs.into_iter().map(pair).collect()
}

/// Why the pair itself is restricted, while it is.
pub(crate) fn pair_cause(trader: &Trader, symbol: Symbol) -> Option<String> {
    let mut restrictions = trader.restrictions();
    let (_, _, cause) = restrictions.find(|(of, _, _)| *of == Some(symbol))?;
    Some(cause.to_string())
}
