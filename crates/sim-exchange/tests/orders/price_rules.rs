//! The reference price and the range around it (faqs/price_range_execution_rules.md).

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{
    FilterFailure, Money, OrdStatus, OrdType, OrderId, PercentPrice, Price, PriceBand, Side, Timestamp,
};
use keel_sim_exchange::core::{
    ConfigError, Exchange, ExchangeConfig, ExpiryReason, NewOrder, OrderError, PriceRange, PriceRules,
    ReferenceCalculation, ReferencePrice, ReportKind,
};
use proptest::prelude::*;

use crate::support::*;

const EXTERNAL: ReferenceCalculation = ReferenceCalculation::External(0);

fn mean(bucket_count: u32, bucket_width_ms: u32) -> ReferenceCalculation {
    ReferenceCalculation::ArithmeticMean {
        bucket_count,
        bucket_width_ms,
    }
}

/// The questions' example: twice and half.
fn twice_and_half() -> PriceRange {
    let (up, down) = (Some(money("2.0000")), Some(money("0.5000")));
    PriceRange {
        bid_up: up,
        bid_down: down,
        ask_up: up,
        ask_down: down,
    }
}

fn ruled(reference: Option<ReferenceCalculation>, range: Option<PriceRange>) -> ExchangeConfig {
    let mut config = config(3);
    config.markets[0].start_price = price("10");
    config.price_rules = vec![PriceRules {
        symbol: btcusdt(),
        reference,
        range,
    }];
    config
}

/// A reference price of 10, if not another.
fn around(given: Option<&str>, range: PriceRange) -> Venue {
    let mut venue = Venue::with(ruled(Some(EXTERNAL), Some(range)));
    let price = given.map(price);
    assert!(venue.exchange.give_reference_price(T0, btcusdt(), price));
    venue
}

fn reason(venue: &Venue, id: OrderId) -> Option<ExpiryReason> {
    venue.order(1, id).expiry_reason
}

const EXCEEDED: Option<ExpiryReason> = Some(ExpiryReason::PriceRangeExceeded);

#[test]
fn an_order_trades_up_to_and_at_the_ends_of_the_range_and_not_beyond() {
    for (side, at, limit_at, trades) in [
        (Side::Buy, "20", "30", true),
        (Side::Buy, "20.01", "30", false),
        (Side::Buy, "5", "30", true),
        (Side::Buy, "4.99", "30", false),
        (Side::Sell, "20", "3", true),
        (Side::Sell, "20.01", "3", false),
        (Side::Sell, "5", "3", true),
        (Side::Sell, "4.99", "3", false),
    ] {
        let mut venue = around(Some("10"), twice_and_half());
        let totals = venue.exchange.totals();
        venue.place(0, limit(side.opposite(), at, "1")).unwrap();
        let id = venue.place(1, limit(side, limit_at, "1")).unwrap();
        let order = venue.order(1, id);
        if trades {
            assert_eq!(order.ord_status, OrdStatus::Filled, "{side:?} {at}");
        } else {
            assert_eq!(
                (order.ord_status, order.expiry_reason),
                (OrdStatus::Expired, EXCEEDED),
                "{side:?} {at}"
            );
            assert!(order.cum_qty.is_zero());
        }
        venue.check(3, &totals);
    }
}

#[test]
fn the_rule_is_not_enforced_without_a_range_or_a_reference_price() {
    let range = Some(twice_and_half());
    for (reference, given, range) in [
        (None, None, None),
        (Some(EXTERNAL), Some(Some("10")), None),
        (None, None, range),
        (Some(EXTERNAL), None, range),
        (Some(EXTERNAL), Some(None), range),
        (Some(mean(10, 1_000)), None, range),
    ] {
        let mut venue = Venue::with(ruled(reference, range));
        if let Some(given) = given {
            venue
                .exchange
                .give_reference_price(T0, btcusdt(), given.map(price));
        }
        venue.place(0, limit(Side::Sell, "40", "1")).unwrap();
        let id = venue.place(1, limit(Side::Buy, "40", "1")).unwrap();
        assert_eq!(venue.status(1, id), OrdStatus::Filled, "{reference:?} {range:?}");
    }
}

