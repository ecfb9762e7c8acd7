//! What was held at each day's begin, at the prices of then, so that the days' profits sum up to the whole.

use std::collections::BTreeMap;

use keel_domain::{Money, Price, StrategyId, Symbol, Timestamp};
use keel_engine::Trader;
use keel_positions::{Inexact, SymbolBook};
use keel_report::StatementHolding;

use crate::valuation::unrealised;

/// A UTC day's first prices.
#[derive(Debug, Clone)]
pub(crate) struct DayMark {
    pub(crate) at: Timestamp,
    pub(crate) prices: BTreeMap<Symbol, Price>,
    /// What the account was worth.
    pub(crate) equity: Option<Money>,
}

/// By UTC day.
pub(crate) type DayMarks = BTreeMap<i64, DayMark>;

const DAY_MS: i64 = 86_400_000;

fn midnight(day: i64) -> Timestamp {
    Timestamp::from_millis(day * DAY_MS)
}

/// The last price known when the day began: its own first one, where there was one; else the latest of the days before and of our
/// own trades is carried forward.
fn carried(marks: &DayMarks, day: i64, symbol: Symbol, past: &SymbolBook) -> Option<Price> {
    let mut earlier = marks.range(..=day).rev();
    let marked = earlier.find_map(|(_, mark)| Some((mark.at, *mark.prices.get(&symbol)?)));
    let traded = past
        .trades()
        .next_back()
        .map(|trade| (trade.transact_time, trade.last_px));
    marked.into_iter().chain(traded).max().map(|(_, price)| price)
}

/// Profit not realised yet of what was held when the day began; none of what has no price at all.
fn unrealised_at(marks: &DayMarks, day: i64, symbol: Symbol, book: &SymbolBook) -> Result<Money, Inexact> {
    let past = book.before(midnight(day))?;
    if past.average().position().is_zero() && past.dust().position().is_zero() {
        return Ok(Money::ZERO);
    }
    match carried(marks, day, symbol, &past) {
        Some(price) => past.unrealised(price.to_decimal()),
        None => Ok(Money::ZERO),
    }
}

/// What a strategy held of a pair, day by day: each ends as the next begins, and the last with what the position is worth now.
fn of_book(
    now: Timestamp,
    trader: &Trader,
    marks: &DayMarks,
    (strategy, symbol, book): (StrategyId, Symbol, &SymbolBook),
) -> Result<Vec<StatementHolding>, Inexact> {
    let days = || book.trades().map(|trade| trade.transact_time.utc_day());
    let Some(first) = days().min() else {
        return Ok(Vec::new());
    };
    let last = days().fold(now.utc_day(), i64::max);
    let mut holdings = Vec::new();
    let mut before = unrealised_at(marks, first, symbol, book)?;
    for day in first..=last {
        let now_worth = (day == last).then(|| unrealised(now, trader, symbol, book));
        let at_end = match now_worth.flatten() {
            Some(at_end) => at_end,
            None => unrealised_at(marks, day + 1, symbol, book)?,
        };
        if !(before.is_zero() && at_end.is_zero()) {
            holdings.push(StatementHolding {
                strategy,
                symbol,
                currency: book.quote(),
                day: midnight(day),
                unrealised_before: before,
                unrealised_after: at_end,
            });
        }
        before = at_end;
    }
    Ok(holdings)
}

/// What all strategies held, day by day.
///
/// # Errors
/// [`Inexact`] beyond 28 digits.
pub(crate) fn holdings(
    now: Timestamp,
    trader: &Trader,
    marks: &DayMarks,
) -> Result<Vec<StatementHolding>, Inexact> {
    let books = trader.state().ledgers().books();
    let all: Result<Vec<_>, _> = books.map(|book| of_book(now, trader, marks, book)).collect();
    Ok(all?.concat())
}
