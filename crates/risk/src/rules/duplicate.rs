//! The same order is not sent three times in a second: a loop that has lost its memory would.

use std::collections::VecDeque;
use std::time::Duration;

use keel_domain::{OrderIntent, Price, Qty, Side, Symbol, Timestamp};

use super::Veto;
use crate::Rule;

const WINDOW: Duration = Duration::from_secs(1);
/// As many equal ones may be in the window.
const MAX: usize = 2;

/// The approvals of the last second; the order rate bounds how many. Stops are not among them: one is placed anew after each
/// fill, and a veto would leave a position without.
#[derive(Debug, Default)]
pub(crate) struct Duplicates {
    recent: VecDeque<(Timestamp, OrderIntent)>,
}

impl Duplicates {
    pub(crate) fn check(&mut self, now: Timestamp, intent: &OrderIntent) -> Result<(), Veto> {
        while self
            .recent
            .front()
            .is_some_and(|(at, _)| now.since(*at) >= WINDOW)
        {
            self.recent.pop_front();
        }
        let is_equal = |(_, known): &&(Timestamp, OrderIntent)| terms(known) == terms(intent);
        let equal = self.recent.iter().filter(is_equal).count();
        if equal >= MAX {
            let limit = format!("{MAX} equal orders in 1 s");
            return Err(Veto::new(Rule::Duplicate, limit, equal + 1));
        }
        Ok(())
    }

    /// An order has been approved.
    pub(crate) fn note(&mut self, now: Timestamp, intent: OrderIntent) {
        if intent.ord_type.trigger().is_none() {
            self.recent.push_back((now, intent));
        }
    }
}

/// What makes two orders the same: a loop that changes between the kinds of an order sends it again all the same.
fn terms(intent: &OrderIntent) -> (Symbol, Side, Option<Price>, Qty) {
    let OrderIntent {
        symbol,
        side,
        ord_type,
        order_qty,
        ..
    } = *intent;
    (symbol, side, ord_type.price(), order_qty)
}
