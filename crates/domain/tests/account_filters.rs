//! The filters over all pairs and of assets, one step to each side of their bounds.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use keel_domain::{
    ExchangeLimits, FilterFailure, FilterInputs, Instrument, MaxAsset, OpenOverall, OrdType, OrderTerms,
    Price, Qty, Side, TimeInForce, Trigger,
};

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn limit(quantity: &str, at: &str) -> OrderTerms {
    let ord_type = OrdType::Limit {
        price: price(at),
        time_in_force: TimeInForce::Gtc,
    };
    OrderTerms::new(Side::Buy, ord_type, quantity.parse().unwrap())
}

fn stop() -> OrderTerms {
    let trigger = Trigger::Stop { stop_px: price("90") };
    OrderTerms::new(Side::Sell, OrdType::StopLoss { trigger }, Qty::UNIT)
}

fn iceberg() -> OrderTerms {
    OrderTerms {
        iceberg_qty: Qty::UNIT,
        ..limit("1", "100")
    }
}

fn instrument() -> Instrument {
    let (base, quote) = ("BTC".parse().unwrap(), "USDT".parse().unwrap());
    Instrument::unfiltered("BTCUSDT".parse().unwrap(), base, quote)
}

#[test]
fn orders_over_all_pairs_have_room_below_each_limit_and_only_of_their_kind() {
    let limits = ExchangeLimits {
        max_num_orders: Some(5),
        max_num_algo_orders: Some(2),
        max_num_iceberg_orders: Some(1),
        max_num_order_lists: Some(3),
    };
    let open = |orders, algo_orders, iceberg_orders, order_lists| OpenOverall {
        orders,
        algo_orders,
        iceberg_orders,
        order_lists,
    };
    let plain = limit("1", "100");
    assert_eq!(limits.check(&plain, &open(4, 2, 1, 3)), Ok(()));
    assert_eq!(
        limits.check(&plain, &open(5, 0, 0, 0)),
        Err(FilterFailure::ExchangeMaxNumOrders)
    );
    assert_eq!(limits.check(&stop(), &open(4, 1, 1, 3)), Ok(()));
    assert_eq!(
        limits.check(&stop(), &open(4, 2, 0, 0)),
        Err(FilterFailure::ExchangeMaxNumAlgoOrders)
    );
    assert_eq!(limits.check(&iceberg(), &open(4, 2, 0, 3)), Ok(()));
    assert_eq!(
        limits.check(&iceberg(), &open(4, 0, 1, 0)),
        Err(FilterFailure::ExchangeMaxNumIcebergOrders)
    );
    assert_eq!(limits.check_list(&open(9, 9, 9, 2)), Ok(()));
    assert_eq!(
        limits.check_list(&open(0, 0, 0, 3)),
        Err(FilterFailure::ExchangeMaxNumOrderLists)
    );
    let full = open(u32::MAX, u32::MAX, u32::MAX, u32::MAX);
    assert_eq!(ExchangeLimits::default().check(&iceberg(), &full), Ok(()));
    assert_eq!(ExchangeLimits::default().check_list(&full), Ok(()));
}

#[test]
fn an_asset_bounds_quantity_as_base_and_value_as_quote() {
    let pair = instrument();
    let most = |asset: &str, limit: i64| MaxAsset {
        asset: asset.parse().unwrap(),
        limit: limit.into(),
    };
    let check =
        |most: MaxAsset, order: OrderTerms| most.check(&pair, &order, &FilterInputs::at_price(price("100")));
    let too_much = Err(FilterFailure::MaxAsset);
    assert_eq!(check(most("BTC", 2), limit("2", "100")), Ok(()));
    assert_eq!(check(most("BTC", 2), limit("2.00000001", "100")), too_much);
    assert_eq!(check(most("USDT", 200), limit("2", "100")), Ok(()));
    assert_eq!(check(most("USDT", 200), limit("2", "100.01")), too_much);
    assert_eq!(check(most("BNB", 0), limit("2", "100")), Ok(()));
    let market = |quantity: &str| OrderTerms::new(Side::Buy, OrdType::Market, quantity.parse().unwrap());
    assert_eq!(check(most("USDT", 200), market("2")), Ok(()));
    assert_eq!(check(most("USDT", 200), market("2.001")), too_much);
    let by_value = |value: i64| OrderTerms {
        quote_order_qty: Some(value.into()),
        ..market("0")
    };
    assert_eq!(check(most("USDT", 200), by_value(200)), Ok(()));
    assert_eq!(check(most("USDT", 200), by_value(201)), too_much);
    assert_eq!(check(most("BTC", 0), by_value(201)), Ok(()));
}
