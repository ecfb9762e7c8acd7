//! What is permitted now.

use std::fmt;

use keel_domain::{AlertClass, Purpose};
use serde::{Deserialize, Serialize};

use crate::{LossTrip, Trip};

/// The trading state, named by what it permits. Cancels are permitted in every one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TradingState {
    /// Entries and exits.
    Active,
    /// Exits and the upkeep of existing orders; no new entry.
    EntriesBlocked,
    /// Only orders that reduce the position they find.
    ReduceOnly,
    /// No order at all.
    Halted,
}

impl TradingState {
    /// Whether an order of this purpose may be sent.
    #[must_use]
    pub const fn permits(self, purpose: Purpose) -> bool {
        match self {
            Self::Active => true,
            Self::EntriesBlocked | Self::ReduceOnly => matches!(purpose, Purpose::ReduceOnly),
            Self::Halted => false,
        }
    }

    /// What may still be sent, in words for an operator.
    #[must_use]
    pub const fn still_allowed(self) -> &'static str {
        match self {
            Self::Active => "all orders",
            Self::EntriesBlocked => "exits and cancels",
            Self::ReduceOnly => "orders that reduce the position, and cancels",
            Self::Halted => "cancels only",
        }
    }
}

impl fmt::Display for TradingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Active => "Active",
            Self::EntriesBlocked => "EntriesBlocked",
            Self::ReduceOnly => "ReduceOnly",
            Self::Halted => "Halted",
        })
    }
}

/// Why trading was restricted; kept with the state until an operator lifts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum HaltCause {
    /// A person asked for it.
    #[error("operator: {reason}")]
    Operator {
        /// In the operator's words.
        reason: String,
    },
    /// The venue and we say different things of the same order or position.
    #[error("contradiction with the venue: {what}")]
    Contradiction {
        /// Both sides.
        what: String,
    },
    /// Own records and the venue's differ, and no evidence decides which is right.
    #[error("difference from the venue: {what}")]
    Difference {
        /// Both sides.
        what: String,
    },
    /// The durable record could not be written.
    #[error("the journal failed: {what}")]
    Journal {
        /// The error.
        what: String,
    },
    /// The venue serves our key no more.
    #[error("{what}")]
    KeyRefused {
        /// What it refuses, in its words.
        what: String,
    },
    /// A position has no stop at the venue, and all that could be tried has failed.
    #[error("{what}")]
    Unprotected {
        /// What was tried last.
        what: String,
    },
    /// Orders were refused, or traded, one after the other.
    #[error("runaway: {what}")]
    Runaway {
        /// How often, and why.
        what: String,
    },
    /// The last check before the socket let an order not out.
    #[error("last check before the socket: {0}")]
    LastInch(Trip),
    /// More was lost than may be.
    #[error("loss budget: {0}")]
    Loss(LossTrip),
    /// The market data, or the venue's description of a pair, is not what it was.
    #[error("market data: {what}")]
    MarketData {
        /// What it is now.
        what: String,
    },
    /// Our clock and the venue's are too far apart.
    #[error("{what}")]
    Clock {
        /// How far, and what to do.
        what: String,
    },
    /// The process is ending.
    #[error("shutdown")]
    Shutdown,
    /// A part of the program panicked or stopped responding.
    #[error("internal fault: {what}")]
    Internal {
        /// Which part.
        what: String,
    },
}

impl HaltCause {
    /// What a person does about it.
    #[must_use]
    pub const fn alert_class(&self) -> AlertClass {
        match self {
            Self::Operator { .. } | Self::Shutdown => AlertClass::OperatorHalt,
            Self::Contradiction { .. } => AlertClass::Contradiction,
            Self::Difference { .. } => AlertClass::Difference,
            Self::Journal { .. } => AlertClass::Journal,
            Self::KeyRefused { .. } => AlertClass::KeyRefused,
            Self::Unprotected { .. } => AlertClass::Unprotected,
            Self::Runaway { .. } => AlertClass::Runaway,
            Self::LastInch(_) => AlertClass::LastInch,
            Self::Loss(_) => AlertClass::Loss,
            Self::MarketData { .. } => AlertClass::VenueChanged,
            Self::Clock { .. } => AlertClass::Clock,
            Self::Internal { .. } => AlertClass::Internal,
        }
    }
}
