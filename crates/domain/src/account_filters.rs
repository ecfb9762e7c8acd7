//! The venue's filters that bind an account over all pairs, and over one asset. Source: the venue's filters.md, "Exchange
//! Filters" and "Asset Filters".

use serde::{Deserialize, Serialize};

use crate::{Asset, FilterFailure, FilterInputs, Instrument, Money, OrderTerms, notional};

/// What an account has open over all pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenOverall {
    /// Orders.
    pub orders: u32,
    /// Those of them that wait for a trigger.
    pub algo_orders: u32,
    /// Those of them that are icebergs.
    pub iceberg_orders: u32,
    /// Order lists; an OTOCO is one.
    pub order_lists: u32,
}

/// The venue's exchange filters; none where the venue has not got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ExchangeLimits {
    /// EXCHANGE_MAX_NUM_ORDERS: the most open orders of an account, contingent ones among them.
    pub max_num_orders: Option<u32>,
    /// EXCHANGE_MAX_NUM_ALGO_ORDERS: the most of them that wait for a trigger.
    pub max_num_algo_orders: Option<u32>,
    /// EXCHANGE_MAX_NUM_ICEBERG_ORDERS: the most of them that are icebergs.
    pub max_num_iceberg_orders: Option<u32>,
    /// EXCHANGE_MAX_NUM_ORDER_LISTS: the most open order lists.
    pub max_num_order_lists: Option<u32>,
}

fn require_room(most: Option<u32>, open: u32, failure: FilterFailure) -> Result<(), FilterFailure> {
    match most {
        Some(most) if open >= most => Err(failure),
        _ => Ok(()),
    }
}

impl ExchangeLimits {
    /// Checks whether one more order has room beside those that are open.
    ///
    /// # Errors
    /// The first filter that fails.
    pub fn check(&self, order: &OrderTerms, open: &OpenOverall) -> Result<(), FilterFailure> {
        require_room(
            self.max_num_orders,
            open.orders,
            FilterFailure::ExchangeMaxNumOrders,
        )?;
        if order.ord_type.trigger().is_some() {
            require_room(
                self.max_num_algo_orders,
                open.algo_orders,
                FilterFailure::ExchangeMaxNumAlgoOrders,
            )?;
        }
        if !order.iceberg_qty.is_zero() {
            require_room(
                self.max_num_iceberg_orders,
                open.iceberg_orders,
                FilterFailure::ExchangeMaxNumIcebergOrders,
            )?;
        }
        Ok(())
    }

    /// Checks whether one more order list has room beside those that are open.
    ///
    /// # Errors
    /// `ExchangeMaxNumOrderLists`.
    pub fn check_list(&self, open: &OpenOverall) -> Result<(), FilterFailure> {
        require_room(
            self.max_num_order_lists,
            open.order_lists,
            FilterFailure::ExchangeMaxNumOrderLists,
        )
    }
}

/// The venue's MAX_ASSET: the most of an asset that one order of the account may be about, whichever side of a pair the
/// asset is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaxAsset {
    /// The asset.
    pub asset: Asset,
    /// Of a base asset the order's quantity, of a quote asset its value.
    pub limit: Money,
}

impl MaxAsset {
    /// Checks an order. One by value has no quantity before it trades, so only its value is bounded.
    ///
    /// # Errors
    /// `MaxAsset`.
    pub fn check(
        &self,
        instrument: &Instrument,
        order: &OrderTerms,
        inputs: &FilterInputs,
    ) -> Result<(), FilterFailure> {
        let market_price = inputs.market_price(instrument.notional.avg_price_mins);
        let price = order.ord_type.price().unwrap_or(market_price);
        let value = order
            .quote_order_qty
            .unwrap_or_else(|| notional(order.order_qty, price));
        let too_much_base = self.asset == instrument.base && order.order_qty.to_decimal() > self.limit;
        let too_much_quote = self.asset == instrument.quote && value > self.limit;
        if too_much_base || too_much_quote {
            return Err(FilterFailure::MaxAsset);
        }
        Ok(())
    }
}
