//! The brakes of a symbol: they stop entries where the venue refuses, or the market fills, one order after the other.

use std::collections::VecDeque;
use std::time::Duration;

use keel_domain::{Symbol, Timestamp};
use keel_execution::Reject;
use keel_risk::{HaltCause, TradingState};

use crate::refusals::BAD_RELATIONSHIP;
use crate::{Step, Trader};

const WINDOW: Duration = Duration::from_secs(60);
/// An order that must not take would have: the market was quicker. That happens to a maker all the time, so that only so many
/// in a row, without one order that the venue took, are a loop.
const POST_ONLY_IN_A_ROW_MAX: u32 = 10;

/// What has happened on one symbol lately. It need not survive a restart: the restriction that follows does.
#[derive(Debug, Default)]
pub(crate) struct Brakes {
    /// The refusals of the last minute.
    rejections: VecDeque<(Timestamp, Reject)>,
    post_only_in_a_row: u32,
    /// When entries of the last minute began to trade.
    entry_fills: VecDeque<Timestamp>,
}

impl Brakes {
    /// The venue took an order.
    pub(crate) fn on_acceptance(&mut self) {
        self.post_only_in_a_row = 0;
    }

    /// The venue refused an order. Gives what is wrong where it refused too many.
    fn on_rejection(&mut self, now: Timestamp, reject: &Reject, max: u32) -> Option<String> {
        let is_late = reject.text.contains("immediately match") || reject.text.contains(BAD_RELATIONSHIP);
        if is_late {
            self.post_only_in_a_row += 1;
            let is_over = self.post_only_in_a_row >= POST_ONLY_IN_A_ROW_MAX;
            return is_over
                .then(|| format!("the venue refused {POST_ONLY_IN_A_ROW_MAX} orders in a row: {reject}"));
        }
        while self
            .rejections
            .front()
            .is_some_and(|(at, _)| now.since(*at) >= WINDOW)
        {
            self.rejections.pop_front();
        }
        self.rejections.push_back((now, reject.clone()));
        let of_this_reason = self
            .rejections
            .iter()
            .filter(|(_, known)| is_same_reason(known, reject));
        (of_this_reason.count() >= to_len(max))
            .then(|| format!("the venue refused {max} orders in 60 s for the same reason: {reject}"))
    }

    /// An entry began to trade. Gives what is wrong where too many did.
    fn on_entry_fill(&mut self, now: Timestamp, max: u32) -> Option<String> {
        while self
            .entry_fills
            .front()
            .is_some_and(|at| now.since(*at) >= WINDOW)
        {
            self.entry_fills.pop_front();
        }
        self.entry_fills.push_back(now);
        (self.entry_fills.len() >= to_len(max)).then(|| format!("{max} entries traded in 60 s"))
    }
}

/// Whether two refusals say the same: their code, and every word without a digit. The others are prices, times and ids, which
/// differ from order to order.
fn is_same_reason(one: &Reject, other: &Reject) -> bool {
    one.code == other.code && words(&one.text).eq(words(&other.text))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace()
        .filter(|word| !word.contains(char::is_numeric))
}

fn to_len(max: u32) -> usize {
    usize::try_from(max).unwrap_or(usize::MAX)
}

impl Trader {
    /// The venue refused an order of the strategy.
    pub(crate) fn brake_rejections(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        reject: &Reject,
        step: &mut Step,
    ) {
        let max = self.gate.limits().rejections_per_60s_max;
        let market = self.markets.get_mut(&symbol);
        let runaway = market.and_then(|market| market.brakes.on_rejection(now, reject, max));
        self.brake(now, symbol, runaway, step);
    }

    /// Compares how many entries had traded before something was recorded with how many have now.
    pub(crate) fn brake_entries(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        entries_before: u32,
        step: &mut Step,
    ) {
        if self.state.entries_on_day(symbol, now) == entries_before {
            return;
        }
        let max = self.gate.limits().entry_fills_per_60s_max;
        let market = self.markets.get_mut(&symbol);
        let runaway = market.and_then(|market| market.brakes.on_entry_fill(now, max));
        self.brake(now, symbol, runaway, step);
    }

    /// Stops entries on the symbol until an operator resumes; those that are open are canceled with it.
    fn brake(&mut self, now: Timestamp, symbol: Symbol, runaway: Option<String>, step: &mut Step) {
        let Some(what) = runaway.filter(|_| self.gate.state_of(symbol) == TradingState::Active) else {
            return;
        };
        let cause = HaltCause::Runaway { what };
        self.restrict_symbol(now, symbol, TradingState::EntriesBlocked, cause, step);
    }
}
