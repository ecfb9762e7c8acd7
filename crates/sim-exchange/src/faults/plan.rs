//! The rules that are switched on, and what they decide.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use keel_domain::Timestamp;

use super::armed::Armed;
use super::facts::{ConnectionFacts, EventFacts, RequestFacts, glob};
use super::fate::{
    DueConnectionFault, EventFate, Injected, InjectedAnswer, RequestFate, RuleReport, VenueStep,
};
use super::rule::{ConnectionAction, EventAction, Fault, RequestAction, Rule, Stage, VenueAction};

/// Rules that cannot be switched on. None of them was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// A name twice.
    #[error("there is a rule `{0}` already: take it out first, or give the new one another id")]
    Duplicate(String),
    /// Too many rules.
    #[error("there may be {} rules at once: take some out first", FaultPlan::RULES_MAX)]
    TooMany,
}

/// The client was told to wait.
struct Closed {
    rule: String,
    until: Timestamp,
    status: u16,
}

struct Denial {
    rule: String,
    until: Timestamp,
    is_hidden: bool,
}

/// Events of a rule's kind that a connection does not get.
struct Silenced {
    rule: String,
    connection: u64,
    end: SilenceEnd,
}

enum SilenceEnd {
    At(Timestamp),
    After(u64),
}

/// All rules. Decides; carries nothing out.
pub struct FaultPlan {
    seed: u64,
    rules: Vec<Armed>,
    closed: Option<Closed>,
    denied: BTreeMap<u64, Denial>,
    silenced: Vec<Silenced>,
    undone: Vec<VenueStep>,
    injected: VecDeque<Injected>,
}

impl FaultPlan {
    /// Rules at once.
    pub const RULES_MAX: usize = 256;
    /// Orders whose denial is remembered; the oldest are forgotten.
    pub const DENIALS_MAX: usize = 10_000;
    /// Injected faults kept for the log; the oldest are forgotten, the counts are not.
    pub const INJECTED_MAX: usize = 1_024;

