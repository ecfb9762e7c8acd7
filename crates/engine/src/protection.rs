//! The stop at the venue that stands for a position when nobody else can: the process dead, the network down.
//!
//! What is held and not claimed by a resting exit has a stop of exactly that size, which follows every fill. A stop that the
//! venue refuses, or that the price passes by, goes down a ladder, each rung once: a market stop, a stop with a limit, an exit
//! at once within the collar, and a person. Stops stay at the venue when the system ends or halts: that is what they are for.

use std::time::Duration;

use keel_domain::{
    ClOrdId, OrdType, OrderIntent, Price, Purpose, Qty, Side, Symbol, TimeInForce, Timestamp, Trigger,
};
use keel_execution::{CancelState, Ending, Order, OrderState, Reject};
use keel_positions::Exit;
use keel_risk::{HaltCause, Rule, TradingState};

use crate::refusals::NOT_ABOUT_THE_ORDER;
use crate::trading::IssuedBy;
use crate::{Command, Step, Trader};

/// How positions are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProtectionSettings {
    /// How far below the average entry price the stop stands, in hundredths of a percent.
    pub stop_distance_bps: u32,
    /// How long a position that can be sold may be without a stop before a person is told.
    pub unprotected_max: Duration,
}

/// What protects the position next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Rung {
    /// A stop that sells at the market.
    #[default]
    Stop,
    /// A stop that sells at a limit, for pairs without the other.
    StopLimit,
    /// A sale at once, within the collar.
    Exit,
    /// All was tried.
    Person,
}

impl Rung {
    fn next(self) -> Self {
        match self {
            Self::Stop => Self::StopLimit,
            Self::StopLimit => Self::Exit,
            Self::Exit | Self::Person => Self::Person,
        }
    }
}

/// Where the protection of one pair stands. Nothing of it is durable: the stops are orders like any other.
#[derive(Debug, Default)]
pub(crate) struct Protection {
    rung: Rung,
    /// When the last rung was reached.
    exhausted_at: Option<Timestamp>,
    /// Since when something that can be sold has had no stop.
    bare_since: Option<Timestamp>,
    is_told: bool,
    /// No stop before then: the strategy's exit needs what the stop had locked.
    room_until: Option<Timestamp>,
    /// Since when the price has been below a stop that has not sold.
    passed_since: Option<Timestamp>,
}

/// One pair's position against its stops.
#[derive(Debug, Clone, Copy)]
struct Cover {
    /// What is to have a stop: held, not claimed by exits, in whole steps, and enough to be sold.
    needed: Qty,
    /// What stops may still sell.
    stopped: Qty,
    /// What stops that the venue has confirmed may still sell.
    confirmed: Qty,
    stops: usize,
    /// A stop's fate or cancel is open: nothing is added before it is known.
    is_open: bool,
    stop_px: Price,
    bid: Option<Price>,
}

impl Trader {
    /// Marks the ids of stops, so that they are known at the venue and in the journal.
    pub(crate) const STOP_MARK: &str = "stop";
    /// A position is left without a stop for so long, so that a strategy that exits at once need not have one canceled first.
    const SETTLES_IN: Duration = Duration::from_millis(500);
    /// How long a stop that was canceled for an exit stays away. The strategy asks for its exit again at the next event.
    const ROOM_FOR: Duration = Duration::from_secs(1);
    /// More stops than this on a pair are merged; the venue allows five.
    const STOPS_MAX: usize = 3;
    /// A stop whose price has been passed for so long has failed.
    const PASSED_MAX: Duration = Duration::from_secs(3);
    /// After the last rung the ladder is tried again so much later.
    const AGAIN_AFTER: Duration = Duration::from_secs(60);

    pub(crate) fn is_stop(&self, id: &ClOrdId) -> bool {
        self.settings.tag.strategy_in(id) == Some(Self::STOP_MARK)
    }

    fn stops(&self, symbol: Symbol) -> impl Iterator<Item = &Order> {
        let live = self.state.orders.live();
        live.filter(move |order| order.symbol() == symbol && self.is_stop(&order.cl_ord_id()))
    }

