//! Every filter one step to each side of its bound.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use keel_domain::{
    FilterFailure, FilterInputs, Instrument, LotSize, MinNotional, Money, NotionalRange, OrdType, OrderTerms,
    PercentPrice, PercentPriceBySide, Price, PriceBand, PriceFilter, Qty, Side, TimeInForce, TrailingDelta,
    Trigger,
};

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn qty(text: &str) -> Qty {
    text.parse().unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// Only a tick of 0.01 and a step of 0.001.
fn instrument() -> Instrument {
    let (base, quote) = ("BTC".parse().unwrap(), "USDT".parse().unwrap());
    Instrument {
        price_filter: PriceFilter {
            tick_size: price("0.01"),
            ..PriceFilter::OFF
        },
        lot_size: LotSize {
            step: qty("0.001"),
            ..LotSize::OFF
        },
        notional: NotionalRange {
            avg_price_mins: 5,
            ..NotionalRange::OFF
        },
        ..Instrument::unfiltered("BTCUSDT".parse().unwrap(), base, quote)
    }
}

fn limit(side: Side, at: &str, quantity: &str) -> OrderTerms {
    let time_in_force = TimeInForce::Gtc;
    OrderTerms::new(
        side,
        OrdType::Limit {
            price: price(at),
            time_in_force,
        },
        qty(quantity),
    )
}

fn market(quantity: &str) -> OrderTerms {
    OrderTerms::new(Side::Buy, OrdType::Market, qty(quantity))
}

fn stop(side: Side, trigger: Trigger) -> OrderTerms {
    OrderTerms::new(side, OrdType::StopLoss { trigger }, qty("1"))
}

fn inputs() -> FilterInputs {
    FilterInputs::at_price(price("100"))
}

fn verdict(instrument: &Instrument, order: OrderTerms) -> Result<(), FilterFailure> {
    instrument.check(&order, &inputs())
}

#[test]
fn prices_and_stop_prices_keep_to_bounds_and_tick() {
    let mut pair = instrument();
    pair.price_filter.min = price("10");
    pair.price_filter.max = price("200");
    let stop_at = |at: &str| stop(Side::Buy, Trigger::Stop { stop_px: price(at) });
    for at in ["10", "200", "100.01"] {
        assert_eq!(verdict(&pair, limit(Side::Buy, at, "1")), Ok(()));
        assert_eq!(verdict(&pair, stop_at(at)), Ok(()));
    }
    for at in ["9.99", "200.01", "100.001", "0"] {
        assert_eq!(
            verdict(&pair, limit(Side::Buy, at, "1")),
            Err(FilterFailure::Price),
            "{at}"
        );
        assert_eq!(verdict(&pair, stop_at(at)), Err(FilterFailure::Price), "{at}");
    }
}

#[test]
fn quantities_keep_to_bounds_and_step_and_market_orders_to_theirs_too() {
    let mut pair = instrument();
    pair.lot_size.min = qty("0.01");
    pair.lot_size.max = qty("5");
    pair.market_lot_size.max = qty("3");
    for (quantity, expected) in [
        ("0.01", Ok(())),
        ("5", Ok(())),
        ("0.009", Err(FilterFailure::LotSize)),
        ("5.001", Err(FilterFailure::LotSize)),
        ("0.0105", Err(FilterFailure::LotSize)),
        ("0", Err(FilterFailure::LotSize)),
    ] {
        assert_eq!(
            verdict(&pair, limit(Side::Buy, "100", quantity)),
            expected,
            "{quantity}"
        );
    }
    assert_eq!(verdict(&pair, market("3")), Ok(()));
    assert_eq!(verdict(&pair, market("3.001")), Err(FilterFailure::MarketLotSize));
}

#[test]
fn values_keep_to_their_range_and_market_orders_where_it_says_so() {
    let mut pair = instrument();
    pair.notional.min = money("10");
    pair.notional.max = Some(money("1000"));
    assert_eq!(verdict(&pair, limit(Side::Buy, "100", "0.1")), Ok(()));
    assert_eq!(verdict(&pair, limit(Side::Buy, "100", "10")), Ok(()));
    let failure = Err(FilterFailure::Notional);
    assert_eq!(verdict(&pair, limit(Side::Buy, "100", "0.099")), failure);
    assert_eq!(verdict(&pair, limit(Side::Buy, "100", "10.001")), failure);
    assert_eq!(verdict(&pair, market("0.099")), Ok(()));
    pair.notional.apply_min_to_market = true;
    pair.notional.apply_max_to_market = true;
    assert_eq!(verdict(&pair, market("0.099")), failure);
    assert_eq!(verdict(&pair, market("10.001")), failure);
    // By value: the value itself counts.
    let by_value = |value: &str| OrderTerms {
        quote_order_qty: Some(money(value)),
        ..market("0")
    };
    assert_eq!(verdict(&pair, by_value("10")), Ok(()));
    assert_eq!(verdict(&pair, by_value("9.99")), failure);
}

#[test]
fn the_older_lower_bound_has_its_own_name() {
    let mut pair = instrument();
    let filter = MinNotional {
        min: money("10"),
        apply_to_market: false,
        avg_price_mins: 5,
    };
    pair.limits.min_notional = Some(filter);
    assert_eq!(verdict(&pair, limit(Side::Buy, "100", "0.1")), Ok(()));
    let failure = Err(FilterFailure::MinNotional);
    assert_eq!(verdict(&pair, limit(Side::Buy, "100", "0.099")), failure);
    assert_eq!(verdict(&pair, market("0.099")), Ok(()));
    pair.limits.min_notional = Some(MinNotional {
        apply_to_market: true,
        ..filter
    });
    assert_eq!(verdict(&pair, market("0.099")), failure);
}

#[test]
fn prices_keep_near_the_market_price() {
    let band = |up: &str, down: &str| PriceBand {
        up: money(up),
        down: money(down),
    };
    let mut pair = instrument();
    pair.limits.percent_price = Some(PercentPrice {
        band: band("1.3", "0.7"),
        avg_price_mins: 5,
    });
    for (at, passes) in [("130", true), ("70", true), ("130.01", false), ("69.99", false)] {
        let expected = if passes {
            Ok(())
        } else {
            Err(FilterFailure::PercentPrice)
        };
        assert_eq!(verdict(&pair, limit(Side::Buy, at, "1")), expected, "{at}");
    }
    let mut pair = instrument();
    pair.limits.percent_price_by_side = Some(PercentPriceBySide {
        bid: band("1.2", "0.2"),
        ask: band("5", "0.8"),
        avg_price_mins: 5,
    });
    for (side, at, passes) in [
        (Side::Buy, "120", true),
        (Side::Buy, "120.01", false),
        (Side::Buy, "20", true),
        (Side::Buy, "19.99", false),
        (Side::Sell, "500", true),
        (Side::Sell, "500.01", false),
        (Side::Sell, "80", true),
        (Side::Sell, "79.99", false),
    ] {
        let expected = if passes {
            Ok(())
        } else {
            Err(FilterFailure::PercentPriceBySide)
        };
        assert_eq!(verdict(&pair, limit(side, at, "1")), expected, "{side} {at}");
    }
}

#[test]
fn the_market_price_is_the_reference_then_the_average_then_for_no_minutes_the_last() {
    let inputs = FilterInputs {
        reference_price: None,
        average_price: price("100"),
        last_price: price("90"),
        ..FilterInputs::default()
    };
    assert_eq!(inputs.market_price(5), price("100"));
    assert_eq!(inputs.market_price(0), price("90"));
    let with_reference = FilterInputs {
        reference_price: Some(price("80")),
        ..inputs
    };
    assert_eq!(with_reference.market_price(5), price("80"));
    assert_eq!(with_reference.market_price(0), price("80"));
}

#[test]
fn an_iceberg_has_no_more_parts_than_permitted_and_a_shown_part_of_whole_steps() {
    let mut pair = instrument();
    pair.limits.iceberg_parts = Some(10);
    let berg = |quantity: &str, shown: &str| OrderTerms {
        iceberg_qty: qty(shown),
        ..limit(Side::Buy, "100", quantity)
    };
    assert_eq!(verdict(&pair, berg("10", "1")), Ok(()));
    assert_eq!(
        verdict(&pair, berg("10.001", "1")),
        Err(FilterFailure::IcebergParts)
    );
    assert_eq!(verdict(&pair, berg("10", "1.0005")), Err(FilterFailure::LotSize));
}

#[test]
fn a_trailing_delta_keeps_to_the_range_of_the_side_where_the_order_waits() {
    let mut pair = instrument();
    pair.limits.trailing_delta = Some(TrailingDelta {
        above_min: 10,
        above_max: 20,
        below_min: 30,
        below_max: 40,
    });
    let trailing = |side, delta_bips| {
        stop(
            side,
            Trigger::Trailing {
                delta_bips,
                stop_px: None,
            },
        )
    };
    for (side, delta, passes) in [
        (Side::Buy, 9, false),
        (Side::Buy, 10, true),
        (Side::Buy, 20, true),
        (Side::Buy, 21, false),
        (Side::Sell, 29, false),
        (Side::Sell, 30, true),
        (Side::Sell, 40, true),
        (Side::Sell, 41, false),
    ] {
        let expected = if passes {
            Ok(())
        } else {
            Err(FilterFailure::TrailingDelta)
        };
        assert_eq!(verdict(&pair, trailing(side, delta)), expected, "{side} {delta}");
    }
}

#[test]
fn counts_and_position_have_room_for_one_more_or_none() {
    let mut pair = instrument();
    pair.limits.max_num_orders = Some(5);
    pair.limits.max_num_algo_orders = Some(2);
    pair.limits.max_num_iceberg_orders = Some(2);
    pair.limits.max_position = Some(qty("10"));
    let plain = limit(Side::Buy, "100", "1");
    let berg = OrderTerms {
        iceberg_qty: qty("0.5"),
        ..plain
    };
    let algo = stop(Side::Sell, Trigger::Stop { stop_px: price("90") });
    let judge = |order: OrderTerms, change: fn(&mut FilterInputs)| {
        let mut facts = inputs();
        change(&mut facts);
        pair.check(&order, &facts)
    };
    assert_eq!(judge(plain, |f| f.open_orders = 4), Ok(()));
    assert_eq!(
        judge(plain, |f| f.open_orders = 5),
        Err(FilterFailure::MaxNumOrders)
    );
    assert_eq!(judge(algo, |f| f.open_algo_orders = 1), Ok(()));
    assert_eq!(
        judge(algo, |f| f.open_algo_orders = 2),
        Err(FilterFailure::MaxNumAlgoOrders)
    );
    assert_eq!(judge(plain, |f| f.open_algo_orders = 2), Ok(()));
    assert_eq!(judge(berg, |f| f.open_iceberg_orders = 1), Ok(()));
    assert_eq!(
        judge(berg, |f| f.open_iceberg_orders = 2),
        Err(FilterFailure::MaxNumIcebergOrders)
    );
    assert_eq!(judge(plain, |f| f.position = qty("9")), Ok(()));
    assert_eq!(
        judge(plain, |f| f.position = qty("9.00000001")),
        Err(FilterFailure::MaxPosition)
    );
    let sale = limit(Side::Sell, "100", "1");
    assert_eq!(judge(sale, |f| f.position = qty("50")), Ok(()));
    let overflow = OrderTerms {
        order_qty: Qty::from_units(i64::MAX / 100_000 * 100_000).unwrap(),
        ..market("1")
    };
    assert_eq!(
        judge(overflow, |f| f.position = qty("1")),
        Err(FilterFailure::MaxPosition)
    );
}
