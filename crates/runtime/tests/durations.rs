//! Spans of time as people write them.

use std::time::Duration;

use keel_runtime::parse_duration;

#[test]
fn a_number_has_a_unit_or_is_seconds() {
    for (text, seconds) in [("30s", 30), ("5m", 300), ("2h", 7_200), ("3", 3), ("0s", 0)] {
        assert_eq!(parse_duration(text), Ok(Duration::from_secs(seconds)), "{text}");
    }
}

#[test]
fn anything_else_is_refused_with_the_way_to_write_it() {
    for text in ["", "s", "-3s", "1.5s", "3d", "3 s", "99999999999999999999s"] {
        let error = parse_duration(text).unwrap_err();
        assert!(error.contains("30s, 5m or 2h"), "{text}: {error}");
    }
    assert_eq!(
        parse_duration("18446744073709551615h"),
        Err("too long".to_owned())
    );
}
