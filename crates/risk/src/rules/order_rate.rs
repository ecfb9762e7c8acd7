//! At most so many orders in any ten seconds. Entries, exits and stops have places of their own, so that entries never starve exits,
//! and a strategy that only re-prices its exits starves no stop; what is left is for exits and stops, whichever come first.

use std::collections::VecDeque;
use std::time::Duration;

use keel_domain::{OrdType, Purpose, Timestamp};

use super::Veto;
use crate::{RiskLimits, Rule};

const WINDOW: Duration = Duration::from_secs(10);

/// One kind's approvals of the last ten seconds.
#[derive(Debug, Default)]
struct Taken {
    at: VecDeque<Timestamp>,
    /// The places that nobody else may take.
    own: usize,
}

impl Taken {
    fn let_go(&mut self, now: Timestamp) {
        while self.at.front().is_some_and(|at| now.since(*at) >= WINDOW) {
            self.at.pop_front();
        }
    }

    /// How many places are free for it, where `common_left` are free for everybody.
    fn left(&self, common_left: usize) -> usize {
        self.own.saturating_sub(self.at.len()).saturating_add(common_left)
    }

    /// How many of the common places are taken.
    fn beyond_own(&self) -> usize {
        self.at.len().saturating_sub(self.own)
    }

    fn take(&mut self, now: Timestamp, common_left: usize) -> Result<(), Veto> {
        let taken = self.at.len();
        if self.left(common_left) == 0 {
            return Err(Veto::new(Rule::OrderRate, format!("{taken} in 10 s"), taken + 1));
        }
        self.at.push_back(now);
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct OrderRate {
    whole: u32,
    entries: Taken,
    exits: Taken,
    stops: Taken,
    /// Places for exits and stops.
    common: usize,
}

impl OrderRate {
    pub(crate) fn new(whole: u32) -> Self {
        let mut rate = Self {
            whole,
            entries: Taken::default(),
            exits: Taken::default(),
            stops: Taken::default(),
            common: 0,
        };
        rate.set_whole(whole);
        rate
    }

    pub(crate) fn whole(&self) -> u32 {
        self.whole
    }

    /// Two fifths are for entries, and one each for exits, for stops and for these two.
    pub(crate) fn set_whole(&mut self, whole: u32) {
        self.whole = whole.max(RiskLimits::ORDERS_PER_10S_LEAST);
        let whole = usize::try_from(self.whole).unwrap_or(usize::MAX);
        let fifth = (whole / 5).max(1);
        self.entries.own = (whole.saturating_mul(2) / 5).max(1);
        self.exits.own = fifth;
        self.stops.own = fifth;
        self.common = whole.saturating_sub(self.entries.own + fifth + fifth);
    }

    /// Takes a place in the window, or vetoes. An approval leaves the window ten seconds after it was given.
    pub(crate) fn take(&mut self, now: Timestamp, purpose: Purpose, ord_type: OrdType) -> Result<(), Veto> {
        let common_left = self.common_left(now);
        match purpose {
            Purpose::Entry => self.entries.take(now, 0),
            Purpose::ReduceOnly if ord_type.trigger().is_some() => self.stops.take(now, common_left),
            Purpose::ReduceOnly => self.exits.take(now, common_left),
        }
    }

    /// How many entries, and how many exits that rest or sell at once, may still be approved now.
    pub(crate) fn left(&mut self, now: Timestamp) -> (usize, usize) {
        let common_left = self.common_left(now);
        (self.entries.left(0), self.exits.left(common_left))
    }

    /// Takes the place of a stop that an exit carries: the venue counts both, and no exit may take what stops that stand alone need.
    pub(crate) fn take_carried(&mut self, now: Timestamp) -> Result<(), Veto> {
        let common_left = self.common_left(now);
        self.exits.take(now, common_left)
    }

    fn common_left(&mut self, now: Timestamp) -> usize {
        for taken in [&mut self.entries, &mut self.exits, &mut self.stops] {
            taken.let_go(now);
        }
        self.common
            .saturating_sub(self.exits.beyond_own() + self.stops.beyond_own())
    }
}
