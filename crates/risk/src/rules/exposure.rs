//! All that is held and may still be bought, over every pair, stays within one value. It binds entries that buy.

use keel_domain::{Money, Price, Purpose, Qty, Side, notional};

use super::Veto;
use crate::{RiskView, Rule};

pub(crate) fn check(
    view: &RiskView<'_>,
    side: Side,
    purpose: Purpose,
    order_qty: Qty,
    valued_at: Price,
    gross_max: Money,
) -> Result<(), Veto> {
    if side == Side::Sell || purpose == Purpose::ReduceOnly {
        return Ok(());
    }
    let Some(gross) = view.gross_exposure else {
        let value = "a pair that is held has no fresh price";
        return Err(Veto::new(Rule::GrossExposure, gross_max, value));
    };
    let reach = gross + notional(order_qty, valued_at);
    if reach <= gross_max {
        return Ok(());
    }
    Err(Veto::new(Rule::GrossExposure, gross_max, reach.normalize()))
}
