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
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let nanos = i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX);
        Self {
            started: Instant::now(),
            wall_at_start: Timestamp::from_nanos(nanos),
        }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.wall_at_start.plus(self.started.elapsed())
    }
}
