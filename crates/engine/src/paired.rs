//! Exits that carry their stop: one order list at the venue, of which one order cancels the other, so that a resting sale and a stop
//! cover the same coins.

use keel_domain::{ClOrdId, OrdType, OrderIntent, Price, Purpose, Side, StopLeg, Timestamp, Trigger};
use keel_execution::{IssuedBy, Order, OrderState};

use crate::Trader;
use crate::strategies::Holding;

impl Trader {
    /// The stop that the strategy's exit carries; none where the venue would not take the two together: it wants the sale above the
    /// last price and the stop below it.
    pub(crate) fn stop_leg(
        &mut self,
        now: Timestamp,
        holding: Holding,
        intent: &OrderIntent,
    ) -> Option<StopLeg> {
        let OrdType::LimitMaker { price } = intent.ord_type else {
            return None;
        };
        let symbol = holding.symbol;
        let is_exit = intent.purpose == Purpose::ReduceOnly && intent.side == Side::Sell;
        if !is_exit || !self.may_pair(now, holding) {
            return None;
        }
        let stop_px = self.stop_px(holding, self.settings.protection?)?;
        let bid = self.top(now, symbol).ok()?.bid.price;
        let last = self.markets.get(&symbol)?.last_trade?;
        let is_between = stop_px < last.min(bid) && last < price;
        if !is_between || !self.can_be_sold(symbol, intent.order_qty, stop_px) {
            return None;
        }
        let cl_ord_id = self.next_id(holding.strategy, IssuedBy::Protection)?;
        let trigger = Trigger::Stop { stop_px };
        let ord_type = OrdType::StopLoss { trigger };
        Some(StopLeg { cl_ord_id, ord_type })
    }

    /// Where stops of a position stand: below its average entry price.
    pub(crate) fn stop_px(&self, holding: Holding, settings: crate::ProtectionSettings) -> Option<Price> {
        let instrument = self.state.instruments.get(&holding.symbol)?;
        let distance = i128::from(settings.stop_distance_bps);
        let avg_px = i128::from(self.avg_px_of(holding)?.units());
        let units = i64::try_from(avg_px * (10_000 - distance) / 10_000).ok()?;
        let stop_px = Price::from_units(units).ok()?;
        Some(stop_px.floor_to(instrument.price_filter.tick_size))
    }

    /// Whether the order stays at the venue when everything else is canceled: a stop, and an exit that carries one, since the venue
    /// cancels both or none.
    pub(crate) fn stays(&self, order: &Order) -> bool {
        self.is_stop(&order.cl_ord_id()) || self.carries_stop(order)
    }

    /// The same of an order that the venue lists.
    pub(crate) fn stays_by_id(&self, id: &ClOrdId) -> bool {
        let order = self.state.orders.get(*id);
        order.map_or_else(|| self.is_stop(id), |order| self.stays(order))
    }

    /// Whether the order is a stop that an exit carries: one that is live, or has traded, so that the venue ends the stop.
    pub(crate) fn is_carried(&self, order: &Order) -> bool {
        let exit = order.pair().and_then(|pair| self.state.orders.get(pair));
        let ends_it = |exit: &Order| exit.may_be_live() || !exit.cum_qty().is_zero();
        self.is_stop(&order.cl_ord_id()) && order.cum_qty().is_zero() && exit.is_some_and(ends_it)
    }

    fn carries_stop(&self, order: &Order) -> bool {
        let stop = order.pair().and_then(|pair| self.state.orders.get(pair));
        let is_live = |order: &Order| order.state() == OrderState::Live;
        is_live(order) && stop.is_some_and(|stop| is_live(stop) && self.is_stop(&stop.cl_ord_id()))
    }
}
