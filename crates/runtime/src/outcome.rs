//! What a run is told, and what it left.

use std::fmt;

use keel_report::RunReport;

use crate::Progress;

/// What a run knows of itself besides its configuration.
#[derive(Debug, Clone)]
pub struct RunContext {
    /// The simulated market's seed.
    pub seed: Option<u64>,
    /// The simulated market's scenario.
    pub scenario: Option<String>,
    /// Why the venue's view is accepted where it differs from the records; none: a start that differs is refused.
    pub accept_venue: Option<String>,
    /// Why the records may be continued by another build or configuration than wrote them; none: such a start is refused where
    /// money is at stake.
    pub accept_change: Option<String>,
    /// Where progress is told.
    pub progress: Progress,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The venue shows no order of ours.
    Closed,
    /// These may still be live at the venue.
    Unverified(Vec<String>),
    /// The venue does not serve this configuration: nothing was sent, and nothing of an earlier run may be live.
    NotStarted(String),
    /// A safety rule forbids the start: nothing was traded.
    Refused(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed: the venue shows no order of ours"),
            Self::Unverified(left) if left.is_empty() => {
                f.write_str("not verified: the venue did not say that no order of ours is open")
            }
            Self::Unverified(left) => write!(f, "not verified: may still be live: {}", left.join(", ")),
            Self::NotStarted(why) => write!(f, "not started: {why}"),
            Self::Refused(why) => write!(f, "start refused: {why}"),
        }
    }
}

/// What a run left.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// Its report.
    pub report: RunReport,
    /// Whether trading ended halted for a reason that an operator has to look at.
    pub halted_by: Option<String>,
}
