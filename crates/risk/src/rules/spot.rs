//! On a spot account nothing is sold that the system does not own, nothing is spent that is not free, and an order
//! that says it reduces does so, by its size and not only by its side.

use keel_domain::{OrderIntent, Price, Purpose, Qty, Side, notional};

use super::Veto;
use crate::{RiskView, Rule};

/// What of the position no resting or unknown sale has a claim on, and no other strategy holds.
fn unclaimed(view: &RiskView<'_>) -> Qty {
    let unclaimed = view.position.long().saturating_sub(view.sell_leaves);
    unclaimed.saturating_sub(view.held_by_others)
}

pub(crate) fn check_owned(view: &RiskView<'_>, side: Side, order_qty: Qty) -> Result<(), Veto> {
    if side == Side::Buy || order_qty <= unclaimed(view) {
        return Ok(());
    }
    Err(Veto::new(
        Rule::Owned,
        format!("{} not claimed by other sales", unclaimed(view)),
        order_qty,
    ))
}

pub(crate) fn check_reduces(view: &RiskView<'_>, intent: &OrderIntent) -> Result<(), Veto> {
    let reduces = intent.side == Side::Sell && intent.order_qty <= unclaimed(view);
    if intent.purpose == Purpose::Entry || reduces {
        return Ok(());
    }
    let value = format!("{} {}", intent.side, intent.order_qty);
    Err(Veto::new(
        Rule::ReduceOnly,
        format!("a sale of at most {}", unclaimed(view)),
        value,
    ))
}

pub(crate) fn check_funds(
    view: &RiskView<'_>,
    side: Side,
    order_qty: Qty,
    valued_at: Price,
) -> Result<(), Veto> {
    if side == Side::Sell {
        return Ok(());
    }
    let cost = notional(order_qty, valued_at);
    match view.quote_free {
        Some(free) if cost <= free => Ok(()),
        Some(free) => Err(Veto::new(Rule::Funds, format!("{free} free"), cost)),
        None => Err(Veto::new(Rule::Funds, "balances from the venue", "none yet")),
    }
}
