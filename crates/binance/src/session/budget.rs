//! How often connections may be tried, over all of them.

use std::time::Duration;

use keel_domain::Timestamp;

/// A bucket that holds a few attempts and is refilled slowly: at most [`Self::BURST`] at once, and at most 30 in any ten
/// minutes, however many sockets want one.
#[derive(Debug, Default)]
pub(super) struct ConnectBudget {
    /// When the bucket is full again.
    full_at: Timestamp,
}

impl ConnectBudget {
    /// Attempts that may follow each other at once.
    pub(super) const BURST: u32 = 10;
    /// How long one more attempt takes to come back.
    pub(super) const EVERY: Duration = Duration::from_secs(30);

    /// The first moment from `now` on at which an attempt is allowed.
    pub(super) fn ready_at(&self, now: Timestamp) -> Timestamp {
        let others = Self::EVERY * (Self::BURST - 1);
        let nanos = i64::try_from(others.as_nanos()).unwrap_or(i64::MAX);
        let ready_at = Timestamp::from_nanos(self.full_at.as_nanos().saturating_sub(nanos));
        ready_at.max(now)
    }

    /// Counts an attempt.
    pub(super) fn take(&mut self, now: Timestamp) {
        self.full_at = self.full_at.max(now).plus(Self::EVERY);
    }
}
