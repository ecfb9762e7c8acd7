//! How far a system has come on its way to real money.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Money;

/// How much a system may do, by how far it has proved itself. What a stage permits is written here: no configuration raises it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Sends no order that adds to a position; what it would have sent is recorded as refused.
    Shadow,
    /// Trades with amounts whose loss teaches and does not hurt.
    Tiny,
    /// Trades within the limits that are configured.
    Normal,
}

/// A name that no stage has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such stage: write shadow, tiny or normal")]
pub struct StageError;

impl Stage {
    /// The most quote that one order may be worth; none: what is configured.
    #[must_use]
    pub fn order_notional_max(self) -> Option<Money> {
        (self == Self::Tiny).then(|| Money::from(50))
    }

    /// The most quote that may be held and still be bought, over all pairs; none: what is configured.
    #[must_use]
    pub fn gross_exposure_max(self) -> Option<Money> {
        (self == Self::Tiny).then(|| Money::from(200))
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shadow => "shadow",
            Self::Tiny => "tiny",
            Self::Normal => "normal",
        })
    }
}

impl FromStr for Stage {
    type Err = StageError;

    fn from_str(name: &str) -> Result<Self, StageError> {
        [Self::Shadow, Self::Tiny, Self::Normal]
            .into_iter()
            .find(|stage| stage.to_string() == name)
            .ok_or(StageError)
    }
}
