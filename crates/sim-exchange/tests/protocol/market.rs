//! Market data on request (rest-api.md, "General endpoints" and "Market Data endpoints").

use keel_sim_exchange::protocol::Method;
use serde_json::{Value, json};

use crate::common::{START, Venue};

/// A venue whose market has moved for so many seconds.
fn after_seconds(seconds: u64) -> Venue {
    let mut venue = Venue::new();
    venue.wait_millis(seconds * 1_000);
    venue
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("{value}"))
}

fn used_weight(venue: &mut Venue, url: &str) -> u64 {
    let used =
        |answer: &crate::common::Answer| answer.headers["x-mbx-used-weight-1m"].parse::<u64>().unwrap();
    let before = used(&venue.get("/api/v3/ping"));
    let answer = venue.get(url);
    used(&answer) - before
}

#[test]
fn weights_go_by_what_is_asked_for() {
    let mut venue = Venue::new();
    let many = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("%22P{i}%22")).collect();
        format!("[{}]", names.join(","))
    };
    let cases = [
        ("/api/v3/time".to_owned(), 1),
        ("/api/v3/exchangeInfo".to_owned(), 20),
        ("/api/v3/depth?symbol=BTCUSDT".to_owned(), 5),
        ("/api/v3/depth?symbol=BTCUSDT&limit=100".to_owned(), 5),
        ("/api/v3/depth?symbol=BTCUSDT&limit=101".to_owned(), 25),
        ("/api/v3/depth?symbol=BTCUSDT&limit=500".to_owned(), 25),
        ("/api/v3/depth?symbol=BTCUSDT&limit=501".to_owned(), 50),
        ("/api/v3/depth?symbol=BTCUSDT&limit=1000".to_owned(), 50),
        ("/api/v3/depth?symbol=BTCUSDT&limit=1001".to_owned(), 250),
        ("/api/v3/depth?symbol=BTCUSDT&limit=9999".to_owned(), 250),
        ("/api/v3/trades?symbol=BTCUSDT".to_owned(), 25),
        ("/api/v3/aggTrades?symbol=BTCUSDT".to_owned(), 4),
        ("/api/v3/klines?symbol=BTCUSDT&interval=1m".to_owned(), 2),
        ("/api/v3/avgPrice?symbol=BTCUSDT".to_owned(), 2),
        ("/api/v3/ticker/24hr?symbol=BTCUSDT".to_owned(), 2),
        (format!("/api/v3/ticker/24hr?symbols={}", many(20)), 2),
        (format!("/api/v3/ticker/24hr?symbols={}", many(21)), 40),
        (format!("/api/v3/ticker/24hr?symbols={}", many(100)), 40),
        (format!("/api/v3/ticker/24hr?symbols={}", many(101)), 80),
        ("/api/v3/ticker/24hr".to_owned(), 80),
        ("/api/v3/ticker/price?symbol=BTCUSDT".to_owned(), 2),
        ("/api/v3/ticker/price".to_owned(), 4),
        ("/api/v3/ticker/bookTicker?symbols=[%22BTCUSDT%22]".to_owned(), 4),
        (format!("/api/v3/ticker?symbols={}", many(50)), 200),
        (format!("/api/v3/ticker/tradingDay?symbols={}", many(51)), 200),
        (format!("/api/v3/ticker?symbols={}", many(3)), 12),
        ("/api/v3/executionRules?symbol=BTCUSDT".to_owned(), 2),
        (format!("/api/v3/executionRules?symbols={}", many(20)), 40),
        ("/api/v3/executionRules".to_owned(), 40),
        ("/api/v3/referencePrice?symbol=BTCUSDT".to_owned(), 2),
    ];
    for (url, weight) in cases {
        assert_eq!(used_weight(&mut venue, &url), weight, "{url}");
    }
}

