//! A refusal, with what is needed to understand it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::TradingState;

/// The rules of the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Rule {
    /// The trading state does not permit the order's purpose.
    State,
    /// The stage only looks on.
    Stage,
    /// The symbol is not on the allow-list.
    AllowList,
    /// An order on the symbol has an unknown outcome.
    UnknownOutcome,
    /// The quantity is above the cap.
    OrderQty,
    /// The venue's filters would refuse it.
    VenueFilter,
    /// There is no fresh, uncrossed price.
    StaleBook,
    /// The price is too far from the reference.
    PriceCollar,
    /// The value is above the cap.
    OrderNotional,
    /// The position could pass its cap.
    Position,
    /// It would buy what the system itself is selling.
    SelfTrade,
    /// It would sell more than the system owns.
    Owned,
    /// It would spend more than is free.
    Funds,
    /// It would add to the position though it says that it reduces it.
    ReduceOnly,
    /// What is held and may still be bought, over all pairs, could pass its cap.
    GrossExposure,
    /// The same order, twice sent within a second already.
    Duplicate,
    /// Too many orders in the window.
    OrderRate,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A veto: which rule, its limit, the value that broke it, and what is still allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{rule}: {value} breaks the limit {limit} (still allowed: {})", .state.still_allowed())]
pub struct Breach {
    /// The rule that vetoed.
    pub rule: Rule,
    /// The limit, printed.
    pub limit: String,
    /// The value that broke it, printed.
    pub value: String,
    /// The state the gate is in.
    pub state: TradingState,
}
