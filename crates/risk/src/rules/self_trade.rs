//! An entry does not buy what the system itself is selling. The venue's self-trade prevention stands behind this; it would take
//! the resting sale out of the book.

use keel_domain::{Price, Purpose, Side};

use super::Veto;
use crate::{RiskView, Rule};

pub(crate) fn check(view: &RiskView<'_>, side: Side, purpose: Purpose, valued_at: Price) -> Result<(), Veto> {
    match view.lowest_sell {
        Some(own) if side == Side::Buy && purpose == Purpose::Entry && valued_at >= own => Err(Veto::new(
            Rule::SelfTrade,
            format!("below the own sale at {own}"),
            valued_at,
        )),
        _ => Ok(()),
    }
}
