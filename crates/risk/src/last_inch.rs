//! The last check before the socket. It shares nothing with the gate but the order: it counts on its own state, and once it has
//! tripped nothing goes out, whatever the rest of the program says.
//!
//! Its reason is Knight Capital, 2012: child orders that no parent asked for, sent for 45 minutes, because no check stood
//! behind the one that had failed.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use keel_domain::{ClOrdId, Money, OrderIntent, StopLeg, Timestamp, notional};
use serde::{Deserialize, Serialize};

use crate::{ApprovedOrder, LimitError};

/// What may go out in any sixty seconds. None of it has a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastInchLimits {
    /// Orders of every kind: entries, exits and stops.
    pub orders_per_60s_max: u32,
    /// What they are worth together, in quote.
    pub notional_per_60s_max: Money,
}

/// Why nothing goes out any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Trip {
    /// No intent is on record for the order, or another one.
    #[error("the order is not what was recorded as meant")]
    NotItsIntent,
    /// An order under this id has gone out before.
    #[error("an order with the id {cl_ord_id} has gone out before")]
    Repeated {
        /// The id.
        cl_ord_id: ClOrdId,
    },
    /// Too many orders.
    #[error("more than {max} orders in 60 s")]
    Orders {
        /// The limit.
        max: u32,
    },
    /// Too much value.
    #[error("orders worth more than {max} in 60 s")]
    Notional {
        /// The limit.
        max: Money,
    },
}

/// Counts what goes out.
#[derive(Debug)]
pub struct LastInch {
    limits: LastInchLimits,
    /// When each order of the last sixty seconds went out, and what it is worth.
    sent: VecDeque<(Timestamp, Money)>,
    sum: Money,
    ids: SentIds,
    tripped: Option<Trip>,
}

/// The ids of the latest orders and of the stops that they carried. Whoever repeats one does so soon: the oldest are let go.
#[derive(Debug, Default)]
struct SentIds {
    known: BTreeSet<ClOrdId>,
    oldest_first: VecDeque<ClOrdId>,
}

impl SentIds {
    /// Minutes of orders at the highest rate that any limit allows.
    const MAX: usize = 16_384;

    fn note(&mut self, id: ClOrdId) -> Result<(), Trip> {
        if !self.known.insert(id) {
            return Err(Trip::Repeated { cl_ord_id: id });
        }
        self.oldest_first.push_back(id);
        if self.oldest_first.len() > Self::MAX
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.known.remove(&oldest);
        }
        Ok(())
    }
}

impl LastInch {
    const WINDOW: Duration = Duration::from_secs(60);

    /// Nothing has gone out yet.
    ///
    /// # Errors
    /// A limit of zero or less.
    pub fn new(limits: LastInchLimits) -> Result<Self, LimitError> {
        let refused = |name: &str, value: String| LimitError::NotPositive {
            name: name.to_owned(),
            value,
        };
        if limits.orders_per_60s_max == 0 {
            return Err(refused("last_inch.orders_per_60s_max", "0".to_owned()));
        }
        if limits.notional_per_60s_max <= Money::ZERO {
            let value = limits.notional_per_60s_max.to_string();
            return Err(refused("last_inch.notional_per_60s_max", value));
        }
        Ok(Self {
            limits,
            sent: VecDeque::new(),
            sum: Money::ZERO,
            ids: SentIds::default(),
            tripped: None,
        })
    }

    /// Lets the order out, and counts it; or trips, and lets nothing out until [`Self::reset`]. `recorded` gives what is on record
    /// under an id: for the order, and for the stop that it carries.
    ///
    /// # Errors
    /// Why it tripped, now or before.
    pub fn check<'a>(
        &mut self,
        now: Timestamp,
        order: &ApprovedOrder,
        recorded: impl Fn(ClOrdId) -> Option<&'a OrderIntent>,
    ) -> Result<(), Trip> {
        if let Some(trip) = self.tripped {
            return Err(trip);
        }
        let intent = order.intent();
        let is_meant = |id, meant: &OrderIntent| recorded(id) == Some(meant);
        let stop_is_meant = |stop: StopLeg| is_meant(stop.cl_ord_id, &stop.intent(intent));
        let judged = if is_meant(order.cl_ord_id(), intent) && order.stop().is_none_or(stop_is_meant) {
            self.note_ids(order).and_then(|()| self.count(now, order))
        } else {
            Err(Trip::NotItsIntent)
        };
        self.tripped = judged.err();
        judged
    }

    fn note_ids(&mut self, order: &ApprovedOrder) -> Result<(), Trip> {
        let stop = order.stop().map(|stop| stop.cl_ord_id);
        let mut ids = std::iter::once(order.cl_ord_id()).chain(stop);
        ids.try_for_each(|id| self.ids.note(id))
    }

    fn count(&mut self, now: Timestamp, order: &ApprovedOrder) -> Result<(), Trip> {
        while let Some((at, value)) = self.sent.front().copied() {
            if now.since(at) < Self::WINDOW {
                break;
            }
            self.sum -= value;
            self.sent.pop_front();
        }
        let LastInchLimits {
            orders_per_60s_max,
            notional_per_60s_max,
        } = self.limits;
        if self.sent.len() >= usize::try_from(orders_per_60s_max).unwrap_or(usize::MAX) {
            return Err(Trip::Orders {
                max: orders_per_60s_max,
            });
        }
        let value = notional(order.intent().order_qty, order.valued_at());
        if self.sum + value > notional_per_60s_max {
            return Err(Trip::Notional {
                max: notional_per_60s_max,
            });
        }
        self.sum += value;
        self.sent.push_back((now, value));
        Ok(())
    }

    /// An operator has resumed, or sells everything: counting begins anew. No id may be used again all the same.
    pub fn reset(&mut self) {
        self.tripped = None;
        self.sent.clear();
        self.sum = Money::ZERO;
    }
}
