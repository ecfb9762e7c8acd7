//! A tradable pair and the venue's rules for orders on it.

use serde::{Deserialize, Serialize};

use crate::{Asset, Money, OrdType, Price, Qty, Symbol, notional};

/// Whether the venue trades the pair now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum InstrumentStatus {
    /// Normal trading.
    Trading,
    /// No trading and no orders for now.
    Halt,
    /// No trading for now; the venue may take cancels.
    Break,
    /// Only cancels are taken.
    CancelOnly,
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
}

/// A venue's filter that an order does not pass. Its text is the venue's name of the filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum FilterFailure {
    /// Price outside its bounds or off the tick.
    #[error("PRICE_FILTER")]
    Price,
    /// Quantity outside its bounds or off the step.
    #[error("LOT_SIZE")]
    LotSize,
    /// Quantity of a market order outside its bounds or off the step.
    #[error("MARKET_LOT_SIZE")]
    MarketLotSize,
    /// Value outside its bounds.
    #[error("NOTIONAL")]
    Notional,
}

/// A tradable pair with its filters. One implementation of the filters serves the trader's own check
/// and the simulated exchange. Source: the venue's filters.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// The pair's name.
    pub symbol: Symbol,
    /// What is bought and sold.
    pub base: Asset,
    /// What it is paid in.
    pub quote: Asset,
    /// Whether it trades now.
    pub status: InstrumentStatus,
    /// Bounds and tick of prices.
    pub price_filter: PriceFilter,
    /// Bounds and step of quantities.
    pub lot_size: LotSize,
    /// Bounds and step of a market order's quantity, besides `lot_size`.
    pub market_lot_size: LotSize,
    /// Bounds of an order's value.
    pub notional: NotionalRange,
}

impl Instrument {
    /// Checks an order against the filters in the venue's order.
    ///
    /// `market_price` values a market order (the venue uses its reference or average price).
    ///
    /// # Errors
    /// The first filter that fails.
    pub fn check(&self, ord_type: OrdType, order_qty: Qty, market_price: Price) -> Result<(), FilterFailure> {
        if let Some(price) = ord_type.price() {
            self.price_filter.check(price)?;
        }
        self.lot_size
            .check(order_qty)
            .map_err(|()| FilterFailure::LotSize)?;
        let is_market = matches!(ord_type, OrdType::Market);
        if is_market {
            self.market_lot_size
                .check(order_qty)
                .map_err(|()| FilterFailure::MarketLotSize)?;
        }
        let value = notional(order_qty, ord_type.price().unwrap_or(market_price));
        self.notional.check(value, is_market)
    }

    /// The largest quantity of at most `qty` that a limit order may have: rounded down to the step and
    /// bounded above; zero when that is below the minimum.
    #[must_use]
    pub fn floor_qty(&self, qty: Qty) -> Qty {
        let bounded = if self.lot_size.max.is_zero() {
            qty
        } else {
            qty.min(self.lot_size.max)
        };
        let floored = bounded.floor_to(self.lot_size.step);
        if floored < self.lot_size.min {
            Qty::ZERO
        } else {
            floored
        }
    }
}

impl PriceFilter {
    fn check(&self, price: Price) -> Result<(), FilterFailure> {
        let above_min = self.min.is_zero() || price >= self.min;
        let below_max = self.max.is_zero() || price <= self.max;
        let on_tick = price.is_multiple_of(self.tick_size);
        if !price.is_zero() && above_min && below_max && on_tick {
            Ok(())
        } else {
            Err(FilterFailure::Price)
        }
    }
}

impl LotSize {
    fn check(&self, qty: Qty) -> Result<(), ()> {
        let below_max = self.max.is_zero() || qty <= self.max;
        if !qty.is_zero() && qty >= self.min && below_max && qty.is_multiple_of(self.step) {
            Ok(())
        } else {
            Err(())
        }
    }
}

impl NotionalRange {
    fn check(&self, value: Money, is_market: bool) -> Result<(), FilterFailure> {
        let min_binds = !is_market || self.apply_min_to_market;
        let max_binds = !is_market || self.apply_max_to_market;
        let too_small = min_binds && value < self.min;
        let too_large = max_binds && self.max.is_some_and(|max| value > max);
        if too_small || too_large {
            Err(FilterFailure::Notional)
        } else {
            Ok(())
        }
    }
}
