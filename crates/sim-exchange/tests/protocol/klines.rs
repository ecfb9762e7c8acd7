//! Klines on request (rest-api.md, "Kline/Candlestick data").

use serde_json::{Value, json};

use crate::common::{START, Venue};
use crate::market::{after_seconds, int, list};

#[test]
fn klines_are_what_the_trades_were() {
    let mut venue = after_seconds(125);
    let trades = venue.get("/api/v3/trades?symbol=BTCUSDT&limit=1000").ok();
    let rows = venue.get("/api/v3/klines?symbol=BTCUSDT&interval=1m").ok();
    let rows = list(&rows);
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert_eq!(list(row).len(), 12);
        let (open, close) = (int(&row[0]), int(&row[6]));
        assert_eq!((open % 60_000, close - open), (0, 59_999));
        let inside: Vec<&Value> = list(&trades)
            .iter()
            .filter(|t| (open..=close).contains(&int(&t["time"])))
            .collect();
        assert_eq!(int(&row[8]), inside.len() as i64, "every trade once");
        assert_eq!(
            (&row[1], &row[4]),
            (&inside[0]["price"], &inside.last().unwrap()["price"])
        );
        let number = |v: &Value| v.as_str().unwrap().parse::<f64>().unwrap();
        let sum = |name: &str, taken: bool| -> f64 {
            inside
                .iter()
                .filter(|t| !taken || t["isBuyerMaker"] == false)
                .map(|t| number(&t[name]))
                .sum()
        };
        assert!((number(&row[5]) - sum("qty", false)).abs() < 1e-6);
        assert!((number(&row[7]) - sum("quoteQty", false)).abs() < 1e-3);
        assert!((number(&row[9]) - sum("qty", true)).abs() < 1e-6);
        assert!((number(&row[10]) - sum("quoteQty", true)).abs() < 1e-3);
        let highest = inside.iter().map(|t| number(&t["price"])).fold(0.0, f64::max);
        assert!((number(&row[2]) - highest).abs() < 1e-9);
    }
}

#[test]
fn klines_of_every_interval() {
    let mut venue = after_seconds(400);
    let intervals = [
        "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
    ];
    let mut counts = Vec::new();
    for interval in intervals {
        let rows = ask_klines(&mut venue, &format!("interval={interval}"));
        let last = list(&rows).last().unwrap().clone();
        assert!(
            int(&last[0]) <= venue.now.as_millis() && venue.now.as_millis() <= int(&last[6]),
            "{interval}"
        );
        counts.push(list(&rows).len());
        assert_eq!(
            venue
                .get(&format!("/api/v3/uiKlines?symbol=BTCUSDT&interval={interval}"))
                .ok(),
            rows
        );
    }
    // A second without a trade has its kline too.
    assert_eq!(counts[..4], [401, 7, 3, 2]);
    let flat = ask_klines(&mut venue, "interval=1s&limit=1000");
    let quiet = list(&flat)
        .iter()
        .find(|row| row[8] == 0)
        .expect("a second without a trade");
    assert_eq!((&quiet[5], &quiet[1]), (&json!("0.00000000"), &quiet[4]));
}

fn ask_klines(venue: &mut Venue, query: &str) -> Value {
    venue.get(&format!("/api/v3/klines?symbol=BTCUSDT&{query}")).ok()
}

#[test]
fn klines_by_start_and_by_end() {
    let mut venue = after_seconds(400);
    let minutes = ask_klines(&mut venue, "interval=1m");
    let minutes = list(&minutes);
    let start = START.as_millis();
    let from = ask_klines(
        &mut venue,
        &format!("interval=1m&startTime={}&limit=2", start + 1),
    );
    assert_eq!(
        list(&from)[..],
        minutes[1..3],
        "opened after the start, oldest first"
    );
    let until = ask_klines(
        &mut venue,
        &format!("interval=1m&endTime={}&limit=2", start + 180_000),
    );
    assert_eq!(list(&until)[..], minutes[2..4], "the newest until the end");
    let both = ask_klines(
        &mut venue,
        &format!("interval=1m&startTime={start}&endTime={}", start + 60_000),
    );
    assert_eq!(list(&both)[..], minutes[..2]);
}

#[test]
fn klines_in_any_time_zone() {
    let mut venue = after_seconds(10);
    for (zone, offset_minutes) in [
        ("0", 0),
        ("8", 480),
        ("-1:00", -60),
        ("05:45", 345),
        ("14:00", 840),
        ("-12", -720),
    ] {
        let rows = ask_klines(&mut venue, &format!("interval=1d&timeZone={zone}"));
        assert_eq!(
            (int(&rows[0][0]) + offset_minutes * 60_000) % 86_400_000,
            0,
            "{zone}"
        );
    }
    for (query, code) in [
        ("interval=2m", -1120),
        ("interval=1D", -1120),
        ("limit=5", -1102),
        ("interval=1d&timeZone=14:01", -1130),
        ("interval=1d&timeZone=-12:01", -1130),
        ("interval=1d&timeZone=abc", -1130),
        ("interval=1d&startTime=-5", -1100),
    ] {
        let answer = venue.get(&format!("/api/v3/klines?symbol=BTCUSDT&{query}"));
        assert_eq!(answer.refusal().1, code, "{query}");
    }
}
