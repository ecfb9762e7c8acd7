//! A moving-average cross, long or flat, with stop-loss and take-profit.

use std::collections::BTreeMap;

use keel_domain::{OrdType, OrderIntent, Price, Purpose, Qty, Side, Symbol};
use rust_decimal::Decimal;

use crate::bars::Closes;
use crate::{Action, Permission, SettingsError, Strategy, StrategyView, Trigger};

/// How the trend follower trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrendSettings {
    /// Length of a bar.
    pub bar_ms: u32,
    /// Bars in the fast average.
    pub fast_bars: u32,
    /// Bars in the slow average.
    pub slow_bars: u32,
    /// Base in an entry.
    pub order_qty: Qty,
    /// It leaves when the best bid is this many percent below the average entry price.
    pub stop_loss_pct: Decimal,
    /// It leaves when the best bid is this many percent above the average entry price.
    pub take_profit_pct: Decimal,
    /// The most entries that may trade on one UTC day.
    pub max_trades_per_day: u32,
}

/// Buys when the fast average crosses above the slow one; leaves on the opposite cross, the stop-loss or the take-profit.
#[derive(Debug)]
pub struct Trend {
    settings: TrendSettings,
    closes: BTreeMap<Symbol, Closes>,
}

impl Trend {
    /// A trend follower without history: it needs `slow_bars` + 1 bars before it can enter.
    ///
    /// # Errors
    /// The first setting that cannot be meant.
    pub fn new(settings: TrendSettings) -> Result<Self, SettingsError> {
        let refuse = |key, problem| Err(SettingsError { key, problem });
        let is_percent = |value: Decimal| value > Decimal::ZERO && value < Decimal::ONE_HUNDRED;
        if settings.bar_ms == 0 {
            return refuse("bar_ms", "must be above zero");
        }
        if settings.fast_bars == 0 || settings.fast_bars >= settings.slow_bars {
            return refuse("fast_bars", "must be above zero and below slow_bars");
        }
        if settings.order_qty.is_zero() {
            return refuse("order_qty", "must be above zero");
        }
        if !is_percent(settings.stop_loss_pct) {
            return refuse("stop_loss_pct", "must be above 0 and below 100");
        }
        if !is_percent(settings.take_profit_pct) {
            return refuse("take_profit_pct", "must be above 0 and below 100");
        }
        if settings.max_trades_per_day == 0 {
            return refuse("max_trades_per_day", "must be at least 1");
        }
        Ok(Self {
            settings,
            closes: BTreeMap::new(),
        })
    }

    /// Whether the best bid has reached the stop or the target.
    fn is_exit_price(&self, avg_px: Price, bid: Price) -> bool {
        let (paid, bid) = (avg_px.to_decimal(), bid.to_decimal());
        let percent = |pct: Decimal| paid * pct / Decimal::ONE_HUNDRED;
        bid <= paid - percent(self.settings.stop_loss_pct)
            || bid >= paid + percent(self.settings.take_profit_pct)
    }

    fn enter(&self, view: &StrategyView<'_>, actions: &mut Vec<Action>) {
        let has_trades_left = view.entries_today < self.settings.max_trades_per_day;
        if view.permission == Permission::All && has_trades_left {
            actions.push(market(view, Side::Buy, self.settings.order_qty, Purpose::Entry));
        }
    }

    fn leave(view: &StrategyView<'_>, actions: &mut Vec<Action>) {
        let qty = view.instrument.floor_qty(view.position.long());
        if view.permission != Permission::Nothing && !qty.is_zero() {
            actions.push(market(view, Side::Sell, qty, Purpose::ReduceOnly));
        }
    }
}

fn market(view: &StrategyView<'_>, side: Side, order_qty: Qty, purpose: Purpose) -> Action {
    let symbol = view.instrument.symbol;
    Action::Submit(OrderIntent {
        symbol,
        side,
        ord_type: OrdType::Market,
        order_qty,
        purpose,
    })
}

impl Strategy for Trend {
    fn on_event(&mut self, view: &StrategyView<'_>, trigger: Trigger<'_>, actions: &mut Vec<Action>) {
        let TrendSettings {
            bar_ms,
            fast_bars,
            slow_bars,
            ..
        } = self.settings;
        let (fast, slow) = (fast_bars as usize, slow_bars as usize);
        let closes = self
            .closes
            .entry(view.instrument.symbol)
            .or_insert_with(|| Closes::new(bar_ms, slow + 1));
        let closed = match trigger {
            Trigger::Trade(trade) => closes.push(trade),
            Trigger::Book | Trigger::Kline(_) | Trigger::Execution(_) | Trigger::Timer => false,
        };
        let (now_above, was_above) = (
            closes.is_fast_above(fast, slow, 0),
            closes.is_fast_above(fast, slow, 1),
        );
        // Whatever is under way has to end first: one order at a time.
        let Ok(top) = view.top else { return };
        if !view.open_orders.is_empty() {
            return;
        }
        let holds = !view.instrument.floor_qty(view.position.long()).is_zero();
        let crossed_up = closed && now_above == Some(true) && was_above == Some(false);
        let crossed_down = closed && now_above == Some(false);
        if holds
            && (crossed_down
                || view
                    .avg_px
                    .is_some_and(|avg_px| self.is_exit_price(avg_px, top.bid.price)))
        {
            Self::leave(view, actions);
        } else if !holds && crossed_up {
            self.enter(view, actions);
        }
    }
}
