//! The rules that are switched on, and what they decide.

use std::collections::{BTreeMap, VecDeque};

use keel_domain::Timestamp;

use super::armed::Armed;
use super::facts::{ConnectionFacts, glob};
use super::fate::{DueConnectionFault, Injected, RuleReport, VenueStep};
use super::rule::{ConnectionAction, Fault, Rule, VenueAction};

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
pub(super) struct Closed {
    pub(super) rule: String,
    pub(super) until: Timestamp,
    pub(super) status: u16,
}

pub(super) struct Denial {
    pub(super) rule: String,
    pub(super) until: Timestamp,
    pub(super) is_hidden: bool,
}

/// Events of a rule's kind that a connection does not get.
pub(super) struct Silenced {
    pub(super) rule: String,
    pub(super) connection: u64,
    pub(super) end: SilenceEnd,
}

pub(super) enum SilenceEnd {
    At(Timestamp),
    After(u64),
}

/// All rules. Decides; carries nothing out.
pub struct FaultPlan {
    seed: u64,
    pub(super) rules: Vec<Armed>,
    pub(super) closed: Option<Closed>,
    pub(super) denied: BTreeMap<u64, Denial>,
    pub(super) silenced: Vec<Silenced>,
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

    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.rules.iter().position(|armed| armed.rule.id == id)
    }

    /// Counts and notes a fault that is carried out.
    pub(super) fn fire(&mut self, index: usize, subject: impl Into<String>) {
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

    pub(super) fn maintenance(&self, now: Timestamp) -> Option<usize> {
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
