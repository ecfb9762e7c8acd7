//! How much may be lost: in a day, from the peak, and in a row.
//!
//! Losses are measured on what the system's own trades have made, realised and unrealised at the price at which positions could
//! be closed, after fees. Deposits, withdrawals and trades of others are not in it. The figures are durable: what is left after
//! a restart is what was left before.

use keel_domain::{Asset, Money, OrderId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{DayRule, LimitError, LossInputs, ProfitReading, TradingDay};

/// What may be lost. None of it has a default, and none can be switched off.
#[derive(Debug, Clone, PartialEq)]
pub struct LossLimits {
    /// The currency of the amounts: the quote of every traded pair.
    pub currency: Asset,
    /// The most that one day may lose.
    pub day_max: Money,
    /// The most that may be lost from the highest profit that ever was.
    pub drawdown_max: Money,
    /// The most exits in a row that lose.
    pub losing_exits_max: u32,
    /// When a day begins.
    pub day: DayRule,
}

impl LossLimits {
    /// Checks that every limit can be meant.
    ///
    /// # Errors
    /// A limit of zero or less.
    pub fn validate(&self) -> Result<(), LimitError> {
        let amounts = [
            ("loss.day_max", self.day_max),
            ("loss.drawdown_max", self.drawdown_max),
        ];
        let refused = amounts.into_iter().find(|(_, amount)| *amount <= Money::ZERO);
        let refused = refused.map(|(name, amount)| (name, amount.to_string()));
        let no_exits = (self.losing_exits_max == 0).then(|| ("loss.losing_exits_max", "0".to_owned()));
        match refused.or(no_exits) {
            Some((name, value)) => Err(LimitError::NotPositive {
                name: name.to_owned(),
                value,
            }),
            None => Ok(()),
        }
    }
}

/// The day's beginning, as it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct DayStart {
    day: TradingDay,
    profit: Money,
}

/// What has been lost, from recorded facts alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossBook {
    day: Option<DayStart>,
    peak: Option<Money>,
    /// When the peak was recorded, which states of before do not tell.
    #[serde(default)]
    peak_at: Option<Timestamp>,
    losing_exits: u32,
    /// The exit that trades now, and what it has made so far.
    exit: Option<(OrderId, Money)>,
}

/// A limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum LossBreach {
    /// The day's budget is used up.
    #[error(
        "{lost} lost today, of {limit}: nothing is bought before the next day begins; a higher limit takes a restart"
    )]
    Day {
        /// What was lost.
        lost: Money,
        /// The budget.
        limit: Money,
    },
    /// Too far below the peak.
    #[error("{lost} below the highest profit, of {limit}: `trader resume` counts from here on")]
    Drawdown {
        /// What was lost.
        lost: Money,
        /// The limit.
        limit: Money,
    },
    /// Too many exits in a row lost.
    #[error("{exits} exits in a row lost, of {limit}: `trader resume` counts anew")]
    LosingExits {
        /// How many.
        exits: u32,
        /// The limit.
        limit: u32,
    },
}

/// What is left, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossStanding {
    /// What the day has lost; less than zero: gained.
    pub day_lost: Money,
    /// What is lost from the peak.
    pub drawdown: Money,
    /// Exits in a row that lost.
    pub losing_exits: u32,
}

impl LossBook {
    /// The day that begins now, if one does. Days never go back, and two of them are at least 23 hours apart, whatever is done to
    /// the clock or to the rule.
    #[must_use]
    pub fn next_day(&self, rule: &DayRule, now: Timestamp) -> Option<TradingDay> {
        let today = rule.day_of(now)?;
        match self.day {
            None => Some(today),
            Some(known) => {
                let is_later = today.number > known.day.number;
                let hours_apart = today.began_at.since(known.day.began_at).as_secs() / 3_600;
                (is_later && hours_apart >= 23).then_some(today)
            }
        }
    }

    /// A day has begun with this profit.
    pub fn begin_day(&mut self, day: TradingDay, profit: Money) {
        self.day = Some(DayStart { day, profit });
    }

    /// Whether a profit is higher than any before.
    #[must_use]
    pub fn is_peak(&self, profit: Money) -> bool {
        self.peak.is_none_or(|peak| profit > peak)
    }

    /// A profit is what losses from the peak are counted from.
    pub fn note_peak(&mut self, at: Timestamp, profit: Money) {
        (self.peak, self.peak_at) = (Some(profit), Some(at));
    }

    /// A trade of an exit made or lost an amount, after its fees. An exit counts once another one trades.
    pub fn note_exit(&mut self, order_id: OrderId, made: Money) {
        match &mut self.exit {
            Some((known, so_far)) if *known == order_id => *so_far = (*so_far + made).normalize(),
            _ => {
                self.count_exit();
                self.exit = Some((order_id, made.normalize()));
            }
        }
    }

    fn count_exit(&mut self) {
        if let Some((_, made)) = self.exit.take() {
            self.losing_exits = if made < Money::ZERO {
                self.losing_exits.saturating_add(1)
            } else {
                0
            };
        }
    }

    /// An operator took note: the peak is where the profit is at the next reading, and no exit has lost in a row. The day's loss
    /// stays what it is.
    pub fn resume(&mut self) {
        (self.peak, self.peak_at) = (None, None);
        self.losing_exits = 0;
        self.exit = None;
    }

    /// How it stands at a profit; none before a day has begun.
    #[must_use]
    pub fn standing(&self, profit: Money) -> Option<LossStanding> {
        let day = self.day?;
        let peak = self.peak.unwrap_or(profit).max(profit);
        let loses_now = self.exit.is_some_and(|(_, made)| made < Money::ZERO);
        Some(LossStanding {
            day_lost: day.profit - profit,
            drawdown: peak - profit,
            losing_exits: self.losing_exits.saturating_add(u32::from(loses_now)),
        })
    }

    /// What two readings are compared with; none before a day has begun.
    #[must_use]
    pub fn inputs(&self, readings: [ProfitReading; 2]) -> Option<LossInputs> {
        let DayStart { day, profit } = self.day?;
        let at = day.began_at;
        let peak = self.peak_at.zip(self.peak);
        Some(LossInputs {
            readings,
            day_start: ProfitReading { at, profit },
            peak: peak.map(|(at, profit)| ProfitReading { at, profit }),
        })
    }

    /// The limit that is reached at a profit, if one is.
    #[must_use]
    pub fn breach(&self, limits: &LossLimits, profit: Money) -> Option<LossBreach> {
        let LossStanding {
            day_lost,
            drawdown,
            losing_exits,
        } = self.standing(profit)?;
        if day_lost >= limits.day_max {
            return Some(LossBreach::Day {
                lost: day_lost,
                limit: limits.day_max,
            });
        }
        if drawdown >= limits.drawdown_max {
            return Some(LossBreach::Drawdown {
                lost: drawdown,
                limit: limits.drawdown_max,
            });
        }
        (losing_exits >= limits.losing_exits_max).then_some(LossBreach::LosingExits {
            exits: losing_exits,
            limit: limits.losing_exits_max,
        })
    }
}
