//! Numbers are exact, round-trip, and refuse rather than round or panic.

use keel_domain::{Money, NumberError, Price, Qty, SCALE, SignedQty, notional};
use proptest::prelude::*;

fn qty(units: i64) -> Qty {
    Qty::from_units(units).unwrap()
}

proptest! {
    #[test]
    fn a_price_printed_and_read_again_is_the_same(units in 0..=i64::MAX) {
        let price = Price::from_units(units).unwrap();
        prop_assert_eq!(price.to_string().parse(), Ok(price));
        prop_assert_eq!(serde_json::from_str::<Price>(&serde_json::to_string(&price).unwrap()).unwrap(), price);
        prop_assert_eq!(Price::from_decimal(price.to_decimal()), Ok(price));
    }

    #[test]
    fn a_signed_quantity_printed_and_read_again_is_the_same(units in -i64::MAX..=i64::MAX) {
        let qty = SignedQty::from_units(units);
        prop_assert_eq!(qty.to_string().parse(), Ok(qty));
        prop_assert_eq!(SignedQty::from_decimal(qty.to_decimal()), Ok(qty));
    }

    #[test]
    fn text_is_read_as_the_decimal_it_spells(whole in 0_i64..92_000_000_000, fraction in 0_i64..SCALE, zeros in 0_usize..5) {
        let text = format!("{whole}.{fraction:08}{}", "0".repeat(zeros));
        let read: Qty = text.parse().unwrap();
        prop_assert_eq!(read.units(), whole * SCALE + fraction);
        prop_assert_eq!(read.to_decimal(), text.parse::<Money>().unwrap());
    }

    #[test]
    fn no_text_makes_a_parser_panic_and_what_is_read_is_printed_plainly(text in "\\PC{0,24}|[-+0-9.eE_ ]{0,30}") {
        if let Ok(price) = text.parse::<Price>() {
            prop_assert!(price.units() >= 0);
            prop_assert!(text.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
            prop_assert_eq!(price.to_string().parse::<Price>(), Ok(price));
        }
        if let Ok(qty) = text.parse::<SignedQty>() {
            prop_assert_eq!(qty.to_string().parse::<SignedQty>(), Ok(qty));
        }
        let _ = text.parse::<Qty>();
    }

    #[test]
    fn arithmetic_agrees_with_wide_integers(a in 0..=i64::MAX, b in 0..=i64::MAX, factor in any::<u32>()) {
        let narrow = |wide: i128| i64::try_from(wide).ok().filter(|n| *n >= 0);
        let (x, y) = (qty(a), qty(b));
        let (wide_a, wide_b) = (i128::from(a), i128::from(b));
        prop_assert_eq!(x.checked_add(y).map(Qty::units), narrow(wide_a + wide_b));
        prop_assert_eq!(x.checked_sub(y).map(Qty::units), narrow(wide_a - wide_b));
        prop_assert_eq!(x.checked_mul(factor).map(Qty::units), narrow(wide_a * i128::from(factor)));
        prop_assert_eq!(x.saturating_add(y).units(), narrow(wide_a + wide_b).unwrap_or(i64::MAX));
        prop_assert_eq!(x.saturating_sub(y).units(), narrow(wide_a - wide_b).unwrap_or(0));
    }

    #[test]
    fn a_notional_is_exact(price in 0..1_000_000_000_000_000_i64, units in 0..10_000_000_000_000_i64) {
        let exact = notional(qty(units), Price::from_units(price).unwrap());
        let wide = i128::from(price) * i128::from(units);
        prop_assert_eq!(exact, Money::from_i128_with_scale(wide, 16));
    }

    #[test]
    fn a_notional_never_panics(price in 0..=i64::MAX, units in 0..=i64::MAX) {
        prop_assert!(notional(qty(units), Price::from_units(price).unwrap()) >= Money::ZERO);
    }

    #[test]
    fn rounding_stays_within_one_step(units in 0..=i64::MAX, step in 0..=i64::MAX) {
        let (value, step) = (qty(units), qty(step));
        let floor = value.floor_to(step);
        prop_assert!(floor <= value && floor.is_multiple_of(step));
        prop_assert!(step.is_zero() || value.units() - floor.units() < step.units());
        prop_assert_eq!(value.is_multiple_of(step), floor == value);
        match value.ceil_to(step) {
            Some(ceil) => {
                prop_assert!(ceil >= value && ceil.is_multiple_of(step));
                prop_assert!(step.is_zero() || ceil.units() - value.units() < step.units());
            }
            None => prop_assert!(floor.checked_add(step).is_none()),
        }
    }
}

#[test]
fn each_bad_number_says_what_is_wrong_with_it() {
    let refused = |text: &str| text.parse::<Price>().unwrap_err();
    for text in [
        "", ".", "1.", ".5", "1e3", "+1", " 1", "1 ", "1,0", "1.2.3", "0x1", "１",
    ] {
        assert_eq!(refused(text), NumberError::Malformed, "{text:?}");
    }
    assert_eq!(refused("-1"), NumberError::Negative);
    assert_eq!(refused("0.000000001"), NumberError::TooPrecise);
    assert_eq!(refused("92233720368.54775808"), NumberError::OutOfRange);
    assert_eq!(refused("99999999999999999999999999"), NumberError::OutOfRange);
}

#[test]
fn the_bounds_are_held_and_beyond_them_is_nothing() {
    let max: Qty = "92233720368.54775807".parse().unwrap();
    assert_eq!(max.units(), i64::MAX);
    assert_eq!(max.checked_add(Qty::UNIT), None);
    assert_eq!(Qty::ZERO.checked_sub(Qty::UNIT), None);
    assert_eq!(max.ceil_to(qty(2)), None);
    assert_eq!(Qty::from_units(-1), Err(NumberError::Negative));
    assert_eq!(SignedQty::from_units(i64::MIN).abs(), None);
    assert_eq!(
        SignedQty::from_units(i64::MIN).checked_sub(SignedQty::from_units(1)),
        None
    );
}
