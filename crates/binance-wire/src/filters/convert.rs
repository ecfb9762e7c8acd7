//! Between the venue's list and the domain's words.

use keel_domain::{
    Instrument, LotSize, MinNotional, Money, NotionalRange, OrderLimits, PercentPrice, PercentPriceBySide,
    PriceBand, PriceFilter, TrailingDelta,
};

use super::Filter;

/// The domain's filters of one pair, gathered from the venue's list.
pub(crate) struct Filters {
    pub(crate) price: Option<PriceFilter>,
    pub(crate) lot_size: Option<LotSize>,
    pub(crate) market_lot_size: LotSize,
    pub(crate) notional: NotionalRange,
    pub(crate) limits: OrderLimits,
}

impl Filters {
    /// Without a price or a quantity filter there is none; without another, every order passes it.
    pub(crate) fn gather(list: &[Filter]) -> Self {
        let mut filters = Self {
            price: None,
            lot_size: None,
            market_lot_size: LotSize::OFF,
            notional: NotionalRange::OFF,
            limits: OrderLimits::default(),
        };
        list.iter().for_each(|filter| filters.take(filter));
        filters
    }

    fn take(&mut self, filter: &Filter) {
        match *filter {
            Filter::Price {
                min_price: min,
                max_price: max,
                tick_size,
            } => self.price = Some(PriceFilter { min, max, tick_size }),
            Filter::LotSize {
                min_qty: min,
                max_qty: max,
                step_size: step,
            } => self.lot_size = Some(LotSize { min, max, step }),
            Filter::MarketLotSize {
                min_qty: min,
                max_qty: max,
                step_size: step,
            } => self.market_lot_size = LotSize { min, max, step },
            Filter::Notional {
                min_notional: min,
                apply_min_to_market,
                max_notional,
                apply_max_to_market,
                avg_price_mins,
            } => {
                self.notional = NotionalRange {
                    min,
                    max: Some(max_notional),
                    apply_min_to_market,
                    apply_max_to_market,
                    avg_price_mins,
                };
            }
            ref other => self.take_limit(other),
        }
    }

    fn take_limit(&mut self, filter: &Filter) {
        let limits = &mut self.limits;
        let band = |up, down| PriceBand { up, down };
        match *filter {
            Filter::MinNotional {
                min_notional: min,
                apply_to_market,
                avg_price_mins,
            } => {
                limits.min_notional = Some(MinNotional {
                    min,
                    apply_to_market,
                    avg_price_mins,
                });
            }
            Filter::PercentPrice {
                multiplier_up,
                multiplier_down,
                avg_price_mins,
            } => {
                limits.percent_price = Some(PercentPrice {
                    band: band(multiplier_up, multiplier_down),
                    avg_price_mins,
                });
            }
            Filter::PercentPriceBySide {
                bid_multiplier_up,
                bid_multiplier_down,
                ask_multiplier_up,
                ask_multiplier_down,
                avg_price_mins,
            } => {
                limits.percent_price_by_side = Some(PercentPriceBySide {
                    bid: band(bid_multiplier_up, bid_multiplier_down),
                    ask: band(ask_multiplier_up, ask_multiplier_down),
                    avg_price_mins,
                });
            }
            Filter::TrailingDelta {
                min_trailing_above_delta: above_min,
                max_trailing_above_delta: above_max,
                min_trailing_below_delta: below_min,
                max_trailing_below_delta: below_max,
            } => {
                limits.trailing_delta = Some(TrailingDelta {
                    above_min,
                    above_max,
                    below_min,
                    below_max,
                });
            }
            ref other => self.take_count(other),
        }
    }

