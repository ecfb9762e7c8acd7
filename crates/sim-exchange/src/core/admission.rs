//! What an order must pass before it is accepted, in the venue's order: filters, then the matching engine's own checks,
//! then the balance.

use std::collections::BTreeMap;

use keel_domain::{
    Asset, FilterFailure, FilterInputs, Instrument, InstrumentStatus, LotSize, Money, OpenOverall, OrdType,
    OrderTerms, Price, Qty, Side, Symbol, TimeInForce, Timestamp, notional,
};

use super::exchange::Exchange;
use super::market::{MarketState, Sweep};
use super::pegged::at_price;
use super::{AccountId, NewOrder, OrderError, OrderState, Quantity};

/// When an order is to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// At once.
    Now,
    /// When another order is filled.
    Later,
    /// When another order is filled, with a quantity that is not known before.
    Unsized,
}

/// A pair's rules without those that judge a quantity.
fn without_sizes(mut instrument: Instrument) -> Instrument {
    let any = LotSize {
        min: Qty::ZERO,
        max: Qty::ZERO,
        step: Qty::ZERO,
    };
    (instrument.lot_size, instrument.market_lot_size) = (any, any);
    instrument.notional.min = Money::ZERO;
    instrument.notional.max = None;
    instrument.limits.min_notional = None;
    instrument.limits.iceberg_parts = None;
    instrument
}

/// An order that passed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Admitted {
    pub(super) order_qty: Qty,
    pub(super) asset: Asset,
    pub(super) to_lock: Money,
}

/// Whether a contingent order's stop price has been reached already.
pub(super) fn is_triggered(ord_type: OrdType, side: Side, last: Price) -> bool {
    let Some(stop_px) = ord_type.trigger().and_then(keel_domain::Trigger::stop_px) else {
        return false;
    };
    if ord_type.triggers_above(side) {
        last >= stop_px
    } else {
        last <= stop_px
    }
}

fn terms(order: &NewOrder) -> OrderTerms {
    let mut terms = OrderTerms::new(order.side, order.ord_type, Qty::ZERO);
    terms.iceberg_qty = order.options.iceberg_qty;
    match order.quantity {
        Quantity::Base(qty) => terms.order_qty = qty,
        Quantity::Quote(value) => terms.quote_order_qty = Some(value),
    }
    terms
}

/// Terms that cannot go together, whatever the pair.
fn check_combination(order: &NewOrder) -> Result<(), OrderError> {
    let iceberg_qty = order.options.iceberg_qty;
    if !iceberg_qty.is_zero() {
        if !order.ord_type.can_rest() {
            return Err(OrderError::Combination);
        }
        if matches!(order.quantity, Quantity::Base(qty) if iceberg_qty > qty) {
            return Err(OrderError::IcebergTooLarge);
        }
    }
    let by_value = matches!(order.quantity, Quantity::Quote(_));
    if by_value && order.ord_type != OrdType::Market {
        return Err(OrderError::Combination);
    }
    Ok(())
}

impl Exchange {
    /// The facts on which the filters' verdict on an account's next order rests. The position is counted only where the
    /// pair bounds it.
    #[must_use]
    pub fn filter_inputs(&self, now: Timestamp, account: AccountId, symbol: Symbol) -> Option<FilterInputs> {
        let market = self.markets.get(&symbol)?;
        let owner = self.accounts.get(account.0)?;
        let counts = owner.counts.get(&symbol).copied().unwrap_or_default();
        let position = if market.instrument.limits.max_position.is_some() {
            let held = owner
                .holdings
                .get(&market.instrument.base)
                .map_or(Money::ZERO, |holding| holding.free + holding.locked);
            let held = Qty::from_decimal(held.trunc_with_scale(8)).unwrap_or_default();
            self.open_orders(account, Some(symbol))
                .filter(|order| order.side == Side::Buy)
                .fold(held, |sum, order| sum.saturating_add(order.leaves_qty()))
        } else {
            Qty::ZERO
        };
        Some(FilterInputs {
            reference_price: market.reference.as_ref().and_then(|r| r.at(now)?.price),
            average_price: market.average_price(now, MarketState::AVERAGE_MINUTES),
            last_price: market.stats.last,
            open_orders: counts.orders,
            open_algo_orders: counts.algo,
            open_iceberg_orders: counts.icebergs,
            position,
        })
    }

