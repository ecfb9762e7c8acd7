//! The venue's clock against ours, the wall clock against the steady one, and how late data may be.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{MARKET, Rig, WS_API, btc, eth, millis, secs};
use keel_binance::{HttpMethod, Input, KeyKind};
use keel_domain::{Purpose, Timestamp};
use keel_execution::VenueReport;
use keel_market_data::{LostReason, MarketUpdate};
use serde_json::json;

/// Answers the next questions for the time, with the given round trips and the venue's clock ahead by `skew_ms` in the
/// middle of each.
fn measure(rig: &mut Rig, round_trips: &[(u64, i64)]) {
    for (round_trip, skew_ms) in round_trips {
        let (id, _) = rig
            .asked(HttpMethod::Get, "/api/v3/time")
            .expect("the time is asked for");
        rig.http.remove(&id);
        let middle = rig.now.plus(millis(round_trip / 2));
        rig.pass(millis(*round_trip));
        rig.answer(id, 200, json!({"serverTime": middle.as_millis() + skew_ms}));
        rig.pass(millis(200 - round_trip.min(&200)));
    }
}

#[test]
fn f57_the_quickest_of_five_answers_sets_the_offset() {
    let mut rig = Rig::new(KeyKind::Hmac);
    measure(
        &mut rig,
        &[(100, 400), (20, 300), (10, 310), (60, 900), (40, -200)],
    );
    assert_eq!(rig.session.stats().clock_offset_ms, 310);
    assert_eq!(rig.reports(), [], "310 ms are near enough");
}

#[test]
fn f57_a_later_measurement_counts_as_a_whole() {
    let mut rig = Rig::new(KeyKind::Hmac);
    measure(&mut rig, &[(10, 100); 5]);
    while rig.asked(HttpMethod::Get, "/api/v3/time").is_none() {
        rig.pass(millis(10));
    }
    measure(&mut rig, &[(180, 350), (170, 340), (160, 330), (150, 320)]);
    assert_eq!(
        rig.session.stats().clock_offset_ms,
        100,
        "a slow answer alone changes nothing"
    );
    measure(&mut rig, &[(20, 120)]);
    assert_eq!(rig.session.stats().clock_offset_ms, 120);
}

#[test]
fn f57_a_clock_five_seconds_off_signs_by_the_venues_time_and_is_a_fault() {
    let mut rig = Rig::new(KeyKind::Hmac);
    measure(&mut rig, &[(10, 5_000); 5]);
    rig.skew_ms = 5_000;
    assert_eq!(
        rig.reports(),
        [VenueReport::ClockApart {
            offset_ms: 5_000,
            is_warning: true,
            is_fault: true
        }]
    );
    rig.input(Input::Opened(WS_API));
    let (_, params, _) = rig
        .ws_request("userDataStream.subscribe.signature")
        .expect("it subscribes");
    let signed_at = params["timestamp"].as_i64().expect("a time");
    assert_eq!(signed_at, rig.now.as_millis() + 5_000);
}

#[test]
fn f57_the_offset_is_told_when_it_becomes_worth_telling_and_when_it_no_longer_is() {
    // Half a millisecond is added for the venue's rounding; these answers take no time.
    for (skew_ms, told) in [
        (499, None),
        (500, Some(false)),
        (1_999, Some(false)),
        (2_000, Some(true)),
        (-2_001, Some(true)),
    ] {
        let mut rig = Rig::new(KeyKind::Hmac);
        measure(&mut rig, &[(0, skew_ms); 5]);
        let is_fault = match rig.reports()[..] {
            [] => None,
            [VenueReport::ClockApart { is_fault, .. }] => Some(is_fault),
            ref other => panic!("{other:?}"),
        };
        assert_eq!(is_fault, told, "{skew_ms}");
    }
    let mut rig = Rig::new(KeyKind::Hmac);
    measure(&mut rig, &[(10, 1_000); 5]);
    rig.pass(secs(60));
    measure(&mut rig, &[(10, 0); 5]);
    let near: Vec<_> = rig
        .reports()
        .into_iter()
        .filter(|r| {
            matches!(
                r,
                VenueReport::ClockApart {
                    is_warning: false,
                    ..
                }
            )
        })
        .collect();
    assert_eq!(near.len(), 1);
}

