//! Drills: connections, clocks and limits that fail while the trader has orders open.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::{Duration, Instant};

use keel_domain::{Purpose, Timestamp};
use keel_engine::{Fact, Record};
use keel_tests::{CANCEL, Drill, FAR, Trader, eventually};
use serde_json::json;

const SOON: Duration = Duration::from_secs(20);
/// The period of reconciliation and a margin.
const PERIOD: Duration = Duration::from_secs(32);

/// Watches something for a while that must stay as it is.
fn stays<T: PartialEq + std::fmt::Debug>(what: &str, lasting: Duration, mut now_is: impl FnMut() -> T) {
    let (since, first) = (Instant::now(), now_is());
    while since.elapsed() < lasting {
        assert_eq!(now_is(), first, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn quoting(drill: &Drill, settings: &[&str]) -> Trader {
    let trader = drill.trader(settings);
    eventually("an open order", SOON, || !drill.open_orders().is_empty());
    trader
}

/// Entries that were handed to the connection in a span of time.
fn entries_sent(drill: &Drill, from: Timestamp, to: Timestamp) -> usize {
    let records = drill.records();
    let not_sent: Vec<_> = records
        .iter()
        .filter_map(|record| match record.fact {
            Fact::SubmitNotSent { cl_ord_id, .. } => Some(cl_ord_id),
            _ => None,
        })
        .collect();
    let is_sent = |record: &&Record| match record.fact {
        Fact::Intent {
            cl_ord_id, intent, ..
        } => intent.purpose == Purpose::Entry && !not_sent.contains(&cl_ord_id),
        _ => false,
    };
    let in_span = |record: &&Record| record.at > from && record.at < to;
    records.iter().filter(in_span).filter(is_sent).count()
}

#[test]
fn f34_after_a_429_only_exits_leave_until_its_end() {
    let drill = Drill::start(201);
    let trader = quoting(&drill, &["strategy.quoter.requote_ticks=1"]);
    drill.count("questions", &json!(["GET *", "time"]));
    drill.fault(
        json!({ "id": "limit", "request": "*", "action": "rate_limit", "retry_after_s": 6, "max": 1 }),
    );
    drill.wait_for_fault("limit", 1, SOON);
    // What was under way when the answer came.
    std::thread::sleep(Duration::from_millis(200));
    let begun = drill.records().last().unwrap().at;
    stays("questions", Duration::from_secs(5), || {
        drill.rule("questions", "matched")
    });
    let placed = drill.placed();
    eventually("it goes on", SOON, || drill.placed() > placed);
    let _ = drill.end(trader);
    let sent = entries_sent(&drill, begun, begun.plus(Duration::from_secs(5)));
    assert_eq!(sent, 0);
}

#[test]
fn f34_after_a_418_nothing_leaves_until_its_end() {
    let drill = Drill::start(202);
    let trader = quoting(&drill, &["strategy.quoter.requote_ticks=1"]);
    drill.count("all", &json!("*"));
    drill.fault(json!({ "id": "ban", "request": "*", "action": "ban", "retry_after_s": 8, "max": 1 }));
    drill.wait_for_fault("ban", 1, SOON);
    std::thread::sleep(Duration::from_millis(200));
    stays("all requests", Duration::from_secs(7), || {
        drill.rule("all", "matched")
    });
    let placed = drill.placed();
    eventually("it goes on", SOON, || drill.placed() > placed);
    let _ = drill.end(trader);
}

/// Pings go on, data does not.
#[test]
fn f35_f36_a_silent_book_stops_orders_and_is_given_up_for_a_new_connection() {
    let drill = Drill::start(203);
    let mut trader = quoting(&drill, &["strategy.quoter.requote_ticks=1"]);
    drill.fault(json!({ "id": "stall", "event": "market", "action": "stall", "for_s": 120, "max": 1 }));
    drill.wait_for_fault("stall", 1, SOON);
    std::thread::sleep(Duration::from_millis(2_300));
    let placed = drill.placed();
    eventually("no order rests on an old price", SOON, || {
        drill.open_orders().is_empty()
    });
    stays("orders", Duration::from_secs(6), || drill.placed());
    assert!(
        trader.snapshot()["symbols"][0]["bid"].is_null(),
        "no price is shown"
    );
    eventually("it goes on", SOON, || drill.placed() > placed);
    assert!(
        trader.process.said().contains("ALERT"),
        "{}",
        trader.process.said()
    );
    let _ = drill.end(trader);
}

#[test]
fn f37_a_harmed_depth_stream_ends_in_the_exchanges_book() {
    let drill = Drill::start(204);
    let harms = [
        (
            "missing",
            json!({ "action": "gap", "frames": 2, "probability": 0.1 }),
        ),
        (
            "swapped",
            json!({ "event": "depth", "action": "reorder", "probability": 0.1 }),
        ),
        (
            "twice",
            json!({ "event": "depth", "action": "duplicate", "probability": 0.1 }),
        ),
        (
            "crossed",
            json!({ "event": "depth", "action": "corrupt", "what": "crossed", "probability": 0.05 }),
        ),
        (
            "broken",
            json!({ "event": "depth", "action": "corrupt", "what": "broken_json", "probability": 0.05 }),
        ),
    ];
    let trader = quoting(&drill, &[]);
    for (id, harm) in &harms {
        let mut rule = harm.clone();
        rule["id"] = json!(id);
        drill.fault(rule);
    }
    for (id, _) in &harms {
        drill.wait_for_fault(id, 2, SOON);
    }
    for (id, _) in &harms {
        drill.heal(id);
    }
    let top = || {
        let depth = drill.public("/api/v3/depth?symbol=BTCUSDT&limit=5");
        let price = |side: &str| {
            depth[side][0][0]
                .as_str()
                .unwrap()
                .parse::<keel_domain::Price>()
                .unwrap()
        };
        (price("bids").to_string(), price("asks").to_string())
    };
    let mut agreed = 0;
    eventually("both books agree, twenty times", SOON, || {
        let before = top();
        let seen = trader.snapshot()["symbols"][0].clone();
        let seen = (
            seen["bid"].as_str().unwrap_or("").to_owned(),
            seen["ask"].as_str().unwrap_or("").to_owned(),
        );
        agreed += u32::from(seen == before);
        agreed >= 20
    });
    let _ = drill.end(trader);
}

#[test]
fn f38_a_user_stream_that_ends_is_taken_up_again_and_misses_nothing() {
    let drill = Drill::start(205);
    let trader = quoting(&drill, &FAR);
    // The order stays open when it is canceled for want of a stream.
    drill
        .fault(json!({ "id": "slow", "request": CANCEL, "action": "delay", "ms": 5_000, "stage": "before" }));
    drill.fault(
        json!({ "id": "told", "connection": "ws_api", "action": "user_stream_lost", "how": "terminated" }),
    );
    drill.wait_for_fault("told", 1, SOON);
    drill.force_fill();
    eventually("the position is right", SOON, || drill.is_position_right(&trader));
    drill.heal("slow");
    let _ = drill.end(trader);
}

/// The connection lives and answers, but tells nothing any more.
#[test]
fn f38_a_user_stream_that_falls_silent_is_noticed_and_opened_anew() {
    let drill = Drill::start(206);
    let trader = quoting(&drill, &FAR);
    drill.fault(
        json!({ "id": "silent", "connection": "ws_api", "action": "user_stream_lost", "how": "silence" }),
    );
    drill.wait_for_fault("silent", 1, SOON);
    drill.force_fill();
    eventually("the position is right", PERIOD, || {
        drill.is_position_right(&trader)
    });
    eventually("an open order", SOON, || !drill.open_orders().is_empty());
    drill.force_fill();
    eventually("the stream tells again", Duration::from_secs(5), || {
        drill.is_position_right(&trader)
    });
    let _ = drill.end(trader);
}

#[test]
fn f57_a_clock_that_is_five_seconds_off_halts_with_the_remedy_and_leaves_nothing_open() {
    let drill = Drill::start(207);
    drill.fault(json!({ "id": "ahead", "action": "clock_skew", "ms": 5_000 }));
    let mut trader = drill.trader(&[]);
    trader.process.wait_for("the venue's clock is", SOON);
    stays("orders", Duration::from_secs(3), || drill.placed());
    assert_eq!(drill.placed(), 0);
    let said = trader.process.said();
    assert!(
        said.contains("set this machine's clock"),
        "the remedy is told: {said}"
    );
    trader.process.signal("INT");
    let (code, said) = trader.process.finish(SOON);
    assert!(code.is_some(), "no crash: {said}");
    assert!(
        said.contains("closed: the venue shows no order of ours"),
        "{said}"
    );
    drill.compare(&said);
}

#[test]
fn f61_through_maintenance_nothing_is_ordered_nothing_crashes_and_trading_goes_on() {
    let drill = Drill::start(208);
    let mut trader = quoting(&drill, &[]);
    drill.fault(json!({ "id": "down", "action": "maintenance", "until_s": 12 }));
    trader.process.wait_for("session with the venue is down", SOON);
    let placed = drill.placed();
    stays("orders", Duration::from_secs(10), || drill.placed());
    eventually("it is over", SOON, || {
        drill
            .exchange
            .ask("/api/v3/account", keel_binance_wire::params::Params::new())["uid"]
            .is_number()
    });
    eventually("it goes on", PERIOD, || {
        drill.placed() > placed || !drill.open_orders().is_empty()
    });
    eventually("it trades", SOON, || {
        if !drill.open_orders().is_empty() {
            drill.force_fill();
        }
        drill.is_position_right(&trader)
    });
    assert_ne!(drill.rule("down", "fired"), 0);
    let _ = drill.end(trader);
}
