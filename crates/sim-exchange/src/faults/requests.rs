//! What a plan decides on requests.

use std::time::Duration;

use keel_domain::Timestamp;

use super::facts::RequestFacts;
use super::fate::{InjectedAnswer, RequestFate};
use super::plan::{Closed, Denial, FaultPlan};
use super::rule::{Fault, RequestAction, Stage};

impl FaultPlan {
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
            let may_hit = match action {
                RequestAction::DenyOrder { .. } => is_deniable(),
                RequestAction::FillFirst => facts.resting_order_id.is_some(),
                _ => true,
            };
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
            RequestAction::FillFirst => facts
                .resting_order_id
                .map_or(RequestFate::Pass, RequestFate::FillFirst),
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
}