#[test]
fn a_multiple_that_is_not_set_leaves_its_side_and_direction_free() {
    let all = twice_and_half();
    for (range, side, at) in [
        (PriceRange { bid_up: None, ..all }, Side::Buy, "40"),
        (
            PriceRange {
                bid_down: None,
                ..all
            },
            Side::Buy,
            "3",
        ),
        (PriceRange { ask_up: None, ..all }, Side::Sell, "40"),
        (
            PriceRange {
                ask_down: None,
                ..all
            },
            Side::Sell,
            "3",
        ),
    ] {
        let mut venue = around(Some("10"), range);
        venue.place(0, limit(side.opposite(), at, "1")).unwrap();
        let id = venue.place(1, limit(side, at, "1")).unwrap();
        assert_eq!(venue.status(1, id), OrdStatus::Filled, "{side:?} {at}");
        // The other three bind.
        for (side, at) in [
            (Side::Buy, "40"),
            (Side::Buy, "3"),
            (Side::Sell, "40"),
            (Side::Sell, "3"),
        ] {
            venue.place(0, limit(side.opposite(), at, "1")).unwrap();
            let id = venue.place(1, limit(side, at, "1")).unwrap();
            let is_free = venue.status(1, id) == OrdStatus::Filled;
            assert_eq!(is_free, reason(&venue, id).is_none());
            let owner = venue.account(0);
            venue.exchange.cancel_clients_orders(venue.now, btcusdt());
            assert_eq!(venue.exchange.open_orders(owner, None).count(), 0);
            let wanted = match side {
                Side::Buy if at == "40" => range.bid_up,
                Side::Buy => range.bid_down,
                Side::Sell if at == "40" => range.ask_up,
                Side::Sell => range.ask_down,
            };
            assert_eq!(is_free, wanted.is_none(), "{side:?} {at} {range:?}");
        }
    }
}

#[test]
fn a_bound_beyond_all_prices_is_free_above_and_shuts_below() {
    for factor in ["100000000000", "79228162514264337593543950335"] {
        for (range, trades) in [
            (
                PriceRange {
                    bid_up: Some(money(factor)),
                    ..PriceRange::default()
                },
                true,
            ),
            (
                PriceRange {
                    bid_down: Some(money(factor)),
                    ..PriceRange::default()
                },
                false,
            ),
        ] {
            let mut venue = around(Some("10"), range);
            venue.place(0, limit(Side::Sell, "40", "1")).unwrap();
            let id = venue.place(1, limit(Side::Buy, "40", "1")).unwrap();
            assert_eq!(venue.status(1, id) == OrdStatus::Filled, trades, "{range:?}");
        }
    }
}

#[test]
fn what_is_left_of_an_order_of_any_kind_expires_where_the_range_ends() {
    let stop = OrdType::StopLoss {
        trigger: stop_at("11"),
    };
    for (order, is_stop) in [
        (limit(Side::Buy, "30", "3"), false),
        (ioc(Side::Buy, "30", "3"), false),
        (market(Side::Buy, "3"), false),
        (market_by_value(Side::Buy, "55"), false),
        (order(Side::Buy, stop, "3"), true),
    ] {
        let mut venue = around(Some("10"), twice_and_half());
        let totals = venue.exchange.totals();
        if is_stop {
            venue.trade_at(0, 2, "10");
        }
        for at in ["15", "20"] {
            venue.place(0, limit(Side::Sell, at, "1")).unwrap();
        }
        let dear = venue.place(0, limit(Side::Sell, "20.01", "5")).unwrap();
        let id = venue.place(1, order).unwrap();
        if is_stop {
            venue.place(0, limit(Side::Sell, "11", "0.001")).unwrap();
            venue.place(2, ioc(Side::Buy, "11", "0.001")).unwrap();
        }
        let ended = venue.order(1, id);
        assert_eq!(
            (ended.ord_status, ended.expiry_reason),
            (OrdStatus::Expired, EXCEEDED),
            "{order:?}"
        );
        assert_eq!((ended.cum_qty, ended.cum_quote), (qty("2"), money("35")));
        assert_eq!(venue.locked(1, "USDT"), Money::ZERO);
        assert_eq!(venue.status(0, dear), OrdStatus::New);
        let last = venue.reports(id).pop().unwrap();
        assert_eq!(last.kind, ReportKind::Expired(ExpiryReason::PriceRangeExceeded));
        assert!(venue.levels(Side::Buy).is_empty());
        venue.check(3, &totals);
    }
}

