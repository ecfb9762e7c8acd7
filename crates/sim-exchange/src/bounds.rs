//! What bounds clients.

use std::time::Duration;

/// How much of the exchange clients may take. Who takes more is closed and counted; nobody waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientBounds {
    /// Until the head of the next request is there: for a client that sends it slowly, for one that sends nothing, and for
    /// one that keeps its connection without use.
    pub head: Duration,
    /// From the head of a request until its body is there.
    pub body: Duration,
    /// Until a client takes something of what is written to it.
    pub write: Duration,
    /// Connections at once, of all clients.
    pub connections: usize,
}

impl Default for ClientBounds {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(75),
            body: Duration::from_secs(30),
            write: Duration::from_secs(60),
            connections: 4_096,
        }
    }
}
