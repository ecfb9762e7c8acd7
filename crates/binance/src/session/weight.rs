//! The request weight that the whole process may spend (rest-api.md, "IP Limits").

use std::time::Duration;

use keel_domain::Timestamp;

/// What a request is for, which decides what it may spend and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A cancel, or an order that only reduces: may use the reserve, and leaves after a 429 too.
    Exit,
    /// A question about an order whose outcome is not known: may use the reserve.
    Question,
    /// Anything else.
    Ordinary,
}

/// The one counter of request weight: one minute of the venue's clock at a time, as the venue counts it.
#[derive(Debug)]
pub(crate) struct WeightCounter {
    limit: u32,
    minute: i64,
    used: u32,
    blocked_until: Option<Timestamp>,
    banned_until: Option<Timestamp>,
}

impl WeightCounter {
    /// The documented limit, until the venue has told its own.
    const LIMIT: u32 = 6_000;
    /// Kept for exits and questions.
    const RESERVED_PERCENT: u32 = 30;
    /// The wait after a 429 or a 418 that does not tell its own: the venue's shortest ban is two minutes.
    pub(crate) const BLOCKED_FOR: Duration = Duration::from_secs(60);
    pub(crate) const BANNED_FOR: Duration = Duration::from_secs(120);

    pub(super) fn new() -> Self {
        Self {
            limit: Self::LIMIT,
            minute: 0,
            used: 0,
            blocked_until: None,
            banned_until: None,
        }
    }

    /// The venue tells its limit.
    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    pub(super) fn used(&self) -> u32 {
        self.used
    }

    /// Until when nothing at all may leave.
    pub(super) fn banned_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.banned_until.filter(|until| now < *until)
    }

    /// Counts a request that is about to leave, or refuses it. `venue_now` is the venue's time, whose minutes count.
    pub(super) fn spend(&mut self, now: Timestamp, venue_now: Timestamp, class: Class, weight: u32) -> bool {
        self.turn_minute(venue_now);
        let is_blocked = self.blocked_until.is_some_and(|until| now < until);
        if self.banned_until(now).is_some() || (is_blocked && class != Class::Exit) {
            return false;
        }
        let reserved = match class {
            Class::Exit | Class::Question => 0,
            // Of each hundred begun, so that at least this part stays.
            Class::Ordinary => self.limit.div_ceil(100).saturating_mul(Self::RESERVED_PERCENT),
        };
        let after = self.used.saturating_add(weight);
        if after > self.limit.saturating_sub(reserved) {
            return false;
        }
        self.used = after;
        true
    }

    /// A request turned out to cost nothing, in the minute in which it left.
    pub(super) fn refund(&mut self, asked_venue_time: Timestamp, weight: u32) {
        if minute_of(asked_venue_time) == self.minute {
            self.used = self.used.saturating_sub(weight);
        }
    }

    /// The venue tells what is used, in an answer to a question of the present minute. Requests under way are not in
    /// its count yet, and other programs behind the same address are not in ours: the larger one holds.
    pub(super) fn told(&mut self, asked_venue_time: Timestamp, venue_now: Timestamp, used: u32) {
        self.turn_minute(venue_now);
        if minute_of(asked_venue_time) == self.minute {
            self.used = self.used.max(used);
        }
    }

    /// The venue said 429: only exits leave until then. Gives how long that is, where it is news.
    pub(super) fn block(&mut self, now: Timestamp, retry_after: Option<Duration>) -> Option<Duration> {
        let wait = retry_after.unwrap_or(Self::BLOCKED_FOR);
        let is_news = self.blocked_until.is_none_or(|until| now >= until);
        self.blocked_until = self.blocked_until.max(Some(now.plus(wait)));
        is_news.then_some(wait)
    }

    /// The venue said 418: nothing leaves until then. Gives how long that is, where it is news.
    pub(super) fn ban(&mut self, now: Timestamp, retry_after: Option<Duration>) -> Option<Duration> {
        let wait = retry_after.unwrap_or(Self::BANNED_FOR);
        let is_news = self.banned_until(now).is_none();
        self.banned_until = self.banned_until.max(Some(now.plus(wait)));
        is_news.then_some(wait)
    }

    fn turn_minute(&mut self, venue_now: Timestamp) {
        let minute = minute_of(venue_now);
        if minute > self.minute {
            self.minute = minute;
            self.used = 0;
        }
    }
}

fn minute_of(venue_time: Timestamp) -> i64 {
    venue_time.as_millis().div_euclid(60_000)
}
