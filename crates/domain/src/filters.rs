//! The venue's filters, each with its formula. One implementation serves the trader's own check and the simulated
//! exchange. Source: the venue's filters.md.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{FilterFailure, Money, OrdType, Price, Qty, Side, notional};

/// The terms of an order that the filters judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderTerms {
    /// Which way.
    pub side: Side,
    /// The kind, with its prices.
    pub ord_type: OrdType,
    /// How much base.
    pub order_qty: Qty,
    /// How much quote, for a market order by value; its base quantity is then whatever the book gives.
    pub quote_order_qty: Option<Money>,
    /// The displayed part of an iceberg; zero without one.
    pub iceberg_qty: Qty,
}

impl OrderTerms {
    /// An order of a quantity of base, wholly displayed.
    #[must_use]
    pub const fn new(side: Side, ord_type: OrdType, order_qty: Qty) -> Self {
        Self {
            side,
            ord_type,
            order_qty,
            quote_order_qty: None,
            iceberg_qty: Qty::ZERO,
        }
    }

    /// Its value at its own price, or at the market's where it has none.
    fn value(&self, market_price: Price) -> Money {
        self.quote_order_qty
            .unwrap_or_else(|| notional(self.order_qty, self.ord_type.price().unwrap_or(market_price)))
    }
}

/// The facts besides the order and the pair on which a filter's verdict rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FilterInputs {
    /// The venue's reference price, which goes before any average, where it has one.
    pub reference_price: Option<Price>,
    /// The average price of the last minutes' trades.
    pub average_price: Price,
    /// The last trade's price.
    pub last_price: Price,
    /// The account's open orders on the pair.
    pub open_orders: u32,
    /// Those of them that wait for a trigger.
    pub open_algo_orders: u32,
    /// Those of them that are icebergs.
    pub open_iceberg_orders: u32,
    /// The account's base, free and locked, and the open quantity of its buys.
    pub position: Qty,
}

impl FilterInputs {
    /// An account with nothing open and nothing held, where a market price is all that is known.
    #[must_use]
    pub fn at_price(price: Price) -> Self {
        Self {
            average_price: price,
            last_price: price,
            ..Self::default()
        }
    }

    /// The price that stands for the market's.
    #[must_use]
    pub fn market_price(&self, avg_price_mins: u32) -> Price {
        let traded = if avg_price_mins == 0 {
            self.last_price
        } else {
            self.average_price
        };
        self.reference_price.unwrap_or(traded)
    }
}

/// The venue's PRICE_FILTER; a bound of zero is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceFilter {
    /// Lowest price.
    pub min: Price,
    /// Highest price.
    pub max: Price,
    /// Prices are multiples of this.
    pub tick_size: Price,
}

impl PriceFilter {
    /// Lets everything pass: the venue has no such filter on the pair.
    pub const OFF: Self = Self {
        min: Price::ZERO,
        max: Price::ZERO,
        tick_size: Price::ZERO,
    };
}

/// The venue's LOT_SIZE or MARKET_LOT_SIZE; a step or maximum of zero is switched off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotSize {
    /// Smallest quantity.
    pub min: Qty,
    /// Largest quantity.
    pub max: Qty,
    /// Quantities are multiples of this.
    pub step: Qty,
}

impl LotSize {
    /// Lets everything pass: the venue has no such filter on the pair.
    pub const OFF: Self = Self {
        min: Qty::ZERO,
        max: Qty::ZERO,
        step: Qty::ZERO,
    };
}

/// The venue's NOTIONAL filter: bounds on price times quantity, in quote currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotionalRange {
    /// Smallest value.
    pub min: Money,
    /// Largest value, if there is one.
    pub max: Option<Money>,
    /// Whether `min` binds market orders too.
    pub apply_min_to_market: bool,
    /// Whether `max` binds market orders too.
    pub apply_max_to_market: bool,
    /// Minutes of trades whose average values a market order; zero: the last price.
    #[serde(default)]
    pub avg_price_mins: u32,
}

impl NotionalRange {
    /// Lets everything pass: the venue has no such filter on the pair.
    pub const OFF: Self = Self {
        min: Money::ZERO,
        max: None,
        apply_min_to_market: false,
        apply_max_to_market: false,
        avg_price_mins: 0,
    };
}

