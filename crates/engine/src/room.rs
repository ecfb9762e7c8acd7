//! Stops that are canceled for something else: as few as will do, so that the rest of the position stays protected.

use std::time::Duration;

use keel_domain::{ClOrdId, OrdType, OrderIntent, Qty, Side, StrategyId, Timestamp};
use keel_execution::{CancelState, Order};
use keel_strategy::Permission;

use crate::protection::Cover;
use crate::strategies::Holding;
use crate::{Step, Trader};

/// Coins that are kept without a stop for an exit that the strategy is to ask for again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    until: Timestamp,
    /// What exits may claim of the holding until then, all together.
    claimed: Qty,
}

impl Room {
    /// Whether the exit is waited for.
    pub(crate) fn is_open(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// What exits claim, or may claim in a moment, where they have a claim on so much.
    pub(crate) fn claimed(room: Option<Self>, now: Timestamp, claimed: Qty) -> Qty {
        let awaited = room.filter(|room| room.is_open(now));
        awaited.map_or(claimed, |room| claimed.max(room.claimed))
    }
}

impl Trader {
    /// How long the coins that were freed for an exit stay without a stop. The strategy asks for its exit again at the next event.
    const ROOM_FOR: Duration = Duration::from_secs(1);

    /// The strategy wants to sell what a stop has locked: the stop makes room, and the strategy asks again.
    pub(crate) fn makes_room(
        &mut self,
        now: Timestamp,
        strategy: StrategyId,
        intent: &OrderIntent,
        step: &mut Step,
    ) -> bool {
        let symbol = intent.symbol;
        // A stop is not given up for an exit that cannot go out.
        let may_exit = intent.side == Side::Sell && self.permission(symbol) != Permission::Nothing;
        if self.settings.protection.is_none() || !may_exit {
            return false;
        }
        let holding = Holding { strategy, symbol };
        let (unclaimed, in_stops) = (self.unclaimed(holding), self.in_stops(holding));
        let short_of = intent.order_qty.saturating_sub(unclaimed);
        if in_stops.is_zero() || short_of.is_zero() || short_of > in_stops {
            return false;
        }
        let claimed = self.claimed_by_exits(holding).saturating_add(intent.order_qty);
        if let Some(protection) = self.protection_mut(holding) {
            let until = now.plus(Self::ROOM_FOR);
            protection.room = Some(Room { until, claimed });
        }
        self.free_of_stops(now, holding, short_of, step);
        true
    }

    /// What sales of a holding that are no stops of its own may still take, as the gate counts it.
    pub(crate) fn claimed_by_exits(&self, holding: Holding) -> Qty {
        let sales = self.sell_leaves_of(holding);
        sales.saturating_sub(self.in_stops(holding))
    }

    /// Cancels stops until no stop has so much any more: the smallest that is enough, or the largest where none is. Cancels that are
    /// under way count.
    pub(crate) fn free_of_stops(&mut self, now: Timestamp, holding: Holding, qty: Qty, step: &mut Step) {
        let leaving = self.stops(holding).filter(|stop| is_leaving(stop));
        let mut short_of = leaving.fold(qty, |short_of, stop| short_of.saturating_sub(stop.unbooked_qty()));
        let mut staying = self.staying_stops(holding);
        while !short_of.is_zero() && !staying.is_empty() {
            let enough = staying.partition_point(|(qty, _)| *qty < short_of);
            let (freed, id) = staying.remove(enough.min(staying.len() - 1));
            self.cancel(now, id, step);
            short_of = short_of.saturating_sub(freed);
        }
    }

    /// What has no stop is too little for one of its own, or the pair has as many stops as it may: the smallest is canceled, so that
    /// one stop takes both; in the second case the two smallest, so that there is one stop less.
    pub(crate) fn merge_stops(&mut self, now: Timestamp, holding: Holding, cover: Cover, step: &mut Step) {
        let symbol = holding.symbol;
        let is_full = self.stops_on(symbol) >= Self::STOPS_MAX;
        let mut merged = self.staying_stops(holding);
        merged.truncate(if is_full { 2 } else { 1 });
        let largest = merged.last().map_or(Qty::ZERO, |(qty, _)| *qty);
        let joined = merged
            .iter()
            .fold(cover.missing(), |sum, (qty, _)| sum.saturating_add(*qty));
        if is_full && self.within_order_limits(symbol, joined, None) <= largest {
            // All are as large as an order may be: canceling one of them gains nothing.
            return;
        }
        for (_, id) in merged {
            self.cancel(now, id, step);
        }
    }

    /// The stops that nothing cancels yet, the smallest first.
    fn staying_stops(&self, holding: Holding) -> Vec<(Qty, ClOrdId)> {
        let staying = self.stops(holding).filter(|stop| !is_leaving(stop));
        let mut staying: Vec<(Qty, ClOrdId)> = staying
            .map(|stop| (stop.unbooked_qty(), stop.cl_ord_id()))
            .collect();
        staying.sort_unstable();
        staying
    }

    /// As much of what is missing as one order may sell, and of a stop not so much that the rest is too little for another one.
    pub(crate) fn stop_qty(&self, holding: Holding, cover: Cover, ord_type: OrdType) -> Qty {
        let symbol = holding.symbol;
        let within = |qty| self.within_order_limits(symbol, qty, ord_type.price());
        let most = within(cover.missing());
        let half = Qty::from_units(most.units() / 2).map_or(most, within);
        let rest = cover.missing().saturating_sub(most);
        let is_rest_too_little = !rest.is_zero() && !self.can_be_sold(symbol, rest, cover.stop_px);
        let has_place_for_two = self.stops_on(symbol).saturating_add(2) <= Self::STOPS_MAX;
        let is_halved = ord_type.trigger().is_some()
            && is_rest_too_little
            && has_place_for_two
            && self.can_be_sold(symbol, half, cover.stop_px);
        if is_halved { half } else { most }
    }
}

fn is_leaving(stop: &Order) -> bool {
    stop.cancel_state() != CancelState::None
}
