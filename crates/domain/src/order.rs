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

/// When a contingent order begins to work, judged on the last trade's price. FIX `StopPx` (99).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trigger {
    /// Once the last price reaches `stop_px`.
    Stop {
        /// The price.
        stop_px: Price,
    },
    /// Once the last price turned by `delta_bips` from its best since tracking began.
    Trailing {
        /// Hundredths of a percent; the venue's `trailingDelta`.
        delta_bips: u32,
        /// Where tracking begins; without it, at the next trade.
        stop_px: Option<Price>,
    },
}

impl Trigger {
    /// The stop price, where there is one.
    #[must_use]
    pub const fn stop_px(self) -> Option<Price> {
        match self {
            Self::Stop { stop_px } => Some(stop_px),
            Self::Trailing { stop_px, .. } => stop_px,
        }
    }

    /// The trailing delta in hundredths of a percent, where it trails.
    #[must_use]
    pub const fn delta_bips(self) -> Option<u32> {
        match self {
            Self::Stop { .. } => None,
            Self::Trailing { delta_bips, .. } => Some(delta_bips),
        }
    }
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
    /// A market order once the price turned against: above the market for a buy, below for a sell.
    StopLoss {
        /// When it begins to work.
        trigger: Trigger,
    },
    /// A limit order on such a trigger.
    StopLossLimit {
        /// When it begins to work.
        trigger: Trigger,
        /// The worst price to trade at.
        price: Price,
        /// How long it stays once it works.
        time_in_force: TimeInForce,
    },
    /// A market order once the price came as wished: below the market for a buy, above for a sell.
    TakeProfit {
        /// When it begins to work.
        trigger: Trigger,
    },
    /// A limit order on such a trigger.
    TakeProfitLimit {
        /// When it begins to work.
        trigger: Trigger,
        /// The worst price to trade at.
        price: Price,
        /// How long it stays once it works.
        time_in_force: TimeInForce,
    },
}

impl OrdType {
    /// The limit price, where the kind has one.
    #[must_use]
    pub const fn price(self) -> Option<Price> {
        match self {
            Self::Market | Self::StopLoss { .. } | Self::TakeProfit { .. } => None,
            Self::Limit { price, .. }
            | Self::LimitMaker { price }
            | Self::StopLossLimit { price, .. }
            | Self::TakeProfitLimit { price, .. } => Some(price),
        }
    }

    /// How long it stays, where the kind says it.
    #[must_use]
    pub const fn time_in_force(self) -> Option<TimeInForce> {
        match self {
            Self::Limit { time_in_force, .. }
            | Self::StopLossLimit { time_in_force, .. }
            | Self::TakeProfitLimit { time_in_force, .. } => Some(time_in_force),
            Self::Market | Self::LimitMaker { .. } | Self::StopLoss { .. } | Self::TakeProfit { .. } => None,
        }
    }

    /// What it waits for, where it is contingent. The venue calls such orders "algo" orders.
    #[must_use]
    pub const fn trigger(self) -> Option<Trigger> {
        match self {
            Self::StopLoss { trigger }
            | Self::StopLossLimit { trigger, .. }
            | Self::TakeProfit { trigger }
            | Self::TakeProfitLimit { trigger, .. } => Some(trigger),
            Self::Market | Self::Limit { .. } | Self::LimitMaker { .. } => None,
        }
    }

    /// Whether its stop price lies above the market: a stop loss that buys, a take profit that sells.
    #[must_use]
    pub const fn triggers_above(self, side: Side) -> bool {
        match self {
            Self::StopLoss { .. } | Self::StopLossLimit { .. } => matches!(side, Side::Buy),
            Self::TakeProfit { .. } | Self::TakeProfitLimit { .. } => matches!(side, Side::Sell),
            Self::Market | Self::Limit { .. } | Self::LimitMaker { .. } => false,
        }
    }

    /// Whether it can rest in the book (a contingent one: once it works).
    #[must_use]
    pub const fn can_rest(self) -> bool {
        matches!(self, Self::LimitMaker { .. }) || matches!(self.time_in_force(), Some(TimeInForce::Gtc))
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

/// The stop that a resting exit carries: when it triggers the exit is gone, and when the exit trades the stop is. Both have the
/// same symbol, side and quantity; the venue calls the pair an OCO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopLeg {
    /// Its id, used once ever like any other.
    pub cl_ord_id: crate::ClOrdId,
    /// The kind, with its trigger.
    pub ord_type: OrdType,
}

impl StopLeg {
    /// The leg as an order of its own: what the exit orders, on the leg's terms.
    #[must_use]
    pub const fn intent(&self, exit: &OrderIntent) -> OrderIntent {
        OrderIntent {
            ord_type: self.ord_type,
            ..*exit
        }
    }
}
