//! What the session makes of every way in which a request can end: rejected, not sent, or not known.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{Rig, T0, WS_API, approved, btc, id, millis, placed, secs};
use keel_binance::{HttpFailure, HttpMethod, HttpResult, Input, KeyKind, RequestId};
use keel_domain::{OrdStatus, Purpose};
use keel_execution::{NotSent, RefusedCause, UnknownCause, Venue, VenueReport};
use serde_json::{Value, json};

/// An order on its way by REST: the connection of the WS API is gone, but the session was up when it left.
fn order_by_ws() -> (Rig, String) {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.submit("k-1", Purpose::Entry).expect("it may be sent");
    let (request, params, link) = rig.ws_request("order.place").expect("it was sent");
    assert_eq!((&params["newClientOrderId"], link), (&Value::from("k-1"), WS_API));
    (rig, request)
}

fn unknown(cause: UnknownCause) -> VenueReport {
    VenueReport::SubmitUnknown {
        cl_ord_id: id("k-1"),
        cause,
    }
}

fn is_rejected_with(reports: &[VenueReport], expected: i32) -> bool {
    matches!(reports, [VenueReport::SubmitRejected { reject, .. }] if reject.code == expected)
}

#[test]
fn f1_an_answer_that_leaves_the_outcome_open_is_unknown_and_never_rejected() {
    let error = |status: u16, code: i32| json!({"status": status, "error": {"code": code, "msg": "m"}});
    let cases = [
        (error(500, -1000), UnknownCause::VenueUnsure(-1000)),
        (error(502, -1001), UnknownCause::VenueUnsure(-1001)),
        (error(503, -1008), UnknownCause::VenueUnsure(-1008)),
        (error(504, -1007), UnknownCause::VenueUnsure(-1007)),
        (error(400, -1006), UnknownCause::VenueUnsure(-1006)),
        (error(400, -1007), UnknownCause::VenueUnsure(-1007)),
        (error(400, -1001), UnknownCause::VenueUnsure(-1001)),
        (json!({"status": 503}), UnknownCause::VenueUnsure(503)),
        (
            json!({"status": 200, "result": {"orderId": "seven"}}),
            UnknownCause::Unreadable,
        ),
        (json!({"status": 200, "result": null}), UnknownCause::Unreadable),
    ];
    for (answer, cause) in cases {
        let (mut rig, request) = order_by_ws();
        rig.ws_answer(WS_API, &request, answer.clone());
        assert_eq!(rig.reports(), [unknown(cause)], "{answer}");
    }
}

#[test]
fn f1_an_answer_with_an_unknown_status_word_is_unknown() {
    let (mut rig, request) = order_by_ws();
    let mut result = placed("k-1");
    result["status"] = "TOMORROWS".into();
    rig.ws_answer(WS_API, &request, json!({"status": 200, "result": result}));
    assert_eq!(rig.reports(), [unknown(UnknownCause::Unreadable)]);
}

#[test]
fn a_refusal_of_the_venue_is_a_rejection_in_its_own_words() {
    for (status, code) in [
        (400, -2010),
        (400, -1013),
        (400, -1021),
        (400, -1111),
        (429, -1015),
        (429, -1003),
        (418, -1003),
    ] {
        let (mut rig, request) = order_by_ws();
        rig.ws_answer(
            WS_API,
            &request,
            json!({"status": status, "error": {"code": code, "msg": "in words"}}),
        );
        let mut reports = rig.reports();
        let is_wait = |report: &VenueReport| matches!(report, VenueReport::RateLimited { .. });
        assert_eq!(reports.iter().any(is_wait), status != 400);
        reports.retain(|report| !is_wait(report));
        assert!(is_rejected_with(&reports, code), "{status} {code}: {reports:?}");
    }
}

#[test]
fn f33_a_refused_key_or_signature_is_told_besides_the_rejection() {
    for (status, code, cause) in [
        (401, -2015, RefusedCause::Key),
        (401, -2014, RefusedCause::Key),
        (401, -1002, RefusedCause::Key),
        (400, -1022, RefusedCause::Signature),
    ] {
        let (mut rig, request) = order_by_ws();
        rig.ws_answer(
            WS_API,
            &request,
            json!({"status": status, "error": {"code": code, "msg": "in words"}}),
        );
        let reports = rig.reports();
        let (refused, rejected) = reports.split_at(1);
        let told = matches!(refused, [VenueReport::Refused { cause: told, .. }] if *told == cause);
        assert!(told && is_rejected_with(rejected, code), "{code}: {reports:?}");
    }
}

