//! Closing prices of fixed spans of time, and their averages, in exact integers.

use std::collections::VecDeque;

use keel_domain::{Price, Timestamp};

/// Closes of the last bars. A bar without a trade closes where the one before did.
#[derive(Debug)]
pub(crate) struct Closes {
    bar_nanos: i64,
    keep: usize,
    closes: VecDeque<Price>,
    current: Option<(i64, Price)>,
}

impl Closes {
    pub(crate) fn new(bar_ms: u32, keep: usize) -> Self {
        Self {
            bar_nanos: i64::from(bar_ms) * 1_000_000,
            keep,
            closes: VecDeque::new(),
            current: None,
        }
    }

    /// Takes a price; gives whether at least one bar closed with it. An older price than the current bar changes nothing.
    pub(crate) fn push(&mut self, at: Timestamp, price: Price) -> bool {
        let bar = at.as_nanos().div_euclid(self.bar_nanos.max(1));
        let Some((open, close)) = self.current else {
            self.current = Some((bar, price));
            return false;
        };
        if bar < open {
            return false;
        }
        self.current = Some((bar, price));
        // More bars than are kept would all close at the same price.
        let closed = usize::try_from(bar - open).unwrap_or(usize::MAX).min(self.keep);
        for _ in 0..closed {
            self.closes.push_back(close);
            if self.closes.len() > self.keep {
                self.closes.pop_front();
            }
        }
        closed > 0
    }

    /// The sum of the last `n` closes in price units, `back` bars ago; none while there are not enough.
    fn sum(&self, n: usize, back: usize) -> Option<i128> {
        let end = self.closes.len().checked_sub(back)?;
        let start = end.checked_sub(n)?;
        Some(
            self.closes
                .range(start..end)
                .map(|price| i128::from(price.units()))
                .sum(),
        )
    }

    /// Whether the average of the last `fast` closes is above that of the last `slow`, `back` bars ago. Exact: the sums
    /// are compared across, without a division.
    pub(crate) fn is_fast_above(&self, fast: usize, slow: usize, back: usize) -> Option<bool> {
        let (fast_sum, slow_sum) = (self.sum(fast, back)?, self.sum(slow, back)?);
        let (fast, slow) = (i128::try_from(fast).ok()?, i128::try_from(slow).ok()?);
        Some(fast_sum * slow > slow_sum * fast)
    }
}
