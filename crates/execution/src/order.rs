//! One order's life.

use keel_domain::{
    ClOrdId, ExecType, ExecutionReport, Money, OrdStatus, OrderId, OrderIntent, Qty, Side, Symbol, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{Applied, CancelState, Contradiction, Ending, OrderState};

/// One order, from its durable intent to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub(crate) cl_ord_id: ClOrdId,
    pub(crate) intent: OrderIntent,
    pub(crate) order_id: Option<OrderId>,
    pub(crate) state: OrderState,
    pub(crate) cancel: CancelState,
    /// What the venue says was ordered: the intent's quantity, or less once it was amended.
    pub(crate) order_qty: Qty,
    pub(crate) cum_qty: Qty,
    pub(crate) cum_quote: Money,
    pub(crate) booked_qty: Qty,
    pub(crate) submitted_at: Timestamp,
    pub(crate) confirmed_at: Option<Timestamp>,
    /// The other order of an OCO: at most one of the two trades.
    #[serde(default)]
    pub(crate) pair: Option<ClOrdId>,
}

impl Order {
    pub(crate) fn new(cl_ord_id: ClOrdId, intent: OrderIntent, submitted_at: Timestamp) -> Self {
        Self {
            cl_ord_id,
            intent,
            order_id: None,
            state: OrderState::Submitted,
            cancel: CancelState::None,
            order_qty: intent.order_qty,
            cum_qty: Qty::ZERO,
            cum_quote: Money::ZERO,
            booked_qty: Qty::ZERO,
            submitted_at,
            confirmed_at: None,
            pair: None,
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

    /// How much is ordered now: the intent's quantity, or less once somebody amended the order at the venue.
    #[must_use]
    pub fn order_qty(&self) -> Qty {
        self.order_qty
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

    /// The other order of an OCO, of which at most one trades.
    #[must_use]
    pub fn pair(&self) -> Option<ClOrdId> {
        self.pair
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
            self.order_qty.saturating_sub(self.cum_qty)
        } else {
            Qty::ZERO
        }
    }

    /// What may still come to the position from this order: what can still trade, and what the venue's totals
    /// say has traded but the ledger has not booked yet.
    #[must_use]
    pub fn unbooked_qty(&self) -> Qty {
        let reachable = if self.may_be_live() {
            self.order_qty
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
        check_status(report)?;
        match self.state {
            OrderState::Done(Ending::Rejected) if report.ord_status == OrdStatus::Rejected => {
                return Ok(Applied::Unchanged);
            }
            OrderState::Done(ending @ (Ending::Rejected | Ending::NotSent)) => {
                self.adopt(now, report);
                return Err(Contradiction::Resurrected(id, ending));
            }
            OrderState::Done(Ending::Ended(known))
                if known != report.ord_status && report.ord_status.is_terminal() =>
            {
                let is_late_fill = report.ord_status == OrdStatus::Filled && report.cum_qty > self.cum_qty;
                let is_older_end = report.cum_qty < self.cum_qty;
                if !is_late_fill && !is_older_end {
                    return Err(Contradiction::OtherEnding(id, known, report.ord_status));
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
        let same_price = self
            .intent
            .ord_type
            .price()
            .is_none_or(|price| price == report.price);
        let same_terms = report.symbol == self.intent.symbol
            && report.side == self.intent.side
            && report.order_qty <= self.intent.order_qty
            && same_price;
        if !same_terms {
            return Err(Contradiction::OtherTerms(id));
        }
        if self.order_id.is_some_and(|known| known != report.order_id) {
            return Err(Contradiction::OtherOrderId(id));
        }
        // An amendment lowers the quantity, and never below what has traded.
        if report.cum_qty.max(self.cum_qty) > report.order_qty.min(self.order_qty) {
            return Err(Contradiction::Overfilled(id));
        }
        let is_its_trade = report.trade.is_none_or(|trade| {
            trade.symbol == report.symbol
                && trade.side == report.side
                && trade.order_id == report.order_id
                && trade.last_qty <= report.cum_qty
        });
        if !is_its_trade {
            return Err(Contradiction::OtherTrade(id));
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
        self.order_qty = self.order_qty.min(report.order_qty);
        let ended_by_venue = matches!(self.state, OrderState::Done(Ending::Ended(_)));
        if self.cum_qty == self.order_qty {
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

/// Whether the report agrees with itself: its status with its quantities, and with the reason for which it was sent.
fn check_status(report: &ExecutionReport) -> Result<(), Contradiction> {
    let id = report.cl_ord_id;
    let has_traded = !report.cum_qty.is_zero();
    let is_whole = report.cum_qty == report.order_qty;
    let fits_qty = match report.ord_status {
        OrdStatus::New | OrdStatus::PendingNew | OrdStatus::Rejected => !has_traded,
        OrdStatus::PartiallyFilled => has_traded && !is_whole,
        OrdStatus::Filled => is_whole,
        OrdStatus::Canceled | OrdStatus::PendingCancel | OrdStatus::Expired | OrdStatus::ExpiredInMatch => {
            !is_whole
        }
    };
    if !fits_qty {
        return Err(Contradiction::StatusAgainstQty(id));
    }
    let fits_type = match report.exec_type {
        ExecType::New => matches!(report.ord_status, OrdStatus::New | OrdStatus::PendingNew),
        ExecType::Canceled => report.ord_status == OrdStatus::Canceled,
        ExecType::Replaced => matches!(
            report.ord_status,
            OrdStatus::New | OrdStatus::PendingNew | OrdStatus::PartiallyFilled
        ),
        ExecType::Rejected => report.ord_status == OrdStatus::Rejected,
        ExecType::Trade => {
            report.trade.is_some()
                && matches!(report.ord_status, OrdStatus::PartiallyFilled | OrdStatus::Filled)
        }
        ExecType::Expired => matches!(report.ord_status, OrdStatus::Expired | OrdStatus::ExpiredInMatch),
        // The smaller order of a decremented pair expires, the larger one lives on.
        ExecType::TradePrevention => matches!(
            report.ord_status,
            OrdStatus::ExpiredInMatch | OrdStatus::New | OrdStatus::PartiallyFilled
        ),
        ExecType::OrderStatus => true,
    };
    if fits_type {
        Ok(())
    } else {
        Err(Contradiction::StatusAgainstExecType(
            id,
            report.exec_type,
            report.ord_status,
        ))
    }
}
