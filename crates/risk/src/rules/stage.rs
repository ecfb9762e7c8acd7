//! A stage that only looks on adds to no position.

use keel_domain::{Purpose, Stage};

use super::Veto;
use crate::Rule;

pub(crate) fn check(stage: Stage, purpose: Purpose) -> Result<(), Veto> {
    if stage != Stage::Shadow || purpose == Purpose::ReduceOnly {
        return Ok(());
    }
    Err(Veto::new(
        Rule::Stage,
        format!("stage {stage}"),
        "an order to add",
    ))
}
