//! Position and profit by average cost.

use keel_domain::Money;
use serde::{Deserialize, Serialize};

use crate::Inexact;
use crate::exact::{add, mul, sub};

/// Decimal places kept when a part of the cost is divided off; what is rounded there stays in the remaining cost, so
/// no money is made or lost.
const COST_PLACES: u32 = 12;

/// A position and what it cost, by the average-cost method. Positive is long; a negative position cost less than nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AverageCost {
    position: Money,
    cost: Money,
    realised: Money,
}

impl AverageCost {
    /// Base held.
    #[must_use]
    pub fn position(&self) -> Money {
        self.position
    }

    /// What the position held cost, in quote.
    #[must_use]
    pub fn cost(&self) -> Money {
        self.cost
    }

    /// Profit of what was closed, before fees, in quote.
    #[must_use]
    pub fn realised(&self) -> Money {
        self.realised
    }

    /// Cost of one unit of base; none while flat.
    #[must_use]
    pub fn avg_px(&self) -> Option<Money> {
        self.cost.checked_div(self.position)
    }

    /// Takes base in (positive) or gives it out (negative) at a price. What reduces the position realises profit; what
    /// goes beyond zero opens the other way at the price.
    pub(crate) fn traded(self, signed_qty: Money, price: Money) -> Result<Self, Inexact> {
        let is_same_way =
            self.position.is_zero() || self.position.is_sign_positive() == signed_qty.is_sign_positive();
        if is_same_way {
            return self.received(signed_qty, mul(signed_qty, price)?);
        }
        if signed_qty.abs() < self.position.abs() {
            let (rest, released) = self.released(-signed_qty)?;
            let gain = sub(mul(-signed_qty, price)?, released)?;
            return Ok(Self {
                realised: add(rest.realised, gain)?,
                ..rest
            });
        }
        let gain = sub(mul(self.position, price)?, self.cost)?;
        let beyond = add(signed_qty, self.position)?;
        Ok(Self {
            position: beyond,
            cost: mul(beyond, price)?,
            realised: add(self.realised, gain)?,
        })
    }

    /// Takes base in or out without a trade: what adds costs `price` a unit, what reduces leaves at its average cost.
    pub(crate) fn adjusted(self, signed_qty: Money, price: Money) -> Result<Self, Inexact> {
        let is_same_way =
            self.position.is_zero() || self.position.is_sign_positive() == signed_qty.is_sign_positive();
        let (rest, beyond) = if is_same_way {
            (self, signed_qty)
        } else if signed_qty.abs() <= self.position.abs() {
            (self.released(-signed_qty)?.0, Money::ZERO)
        } else {
            let beyond = add(self.position, signed_qty)?;
            (self.released(self.position)?.0, beyond)
        };
        rest.received(beyond, mul(beyond, price)?)
    }

    /// Takes base in with its cost; realises nothing.
    pub(crate) fn received(self, signed_qty: Money, cost: Money) -> Result<Self, Inexact> {
        Ok(Self {
            position: add(self.position, signed_qty)?,
            cost: add(self.cost, cost)?,
            realised: self.realised,
        })
    }

    /// Gives out a part of the position (of its sign, and not larger) with the cost of that part; realises nothing.
    pub(crate) fn released(self, signed_qty: Money) -> Result<(Self, Money), Inexact> {
        let released = if signed_qty == self.position {
            self.cost
        } else {
            let share = self.cost.checked_mul(signed_qty).ok_or(Inexact)?;
            share
                .checked_div(self.position)
                .ok_or(Inexact)?
                .round_dp(COST_PLACES)
        };
        let rest = Self {
            position: sub(self.position, signed_qty)?,
            cost: sub(self.cost, released)?,
            realised: self.realised,
        };
        Ok((rest, released))
    }

    /// What closing the whole position at a price would add to the realised profit, before fees.
    ///
    /// # Errors
    /// [`Inexact`] beyond 28 digits.
    pub fn unrealised(&self, price: Money) -> Result<Money, Inexact> {
        sub(mul(self.position, price)?, self.cost)
    }
}