#[test]
fn f57_a_refused_timestamp_measures_again_once() {
    let mut rig = Rig::up(KeyKind::Hmac);
    for (n, is_measured) in [("1", true), ("2", false)] {
        rig.frames.clear();
        rig.submit(&format!("k-{n}"), Purpose::Entry)
            .expect("it may be sent");
        let (id, _, _) = rig.ws_request("order.place").expect("it was sent");
        rig.ws_answer(
            WS_API,
            &id,
            json!({"status": 400, "error": {"code": -1021, "msg": "Timestamp"}}),
        );
        assert_eq!(rig.ws_request("time").is_some(), is_measured, "after refusal {n}");
        rig.pass_with(secs(2), Rig::answer_routine);
    }
}

#[test]
fn f57_the_clock_is_measured_again_every_minute() {
    let mut rig = Rig::up(KeyKind::Hmac);
    let mut asked = Vec::new();
    let start = rig.now;
    rig.pass_with(secs(125), |rig| {
        if rig.frames.iter().any(|(_, frame)| frame["method"] == "time") {
            asked.push(rig.now.since(start).as_secs());
        }
        rig.answer_routine();
        for symbol in [btc(), eth()] {
            rig.depth(MARKET, symbol, 1, 1);
            rig.updates();
        }
        rig.http.clear();
    });
    assert_eq!(asked.len(), 10, "twice five: {asked:?}");
}

#[test]
fn f58_a_jump_of_the_wall_clock_makes_data_stale_and_is_told() {
    for (jump_ms, is_told) in [(1_000, false), (1_001, true), (-1_001, true)] {
        let mut rig = Rig::up(KeyKind::Hmac);
        rig.synchronise(btc(), 5);
        let wall = |rig: &Rig, lead_ms: i64| Timestamp::from_millis(rig.now.as_millis() + lead_ms);
        rig.input(Input::WallClock(wall(&rig, 7)));
        rig.pass(secs(1));
        assert_eq!(rig.updates(), []);
        rig.reports();
        rig.input(Input::WallClock(wall(&rig, 7 + jump_ms)));
        let is_lost = rig.updates().contains(&MarketUpdate::BookLost {
            symbol: btc(),
            reason: LostReason::Stalled,
        });
        let told = rig.reports() == [VenueReport::ClockJumped { by_ms: jump_ms }];
        assert_eq!((is_lost, told), (is_told, is_told), "{jump_ms}");
        rig.input(Input::WallClock(wall(&rig, 7 + jump_ms)));
        assert_eq!(rig.reports(), [], "told once");
    }
}

#[test]
fn f36_events_that_come_too_late_by_the_venues_clock_give_no_book() {
    let mut rig = Rig::new(KeyKind::Hmac);
    rig.skew_ms = 1_270;
    rig.come_up();
    rig.synchronise(btc(), 5);
    let venue_now = rig.now.as_millis() + 1_270;
    rig.depth_at(MARKET, btc(), 7, 7, venue_now - 2_990);
    assert!(
        matches!(rig.updates()[..], [MarketUpdate::BookDelta(_)]),
        "fresh within three seconds"
    );
    rig.depth_at(MARKET, btc(), 8, 8, venue_now - 3_010);
    rig.depth_at(MARKET, btc(), 9, 9, venue_now - 3_010);
    assert_eq!(
        (rig.updates(), rig.session.stats().stalls),
        (
            vec![MarketUpdate::BookLost {
                symbol: btc(),
                reason: LostReason::Stalled
            }],
            1
        )
    );
    rig.pass(secs(1));
    rig.depth(MARKET, btc(), 10, 11);
    rig.snapshot(btc(), 10);
    assert_eq!(rig.updates().len(), 2, "caught up");
}
