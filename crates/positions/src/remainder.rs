//! What is too small to sell, and what no known trade explains.

use keel_domain::{Instrument, Money, Price, Qty, Symbol, Timestamp, TradeId, notional};
use serde::{Deserialize, Serialize};

/// A remainder too small to sell, moved out of the position with its cost, after a trade. It stays in equity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dust {
    /// The pair.
    pub symbol: Symbol,
    /// The last trade that was booked then; one booking of dust for each trade.
    pub after: TradeId,
    /// Base, above zero.
    pub qty: Money,
}

/// A quantity that no known trade explains, taken into the position because the venue's word on quantities wins. Its cost
/// is an estimate, and so is every profit after it. It realises nothing itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// The pair.
    pub symbol: Symbol,
    /// The last trade that was booked then; none for what was held before the first.
    pub after: Option<TradeId>,
    /// When it was accepted.
    pub at: Timestamp,
    /// Base, with its sign.
    pub qty: Money,
    /// The estimated cost of one unit of what opens or adds; what reduces the position leaves at its average cost.
    pub px: Price,
}

/// How a held quantity can be sold now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// What orders can sell, floored to the step; several orders where it is above the largest quantity of one. Zero
    /// when it is below the smallest quantity or the smallest value.
    pub sellable: Qty,
    /// What would be left.
    pub dust: Qty,
}

impl Exit {
    /// How `held` can be sold by limit orders at `price` (the bid: what a sale gets). The smallest value is taken to bind
    /// market orders too, as it does on most pairs.
    #[must_use]
    pub fn of(instrument: &Instrument, held: Qty, price: Price) -> Self {
        let floored = held.floor_to(instrument.lot_size.step);
        let one_order = instrument.floor_qty(held);
        let is_worth_it = notional(one_order, price) >= instrument.notional.min;
        let sellable = if one_order.is_zero() || !is_worth_it {
            Qty::ZERO
        } else {
            floored
        };
        Self {
            sellable,
            dust: held.saturating_sub(sellable),
        }
    }

    /// The question before a partly filled order is canceled: whether what has filled can be sold. `held` is the
    /// position with the fills in it, so commission taken in base is out already. Where the answer is no, keep the order
    /// or complete it.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        !self.sellable.is_zero()
    }
}
