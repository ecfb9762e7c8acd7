//! The venue's clock against ours, and the wall clock against the steady one.

use std::time::Duration;

use keel_domain::Timestamp;

/// How far the clocks are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distance {
    /// Near enough.
    Near,
    /// Worth telling: more than 500 ms.
    Far,
    /// Times cannot be trusted: more than 2 s.
    Fault,
}

impl Distance {
    const WARN_OVER: Duration = Duration::from_millis(500);
    const FAULT_OVER: Duration = Duration::from_secs(2);

    pub(crate) fn of(offset_nanos: i64) -> Self {
        let apart = Duration::from_nanos(offset_nanos.unsigned_abs());
        if apart > Self::FAULT_OVER {
            Self::Fault
        } else if apart > Self::WARN_OVER {
            Self::Far
        } else {
            Self::Near
        }
    }
}

/// The offset comes from the quickest of several answers: the shorter the round trip, the less it can be wrong.
#[derive(Debug)]
pub(crate) struct VenueClock {
    offset_nanos: i64,
    is_known: bool,
    distance: Distance,
    /// The quickest round trip of the present burst, with its offset.
    best: Option<(Duration, i64)>,
    to_ask: u32,
    unanswered: u32,
    next_at: Timestamp,
    forced_at: Option<Timestamp>,
    wall_lead_nanos: Option<i64>,
}

impl VenueClock {
    /// Samples in one burst.
    pub(crate) const SAMPLES: u32 = 5;
    /// How often the offset is measured again.
    const EVERY: Duration = Duration::from_secs(60);
    const BETWEEN_SAMPLES: Duration = Duration::from_millis(200);
    /// A refused timestamp measures again, but not more often than this.
    const FORCED_EVERY: Duration = Duration::from_secs(10);
    const JUMP_OVER: Duration = Duration::from_secs(1);

    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            offset_nanos: 0,
            is_known: false,
            distance: Distance::Near,
            best: None,
            to_ask: 0,
            unanswered: 0,
            next_at: now,
            forced_at: None,
            wall_lead_nanos: None,
        }
    }

    /// The venue's clock less ours.
    pub(crate) fn offset_nanos(&self) -> i64 {
        self.offset_nanos
    }

    /// Our time as the venue's clock shows it.
    pub(crate) fn venue_time(&self, now: Timestamp) -> Timestamp {
        Timestamp::from_nanos(now.as_nanos().saturating_add(self.offset_nanos))
    }

    /// How long ago the venue made an event; none before the first measurement.
    pub(super) fn lag(&self, now: Timestamp, event_time: Timestamp) -> Option<Duration> {
        self.is_known.then(|| self.venue_time(now).since(event_time))
    }

    pub(super) fn deadline(&self) -> Timestamp {
        self.next_at
    }

    /// Whether a sample is to be asked for now; counts it as asked.
    pub(super) fn take_due(&mut self, now: Timestamp) -> bool {
        if now < self.next_at {
            return false;
        }
        if self.to_ask == 0 {
            self.to_ask = Self::SAMPLES;
            self.best = None;
        }
        self.to_ask -= 1;
        self.unanswered += 1;
        let is_last = self.to_ask == 0;
        self.next_at = now.plus(if is_last {
            Self::EVERY
        } else {
            Self::BETWEEN_SAMPLES
        });
        true
    }

    /// An answer: gives how far the clocks are apart, where that has changed.
    pub(crate) fn on_sample(
        &mut self,
        now: Timestamp,
        asked_at: Timestamp,
        venue_time: Timestamp,
    ) -> Option<Distance> {
        let round_trip = now.since(asked_at);
        if self.best.is_none_or(|(best, _)| round_trip < best) {
            let middle = asked_at.plus(round_trip / 2);
            // The venue tells whole milliseconds: on average half of one has passed.
            let offset = venue_time
                .as_nanos()
                .saturating_sub(middle.as_nanos())
                .saturating_add(500_000);
            self.best = Some((round_trip, offset));
        }
        self.answered()
    }

    /// A sample that got no answer.
    pub(super) fn on_no_sample(&mut self) -> Option<Distance> {
        self.answered()
    }

    /// The first sample counts at once, a later burst as a whole.
    fn answered(&mut self) -> Option<Distance> {
        self.unanswered = self.unanswered.saturating_sub(1);
        let is_whole = self.to_ask == 0 && self.unanswered == 0;
        let (_, offset) = self.best.filter(|_| is_whole || !self.is_known)?;
        self.offset_nanos = offset;
        self.is_known = true;
        let distance = Distance::of(offset);
        let has_changed = std::mem::replace(&mut self.distance, distance) != distance;
        has_changed.then_some(distance)
    }

    /// The venue refused a timestamp, or the wall clock jumped: measure again, once.
    pub(super) fn measure_again(&mut self, now: Timestamp) {
        if self
            .forced_at
            .is_some_and(|at| now.since(at) < Self::FORCED_EVERY)
        {
            return;
        }
        self.forced_at = Some(now);
        self.to_ask = 0;
        self.next_at = now;
    }

    /// Takes the wall clock at the steady time `now`: gives how far it has jumped since the last look, in nanoseconds,
    /// if that is more than a second. A machine that slept looks the same as a clock that was set.
    pub(super) fn on_wall_clock(&mut self, now: Timestamp, wall: Timestamp) -> Option<i64> {
        let lead = wall.as_nanos().saturating_sub(now.as_nanos());
        let before = self.wall_lead_nanos.replace(lead)?;
        let jump = lead.saturating_sub(before);
        (Duration::from_nanos(jump.unsigned_abs()) > Self::JUMP_OVER).then_some(jump)
    }
}