#[test]
fn f1_no_answer_in_time_is_unknown_at_the_limit_and_not_before() {
    let (mut rig, _) = order_by_ws();
    rig.pass_with(millis(11_999), Rig::answer_routine);
    assert_eq!(rig.reports(), []);
    rig.pass_with(millis(1), Rig::answer_routine);
    assert_eq!(rig.reports(), [unknown(UnknownCause::TimedOut)]);
}

#[test]
fn f2_an_answer_after_its_time_still_counts() {
    let (mut rig, request) = order_by_ws();
    rig.pass_with(secs(13), Rig::answer_routine);
    assert_eq!(rig.reports(), [unknown(UnknownCause::TimedOut)]);
    rig.ws_answer(WS_API, &request, json!({"status": 200, "result": placed("k-1")}));
    let reports = rig.reports();
    let [VenueReport::Execution(report)] = reports[..] else {
        panic!("{reports:?}")
    };
    assert_eq!((report.cl_ord_id, report.ord_status), (id("k-1"), OrdStatus::New));
    assert_eq!(rig.session.stats().late_answers, 1);
    rig.ws_answer(WS_API, &request, json!({"status": 200, "result": placed("k-1")}));
    assert_eq!(rig.reports(), [], "once only");
}

#[test]
fn f2_an_overdue_refusal_is_told_and_an_overdue_doubt_is_not_told_again() {
    for (answer, is_told) in [
        (json!({"status": 400, "error": {"code": -2010, "msg": "m"}}), true),
        (
            json!({"status": 504, "error": {"code": -1007, "msg": "m"}}),
            false,
        ),
        (json!({"status": 200, "result": 1}), false),
    ] {
        let (mut rig, request) = order_by_ws();
        rig.pass_with(secs(13), Rig::answer_routine);
        rig.reports();
        rig.ws_answer(WS_API, &request, answer.clone());
        let reports = rig.reports();
        if is_told {
            assert!(is_rejected_with(&reports, -2010), "{answer}: {reports:?}");
        } else {
            assert_eq!(reports, [], "{answer}");
        }
    }
}

#[test]
fn f1_a_lost_connection_leaves_the_outcome_open_and_the_session_down() {
    let (mut rig, _) = order_by_ws();
    rig.cancel("k-0").expect("it may be sent");
    rig.input(Input::Closed(WS_API, "reset by peer".to_owned()));
    let reports = rig.reports();
    assert!(
        matches!(&reports[0], VenueReport::SessionDown { cause } if cause == "reset by peer"),
        "{reports:?}"
    );
    assert!(
        reports.contains(&unknown(UnknownCause::Disconnected)),
        "{reports:?}"
    );
    assert!(
        reports.contains(&VenueReport::CancelUnknown { cl_ord_id: id("k-0") }),
        "{reports:?}"
    );
}

/// Cancels and queries by REST, while the WS API is down.
fn by_rest() -> Rig {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.input(Input::Closed(WS_API, "gone".to_owned()));
    rig.reports();
    rig
}

#[test]
fn while_the_ws_api_is_down_no_order_is_sent_and_cancels_go_by_rest() {
    let mut rig = by_rest();
    assert_eq!(rig.submit("k-1", Purpose::Entry), Err(NotSent::NotConnected));
    rig.cancel("k-1").expect("a cancel goes");
    let (request, query) = rig.asked(HttpMethod::Delete, "/api/v3/order").expect("by REST");
    assert!(
        query.starts_with("symbol=BTCUSDT&origClientOrderId=k-1&"),
        "{query}"
    );
    assert!(query.contains("&signature="), "{query}");
    rig.answer(request, 400, json!({"code": -2011, "msg": "Unknown order sent."}));
    let reports = rig.reports();
    assert!(matches!(&reports[..], [VenueReport::CancelRejected { reject, .. }] if reject.code == -2011));
}

/// An exit with its stop that went out on the WS API.
fn pair_by_ws() -> (Rig, String, Value) {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.submit_pair("k-1", "k-stop-1").expect("it leaves");
    let (request, params, _) = rig.ws_request("orderList.place.oco").expect("as a list");
    (rig, request, params)
}

