//! Rate limits: one counter for every call, a reserve for exits, and the venue's word to stop.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{Rig, WS_API, btc, id, millis, secs};
use keel_binance::{HttpMethod, HttpResult, Input, KeyKind};
use keel_domain::Purpose;
use keel_execution::{NotSent, Venue, VenueReport};
use serde_json::json;

fn answer(
    status: u16,
    retry_after: Option<u64>,
    used_weight: Option<u32>,
    body: serde_json::Value,
) -> HttpResult {
    HttpResult {
        status,
        retry_after,
        used_weight,
        body: body.to_string().into_bytes(),
    }
}

/// Asks for trades, which is no exit, and gives the venue's count of the weight in the answer.
fn told_used(rig: &mut Rig, used: u32) {
    rig.call(|session, now| session.query_trades(now, btc(), None));
    let (request, _) = rig.asked(HttpMethod::Get, "/api/v3/myTrades").expect("it left");
    rig.answer_with(request, answer(200, None, Some(used), json!([])));
    rig.reports();
}

/// What may leave: an ordinary question, a question about an order, an entry, an exit, a cancel.
fn may_leave(rig: &mut Rig) -> [bool; 5] {
    rig.call(|session, now| session.query_trades(now, btc(), None));
    rig.call(|session, now| session.query_order(now, btc(), id("k-1")));
    let left = [
        rig.asked(HttpMethod::Get, "/api/v3/myTrades").is_some(),
        rig.asked(HttpMethod::Get, "/api/v3/order").is_some(),
        rig.submit("k-2", Purpose::Entry).is_ok(),
        rig.submit("k-3", Purpose::ReduceOnly).is_ok(),
        rig.cancel("k-4").is_ok(),
    ];
    rig.reports();
    left
}

#[test]
fn f34_three_tenths_of_the_weight_are_kept_for_exits_and_questions() {
    let mut rig = Rig::up(KeyKind::Hmac);
    told_used(&mut rig, 4_180);
    rig.call(|session, now| session.query_trades(now, btc(), None));
    let (request, _) = rig
        .asked(HttpMethod::Get, "/api/v3/myTrades")
        .expect("4,200 are 70 % of 6,000");
    rig.answer(request, 200, json!([]));
    assert_eq!(may_leave(&mut rig), [false, true, false, true, true]);
    assert!(rig.session.stats().rate_limited >= 2);
}

#[test]
fn f34_what_the_venue_tells_on_either_way_is_counted() {
    let mut rig = Rig::up(KeyKind::Hmac);
    told_used(&mut rig, 1_000);
    assert_eq!(rig.session.stats().used_weight, 1_000);
    told_used(&mut rig, 10);
    assert_eq!(
        rig.session.stats().used_weight,
        1_020,
        "a count that lags behind ours does not lower it"
    );
    rig.submit("k-1", Purpose::Entry).expect("it may be sent");
    let (request, _, link) = rig.ws_request("order.place").expect("it was sent");
    let limits = json!([{"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 50, "count": 12},
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000, "count": 3210}]);
    rig.ws_answer(
        link,
        &request,
        json!({"status": 400, "error": {"code": -2010, "msg": "m"}, "rateLimits": limits}),
    );
    assert_eq!(rig.session.stats().used_weight, 3_210);
}

#[test]
fn an_order_that_succeeds_costs_nothing() {
    let mut rig = Rig::up(KeyKind::Hmac);
    let before = rig.session.stats().used_weight;
    rig.submit("k-1", Purpose::Entry).expect("it may be sent");
    assert_eq!(
        rig.session.stats().used_weight,
        before + 1,
        "counted while it is under way"
    );
    let (request, _, link) = rig.ws_request("order.place").expect("it was sent");
    rig.ws_answer(
        link,
        &request,
        json!({"status": 200, "result": common::placed("k-1")}),
    );
    assert_eq!(rig.session.stats().used_weight, before);
}

#[test]
fn f34_a_new_minute_of_the_venues_clock_begins_at_nothing() {
    let mut rig = Rig::new(KeyKind::Hmac);
    rig.skew_ms = 400;
    rig.come_up();
    told_used(&mut rig, 4_300);
    let to_minute = 60_000 - (rig.now.as_millis() + 400).rem_euclid(60_000);
    rig.pass_with(
        millis(u64::try_from(to_minute).expect("ahead")) - millis(2),
        Rig::answer_routine,
    );
    assert!(!may_leave(&mut rig)[0], "the old minute");
    rig.pass_with(millis(3), Rig::answer_routine);
    assert!(may_leave(&mut rig)[0], "the new one");
}

#[test]
fn the_venues_own_limit_replaces_the_documented_one() {
    let mut rig = Rig::new(KeyKind::Hmac);
    let (request, _) = rig
        .asked(HttpMethod::Get, "/api/v3/exchangeInfo")
        .expect("the pairs are asked for");
    let limits =
        json!([{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 1200}]);
    rig.answer(request, 200, json!({"timezone": "UTC", "serverTime": 1, "rateLimits": limits, "exchangeFilters": [], "symbols": []}));
    rig.come_up();
    told_used(&mut rig, 840);
    assert_eq!(may_leave(&mut rig), [false, true, false, true, true]);
}

