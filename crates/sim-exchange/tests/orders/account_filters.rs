//! Filters that bind an account over all pairs, and over an asset (filters.md, "Exchange Filters" and "Asset Filters").

use keel_domain::{ExchangeLimits, FilterFailure, MaxAsset, OrdStatus, OrdType, Side, Symbol};
use keel_sim_exchange::core::{
    ExchangeConfig, ListLegs, NewOrder, NewOrderList, OrderError, OrderRef, Replacement, Sor,
};

use crate::support::*;

fn other() -> Symbol {
    "BTCUSDC".parse().unwrap()
}

fn elsewhere(order: NewOrder) -> NewOrder {
    NewOrder {
        symbol: other(),
        ..order
    }
}

/// Two pairs of one base, routed, without limits of their own.
fn two_pairs(limits: ExchangeLimits) -> ExchangeConfig {
    let mut config = config(2);
    config.limits = limits;
    *config.markets[0].instrument.limits = keel_domain::OrderLimits::default();
    let mut market = config.markets[0].clone();
    market.instrument.symbol = other();
    market.instrument.quote = asset("USDC");
    config.markets.push(market);
    for account in &mut config.accounts {
        account.funds.push((asset("USDC"), money("1000000")));
    }
    config.sors = vec![Sor {
        base: asset("BTC"),
        symbols: vec![btcusdt(), other()],
    }];
    config
}

fn bounded(change: impl FnOnce(&mut ExchangeLimits)) -> Venue {
    let mut limits = ExchangeLimits::default();
    change(&mut limits);
    Venue::with(two_pairs(limits))
}

fn resting() -> NewOrder {
    limit(Side::Buy, "90", "1")
}

fn stop() -> NewOrder {
    let trigger = stop_at("80");
    order(Side::Sell, OrdType::StopLoss { trigger }, "1")
}

fn shown_in_parts() -> NewOrder {
    iceberg(resting(), "0.5")
}

fn list(symbol: Symbol, legs: ListLegs) -> NewOrderList {
    NewOrderList {
        symbol,
        cl_ord_id: None,
        legs,
        by_proceeds: false,
    }
}

fn oco(symbol: Symbol) -> NewOrderList {
    let leg = |order| NewOrder { symbol, ..order };
    let legs = ListLegs::Oco {
        above: leg(post_only(Side::Sell, "110", "1")),
        below: leg(stop()),
    };
    list(symbol, legs)
}

fn otoco(symbol: Symbol) -> NewOrderList {
    let leg = |order| NewOrder { symbol, ..order };
    let legs = ListLegs::Otoco {
        working: leg(resting()),
        above: leg(post_only(Side::Sell, "110", "1")),
        below: leg(stop()),
    };
    list(symbol, legs)
}

fn place_list(venue: &mut Venue, new: NewOrderList) -> Result<u64, OrderError> {
    let (now, owner) = (venue.now, venue.account(0));
    venue.exchange.place_list(now, owner, new).map(|placed| placed.0)
}

fn fails<T>(failure: FilterFailure) -> Result<T, OrderError> {
    Err(OrderError::Filter(failure))
}

#[test]
fn the_limits_count_an_accounts_open_orders_over_all_pairs() {
    let limit_of = |failure| {
        bounded(|limits| match failure {
            FilterFailure::ExchangeMaxNumOrders => limits.max_num_orders = Some(2),
            FilterFailure::ExchangeMaxNumAlgoOrders => limits.max_num_algo_orders = Some(2),
            _ => limits.max_num_iceberg_orders = Some(2),
        })
    };
    for (failure, counted, uncounted) in [
        (FilterFailure::ExchangeMaxNumOrders, resting(), None),
        (FilterFailure::ExchangeMaxNumOrders, stop(), None),
        (FilterFailure::ExchangeMaxNumAlgoOrders, stop(), Some(resting())),
        (
            FilterFailure::ExchangeMaxNumIcebergOrders,
            shown_in_parts(),
            Some(resting()),
        ),
    ] {
        let mut venue = limit_of(failure);
        let first = venue.place(0, counted).unwrap();
        venue.place(0, elsewhere(counted)).unwrap();
        assert_eq!(venue.place(0, counted), fails(failure));
        assert_eq!(venue.place(0, elsewhere(counted)), fails(failure));
        if let Some(order) = uncounted {
            assert!(venue.place(0, order).is_ok(), "{failure}");
        }
        // Another account has its own count, and an order that ends makes room.
        assert!(venue.place(1, counted).is_ok());
        let (now, owner, by) = (venue.now, venue.account(0), OrderRef::OrderId(first));
        venue.exchange.cancel(now, owner, btcusdt(), by, None).unwrap();
        assert!(venue.place(0, elsewhere(counted)).is_ok(), "{failure}");
    }
}