#[test]
fn a_fill_or_kill_order_says_whether_the_range_or_the_book_was_too_small() {
    let asks = |venue: &mut Venue| {
        for (at, quantity) in [("15", "1"), ("25", "1")] {
            venue.place(0, limit(Side::Sell, at, quantity)).unwrap();
        }
    };
    for (quantity, status, expected) in [
        ("1", OrdStatus::Filled, None),
        ("1.001", OrdStatus::Expired, EXCEEDED),
        ("2", OrdStatus::Expired, EXCEEDED),
        ("2.001", OrdStatus::Expired, Some(ExpiryReason::UnfilledFok)),
    ] {
        let mut venue = around(Some("10"), twice_and_half());
        asks(&mut venue);
        let id = venue.place(1, fok(Side::Buy, "30", quantity)).unwrap();
        let order = venue.order(1, id);
        assert_eq!(
            (order.ord_status, order.expiry_reason),
            (status, expected),
            "{quantity}"
        );
        assert_eq!(order.cum_qty.is_zero(), status == OrdStatus::Expired);
    }
    // The best price itself is too good.
    let mut venue = around(Some("10"), twice_and_half());
    venue.place(0, limit(Side::Sell, "4", "1")).unwrap();
    let id = venue.place(1, fok(Side::Buy, "30", "1")).unwrap();
    assert_eq!(reason(&venue, id), EXCEEDED);
}

#[test]
fn only_the_order_that_takes_is_bound() {
    let range = PriceRange {
        ask_up: Some(money("1")),
        ..twice_and_half()
    };
    let mut venue = around(Some("10"), range);
    let resting = venue.place(0, limit(Side::Sell, "15", "1")).unwrap();
    venue.place(1, limit(Side::Buy, "15", "1")).unwrap();
    assert_eq!(venue.status(0, resting), OrdStatus::Filled);
    // An order that finds nothing rests wherever it is.
    let far = venue.place(1, limit(Side::Buy, "3", "1")).unwrap();
    assert_eq!(venue.status(1, far), OrdStatus::New);
}

#[test]
fn the_limits_are_set_once_for_the_whole_taker_phase() {
    let range = PriceRange {
        bid_up: Some(money("1.1")),
        ..PriceRange::default()
    };
    let mut venue = Venue::with(ruled(Some(mean(10, 1_000)), Some(range)));
    venue.trade_at(0, 2, "10");
    for at in ["10.5", "11.2"] {
        venue.place(0, limit(Side::Sell, at, "1")).unwrap();
    }
    // At 10 the range ends at 11; with the trade at 10.5 it would end at 11.275.
    let id = venue.place(1, limit(Side::Buy, "12", "2")).unwrap();
    assert_eq!(
        (venue.order(1, id).cum_qty, reason(&venue, id)),
        (qty("1"), EXCEEDED)
    );
    let id = venue.place(1, limit(Side::Buy, "12", "1")).unwrap();
    assert_eq!(venue.status(1, id), OrdStatus::Filled);
}

#[test]
fn a_prevented_match_beyond_the_range_is_no_match_at_all() {
    let mut venue = around(Some("10"), twice_and_half());
    let own = venue.place(1, limit(Side::Sell, "25", "1")).unwrap();
    let mode = keel_sim_exchange::core::StpMode::ExpireMaker;
    let id = venue
        .place(1, with_stp(limit(Side::Buy, "30", "1"), mode))
        .unwrap();
    assert_eq!(reason(&venue, id), EXCEEDED);
    assert_eq!(venue.status(1, own), OrdStatus::New);
}

fn at_millis(millis: i64) -> Timestamp {
    Timestamp::from_millis(T0.as_millis() + millis)
}

/// Trades of 0.001 at so many milliseconds.
fn traded(calculation: ReferenceCalculation, trades: &[(i64, &str)]) -> Venue {
    let mut venue = Venue::with(ruled(Some(calculation), None));
    for (millis, at) in trades {
        venue.now = at_millis(*millis);
        let (now, maker, taker) = (venue.now, venue.account(0), venue.account(2));
        venue
            .exchange
            .place(now, maker, limit(Side::Sell, at, "0.001"))
            .unwrap();
        venue
            .exchange
            .place(now, taker, ioc(Side::Buy, at, "0.001"))
            .unwrap();
    }
    venue
}

fn reference_at(venue: &Venue, millis: i64) -> Option<ReferencePrice> {
    venue.exchange.reference_price(at_millis(millis), btcusdt())
}

