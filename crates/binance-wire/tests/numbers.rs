//! Numbers as the venue writes them.

use keel_binance_wire::number::EightPlaces;
use keel_domain::Money;
use proptest::prelude::*;

#[test]
fn money_has_eight_places_however_large_or_fine_it_is() {
    for (value, written) in [
        ("0", "0.00000000"),
        ("0.1", "0.10000000"),
        ("-0.1", "-0.10000000"),
        ("12", "12.00000000"),
        ("1.123456789", "1.12345678"),
        ("-1.123456789", "-1.12345678"),
        ("100000000000000000000000", "100000000000000000000000.00000000"),
        (
            "-79228162514264337593543950335",
            "-79228162514264337593543950335.00000000",
        ),
        ("7922816251426433759.3543950335", "7922816251426433759.35439503"),
    ] {
        let money: Money = value.parse().unwrap();
        assert_eq!(money.write(), written);
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_as_the_same_money_cut_to_eight_places(mantissa in any::<i64>(), scale in 0_u32..=28) {
        let money = Money::new(mantissa, scale);
        let written = money.write();
        prop_assert_eq!(written.rsplit('.').next().map(str::len), Some(8));
        prop_assert_eq!(Money::read(&written), Ok(money.trunc_with_scale(8)));
    }
}