#[test]
fn f28_an_exit_and_its_stop_leave_as_one_list() {
    let (_, _, params) = pair_by_ws();
    for (name, value) in [
        ("symbol", "BTCUSDT"),
        ("side", "SELL"),
        ("quantity", "1"),
        ("aboveType", "LIMIT_MAKER"),
        ("abovePrice", "102"),
        ("aboveClientOrderId", "k-1"),
        ("belowType", "STOP_LOSS"),
        ("belowStopPrice", "99"),
        ("belowClientOrderId", "k-stop-1"),
        ("newOrderRespType", "FULL"),
    ] {
        let told = params[name]
            .as_str()
            .map_or_else(|| params[name].to_string(), str::to_owned);
        assert_eq!(told, value, "{name}: {params}");
    }
    assert!(params["signature"].is_string());
}

#[test]
fn the_answer_to_a_list_tells_of_both_orders() {
    let (mut rig, request, _) = pair_by_ws();
    let result = json!({"orderListId": 3, "contingencyType": "OCO", "orders": [],
        "orderReports": [placed("k-1"), placed("k-stop-1")]});
    rig.ws_answer(WS_API, &request, json!({"status": 200, "result": result}));
    let told: Vec<_> = rig
        .reports()
        .into_iter()
        .map(|report| match report {
            VenueReport::Execution(report) => report.cl_ord_id,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [id("k-1"), id("k-stop-1")]);
}

#[test]
fn f1_f2_a_list_that_is_refused_or_not_answered_is_told_under_its_exit() {
    let (mut rig, request, _) = pair_by_ws();
    let error = json!({"code": -2010, "msg": "in words"});
    rig.ws_answer(WS_API, &request, json!({"status": 400, "error": error}));
    assert!(is_rejected_with(&rig.reports(), -2010));
    let (mut rig, _, _) = pair_by_ws();
    rig.pass_with(secs(12), Rig::answer_routine);
    assert_eq!(rig.reports(), [unknown(UnknownCause::TimedOut)]);
}

#[test]
fn a_canceled_list_tells_of_both_orders() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.cancel("k-1").expect("it leaves");
    let (request, _, _) = rig.ws_request("order.cancel").expect("a cancel");
    let canceled = |name: &str| {
        json!({"symbol": "BTCUSDT", "origClientOrderId": name, "orderId": 5, "orderListId": 3, "clientOrderId": "c",
            "transactTime": 1, "price": "102", "origQty": "1", "executedQty": "0", "origQuoteOrderQty": "0",
            "cummulativeQuoteQty": "0", "status": "CANCELED", "timeInForce": "GTC", "type": "LIMIT_MAKER", "side": "SELL",
            "selfTradePreventionMode": "NONE"})
    };
    let result = json!({"orderListId": 3, "contingencyType": "OCO", "listStatusType": "ALL_DONE", "orders": [],
        "orderReports": [canceled("k-1"), canceled("k-stop-1")]});
    rig.ws_answer(WS_API, &request, json!({"status": 200, "result": result}));
    let ended = rig.reports().into_iter().filter(
        |report| matches!(report, VenueReport::Execution(report) if report.ord_status == OrdStatus::Canceled),
    );
    assert_eq!(ended.count(), 2);
}

#[test]
fn f9_two_hundred_cancels_leave_at_once_on_either_way() {
    let mut over_ws = Rig::up(KeyKind::Hmac);
    let mut over_rest = by_rest();
    for n in 0..200 {
        let name = format!("k-{n}");
        over_ws.cancel(&name).expect("a cancel goes");
        over_rest.cancel(&name).expect("a cancel goes");
    }
    assert_eq!((over_ws.reports(), over_rest.reports()), (vec![], vec![]));
    let by_rest = over_rest.http.values();
    let by_rest = by_rest.filter(|request| request.method == HttpMethod::Delete);
    assert_eq!(by_rest.count(), 200);
    let by_ws = std::iter::from_fn(|| over_ws.ws_request("order.cancel"));
    assert_eq!(by_ws.count(), 200);
}