/// The venue's PERCENT_PRICE or one side of its PERCENT_PRICE_BY_SIDE: a band around the market's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceBand {
    /// Highest price as a multiple of the market's.
    pub up: Decimal,
    /// Lowest price as a multiple of the market's.
    pub down: Decimal,
}

impl PriceBand {
    fn contains(&self, price: Price, market_price: Price) -> bool {
        let (price, market) = (price.to_decimal(), market_price.to_decimal());
        let bound = |factor: Decimal| market.checked_mul(factor).unwrap_or(Decimal::MAX);
        price <= bound(self.up) && price >= bound(self.down)
    }
}

/// The venue's PERCENT_PRICE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PercentPrice {
    /// For both sides.
    pub band: PriceBand,
    /// Minutes of trades whose average is the market's price; zero: the last price.
    pub avg_price_mins: u32,
}

/// The venue's PERCENT_PRICE_BY_SIDE.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PercentPriceBySide {
    /// For buys.
    pub bid: PriceBand,
    /// For sells.
    pub ask: PriceBand,
    /// Minutes of trades whose average is the market's price; zero: the last price.
    pub avg_price_mins: u32,
}

/// The venue's MIN_NOTIONAL, the older form of NOTIONAL's lower bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinNotional {
    /// Smallest value.
    pub min: Money,
    /// Whether it binds market orders too.
    pub apply_to_market: bool,
    /// Minutes of trades whose average values a market order; zero: the last price.
    pub avg_price_mins: u32,
}

/// The venue's TRAILING_DELTA, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrailingDelta {
    /// Least for orders that wait above the market.
    pub above_min: u32,
    /// Most for orders that wait above the market.
    pub above_max: u32,
    /// Least for orders that wait below the market.
    pub below_min: u32,
    /// Most for orders that wait below the market.
    pub below_max: u32,
}

/// The filters that not every pair has; none where the pair has not got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct OrderLimits {
    /// PERCENT_PRICE.
    pub percent_price: Option<PercentPrice>,
    /// PERCENT_PRICE_BY_SIDE.
    pub percent_price_by_side: Option<PercentPriceBySide>,
    /// MIN_NOTIONAL.
    pub min_notional: Option<MinNotional>,
    /// ICEBERG_PARTS: the most parts of an iceberg.
    pub iceberg_parts: Option<u32>,
    /// TRAILING_DELTA.
    pub trailing_delta: Option<TrailingDelta>,
    /// MAX_NUM_ORDERS: the most open orders of an account, contingent ones among them.
    pub max_num_orders: Option<u32>,
    /// MAX_NUM_ALGO_ORDERS: the most open orders of an account that wait for a trigger.
    pub max_num_algo_orders: Option<u32>,
    /// MAX_NUM_ICEBERG_ORDERS: the most open icebergs of an account.
    pub max_num_iceberg_orders: Option<u32>,
    /// MAX_POSITION: the most base that an account may have or be about to buy.
    pub max_position: Option<Qty>,
    /// MAX_NUM_ORDER_AMENDS: how often one order may be amended.
    pub max_num_order_amends: Option<u32>,
    /// MAX_NUM_ORDER_LISTS: the most open order lists of an account.
    pub max_num_order_lists: Option<u32>,
}

fn require(passes: bool, failure: FilterFailure) -> Result<(), FilterFailure> {
    if passes { Ok(()) } else { Err(failure) }
}

impl PriceFilter {
    pub(crate) fn check(&self, price: Price) -> Result<(), FilterFailure> {
        let above_min = self.min.is_zero() || price >= self.min;
        let below_max = self.max.is_zero() || price <= self.max;
        let on_tick = price.is_multiple_of(self.tick_size);
        require(
            !price.is_zero() && above_min && below_max && on_tick,
            FilterFailure::Price,
        )
    }
}

impl LotSize {
    pub(crate) fn check(&self, qty: Qty, failure: FilterFailure) -> Result<(), FilterFailure> {
        let below_max = self.max.is_zero() || qty <= self.max;
        let on_step = qty.is_multiple_of(self.step);
        require(!qty.is_zero() && qty >= self.min && below_max && on_step, failure)
    }
}

