//! One order's life.

use keel_domain::{
    ClOrdId, ExecutionReport, Money, OrdStatus, OrderId, OrderIntent, Qty, Side, Symbol, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::UnknownCause;

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// By the venue's word; the status is terminal.
    Ended(OrdStatus),
    /// The venue refused the submission.
    Rejected,
    /// No byte of it left.
    NotSent,
    /// It was sent, and every source of the venue shows that it never arrived.
    NeverArrived,
}

/// Where an order stands, as far as evidence goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderState {
    /// Its intent is durable; its bytes may be under way.
    Submitted,
    /// Its fate is not known. Ends by the venue's evidence only.
    Unknown(UnknownCause),
    /// The venue has it.
    Live,
    /// Nothing more can trade.
    Done(Ending),
}

/// Where the wish to cancel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelState {
    /// Nobody asked.
    None,
    /// Asked for, and not answered.
    Requested {
        /// When it was asked for last.
        at: Timestamp,
    },
    /// The answer to the cancel left its fate open; the order is to be queried.
    Unclear,
}

/// The venue's word and ours exclude each other. Trading halts on one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// Another symbol, side or quantity than was ordered.
    #[error("{0}: the venue reports another symbol, side or quantity than was ordered")]
    OtherTerms(ClOrdId),
    /// More traded than was ordered.
    #[error("{0}: the venue reports more traded than was ordered")]
    Overfilled(ClOrdId),
    /// Filled and not whole, or whole and not filled.
    #[error("{0}: the venue's status and its traded quantity exclude each other")]
    StatusAgainstQty(ClOrdId),
    /// Two endings that exclude each other.
    #[error("{0}: ended as {1:?}, and the venue now reports {2:?}")]
    OtherEnding(ClOrdId, OrdStatus, OrdStatus),
    /// An order that was refused or never sent is at the venue.
    #[error("{0}: was {1:?}, and the venue now has it")]
    Resurrected(ClOrdId, Ending),
    /// A second id from the venue for the same order.
    #[error("{0}: the venue now gives it another order id")]
    OtherOrderId(ClOrdId),
}

/// What a report did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The order moved.
    Changed,
    /// Old news.
    Unchanged,
}

/// One order, from its durable intent to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) intent: OrderIntent,
    pub(crate) order_id: Option<OrderId>,
    pub(crate) state: OrderState,
    pub(crate) cancel: CancelState,
    pub(crate) cum_qty: Qty,
    pub(crate) cum_quote: Money,
    pub(crate) booked_qty: Qty,
    pub(crate) submitted_at: Timestamp,
    pub(crate) confirmed_at: Option<Timestamp>,
}

impl Order {
    pub(crate) fn new(cl_ord_id: ClOrdId, intent: OrderIntent, submitted_at: Timestamp) -> Self {
        Self {
            cl_ord_id,
            intent,
            order_id: None,
            state: OrderState::Submitted,
            cancel: CancelState::None,
            cum_qty: Qty::ZERO,
            cum_quote: Money::ZERO,
            booked_qty: Qty::ZERO,
            submitted_at,
            confirmed_at: None,
        }
    }

    /// Our id.
    #[must_use]
    pub fn cl_ord_id(&self) -> ClOrdId {
        self.cl_ord_id
    }

    /// The venue's id, once it was told.
    #[must_use]
    pub fn order_id(&self) -> Option<OrderId> {
        self.order_id
    }

    /// What was ordered.
    #[must_use]
    pub fn intent(&self) -> &OrderIntent {
        &self.intent
    }

    /// The pair.
    #[must_use]
    pub fn symbol(&self) -> Symbol {
        self.intent.symbol
    }

