//! Pass after pass over the pairs, until nothing is open but stops.

use std::collections::VecDeque;
use std::time::Duration;

use keel_domain::{OrderId, Symbol, Timestamp};

use crate::{Answer, Request};

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Ongoing,
    Over,
}

#[derive(Debug)]
pub(crate) struct Sweep {
    symbols: Vec<Symbol>,
    /// Pairs that this pass has not looked at yet.
    left: VecDeque<Symbol>,
    /// What the pair that was looked at last still needs, before the next pair.
    cancels: VecDeque<Request>,
    stops: usize,
    /// Whether all that this pass has looked at had no open order.
    is_clean: bool,
    clean_passes: u32,
    backoff: Duration,
    next_at: Timestamp,
}

impl Sweep {
    pub(crate) const WAIT_MIN: Duration = Duration::from_millis(250);
    pub(crate) const WAIT_MAX: Duration = Duration::from_secs(10);
    /// Clean passes in a row after which it is over: an order that was on its way during the first shows in the next.
    const CLEAN_PASSES: u32 = 2;
    /// Between two clean passes.
    const LOOK_AGAIN: Duration = Duration::from_secs(1);

    pub(crate) fn new(symbols: &[Symbol], now: Timestamp) -> Self {
        Self {
            symbols: symbols.to_vec(),
            left: symbols.iter().copied().collect(),
            cancels: VecDeque::new(),
            stops: 0,
            is_clean: true,
            clean_passes: 0,
            backoff: Self::WAIT_MIN,
            next_at: now,
        }
    }

    pub(crate) fn next_at(&self) -> Timestamp {
        self.next_at
    }

    /// How many stops this pass has seen.
    pub(crate) fn stops(&self) -> usize {
        self.stops
    }

    pub(crate) fn next_request(&mut self, now: Timestamp) -> Option<Request> {
        if now < self.next_at {
            return None;
        }
        let cancel = self.cancels.pop_front();
        cancel.or_else(|| self.left.pop_front().map(Request::Look))
    }

    pub(crate) fn on_answer(&mut self, now: Timestamp, request: Request, answer: &Answer) -> Progress {
        let mut wanted = None;
        match answer {
            Answer::Open { stops, others } => {
                self.stops += stops;
                self.is_clean &= others.is_empty();
                self.cancels = cancels(request.symbol(), *stops, others);
            }
            Answer::Canceled(_) => self.is_clean = false,
            Answer::Failed { wait, .. } => {
                self.is_clean = false;
                wanted = *wait;
            }
        }
        // One order's or pair's trouble does not keep the others waiting; the venue's wait is for all.
        let is_done = self.left.is_empty() && self.cancels.is_empty();
        if is_done || wanted.is_some() {
            return self.end_pass(now, wanted);
        }
        Progress::Ongoing
    }

    fn end_pass(&mut self, now: Timestamp, wanted: Option<Duration>) -> Progress {
        let wait = if self.is_clean {
            self.clean_passes += 1;
            if self.clean_passes >= Self::CLEAN_PASSES {
                return Progress::Over;
            }
            Self::LOOK_AGAIN
        } else {
            self.clean_passes = 0;
            let wait = self.backoff;
            self.backoff = (self.backoff * 2).min(Self::WAIT_MAX);
            wait
        };
        self.next_at = now.plus(wait.max(wanted.unwrap_or_default()));
        self.left = self.symbols.iter().copied().collect();
        self.cancels.clear();
        self.stops = 0;
        self.is_clean = true;
        Progress::Ongoing
    }
}

/// One request for all of a pair's orders is the quickest, where no stop is to stay.
fn cancels(symbol: Symbol, stops: usize, others: &[OrderId]) -> VecDeque<Request> {
    if others.is_empty() {
        return VecDeque::new();
    }
    if stops == 0 {
        return VecDeque::from([Request::CancelAll(symbol)]);
    }
    let cancel = |order| Request::Cancel(symbol, order);
    others.iter().copied().map(cancel).collect()
}
