//! A cap on one order's value, independent of its quantity. Market orders are valued at the collar's worst price.

use keel_domain::{Money, Price, Qty, notional};

use super::Veto;
use crate::Rule;

pub(crate) fn check(order_qty: Qty, valued_at: Price, order_notional_max: Money) -> Result<(), Veto> {
    let value = notional(order_qty, valued_at);
    if value <= order_notional_max {
        return Ok(());
    }
    Err(Veto::new(Rule::OrderNotional, order_notional_max, value))
}
