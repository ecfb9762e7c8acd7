//! What the loop notices of itself and of the way by which operators reach it.

use std::time::Duration;

use keel_domain::{Alert, AlertClass, Timestamp};
use keel_risk::HaltCause;

/// Notices that the loop stood still, and that no operator's request can come any more.
#[derive(Debug)]
pub(crate) struct LoopWatch {
    turned_at: Timestamp,
    is_control_missed: bool,
}

impl LoopWatch {
    /// A loop that stood still for longer trades on decisions that nobody watched.
    pub(crate) const GAP_MAX: Duration = Duration::from_secs(10);

    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            turned_at: now,
            is_control_missed: false,
        }
    }

    /// A turn of the loop; gives why trading must halt.
    pub(crate) fn on_turn(&mut self, now: Timestamp) -> Option<HaltCause> {
        let gap = now.since(std::mem::replace(&mut self.turned_at, now));
        (gap > Self::GAP_MAX).then(|| {
            let what = format!("the trading loop stood still for {} s", gap.as_secs());
            HaltCause::Internal { what }
        })
    }

    /// Whether the control socket is dead; told once.
    pub(crate) fn on_control(&mut self, is_dead: bool) -> Option<Alert> {
        if !is_dead || std::mem::replace(&mut self.is_control_missed, true) {
            return None;
        }
        let text = "the control socket is dead: halt by the file KILL, or end by SIGTERM";
        Some(AlertClass::Control.alert(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    #[test]
    fn internal_is_told_with_the_first_turn_of_a_loop_that_stood_still() {
        let mut watch = LoopWatch::new(at(0));
        assert_eq!(watch.on_turn(at(10_000)), None);
        let cause = watch.on_turn(at(20_001)).unwrap();
        assert_eq!(cause.alert_class(), AlertClass::Internal);
        assert_eq!(watch.on_turn(at(20_101)), None);
    }

    #[test]
    fn control_is_told_with_the_first_turn_after_the_socket_died_and_once() {
        let mut watch = LoopWatch::new(at(0));
        assert_eq!(watch.on_control(false), None);
        let alert = watch.on_control(true).unwrap();
        assert_eq!(alert.class, AlertClass::Control);
        assert_eq!(watch.on_control(true), None);
    }
}
