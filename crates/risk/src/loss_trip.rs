//! Why the loss budget tripped, with what was read.

use keel_domain::{Money, Timestamp};
use serde::{Deserialize, Serialize};

use crate::LossBreach;

/// The profit at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfitReading {
    /// When it was read.
    pub at: Timestamp,
    /// What all trades had made, with what was held at the price at which it could be closed, after fees.
    pub profit: Money,
}

/// What the decision rested on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossInputs {
    /// The two readings in a row that were beyond a limit, in the order of time.
    pub readings: [ProfitReading; 2],
    /// What the day's loss is counted from, and the day's first moment.
    pub day_start: ProfitReading,
    /// What the loss from the peak is counted from, and when it was recorded.
    pub peak: Option<ProfitReading>,
}

/// A limit that is reached, and what says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{breach}")]
pub struct LossTrip {
    /// Which.
    #[serde(flatten)]
    pub breach: LossBreach,
    /// None in records of before they were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inputs: Option<LossInputs>,
}
