//! A rule that is switched on: its chance, its counts, its time.

use std::time::Duration;

use keel_domain::Timestamp;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::rule::{Fault, Lapse, Rule, When};

pub(super) struct Armed {
    pub(super) rule: Rule,
    pub(super) armed_at: Timestamp,
    draws: ChaCha8Rng,
    /// Drawn with the latest decision, for how long something lasts.
    size: u64,
    /// What it could have hit.
    pub(super) matched: u64,
    /// What chance chose, whether or not an earlier rule came first.
    chosen: u64,
    /// What it did hit.
    pub(super) fired: u64,
    /// Requests that came although this rule had told the client to wait.
    pub(super) impatient: u64,
    pub(super) next_visit: Option<Timestamp>,
    /// Whether the venue is in the state that this rule sets.
    pub(super) is_applied: bool,
}

impl Armed {
    pub(super) fn new(rule: Rule, seed: u64, now: Timestamp) -> Self {
        let mut draws = ChaCha8Rng::seed_from_u64(seed);
        draws.set_stream(stream_of(&rule.id));
        let is_visit = matches!(rule.fault, Fault::Connection { .. });
        Self {
            next_visit: is_visit.then(|| now.plus(rule.when.from)),
            rule,
            armed_at: now,
            draws,
            size: 0,
            matched: 0,
            chosen: 0,
            fired: 0,
            impatient: 0,
            is_applied: false,
        }
    }

    pub(super) fn is_in_time(&self, now: Timestamp) -> bool {
        self.begins_at() <= now && self.ends_at().is_none_or(|end| now < end)
    }

    pub(super) fn begins_at(&self) -> Timestamp {
        self.armed_at.plus(self.rule.when.from)
    }

    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        self.rule.when.until.map(|until| self.armed_at.plus(until))
    }

    /// Counts something that matches and lets chance decide. Two numbers are drawn each time, whatever the bounds say and
    /// whether or not another rule comes first, so that the n-th decision is always the same.
    pub(super) fn choose(&mut self, now: Timestamp) -> bool {
        if !self.is_in_time(now) {
            return false;
        }
        self.matched += 1;
        let drawn = self.draws.next_u64() % u64::from(When::CERTAIN_PPB);
        self.size = self.draws.next_u64();
        let when = &self.rule.when;
        let is_chosen = drawn < u64::from(when.probability_ppb)
            && when.nth.is_none_or(|nth| nth == self.matched)
            && when.max.is_none_or(|max| self.chosen < max);
        self.chosen += u64::from(is_chosen);
        is_chosen
    }

    /// A span out of the range, as the latest decision drew it.
    pub(super) fn span_of(&self, lapse: Lapse) -> Duration {
        let range = u64::try_from((lapse.max - lapse.min).as_nanos()).unwrap_or(u64::MAX);
        match range.checked_add(1) {
            Some(count) if range > 0 => lapse.min + Duration::from_nanos(self.size % count),
            _ => lapse.min,
        }
    }
}

/// The number of a rule's random stream: FNV-1a of its id.
fn stream_of(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
