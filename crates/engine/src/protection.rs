//! The stop at the venue that stands for a position when nobody else can: the process dead, the network down.
//!
//! What is held and not claimed by a resting exit has a stop of exactly that size, which follows every fill. A stop that the
//! venue refuses, or that the price passes by, goes down a ladder, each rung once: a market stop, a stop with a limit, an exit
//! at once within the collar, and a person. Stops stay at the venue when the system ends or halts: that is what they are for.

use std::time::Duration;

use keel_domain::{
    AlertClass, ClOrdId, OrderIntent, Price, Purpose, Qty, Side, StrategyId, Symbol, Timestamp,
};
use keel_execution::{CancelState, IssuedBy, Order, OrderState};
use keel_positions::Exit;
use keel_risk::{Rule, TradingState};

use crate::ladder::{Retries, Rung};
use crate::strategies::Holding;
use crate::{Step, Trader};

/// How positions are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtectionSettings {
    /// How far below the average entry price the stop stands, in hundredths of a percent.
    pub stop_distance_bps: u32,
    /// How long a position that can be sold may be without a stop before a person is told.
    pub unprotected_max: Duration,
}

/// Where the protection of one holding stands. Nothing of it is durable: the stops are orders like any other.
#[derive(Debug, Default)]
pub(crate) struct Protection {
    pub(crate) rung: Rung,
    /// When the last rung was reached.
    pub(crate) exhausted_at: Option<Timestamp>,
    pub(crate) retries: Retries,
    /// Since when something that can be sold has had no stop.
    bare_since: Option<Timestamp>,
    is_told: bool,
    /// No stop before then: the strategy's exit needs what the stop had locked.
    pub(crate) room_until: Option<Timestamp>,
    /// Exits carry no stop before then.
    pub(crate) unpaired_until: Option<Timestamp>,
    /// Since when the price has been below a stop that has not sold.
    passed_since: Option<Timestamp>,
}

/// One holding against its stops.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cover {
    /// What is to have a stop: held, not claimed by exits, in whole steps, and enough to be sold.
    needed: Qty,
    /// What stops may still sell.
    stopped: Qty,
    /// What stops that the venue has confirmed may still sell.
    confirmed: Qty,
    stops: usize,
    /// A stop's fate or cancel is open: nothing is added before it is known.
    is_open: bool,
    pub(crate) stop_px: Price,
    pub(crate) bid: Option<Price>,
}

impl Trader {
    /// A position is left without a stop for so long, so that a strategy that exits at once need not have one canceled first.
    const SETTLES_IN: Duration = Duration::from_millis(500);
    /// How long a stop that was canceled for an exit stays away. The strategy asks for its exit again at the next event.
    pub(crate) const ROOM_FOR: Duration = Duration::from_secs(1);
    /// How long exits go without their stop after the venue refused one with it.
    pub(crate) const UNPAIRED_FOR: Duration = Duration::from_secs(2);
    /// Stops of a holding are merged when so many stand on its pair, those of all who hold it taken together: the venue allows
    /// five, and one may be on its way.
    const STOPS_MAX: usize = 4;
    /// A stop whose price has been passed for so long has failed.
    const PASSED_MAX: Duration = Duration::from_secs(3);

    pub(crate) fn is_stop(&self, id: &ClOrdId) -> bool {
        self.issuer(id) == Some(IssuedBy::Protection)
    }

    /// The stops that stand alone.
    fn stops(&self, holding: Holding) -> impl Iterator<Item = &Order> {
        self.issued(holding, IssuedBy::Protection)
            .filter(|order| !self.is_carried(order))
    }

    pub(crate) fn protection_mut(&mut self, holding: Holding) -> Option<&mut Protection> {
        let market = self.markets.get_mut(&holding.symbol)?;
        Some(market.protections.entry(holding.strategy).or_default())
    }

    /// Since when something that can be sold has been held without a stop.
    #[must_use]
    pub fn unprotected_since(&self, symbol: Symbol) -> Option<Timestamp> {
        let protections = self.markets.get(&symbol)?.protections.values();
        protections.filter_map(|protection| protection.bare_since).min()
    }

    /// The stops that stay at the venue, and the exits that carry one.
    pub fn resting_stops(&self) -> impl Iterator<Item = &Order> {
        self.state.orders.live().filter(|order| self.stays(order))
    }