#[test]
fn f6_the_strictest_limit_of_orders_in_a_short_time_is_told_with_the_pairs() {
    let told = |limits: serde_json::Value| {
        let mut rig = Rig::new(KeyKind::Hmac);
        let (request, _) = rig
            .asked(HttpMethod::Get, "/api/v3/exchangeInfo")
            .expect("the pairs are asked for");
        rig.answer(request, 200, json!({"timezone": "UTC", "serverTime": 1, "rateLimits": limits, "exchangeFilters": [], "symbols": []}));
        let limit = |report| match report {
            VenueReport::OrderLimit { per_10s_max } => Some(per_10s_max),
            _ => None,
        };
        rig.reports().into_iter().filter_map(limit).collect::<Vec<u32>>()
    };
    let limit = |kind: &str, interval: &str, number: u32, limit: u32| json!({"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit});
    let of_orders = |interval, number, most| limit("ORDERS", interval, number, most);
    assert_eq!(
        told(json!([
            of_orders("SECOND", 10, 100),
            of_orders("DAY", 1, 200_000)
        ])),
        [100]
    );
    assert_eq!(
        told(json!([of_orders("SECOND", 10, 100), of_orders("MINUTE", 1, 300)])),
        [50]
    );
    assert_eq!(
        told(json!([of_orders("SECOND", 1, 20)])),
        [20],
        "not ten times as many at once"
    );
    assert_eq!(
        told(json!([
            of_orders("DAY", 1, 200_000),
            limit("RAW_REQUESTS", "SECOND", 10, 7)
        ])),
        Vec::<u32>::new()
    );
}

#[test]
fn f34_after_429_only_exits_leave_until_retry_after_is_over() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.call(|session, now| session.query_trades(now, btc(), None));
    let (request, _) = rig.asked(HttpMethod::Get, "/api/v3/myTrades").expect("it left");
    rig.answer_with(
        request,
        answer(
            429,
            Some(7),
            None,
            json!({"code": -1003, "msg": "Too much request weight used"}),
        ),
    );
    let told = rig.reports();
    let (wait, is_ban) = (secs(7), false);
    assert_eq!(told.first(), Some(&VenueReport::RateLimited { wait, is_ban }));
    assert!(matches!(told[1..], [VenueReport::QueryFailed { .. }]), "{told:?}");
    assert_eq!(may_leave(&mut rig), [false, false, false, true, true]);
    rig.frames.clear();
    rig.pass(millis(6_999));
    assert_eq!(may_leave(&mut rig), [false, false, false, true, true]);
    rig.pass(millis(1));
    assert_eq!(may_leave(&mut rig), [true, true, true, true, true]);
}

#[test]
fn f34_after_418_nothing_leaves_until_the_ban_is_over() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.cancel("k-1").expect("a cancel goes");
    let (request, _, link) = rig.ws_request("order.cancel").expect("it left");
    let until = rig.now.plus(secs(100)).as_millis();
    let data = json!({"serverTime": rig.now.as_millis(), "retryAfter": until});
    let error = json!({"code": -1003, "msg": "Way too much request weight used; IP banned", "data": data});
    rig.ws_answer(link, &request, json!({"status": 418, "error": error}));
    assert_eq!(may_leave(&mut rig), [false; 5]);
    assert_eq!(rig.cancel("k-5"), Err(NotSent::RateLimited));
    // Connections break meanwhile: they are not even tried again.
    rig.input(Input::Closed(WS_API, "gone".to_owned()));
    rig.input(Input::Closed(common::MARKET, "gone".to_owned()));
    rig.http.clear();
    rig.frames.clear();
    rig.opens.clear();
    rig.pass(secs(99));
    assert_eq!(
        (rig.http.len(), rig.frames.len(), rig.opens.len()),
        (0, 0, 0),
        "{:?}",
        rig.opens
    );
    rig.pass(secs(2));
    assert_eq!(rig.opens.len(), 2);
    assert_eq!(rig.cancel("k-6"), Ok(()));
}

#[test]
fn f34_a_connection_that_opens_into_a_ban_is_closed_without_a_word() {
    let mut rig = Rig::new(KeyKind::Hmac);
    let (request, _) = rig
        .asked(HttpMethod::Get, "/api/v3/exchangeInfo")
        .expect("the pairs are asked for");
    rig.answer_with(
        request,
        answer(418, Some(60), None, json!({"code": -1003, "msg": "banned"})),
    );
    rig.input(Input::Opened(WS_API));
    rig.input(Input::Opened(common::MARKET));
    let closed = [WS_API, common::MARKET];
    assert_eq!((&rig.closes[..], rig.frames.len()), (&closed[..], 0));
}

#[test]
fn f34_a_refused_handshake_counts_as_the_venues_word_too() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.input(Input::Closed(common::MARKET, "gone".to_owned()));
    rig.pass_with(secs(1), Rig::answer_routine);
    rig.input(Input::Refused(common::MARKET, 418, Some(300)));
    assert_eq!(may_leave(&mut rig), [false; 5]);
    rig.opens.clear();
    rig.pass(secs(299));
    assert_eq!(rig.opens.len(), 0);
    rig.pass(secs(2));
    assert_eq!(rig.opens.len(), 1);
}

#[test]
fn f34_a_ban_without_an_end_lasts_the_venues_shortest_ban() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.call(|session, now| session.query_trades(now, btc(), None));
    let (request, _) = rig.asked(HttpMethod::Get, "/api/v3/myTrades").expect("it left");
    rig.answer(request, 418, "");
    rig.pass(millis(119_999));
    assert_eq!(rig.cancel("k-1"), Err(NotSent::RateLimited));
    rig.pass(millis(1));
    assert_eq!(rig.cancel("k-1"), Ok(()));
}
