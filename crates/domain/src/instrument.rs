//! A tradable pair and the venue's rules for orders on it.

use serde::{Deserialize, Serialize};

use crate::{
    Asset, FilterFailure, FilterInputs, LotSize, NotionalRange, OrderLimits, OrderTerms, PriceFilter, Qty,
    Symbol,
};

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
    /// The filters that not every pair has.
    #[serde(default)]
    pub limits: Box<OrderLimits>,
}

impl Instrument {
    /// A pair that trades, and that the venue puts no filter on.
    #[must_use]
    pub fn unfiltered(symbol: Symbol, base: Asset, quote: Asset) -> Self {
        Self {
            symbol,
            base,
            quote,
            status: InstrumentStatus::Trading,
            price_filter: PriceFilter::OFF,
            lot_size: LotSize::OFF,
            market_lot_size: LotSize::OFF,
            notional: NotionalRange::OFF,
            limits: Box::default(),
        }
    }

    /// Checks an order against every filter, in the order in which the venue lists them for its pairs.
    ///
    /// # Errors
    /// The first filter that fails.
    pub fn check(&self, order: &OrderTerms, inputs: &FilterInputs) -> Result<(), FilterFailure> {
        let kind = order.ord_type;
        for price in [kind.price(), kind.trigger().and_then(crate::Trigger::stop_px)]
            .into_iter()
            .flatten()
        {
            self.price_filter.check(price)?;
        }
        if order.quote_order_qty.is_none() {
            self.lot_size.check(order.order_qty, FilterFailure::LotSize)?;
        }
        if !order.iceberg_qty.is_zero() {
            self.lot_size.check(order.iceberg_qty, FilterFailure::LotSize)?;
            self.limits.check_iceberg_parts(order)?;
        }
        if kind == crate::OrdType::Market && order.quote_order_qty.is_none() {
            self.market_lot_size
                .check(order.order_qty, FilterFailure::MarketLotSize)?;
        }
        self.limits.check_trailing_delta(order)?;
        self.limits.check_percent_price(order, inputs)?;
        self.limits.check_min_notional(order, inputs)?;
        self.notional.check(order, inputs)?;
        self.limits.check_counts(order, inputs)?;
        self.limits.check_position(order, inputs)
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