#[test]
fn exchange_info_tells_all_pairs_or_the_named_ones() {
    let mut venue = Venue::new();
    let names = |info: Value| -> Vec<String> {
        list(&info["symbols"])
            .iter()
            .map(|s| s["symbol"].as_str().unwrap().to_owned())
            .collect()
    };
    let cases = [
        ("", vec!["BTCUSDT", "ETHUSDT"]),
        ("?symbol=ETHUSDT", vec!["ETHUSDT"]),
        ("?symbols=[\"BTCUSDT\",\"ETHUSDT\"]", vec!["BTCUSDT", "ETHUSDT"]),
        ("?permissions=SPOT", vec!["BTCUSDT", "ETHUSDT"]),
        ("?permissions=[\"MARGIN\",\"LEVERAGED\"]", vec![]),
        ("?symbolStatus=TRADING", vec!["BTCUSDT", "ETHUSDT"]),
        ("?symbolStatus=HALT", vec![]),
    ];
    for (query, expected) in cases {
        let info = venue.get(&format!("/api/v3/exchangeInfo{query}")).ok();
        assert_eq!(names(info), expected, "{query}");
    }
    let shown = venue.get("/api/v3/exchangeInfo").ok();
    assert_eq!(shown["symbols"][0]["permissionSets"], json!([["SPOT"]]));
    let hidden = venue.get("/api/v3/exchangeInfo?showPermissionSets=false").ok();
    assert_eq!(hidden["symbols"][0]["permissionSets"], json!([]));
    let limits: Vec<(&str, i64, i64)> = list(&shown["rateLimits"])
        .iter()
        .map(|l| {
            (
                l["rateLimitType"].as_str().unwrap(),
                int(&l["intervalNum"]),
                int(&l["limit"]),
            )
        })
        .collect();
    assert_eq!(
        limits,
        [
            ("REQUEST_WEIGHT", 1, 6_000),
            ("ORDERS", 10, 100),
            ("ORDERS", 1, 200_000),
            ("RAW_REQUESTS", 5, 300_000)
        ]
    );
    let refusals = [
        ("?symbol=XYZUSDT", -1121),
        ("?symbol=BTCUSDT&symbolStatus=TRADING", -1128),
        ("?symbol=BTCUSDT&permissions=SPOT", -1128),
        ("?symbolStatus=OPEN", -1122),
    ];
    for (query, code) in refusals {
        assert_eq!(
            venue.get(&format!("/api/v3/exchangeInfo{query}")).refusal().1,
            code,
            "{query}"
        );
    }
}

#[test]
fn trades_are_the_latest_or_from_an_id_on() {
    let mut venue = after_seconds(120);
    let all = venue.get("/api/v3/trades?symbol=BTCUSDT&limit=1000").ok();
    let ids: Vec<i64> = list(&all).iter().map(|t| int(&t["id"])).collect();
    assert!(ids.len() > 20 && ids.windows(2).all(|pair| pair[1] == pair[0] + 1));
    let latest = venue.get("/api/v3/trades?symbol=BTCUSDT&limit=3").ok();
    assert_eq!(list(&latest)[..], list(&all)[ids.len() - 3..]);
    let url = format!(
        "/api/v3/historicalTrades?symbol=BTCUSDT&fromId={}&limit=4",
        ids[5]
    );
    assert_eq!(list(&venue.get(&url).ok())[..], list(&all)[5..9]);
    let newest = venue.get("/api/v3/historicalTrades?symbol=BTCUSDT&limit=2").ok();
    assert_eq!(list(&newest)[..], list(&all)[ids.len() - 2..]);
    assert_eq!(
        venue
            .get("/api/v3/historicalBlockTrades?symbol=BTCUSDT&fromId=0")
            .ok(),
        json!([])
    );
    assert_eq!(
        venue
            .get("/api/v3/historicalBlockTrades?symbol=BTCUSDT")
            .refusal()
            .1,
        -1102
    );
}

