//! Whether a guard listens to the trader's heartbeat.

use std::time::Duration;

use keel_domain::{Alert, AlertClass, Timestamp};

/// Notices that nobody would cancel what is open if this process died.
#[derive(Debug)]
pub(crate) struct GuardWatch {
    /// Where none listens from the start, that counts too.
    is_wanted: bool,
    heard_at: Timestamp,
    is_told: bool,
}

impl GuardWatch {
    /// As long as a guard waits for a silent trader, by default.
    const ABSENT_MAX: Duration = Duration::from_secs(10);

    /// At the start. `is_wanted`: money is at stake, so that a guard has to be there.
    pub(crate) fn new(now: Timestamp, is_wanted: bool) -> Self {
        Self {
            is_wanted,
            heard_at: now,
            is_told: false,
        }
    }

    /// A heartbeat was taken by a guard, or not; gives what a person is to know.
    pub(crate) fn on_beat(&mut self, now: Timestamp, is_taken: bool) -> Option<Alert> {
        if is_taken {
            self.is_wanted = true;
            self.heard_at = now;
            return std::mem::take(&mut self.is_told)
                .then(|| AlertClass::Guard.alert("a guard listens again"));
        }
        if !self.is_wanted || self.is_told || now.since(self.heard_at) < Self::ABSENT_MAX {
            return None;
        }
        self.is_told = true;
        Some(AlertClass::Guard.alert(
            "no guard listens: if this process dies, its open orders stay; start `trader guard` with the same configuration",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_millis(ms))
    }

    #[test]
    fn f25_a_guard_that_is_gone_for_ten_seconds_is_told_once_and_its_return_too() {
        let mut watch = GuardWatch::new(at(0), false);
        assert_eq!(watch.on_beat(at(1_000), true), None);
        assert_eq!(watch.on_beat(at(10_999), false), None);
        assert!(
            watch
                .on_beat(at(11_000), false)
                .is_some_and(|alert| alert.text.contains("trader guard"))
        );
        assert_eq!(watch.on_beat(at(40_000), false), None, "it is told once");
        let again = AlertClass::Guard.alert("a guard listens again");
        assert_eq!(watch.on_beat(at(40_100), true), Some(again));
        assert_eq!(watch.on_beat(at(40_200), true), None);
        assert_eq!(watch.on_beat(at(50_199), false), None);
        assert!(watch.on_beat(at(50_200), false).is_some());
    }

    #[test]
    fn f25_a_guard_that_never_was_is_told_where_money_is_at_stake() {
        let mut paper = GuardWatch::new(at(0), false);
        let mut live = GuardWatch::new(at(0), true);
        for ms in [0, 9_999] {
            assert_eq!(paper.on_beat(at(ms), false), None);
            assert_eq!(live.on_beat(at(ms), false), None);
        }
        assert_eq!(paper.on_beat(at(60_000), false), None);
        assert!(live.on_beat(at(10_000), false).is_some());
    }
}
