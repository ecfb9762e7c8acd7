//! A cap on one order's quantity, independent of its price.

use keel_domain::Qty;

use super::Veto;
use crate::Rule;

pub(crate) fn check(order_qty: Qty, order_qty_max: Qty) -> Result<(), Veto> {
    if order_qty <= order_qty_max {
        return Ok(());
    }
    Err(Veto::new(Rule::OrderQty, order_qty_max, order_qty))
}