    /// Which way.
    #[must_use]
    pub fn side(&self) -> Side {
        self.intent.side
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> OrderState {
        self.state
    }

    /// Where its cancel stands.
    #[must_use]
    pub fn cancel_state(&self) -> CancelState {
        self.cancel
    }

    /// How much has traded, by the venue's totals.
    #[must_use]
    pub fn cum_qty(&self) -> Qty {
        self.cum_qty
    }

    /// What that cost in quote currency, by the venue's totals.
    #[must_use]
    pub fn cum_quote(&self) -> Money {
        self.cum_quote
    }

    /// How much of it the ledger has booked, trade by trade.
    #[must_use]
    pub fn booked_qty(&self) -> Qty {
        self.booked_qty
    }

    /// When its intent was approved.
    #[must_use]
    pub fn submitted_at(&self) -> Timestamp {
        self.submitted_at
    }

    /// When the venue first confirmed it, by our clock.
    #[must_use]
    pub fn confirmed_at(&self) -> Option<Timestamp> {
        self.confirmed_at
    }

    /// Whether it can still trade, for all we know.
    #[must_use]
    pub fn may_be_live(&self) -> bool {
        !matches!(self.state, OrderState::Done(_))
    }

    /// What can still trade. FIX `LeavesQty` (151).
    #[must_use]
    pub fn leaves_qty(&self) -> Qty {
        if self.may_be_live() {
            self.intent.order_qty.saturating_sub(self.cum_qty)
        } else {
            Qty::ZERO
        }
    }

    /// What may still come to the position from this order: what can still trade, and what the venue's totals
    /// say has traded but the ledger has not booked yet.
    #[must_use]
    pub fn unbooked_qty(&self) -> Qty {
        let reachable = if self.may_be_live() {
            self.intent.order_qty
        } else {
            self.cum_qty
        };
        reachable.saturating_sub(self.booked_qty)
    }

    /// Applies the venue's word. Totals set the order; older totals than known change nothing.
    ///
    /// # Errors
    /// A [`Contradiction`]; the order is left as it was, except that an order that turns out to exist is live again.
    pub(crate) fn apply(
        &mut self,
        now: Timestamp,
        report: &ExecutionReport,
    ) -> Result<Applied, Contradiction> {
        let id = self.cl_ord_id;
        self.check_terms(report)?;
        if let OrderState::Done(ending @ (Ending::Rejected | Ending::NotSent)) = self.state {
            self.adopt(now, report);
            return Err(Contradiction::Resurrected(id, ending));
        }
        let known = match self.state {
            OrderState::Done(Ending::Ended(status)) => Some(status),
            _ => None,
        };
        let is_whole = report.cum_qty == self.intent.order_qty;
        match known {
            Some(status) if status != report.ord_status && report.ord_status.is_terminal() => {
                let late_fill = report.cum_qty > self.cum_qty && is_whole;
                let older_end = report.cum_qty < self.cum_qty;
                if !late_fill && !older_end {
                    return Err(Contradiction::OtherEnding(id, status, report.ord_status));
                }
            }
            _ => {}
        }
        let before = self.clone();
        self.adopt(now, report);
        Ok(if *self == before {
            Applied::Unchanged
        } else {
            Applied::Changed
        })
    }

    fn check_terms(&self, report: &ExecutionReport) -> Result<(), Contradiction> {
        let id = self.cl_ord_id;
        let same_terms = report.symbol == self.intent.symbol
            && report.side == self.intent.side
            && report.order_qty == self.intent.order_qty;
        if !same_terms {
            return Err(Contradiction::OtherTerms(id));
        }
        if self.order_id.is_some_and(|known| known != report.order_id) {
            return Err(Contradiction::OtherOrderId(id));
        }
        if report.cum_qty > report.order_qty {
            return Err(Contradiction::Overfilled(id));
        }
        let is_whole = report.cum_qty == report.order_qty;
        if is_whole != (report.ord_status == OrdStatus::Filled) {
            return Err(Contradiction::StatusAgainstQty(id));
        }
        Ok(())
    }

    /// Takes what is newer in the report: totals only grow, and an end stays an end.
    fn adopt(&mut self, now: Timestamp, report: &ExecutionReport) {
        self.order_id = Some(report.order_id);
        self.confirmed_at = self.confirmed_at.or(Some(now));
        let grew = report.cum_qty > self.cum_qty;
        if grew {
            self.cum_qty = report.cum_qty;
            self.cum_quote = report.cum_quote;
        }
        let ended_by_venue = matches!(self.state, OrderState::Done(Ending::Ended(_)));
        if self.cum_qty == self.intent.order_qty {
            self.state = OrderState::Done(Ending::Ended(OrdStatus::Filled));
        } else if report.ord_status.is_terminal() && !ended_by_venue {
            self.state = OrderState::Done(Ending::Ended(report.ord_status));
        } else if !ended_by_venue {
            self.state = OrderState::Live;
        }
        if !self.may_be_live() {
            self.cancel = CancelState::None;
        }
    }
}