#[test]
fn a_pairs_own_filter_speaks_before_the_one_over_all_pairs() {
    let mut config = two_pairs(ExchangeLimits {
        max_num_orders: Some(1),
        ..ExchangeLimits::default()
    });
    config.markets[0].instrument.limits.max_num_orders = Some(1);
    let mut venue = Venue::with(config);
    venue.place(0, resting()).unwrap();
    assert_eq!(venue.place(0, resting()), fails(FilterFailure::MaxNumOrders));
    assert_eq!(
        venue.place(0, elsewhere(resting())),
        fails(FilterFailure::ExchangeMaxNumOrders)
    );
}

#[test]
fn a_list_adds_as_many_orders_as_it_has() {
    for (most, oco_fits, otoco_fits) in [(1, false, false), (2, true, false), (3, true, true)] {
        let venue = || bounded(|limits| limits.max_num_orders = Some(most));
        let full = fails(FilterFailure::ExchangeMaxNumOrders);
        for (new, fits) in [(oco(other()), oco_fits), (otoco(other()), otoco_fits)] {
            let mut venue = venue();
            let placed = place_list(&mut venue, new);
            assert_eq!(placed, if fits { Ok(0) } else { full }, "{most} {new:?}");
            let open = venue.exchange.open_orders(venue.account(0), None).count();
            assert_eq!(open > 0, fits);
        }
    }
}

#[test]
fn the_orders_of_a_list_that_wait_for_a_trigger_are_each_one() {
    let two_stops = || {
        let above = OrdType::TakeProfit {
            trigger: stop_at("110"),
        };
        let legs = ListLegs::Oco {
            above: order(Side::Sell, above, "1"),
            below: stop(),
        };
        list(btcusdt(), legs)
    };
    let mut venue = bounded(|limits| limits.max_num_algo_orders = Some(1));
    assert_eq!(
        place_list(&mut venue, two_stops()),
        fails(FilterFailure::ExchangeMaxNumAlgoOrders)
    );
    assert_eq!(place_list(&mut venue, oco(btcusdt())), Ok(0));
    // The pair's own filter counts them so too.
    let mut config = two_pairs(ExchangeLimits::default());
    config.markets[0].instrument.limits.max_num_algo_orders = Some(1);
    let mut venue = Venue::with(config);
    assert_eq!(
        place_list(&mut venue, two_stops()),
        fails(FilterFailure::MaxNumAlgoOrders)
    );
}

#[test]
fn open_lists_are_counted_over_all_pairs_and_a_list_of_three_is_one() {
    let mut venue = bounded(|limits| limits.max_num_order_lists = Some(2));
    let first = place_list(&mut venue, otoco(btcusdt())).unwrap();
    place_list(&mut venue, oco(other())).unwrap();
    for symbol in [btcusdt(), other()] {
        assert_eq!(
            place_list(&mut venue, oco(symbol)),
            fails(FilterFailure::ExchangeMaxNumOrderLists)
        );
    }
    // An order alone is no list.
    venue.place(0, resting()).unwrap();
    let (now, owner) = (venue.now, venue.account(0));
    venue
        .exchange
        .cancel_list(now, owner, (Some(first), None), None)
        .unwrap();
    assert!(place_list(&mut venue, oco(other())).is_ok());
}

