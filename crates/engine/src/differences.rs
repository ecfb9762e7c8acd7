//! What the venue's balances say and our records do not: what it takes for a difference to count, and what it does.
//!
//! Less than expected and more than expected do the same. A fee that we booked twice or too high shows as more; to take it for
//! money from outside would hide that our profit is wrong. Deposits and rewards are told as they come, so what is not told and
//! not traded leaves only exits on the pairs that use the asset, until an operator resumes, who then takes what he was told
//! for granted and nothing else, or accepts the venue's view. More than expected refuses no start: every position is there.
//! An asset that no pair uses is told, and counted from there on.

use std::time::Duration;

use keel_domain::{AlertClass, Asset, Instrument, Money, Symbol, Timestamp};
use keel_risk::{HaltCause, TradingState};

use crate::identity::Amounts;
use crate::reconcile::Reconciliation;
use crate::{Fact, Step, Trader};

/// A difference that may pass.
#[derive(Debug)]
pub(crate) struct Suspect {
    differences: Amounts,
    since: Timestamp,
    seen: u32,
}

impl Suspect {
    /// A trade may move a balance before its report comes, so a difference counts only when it stays the same.
    const SEEN_MIN: u32 = 3;
    /// So long the news of a deposit may come after the balance that it moved.
    const NEWS_LATE_MAX: Duration = Duration::from_secs(30);
}

/// Whether it is still the same difference: only what the venue rounds has moved.
fn is_same(was: &Amounts, is: &Amounts, rounding: Money) -> bool {
    let mut pairs = was.iter().zip(is);
    was.len() == is.len()
        && pairs.all(|((asset, was), (other, is))| asset == other && (*was - *is).abs() <= rounding)
}

impl Trader {
    /// Whether a difference has been seen often and long enough. More than expected has time until the news of a transfer would
    /// have come; at the start there is none to wait for.
    pub(crate) fn counts(&mut self, now: Timestamp, differences: &Amounts, rounding: Money) -> bool {
        let (since, seen) = match self.reconciliation.suspect.take() {
            Some(suspect) if is_same(&suspect.differences, differences, rounding) => {
                (suspect.since, suspect.seen + 1)
            }
            _ => (now, 1),
        };
        let may_be_told = self.reconciliation.first.is_some()
            && differences.values().all(Money::is_sign_positive)
            && now.since(since) < Suspect::NEWS_LATE_MAX;
        if seen >= Suspect::SEEN_MIN && !may_be_told {
            return true;
        }
        let wait = if seen < Suspect::SEEN_MIN {
            Reconciliation::AGAIN_AFTER
        } else {
            Reconciliation::BUSY_AFTER
        };
        self.reconciliation.again_at = Some(now.plus(wait));
        self.reconciliation.suspect = Some(Suspect {
            differences: differences.clone(),
            since,
            seen,
        });
        false
    }

    pub(crate) fn on_difference(
        &mut self,
        now: Timestamp,
        differences: &Amounts,
        beyond: &Amounts,
        step: &mut Step,
    ) {
        self.counters.differences += 1;
        let (used, unused): (Amounts, Amounts) =
            differences.iter().partition(|(asset, _)| self.is_used(**asset));
        if !unused.is_empty() {
            let what = self.both_sides(&unused);
            step.push_alert(AlertClass::Difference.alert(format!(
                "the account differs in what no pair uses: {what}"
            )));
            let mut amounts = self.state.baseline.clone().unwrap_or_default();
            let now_beyond = |asset| (asset, beyond.get(&asset).copied().unwrap_or_default());
            amounts.extend(unused.into_keys().map(now_beyond));
            self.record(now, step, Fact::Baseline { amounts });
        }
        if used.is_empty() {
            self.agree(now, step);
            return;
        }
        let what = self.both_sides(&used);
        let is_short = used.values().any(Money::is_sign_negative);
        let verdict = if is_short { Err(what.clone()) } else { Ok(()) };
        self.reconciliation.first.get_or_insert(verdict);
        let affected = self.restrict_users(now, &used, &what, step);
        if self.note_told(now, used, step) && affected.is_empty() {
            step.push_alert(AlertClass::Difference.alert(format!(
                "the account differs otherwise now: {what}"
            )));
        }
    }

    /// Keeps what an operator is told to differ; gives whether that is news.
    pub(crate) fn note_told(&mut self, now: Timestamp, amounts: Amounts, step: &mut Step) -> bool {
        let is_news = !is_same(&self.state.told, &amounts, self.rounding());
        if is_news {
            self.record(now, step, Fact::Differs { amounts });
        }
        is_news
    }

    /// Leaves only exits on every pair that uses one of the assets; gives those that had more.
    fn restrict_users(&mut self, now: Timestamp, used: &Amounts, what: &str, step: &mut Step) -> Vec<Symbol> {
        let affected: Vec<Symbol> = self
            .state
            .instruments
            .values()
            .filter(|instrument| used.keys().any(|asset| self.is_used_by(*asset, instrument)))
            .map(|instrument| instrument.symbol)
            .filter(|symbol| self.gate.state_of(*symbol) < TradingState::ReduceOnly)
            .collect();
        for symbol in &affected {
            let cause = HaltCause::Difference {
                what: what.to_owned(),
            };
            self.restrict_symbol(now, *symbol, TradingState::ReduceOnly, cause, step);
        }
        affected
    }

    fn both_sides(&self, differences: &Amounts) -> String {
        let tell = |(asset, difference): (&Asset, &Money)| {
            let found = self.total(*asset);
            format!(
                "{asset}: our records say {}, the venue says {found}",
                found - *difference
            )
        };
        differences.iter().map(tell).collect::<Vec<_>>().join("; ")
    }

    /// Whether a pair trades the asset, or has paid commissions in it.
    fn is_used(&self, asset: Asset) -> bool {
        let mut instruments = self.state.instruments.values();
        instruments.any(|instrument| self.is_used_by(asset, instrument))
    }

    fn is_used_by(&self, asset: Asset, instrument: &Instrument) -> bool {
        let mut books = self.state.ledgers.books_of(instrument.symbol);
        instrument.base == asset
            || instrument.quote == asset
            || books.any(|(_, book)| book.commissions().contains_key(&asset))
    }
}
