//! Canceling an order and placing another in one request.

use keel_domain::{ClOrdId, OrderId, Symbol, Timestamp};

use super::admission::Stage;
use super::exchange::Exchange;
use super::{AccountId, CancelRestriction, NewOrder, OrderError, OrderRef, OrderState};

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replacement {
    /// The pair.
    pub symbol: Symbol,
    /// The order to cancel.
    pub by: OrderRef,
    /// The cancel's own id; one is made where there is none.
    pub cancel_id: Option<ClOrdId>,
    /// In which states it may be canceled.
    pub restriction: Option<CancelRestriction>,
    /// Whether nothing is placed when the cancel fails.
    pub stops_on_failure: bool,
    /// The order to place.
    pub order: NewOrder,
}

/// One half of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// Done.
    Done(T),
    /// Refused.
    Failed(OrderError),
    /// Not tried, because the other half failed.
    NotAttempted,
}

/// What came of the two halves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaced {
    /// The cancel, with its own id.
    pub cancel: Step<(OrderState, ClOrdId)>,
    /// The new order.
    pub order: Step<OrderId>,
}

impl Exchange {
    /// Cancels an order, then places another. The filters judge the new order before anything is canceled; whether the book
    /// has a price for a pegged one shows after the cancel, which may have taken it.
    ///
    /// # Errors
    /// `Filter`, `UnknownSymbol`; nothing changed.
    pub fn cancel_replace(
        &mut self,
        now: Timestamp,
        account: AccountId,
        request: &Replacement,
    ) -> Result<Replaced, OrderError> {
        if let Ok(order) = self.pegged(&request.order) {
            self.check_filters(now, account, &order, &[], Stage::Now)?;
        }
        let canceled = self.cancel_if(
            now,
            account,
            request.symbol,
            request.by,
            request.cancel_id,
            request.restriction,
        );
        let cancel = match canceled {
            Ok(done) => Step::Done(done),
            Err(error) => Step::Failed(error),
        };
        let order = if matches!(cancel, Step::Failed(_)) && request.stops_on_failure {
            Step::NotAttempted
        } else {
            match self.place(now, account, request.order) {
                Ok(order_id) => Step::Done(order_id),
                Err(error) => Step::Failed(error),
            }
        };
        Ok(Replaced { cancel, order })
    }
}