#[test]
fn the_mean_counts_trades_in_buckets_and_the_oldest_in_proportion() {
    let trades = [(0, "10"), (500, "10.2"), (1_500, "11")];
    let venue = traded(mean(10, 1_000), &trades);
    for (millis, expected) in [
        (1_500, Some("10.4")),
        // The window begins with the first bucket.
        (10_000, Some("10.4")),
        // Half of the first bucket's two trades, which had 10.1 in the mean: (10.1 + 11) / 2.
        (10_500, Some("10.55")),
        // Three quarters gone: (0.5 * 10.1 + 11) / 1.5.
        (10_750, Some("10.7")),
        (11_000, Some("11")),
        (11_999, Some("11")),
        // No bucket is left; there was a price once, and there is none.
        (12_000, None),
    ] {
        let told = reference_at(&venue, millis).unwrap();
        assert_eq!(told.price, expected.map(price), "{millis}");
        assert_eq!(told.time, at_millis(millis));
    }
}

#[test]
fn the_division_of_the_mean_truncates() {
    let venue = traded(mean(1, 60_000), &[(0, "10"), (1, "10"), (2, "10.01")]);
    assert_eq!(reference_at(&venue, 3).unwrap().price, Some(price("10.00333333")));
    let venue = traded(mean(1, 60_000), &[(0, "10"), (1, "10.01"), (2, "10.01")]);
    assert_eq!(reference_at(&venue, 3).unwrap().price, Some(price("10.00666666")));
}

#[test]
fn a_pair_that_never_traded_or_was_never_given_a_price_has_no_reference_price() {
    assert_eq!(reference_at(&traded(mean(10, 1_000), &[]), 5), None);
    let mut venue = Venue::with(ruled(Some(EXTERNAL), None));
    assert_eq!(reference_at(&venue, 5), None);
    assert!(
        venue
            .exchange
            .give_reference_price(at_millis(7), btcusdt(), Some(price("12")))
    );
    let given = ReferencePrice {
        price: Some(price("12")),
        time: at_millis(7),
    };
    // It was valid when it was given, whenever it is asked for; trades do not move it.
    venue.trade_at(0, 2, "11");
    assert_eq!(reference_at(&venue, 99_000), Some(given));
    assert!(venue.exchange.give_reference_price(at_millis(8), btcusdt(), None));
    assert_eq!(reference_at(&venue, 9).unwrap().price, None);
    // What the exchange calculates itself is not given.
    let mut venue = traded(mean(10, 1_000), &[(0, "10")]);
    assert!(
        !venue
            .exchange
            .give_reference_price(at_millis(1), btcusdt(), Some(price("12")))
    );
    assert_eq!(reference_at(&venue, 1).unwrap().price, Some(price("10")));
}

#[test]
fn filters_take_the_reference_price_before_any_average_and_do_without_where_it_is_null() {
    let mut config = ruled(Some(EXTERNAL), None);
    let limits = &mut config.markets[0].instrument.limits;
    limits.percent_price = Some(PercentPrice {
        band: PriceBand {
            up: money("1.3"),
            down: money("0.7"),
        },
        avg_price_mins: 5,
    });
    config.markets[0].instrument.notional.min = money("9");
    let mut venue = Venue::with(config);
    let too_far = Err(OrderError::Filter(FilterFailure::PercentPrice));
    let too_small = Err(OrderError::Filter(FilterFailure::Notional));
    let give = |venue: &mut Venue, given: Option<&str>| {
        venue
            .exchange
            .give_reference_price(T0, btcusdt(), given.map(price));
    };
    venue.place(0, limit(Side::Sell, "12", "1")).unwrap();
    give(&mut venue, Some("20"));
    assert_eq!(venue.place(1, limit(Side::Buy, "10", "1")), too_far);
    // 0.5 is worth 10 at 20, and 5 at 10.
    assert!(venue.place(1, market(Side::Buy, "0.5")).is_ok());
    give(&mut venue, None);
    assert!(venue.place(1, limit(Side::Buy, "10", "1")).is_ok());
    assert_eq!(venue.place(1, market(Side::Buy, "0.5")), too_small);
}

#[test]
fn rules_are_put_in_place_of_others_and_a_calculation_that_stays_goes_on() {
    let mut venue = traded(mean(10, 1_000), &[(0, "10")]);
    let rules = venue.exchange.price_rules(btcusdt());
    assert_eq!(rules.reference, Some(mean(10, 1_000)));
    let range = Some(twice_and_half());
    assert!(venue.exchange.set_price_rules(PriceRules { range, ..rules }));
    assert_eq!(venue.exchange.price_rules(btcusdt()).range, range);
    assert_eq!(reference_at(&venue, 1).unwrap().price, Some(price("10")));
    let reference = Some(mean(5, 1_000));
    assert!(venue.exchange.set_price_rules(PriceRules { reference, ..rules }));
    assert_eq!(reference_at(&venue, 1), None);
}

