//! The stop at the venue that stands for a position when nobody else can: the process dead, the network down.
//!
//! What is held and not claimed by a resting exit has a stop of exactly that size, which follows every fill. A stop that the
//! venue refuses, or that the price passes by, goes down a ladder, each rung once: a market stop, a stop with a limit, an exit
//! at once within the collar, and a person. Stops stay at the venue when the system ends or halts: that is what they are for.

use std::time::Duration;

use keel_domain::{AlertClass, ClOrdId, OrderIntent, Price, Purpose, Qty, Side, Symbol, Timestamp};
use keel_execution::{CancelState, IssuedBy, Order, OrderState};
use keel_positions::Exit;
use keel_risk::{Rule, TradingState};

use crate::ladder::{Retries, Rung};
use crate::room::Room;
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
    /// When an operator's sale went on last.
    sale_at: Option<Timestamp>,
    /// No stop before then: the venue takes none for now.
    pub(crate) retry_at: Option<Timestamp>,
    /// What the strategy's exit needs of what stops had locked.
    pub(crate) room: Option<Room>,
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
    /// What of it is to have one now: not what an exit is waited for that needs it.
    due: Qty,
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

impl Cover {
    /// What no stop will sell, and one is to.
    pub(crate) fn missing(&self) -> Qty {
        self.due.saturating_sub(self.stopped)
    }
}

impl Trader {
    /// A position is left without a stop for so long, so that a strategy that exits at once need not have one canceled first.
    const SETTLES_IN: Duration = Duration::from_millis(500);
    /// How long exits go without their stop after the venue refused one with it.
    pub(crate) const UNPAIRED_FOR: Duration = Duration::from_secs(2);
    /// Stops of a holding are merged when so many stand on its pair, those of all who hold it taken together: the venue allows
    /// five, and one may be on its way.
    pub(crate) const STOPS_MAX: usize = 4;
    /// A stop whose price has been passed for so long has failed.
    const PASSED_MAX: Duration = Duration::from_secs(3);

    pub(crate) fn is_stop(&self, id: &ClOrdId) -> bool {
        self.issuer(id) == Some(IssuedBy::Protection)
    }

    /// The stops that stand alone.
    pub(crate) fn stops(&self, holding: Holding) -> impl Iterator<Item = &Order> {
        self.issued(holding, IssuedBy::Protection)
            .filter(|order| !self.is_carried(order))
    }

