//! Reference prices and execution rules against the samples of rest-api.md, web-socket-streams.md and
//! faqs/price_range_execution_rules.md.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{money, read_back};
use keel_binance_wire::price_rules::{
    Calculation, ExecutionRule, ExecutionRules, ReferencePrice, ReferencePriceCalculation,
    ReferencePriceEvent,
};

#[test]
fn execution_rules_have_multiples_of_which_any_may_be_missing() {
    let told: ExecutionRules = read_back(
        r#"{"symbolRules":[{"symbol":"BAZUSD","rules":[{"ruleType":"PRICE_RANGE","bidLimitMultUp":"1.0001",
            "bidLimitMultDown":"0.9999","askLimitMultUp":"1.0001","askLimitMultDown":"0.9999"}]}]}"#,
    );
    let (up, down) = (Some(money("1.0001")), Some(money("0.9999")));
    let range = ExecutionRule::PriceRange {
        bid_limit_mult_up: up,
        bid_limit_mult_down: down,
        ask_limit_mult_up: up,
        ask_limit_mult_down: down,
    };
    assert_eq!(told.symbol_rules[0].rules, [range]);
    let rule: ExecutionRule = read_back(r#"{"ruleType":"PRICE_RANGE","bidLimitMultUp":"2.0000"}"#);
    let only_up = ExecutionRule::PriceRange {
        bid_limit_mult_up: Some(money("2")),
        bid_limit_mult_down: None,
        ask_limit_mult_up: None,
        ask_limit_mult_down: None,
    };
    assert_eq!(rule, only_up);
    let written = serde_json::to_string(&rule).expect("it can be written");
    assert_eq!(
        written,
        r#"{"ruleType":"PRICE_RANGE","bidLimitMultUp":"2.00000000"}"#
    );
    let unknown = serde_json::from_str::<ExecutionRule>(r#"{"ruleType":"SPEED","limit":1}"#);
    assert_eq!(unknown.expect("it is passed over"), ExecutionRule::Other);
}

#[test]
fn a_reference_price_that_is_not_set_is_null() {
    let told: ReferencePrice =
        read_back(r#"{"symbol":"BAZUSD","referencePrice":"10.00","timestamp":1770736694138}"#);
    assert_eq!(
        (told.reference_price, told.timestamp),
        (Some("10".parse().expect("a price")), 1_770_736_694_138)
    );
    let text = r#"{"symbol":"BAZUSD","referencePrice":null,"timestamp":1770736694138}"#;
    let told: ReferencePrice = read_back(text);
    assert_eq!(told.reference_price, None);
    assert_eq!(serde_json::to_string(&told).expect("it can be written"), text);
    let event: ReferencePriceEvent<'_> =
        serde_json::from_str(r#"{"e":"referencePrice","s":"BAZUSD","r":"1.00","t":1770313263917}"#)
            .expect("the sample can be read");
    assert_eq!(
        (event.price, event.time),
        (Some("1".parse().expect("a price")), 1_770_313_263_917)
    );
    let none = ReferencePriceEvent { price: None, ..event };
    assert_eq!(
        serde_json::to_string(&none).expect("it can be written"),
        r#"{"e":"referencePrice","s":"BAZUSD","r":null,"t":1770313263917}"#
    );
}

#[test]
fn a_calculation_is_a_mean_of_buckets_or_made_outside() {
    let mean: ReferencePriceCalculation = read_back(
        r#"{"symbol":"BAZUSD","calculationType":"ARITHMETIC_MEAN","bucketCount":10,"bucketWidthMs":1000}"#,
    );
    assert_eq!(
        mean.calculation,
        Calculation::ArithmeticMean {
            bucket_count: 10,
            bucket_width_ms: 1_000
        }
    );
    let external: ReferencePriceCalculation =
        read_back(r#"{"symbol":"BAZUSD","calculationType":"EXTERNAL","externalCalculationId":42}"#);
    assert_eq!(
        external.calculation,
        Calculation::External {
            external_calculation_id: 42
        }
    );
    let unknown = r#"{"symbol":"BAZUSD","calculationType":"GUESS"}"#;
    assert!(serde_json::from_str::<ReferencePriceCalculation>(unknown).is_err());
}
