//! The one clock of the process.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use keel_domain::Timestamp;

/// Wall time at the start plus monotonic time since: it never runs backwards and never jumps, whatever is done to the
/// machine's wall clock meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
    wall_at_start: Timestamp,
}

impl Clock {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self {
            started: Instant::now(),
            wall_at_start: wall(),
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.wall_at_start.plus(self.started.elapsed())
    }

    /// How long ago the start was.
    #[must_use]
    pub fn elapsed(&self) -> std::time::Duration {
        self.started.elapsed()
    }

    /// What the wall clock shows, which may have been set since the start: only to be compared with [`Self::now`].
    #[must_use]
    pub fn wall(&self) -> Timestamp {
        wall()
    }
}

fn wall() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::EPOCH.plus(since_epoch)
}