#[test]
fn every_unclear_end_of_a_cancel_by_rest_leaves_it_unknown() {
    let ok = |status: u16, body: &str| {
        Ok(HttpResult {
            status,
            retry_after: None,
            used_weight: None,
            body: body.as_bytes().to_vec(),
        })
    };
    for end in [
        ok(502, "<html>Bad Gateway</html>"),
        ok(503, ""),
        ok(
            504,
            r#"{"code":-1007,"msg":"Timeout waiting for response from backend server."}"#,
        ),
        ok(200, r#"{"symbol":"BTC"#),
        ok(408, "Request Timeout"),
        Err(HttpFailure::Lost),
        Err(HttpFailure::NotSent),
    ] {
        let mut rig = by_rest();
        rig.cancel("k-1").expect("a cancel goes");
        let (request, _) = rig.asked(HttpMethod::Delete, "/api/v3/order").expect("by REST");
        rig.input(Input::Http(request, end.clone()));
        assert_eq!(
            rig.reports(),
            [VenueReport::CancelUnknown { cl_ord_id: id("k-1") }],
            "{end:?}"
        );
    }
}

#[test]
fn an_order_that_the_venue_does_not_know_is_told_with_the_time_of_the_question() {
    let mut rig = by_rest();
    let asked_at = rig.now;
    rig.call(|session, now| session.query_order(now, btc(), id("k-1")));
    rig.pass(secs(1));
    let (request, _) = rig.asked(HttpMethod::Get, "/api/v3/order").expect("a query");
    rig.answer(
        request,
        400,
        json!({"code": -2013, "msg": "Order does not exist."}),
    );
    assert_eq!(
        rig.reports(),
        [VenueReport::OrderNotFound {
            cl_ord_id: id("k-1"),
            asked_at
        }]
    );
}

#[test]
fn a_query_that_never_left_or_was_lost_says_so_and_tells_nothing_of_the_order() {
    for failure in [HttpFailure::NotSent, HttpFailure::Lost] {
        let mut rig = by_rest();
        rig.call(|session, now| session.query_order(now, btc(), id("k-1")));
        let (request, _) = rig.asked(HttpMethod::Get, "/api/v3/order").expect("a query");
        rig.fail(request, failure);
        let reports = rig.reports();
        assert!(
            matches!(&reports[..], [VenueReport::QueryFailed { what }] if what.contains("k-1")),
            "{reports:?}"
        );
    }
}

#[test]
fn the_firewalls_page_is_a_refusal_and_another_page_without_sense_is_not() {
    for (status, is_refused) in [(403, true), (418, true), (429, true), (404, false), (400, false)] {
        let mut rig = by_rest();
        rig.cancel("k-1").expect("a cancel goes");
        let (request, _) = rig.asked(HttpMethod::Delete, "/api/v3/order").expect("by REST");
        rig.answer(request, status, "<html>no</html>");
        let is_rejected = matches!(rig.reports()[..], [.., VenueReport::CancelRejected { .. }]);
        assert_eq!(is_rejected, is_refused, "{status}");
    }
}

#[test]
fn an_answer_to_nothing_changes_nothing() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.ws_answer(WS_API, "999999", json!({"status": 200, "result": placed("k-9")}));
    rig.input(Input::Http(RequestId(888_888), Err(HttpFailure::Lost)));
    assert_eq!((rig.reports(), rig.session.stats().late_answers), (Vec::new(), 2));
}

#[test]
fn a_filter_failure_reads_the_filters_again() {
    let (mut rig, request) = order_by_ws();
    assert_eq!(rig.asked(HttpMethod::Get, "/api/v3/exchangeInfo"), None);
    rig.ws_answer(
        WS_API,
        &request,
        json!({"status": 400, "error": {"code": -1013, "msg": "Filter failure: LOT_SIZE"}}),
    );
    assert!(rig.asked(HttpMethod::Get, "/api/v3/exchangeInfo").is_some());
}

#[test]
fn f65_more_answers_than_the_bound_are_not_awaited() {
    let mut rig = Rig::up(KeyKind::Hmac);
    for n in 0..keel_binance::Session::IN_FLIGHT_MAX {
        rig.call(|session, now| session.query_order(now, btc(), id(&format!("q-{n}"))));
    }
    assert_eq!(rig.submit("k-1", Purpose::Entry), Err(NotSent::TooManyInFlight));
    assert_eq!(rig.cancel("k-1"), Ok(()), "a cancel goes all the same");
}