    fn protection(&self, holding: Holding) -> Option<&Protection> {
        let market = self.markets.get(&holding.symbol)?;
        market.protections.get(&holding.strategy)
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
            for holding in self.holdings(symbol) {
                if self.is_flattening(symbol) {
                    // What is being sold needs the coins that a stop would lock.
                    self.measure_sale(now, holding);
                } else {
                    self.protect(now, holding, settings, step);
                }
            }
        }
    }

    /// While an operator's sale goes on a position is as bare as ever, what is on offer too; a person knows it, and is told at the
    /// end what is left.
    fn measure_sale(&mut self, now: Timestamp, holding: Holding) {
        let held = self.held_for_sale(holding).unwrap_or(Qty::ZERO);
        let confirmed = self
            .stops(holding)
            .filter(|stop| stop.state() == OrderState::Live);
        let stopped = confirmed.fold(Qty::ZERO, |sum, stop| sum.saturating_add(stop.unbooked_qty()));
        if let Some(protection) = self.protection_mut(holding) {
            let since = protection.bare_since.unwrap_or(now);
            protection.bare_since = (stopped < held).then_some(since);
            protection.sale_at = Some(now);
        }
    }

    fn protect(&mut self, now: Timestamp, holding: Holding, settings: ProtectionSettings, step: &mut Step) {
        let cover = self.cover(now, holding, settings);
        self.watch(now, holding, settings, cover, step);
        let Some(cover) = cover else {
            self.cancel_stops(now, holding, step);
            return;
        };
        // Where nothing could follow it, a stop that has not sold is better than none.
        let may_exit = self.gate.state_of(holding.symbol).permits(Purpose::ReduceOnly);
        if self.is_passed(now, holding, cover) && may_exit {
            self.descend_to(now, holding, Rung::Exit);
            self.cancel_stops(now, holding, step);
            return;
        }
        if cover.stopped > cover.needed {
            let excess = cover.stopped.saturating_sub(cover.needed);
            self.free_of_stops(now, holding, excess, step);
        } else if !cover.missing().is_zero() && !cover.is_open && self.may_protect(holding.symbol, cover) {
            self.add_stop(now, holding, cover, step);
        }
    }

    /// Whether orders that protect can leave now. Without a fresh price the gate refuses every order, which says nothing about the
    /// stop.
    fn may_protect(&self, symbol: Symbol, cover: Cover) -> bool {
        self.session_up
            && self.reconciliation.is_done()
            && cover.bid.is_some()
            && self.gate.state_for_stops(symbol) < TradingState::Halted
    }

    /// Whether the end waits for a stop that is missing, or not confirmed, and may still come.
    #[must_use]
    pub fn awaits_stop(&self, now: Timestamp) -> bool {
        let Some(settings) = self.settings.protection else {
            return false;
        };
        let symbols = self.settings.symbols.iter().filter(|symbol| {
            let state = self.gate.state_for_stops(**symbol);
            state < TradingState::Halted && self.takes_orders(**symbol)
        });
        let mut holdings = symbols.flat_map(|symbol| self.holdings(*symbol));
        self.refusal.is_none() && holdings.any(|holding| self.is_bare(now, holding, settings))
    }

    fn is_bare(&self, now: Timestamp, holding: Holding, settings: ProtectionSettings) -> bool {
        let rung = self.protection(holding).map_or(Rung::Stop, |p| p.rung);
        let cover = self.cover(now, holding, settings);
        rung < Rung::Exit && cover.is_some_and(|cover| cover.confirmed < cover.needed)
    }

    /// How many stops stand on the pair, or may: of all who hold it, those that exits carry too.
    pub(crate) fn stops_on(&self, symbol: Symbol) -> usize {
        let live = self.state.orders.live();
        live.filter(|order| order.symbol() == symbol && self.is_stop(&order.cl_ord_id()))
            .count()
    }

    pub(crate) fn in_stops(&self, holding: Holding) -> Qty {
        self.stops(holding)
            .fold(Qty::ZERO, |sum, stop| sum.saturating_add(stop.unbooked_qty()))
    }

    /// None while nothing is held that could be sold.
    fn cover(&self, now: Timestamp, holding: Holding, settings: ProtectionSettings) -> Option<Cover> {
        let symbol = holding.symbol;
        let instrument = self.state.instruments.get(&symbol)?;
        let stop_px = self.stop_px(holding, settings)?;
        // As the gate counts it, so that nothing is asked for that it refuses.
        let claimed = self.claimed_by_exits(holding);
        let unclaimed = |claimed| self.position_of(holding).long().saturating_sub(claimed);
        let sellable = |claimed| Exit::of(instrument, unclaimed(claimed), stop_px).sellable;
        let needed = sellable(claimed);
        if needed.is_zero() {
            return None;
        }
        // Once the end has begun no exit follows.
        let room = self.protection(holding).and_then(|p| p.room);
        let room = room.filter(|_| self.closing.is_none());
        let mut cover = Cover {
            needed,
            due: sellable(Room::claimed(room, now, claimed)),
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
                *protection = Protection {
                    retry_at: protection.retry_at,
                    room: protection.room,
                    unpaired_until: protection.unpaired_until,
                    ..Protection::default()
                };
            }
            return;
        };
        let since = *protection.bare_since.get_or_insert(now);
        let untold_since = protection.sale_at.map_or(since, |at| at.max(since));
        if now.since(untold_since) >= settings.unprotected_max && !protection.is_told {
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

    fn add_stop(&mut self, now: Timestamp, holding: Holding, cover: Cover, step: &mut Step) {
        let symbol = holding.symbol;
        // The strategy asks for nothing any more, and nothing but stops goes out.
        let is_ending = self.closing.is_some();
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
        let is_settled = is_ending
            || protection.rung >= Rung::Exit
            || protection.room.is_some_and(|room| room.is_open(now))
            || protection
                .bare_since
                .is_some_and(|since| now.since(since) >= Self::SETTLES_IN);
        if !is_settled || protection.retry_at.is_some_and(|at| now < at) {
            return;
        }
        // A stop above the market would be refused: it would sell at once.
        if protection.rung < Rung::Exit && cover.bid.is_some_and(|bid| bid <= cover.stop_px) {
            protection.rung = Rung::Exit;
        }
        let rung = protection.rung;
        if is_ending && rung >= Rung::Exit {
            return;
        }
        let Some(ord_type) = self.ord_type_of(rung, symbol, cover) else {
            return;
        };
        let must_merge = cover.stops > 0
            && (self.stops_on(symbol) >= Self::STOPS_MAX
                || !self.can_be_sold(symbol, cover.missing(), cover.stop_px));
        if must_merge {
            return self.merge_stops(now, holding, cover, step);
        }
        let order_qty = self.stop_qty(holding, cover, ord_type);
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
}