    /// Without rules. All chance comes from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            rules: Vec::new(),
            closed: None,
            denied: BTreeMap::new(),
            silenced: Vec::new(),
            undone: Vec::new(),
            injected: VecDeque::new(),
        }
    }

    /// Switches rules on: all of them or none. Their times count from now.
    ///
    /// # Errors
    /// [`AddError`].
    pub fn add(&mut self, now: Timestamp, rules: Vec<Rule>) -> Result<(), AddError> {
        if self.rules.len() + rules.len() > Self::RULES_MAX {
            return Err(AddError::TooMany);
        }
        if let Some(rule) = rules.iter().find(|rule| self.position(&rule.id).is_some()) {
            return Err(AddError::Duplicate(rule.id.clone()));
        }
        let seed = self.seed;
        self.rules
            .extend(rules.into_iter().map(|rule| Armed::new(rule, seed, now)));
        Ok(())
    }

    /// Switches a rule off, with all that it still does. Says whether there was one.
    pub fn remove(&mut self, id: &str) -> bool {
        let Some(index) = self.position(id) else {
            return false;
        };
        let armed = self.rules.remove(index);
        if let (true, Fault::Venue(action)) = (armed.is_applied, armed.rule.fault) {
            self.undone.push(VenueStep {
                rule: id.to_owned(),
                action,
                begins: false,
            });
        }
        self.closed.take_if(|closed| closed.rule == id);
        self.denied.retain(|_, denial| denial.rule != id);
        self.silenced.retain(|silenced| silenced.rule != id);
        true
    }

    /// Whether there is nothing that could go wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.undone.is_empty()
    }

    /// The rules with their counts.
    #[must_use]
    pub fn report(&self, now: Timestamp) -> Vec<RuleReport> {
        let report = |armed: &Armed| RuleReport {
            id: armed.rule.id.clone(),
            action: armed.rule.action,
            in_time: armed.is_in_time(now),
            matched: armed.matched,
            fired: armed.fired,
            impatient: armed.impatient,
        };
        self.rules.iter().map(report).collect()
    }

    /// The oldest injected fault not taken yet.
    pub fn poll_injected(&mut self) -> Option<Injected> {
        self.injected.pop_front()
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.rules.iter().position(|armed| armed.rule.id == id)
    }

    /// Counts and notes a fault that is carried out.
    fn fire(&mut self, index: usize, subject: impl Into<String>) {
        let Some(armed) = self.rules.get_mut(index) else {
            return;
        };
        armed.fired += 1;
        if self.injected.len() == Self::INJECTED_MAX {
            self.injected.pop_front();
        }
        self.injected.push_back(Injected {
            rule: armed.rule.id.clone(),
            action: armed.rule.action,
            subject: subject.into(),
        });
    }

    /// Decides on a request.
    pub fn on_request(&mut self, now: Timestamp, facts: &RequestFacts<'_>) -> RequestFate {
        let mut first = None;
        for (index, armed) in self.rules.iter_mut().enumerate() {
            let Fault::Request(patterns, action) = &armed.rule.fault else {
                continue;
            };
            let is_meant = patterns.iter().any(|pattern| pattern.matches(facts))
                && armed
                    .rule
                    .when
                    .admits(facts.account, facts.symbol, facts.cl_ord_id);
            // An order is denied for one span only.
            let is_deniable = || {
                facts
                    .order_id
                    .is_some_and(|order_id| !self.denied.contains_key(&order_id))
            };
            let may_hit = !matches!(action, RequestAction::DenyOrder { .. }) || is_deniable();
            if is_meant && may_hit && armed.choose(now) {
                first = first.or(Some(index));
            }
        }
        let subject = || format!("{} {}", facts.method, facts.name).trim_start().to_owned();
        if let Some(index) = self.maintenance(now) {
            self.fire(index, subject());
            return RequestFate::Answer(Stage::Before, InjectedAnswer::out_of_service());
        }
        if let Some(answer) = self.told_to_wait(now) {
            return RequestFate::Answer(Stage::Before, answer);
        }
        if let Some(index) = self.denied_by(now, facts) {
            self.fire(index, subject());
            return RequestFate::Deny;
        }
        match first {
            Some(index) => {
                self.fire(index, subject());
                self.fate(now, index, facts)
            }
            None => RequestFate::Pass,
        }
    }

    fn fate(&mut self, now: Timestamp, index: usize, facts: &RequestFacts<'_>) -> RequestFate {
        let Some(armed) = self.rules.get_mut(index) else {
            return RequestFate::Pass;
        };
        let Fault::Request(_, action) = armed.rule.fault.clone() else {
            return RequestFate::Pass;
        };
        let rule = armed.rule.id.clone();
        match action {
            RequestAction::Lose(stage, loss) => RequestFate::Lose(stage, loss),
            RequestAction::Delay(stage, lapse) => RequestFate::Delay(stage, armed.span_of(lapse)),
            RequestAction::CutBody => RequestFate::Cut,
            RequestAction::Reject { status, code, msg } => {
                RequestFate::Answer(Stage::Before, InjectedAnswer::of(status, code, msg))
            }
            RequestAction::Status(stage, status) => {
                RequestFate::Answer(stage, InjectedAnswer::gateway(status))
            }
            RequestAction::UnknownOutcome(stage, code) => {
                RequestFate::Answer(stage, InjectedAnswer::unknown_outcome(code))
            }
            RequestAction::RateLimit(span) => self.close(now, rule, span, 429),
            RequestAction::Ban(span) => self.close(now, rule, span, 418),
            RequestAction::DenyOrder {
                span,
                hidden_in_lists,
            } => {
                let denial = Denial {
                    rule,
                    until: now.plus(span),
                    is_hidden: hidden_in_lists,
                };
                if self.denied.len() == Self::DENIALS_MAX {
                    self.denied.pop_first();
                }
                self.denied
                    .extend(facts.order_id.map(|order_id| (order_id, denial)));
                RequestFate::Deny
            }
        }
    }

    fn close(&mut self, now: Timestamp, rule: String, span: Duration, status: u16) -> RequestFate {
        let until = now.plus(span);
        self.closed = Some(Closed { rule, until, status });
        RequestFate::Answer(Stage::Before, InjectedAnswer::come_again(status, until))
    }

    fn told_to_wait(&mut self, now: Timestamp) -> Option<InjectedAnswer> {
        self.closed.take_if(|closed| closed.until <= now);
        let closed = self.closed.as_ref()?;
        let answer = InjectedAnswer::come_again(closed.status, closed.until);
        if let Some(armed) = self.rules.iter_mut().find(|armed| armed.rule.id == closed.rule) {
            armed.impatient += 1;
        }
        Some(answer)
    }

    fn denied_by(&self, now: Timestamp, facts: &RequestFacts<'_>) -> Option<usize> {
        let denial = self
            .denied
            .get(&facts.order_id?)
            .filter(|denial| now < denial.until)?;
        let index = self.position(&denial.rule)?;
        match &self.rules.get(index)?.rule.fault {
            Fault::Request(patterns, _) => patterns
                .iter()
                .any(|pattern| pattern.matches(facts))
                .then_some(index),
            _ => None,
        }
    }

    /// Whether lists of orders leave this one out.
    #[must_use]
    pub fn hides(&self, now: Timestamp, order_id: u64) -> bool {
        self.denied
            .get(&order_id)
            .is_some_and(|denial| denial.is_hidden && now < denial.until)
    }

    /// Whether any order is left out of lists.
    #[must_use]
    pub fn hides_any(&self, now: Timestamp) -> bool {
        self.denied
            .values()
            .any(|denial| denial.is_hidden && now < denial.until)
    }

    /// Decides on an event that is about to leave on a connection.
    pub fn on_event(&mut self, now: Timestamp, facts: &EventFacts<'_>) -> EventFate {
        let mut first = None;
        for (index, armed) in self.rules.iter_mut().enumerate() {
            let Fault::Event(kinds, _) = &armed.rule.fault else {
                continue;
            };
            let when = &armed.rule.when;
            let is_meant =
                facts.is_one_of(kinds) && when.admits(facts.account, facts.symbol, facts.cl_ord_id);
            if is_meant && armed.choose(now) {
                first = first.or(Some(index));
            }
        }
        let subject = || format!("{} on connection {}", facts.kind, facts.connection);
        if let Some(index) = self.silenced_by(now, facts) {
            self.fire(index, subject());
            return EventFate::Drop;
        }
        let Some(index) = first else {
            return EventFate::Pass;
        };
        self.fire(index, subject());
        let Some(armed) = self.rules.get_mut(index) else {
            return EventFate::Pass;
        };
        let Fault::Event(_, action) = armed.rule.fault else {
            return EventFate::Pass;
        };
        let rule = armed.rule.id.clone();
        let silence = |end| Silenced {
            rule,
            connection: facts.connection,
            end,
        };
        match action {
            EventAction::Drop => EventFate::Drop,
            EventAction::Duplicate => EventFate::Duplicate,
            EventAction::Delay(lapse) => EventFate::Delay(armed.span_of(lapse)),
            EventAction::Reorder => EventFate::Reorder,
            EventAction::Corrupt(how) => EventFate::Corrupt(how),
            EventAction::Disconnect(how) => EventFate::Disconnect(how),
            EventAction::Stall(span) => {
                self.silenced.push(silence(SilenceEnd::At(now.plus(span))));
                EventFate::Drop
            }
            EventAction::Gap(frames) => {
                if frames > 1 {
                    self.silenced.push(silence(SilenceEnd::After(frames - 1)));
                }
                EventFate::Drop
            }
        }
    }

    fn silenced_by(&mut self, now: Timestamp, facts: &EventFacts<'_>) -> Option<usize> {
        self.silenced.retain(|silenced| match silenced.end {
            SilenceEnd::At(until) => now < until,
            SilenceEnd::After(left) => left > 0,
        });
        let rules = &self.rules;
        for silenced in &mut self.silenced {
            if silenced.connection != facts.connection {
                continue;
            }
            let Some(index) = rules.iter().position(|armed| armed.rule.id == silenced.rule) else {
                continue;
            };
            let rule = rules.get(index).map(|armed| &armed.rule)?;
            let Fault::Event(kinds, _) = &rule.fault else {
                continue;
            };
            let is_meant =
                facts.is_one_of(kinds) && rule.when.admits(facts.account, facts.symbol, facts.cl_ord_id);
            if is_meant {
                if let SilenceEnd::After(left) = &mut silenced.end {
                    *left -= 1;
                }
                return Some(index);
            }
        }
        None
    }

    /// A connection is gone.
    pub fn on_closed(&mut self, connection: u64) {
        self.silenced.retain(|silenced| silenced.connection != connection);
    }

    /// Decides on a handshake: the HTTP status of its refusal, if it is refused.
    pub fn on_open(&mut self, now: Timestamp, kind: &str) -> Option<u16> {
        if let Some(index) = self.maintenance(now) {
            self.fire(index, format!("connection to {kind}"));
            return Some(503);
        }
        let mut first = None;
        for (index, armed) in self.rules.iter_mut().enumerate() {
            let Fault::Connection {
                on,
                action: ConnectionAction::Refuse(status),
                ..
            } = &armed.rule.fault
            else {
                continue;
            };
            let status = *status;
            if glob(on, kind) && armed.choose(now) {
                first = first.or(Some((index, status)));
            }
        }
        let (index, status) = first?;
        self.fire(index, format!("connection to {kind}"));
        Some(status)
    }

    /// What befalls the open connections now.
    pub fn due_connection_faults(
        &mut self,
        now: Timestamp,
        open: &[ConnectionFacts],
    ) -> Vec<DueConnectionFault> {
        let mut hits = Vec::new();
        for (index, armed) in self.rules.iter_mut().enumerate() {
            let Fault::Connection { on, every, action } = armed.rule.fault.clone() else {
                continue;
            };
            let Some(visit) = armed.next_visit.filter(|visit| *visit <= now) else {
                continue;
            };
            // A visit that was slept through is made once, late.
            armed.next_visit = every.map(|every| visit.plus(every).max(now));
            if matches!(action, ConnectionAction::Refuse(_)) {
                armed.next_visit = None;
                continue;
            }
            for facts in open.iter().filter(|facts| glob(&on, facts.kind)) {
                if armed.choose(now) {
                    hits.push((index, facts.connection, action));
                }
            }
        }
        let mut due = Vec::with_capacity(hits.len());
        for (index, connection, action) in hits {
            self.fire(index, format!("connection {connection}"));
            due.push(DueConnectionFault { connection, action });
        }
        due
    }

    fn maintenance(&self, now: Timestamp) -> Option<usize> {
        let is_down = |armed: &Armed| {
            matches!(armed.rule.fault, Fault::Venue(VenueAction::Maintenance)) && armed.is_in_time(now)
        };
        self.rules.iter().position(is_down)
    }

    /// How far the venue's clock is ahead, in nanoseconds.
    #[must_use]
    pub fn clock_skew(&self, now: Timestamp) -> i64 {
        let skew = |armed: &Armed| match armed.rule.fault {
            Fault::Venue(VenueAction::ClockSkew(nanos)) if armed.is_in_time(now) => Some(nanos),
            _ => None,
        };
        self.rules.iter().find_map(skew).unwrap_or(0)
    }

    /// The states that the venue enters and leaves now.
    pub fn venue_steps(&mut self, now: Timestamp) -> Vec<VenueStep> {
        let mut steps = std::mem::take(&mut self.undone);
        let mut begun = Vec::new();
        for (index, armed) in self.rules.iter_mut().enumerate() {
            let Fault::Venue(action) = armed.rule.fault else {
                continue;
            };
            let is_in_time = armed.is_in_time(now);
            if is_in_time == armed.is_applied {
                continue;
            }
            armed.is_applied = is_in_time;
            armed.matched += u64::from(is_in_time);
            if is_in_time {
                begun.push(index);
            }
            steps.push(VenueStep {
                rule: armed.rule.id.clone(),
                action,
                begins: is_in_time,
            });
        }
        for index in begun {
            self.fire(index, "venue");
        }
        steps
    }

    /// Whether any event could be hit.
    #[must_use]
    pub fn touches_events(&self) -> bool {
        self.rules
            .iter()
            .any(|armed| matches!(armed.rule.fault, Fault::Event(..)))
    }

    /// When a visit or a state of the venue is due next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let of = |armed: &Armed| match armed.rule.fault {
            Fault::Venue(_) if armed.is_applied => armed.ends_at(),
            Fault::Venue(_) if armed.matched == 0 => Some(armed.begins_at()),
            _ => armed.next_visit,
        };
        self.rules.iter().filter_map(of).min()
    }
}