/// What the session reports once an order's bytes could leave only so long after its decision.
fn after_a_wait(purpose: Purpose, wait_ms: u64) -> (bool, Vec<VenueReport>, u64) {
    let mut rig = Rig::up(KeyKind::Hmac);
    let now = rig.now;
    let sent = rig.session.submit(now, approved("k-1", purpose));
    assert_eq!(sent, Ok(()));
    let transmit = rig
        .session
        .poll_transmit(now.plus(std::time::Duration::from_millis(wait_ms)));
    let withheld = rig.session.stats().entries_withheld;
    (transmit.is_some(), rig.reports(), withheld)
}

#[test]
fn f40_an_entry_that_could_not_leave_for_longer_than_its_price_holds_does_not_leave() {
    assert_eq!(after_a_wait(Purpose::Entry, 2_000), (true, vec![], 0));
    let not_sent = VenueReport::SubmitNotSent {
        cl_ord_id: id("k-1"),
        cause: NotSent::DecidedTooLongAgo { age_ms: 2_001 },
    };
    assert_eq!(after_a_wait(Purpose::Entry, 2_001), (false, vec![not_sent], 1));
    assert_eq!(
        after_a_wait(Purpose::ReduceOnly, 60_000),
        (true, vec![], 0),
        "an exit leaves all the same"
    );
}

/// The mock of the seam stands in for a venue in the tests of its users.
#[test]
fn the_mock_of_a_venue_serves_users_tests() {
    let mut venue = keel_execution::MockVenue::new();
    venue
        .expect_submit()
        .withf(|_, order| order.cl_ord_id() == id("k-1"))
        .times(1)
        .return_once(|_, _| Err(NotSent::NotConnected));
    venue.expect_next_report().return_once(|| None);
    assert_eq!(
        venue.submit(T0, approved("k-1", Purpose::Entry)),
        Err(NotSent::NotConnected)
    );
    assert_eq!(venue.next_report(), None);
}

proptest::proptest! {
    /// Any status with any code and text is a value: the order ends rejected or unknown, never both, and the session goes on.
    #[test]
    fn f68_no_error_of_the_venue_stops_the_session(status in 300u16..600, code in -9_999i32..100, text in ".{0,40}") {
        let (mut rig, request) = order_by_ws();
        rig.ws_answer(WS_API, &request, json!({"status": status, "error": {"code": code, "msg": text}}));
        let reports = rig.reports();
        let ends = reports.iter().filter(|report| {
            matches!(report, VenueReport::SubmitRejected { .. } | VenueReport::SubmitUnknown { .. })
        });
        assert_eq!(ends.count(), 1, "{reports:?}");
        rig.pass_with(secs(70), Rig::answer_routine);
        rig.submit("k-2", Purpose::ReduceOnly).unwrap_or_else(|cause| {
            assert!(status == 418 || status == 429, "{status}: {cause}");
        });
    }
}

#[test]
fn f61_a_pair_that_is_gone_keeps_no_other_from_being_described() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.call(|session, now| session.query_instruments(now));
    let unknown = || json!({"code": -1121, "msg": "Invalid symbol."});
    let (request, query) = rig
        .asked(HttpMethod::Get, "/api/v3/exchangeInfo")
        .expect("all at once");
    assert!(query.starts_with("symbols="), "{query}");
    rig.answer(request, 400, unknown());
    assert_eq!(rig.reports(), [], "which of them is not known yet");
    let mut asked = Vec::new();
    while let Some((request, query)) = rig.asked(HttpMethod::Get, "/api/v3/exchangeInfo") {
        if query == "symbol=BTCUSDT" {
            rig.answer(request, 400, unknown());
        } else {
            let info = json!({"timezone": "UTC", "serverTime": 1, "rateLimits": [], "exchangeFilters": [], "symbols": []});
            rig.answer(request, 200, info);
        }
        asked.push(query);
    }
    assert_eq!(asked, ["symbol=BTCUSDT", "symbol=ETHUSDT"]);
    let reports = rig.reports();
    let cause = RefusedCause::Symbol(btc());
    assert!(
        matches!(&reports[..], [VenueReport::Refused { cause: told, reject }] if *told == cause && reject.code == -1121),
        "{reports:?}"
    );
    rig.pass_with(secs(20), Rig::answer_routine);
    assert_eq!(rig.reports(), [], "asked once");
}
