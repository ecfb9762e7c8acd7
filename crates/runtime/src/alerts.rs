//! What a person is told, without being told it again and again.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{Alert, AlertClass, Timestamp};
use keel_engine::Trader;
use keel_risk::{HaltCause, TradingState};

/// Alerts of one run. One whose text was shown lately is counted and not shown again.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    shown: Vec<String>,
    raised: BTreeMap<AlertClass, u64>,
    recent: BTreeMap<String, Recent>,
}

#[derive(Debug, Clone, Copy)]
struct Recent {
    shown_at: Timestamp,
    repeats: u64,
}

impl Alerts {
    /// How long the same text is not shown again.
    const QUIET: Duration = Duration::from_secs(60);
    /// The most texts whose repetition is noticed; the one shown longest ago makes room.
    const RECENT_MAX: usize = 64;
    /// The most that are kept for the report; more are counted.
    const SHOWN_MAX: usize = 200;

    /// Takes an alert; gives what is to be shown of it now: who has to act, and what to do where the class is new.
    pub(crate) fn raise(&mut self, now: Timestamp, alert: &Alert) -> Option<String> {
        let raised = self.raised.entry(alert.class).or_default();
        *raised += 1;
        let is_first = *raised == 1;
        let text = &alert.to_string();
        if let Some(recent) = self.recent.get_mut(text)
            && now.since(recent.shown_at) < Self::QUIET
        {
            recent.repeats += 1;
            return None;
        }
        let repeats = self.recent.get(text).map_or(0, |recent| recent.repeats);
        let line = match repeats {
            0 => text.to_owned(),
            repeats => format!("{text} (and {repeats} times since it was last shown)"),
        };
        let recent = Recent {
            shown_at: now,
            repeats: 0,
        };
        self.recent.insert(text.to_owned(), recent);
        if self.recent.len() > Self::RECENT_MAX {
            let oldest = self.recent.iter().min_by_key(|(_, recent)| recent.shown_at);
            if let Some(oldest) = oldest.map(|(text, _)| text.clone()) {
                self.recent.remove(&oldest);
            }
        }
        if self.shown.len() < Self::SHOWN_MAX {
            self.shown.push(format!("{}: {line}", alert.class));
        }
        Some(if is_first {
            format!("{line}\n  {}: {}", alert.class, alert.class.remedy())
        } else {
            line
        })
    }

    /// How many of each class were raised, shown or not.
    pub(crate) fn raised(&self) -> &BTreeMap<AlertClass, u64> {
        &self.raised
    }

    /// Those for the report, and how many are not among them.
    pub(crate) fn for_report(&self) -> Vec<String> {
        let mut lines = self.shown.clone();
        let left_out = self.raised.values().sum::<u64>() - lines.len() as u64;
        if left_out > 0 {
            lines.push(format!(
                "{left_out} more were repetitions or beyond the {} kept here",
                Self::SHOWN_MAX
            ));
        }
        lines
    }
}

/// What an earlier run left restricted: an alert of this run too.
pub(crate) fn left_restricted(trader: &Trader) -> Vec<Alert> {
    let tell = |of: &str, state: TradingState, cause: &HaltCause| {
        let text = format!("{of}{state} since an earlier run: {cause}. See `trader resume --help`");
        cause.alert_class().alert(text)
    };
    let whole = trader
        .restriction_cause()
        .map(|cause| tell("trading is ", trader.trading_state(), cause));
    let symbols = trader.state().restricted_symbols().iter();
    whole
        .into_iter()
        .chain(symbols.map(|(symbol, (state, cause))| tell(&format!("{symbol} is "), *state, cause)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    #[test]
    fn the_same_alert_is_shown_once_a_minute_and_its_repetitions_are_counted() {
        let mut alerts = Alerts::default();
        let down = AlertClass::SessionDown.alert("down");
        let first = alerts.raise(at(0), &down).unwrap();
        let (line, remedy) = first.split_once("\n  session-down: ").unwrap();
        assert_eq!(
            (line, remedy),
            ("[operator] down", AlertClass::SessionDown.remedy())
        );
        assert_eq!(alerts.raise(at(1), &down), None);
        let other = AlertClass::Loss.alert("other");
        assert!(
            alerts
                .raise(at(2), &other)
                .unwrap()
                .starts_with("[account-holder] other\n")
        );
        assert_eq!(alerts.raise(at(59), &down), None);
        let again = alerts.raise(at(60), &down);
        assert_eq!(
            again.as_deref(),
            Some("[operator] down (and 2 times since it was last shown)")
        );
        assert_eq!(alerts.raise(at(120), &down).as_deref(), Some("[operator] down"));
        let raised = [(AlertClass::SessionDown, 5), (AlertClass::Loss, 1)];
        assert_eq!(*alerts.raised(), raised.into());
        let told = alerts.for_report();
        assert_eq!(
            told.first().map(String::as_str),
            Some("session-down: [operator] down")
        );
        assert_eq!(
            told.last().map(String::as_str),
            Some("2 more were repetitions or beyond the 200 kept here")
        );
    }

    #[test]
    fn what_is_kept_has_a_bound_and_the_rest_is_counted() {
        let mut alerts = Alerts::default();
        for number in 0..1_000 {
            let alert = AlertClass::Clock.alert(number.to_string());
            assert!(alerts.raise(at(0), &alert).is_some());
        }
        assert_eq!(alerts.recent.len(), Alerts::RECENT_MAX);
        let told = alerts.for_report();
        assert_eq!(told.len(), Alerts::SHOWN_MAX + 1);
        assert_eq!(
            told.last().map(String::as_str),
            Some("800 more were repetitions or beyond the 200 kept here")
        );
    }
}
