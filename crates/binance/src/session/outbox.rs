//! What waits to leave, and what must not leave any more.

use std::collections::VecDeque;
use std::time::Duration;

use keel_domain::{Purpose, Timestamp};
use keel_execution::NotSent;

use super::requests::{NoAnswer, Question};
use super::{RequestId, Session, Transmit};

/// Oldest first, with the request's id where it is an entry.
#[derive(Debug, Default)]
pub(super) struct Outbox(VecDeque<(Transmit, Option<RequestId>)>);

impl Outbox {
    pub(super) fn push_back(&mut self, transmit: Transmit) {
        self.0.push_back((transmit, None));
    }

    pub(super) fn push_request(&mut self, id: RequestId, question: &Question, transmit: Transmit) {
        let is_entry = matches!(question, Question::Submit(_, Purpose::Entry));
        self.0.push_back((transmit, is_entry.then_some(id)));
    }

    fn pop_front(&mut self) -> Option<(Transmit, Option<RequestId>)> {
        self.0.pop_front()
    }
}

impl Session {
    /// The next thing to be done outside, oldest first. `now` is when it is done: an entry whose decision is older than
    /// [`super::SessionSettings::entry_age_max`] by then, because a disk or the machine stood still meanwhile, does not leave. Its
    /// price was compared with a market that may be gone; it is reported as not sent. Exits, stops and cancels always leave.
    pub fn poll_transmit(&mut self, now: Timestamp) -> Option<Transmit> {
        while let Some((transmit, entry)) = self.out.pop_front() {
            let late = entry.and_then(|id| self.lateness(now, id).map(|age| (id, age)));
            let Some((id, age)) = late else {
                return Some(transmit);
            };
            self.withhold(now, id, age);
        }
        None
    }

    /// How old the entry's decision is, where that is too old.
    fn lateness(&self, now: Timestamp, id: RequestId) -> Option<Duration> {
        let age = now.since(self.pending.get(&id)?.asked_at);
        (age > self.settings.entry_age_max).then_some(age)
    }

    fn withhold(&mut self, now: Timestamp, id: RequestId, age: Duration) {
        let Some(pending) = self.pending.remove(&id) else {
            return;
        };
        self.stats.entries_withheld += 1;
        let asked = self.venue_time(pending.asked_at);
        self.weight.refund(asked, pending.question.weight());
        let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let why = NoAnswer::NotSent(NotSent::DecidedTooLongAgo { age_ms });
        self.on_no_answer(now, pending.question, pending.link, why);
    }
}
