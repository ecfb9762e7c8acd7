//! Depth frames of 20 and 20 levels, all different.
#![allow(clippy::expect_used, reason = "a benchmark")]

use std::fmt::Write;

pub(crate) const FRAMES: u64 = 2_000;
pub(crate) const LEVELS: u64 = 20;
/// Best bid in hundredths.
pub(crate) const MID: i64 = 6_173_764;

fn splitmix(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The distance of a change from the best price, in ticks: most are near it.
fn distance(draw: u64) -> i64 {
    let bits = (draw >> 40) % 8;
    i64::try_from((draw >> 8) % (4 << bits)).expect("small")
}

pub(crate) fn frame(n: u64) -> String {
    let side = |first: u64, sign: i64| {
        let mut text = String::new();
        for level in 0..LEVELS {
            let draw = splitmix(n * 64 + first + level);
            let price = MID + i64::from(sign > 0) + sign * distance(draw);
            let qty = if draw.is_multiple_of(5) {
                0
            } else {
                draw % 10_000_000_000
            };
            let comma = if level == 0 { "" } else { "," };
            write!(
                text,
                r#"{comma}["{}.{:02}000000","{}.{:08}"]"#,
                price / 100,
                price % 100,
                qty / 100_000_000,
                qty % 100_000_000
            )
            .expect("memory");
        }
        text
    };
    let (first, last) = (50_093_239_189 + n * 10, 50_093_239_198 + n * 10);
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":{},"s":"BTCUSDT","U":{first},"u":{last},"b":[{}],"a":[{}]}}}}"#,
        1_723_161_255_208 + n * 100,
        side(0, -1),
        side(32, 1)
    )
}