    /// What an account has open over all pairs.
    #[must_use]
    pub fn open_overall(&self, account: AccountId) -> OpenOverall {
        let Some(owner) = self.accounts.get(account.0) else {
            return OpenOverall::default();
        };
        let mut open = OpenOverall {
            order_lists: u32::try_from(owner.open_lists.len()).unwrap_or(u32::MAX),
            ..OpenOverall::default()
        };
        for counts in owner.counts.values() {
            open.orders += counts.orders;
            open.algo_orders += counts.algo;
            open.iceberg_orders += counts.icebergs;
        }
        open
    }

    /// The checks that the venue makes before its matching engine sees the order. `earlier`: orders of the same list
    /// that are checked already, and count as if they were open.
    pub(super) fn check_filters(
        &self,
        now: Timestamp,
        account: AccountId,
        order: &NewOrder,
        earlier: &[&NewOrder],
        stage: Stage,
    ) -> Result<(), OrderError> {
        let market = self.markets.get(&order.symbol).ok_or(OrderError::UnknownSymbol)?;
        let mut inputs = self
            .filter_inputs(now, account, order.symbol)
            .ok_or(OrderError::InsufficientBalance)?;
        let mut open = self.open_overall(account);
        for order in earlier {
            let is_algo = u32::from(order.ord_type.trigger().is_some());
            let is_iceberg = u32::from(!order.options.iceberg_qty.is_zero());
            inputs.open_orders += 1;
            inputs.open_algo_orders += is_algo;
            inputs.open_iceberg_orders += is_iceberg;
            open.orders += 1;
            open.algo_orders += is_algo;
            open.iceberg_orders += is_iceberg;
        }
        let check = |order: &NewOrder| {
            let terms = terms(order);
            if stage == Stage::Unsized {
                without_sizes(market.instrument.clone()).check(&terms, &inputs)?;
                return self.limits().check(&terms, &open);
            }
            market.instrument.check(&terms, &inputs)?;
            self.limits().check(&terms, &open)?;
            self.check_assets(account, &market.instrument, &terms, &inputs)
        };
        if let Some(price) = order.options.peg.map(|peg| peg.price).filter(|p| !p.is_zero()) {
            let ord_type = at_price(order.ord_type, price);
            check(&NewOrder { ord_type, ..*order }).map_err(OrderError::Filter)?;
        }
        check(order).map_err(OrderError::Filter)
    }

    /// Whether an order is about no more of an asset than one of the account's may be.
    pub(super) fn check_assets(
        &self,
        account: AccountId,
        instrument: &Instrument,
        terms: &OrderTerms,
        inputs: &FilterInputs,
    ) -> Result<(), FilterFailure> {
        let mut assets = self.max_assets(account).iter();
        assets.try_for_each(|most| most.check(instrument, terms, inputs))
    }

    /// All checks but the balance.
    pub(super) fn check_order(
        &self,
        now: Timestamp,
        account: AccountId,
        order: &NewOrder,
        earlier: &[&NewOrder],
        stage: Stage,
    ) -> Result<Admitted, OrderError> {
        let market = self.markets.get(&order.symbol).ok_or(OrderError::UnknownSymbol)?;
        let owner = self
            .accounts
            .get(account.0)
            .ok_or(OrderError::InsufficientBalance)?;
        if market.instrument.status != InstrumentStatus::Trading {
            return Err(OrderError::MarketClosed);
        }
        self.check_sor(order)?;
        self.check_filters(now, account, order, earlier, stage)?;
        check_combination(order)?;
        if let Some(id) = order.cl_ord_id
            && owner.open_by_client_id.contains_key(&(order.symbol, id))
        {
            return Err(OrderError::Duplicate);
        }
        let limit = order.ord_type.price();
        let sweep = if order.ord_type.trigger().is_some() || stage != Stage::Now {
            Sweep::default()
        } else {
            let own = self.own_liquidity(account, order);
            self.sweep_for(order, limit, order.quantity, &own)
        };
        if matches!(order.ord_type, OrdType::LimitMaker { .. }) && !sweep.qty.is_zero() {
            return Err(OrderError::WouldMatch);
        }
        if stage == Stage::Now && is_triggered(order.ord_type, order.side, market.stats.last) {
            return Err(OrderError::WouldTrigger);
        }
        let order_qty = match order.quantity {
            Quantity::Base(qty) => qty,
            Quantity::Quote(_) => check_liquidity(market, order.side, sweep)?,
        };
        let (asset, to_lock) = lock_for(market, order, order_qty, sweep);
        Ok(Admitted {
            order_qty,
            asset,
            to_lock,
        })
    }

    /// All checks.
    pub(super) fn admit(
        &self,
        now: Timestamp,
        account: AccountId,
        order: &NewOrder,
    ) -> Result<Admitted, OrderError> {
        let admitted = self.check_order(now, account, order, &[], Stage::Now)?;
        self.check_free(account, admitted.asset, admitted.to_lock)?;
        Ok(admitted)
    }