    pub(crate) fn protect_all(&mut self, now: Timestamp, step: &mut Step) {
        let Some(settings) = self.settings.protection else {
            return;
        };
        for symbol in self.settings.symbols.clone() {
            // What is being sold needs the coins that a stop would lock.
            if !self.is_flattening(symbol) {
                for holding in self.holdings(symbol) {
                    self.protect(now, holding, settings, step);
                }
            }
        }
    }

    fn protect(&mut self, now: Timestamp, holding: Holding, settings: ProtectionSettings, step: &mut Step) {
        let cover = self.cover(now, holding, settings);
        self.watch(now, holding, settings, cover, step);
        let Some(cover) = cover else {
            self.cancel_stops(now, holding, step);
            return;
        };
        if self.is_passed(now, holding, cover) {
            self.descend_to(now, holding, Rung::Exit);
            self.cancel_stops(now, holding, step);
            return;
        }
        let is_too_much = cover.stopped > cover.needed;
        let is_too_little = cover.stopped < cover.needed;
        let missing = cover.needed.saturating_sub(cover.stopped);
        let must_merge = is_too_little
            && cover.stops > 0
            && (self.stops_on(holding.symbol) >= Self::STOPS_MAX
                || !self.can_be_sold(holding.symbol, missing, cover.stop_px));
        if is_too_much || must_merge {
            self.cancel_stops(now, holding, step);
        } else if is_too_little && !cover.is_open {
            self.add_stop(now, holding, missing, cover, step);
        }
    }

    /// How many stops stand on the pair, or may: of all who hold it, those that exits carry too.
    fn stops_on(&self, symbol: Symbol) -> usize {
        let live = self.state.orders.live();
        live.filter(|order| order.symbol() == symbol && self.is_stop(&order.cl_ord_id()))
            .count()
    }

    fn in_stops(&self, holding: Holding) -> Qty {
        self.stops(holding)
            .fold(Qty::ZERO, |sum, stop| sum.saturating_add(stop.unbooked_qty()))
    }

    /// None while nothing is held that could be sold.
    fn cover(&self, now: Timestamp, holding: Holding, settings: ProtectionSettings) -> Option<Cover> {
        let symbol = holding.symbol;
        let instrument = self.state.instruments.get(&symbol)?;
        let stop_px = self.stop_px(holding, settings)?;
        // As the gate counts it, so that nothing is asked for that it refuses.
        let claimed = self
            .sell_leaves_of(holding)
            .saturating_sub(self.in_stops(holding));
        let unclaimed = self.position_of(holding).long().saturating_sub(claimed);
        let needed = Exit::of(instrument, unclaimed, stop_px).sellable;
        if needed.is_zero() {
            return None;
        }
        let mut cover = Cover {
            needed,
            stopped: Qty::ZERO,
            confirmed: Qty::ZERO,
            stops: 0,
            is_open: false,
            stop_px,
            bid: self.top(now, symbol).ok().map(|top| top.bid.price),
        };
        for stop in self.stops(holding) {
            let unbooked = stop.unbooked_qty();
            let is_confirmed = stop.state() == OrderState::Live;
            cover.stops += 1;
            cover.stopped = cover.stopped.saturating_add(unbooked);
            if is_confirmed {
                cover.confirmed = cover.confirmed.saturating_add(unbooked);
            }
            cover.is_open |= !is_confirmed || stop.cancel_state() != CancelState::None;
        }
        Some(cover)
    }

    /// Whether an exit may carry its stop now: a ladder that has left market stops behind has no other for it.
    pub(crate) fn may_pair(&self, now: Timestamp, holding: Holding) -> bool {
        let Some(market) = self.markets.get(&holding.symbol) else {
            return false;
        };
        market
            .protections
            .get(&holding.strategy)
            .is_none_or(|protection| {
                protection.rung == Rung::Stop && protection.unpaired_until.is_none_or(|until| now >= until)
            })
    }

    pub(crate) fn can_be_sold(&self, symbol: Symbol, qty: Qty, price: Price) -> bool {
        let instrument = self.state.instruments.get(&symbol);
        instrument.is_some_and(|instrument| Exit::of(instrument, qty, price).is_possible())
    }

