//! The exchange's verdict is the one that anybody reaches from exchangeInfo with the same code.

use keel_binance_wire::convert;
use keel_domain::{
    FilterFailure, Instrument, MinNotional, Money, OrdType, OrderTerms, PercentPrice, Price, PriceBand, Qty,
    Side, TimeInForce, Trigger,
};
use keel_sim_exchange::core::{NewOrder, OrderError, Quantity};
use proptest::prelude::*;

use crate::support::*;

/// Every filter there is, each narrow enough to fail often.
fn venue() -> Venue {
    let mut config = config(2);
    let instrument = &mut config.markets[0].instrument;
    instrument.price_filter.min = price("60");
    instrument.price_filter.max = price("140");
    instrument.lot_size.max = qty("50");
    instrument.market_lot_size.max = qty("20");
    instrument.market_lot_size.step = qty("0.01");
    instrument.notional.min = money("20");
    instrument.notional.max = Some(money("4000"));
    instrument.notional.apply_max_to_market = true;
    let limits = &mut instrument.limits;
    let band = |up: &str, down: &str| PriceBand {
        up: money(up),
        down: money(down),
    };
    limits.percent_price = Some(PercentPrice {
        band: band("1.35", "0.65"),
        avg_price_mins: 5,
    });
    if let Some(by_side) = &mut limits.percent_price_by_side {
        by_side.bid = band("1.2", "0.7");
        by_side.ask = band("1.3", "0.8");
        by_side.avg_price_mins = 0;
    }
    limits.min_notional = Some(MinNotional {
        min: money("25"),
        apply_to_market: false,
        avg_price_mins: 1,
    });
    limits.iceberg_parts = Some(10);
    limits.max_num_orders = Some(6);
    limits.max_num_algo_orders = Some(3);
    limits.max_num_iceberg_orders = Some(1);
    limits.max_position = Some(qty("1020"));
    Venue::with(config)
}

/// What a client knows: the instrument as `exchangeInfo` spells it, read again.
fn as_told(instrument: &Instrument) -> Instrument {
    let json = serde_json::to_string(&convert::symbol_info(instrument)).unwrap();
    convert::instrument(&serde_json::from_str(&json).unwrap()).unwrap()
}

type Draw = (u8, bool, i64, i64, i64, u32, (u8, u8));

fn draw() -> impl Strategy<Value = Draw> {
    (
        0_u8..9,
        any::<bool>(),
        5_500_i64..14_500,
        5_500_i64..14_500,
        0_i64..60_000,
        0_u32..2_500,
        (0_u8..4, 0_u8..20),
    )
}

/// Mostly on the tick and on the step, sometimes off.
fn order_of((kind, buys, ticks, stop, lots, delta_bips, (shape, off)): Draw) -> NewOrder {
    let side = if buys { Side::Buy } else { Side::Sell };
    let price = Price::from_units(ticks * 1_000_000 + i64::from(off == 0)).unwrap();
    let stop_px = Price::from_units(stop * 1_000_000 + i64::from(off == 1)).unwrap();
    let quantity = Qty::from_units(lots / 10 * 100_000 + i64::from(off == 2)).unwrap();
    let trigger = match shape {
        0 => Trigger::Trailing {
            delta_bips,
            stop_px: None,
        },
        1 => Trigger::Trailing {
            delta_bips,
            stop_px: Some(stop_px),
        },
        _ => Trigger::Stop { stop_px },
    };
    let time_in_force = TimeInForce::Gtc;
    let ord_type = match kind {
        0 | 1 => OrdType::Market,
        2..=4 => OrdType::Limit { price, time_in_force },
        5 => OrdType::StopLoss { trigger },
        6 => OrdType::StopLossLimit {
            trigger,
            price,
            time_in_force,
        },
        7 => OrdType::TakeProfit { trigger },
        _ => OrdType::TakeProfitLimit {
            trigger,
            price,
            time_in_force,
        },
    };
    let mut new = order(side, ord_type, "1");
    new.quantity = if kind == 1 {
        Quantity::Quote(Money::from(lots / 10))
    } else {
        Quantity::Base(quantity)
    };
    if ord_type.can_rest() && shape == 3 {
        let parts = if off % 2 == 0 { 100 } else { 50 };
        new.options.iceberg_qty = Qty::from_units(lots / parts * 100_000).unwrap();
    }
    new
}

fn terms_of(order: &NewOrder) -> OrderTerms {
    let (order_qty, quote_order_qty) = match order.quantity {
        Quantity::Base(qty) => (qty, None),
        Quantity::Quote(value) => (Qty::ZERO, Some(value)),
    };
    OrderTerms {
        side: order.side,
        ord_type: order.ord_type,
        order_qty,
        quote_order_qty,
        iceberg_qty: order.options.iceberg_qty,
    }
}

proptest! {
    // 1,000 days of 100 orders.
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_local_verdict_is_the_exchanges_over_a_hundred_thousand_orders(draws in prop::collection::vec(draw(), 100)) {
        let mut venue = venue();
        let told = as_told(venue.exchange.instrument(btcusdt()).unwrap());
        prop_assert_eq!(&told, venue.exchange.instrument(btcusdt()).unwrap());
        venue.place(1, limit(Side::Buy, "99", "10")).unwrap();
        venue.place(1, limit(Side::Sell, "101", "10")).unwrap();
        for draw in draws {
            let order = order_of(draw);
            let account = venue.account(0);
            let now = venue.now.plus(std::time::Duration::from_millis(1));
            let inputs = venue.exchange.filter_inputs(now, account, btcusdt()).unwrap();
            let local = told.check(&terms_of(&order), &inputs);
            let theirs = match venue.place(0, order) {
                Err(OrderError::Filter(failure)) => Err(failure),
                _ => Ok(()),
            };
            prop_assert_eq!(local, theirs, "{:?}", order);
        }
    }
}

#[test]
fn every_filter_is_met_by_some_of_the_drawn_orders() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut venue = venue();
    let mut met = std::collections::BTreeMap::<String, u32>::new();
    venue.place(1, limit(Side::Buy, "99", "10")).unwrap();
    for _ in 0..5_000 {
        let order = order_of(draw().new_tree(&mut runner).unwrap().current());
        if let Err(OrderError::Filter(failure)) = venue.place(0, order) {
            *met.entry(failure.to_string()).or_default() += 1;
        }
    }
    let wanted = [
        FilterFailure::Price,
        FilterFailure::PercentPrice,
        FilterFailure::PercentPriceBySide,
        FilterFailure::LotSize,
        FilterFailure::MarketLotSize,
        FilterFailure::MinNotional,
        FilterFailure::Notional,
        FilterFailure::IcebergParts,
        FilterFailure::TrailingDelta,
        FilterFailure::MaxNumOrders,
        FilterFailure::MaxNumAlgoOrders,
        FilterFailure::MaxNumIcebergOrders,
        FilterFailure::MaxPosition,
    ];
    for failure in wanted {
        assert!(met.contains_key(&failure.to_string()), "{failure} of {met:?}");
    }
}

#[test]
fn filters_are_judged_before_the_balance() {
    let mut venue = Venue::new(1);
    let poor = limit(Side::Sell, "100", "8999.9995");
    assert_eq!(
        venue.place(0, poor),
        Err(OrderError::Filter(FilterFailure::LotSize))
    );
    let poor = limit(Side::Sell, "100", "8999.999");
    assert_eq!(venue.place(0, poor), Err(OrderError::InsufficientBalance));
}
