//! One connection: its state, its wait after failures, and its control messages.

use std::collections::VecDeque;
use std::time::Duration;

use keel_domain::Timestamp;

/// One connection's state.
#[derive(Debug, Default)]
pub(super) struct LinkState {
    pub(super) state: State,
    pub(super) failures: u32,
    pub(super) was_open: bool,
    /// Market: the venue has confirmed the subscriptions. WS API: user events flow.
    pub(super) is_subscribed: bool,
    pub(super) is_logged_on: bool,
    /// It has given its place away and waits for its last answers.
    pub(super) is_draining: bool,
    /// Control messages that wait for their turn.
    pub(super) control: VecDeque<String>,
    /// When the last few were sent.
    control_sent: VecDeque<Timestamp>,
    /// Subscriptions without an answer.
    pub(super) unconfirmed: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum State {
    /// Not wanted.
    #[default]
    Idle,
    /// To be opened at this time.
    Waiting(Timestamp),
    /// Being opened since.
    Opening(Timestamp),
    /// Open since.
    Open(Timestamp),
}

impl LinkState {
    /// The longest wait between two attempts.
    const BACK_OFF_MAX: Duration = Duration::from_secs(30);
    const BACK_OFF_MIN: Duration = Duration::from_millis(250);
    /// Each wait is so many times the last one: steep, so that a venue that is down for some seconds does not use up the
    /// attempts of some minutes.
    const BACK_OFF_FACTOR: u32 = 4;
    pub(super) const OPEN_WITHIN: Duration = Duration::from_secs(10);
    /// The venue ends a connection after 24 h; the next one is opened before.
    pub(super) const ROLL_AFTER: Duration = Duration::from_secs(23 * 3_600);
    /// How long both connections carry the data: more than one may lag behind the other.
    pub(super) const ROLL_OVERLAP: Duration = Duration::from_secs(2);
    /// The venue takes five messages a second, pongs among them.
    const CONTROL_PER_SECOND: usize = 4;
    /// Streams named in one control message.
    pub(super) const STREAMS_PER_MESSAGE: usize = 100;

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    pub(super) fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Idle => None,
            State::Waiting(at) => Some(at),
            State::Opening(since) => Some(since.plus(Self::OPEN_WITHIN)),
            State::Open(_) => self.control_at(),
        }
    }

    /// When the next control message may leave, if one waits.
    fn control_at(&self) -> Option<Timestamp> {
        self.control.front()?;
        let oldest = self.control_sent.front().copied().unwrap_or(Timestamp::EPOCH);
        let is_full = self.control_sent.len() >= Self::CONTROL_PER_SECOND;
        Some(if is_full {
            oldest.plus(Duration::from_secs(1))
        } else {
            Timestamp::EPOCH
        })
    }

    pub(super) fn next_control(&mut self, now: Timestamp) -> Option<String> {
        if self.control_at()? > now {
            return None;
        }
        if self.control_sent.len() >= Self::CONTROL_PER_SECOND {
            self.control_sent.pop_front();
        }
        self.control_sent.push_back(now);
        self.control.pop_front()
    }

    /// Back to nothing but the memory of failures.
    pub(super) fn end(&mut self) {
        *self = Self {
            failures: self.failures,
            was_open: self.was_open,
            ..Self::default()
        };
    }

    /// Longer after each failure, up to a bound, and up to a quarter of it more by chance.
    pub(super) fn back_off(&mut self, now: Timestamp, seed: u64) {
        let grown = Self::BACK_OFF_MIN * Self::BACK_OFF_FACTOR.saturating_pow(self.failures.min(8));
        let base = grown.min(Self::BACK_OFF_MAX);
        let spread = splitmix(seed.wrapping_add(u64::from(self.failures))) % 1_000;
        let jitter = base * u32::try_from(spread).unwrap_or(0) / 4_000;
        self.failures = self.failures.saturating_add(1);
        self.state = State::Waiting(now.plus(base + jitter));
    }
}

/// One output of SplitMix64: a spread that the same seed repeats.
fn splitmix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
