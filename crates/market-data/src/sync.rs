//! From a venue's snapshot and event stream to updates in sequence (the venue's web-socket-streams.md,
//! "How to manage a local order book correctly", as corrected on 2025-11-12).

use std::collections::VecDeque;

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
    /// An update is missing: the book is lost, and a snapshot is to be fetched.
    Gap,
}

#[derive(Debug, Clone, Default)]
enum State {
    /// Nothing came yet.
    #[default]
    Idle,
    /// Events wait for the snapshot that was asked for.
    Buffering(VecDeque<BookDelta>),
    /// In sequence up to this update.
    Synchronised(u64),
}

/// The synchronisation of one symbol's book: keeps events until a snapshot fits them, then checks their sequence.
#[derive(Debug, Clone, Default)]
pub struct BookSync {
    state: State,
}

impl BookSync {
    /// The most events kept while a snapshot is awaited; at one more the oldest goes, so that a snapshot older than the
    /// rest no longer fits and another is fetched.
    pub const BUFFERED_MAX: usize = 2_000;

    /// Takes an event of the stream.
    pub fn on_delta(&mut self, delta: BookDelta) -> SyncStep {
        match &mut self.state {
            State::Idle => {
                self.state = State::Buffering(VecDeque::from([delta]));
                SyncStep::FetchSnapshot
            }
            State::Buffering(buffered) => {
                buffered.push_back(delta);
                if buffered.len() > Self::BUFFERED_MAX {
                    buffered.pop_front();
                }
                SyncStep::Wait
            }
            State::Synchronised(last) if delta.last_update_id <= *last => SyncStep::Wait,
            State::Synchronised(last) if delta.first_update_id > last.saturating_add(1) => {
                self.state = State::Buffering(VecDeque::from([delta]));
                SyncStep::Gap
            }
            State::Synchronised(last) => {
                *last = delta.last_update_id;
                SyncStep::Deliver(vec![MarketUpdate::BookDelta(delta)])
            }
        }
    }

    /// Takes a snapshot that was asked for. One that comes when none is awaited is passed over.
    pub fn on_snapshot(&mut self, snapshot: BookSnapshot) -> SyncStep {
        let State::Buffering(buffered) = &mut self.state else {
            return SyncStep::Wait;
        };
        let snapshot_id = snapshot.last_update_id;
        buffered.retain(|delta| delta.last_update_id > snapshot_id);
        let is_too_old = buffered
            .front()
            .is_some_and(|first| first.first_update_id > snapshot_id.saturating_add(1));
        if is_too_old {
            return SyncStep::FetchSnapshot;
        }
        let mut last = snapshot_id;
        let mut updates = vec![MarketUpdate::BookSnapshot(snapshot)];
        while let Some(delta) = buffered.pop_front() {
            if delta.first_update_id > last.saturating_add(1) {
                buffered.push_front(delta);
                return SyncStep::Gap;
            }
            if delta.last_update_id > last {
                last = delta.last_update_id;
                updates.push(MarketUpdate::BookDelta(delta));
            }
        }
        self.state = State::Synchronised(last);
        SyncStep::Deliver(updates)
    }

    /// Starts again: forgets buffer and sequence.
    pub fn reset(&mut self) {
        self.state = State::Idle;
    }
}
