//! No order without a fresh, uncrossed price.

use std::time::Duration;

use super::Veto;
use crate::{Reference, ReferenceFault, Rule};

pub(crate) fn check(
    reference: Result<Reference, ReferenceFault>,
    age_max: Duration,
) -> Result<Reference, Veto> {
    let limit = || format!("a book of at most {} ms", age_max.as_millis());
    let reference = reference.map_err(|fault| Veto::new(Rule::StaleBook, limit(), fault))?;
    if reference.bid.is_zero() || reference.bid >= reference.ask {
        return Err(Veto::new(
            Rule::StaleBook,
            limit(),
            format!("bid {} ask {}", reference.bid, reference.ask),
        ));
    }
    if reference.age > age_max {
        return Err(Veto::new(
            Rule::StaleBook,
            limit(),
            format!("{} ms", reference.age.as_millis()),
        ));
    }
    Ok(reference)
}