    pub(super) fn check_free(
        &self,
        account: AccountId,
        asset: Asset,
        amount: Money,
    ) -> Result<(), OrderError> {
        let owner = self.accounts.get(account.0);
        if owner.is_some_and(|owner| owner.free(asset) >= amount) {
            Ok(())
        } else {
            Err(OrderError::InsufficientBalance)
        }
    }

    /// What of the other side an order must not trade with, by price. For a fill-or-kill order that does not simply
    /// remove its own orders, everything from its own best price on.
    fn own_liquidity(&self, account: AccountId, order: &NewOrder) -> BTreeMap<Price, Qty> {
        let mode = order.options.stp_mode;
        if mode == super::StpMode::None || matches!(order.ord_type, OrdType::LimitMaker { .. }) {
            return BTreeMap::new();
        }
        let mut own: BTreeMap<Price, Qty> = BTreeMap::new();
        for member in self.trade_group_of(account) {
            let routes = self.routes(order.symbol, order.options.uses_sor);
            for resting in routes.flat_map(|symbol| self.open_orders(member, Some(symbol))) {
                if resting.side != order.side && !resting.shown.is_zero() {
                    let qty = own.entry(resting.price()).or_default();
                    *qty = qty.saturating_add(resting.leaves_qty());
                }
            }
        }
        own
    }

    /// Whether a fill-or-kill order can trade whole.
    pub(super) fn can_fill(&self, account: AccountId, order: &NewOrder, order_qty: Qty) -> bool {
        let own = self.own_liquidity(account, order);
        let mut limit = order.ord_type.price();
        if order.options.stp_mode != super::StpMode::ExpireMaker {
            // Such an order, or a part of it, ends at its owner's first resting order.
            let first = match order.side {
                Side::Buy => own.first_key_value().map(|(price, _)| price.units() - 1),
                Side::Sell => own.last_key_value().map(|(price, _)| price.units() + 1),
            };
            let before = first.and_then(|units| Price::from_units(units).ok());
            limit = match (limit, before, order.side) {
                (Some(limit), Some(before), Side::Buy) => Some(limit.min(before)),
                (Some(limit), Some(before), Side::Sell) => Some(limit.max(before)),
                (limit, before, _) => limit.or(before),
            };
        }
        self.sweep_for(order, limit, Quantity::Base(order_qty), &own).qty >= order_qty
    }
}

/// The quantity of an order by value, if the book gives any that may be traded.
fn check_liquidity(market: &MarketState, side: Side, sweep: Sweep) -> Result<Qty, OrderError> {
    if market.book.best(side.opposite()).is_none() {
        return Err(OrderError::NoLiquidity);
    }
    let least = market.instrument.lot_size.min.max(Qty::UNIT);
    if sweep.qty < least {
        return Err(OrderError::LittleLiquidity);
    }
    Ok(sweep.qty)
}

/// What an order holds while it is open. A stop order that buys without a price holds its value at the stop price, and takes
/// what more it needs when it begins to work.
fn lock_for(market: &MarketState, order: &NewOrder, order_qty: Qty, sweep: Sweep) -> (Asset, Money) {
    let instrument = &market.instrument;
    let trigger = order.ord_type.trigger();
    match (order.side, order.ord_type.price(), trigger) {
        (Side::Sell, ..) => (instrument.base, order_qty.to_decimal()),
        (Side::Buy, Some(price), _) => (instrument.quote, notional(order_qty, price)),
        (Side::Buy, None, Some(trigger)) => {
            let price = trigger.stop_px().unwrap_or(market.stats.last);
            (instrument.quote, notional(order_qty, price))
        }
        (Side::Buy, None, None) => (instrument.quote, sweep.cost),
    }
}

/// What an order that has waited for another holds once it begins.
pub(super) fn lock_of(market: &MarketState, order: &OrderState) -> (Asset, Money) {
    let new = NewOrder {
        symbol: order.symbol,
        side: order.side,
        ord_type: order.ord_type,
        quantity: Quantity::Base(order.order_qty),
        cl_ord_id: None,
        options: order.options,
    };
    let sweep = market.sweep(new.side, new.ord_type.price(), new.quantity, &BTreeMap::new());
    lock_for(market, &new, order.order_qty, sweep)
}

/// Whether an order trades whole at once or not at all.
pub(super) fn is_fill_or_kill(ord_type: OrdType) -> bool {
    ord_type.time_in_force() == Some(TimeInForce::Fok)
}
