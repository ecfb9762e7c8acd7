//! The trading state permits the order's purpose.

use keel_domain::Purpose;

use super::Veto;
use crate::{Rule, TradingState};

pub(crate) fn check(state: TradingState, purpose: Purpose) -> Result<(), Veto> {
    if state.permits(purpose) {
        return Ok(());
    }
    Err(Veto::new(Rule::State, state, format!("an order to {purpose:?}")))
}
