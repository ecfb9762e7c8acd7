//! From a venue's snapshot and event stream to updates in sequence (the venue's web-socket-streams.md,
//! "How to manage a local order book correctly", as corrected on 2025-11-12).

use crate::{BookDelta, BookSnapshot, MarketUpdate};

/// What a step of synchronisation asks of its driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncStep {
    /// Nothing to do.
    Wait,
    /// Fetch a snapshot now.
    FetchSnapshot,
    /// These updates are in sequence: hand them on in order.
    Deliver(Vec<MarketUpdate>),
    /// A gap: the book is lost, and a snapshot is to be fetched.
    Gap,
}

/// The synchronisation of one symbol's book: buffers events until a snapshot fits them.
#[derive(Debug, Clone, Default)]
pub struct BookSync {
    buffered: Vec<BookDelta>,
    last_update_id: Option<u64>,
}

impl BookSync {
    /// The most events kept while waiting for a snapshot; beyond it the oldest go and a new snapshot is needed.
    pub const BUFFERED_MAX: usize = 2_000;

    /// Takes an event of the stream.
    pub fn on_delta(&mut self, _delta: BookDelta) -> SyncStep {
        SyncStep::Wait
    }

    /// Takes a snapshot that was asked for.
    pub fn on_snapshot(&mut self, _snapshot: BookSnapshot) -> SyncStep {
        SyncStep::Wait
    }

    /// Starts again: forgets buffer and sequence.
    pub fn reset(&mut self) {
        self.buffered.clear();
        self.last_update_id = None;
    }
}
