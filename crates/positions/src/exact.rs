//! Sums and products that are exact or an error.
//!
//! `Decimal` holds 28 digits, and rounds in silence what needs more.

use keel_domain::Money;

/// A sum or product needs more digits than a `Money` holds: it would no longer be exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount needs more than 28 digits")]
pub struct Inexact;

/// The sum.
pub(crate) fn add(a: Money, b: Money) -> Result<Money, Inexact> {
    let sum = a.checked_add(b).ok_or(Inexact)?;
    if sum.scale() >= a.scale().max(b.scale()) {
        return Ok(sum);
    }
    let places = a.normalize().scale().max(b.normalize().scale());
    if sum.scale() >= places {
        Ok(sum)
    } else {
        Err(Inexact)
    }
}

/// The difference.
pub(crate) fn sub(a: Money, b: Money) -> Result<Money, Inexact> {
    add(a, -b)
}

/// The product.
pub(crate) fn mul(a: Money, b: Money) -> Result<Money, Inexact> {
    let product = a.checked_mul(b).ok_or(Inexact)?;
    if product.scale() >= a.scale() + b.scale() || a.is_zero() || b.is_zero() {
        return Ok(product);
    }
    let (a, b) = (a.normalize(), b.normalize());
    let product = a.checked_mul(b).ok_or(Inexact)?;
    if product.scale() >= a.scale() + b.scale() {
        Ok(product)
    } else {
        Err(Inexact)
    }
}

/// The sum of all.
pub(crate) fn sum(amounts: impl IntoIterator<Item = Money>) -> Result<Money, Inexact> {
    amounts.into_iter().try_fold(Money::ZERO, add)
}
