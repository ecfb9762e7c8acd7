//! Return, risk and trade statistics. Definitions and sources: docs/STATEMENTS.md.
//!
//! These are estimates for reading, in floating point; no decision and no ledger uses them.

use keel_domain::{Asset, Money, Timestamp};
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use crate::Statement;
use crate::format::day;

/// Days in a year of a market that never closes.
const DAYS_A_YEAR: f64 = 365.0;
/// A deviation of daily returns below this is the rounding of equal ones, and counts as none.
const DEVIATION_MIN: f64 = 1e-12;

/// One day's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayEnd {
    /// What the account is worth at the end of the day.
    pub equity: Money,
    /// What deposits, withdrawals and other transfers brought or took during the day.
    pub transferred: Money,
}

/// What a row of days came to. A figure is absent where it has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Statistics {
    /// Days with a return: one less than the days' ends.
    pub days: usize,
    /// The whole return, time-weighted: 0.1 is ten percent.
    pub total_return: Option<f64>,
    /// The largest fall of the return index from an earlier height, as a share of that height.
    pub max_drawdown: Option<f64>,
    /// Mean by sample standard deviation of the daily returns, a year's worth; the risk-free return is taken as zero.
    pub sharpe: Option<f64>,
    /// Mean by downside deviation from zero of the daily returns, a year's worth.
    pub sortino: Option<f64>,
    /// How many trades closed something.
    pub closing_trades: usize,
    /// The share of closing trades that made money after fees.
    pub win_rate: Option<f64>,
    /// Gains of winning trades by losses of losing trades.
    pub profit_factor: Option<f64>,
}

impl Statistics {
    /// Of consecutive days' ends, the first being the start, and of what each closing trade realised less its fee.
    ///
    /// A day that begins with nothing or less has no return, and then no figure that needs returns is given.
    #[must_use]
    pub fn new(days: &[DayEnd], closed: &[Money]) -> Self {
        let returns = returns(days).unwrap_or_default();
        // The sum of no numbers is −0.0.
        let gains = closed
            .iter()
            .filter_map(Money::to_f64)
            .fold(0.0, |sum, pnl| sum + pnl.max(0.0));
        let losses = closed
            .iter()
            .filter_map(Money::to_f64)
            .fold(0.0, |sum, pnl| sum - pnl.min(0.0));
        let wins = closed.iter().filter(|pnl| **pnl > Money::ZERO).count();
        Self {
            days: returns.len(),
            total_return: (!returns.is_empty()).then(|| index(&returns).last().map_or(0.0, |end| end - 1.0)),
            max_drawdown: (!returns.is_empty()).then(|| max_drawdown(&returns)),
            sharpe: sharpe(&returns),
            sortino: sortino(&returns),
            closing_trades: closed.len(),
            win_rate: quotient(count(wins), count(closed.len())),
            profit_factor: quotient(gains, losses),
        }
    }
}

impl Statement {
    /// The same with statistics of what is paid in the currency. `equities` has what the account was worth in it at the begin of
    /// UTC days, oldest first. Whatever moved it besides the statement's own days (deposits, a person's trades, the price of a
    /// person's coins) counts as transferred, so that a day's return is what its strategies made of what the account had.
    #[must_use]
    pub fn with_statistics(mut self, equities: &[(Timestamp, Money)], currency: Asset) -> Self {
        let is_of = |line: &&crate::TradeLine| line.currency == currency && !line.realised.is_zero();
        let closing = self.trades.iter().filter(is_of);
        let closed: Vec<Money> = closing
            .map(|line| line.realised - line.fee.unwrap_or_default())
            .collect();
        let ends = self.day_ends(equities, currency);
        self.statistics = (!ends.is_empty()).then(|| Statistics::new(&ends, &closed));
        self
    }

    fn day_ends(&self, equities: &[(Timestamp, Money)], currency: Asset) -> Vec<DayEnd> {
        let began: Vec<(String, Money)> = equities.iter().map(|(at, equity)| (day(*at), *equity)).collect();
        let made = |from: &str, to: Option<&str>| -> Money {
            let days = self.days.iter().filter(|line| line.currency == currency);
            let days =
                days.filter(|line| line.day.as_str() >= from && to.is_none_or(|to| line.day.as_str() < to));
            days.map(|line| line.net).sum()
        };
        let Some((_, first)) = began.first() else {
            return Vec::new();
        };
        let mut ends = vec![DayEnd {
            equity: *first,
            transferred: Money::ZERO,
        }];
        for (n, (from, equity)) in began.iter().enumerate() {
            let next = began.get(n + 1);
            let pnl = made(from, next.map(|(day, _)| day.as_str()));
            // The last day ends with what it made, which needs no price of what is a person's.
            let end = next.map_or(*equity + pnl, |(_, equity)| *equity);
            ends.push(DayEnd {
                equity: end,
                transferred: end - *equity - pnl,
            });
        }
        ends
    }
}

/// What a day made of what it began with, transfers taken out as if they came at its end.
fn returns(days: &[DayEnd]) -> Option<Vec<f64>> {
    let of_day = |(before, day): (&DayEnd, &DayEnd)| {
        let began_with = before.equity.to_f64().filter(|equity| *equity > 0.0)?;
        let gain = day
            .equity
            .checked_sub(day.transferred)?
            .checked_sub(before.equity)?;
        Some(gain.to_f64()? / began_with)
    };
    days.iter().zip(days.iter().skip(1)).map(of_day).collect()
}

/// One, and what it grows to by each return.
fn index(returns: &[f64]) -> impl Iterator<Item = f64> {
    let grown = returns.iter().scan(1.0, |index, day| {
        *index *= 1.0 + day;
        Some(*index)
    });
    std::iter::once(1.0).chain(grown)
}

fn max_drawdown(returns: &[f64]) -> f64 {
    let (_, deepest) = index(returns).fold((1.0_f64, 0.0_f64), |(peak, deepest), at| {
        let peak = peak.max(at);
        (peak, deepest.max(1.0 - at / peak))
    });
    deepest
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(items: usize) -> f64 {
    items as f64
}

/// None where the divisor is zero.
fn quotient(dividend: f64, divisor: f64) -> Option<f64> {
    (divisor > 0.0).then(|| dividend / divisor)
}

fn mean(values: &[f64]) -> Option<f64> {
    quotient(values.iter().sum(), count(values.len()))
}

fn sharpe(returns: &[f64]) -> Option<f64> {
    let mean = mean(returns)?;
    let squares: f64 = returns.iter().map(|day| (day - mean).powi(2)).sum();
    let variance = quotient(squares, count(returns.len()) - 1.0)?;
    a_year_of(mean, variance.sqrt())
}

fn sortino(returns: &[f64]) -> Option<f64> {
    let squares: f64 = returns.iter().map(|day| day.min(0.0).powi(2)).sum();
    let downside = quotient(squares, count(returns.len()))?.sqrt();
    a_year_of(mean(returns)?, downside)
}

/// The ratio of a day, scaled to a year; none where nothing deviates.
fn a_year_of(mean: f64, deviation: f64) -> Option<f64> {
    (deviation > DEVIATION_MIN).then(|| mean / deviation * DAYS_A_YEAR.sqrt())
}
