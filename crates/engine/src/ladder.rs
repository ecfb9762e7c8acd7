//! The ladder that a refused or gapped stop goes down, each rung once, and the orders that stand on it.

use std::time::Duration;

use keel_domain::{AlertClass, ClOrdId, OrdType, Price, Qty, Symbol, TimeInForce, Timestamp, Trigger};
use keel_execution::{Ending, OrderState, Reject};
use keel_risk::{HaltCause, TradingState};

use crate::protection::Cover;
use crate::refusals::NOT_ABOUT_THE_ORDER;
use crate::strategies::Holding;
use crate::{Step, Trader};

/// What protects the position next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rung {
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
    pub(crate) fn next(self) -> Self {
        match self {
            Self::Stop => Self::StopLimit,
            Self::StopLimit => Self::Exit,
            Self::Exit | Self::Person => Self::Person,
        }
    }
}

/// How often the ladder has been tried without a stop or a sale since the position was protected last. A venue that refuses everything
/// is asked ever more rarely, and never less often than a position may wait.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    /// Turns that reached the last rung.
    turns: u32,
    /// Refusals in a row that said nothing of the order.
    passing: u32,
}

impl Retries {
    /// After the last rung the ladder is tried again so much later, then after twice as long.
    const AGAIN_AFTER: Duration = Duration::from_secs(60);
    const AGAIN_AFTER_MAX: Duration = Duration::from_secs(240);
    /// The same of a refusal that says nothing of the order.
    const PASSING_FOR: Duration = Duration::from_secs(1);
    const PASSING_FOR_MAX: Duration = Duration::from_secs(16);

    pub(crate) fn again_after(&self) -> Duration {
        doubled(Self::AGAIN_AFTER, self.turns, Self::AGAIN_AFTER_MAX)
    }

    fn on_passing(&mut self) -> Duration {
        self.passing = self.passing.saturating_add(1);
        doubled(Self::PASSING_FOR, self.passing, Self::PASSING_FOR_MAX)
    }
}

/// The first time as it is, then twice as long each time, up to a bound.
fn doubled(first: Duration, times: u32, max: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(times.saturating_sub(1));
    first.saturating_mul(factor).min(max)
}

impl Trader {
    pub(crate) fn descend_to(&mut self, now: Timestamp, holding: Holding, rung: Rung) {
        if let Some(protection) = self.protection_mut(holding) {
            protection.rung = rung;
            protection.exhausted_at = (rung == Rung::Person).then_some(now);
            let turns = &mut protection.retries.turns;
            *turns = turns.saturating_add(u32::from(rung == Rung::Person));
        }
    }

    pub(crate) fn on_stop_failed(
        &mut self,
        now: Timestamp,
        holding: Holding,
        rung: Rung,
        what: &str,
        step: &mut Step,
    ) {
        let (next, symbol) = (rung.next(), holding.symbol);
        self.descend_to(now, holding, next);
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
            step.push_alert(AlertClass::Protection.alert(format!(
                "{symbol}: protection failed as {rung:?}, {next:?} follows: {what}"
            )));
        }
    }

    pub(crate) fn ord_type_of(&self, rung: Rung, symbol: Symbol, cover: Cover) -> Option<OrdType> {
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
    pub(crate) fn below(&self, symbol: Symbol, price: Price) -> Option<Price> {
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

    /// The venue refused a stop or an exit of the ladder.
    pub(crate) fn on_stop_rejected(&mut self, now: Timestamp, id: ClOrdId, reject: &Reject, step: &mut Step) {
        let Some(holding) = self.holding_of(id) else {
            return;
        };
        let Some(protection) = self.protection_mut(holding) else {
            return;
        };
        if NOT_ABOUT_THE_ORDER.contains(&reject.code) {
            let wait = protection.retries.on_passing();
            protection.retry_at = Some(now.plus(wait));
            return;
        }
        let rung = protection.rung;
        if rung < Rung::Exit && reject.text.contains("would trigger immediately") {
            // What is refused for its trigger is refused with a limit too.
            self.descend_to(now, holding, Rung::StopLimit);
            self.on_stop_failed(now, holding, Rung::StopLimit, &reject.text, step);
            return;
        }
        self.on_stop_failed(now, holding, rung, &reject.text, step);
    }

    /// An exit of the ladder ended. One that left something has failed.
    pub(crate) fn on_stop_ended(&mut self, now: Timestamp, id: ClOrdId, step: &mut Step) {
        let (Some(order), Some(holding)) = (self.state.orders.get(id), self.holding_of(id)) else {
            return;
        };
        let is_exit = order.intent().ord_type.time_in_force() == Some(TimeInForce::Ioc);
        let has_left = matches!(order.state(), OrderState::Done(Ending::Ended(_)))
            && order.cum_qty() < order.order_qty();
        let has_sold = !order.cum_qty().is_zero();
        if is_exit && has_left {
            if let Some(protection) = self.protection_mut(holding).filter(|_| has_sold) {
                // Somebody buys: what is left is worth the next try.
                protection.retries = Retries::default();
            }
            self.on_stop_failed(now, holding, Rung::Exit, "nobody bought within the collar", step);
        }
    }

    /// The venue refused an exit with its stop for their prices: the market was quicker. For a moment exits go alone.
    pub(crate) fn on_pair_rejected(&mut self, now: Timestamp, id: ClOrdId) {
        let holding = self.holding_of(id);
        if let Some(protection) = holding.and_then(|holding| self.protection_mut(holding)) {
            protection.unpaired_until = Some(now.plus(Self::UNPAIRED_FOR));
        }
    }
}
