//! Trades that are not kept one by one any more.

use keel_domain::{Money, Price, Timestamp, TradeId};
use serde::{Deserialize, Serialize};

use crate::bookings::fifo;
use crate::sums::{Facts, Sums};
use crate::{Fifo, Inexact};

/// What was carried forward: the sums of all trades up to one, with what was adjusted and set aside between them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Carried {
    /// The last of them.
    pub(crate) through: TradeId,
    pub(crate) trade_count: usize,
    /// The price of the first.
    pub(crate) first_px: Price,
    /// Whether a part of the cost is an estimate.
    pub(crate) is_estimated: bool,
    pub(crate) sums: Sums,
    pub(crate) fifo: Fifo,
}

impl Carried {
    pub(crate) fn sums(&self) -> Sums {
        self.sums.clone()
    }

    pub(crate) fn fifo(&self) -> Fifo {
        self.fifo.clone()
    }

    /// Profit of what was closed, before fees, by average cost.
    pub(crate) fn realised(&self) -> Money {
        self.sums.average.realised()
    }
}

impl Facts {
    /// The same facts with all trades before one carried forward; none where there are none.
    pub(crate) fn carried_before(&self, first_kept: TradeId) -> Result<Option<Self>, Inexact> {
        let mut past = self.clone();
        let trades = past.trades.split_off(&first_kept);
        let next = (Some(first_kept), Timestamp::from_nanos(i64::MIN));
        let adjustments = past.adjustments.split_off(&next);
        let dust = past.dust.split_off(&first_kept);
        let Some((through, _)) = past.trades.last_key_value() else {
            return Ok(None);
        };
        let carried = past.carried.as_ref();
        let first = past.trades.values().next();
        let first_px = carried
            .map(|carried| carried.first_px)
            .or(first.map(|trade| trade.last_px));
        let carried = Carried {
            through: *through,
            trade_count: carried
                .map_or(0, |carried| carried.trade_count)
                .saturating_add(past.trades.len()),
            first_px: first_px.unwrap_or(Price::ZERO),
            is_estimated: carried.is_some_and(|carried| carried.is_estimated) || !past.adjustments.is_empty(),
            sums: past.fold(|_, _| {})?,
            fifo: fifo(&past, |_, _| {})?,
        };
        Ok(Some(Self {
            carried: Some(carried),
            trades,
            adjustments,
            dust,
            ..past
        }))
    }
}