#[test]
fn rules_that_cannot_hold_are_refused() {
    let made = |rules: Vec<PriceRules>| {
        let mut config = config(1);
        config.price_rules = rules;
        Exchange::new(config, T0).err()
    };
    let rules = |reference, range| PriceRules {
        symbol: btcusdt(),
        reference,
        range,
    };
    let bad = Some(ConfigError::BadPriceRules(btcusdt()));
    for (count, width, is_good) in [
        (1, 1, true),
        (0, 1, false),
        (1, 0, false),
        (10_000, 86_400_000, true),
        (10_001, 1, false),
        (1, 86_400_001, false),
    ] {
        let error = made(vec![rules(Some(mean(count, width)), None)]);
        assert_eq!(error, if is_good { None } else { bad.clone() }, "{count} {width}");
    }
    let up = |factor: &str| PriceRange {
        bid_up: Some(money(factor)),
        ..PriceRange::default()
    };
    assert_eq!(made(vec![rules(None, Some(up("0.1")))]), None);
    for range in [PriceRange::default(), up("0"), up("-1")] {
        assert_eq!(made(vec![rules(None, Some(range))]), bad);
    }
    assert_eq!(made(vec![rules(None, None), rules(None, None)]), bad);
    let symbol = "NONEUSDT".parse().unwrap();
    let elsewhere = PriceRules {
        symbol,
        ..rules(None, None)
    };
    assert_eq!(made(vec![elsewhere]), Some(ConfigError::BadPriceRules(symbol)));
}

/// By the definition, over all trades there ever were, in decimals.
fn by_definition(trades: &[(i64, NewOrder)], (count, width): (i64, i64), now: i64) -> Option<Money> {
    let cutoff = now - count * width;
    let mut buckets: BTreeMap<i64, Vec<Money>> = BTreeMap::new();
    for (millis, order) in trades {
        let price = order.ord_type.price().unwrap().to_decimal();
        buckets
            .entry(millis.div_euclid(width) * width)
            .or_default()
            .push(price);
    }
    let (mut weight, mut sum) = (Money::ZERO, Money::ZERO);
    for (open, prices) in buckets.into_iter().filter(|(open, _)| open + width > cutoff) {
        let expired = (cutoff - open).max(0);
        let part = Money::from(width - expired) / Money::from(width);
        weight += part * Money::from(prices.len());
        sum += part * prices.into_iter().sum::<Money>();
    }
    sum.checked_div(weight)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_mean_is_what_the_definition_says_however_often_it_is_asked_for(
        steps in prop::collection::vec((0_i64..3_000, 900_i64..1_100), 1..60),
        count in 1_u32..8,
        width in 1_u32..2_000,
    ) {
        let mut venue = Venue::with(ruled(Some(mean(count, width)), None));
        let origin = T0.as_millis();
        let mut trades = Vec::new();
        for (wait, cents) in steps {
            venue.now = venue.now.plus(Duration::from_millis(wait.unsigned_abs()));
            let at = Price::from_units(cents * 1_000_000).unwrap().to_string();
            let order = ioc(Side::Buy, &at, "0.001");
            let (now, maker, taker) = (venue.now, venue.account(0), venue.account(2));
            venue.exchange.place(now, maker, limit(Side::Sell, &at, "0.001")).unwrap();
            venue.exchange.place(now, taker, order).unwrap();
            trades.push((now.as_millis(), order));
            for later in [0, 1, i64::from(width) / 3, i64::from(width) * i64::from(count)] {
                let asked = Timestamp::from_millis(now.as_millis() + later);
                let told = venue.exchange.reference_price(asked, btcusdt()).unwrap().price;
                let windows = (i64::from(count), i64::from(width));
                let expected = by_definition(&trades, windows, asked.as_millis());
                prop_assert!(asked.as_millis() >= origin);
                match (told, expected) {
                    (Some(told), Some(expected)) => {
                        // What is left of a bucket has four places.
                        let off = (told.to_decimal() - expected).abs();
                        prop_assert!(off < money("0.001"), "{} {}", told, expected);
                    }
                    (told, expected) => prop_assert_eq!(told.map(|p| p.to_decimal()), expected),
                }
            }
        }
    }
}
