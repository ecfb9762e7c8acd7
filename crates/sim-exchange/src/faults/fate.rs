//! What a plan answers with.

use std::time::Duration;

use keel_binance_wire::error::code;
use keel_domain::Timestamp;

use super::rule::{ConnectionAction, Corruption, Hangup, Loss, Stage, VenueAction};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestFate {
    /// Nothing is wrong.
    Pass,
    /// The answer does not come.
    Lose(Stage, Loss),
    /// Another answer comes.
    Answer(Stage, InjectedAnswer),
    /// The request or the answer waits.
    Delay(Stage, Duration),
    /// The answer ends early.
    Cut,
    /// The order is said not to exist.
    Deny,
    /// The order that it names is filled before it is carried out.
    FillFirst(u64),
}

/// An answer in place of the exchange's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InjectedAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The venue's code and text; none: a page of its gateway.
    pub error: Option<(i32, String)>,
    /// When to come again.
    pub retry_at: Option<Timestamp>,
}

/// What becomes of an event on one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventFate {
    /// Nothing is wrong.
    Pass,
    /// It does not come.
    Drop,
    /// It comes twice.
    Duplicate,
    /// It comes so much later.
    Delay(Duration),
    /// It comes after the next of its kind.
    Reorder,
    /// It is spoilt.
    Corrupt(Corruption),
    /// The connection ends instead.
    Disconnect(Hangup),
}

/// Something that befalls a connection now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueConnectionFault {
    /// The connection.
    pub connection: u64,
    /// What.
    pub action: ConnectionAction,
}

/// The venue enters or leaves a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VenueStep {
    /// The rule.
    pub rule: String,
    /// The state.
    pub action: VenueAction,
    /// Whether it begins; else it ends.
    pub begins: bool,
}

/// A fault that was injected, for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Injected {
    /// The rule.
    pub rule: String,
    /// Its action.
    pub action: &'static str,
    /// What it hit.
    pub subject: String,
}

/// A rule and what it did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RuleReport {
    /// Its name.
    pub id: String,
    /// Its action.
    pub action: &'static str,
    /// Whether its time is now.
    pub in_time: bool,
    /// What it could have hit.
    pub matched: u64,
    /// What it did hit.
    pub fired: u64,
    /// Requests that came although this rule had told the client to wait (429, 418).
    pub impatient: u64,
}

impl InjectedAnswer {
    pub(super) fn of(status: u16, code: i32, msg: impl Into<String>) -> Self {
        Self {
            status,
            error: Some((code, msg.into())),
            retry_at: None,
        }
    }

    /// A page of the venue's gateway, which does not know the outcome either.
    pub(super) fn gateway(status: u16) -> Self {
        Self {
            status,
            error: None,
            retry_at: None,
        }
    }

    pub(super) fn out_of_service() -> Self {
        Self::of(503, -1016, "This service is no longer available.")
    }

    pub(super) fn unknown_outcome(code: i32) -> Self {
        if code == code::UNEXPECTED_RESP {
            let msg = "An unexpected response was received from the message bus. Execution status unknown.";
            return Self::of(500, code, msg);
        }
        let msg = "Timeout waiting for response from backend server. Send status unknown; execution status unknown.";
        Self::of(504, code, msg)
    }

    /// 429, or 418 for a ban.
    pub(super) fn come_again(status: u16, until: Timestamp) -> Self {
        let advice = "Please use WebSocket Streams for live updates to avoid";
        let msg = if status == 418 {
            let until = until.as_millis();
            format!("Way too much request weight used; IP banned until {until}. {advice} bans.")
        } else {
            let limit = "current limit is 6000 request weight per 1 MINUTE";
            format!("Too much request weight used; {limit}. {advice} polling the API.")
        };
        Self {
            retry_at: Some(until),
            ..Self::of(status, code::TOO_MANY_REQUESTS, msg)
        }
    }
}
