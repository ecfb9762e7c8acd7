//! Which prices are believed.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use keel_domain::Price;
use keel_market_data::{BookFault, PriceGuard, Reading};
use proptest::prelude::*;

/// Ten percent.
const BAND_BPS: u32 = 1_000;

fn price(units: i64) -> Price {
    Price::from_units(units).unwrap()
}

fn at(units: i64) -> PriceGuard {
    let mut guard = PriceGuard::new(BAND_BPS);
    assert_eq!(
        guard.on_book(price(units - 1), price(units + 1)),
        Reading::Near,
        "the first is good"
    );
    guard
}

#[test]
fn f39_a_step_as_wide_as_the_band_is_near_and_one_unit_more_is_suspect() {
    for (units, expected) in [
        (1_100, Reading::Near),
        (900, Reading::Near),
        (1_101, Reading::Suspect),
        (899, Reading::Suspect),
    ] {
        assert_eq!(at(1_000).on_price(price(units)), expected, "{units}");
    }
}

#[test]
fn f39_a_second_reading_confirms_only_the_level_of_the_first() {
    let mut guard = at(1_000);
    assert_eq!(guard.on_book(price(499), price(501)), Reading::Suspect);
    assert_eq!(guard.on_price(price(2_000)), Reading::Suspect, "another level");
    assert_eq!(
        guard.on_price(price(500)),
        Reading::Suspect,
        "two different ones before"
    );
    assert!(guard.check_book().is_err());
    assert_eq!(guard.on_price(price(510)), Reading::Confirmed);
    assert_eq!(guard.check_book(), Ok(()));
}

#[test]
fn f39_a_book_that_jumped_stays_unusable_while_trades_say_the_old_level() {
    let mut guard = at(1_000);
    guard.on_book(price(499), price(501));
    assert_eq!(guard.on_price(price(1_001)), Reading::Near);
    let (good, seen) = (price(1_001), price(500));
    assert_eq!(guard.check_book(), Err(BookFault::Jumped { good, seen }));
    assert!(matches!(guard.on_book(price(999), price(1_001)), Reading::Near));
    assert_eq!(guard.check_book(), Ok(()));
}

#[test]
fn f39_after_a_lost_book_the_next_one_is_judged_by_the_last_good_price() {
    let mut guard = at(1_000);
    guard.on_book_lost();
    assert_eq!(guard.check_book(), Ok(()), "a lost book has no price to judge");
    assert_eq!(guard.on_book(price(99), price(101)), Reading::Suspect);
    assert!(guard.check_book().is_err());
}

#[test]
fn f39_zero_is_no_price_and_changes_nothing() {
    let mut guard = at(1_000);
    assert_eq!(guard.on_price(Price::ZERO), Reading::Invalid);
    assert_eq!(guard.on_book(Price::ZERO, Price::ZERO), Reading::Invalid);
    assert_eq!(
        (guard.check_book(), guard.on_price(price(1_000))),
        (Ok(()), Reading::Near)
    );
}

proptest! {
    /// The rule, said once more: a reading is good if it is near the last good one, or near the reading before it.
    #[test]
    fn a_reading_far_from_both_the_good_price_and_the_last_reading_is_never_believed(
        readings in prop::collection::vec(1_i64..4_000, 1..200),
    ) {
        let near = |a: i64, b: i64| (a - b).abs() * 10 <= a;
        let mut guard = PriceGuard::new(BAND_BPS);
        let (mut good, mut before) = (None, None);
        for units in readings {
            let is_believed = matches!(guard.on_price(price(units)), Reading::Near | Reading::Confirmed);
            let may_be = good.is_none_or(|good| near(good, units)) || before.is_some_and(|b| near(b, units));
            prop_assert_eq!(is_believed, may_be);
            if is_believed {
                (good, before) = (Some(units), None);
            } else {
                before = Some(units);
            }
        }
    }
}
