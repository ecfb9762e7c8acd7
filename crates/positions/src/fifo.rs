//! Position and profit by first in, first out.

use std::collections::VecDeque;

use keel_domain::Money;
use serde::{Deserialize, Serialize};

use crate::Inexact;
use crate::exact::{add, mul, sub, sum};

/// Base that was taken in (positive) or given out (negative) at one price and is not closed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// Base, with its sign.
    pub qty: Money,
    /// Quote for one unit.
    pub price: Money,
}

/// A position as lots, oldest first: what reduces it closes the oldest. No division, so every digit is exact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fifo {
    lots: VecDeque<Lot>,
    realised: Money,
}

impl Fifo {
    /// What is open, oldest first.
    pub fn lots(&self) -> impl DoubleEndedIterator<Item = &Lot> {
        self.lots.iter()
    }

    /// Profit of what was closed, before fees, in quote.
    #[must_use]
    pub fn realised(&self) -> Money {
        self.realised
    }

    /// Base held, dust included.
    ///
    /// # Errors
    /// [`Inexact`] beyond 28 digits.
    pub fn position(&self) -> Result<Money, Inexact> {
        sum(self.lots.iter().map(|lot| lot.qty))
    }

    /// What the position held cost, in quote.
    ///
    /// # Errors
    /// [`Inexact`] beyond 28 digits.
    pub fn cost(&self) -> Result<Money, Inexact> {
        self.lots
            .iter()
            .try_fold(Money::ZERO, |cost, lot| add(cost, mul(lot.qty, lot.price)?))
    }

    /// What closing the whole position at a price would add to the realised profit, before fees.
    ///
    /// # Errors
    /// [`Inexact`] beyond 28 digits.
    pub fn unrealised(&self, price: Money) -> Result<Money, Inexact> {
        sub(mul(self.position()?, price)?, self.cost()?)
    }

    pub(crate) fn trade(&mut self, signed_qty: Money, price: Money) -> Result<(), Inexact> {
        self.moved(signed_qty, price, true)
    }

    /// Takes base in or out without a trade: what is closed leaves at its lots' cost.
    pub(crate) fn adjust(&mut self, signed_qty: Money, price: Money) -> Result<(), Inexact> {
        self.moved(signed_qty, price, false)
    }

    fn moved(&mut self, signed_qty: Money, price: Money, realises: bool) -> Result<(), Inexact> {
        let mut open = signed_qty;
        while !open.is_zero() {
            let opposite = |lot: &&mut Lot| lot.qty.is_sign_positive() != open.is_sign_positive();
            let Some(oldest) = self.lots.front_mut().filter(opposite) else {
                self.lots.push_back(Lot { qty: open, price });
                break;
            };
            let closed = if oldest.qty.abs() <= open.abs() {
                oldest.qty
            } else {
                -open
            };
            if realises {
                let gain = sub(mul(closed, price)?, mul(closed, oldest.price)?)?;
                self.realised = add(self.realised, gain)?;
            }
            oldest.qty = sub(oldest.qty, closed)?;
            open = add(open, closed)?;
            if oldest.qty.is_zero() {
                self.lots.pop_front();
            }
        }
        Ok(())
    }
}