impl NotionalRange {
    pub(crate) fn check(&self, order: &OrderTerms, inputs: &FilterInputs) -> Result<(), FilterFailure> {
        let value = order.value(inputs.market_price(self.avg_price_mins));
        let is_market = order.ord_type.price().is_none();
        let too_small = (!is_market || self.apply_min_to_market) && value < self.min;
        let too_large = (!is_market || self.apply_max_to_market) && self.max.is_some_and(|max| value > max);
        require(!too_small && !too_large, FilterFailure::Notional)
    }
}

impl OrderLimits {
    pub(crate) fn check_iceberg_parts(&self, order: &OrderTerms) -> Result<(), FilterFailure> {
        let (qty, part) = (order.order_qty.units(), order.iceberg_qty.units().max(1));
        let parts = qty / part + i64::from(qty % part != 0);
        let within = |most: u32| parts <= i64::from(most);
        require(self.iceberg_parts.is_none_or(within), FilterFailure::IcebergParts)
    }

    pub(crate) fn check_trailing_delta(&self, order: &OrderTerms) -> Result<(), FilterFailure> {
        let delta = order.ord_type.trigger().and_then(crate::Trigger::delta_bips);
        let (Some(range), Some(delta)) = (self.trailing_delta, delta) else {
            return Ok(());
        };
        let (least, most) = if order.ord_type.triggers_above(order.side) {
            (range.above_min, range.above_max)
        } else {
            (range.below_min, range.below_max)
        };
        require(delta >= least && delta <= most, FilterFailure::TrailingDelta)
    }

    pub(crate) fn check_percent_price(
        &self,
        order: &OrderTerms,
        inputs: &FilterInputs,
    ) -> Result<(), FilterFailure> {
        let Some(price) = order.ord_type.price() else {
            return Ok(());
        };
        if let Some(filter) = self.percent_price {
            let market_price = inputs.market_price(filter.avg_price_mins);
            require(
                filter.band.contains(price, market_price),
                FilterFailure::PercentPrice,
            )?;
        }
        if let Some(filter) = self.percent_price_by_side {
            let market_price = inputs.market_price(filter.avg_price_mins);
            let band = match order.side {
                Side::Buy => filter.bid,
                Side::Sell => filter.ask,
            };
            require(
                band.contains(price, market_price),
                FilterFailure::PercentPriceBySide,
            )?;
        }
        Ok(())
    }

    pub(crate) fn check_min_notional(
        &self,
        order: &OrderTerms,
        inputs: &FilterInputs,
    ) -> Result<(), FilterFailure> {
        let Some(filter) = self.min_notional else {
            return Ok(());
        };
        let value = order.value(inputs.market_price(filter.avg_price_mins));
        let binds = filter.apply_to_market || order.ord_type.price().is_some();
        require(!binds || value >= filter.min, FilterFailure::MinNotional)
    }

    pub(crate) fn check_counts(
        &self,
        order: &OrderTerms,
        inputs: &FilterInputs,
    ) -> Result<(), FilterFailure> {
        let has_room = |most: Option<u32>, open: u32| most.is_none_or(|most| open < most);
        require(
            has_room(self.max_num_orders, inputs.open_orders),
            FilterFailure::MaxNumOrders,
        )?;
        let is_algo = order.ord_type.trigger().is_some();
        require(
            !is_algo || has_room(self.max_num_algo_orders, inputs.open_algo_orders),
            FilterFailure::MaxNumAlgoOrders,
        )?;
        let is_iceberg = !order.iceberg_qty.is_zero();
        require(
            !is_iceberg || has_room(self.max_num_iceberg_orders, inputs.open_iceberg_orders),
            FilterFailure::MaxNumIcebergOrders,
        )
    }

    pub(crate) fn check_position(
        &self,
        order: &OrderTerms,
        inputs: &FilterInputs,
    ) -> Result<(), FilterFailure> {
        let (Some(most), Side::Buy) = (self.max_position, order.side) else {
            return Ok(());
        };
        let after = inputs.position.checked_add(order.order_qty);
        require(
            after.is_some_and(|position| position <= most),
            FilterFailure::MaxPosition,
        )
    }
}
