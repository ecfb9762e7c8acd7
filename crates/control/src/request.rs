//! What may be asked, and what is answered.

use serde::{Deserialize, Serialize};

/// What an operator wants of the running trader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Say how things are. Changes nothing.
    Status,
    /// Close the gate, cancel everything, and stay so until resumed.
    Halt {
        /// Why; recorded.
        reason: String,
    },
    /// Lift every restriction.
    Resume {
        /// Why that is safe now; recorded.
        reason: String,
    },
    /// Cancel everything, and permit only orders that reduce the position until resumed.
    ReduceOnly {
        /// Why; recorded.
        reason: String,
    },
    /// The same, and sell what is held.
    Flatten {
        /// Why; recorded.
        reason: String,
    },
    /// Cancel everything that is open now, without a restriction.
    CancelAll,
    /// Compare the records with the venue now.
    Reconcile,
}

impl Request {
    /// The longest reason, in bytes.
    pub const REASON_MAX: usize = 1_000;

    /// The name, which is its path too.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Halt { .. } => "halt",
            Self::Resume { .. } => "resume",
            Self::ReduceOnly { .. } => "reduce-only",
            Self::Flatten { .. } => "flatten",
            Self::CancelAll => "cancel-all",
            Self::Reconcile => "reconcile",
        }
    }

    /// The method: whatever changes something is a POST.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::Status => "GET",
            _ => "POST",
        }
    }

    /// The body: the reason, where there is one.
    #[must_use]
    pub fn body(&self) -> &str {
        match self {
            Self::Halt { reason }
            | Self::Resume { reason }
            | Self::ReduceOnly { reason }
            | Self::Flatten { reason } => reason,
            Self::Status | Self::CancelAll | Self::Reconcile => "",
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong, in words for who asked. Nothing was done.
    pub fn parse(method: &str, path: &str, body: &str) -> Result<Self, String> {
        let reason = body.trim().to_owned();
        let request = match path {
            "/status" => Self::Status,
            "/halt" => Self::Halt { reason },
            "/resume" => Self::Resume { reason },
            "/reduce-only" => Self::ReduceOnly { reason },
            "/flatten" => Self::Flatten { reason },
            "/cancel-all" => Self::CancelAll,
            "/reconcile" => Self::Reconcile,
            _ => return Err(format!("no such request: {path}")),
        };
        if method != request.method() {
            return Err(format!("{path} is a {}", request.method()));
        }
        let needs_reason = matches!(
            request,
            Self::Halt { .. } | Self::Resume { .. } | Self::ReduceOnly { .. } | Self::Flatten { .. }
        );
        if needs_reason && request.body().is_empty() {
            return Err(format!("{path} needs the reason as its body"));
        }
        if body.len() > Self::REASON_MAX {
            return Err(format!("a reason has at most {} bytes", Self::REASON_MAX));
        }
        Ok(request)
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Done, and verified where there was something to verify.
    Done,
    /// Not done; the text says why and what to do.
    Refused,
    /// Under way, but not verified in time: look before you act.
    Unknown,
}

/// What the trader answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What became of it.
    pub verdict: Verdict,
    /// What was done, in a sentence.
    pub text: String,
    /// What the venue confirmed, in a sentence.
    pub verified: String,
    /// The trading state's name.
    pub state: String,
    /// Why trading is restricted, while it is.
    pub cause: Option<String>,
    /// What may still be sent.
    pub still_allowed: String,
    /// The pairs, each with what holds for it.
    #[serde(default)]
    pub pairs: Vec<PairState>,
    /// Orders that may be live at the venue.
    pub live_orders: Vec<String>,
}

/// What holds for one pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairState {
    /// The pair.
    pub symbol: String,
    /// The name of the state in force: the stricter of its own and that of trading as a whole.
    pub state: String,
    /// Why the pair itself is restricted, while it is.
    pub cause: Option<String>,
    /// What may still be sent.
    pub still_allowed: String,
}
