//! The value that proves the gate's consent.

use keel_domain::{ClOrdId, OrderIntent, Timestamp};

/// An order that the gate has approved, to be sent once.
///
/// Only [`RiskGate::approve`](crate::RiskGate::approve) makes one; it cannot be copied, changed or stored, and whoever
/// sends it gives it away.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an approved order that is not sent is lost"]
pub struct ApprovedOrder {
    intent: OrderIntent,
    cl_ord_id: ClOrdId,
    approved_at: Timestamp,
}

impl ApprovedOrder {
    pub(crate) fn new(intent: OrderIntent, cl_ord_id: ClOrdId, approved_at: Timestamp) -> Self {
        Self { intent, cl_ord_id, approved_at }
    }

    /// The very order that was checked.
    #[must_use]
    pub fn intent(&self) -> &OrderIntent {
        &self.intent
    }

    /// Its id, used once ever.
    #[must_use]
    pub fn cl_ord_id(&self) -> ClOrdId {
        self.cl_ord_id
    }

    /// When the gate approved it.
    #[must_use]
    pub fn approved_at(&self) -> Timestamp {
        self.approved_at
    }
}
