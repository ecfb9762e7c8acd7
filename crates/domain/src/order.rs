//! What we want the venue to do.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Price, Qty, SignedQty, Symbol};

/// Which way an order trades. FIX `Side` (54).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Side {
    /// Takes base, gives quote.
    Buy,
    /// Gives base, takes quote.
    Sell,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// A quantity traded on this side, with the sign it gives a position.
    #[must_use]
    pub fn signed(self, qty: Qty) -> SignedQty {
        match self {
            Self::Buy => SignedQty::from_units(qty.units()),
            Self::Sell => SignedQty::from_units(-qty.units()),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        })
    }
}

/// How long an order stays. FIX `TimeInForce` (59).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimeInForce {
    /// Good till canceled.
    Gtc,
    /// Immediate or cancel: the part that does not trade at once expires.
    Ioc,
    /// Fill or kill: trades whole at once, or expires whole.
    Fok,
}

/// The kind of an order with the terms that belong to that kind. FIX `OrdType` (40).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum OrdType {
    /// At the best prices there are.
    Market,
    /// At `price` or better.
    Limit {
        /// The worst price to trade at.
        price: Price,
        /// How long it stays.
        time_in_force: TimeInForce,
    },
    /// Rests at `price`; the venue rejects it where it would trade at once (post-only).
    LimitMaker {
        /// The price to rest at.
        price: Price,
    },
}

impl OrdType {
    /// The limit price, where the kind has one.
    #[must_use]
    pub const fn price(self) -> Option<Price> {
        match self {
            Self::Market => None,
            Self::Limit { price, .. } | Self::LimitMaker { price } => Some(price),
        }
    }

    /// How long it stays, where the kind says it.
    #[must_use]
    pub const fn time_in_force(self) -> Option<TimeInForce> {
        match self {
            Self::Limit { time_in_force, .. } => Some(time_in_force),
            Self::Market | Self::LimitMaker { .. } => None,
        }
    }

    /// Whether it can rest in the book.
    #[must_use]
    pub const fn can_rest(self) -> bool {
        matches!(
            self,
            Self::LimitMaker { .. }
                | Self::Limit {
                    time_in_force: TimeInForce::Gtc,
                    ..
                }
        )
    }
}

/// What an order is for, which decides the states in which it is permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// May open or add to a position.
    Entry,
    /// May only reduce the position it finds, never turn it.
    ReduceOnly,
}

/// A wish to trade, not yet allowed by anyone. Changing anything makes a new intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderIntent {
    /// The pair to trade.
    pub symbol: Symbol,
    /// Which way.
    pub side: Side,
    /// The kind, with its price.
    pub ord_type: OrdType,
    /// How much base in all.
    pub order_qty: Qty,
    /// What it is for.
    pub purpose: Purpose,
}
