//! A limit price stays near the market: not far through it, where it would pay too much, and not far away from it,
//! where it is a mistake. All in integers; a bound that is no whole unit is rounded towards the market.

use keel_domain::{OrdType, Price, Side};

use super::Veto;
use crate::{Reference, RiskLimits, Rule};

const BPS: i128 = 10_000;

/// The lowest and the highest price that an order of the side may have.
pub(crate) fn band(limits: &RiskLimits, reference: Reference, side: Side) -> (Price, Price) {
    let through = i128::from(limits.collar_through_bps);
    let away = i128::from(limits.collar_away_bps);
    match side {
        Side::Buy => (
            ceil(reference.bid, BPS - away),
            floor(reference.ask, BPS + through),
        ),
        Side::Sell => (
            ceil(reference.bid, BPS - through),
            floor(reference.ask, BPS + away),
        ),
    }
}

fn floor(price: Price, bps: i128) -> Price {
    saturating(i128::from(price.units()) * bps / BPS)
}

fn ceil(price: Price, bps: i128) -> Price {
    let product = (i128::from(price.units()) * bps).max(0);
    saturating((product + BPS - 1) / BPS)
}

fn saturating(units: i128) -> Price {
    Price::from_units(i64::try_from(units).unwrap_or(i64::MAX)).unwrap_or_default()
}

/// The market that an order will find: once it works, that is about its stop price.
fn at_trigger(reference: Reference, ord_type: OrdType) -> Reference {
    let stop_px = ord_type.trigger().and_then(keel_domain::Trigger::stop_px);
    stop_px.map_or(reference, |px| Reference {
        bid: px,
        ask: px,
        ..reference
    })
}

/// The worst price at which the order can trade, once its own price is inside the band.
pub(crate) fn check(
    limits: &RiskLimits,
    reference: Reference,
    side: Side,
    ord_type: OrdType,
) -> Result<Price, Veto> {
    let reference = at_trigger(reference, ord_type);
    let (low, high) = band(limits, reference, side);
    match ord_type.price() {
        None => Ok(high),
        Some(price) if price >= low && price <= high => Ok(price),
        Some(price) => Err(Veto::new(Rule::PriceCollar, format!("{low} to {high}"), price)),
    }
}