#[test]
fn aggregated_trades_by_id_and_by_time() {
    let mut venue = after_seconds(120);
    let all = venue.get("/api/v3/aggTrades?symbol=BTCUSDT&limit=1000").ok();
    let all = list(&all);
    assert!(all.len() > 10);
    let (third, sixth) = (&all[2], &all[5]);
    let url = format!("/api/v3/aggTrades?symbol=BTCUSDT&fromId={}&limit=2", third["a"]);
    assert_eq!(list(&venue.get(&url).ok())[..], all[2..4]);
    let time = |trade: &Value| int(&trade["T"]);
    let between = |from: i64, until: i64| -> Vec<Value> {
        all.iter()
            .filter(|t| (from..=until).contains(&time(t)))
            .cloned()
            .collect()
    };
    let url = format!(
        "/api/v3/aggTrades?symbol=BTCUSDT&startTime={}&endTime={}",
        time(third),
        time(sixth)
    );
    assert_eq!(
        *list(&venue.get(&url).ok()),
        between(time(third), time(sixth)),
        "both ends included"
    );
    // Microseconds name the same times.
    let url = format!(
        "/api/v3/aggTrades?symbol=BTCUSDT&startTime={}000&endTime={}999",
        time(third),
        time(sixth)
    );
    assert_eq!(*list(&venue.get(&url).ok()), between(time(third), time(sixth)));
    // From a start the oldest, until an end the newest.
    let url = format!(
        "/api/v3/aggTrades?symbol=BTCUSDT&startTime={}&limit=1",
        time(third)
    );
    assert_eq!(venue.get(&url).ok()[0], between(time(third), i64::MAX)[0]);
    let url = format!("/api/v3/aggTrades?symbol=BTCUSDT&endTime={}&limit=1", time(third));
    assert_eq!(venue.get(&url).ok()[0], *between(0, time(third)).last().unwrap());
    let both = format!(
        "/api/v3/aggTrades?symbol=BTCUSDT&fromId=1&startTime={}",
        time(third)
    );
    assert_eq!(venue.get(&both).refusal().1, -1128);
}

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
fn klines_of_every_interval_zone_and_span() {
    let mut venue = after_seconds(400);
    let ask =
        |venue: &mut Venue, query: &str| venue.get(&format!("/api/v3/klines?symbol=BTCUSDT&{query}")).ok();
    let intervals = [
        "1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M",
    ];
    let mut counts = Vec::new();
    for interval in intervals {
        let rows = ask(&mut venue, &format!("interval={interval}"));
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
    let flat = ask(&mut venue, "interval=1s&limit=1000");
    let quiet = list(&flat)
        .iter()
        .find(|row| row[8] == 0)
        .expect("a second without a trade");
    assert_eq!((&quiet[5], &quiet[1]), (&json!("0.00000000"), &quiet[4]));

    let minutes = ask(&mut venue, "interval=1m");
    let minutes = list(&minutes);
    let start = START.as_millis();
    let from = ask(
        &mut venue,
        &format!("interval=1m&startTime={}&limit=2", start + 1),
    );
    assert_eq!(
        list(&from)[..],
        minutes[1..3],
        "opened after the start, oldest first"
    );
    let until = ask(
        &mut venue,
        &format!("interval=1m&endTime={}&limit=2", start + 180_000),
    );
    assert_eq!(list(&until)[..], minutes[2..4], "the newest until the end");
    let both = ask(
        &mut venue,
        &format!("interval=1m&startTime={start}&endTime={}", start + 60_000),
    );
    assert_eq!(list(&both)[..], minutes[..2]);

    for (zone, offset_minutes) in [
        ("0", 0),
        ("8", 480),
        ("-1:00", -60),
        ("05:45", 345),
        ("14:00", 840),
        ("-12", -720),
    ] {
        let rows = ask(&mut venue, &format!("interval=1d&timeZone={zone}"));
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

#[test]
fn tickers_come_for_one_some_or_all() {
    let mut venue = after_seconds(30);
    for path in ["ticker/24hr", "ticker/price", "ticker/bookTicker"] {
        let one = venue.get(&format!("/api/v3/{path}?symbol=BTCUSDT")).ok();
        assert_eq!(one["symbol"], "BTCUSDT");
        let some = venue.get(&format!("/api/v3/{path}?symbols=[\"ETHUSDT\"]")).ok();
        assert_eq!((list(&some).len(), &some[0]["symbol"]), (1, &json!("ETHUSDT")));
        assert_eq!(list(&venue.get(&format!("/api/v3/{path}")).ok()).len(), 2);
        let halted = venue.get(&format!("/api/v3/{path}?symbol=BTCUSDT&symbolStatus=HALT"));
        let text = "The symbol's status does not match the requested symbolStatus.";
        assert_eq!(halted.refusal(), (400, -1220, text));
        assert_eq!(
            venue.get(&format!("/api/v3/{path}?symbolStatus=HALT")).ok(),
            json!([])
        );
        assert_eq!(
            list(&venue.get(&format!("/api/v3/{path}?symbolStatus=TRADING")).ok()).len(),
            2
        );
    }
    let halted = venue.get("/api/v3/depth?symbol=BTCUSDT&symbolStatus=BREAK");
    assert_eq!(halted.refusal().1, -1220);
    for path in ["ticker", "ticker/tradingDay"] {
        let text = "Param 'symbol' or 'symbols' must be sent, but both were empty/null!";
        assert_eq!(
            venue.get(&format!("/api/v3/{path}")).refusal(),
            (400, -1102, text)
        );
        let one = venue.get(&format!("/api/v3/{path}?symbol=BTCUSDT")).ok();
        let mini = venue
            .get(&format!("/api/v3/{path}?symbol=BTCUSDT&type=MINI"))
            .ok();
        assert!(one.get("priceChange").is_some() && mini.get("priceChange").is_none());
        assert_eq!(mini["volume"], one["volume"]);
        assert_eq!(
            venue
                .get(&format!("/api/v3/{path}?symbol=BTCUSDT&type=BIG"))
                .refusal()
                .1,
            -1139
        );
    }
}

#[test]
fn windows_reach_as_far_as_they_say() {
    let mut venue = after_seconds(400);
    let minutes = venue.get("/api/v3/klines?symbol=BTCUSDT&interval=1m").ok();
    let minutes = list(&minutes);
    let two = venue.get("/api/v3/ticker?symbol=BTCUSDT&windowSize=2m").ok();
    // 400 s after the start is 40 s into the seventh minute: two minutes back is the fifth.
    assert_eq!(int(&two["openTime"]), START.as_millis() + 4 * 60_000);
    assert_eq!(int(&two["closeTime"]), venue.now.as_millis());
    assert_eq!(two["openPrice"], minutes[4][1]);
    let count: i64 = minutes[4..].iter().map(|row| int(&row[8])).sum();
    assert_eq!(int(&two["count"]), count);
    for size in ["1m", "59m", "1h", "23h", "1d", "7d"] {
        venue
            .get(&format!("/api/v3/ticker?symbol=BTCUSDT&windowSize={size}"))
            .ok();
    }
    for size in ["0m", "60m", "24h", "8d", "1d2h", "1w", "m", "01m", ""] {
        let answer = venue.get(&format!("/api/v3/ticker?symbol=BTCUSDT&windowSize={size}"));
        assert_eq!(answer.refusal().1, -1130, "{size}");
    }
    let day = venue
        .get("/api/v3/ticker/tradingDay?symbol=BTCUSDT&timeZone=8")
        .ok();
    assert_eq!((int(&day["openTime"]) + 8 * 3_600_000) % 86_400_000, 0);
    assert_eq!(int(&day["closeTime"]) - int(&day["openTime"]), 86_399_999);
    let day = venue.get("/api/v3/ticker/24hr?symbol=BTCUSDT").ok();
    assert_eq!(int(&day["closeTime"]) - int(&day["openTime"]), 86_400_000);
}

#[test]
fn there_is_no_reference_price() {
    let mut venue = Venue::new();
    for path in ["referencePrice", "referencePrice/calculation"] {
        let answer = venue.get(&format!("/api/v3/{path}?symbol=BTCUSDT"));
        assert_eq!(
            answer.refusal(),
            (400, -2043, "This symbol doesn't have a reference price.")
        );
    }
    let rules = venue.get("/api/v3/executionRules?symbol=BTCUSDT").ok();
    assert_eq!(
        rules,
        json!({ "symbolRules": [{ "symbol": "BTCUSDT", "rules": [] }] })
    );
    let combined = venue.get("/api/v3/executionRules?symbol=BTCUSDT&symbolStatus=TRADING");
    assert_eq!(combined.refusal().1, -1128);
}

#[test]
fn times_are_in_the_unit_that_the_header_asks_for() {
    let mut venue = after_seconds(5);
    let mut request = venue.plain(Method::Get, "/api/v3/time", "");
    let milli = venue.request(&request).ok();
    request.time_unit = Some("MICROSECOND".to_owned());
    assert_eq!(
        int(&venue.request(&request).ok()["serverTime"]),
        int(&milli["serverTime"]) * 1_000
    );
    request = venue.plain(Method::Get, "/api/v3/klines", "symbol=BTCUSDT&interval=1m");
    request.time_unit = Some("microsecond".to_owned());
    let rows = venue.request(&request).ok();
    assert_eq!(int(&rows[0][0]), START.as_micros());
    assert_eq!(int(&rows[0][6]), START.as_micros() + 59_999_999);
    request.time_unit = Some("SECOND".to_owned());
    let text = "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.";
    assert_eq!(venue.request(&request).refusal(), (400, -1194, text));
}
