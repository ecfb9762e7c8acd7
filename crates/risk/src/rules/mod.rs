//! One file a rule. Each is a pure function that lets pass or vetoes.

pub(crate) mod allow_list;
pub(crate) mod collar;
pub(crate) mod duplicate;
pub(crate) mod exposure;
pub(crate) mod notional;
pub(crate) mod order_qty;
pub(crate) mod order_rate;
pub(crate) mod position;
pub(crate) mod self_trade;
pub(crate) mod spot;
pub(crate) mod stage;
pub(crate) mod stale_book;
pub(crate) mod state;
pub(crate) mod unknown_outcome;
pub(crate) mod venue_filter;

use crate::Rule;

/// A veto before it is told in which state the gate was.
#[derive(Debug)]
pub(crate) struct Veto {
    pub(crate) rule: Rule,
    pub(crate) limit: String,
    pub(crate) value: String,
}

impl Veto {
    pub(crate) fn new(rule: Rule, limit: impl ToString, value: impl ToString) -> Self {
        Self {
            rule,
            limit: limit.to_string(),
            value: value.to_string(),
        }
    }
}