#[test]
fn a_replacement_is_judged_before_what_it_replaces_is_canceled() {
    let mut venue = bounded(|limits| limits.max_num_orders = Some(1));
    let first = venue.place(0, resting()).unwrap();
    let request = Replacement {
        symbol: btcusdt(),
        by: OrderRef::OrderId(first),
        cancel_id: None,
        restriction: None,
        stops_on_failure: true,
        order: resting(),
    };
    let (now, owner) = (venue.now, venue.account(0));
    let replaced = venue.exchange.cancel_replace(now, owner, &request);
    assert_eq!(replaced.map(|_| ()), fails(FilterFailure::ExchangeMaxNumOrders));
    assert_eq!(venue.exchange.open_orders(owner, None).count(), 1);
}

fn with_most(name: &str, limit: &str) -> Venue {
    let mut config = two_pairs(ExchangeLimits::default());
    config.accounts[0].max_assets = vec![MaxAsset {
        asset: asset(name),
        limit: money(limit),
    }];
    Venue::with(config)
}

#[test]
fn an_asset_bounds_the_quantity_where_it_is_the_base_and_the_value_where_it_is_the_quote() {
    let too_much = || fails(FilterFailure::MaxAsset);
    let mut venue = with_most("BTC", "2");
    assert_eq!(venue.place(0, limit(Side::Sell, "110", "2.001")), too_much());
    assert_eq!(
        venue.place(0, elsewhere(limit(Side::Buy, "90", "2.001"))),
        too_much()
    );
    // One order is bounded, not their sum.
    venue.place(0, limit(Side::Sell, "110", "2")).unwrap();
    venue.place(0, limit(Side::Sell, "110", "2")).unwrap();
    venue.place(1, limit(Side::Sell, "110", "3")).unwrap();

    let mut venue = with_most("USDC", "90");
    assert_eq!(
        venue.place(0, elsewhere(limit(Side::Buy, "90", "1.001"))),
        too_much()
    );
    venue.place(0, elsewhere(limit(Side::Buy, "90", "1"))).unwrap();
    venue.place(0, limit(Side::Buy, "90", "5")).unwrap();
}

#[test]
fn what_sells_the_proceeds_of_another_order_is_bounded_when_they_are_known() {
    for (at, status) in [("100", OrdStatus::New), ("100.01", OrdStatus::Expired)] {
        let mut venue = with_most("USDT", "200");
        let legs = ListLegs::Oto {
            working: limit(Side::Buy, "90", "2"),
            pending: limit(Side::Sell, at, "2"),
        };
        let new = NewOrderList {
            by_proceeds: true,
            ..list(btcusdt(), legs)
        };
        let (now, owner) = (venue.now, venue.account(0));
        let (_, placed) = venue.exchange.place_list(now, owner, new).unwrap();
        venue.place(1, ioc(Side::Sell, "90", "2")).unwrap();
        assert_eq!(venue.status(0, placed[1].order_id), status, "{at}");
    }
}

#[test]
fn an_asset_bounds_every_way_to_place_an_order() {
    let too_much = || fails(FilterFailure::MaxAsset);
    let mut venue = with_most("BTC", "0.5");
    assert_eq!(
        place_list(&mut venue, oco(btcusdt())),
        fails(FilterFailure::MaxAsset)
    );
    assert_eq!(
        place_list(&mut venue, otoco(other())),
        fails(FilterFailure::MaxAsset)
    );
    let mut routed = resting();
    routed.options.uses_sor = true;
    assert_eq!(venue.place(0, routed), too_much());
    let (now, owner) = (venue.now, venue.account(0));
    assert_eq!(
        venue.exchange.test(now, owner, &resting()),
        Err(OrderError::Filter(FilterFailure::MaxAsset))
    );
    venue.place(1, limit(Side::Sell, "100", "5")).unwrap();
    assert_eq!(venue.place(0, market(Side::Buy, "0.6")), too_much());
    let mut venue = with_most("USDT", "40");
    venue.place(1, limit(Side::Sell, "100", "5")).unwrap();
    assert_eq!(venue.place(0, market_by_value(Side::Buy, "40.01")), too_much());
    assert!(venue.place(0, market_by_value(Side::Buy, "40")).is_ok());
}
