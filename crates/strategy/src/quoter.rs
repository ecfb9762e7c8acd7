//! A two-sided maker with inventory skew.

use keel_domain::{
    FilterInputs, Instrument, OrdType, OrderIntent, OrderTerms, Price, Purpose, Qty, Side, SignedQty,
};
use keel_market_data::BookTop;

use crate::{Action, OpenOrder, Permission, SettingsError, Strategy, StrategyView, Trigger};

/// How the quoter quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuoterSettings {
    /// Base in each quote.
    pub order_qty: Qty,
    /// The position around which it leans neither way.
    pub position_target: Qty,
    /// The most base it holds.
    pub position_max: Qty,
    /// How far behind the best price it quotes; 0 joins it.
    pub quote_offset_ticks: u32,
    /// A quote this far from its wanted price, or farther, is placed anew.
    pub requote_ticks: u32,
    /// How far both quotes lean at full inventory: down when it holds too much, up when too little.
    pub skew_ticks_max: u32,
}

/// Quotes both sides with post-only orders; on a spot account it sells only what it has bought.
#[derive(Debug)]
pub struct Quoter {
    settings: QuoterSettings,
}

impl Quoter {
    /// A quoter.
    ///
    /// # Errors
    /// The first setting that cannot be meant.
    pub fn new(settings: QuoterSettings) -> Result<Self, SettingsError> {
        let refuse = |key, problem| Err(SettingsError { key, problem });
        if settings.order_qty.is_zero() {
            return refuse("order_qty", "must be above zero");
        }
        if settings.position_max < settings.order_qty {
            return refuse("position_max", "must be at least order_qty");
        }
        if settings.position_target > settings.position_max {
            return refuse("position_target", "must be at most position_max");
        }
        if settings.requote_ticks == 0 {
            return refuse("requote_ticks", "must be at least 1");
        }
        Ok(Self { settings })
    }

    /// By how many ticks both quotes lean; positive is down.
    fn skew(&self, position: SignedQty) -> i64 {
        let excess = position
            .units()
            .saturating_sub(self.settings.position_target.units());
        let full = self.settings.position_max.units().max(1);
        let lean = i128::from(excess) * i128::from(self.settings.skew_ticks_max) / i128::from(full);
        let max = i64::from(self.settings.skew_ticks_max);
        i64::try_from(lean).unwrap_or(max).clamp(-max, max)
    }

    /// The price at which it wants to rest: never better than the best of its own side, so that it cannot cross.
    fn wanted_price(
        &self,
        instrument: &Instrument,
        top: BookTop,
        side: Side,
        position: SignedQty,
    ) -> Option<Price> {
        let tick = instrument.price_filter.tick_size.units().max(1);
        let offset = i64::from(self.settings.quote_offset_ticks);
        let skew = self.skew(position);
        let (best, behind) = match side {
            Side::Buy => (top.bid.price, offset.saturating_add(skew).max(0).saturating_neg()),
            Side::Sell => (top.ask.price, offset.saturating_sub(skew).max(0)),
        };
        let units = best.units().checked_add(behind.checked_mul(tick)?)?;
        Price::from_units(units).ok().filter(|price| !price.is_zero())
    }

    /// How much it wants to quote on the side, given what it holds and what of it is on offer elsewhere.
    fn wanted_qty(&self, view: &StrategyView<'_>, side: Side) -> Qty {
        let held = view.position.long();
        let room = match side {
            Side::Buy => self.settings.position_max.saturating_sub(held),
            Side::Sell => held,
        };
        view.instrument.floor_qty(self.settings.order_qty.min(room))
    }

    fn quote(&self, view: &StrategyView<'_>, top: BookTop, side: Side, actions: &mut Vec<Action>) {
        let qty = self.wanted_qty(view, side);
        let price = self.wanted_price(view.instrument, top, side, view.position);
        let is_permitted = match view.permission {
            Permission::All => true,
            Permission::ReduceOnly => side == Side::Sell,
            Permission::Nothing => false,
        };
        let wanted = price.filter(|_| is_permitted && !qty.is_zero());
        let mut own = view
            .open_orders
            .iter()
            .filter(|order| order.side == side)
            .peekable();
        if own.peek().is_some() {
            own.filter(|order| !self.stands_well(order, wanted, view.instrument))
                .for_each(|order| {
                    actions.push(Action::Cancel(order.cl_ord_id));
                });
            return;
        }
        let Some(price) = wanted else { return };
        let purpose = match side {
            Side::Buy => Purpose::Entry,
            Side::Sell => Purpose::ReduceOnly,
        };
        if view.orders_left.of(purpose) == 0 {
            return;
        }
        let ord_type = OrdType::LimitMaker { price };
        let terms = OrderTerms::new(side, ord_type, qty);
        let inputs = FilterInputs::at_price(price);
        if view.instrument.check(&terms, &inputs).is_err() {
            return;
        }
        actions.push(Action::Submit(OrderIntent {
            symbol: view.instrument.symbol,
            side,
            ord_type,
            order_qty: qty,
            purpose,
        }));
    }

    /// Whether an order may stay. One whose fate is open, or whose cancel is under way, is left alone.
    fn stands_well(&self, order: &OpenOrder, wanted: Option<Price>, instrument: &Instrument) -> bool {
        if !order.is_confirmed || order.is_cancel_pending {
            return true;
        }
        let (Some(wanted), Some(price)) = (wanted, order.price) else {
            return false;
        };
        let tick = instrument.price_filter.tick_size.units().max(1);
        let distance = wanted.units().abs_diff(price.units()) / tick.unsigned_abs();
        distance < u64::from(self.settings.requote_ticks)
    }
}

impl Strategy for Quoter {
    fn on_event(&mut self, view: &StrategyView<'_>, _: Trigger<'_>, actions: &mut Vec<Action>) {
        match view.top {
            Ok(top) => {
                self.quote(view, top, Side::Buy, actions);
                self.quote(view, top, Side::Sell, actions);
            }
            // Without a price no quote can be right.
            Err(_) => {
                let own = view
                    .open_orders
                    .iter()
                    .filter(|order| order.is_confirmed && !order.is_cancel_pending);
                actions.extend(own.map(|order| Action::Cancel(order.cl_ord_id)));
            }
        }
    }
}
