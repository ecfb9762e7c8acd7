//! Why the exchange ended connections, counted: `GET /keel/connections`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// A request whose head did not come whole in time.
pub(crate) const HEAD_TIMEOUT: &str = "Request head timeout";
/// A connection on which no request began in time.
pub(crate) const IDLE_TIMEOUT: &str = "Idle";
/// A request whose body did not come whole in time.
pub(crate) const BODY_TIMEOUT: &str = "Request body timeout";
/// A client that takes nothing of what is written to it.
pub(crate) const WRITE_TIMEOUT: &str = "Write timeout";
/// A WebSocket for which more waits than may.
pub(crate) const SLOW_CONSUMER: &str = "Slow consumer";
/// A connection that would be one more than there may be.
pub(crate) const TOO_MANY_CONNECTIONS: &str = "Too many connections";

/// How often each reason ended a connection.
#[derive(Default)]
pub(crate) struct Ends(Mutex<BTreeMap<&'static str, u64>>);

impl Ends {
    /// One more.
    pub(crate) fn note(&self, reason: &'static str) {
        tracing::warn!(reason, "connection ended by the exchange");
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(reason).or_default();
        *count = count.saturating_add(1);
    }

    /// As the operator sees them.
    pub(crate) fn shown(&self) -> Value {
        json!({ "ended": *self.0.lock().unwrap_or_else(PoisonError::into_inner) })
    }
}
