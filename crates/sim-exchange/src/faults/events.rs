//! What a plan decides on events.

use keel_domain::Timestamp;

use super::facts::EventFacts;
use super::fate::EventFate;
use super::plan::{FaultPlan, SilenceEnd, Silenced};
use super::rule::{EventAction, Fault};

impl FaultPlan {
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
}