    /// Since when something that can be sold has been held without a stop.
    #[must_use]
    pub fn unprotected_since(&self, symbol: Symbol) -> Option<Timestamp> {
        self.markets.get(&symbol)?.protection.bare_since
    }

    /// The stops that stay at the venue.
    pub fn resting_stops(&self) -> impl Iterator<Item = &Order> {
        self.state
            .orders
            .live()
            .filter(|order| self.is_stop(&order.cl_ord_id()))
    }

    pub(crate) fn protect_all(&mut self, now: Timestamp, step: &mut Step) {
        let Some(settings) = self.settings.protection else {
            return;
        };
        for symbol in self.settings.symbols.clone() {
            // What is being sold needs the coins that a stop would lock.
            if !self.is_flattening(symbol) {
                self.protect(now, symbol, settings, step);
            }
        }
    }

    fn protect(&mut self, now: Timestamp, symbol: Symbol, settings: ProtectionSettings, step: &mut Step) {
        let cover = self.cover(now, symbol, settings);
        self.watch(now, symbol, settings, cover, step);
        let Some(cover) = cover else {
            self.cancel_stops(now, symbol, step);
            return;
        };
        if self.is_passed(now, symbol, cover) {
            self.descend_to(now, symbol, Rung::Exit);
            self.cancel_stops(now, symbol, step);
            return;
        }
        let is_too_much = cover.stopped > cover.needed;
        let is_too_little = cover.stopped < cover.needed;
        let missing = cover.needed.saturating_sub(cover.stopped);
        let must_merge = is_too_little
            && cover.stops > 0
            && (cover.stops >= Self::STOPS_MAX || !self.can_be_sold(symbol, missing, cover.stop_px));
        if is_too_much || must_merge {
            self.cancel_stops(now, symbol, step);
        } else if is_too_little && !cover.is_open {
            self.add_stop(now, symbol, missing, cover, step);
        }
    }

