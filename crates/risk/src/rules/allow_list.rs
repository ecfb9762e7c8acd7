//! Only listed symbols are traded.

use keel_domain::Symbol;

use super::Veto;
use crate::{RiskLimits, Rule, SymbolLimits};

pub(crate) fn check(limits: &RiskLimits, symbol: Symbol) -> Result<&SymbolLimits, Veto> {
    limits.per_symbol.get(&symbol).ok_or_else(|| {
        let listed: Vec<&str> = limits.per_symbol.keys().map(Symbol::as_str).collect();
        Veto::new(Rule::AllowList, listed.join(", "), symbol)
    })
}
