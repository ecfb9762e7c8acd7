//! The loss budget against the running profit.

use std::time::Duration;

use keel_domain::{Money, Price, Symbol, Timestamp};
use keel_positions::SymbolBook;
use keel_risk::{HaltCause, LossLimits, LossStanding, LossTrip, ProfitReading, TradingState};

use crate::{Fact, Step, Trader};

/// How the budget is watched. Nothing of it is durable: what has been lost is.
#[derive(Debug, Default)]
pub(crate) struct LossWatch {
    /// The last reading.
    read: Option<ProfitReading>,
    /// The one before it.
    read_before: Option<ProfitReading>,
    /// The last reading was beyond a limit.
    was_beyond: bool,
    /// Since when something held has had no price.
    unread_since: Option<Timestamp>,
    /// The venue's clock says that ours is wrong.
    pub(crate) is_clock_off: bool,
}

impl Trader {
    /// How often the profit is read.
    const LOSS_EVERY: Duration = Duration::from_secs(1);
    /// Readings that are compared with each other are not further apart.
    const LOSS_TOGETHER: Duration = Duration::from_secs(10);
    /// How long a position may be without a fresh price before that counts as a loss beyond the limit.
    pub const UNREAD_MAX: Duration = Duration::from_secs(60);

    /// What may be lost.
    #[must_use]
    pub fn loss_limits(&self) -> &LossLimits {
        &self.settings.loss
    }

    /// How the loss budget stands; none without a price for everything that is held, or before the first day began.
    #[must_use]
    pub fn loss_standing(&self, now: Timestamp) -> Option<LossStanding> {
        self.state.losses.standing(self.profit(now).ok()?)
    }

    /// What all our trades have made, with what is held at the price at which it can be closed now, after fees.
    ///
    /// # Errors
    /// The pair whose position has no such price.
    fn profit(&self, now: Timestamp) -> Result<Money, Symbol> {
        let mut profit = Money::ZERO - self.state.fees_elsewhere;
        for (_, symbol, book) in self.state.ledgers.books() {
            profit += book.realised() - book.fees_in_quote();
            profit += self.unrealised(now, symbol, book).ok_or(symbol)?;
        }
        // Written down and read back it is the same to the byte.
        Ok(profit.normalize())
    }

    /// What closing the pair now would make; none where a position has no price to close at. A pair that is traded no more has no
    /// book: what is held of it counts at its cost.
    fn unrealised(&self, now: Timestamp, symbol: Symbol, book: &SymbolBook) -> Option<Money> {
        let position = book.average().position() + book.dust().position();
        let market = self.markets.get(&symbol).filter(|_| !position.is_zero());
        let Some(market) = market else {
            return Some(Money::ZERO);
        };
        let price = match self.top(now, symbol) {
            Ok(top) if position < Money::ZERO => top.ask.price,
            Ok(top) => top.bid.price,
            // A halted pair's dust must not end the watch over all others: it counts at its cost or its last price, the lower.
            Err(_) if book.average().position().is_zero() => {
                let bid = market.book.bids().next().map(|level| level.price);
                let last = bid.or(market.last_trade).map(Price::to_decimal);
                let made = last.map_or(Ok(Money::ZERO), |px| book.unrealised(px));
                return Some(made.ok()?.min(Money::ZERO));
            }
            Err(_) => return None,
        };
        book.unrealised(price.to_decimal()).ok()
    }

    /// Reads the profit and compares it with the budget. It takes two readings in a row beyond a limit, so that one bad price
    /// stops nothing. Without a price nothing is read, entries are held back for the same reason, and in the end that is a breach.
    pub(crate) fn watch_losses(&mut self, now: Timestamp, step: &mut Step) {
        let last = self.loss_watch.read;
        // A clock that was set back makes nobody wait until it is there again.
        let is_due = last.is_none_or(|last| now < last.at || now.since(last.at) >= Self::LOSS_EVERY);
        // Before the venue has told whose account it is, nothing is recorded.
        if !self.has_been_up || self.refusal.is_some() || !is_due {
            return;
        }
        let profit = match self.profit(now) {
            Ok(profit) => profit,
            Err(symbol) => return self.on_unread(now, symbol, step),
        };
        self.loss_watch.unread_since = None;
        let reading = ProfitReading { at: now, profit };
        let before = std::mem::replace(&mut self.loss_watch.read_before, last);
        self.loss_watch.read = Some(reading);
        self.begin_day(now, [before, last], profit, step);
        // The lower of two, so that one bad price is no peak to fall from.
        let confirmed = last.map(|before| before.profit.min(profit));
        if let Some(profit) = confirmed.filter(|profit| self.state.losses.is_peak(*profit)) {
            self.record(now, step, Fact::Peak { profit });
        }
        let breach = self.state.losses.breach(&self.settings.loss, profit);
        let was_beyond = std::mem::replace(&mut self.loss_watch.was_beyond, breach.is_some());
        if let Some(breach) = breach.filter(|_| was_beyond) {
            let readings = last.map(|before| [before, reading]);
            let inputs = readings.and_then(|readings| self.state.losses.inputs(readings));
            self.stop_losing(now, HaltCause::Loss(LossTrip { breach, inputs }), step);
        }
    }

    /// A day begins where the middle one of three readings is, so that one bad price makes its budget neither larger nor smaller; until
    /// then the budget of the day before holds. The first day of all begins at once, since there is none before it. By a clock that is known
    /// to be wrong no day begins: set right again, it would have given today's loss back.
    fn begin_day(
        &mut self,
        now: Timestamp,
        before: [Option<ProfitReading>; 2],
        profit: Money,
        step: &mut Step,
    ) {
        let Some(day) = self.state.losses.next_day(&self.settings.loss.day, now) else {
            return;
        };
        if self.loss_watch.is_clock_off {
            return;
        }
        let is_recent = |read: &ProfitReading| read.at <= now && now.since(read.at) <= Self::LOSS_TOGETHER;
        let start = match before.map(|read| read.filter(is_recent)) {
            _ if self.state.losses.standing(profit).is_none() => profit,
            [Some(first), Some(second)] => middle(first.profit, second.profit, profit),
            _ => return,
        };
        self.record(now, step, Fact::DayBegan { day, profit: start });
    }

    /// Nobody knows what is being lost: for a while that may be, since nothing is bought meanwhile.
    fn on_unread(&mut self, now: Timestamp, symbol: Symbol, step: &mut Step) {
        // Not later than now, where the clock was set back.
        let since = self.loss_watch.unread_since.map_or(now, |since| since.min(now));
        self.loss_watch.unread_since = Some(since);
        if now.since(since) >= Self::UNREAD_MAX {
            let what = format!(
                "{symbol} is held and has had no fresh price for {} s: what is being lost is not known",
                Self::UNREAD_MAX.as_secs()
            );
            self.stop_losing(now, HaltCause::MarketData { what }, step);
        }
    }

    /// Cancels what is open but the stops, and lets only exits out, until an operator resumes.
    fn stop_losing(&mut self, now: Timestamp, cause: HaltCause, step: &mut Step) {
        let state = TradingState::ReduceOnly;
        if self.gate.state() >= state {
            return;
        }
        self.reduce_only(now, cause, step);
    }
}

fn middle(a: Money, b: Money, c: Money) -> Money {
    a.min(b).max(a.max(b).min(c))
}
