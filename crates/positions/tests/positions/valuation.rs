//! What positions and balances are worth, or why that is not known.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{Money, Side, Timestamp};
use keel_positions::{Prices, Quote, QuoteFault, ValuationError};

use crate::common::{asset, ledger_of, money, symbol, trade};

const AGE_MAX: Duration = Duration::from_secs(2);

fn now() -> Timestamp {
    Timestamp::from_millis(100_000)
}

fn quote(bid: &str, ask: &str, age_ms: i64) -> Quote {
    Quote {
        bid: bid.parse().unwrap(),
        ask: ask.parse().unwrap(),
        at: Timestamp::from_millis(100_000 - age_ms),
    }
}

fn prices(quotes: &[(&str, &str, Quote)]) -> Prices {
    let mut prices = Prices::new(now(), AGE_MAX);
    for (base, quoted_in, quote) in quotes {
        prices.set(asset(base), asset(quoted_in), *quote);
    }
    prices
}

fn value(prices: &Prices, amount: &str, from: &str, to: &str) -> Result<Money, ValuationError> {
    prices.value(money(amount), asset(from), asset(to))
}

#[test]
fn a_quote_is_fresh_up_to_the_limit_and_not_a_nanosecond_longer() {
    let at_limit = quote("100", "101", 2_000);
    assert!(at_limit.fresh(now(), AGE_MAX).is_ok());
    let later = Timestamp::from_nanos(now().as_nanos() + 1);
    let age = AGE_MAX + Duration::from_nanos(1);
    assert_eq!(at_limit.fresh(later, AGE_MAX), Err(QuoteFault::Stale { age }));
}

#[test]
fn a_crossed_or_one_sided_quote_gives_no_price() {
    for (bid, ask, fault) in [
        ("101", "101", QuoteFault::Crossed),
        ("102", "101", QuoteFault::Crossed),
        ("0", "101", QuoteFault::OneSided),
        ("100", "0", QuoteFault::OneSided),
    ] {
        assert_eq!(
            quote(bid, ask, 0).fresh(now(), AGE_MAX),
            Err(fault),
            "{bid}/{ask}"
        );
    }
}

#[test]
fn unrealised_profit_is_at_the_side_that_closes_the_position() {
    let fresh = quote("104", "106", 0).fresh(now(), AGE_MAX).unwrap();
    for (side, unrealised) in [(Side::Buy, "8"), (Side::Sell, "-12")] {
        let ledger = ledger_of(&[trade(1, side, "2", "100")]);
        let average = ledger.book(symbol()).unwrap().average();
        assert_eq!(average.unrealised_at(&fresh), Ok(money(unrealised)), "{side}");
    }
}

#[test]
fn equity_sells_what_is_held_at_the_bid_and_buys_what_is_owed_at_the_ask() {
    let prices = prices(&[("BTC", "USDT", quote("100", "110", 0))]);
    let equity = |btc| {
        let balances = BTreeMap::from([(asset("BTC"), money(btc)), (asset("USDT"), money("7"))]);
        prices.equity(&balances, asset("USDT"))
    };
    assert_eq!(equity("2"), Ok(money("207")));
    assert_eq!(equity("-2"), Ok(money("-213")));
}

#[test]
fn against_the_pair_held_quote_pays_the_ask_and_owed_quote_takes_the_bid_rounded_down() {
    let prices = prices(&[("BTC", "USDT", quote("3", "7", 0))]);
    assert_eq!(value(&prices, "1", "USDT", "BTC"), Ok(money("0.142857142857")));
    assert_eq!(value(&prices, "-1", "USDT", "BTC"), Ok(money("-0.333333333334")));
}

#[test]
fn the_fewest_fresh_pairs_are_taken_and_a_stale_shortcut_is_passed_by() {
    let around = [
        ("ETH", "BTC", quote("0.05", "0.06", 0)),
        ("BTC", "USDT", quote("1000", "1001", 0)),
    ];
    let direct = |age_ms| ("ETH", "USDT", quote("49", "51", age_ms));
    let [first, second] = around;
    let all = prices(&[first, second, direct(0)]);
    assert_eq!(value(&all, "2", "ETH", "USDT"), Ok(money("98")));
    let stale_direct = prices(&[first, second, direct(2_001)]);
    assert_eq!(value(&stale_direct, "2", "ETH", "USDT"), Ok(money("100")));
}

#[test]
fn f47_a_missing_price_is_an_error_that_names_it_and_zero_needs_none() {
    let prices = prices(&[("BTC", "USDT", quote("100", "101", 0))]);
    let error = value(&prices, "1", "BNB", "USDT").unwrap_err();
    let (from, to) = (asset("BNB"), asset("USDT"));
    assert_eq!(error, ValuationError::Missing { from, to });
    assert!(error.to_string().contains("BNB"), "{error}");
    assert_eq!(value(&prices, "0", "BNB", "USDT"), Ok(Money::ZERO));
    let balances = BTreeMap::from([(from, Money::ONE), (to, Money::ONE)]);
    assert_eq!(prices.equity(&balances, to), Err(error));
}

#[test]
fn a_stale_price_on_the_only_way_is_an_error_that_names_the_pair_and_its_age() {
    let prices = prices(&[
        ("BNB", "BTC", quote("0.01", "0.02", 0)),
        ("BTC", "USDT", quote("100", "101", 3_000)),
    ]);
    let text = value(&prices, "1", "BNB", "USDT").unwrap_err().to_string();
    for part in ["BNB", "USDT", "BTC/USDT", "3000 ms"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_chain_of_four_pairs_counts_as_missing_and_one_of_three_does_not() {
    let chain = ["A", "B", "C", "D", "E"].map(asset);
    let mut prices = Prices::new(now(), AGE_MAX);
    for pair in chain.windows(2) {
        prices.set(pair[0], pair[1], quote("2", "3", 0));
    }
    assert_eq!(prices.value(Money::ONE, chain[0], chain[3]), Ok(Money::from(8)));
    assert!(matches!(
        prices.value(Money::ONE, chain[0], chain[4]),
        Err(ValuationError::Missing { .. })
    ));
}