    /// None while nothing is held that could be sold.
    fn cover(&self, now: Timestamp, symbol: Symbol, settings: ProtectionSettings) -> Option<Cover> {
        let instrument = self.state.instruments.get(&symbol)?;
        let distance = i128::from(settings.stop_distance_bps);
        let avg_px = i128::from(self.avg_px(symbol)?.units());
        let stop_units = i64::try_from(avg_px * (10_000 - distance) / 10_000).ok()?;
        let stop_px = Price::from_units(stop_units)
            .ok()?
            .floor_to(instrument.price_filter.tick_size);
        let claimed = self
            .state
            .orders
            .active()
            .filter(|order| order.symbol() == symbol && order.side() == Side::Sell)
            .filter(|order| !self.is_stop(&order.cl_ord_id()))
            .fold(Qty::ZERO, |sum, order| sum.saturating_add(order.unbooked_qty()));
        let unclaimed = self.position(symbol).long().saturating_sub(claimed);
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
        for stop in self.stops(symbol) {
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

    fn can_be_sold(&self, symbol: Symbol, qty: Qty, price: Price) -> bool {
        let instrument = self.state.instruments.get(&symbol);
        instrument.is_some_and(|instrument| Exit::of(instrument, qty, price).is_possible())
    }

    /// Measures how long a position has been bare, tells a person in time, and forgets the ladder once all is well.
    fn watch(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        settings: ProtectionSettings,
        cover: Option<Cover>,
        step: &mut Step,
    ) {
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        let protection = &mut market.protection;
        let Some(cover) = cover.filter(|cover| cover.confirmed < cover.needed) else {
            if cover.is_none() || protection.passed_since.is_none() {
                let room_until = protection.room_until;
                *protection = Protection {
                    room_until,
                    ..Protection::default()
                };
            }
            return;
        };
        let since = *protection.bare_since.get_or_insert(now);
        if now.since(since) >= settings.unprotected_max && !protection.is_told {
            protection.is_told = true;
            step.push_command(Command::Alert(format!(
                "{symbol}: {} held without a stop at the venue for {} s",
                cover.needed.saturating_sub(cover.confirmed),
                now.since(since).as_secs()
            )));
        }
    }

    /// Whether a stop's price has been passed for long enough to say that it does not sell.
    fn is_passed(&mut self, now: Timestamp, symbol: Symbol, cover: Cover) -> bool {
        let highest = self
            .stops(symbol)
            .filter_map(|stop| stop.intent().ord_type.trigger()?.stop_px())
            .max();
        let is_below = highest.is_some_and(|stop_px| cover.bid.is_some_and(|bid| bid < stop_px));
        let Some(market) = self.markets.get_mut(&symbol) else {
            return false;
        };
        if !is_below {
            market.protection.passed_since = None;
            return false;
        }
        let since = *market.protection.passed_since.get_or_insert(now);
        now.since(since) >= Self::PASSED_MAX
    }

    fn descend_to(&mut self, now: Timestamp, symbol: Symbol, rung: Rung) {
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.protection.rung = rung;
            market.protection.exhausted_at = (rung == Rung::Person).then_some(now);
        }
    }

    fn cancel_stops(&mut self, now: Timestamp, symbol: Symbol, step: &mut Step) {
        let ids: Vec<ClOrdId> = self.stops(symbol).map(Order::cl_ord_id).collect();
        for id in ids {
            self.cancel(now, id, step);
        }
    }

    fn add_stop(&mut self, now: Timestamp, symbol: Symbol, missing: Qty, cover: Cover, step: &mut Step) {
        let may_order = self.session_up
            && self.reconciliation.is_done()
            && self.closing.is_none()
            // Without a fresh price the gate refuses every order, which says nothing about the stop.
            && cover.bid.is_some()
            && self.gate.state_of(symbol) < TradingState::Halted;
        let Some(market) = self.markets.get_mut(&symbol) else {
            return;
        };
        let protection = &mut market.protection;
        if protection
            .exhausted_at
            .is_some_and(|at| now.since(at) >= Self::AGAIN_AFTER)
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
        let Err(breach) = self.send(now, intent, IssuedBy::Protection, step) else {
            return;
        };
        // Too many orders a moment ago say nothing about this one: it is asked for again.
        if breach.rule != Rule::OrderRate {
            let what = format!("the gate refuses it: {breach}");
            self.on_stop_failed(now, symbol, rung, &what, step);
        }
    }

    /// As much as one order may sell.
    pub(crate) fn within_order_limits(&self, symbol: Symbol, qty: Qty, price: Option<Price>) -> Qty {
        let limits = self.gate.limits().per_symbol.get(&symbol);
        let (Some(limits), Some(instrument)) = (limits, self.state.instruments.get(&symbol)) else {
            return qty;
        };
        let worth = price.and_then(|price| limits.order_notional_max.checked_div(price.to_decimal()));
        let worth = worth.and_then(|qty| Qty::from_decimal(qty.trunc_with_scale(8)).ok());
        let most = qty.min(limits.order_qty_max).min(worth.unwrap_or(qty));
        most.floor_to(instrument.lot_size.step)
    }

    /// The lowest price that the collar allows below this one.
    fn below(&self, symbol: Symbol, price: Price) -> Option<Price> {
        let tick = self.state.instruments.get(&symbol)?.price_filter.tick_size;
        let through = i128::from(self.gate.limits().collar_through_bps);
        let units = i64::try_from(i128::from(price.units()) * (10_000 - through) / 10_000).ok()?;
        // Rounded up, so that it stays inside the collar.
        Price::from_units(units).ok()?.ceil_to(tick)
    }

    /// A sale at once, at the worst price that the collar allows.
    pub(crate) fn exit_within_collar(&self, symbol: Symbol, bid: Price) -> Option<OrdType> {
        Some(OrdType::Limit {
            price: self.below(symbol, bid)?,
            time_in_force: TimeInForce::Ioc,
        })
    }

    fn ord_type_of(&self, rung: Rung, symbol: Symbol, cover: Cover) -> Option<OrdType> {
        let trigger = Trigger::Stop {
            stop_px: cover.stop_px,
        };
        match rung {
            Rung::Stop => Some(OrdType::StopLoss { trigger }),
            Rung::StopLimit => Some(OrdType::StopLossLimit {
                trigger,
                price: self.below(symbol, cover.stop_px)?,
                time_in_force: TimeInForce::Gtc,
            }),
            Rung::Exit => self.exit_within_collar(symbol, cover.bid?),
            Rung::Person => None,
        }
    }

    fn on_stop_failed(&mut self, now: Timestamp, symbol: Symbol, rung: Rung, what: &str, step: &mut Step) {
        let next = rung.next();
        self.descend_to(now, symbol, next);
        if next == Rung::Person {
            let what = format!("{symbol} is held without a stop, and no exit was possible: {what}");
            self.restrict_symbol(
                now,
                symbol,
                TradingState::ReduceOnly,
                HaltCause::Unprotected { what },
                step,
            );
        } else {
            step.push_command(Command::Alert(format!(
                "{symbol}: protection failed as {rung:?}, {next:?} follows: {what}"
            )));
        }
    }

    /// The venue refused a stop or an exit of the ladder.
    pub(crate) fn on_stop_rejected(
        &mut self,
        now: Timestamp,
        symbol: Symbol,
        reject: &Reject,
        step: &mut Step,
    ) {
        let Some(market) = self.markets.get(&symbol) else {
            return;
        };
        if NOT_ABOUT_THE_ORDER.contains(&reject.code) {
            if let Some(market) = self.markets.get_mut(&symbol) {
                market.protection.room_until = Some(now.plus(Self::ROOM_FOR));
            }
            return;
        }
        let rung = market.protection.rung;
        if rung < Rung::Exit && reject.text.contains("would trigger immediately") {
            // What is refused for its trigger is refused with a limit too.
            self.descend_to(now, symbol, Rung::StopLimit);
            self.on_stop_failed(now, symbol, Rung::StopLimit, &reject.text, step);
            return;
        }
        self.on_stop_failed(now, symbol, rung, &reject.text, step);
    }

    /// An exit of the ladder ended. One that left something has failed.
    pub(crate) fn on_stop_ended(&mut self, now: Timestamp, id: ClOrdId, step: &mut Step) {
        let Some(order) = self.state.orders.get(id) else {
            return;
        };
        let symbol = order.symbol();
        let is_exit = order.intent().ord_type.time_in_force() == Some(TimeInForce::Ioc);
        let has_left = matches!(order.state(), OrderState::Done(Ending::Ended(_)))
            && order.cum_qty() < order.order_qty();
        if is_exit && has_left {
            self.on_stop_failed(now, symbol, Rung::Exit, "nobody bought within the collar", step);
        }
    }

    /// The strategy wants to sell what a stop has locked: the stop makes room, and the strategy asks again.
    pub(crate) fn makes_room(&mut self, now: Timestamp, intent: &OrderIntent, step: &mut Step) -> bool {
        if self.settings.protection.is_none() || intent.side != Side::Sell {
            return false;
        }
        let symbol = intent.symbol;
        let held = self.position(symbol).long();
        let exposure = self.state.orders.exposure(symbol);
        let unclaimed = held.saturating_sub(exposure.sell_leaves);
        let in_stops = self
            .stops(symbol)
            .fold(Qty::ZERO, |sum, stop| sum.saturating_add(stop.unbooked_qty()));
        let is_short_of_it = intent.order_qty > unclaimed;
        if in_stops.is_zero() || !is_short_of_it || intent.order_qty > unclaimed.saturating_add(in_stops) {
            return false;
        }
        if let Some(market) = self.markets.get_mut(&symbol) {
            market.protection.room_until = Some(now.plus(Self::ROOM_FOR));
        }
        self.cancel_stops(now, symbol, step);
        true
    }
}
