//! What is held and all that may still trade, this order included, stays within the cap on both sides.

use keel_domain::{Qty, Side, SignedQty};

use super::Veto;
use crate::{RiskView, Rule};

pub(crate) fn check(view: &RiskView<'_>, side: Side, order_qty: Qty, position_max: Qty) -> Result<(), Veto> {
    let leaves = match side {
        Side::Buy => view.buy_leaves,
        Side::Sell => view.sell_leaves,
    };
    let reach = side.signed(leaves.saturating_add(order_qty));
    // A sum that cannot be written is beyond every cap.
    let worst = view.position.checked_add(reach);
    let is_within = worst
        .and_then(SignedQty::abs)
        .is_some_and(|size| size <= position_max);
    // Coming back from beyond the cap is always allowed; `spot` and `reduce_only` bound how far.
    let comes_back = worst.is_some_and(|worst| match side {
        Side::Buy => worst <= SignedQty::ZERO,
        Side::Sell => worst >= SignedQty::ZERO,
    });
    if is_within || comes_back {
        return Ok(());
    }
    let value = worst.map_or_else(|| "out of range".to_owned(), |worst| worst.to_string());
    Err(Veto::new(Rule::Position, position_max, value))
}
