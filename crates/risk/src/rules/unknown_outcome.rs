//! No new entry while an order on the symbol has an unknown outcome; exits are still allowed.

use keel_domain::Purpose;

use super::Veto;
use crate::Rule;

pub(crate) fn check(unknown_orders: usize, purpose: Purpose) -> Result<(), Veto> {
    if unknown_orders == 0 || purpose == Purpose::ReduceOnly {
        return Ok(());
    }
    Err(Veto::new(
        Rule::UnknownOutcome,
        "no order of unknown outcome on the symbol",
        unknown_orders,
    ))
}
