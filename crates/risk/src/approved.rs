//! The value that proves the gate's consent.

use keel_domain::{ClOrdId, OrderIntent, Price, Timestamp};

/// An order that the gate has approved, to be sent once.
///
/// Only [`RiskGate::approve`](crate::RiskGate::approve) makes one; it cannot be copied, changed or read back from
/// storage, and whoever sends it gives it away. Each claim below fails to compile; the control before it compiles.
///
/// Reading is possible, making is not:
/// ```
/// fn read(order: &keel_risk::ApprovedOrder) -> keel_domain::Qty {
///     order.intent().order_qty
/// }
/// ```
/// ```compile_fail,E0451
/// fn forge(intent: keel_domain::OrderIntent, id: keel_domain::ClOrdId) -> keel_risk::ApprovedOrder {
///     keel_risk::ApprovedOrder {
///         intent,
///         cl_ord_id: id,
///         approved_at: keel_domain::Timestamp::EPOCH,
///         valued_at: keel_domain::Price::ZERO,
///     }
/// }
/// ```
/// ```compile_fail,E0624
/// fn forge(intent: keel_domain::OrderIntent, id: keel_domain::ClOrdId) -> keel_risk::ApprovedOrder {
///     keel_risk::ApprovedOrder::new(intent, id, keel_domain::Timestamp::EPOCH, keel_domain::Price::ZERO)
/// }
/// ```
///
/// An intent can be copied, cloned and read from storage; an approval cannot, has no default, and does not come from an intent:
/// ```
/// fn needs<T: Copy + Clone + serde::de::DeserializeOwned>() {}
/// needs::<keel_domain::OrderIntent>();
/// fn defaults<T: Default>() {}
/// defaults::<keel_domain::Qty>();
/// fn converts<A, B: From<A>>() {}
/// converts::<keel_domain::Qty, keel_domain::SignedQty>();
/// ```
/// ```compile_fail,E0277
/// fn needs<T: Clone>() {}
/// needs::<keel_risk::ApprovedOrder>();
/// ```
/// ```compile_fail,E0277
/// fn needs<T: Copy>() {}
/// needs::<keel_risk::ApprovedOrder>();
/// ```
/// ```compile_fail,E0277
/// fn needs<T: serde::de::DeserializeOwned>() {}
/// needs::<keel_risk::ApprovedOrder>();
/// ```
/// ```compile_fail,E0277
/// fn defaults<T: Default>() {}
/// defaults::<keel_risk::ApprovedOrder>();
/// ```
/// ```compile_fail,E0277
/// fn converts<A, B: From<A>>() {}
/// converts::<keel_domain::OrderIntent, keel_risk::ApprovedOrder>();
/// ```
///
/// An order is sent by giving it away, so it cannot be sent twice:
/// ```
/// fn send(order: keel_risk::ApprovedOrder) { drop(order) }
/// fn once(order: keel_risk::ApprovedOrder) { send(order); }
/// ```
/// ```compile_fail,E0382
/// fn send(order: keel_risk::ApprovedOrder) { drop(order) }
/// fn twice(order: keel_risk::ApprovedOrder) { send(order); send(order); }
/// ```
///
/// Limits have no default either:
/// ```compile_fail,E0277
/// fn defaults<T: Default>() {}
/// defaults::<keel_risk::RiskLimits>();
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an approved order that is not sent is lost"]
pub struct ApprovedOrder {
    intent: OrderIntent,
    cl_ord_id: ClOrdId,
    approved_at: Timestamp,
    valued_at: Price,
}

impl ApprovedOrder {
    pub(crate) fn new(
        intent: OrderIntent,
        cl_ord_id: ClOrdId,
        approved_at: Timestamp,
        valued_at: Price,
    ) -> Self {
        Self {
            intent,
            cl_ord_id,
            approved_at,
            valued_at,
        }
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

    /// The price at which the gate valued it: its own, or the worst that the collar allows.
    #[must_use]
    pub fn valued_at(&self) -> Price {
        self.valued_at
    }

    /// When the gate approved it.
    #[must_use]
    pub fn approved_at(&self) -> Timestamp {
        self.approved_at
    }
}