    /// Measures how long a position has been bare, tells a person in time, and forgets the ladder once all is well.
    fn watch(
        &mut self,
        now: Timestamp,
        holding: Holding,
        settings: ProtectionSettings,
        cover: Option<Cover>,
        step: &mut Step,
    ) {
        let Holding { strategy, symbol } = holding;
        let Some(protection) = self.protection_mut(holding) else {
            return;
        };
        let Some(cover) = cover.filter(|cover| cover.confirmed < cover.needed) else {
            if cover.is_none() || protection.passed_since.is_none() {
                let (room_until, unpaired_until) = (protection.room_until, protection.unpaired_until);
                *protection = Protection {
                    room_until,
                    unpaired_until,
                    ..Protection::default()
                };
            }
            return;
        };
        let since = *protection.bare_since.get_or_insert(now);
        if now.since(since) >= settings.unprotected_max && !protection.is_told {
            protection.is_told = true;
            step.push_alert(AlertClass::Unprotected.alert(format!(
                "{symbol}: {} held by strategy {strategy} without a stop at the venue for {} s",
                cover.needed.saturating_sub(cover.confirmed),
                now.since(since).as_secs()
            )));
        }
    }

    /// Whether a stop's price has been passed for long enough to say that it does not sell.
    fn is_passed(&mut self, now: Timestamp, holding: Holding, cover: Cover) -> bool {
        let highest = self
            .stops(holding)
            .filter_map(|stop| stop.intent().ord_type.trigger()?.stop_px())
            .max();
        let is_below = highest.is_some_and(|stop_px| cover.bid.is_some_and(|bid| bid < stop_px));
        let Some(protection) = self.protection_mut(holding) else {
            return false;
        };
        if !is_below {
            protection.passed_since = None;
            return false;
        }
        let since = *protection.passed_since.get_or_insert(now);
        now.since(since) >= Self::PASSED_MAX
    }

    fn cancel_stops(&mut self, now: Timestamp, holding: Holding, step: &mut Step) {
        let ids: Vec<ClOrdId> = self.stops(holding).map(Order::cl_ord_id).collect();
        for id in ids {
            self.cancel(now, id, step);
        }
    }

    fn add_stop(&mut self, now: Timestamp, holding: Holding, missing: Qty, cover: Cover, step: &mut Step) {
        let symbol = holding.symbol;
        let may_order = self.session_up
            && self.reconciliation.is_done()
            && self.closing.is_none()
            // Without a fresh price the gate refuses every order, which says nothing about the stop.
            && cover.bid.is_some()
            && self.gate.state_of(symbol) < TradingState::Halted;
        let Some(protection) = self.protection_mut(holding) else {
            return;
        };
        if protection
            .exhausted_at
            .is_some_and(|at| now.since(at) >= protection.retries.again_after())
        {
            protection.rung = Rung::Stop;
            protection.exhausted_at = None;
        }
        let is_settled = protection.rung >= Rung::Exit
            || protection
                .bare_since
                .is_some_and(|since| now.since(since) >= Self::SETTLES_IN);
        if !may_order || !is_settled || protection.room_until.is_some_and(|until| now < until) {
            return;
        }
        // A stop above the market would be refused: it would sell at once.
        if protection.rung < Rung::Exit && cover.bid.is_some_and(|bid| bid <= cover.stop_px) {
            protection.rung = Rung::Exit;
        }
        let rung = protection.rung;
        let Some(ord_type) = self.ord_type_of(rung, symbol, cover) else {
            return;
        };
        let order_qty = self.within_order_limits(symbol, missing, ord_type.price());
        let intent = OrderIntent {
            symbol,
            side: Side::Sell,
            ord_type,
            order_qty,
            purpose: Purpose::ReduceOnly,
        };
        let issuer = (holding.strategy, IssuedBy::Protection);
        let Err(breach) = self.send(now, issuer, intent, step) else {
            return;
        };
        // Too many orders a moment ago say nothing about this one: it is asked for again.
        if breach.rule != Rule::OrderRate {
            let what = format!("the gate refuses it: {breach}");
            self.on_stop_failed(now, holding, rung, &what, step);
        }
    }

    /// The strategy wants to sell what a stop has locked: the stop makes room, and the strategy asks again.
    pub(crate) fn makes_room(
        &mut self,
        now: Timestamp,
        strategy: StrategyId,
        intent: &OrderIntent,
        step: &mut Step,
    ) -> bool {
        if self.settings.protection.is_none() || intent.side != Side::Sell {
            return false;
        }
        let symbol = intent.symbol;
        let holding = Holding { strategy, symbol };
        let (unclaimed, in_stops) = (self.unclaimed(holding), self.in_stops(holding));
        let is_short_of_it = intent.order_qty > unclaimed;
        if in_stops.is_zero() || !is_short_of_it || intent.order_qty > unclaimed.saturating_add(in_stops) {
            return false;
        }
        if let Some(protection) = self.protection_mut(holding) {
            protection.room_until = Some(now.plus(Self::ROOM_FOR));
        }
        self.cancel_stops(now, holding, step);
        true
    }
}
