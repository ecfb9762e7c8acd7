//! Position and profit by average cost.

use keel_domain::Money;

/// Decimal places kept when a part of the cost is divided off; what is rounded there stays in the remaining cost, so
/// no money is made or lost.
const COST_PLACES: u32 = 12;

/// A position and what it cost, by the average-cost method. Positive is long; a negative position cost less than nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
    pub(crate) fn trade(&mut self, signed_qty: Money, price: Money) {
        let is_same_way =
            self.position.is_zero() || self.position.is_sign_positive() == signed_qty.is_sign_positive();
        if is_same_way {
            self.position += signed_qty;
            self.cost += signed_qty * price;
            return;
        }
        if signed_qty.abs() < self.position.abs() {
            let released = self.released_cost(signed_qty.abs());
            self.realised += -signed_qty * price - released;
            self.cost -= released;
            self.position += signed_qty;
            return;
        }
        let beyond = signed_qty + self.position;
        self.realised += self.position * price - self.cost;
        self.position = beyond;
        self.cost = beyond * price;
    }

    fn released_cost(&self, qty: Money) -> Money {
        let share = self.cost * qty;
        share
            .checked_div(self.position.abs())
            .map_or(Money::ZERO, |released| released.round_dp(COST_PLACES))
    }

    /// What closing the whole position at a price would add to the realised profit, before fees.
    #[must_use]
    pub fn unrealised(&self, price: Money) -> Money {
        self.position * price - self.cost
    }
}
