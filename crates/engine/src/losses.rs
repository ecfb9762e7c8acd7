//! The loss budget against the running profit.

use std::time::Duration;

use keel_domain::{Money, Timestamp};
use keel_risk::{HaltCause, LossBreach, LossLimits, LossStanding, TradingState};

use crate::{Fact, Step, Trader};

/// How the budget is watched. Nothing of it is durable: what has been lost is.
#[derive(Debug, Default)]
pub(crate) struct LossWatch {
    /// The last reading.
    read: Option<(Timestamp, Money)>,
    /// The last reading was beyond a limit.
    was_beyond: bool,
}

impl Trader {
    /// How often the profit is read.
    const LOSS_EVERY: Duration = Duration::from_secs(1);

    /// What may be lost.
    #[must_use]
    pub fn loss_limits(&self) -> &LossLimits {
        &self.settings.loss
    }

    /// How the loss budget stands; none without a price for everything that is held, or before the first day began.
    #[must_use]
    pub fn loss_standing(&self, now: Timestamp) -> Option<LossStanding> {
        self.state.losses.standing(self.profit(now)?)
    }

    /// What all our trades have made, with what is held at the price at which it can be closed now, after fees; none where the
    /// book gives no such price. A pair that is traded no more has no book: what is held of it counts at its cost.
    fn profit(&self, now: Timestamp) -> Option<Money> {
        let mut profit = Money::ZERO - self.state.fees_elsewhere;
        for (_, symbol, book) in self.state.ledgers.books() {
            profit += book.realised() - book.fees_in_quote();
            let position = book.average().position() + book.dust().position();
            if position.is_zero() || !self.markets.contains_key(&symbol) {
                continue;
            }
            let top = self.top(now, symbol).ok()?;
            let price = if position < Money::ZERO {
                top.ask.price
            } else {
                top.bid.price
            };
            profit += book.unrealised(price.to_decimal()).ok()?;
        }
        // Written down and read back it is the same to the byte.
        Some(profit.normalize())
    }

    /// Reads the profit and compares it with the budget. It takes two readings in a row beyond a limit, so that one bad price
    /// stops nothing. Without a price nothing is read, and entries are held back for the same reason.
    pub(crate) fn watch_losses(&mut self, now: Timestamp, step: &mut Step) {
        let last = self.loss_watch.read;
        let is_due = last.is_none_or(|(at, _)| now.since(at) >= Self::LOSS_EVERY);
        // Before the venue has told whose account it is, nothing is recorded.
        if !self.has_been_up || self.refusal.is_some() || !is_due {
            return;
        }
        let Some(profit) = self.profit(now) else {
            return;
        };
        self.loss_watch.read = Some((now, profit));
        if let Some(day) = self.state.losses.next_day(&self.settings.loss.day, now) {
            self.record(now, step, Fact::DayBegan { day, profit });
        }
        // The lower of two, so that one bad price is no peak to fall from.
        let confirmed = last.map(|(_, before)| before.min(profit));
        if let Some(profit) = confirmed.filter(|profit| self.state.losses.is_peak(*profit)) {
            self.record(now, step, Fact::Peak { profit });
        }
        let breach = self.state.losses.breach(&self.settings.loss, profit);
        let was_beyond = std::mem::replace(&mut self.loss_watch.was_beyond, breach.is_some());
        if let Some(breach) = breach.filter(|_| was_beyond) {
            self.stop_losing(now, breach, step);
        }
    }

    /// Cancels what is open but the stops, and lets only exits out, until an operator resumes.
    fn stop_losing(&mut self, now: Timestamp, breach: LossBreach, step: &mut Step) {
        let (state, cause) = (TradingState::ReduceOnly, HaltCause::Loss(breach));
        if self.gate.state() >= state {
            return;
        }
        self.reduce_only(now, cause, step);
    }
}
