//! At most so many orders in any ten seconds. Exits have as many again of their own, so that entries never starve them, and so
//! have stops, which a strategy that only re-prices its exits would starve.

use std::collections::VecDeque;
use std::time::Duration;

use keel_domain::{OrdType, Purpose, Timestamp};

use super::Veto;
use crate::Rule;

const WINDOW: Duration = Duration::from_secs(10);

/// The approvals of the last ten seconds; never more than the limit of each kind.
#[derive(Debug)]
pub(crate) struct OrderRate {
    max: usize,
    entries: VecDeque<Timestamp>,
    exits: VecDeque<Timestamp>,
    stops: VecDeque<Timestamp>,
}

impl OrderRate {
    pub(crate) fn new(max: u32) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Self {
            max,
            entries: VecDeque::new(),
            exits: VecDeque::new(),
            stops: VecDeque::new(),
        }
    }

    /// Takes a place in the window, or vetoes. An approval leaves the window ten seconds after it was given.
    pub(crate) fn take(&mut self, now: Timestamp, purpose: Purpose, ord_type: OrdType) -> Result<(), Veto> {
        let taken = match purpose {
            Purpose::Entry => &mut self.entries,
            Purpose::ReduceOnly if ord_type.trigger().is_some() => &mut self.stops,
            Purpose::ReduceOnly => &mut self.exits,
        };
        while taken.front().is_some_and(|at| now.since(*at) >= WINDOW) {
            taken.pop_front();
        }
        if taken.len() >= self.max {
            return Err(Veto::new(
                Rule::OrderRate,
                format!("{} in 10 s", self.max),
                taken.len() + 1,
            ));
        }
        taken.push_back(now);
        Ok(())
    }
}
