//! Numbers and times for people.

use jiff::Timestamp as Instant;
use keel_domain::{Money, Timestamp};

/// With thousands separators and at most `places` decimals, trailing zeros left out.
pub(crate) fn number(value: Money, places: u32) -> String {
    let text = value.round_dp(places).normalize().to_string();
    let (sign, text) = text
        .strip_prefix('-')
        .map_or(("", text.as_str()), |rest| ("\u{2212}", rest));
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        Some(fraction) => format!("{sign}{grouped}.{fraction}"),
        None => format!("{sign}{grouped}"),
    }
}

fn strftime(at: Timestamp, format: &str) -> String {
    let instant = Instant::from_nanosecond(at.as_nanos().into()).unwrap_or_default();
    instant.strftime(format).to_string()
}

/// Date and time, UTC.
pub(crate) fn date_time(at: Timestamp) -> String {
    strftime(at, "%Y-%m-%d %H:%M:%S UTC")
}

/// Time of day with milliseconds, UTC.
pub(crate) fn time_of_day(at: Timestamp) -> String {
    strftime(at, "%H:%M:%S%.3f")
}

/// Time of day, UTC.
pub(crate) fn clock(at: Timestamp) -> String {
    strftime(at, "%H:%M:%S")
}

/// A time for machines: ISO 8601, UTC, with microseconds.
pub(crate) fn instant(at: Timestamp) -> String {
    strftime(at, "%Y-%m-%dT%H:%M:%S%.6fZ")
}

/// A day for machines: ISO 8601, UTC.
pub(crate) fn day(at: Timestamp) -> String {
    strftime(at, "%Y-%m-%d")
}

/// A figure as others write theirs, with a true minus sign.
pub(crate) fn figure(value: f64, places: usize) -> String {
    format!("{value:.places$}").replace('-', "\u{2212}")
}