    fn take_count(&mut self, filter: &Filter) {
        let limits = &mut self.limits;
        match *filter {
            Filter::IcebergParts { limit } => limits.iceberg_parts = Some(limit),
            Filter::MaxNumOrders { max_num_orders } => limits.max_num_orders = Some(max_num_orders),
            Filter::MaxNumAlgoOrders { max_num_algo_orders } => {
                limits.max_num_algo_orders = Some(max_num_algo_orders);
            }
            Filter::MaxNumIcebergOrders {
                max_num_iceberg_orders,
            } => limits.max_num_iceberg_orders = Some(max_num_iceberg_orders),
            Filter::MaxPosition { max_position } => limits.max_position = Some(max_position),
            Filter::MaxNumOrderAmends { max_num_order_amends } => {
                limits.max_num_order_amends = Some(max_num_order_amends)
            }
            Filter::MaxNumOrderLists { max_num_order_lists } => {
                limits.max_num_order_lists = Some(max_num_order_lists);
            }
            Filter::Price { .. }
            | Filter::LotSize { .. }
            | Filter::MarketLotSize { .. }
            | Filter::Notional { .. }
            | Filter::MinNotional { .. }
            | Filter::PercentPrice { .. }
            | Filter::PercentPriceBySide { .. }
            | Filter::TrailingDelta { .. }
            | Filter::ExchangeMaxNumOrders { .. }
            | Filter::ExchangeMaxNumAlgoOrders { .. }
            | Filter::ExchangeMaxNumIcebergOrders { .. }
            | Filter::ExchangeMaxNumOrderLists { .. }
            | Filter::MaxAsset { .. }
            | Filter::Other => {}
        }
    }
}

/// The venue's list of a pair's filters, in the venue's order.
pub(crate) fn list(instrument: &Instrument) -> Vec<Filter> {
    let limits = &instrument.limits;
    let mut list = vec![
        Filter::Price {
            min_price: instrument.price_filter.min,
            max_price: instrument.price_filter.max,
            tick_size: instrument.price_filter.tick_size,
        },
        Filter::LotSize {
            min_qty: instrument.lot_size.min,
            max_qty: instrument.lot_size.max,
            step_size: instrument.lot_size.step,
        },
    ];
    list.extend(limits.iceberg_parts.map(|limit| Filter::IcebergParts { limit }));
    list.push(Filter::MarketLotSize {
        min_qty: instrument.market_lot_size.min,
        max_qty: instrument.market_lot_size.max,
        step_size: instrument.market_lot_size.step,
    });
    list.extend(limits.trailing_delta.map(|range| Filter::TrailingDelta {
        min_trailing_above_delta: range.above_min,
        max_trailing_above_delta: range.above_max,
        min_trailing_below_delta: range.below_min,
        max_trailing_below_delta: range.below_max,
    }));
    list.extend(price_filters(limits));
    list.push(Filter::Notional {
        min_notional: instrument.notional.min,
        apply_min_to_market: instrument.notional.apply_min_to_market,
        max_notional: instrument.notional.max.unwrap_or_else(|| Money::from(9_000_000)),
        apply_max_to_market: instrument.notional.apply_max_to_market,
        avg_price_mins: instrument.notional.avg_price_mins,
    });
    list.extend(count_filters(limits));
    list
}

fn price_filters(limits: &OrderLimits) -> impl Iterator<Item = Filter> {
    let percent_price = limits.percent_price.map(|filter| Filter::PercentPrice {
        multiplier_up: filter.band.up,
        multiplier_down: filter.band.down,
        avg_price_mins: filter.avg_price_mins,
    });
    let by_side = limits.percent_price_by_side;
    let by_side = by_side.map(|filter| Filter::PercentPriceBySide {
        bid_multiplier_up: filter.bid.up,
        bid_multiplier_down: filter.bid.down,
        ask_multiplier_up: filter.ask.up,
        ask_multiplier_down: filter.ask.down,
        avg_price_mins: filter.avg_price_mins,
    });
    let min_notional = limits.min_notional.map(|filter| Filter::MinNotional {
        min_notional: filter.min,
        apply_to_market: filter.apply_to_market,
        avg_price_mins: filter.avg_price_mins,
    });
    [percent_price, by_side, min_notional].into_iter().flatten()
}

fn count_filters(limits: &OrderLimits) -> impl Iterator<Item = Filter> {
    let counts = [
        limits
            .max_num_orders
            .map(|max_num_orders| Filter::MaxNumOrders { max_num_orders }),
        limits
            .max_num_order_lists
            .map(|max_num_order_lists| Filter::MaxNumOrderLists { max_num_order_lists }),
        limits
            .max_num_algo_orders
            .map(|max_num_algo_orders| Filter::MaxNumAlgoOrders { max_num_algo_orders }),
        limits
            .max_num_iceberg_orders
            .map(|max_num_iceberg_orders| Filter::MaxNumIcebergOrders {
                max_num_iceberg_orders,
            }),
        limits
            .max_num_order_amends
            .map(|max_num_order_amends| Filter::MaxNumOrderAmends { max_num_order_amends }),
        limits
            .max_position
            .map(|max_position| Filter::MaxPosition { max_position }),
    ];
    counts.into_iter().flatten()
}
