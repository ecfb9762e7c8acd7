//! The picture of exposure that the gate judges by.

use std::time::Duration;

use keel_domain::{Instrument, Money, Price, Qty, SignedQty};

/// A fresh two-sided price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reference {
    /// Best bid.
    pub bid: Price,
    /// Best ask.
    pub ask: Price,
    /// How long ago the book last changed.
    pub age: Duration,
}

/// Why there is no reference price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no usable price: {0}")]
pub struct ReferenceFault(pub &'static str);

/// What is held and what may still trade, on one symbol, at one moment.
///
/// Whoever makes it counts every order that may be live at its full remainder: sent and not acknowledged, unknown,
/// open, and being canceled.
#[derive(Debug, Clone, Copy)]
pub struct RiskView<'a> {
    /// The pair and its filters.
    pub instrument: &'a Instrument,
    /// The price, or why there is none.
    pub reference: Result<Reference, ReferenceFault>,
    /// What the system's own ledger holds.
    pub position: SignedQty,
    /// The sum of what all buy orders may still buy.
    pub buy_leaves: Qty,
    /// The sum of what all sell orders may still sell.
    pub sell_leaves: Qty,
    /// What of the position other strategies hold, and have not on sale: it is not this order's to sell.
    pub held_by_others: Qty,
    /// The lowest price at which a sale of the system's own may stand in the book; none: there is none.
    pub lowest_sell: Option<Price>,
    /// What is held and what all buy orders may still buy, over every pair, at the price at which it could be bought now; none
    /// where a pair that is held has no price.
    pub gross_exposure: Option<Money>,
    /// Quote currency the account can spend, less what orders in flight will lock; none before the venue said.
    pub quote_free: Option<Money>,
    /// How many orders on the symbol have an unknown outcome.
    pub unknown_orders: usize,
}
