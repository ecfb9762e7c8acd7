//! Log-on, books and clock of the session, by bytes and time only.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers outside #[test] functions"
)]

mod common;

use common::{MARKET, Rig, T0, WS_API, btc, eth, millis, secs};
use keel_binance::{Credentials, HttpFailure, HttpMethod, Input, KeyKind};
use keel_binance_wire::params::Params;
use keel_binance_wire::signing::SigningKey;
use keel_domain::{Purpose, Timestamp};
use keel_execution::VenueReport;
use keel_market_data::{LostReason, MarketFeed, MarketUpdate};
use proptest::prelude::*;
use serde_json::{Value, json};

fn lost(reason: LostReason) -> Vec<MarketUpdate> {
    vec![MarketUpdate::BookLost {
        symbol: btc(),
        reason,
    }]
}

#[test]
fn both_connections_open_at_once_and_the_streams_are_subscribed() {
    let mut rig = Rig::new(KeyKind::Hmac);
    assert_eq!(rig.opens, [(T0, MARKET), (T0, WS_API)]);
    rig.input(Input::Opened(MARKET));
    let (link, frame) = rig.frames.remove(0);
    let streams = [
        "btcusdt@depth@100ms",
        "btcusdt@trade",
        "ethusdt@depth@100ms",
        "ethusdt@trade",
    ];
    assert_eq!((link, &frame["params"]), (MARKET, &json!(streams)));
}

#[test]
fn with_a_shared_secret_the_user_stream_is_subscribed_with_a_signature() {
    let mut rig = Rig::new(KeyKind::Hmac);
    rig.input(Input::Opened(WS_API));
    let (id, params, link) = rig
        .ws_request("userDataStream.subscribe.signature")
        .expect("it subscribes");
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let signed = params.as_object().expect("parameters");
    let signed = signed.iter().fold(Params::new(), |params, (name, value)| {
        params.with(name, text(value))
    });
    assert_eq!(
        params["signature"],
        SigningKey::hmac("secret").sign(&signed.to_ws_payload())
    );
    assert_eq!(
        (&params["apiKey"], &params["timestamp"]),
        (&json!("key"), &json!(T0.as_millis()))
    );

    rig.ws_answer(link, &id, json!({"status": 200, "result": {"subscriptionId": 0}}));
    assert_eq!(rig.reports(), [], "not up before the balances are known");
    rig.answer_routine();
    let reports = rig.reports();
    assert!(
        matches!(
            &reports[0],
            VenueReport::Balances {
                is_complete: true,
                ..
            }
        ),
        "{reports:?}"
    );
    assert_eq!(
        reports[1],
        VenueReport::SessionUp {
            account: "7".to_owned()
        }
    );
}

#[test]
fn with_ed25519_the_session_logs_on_and_orders_carry_no_signature() {
    let mut rig = Rig::new(KeyKind::Ed25519);
    rig.input(Input::Opened(WS_API));
    let (id, params, _) = rig.ws_request("session.logon").expect("it logs on");
    assert!(params["signature"].is_string());
    rig.ws_answer(WS_API, &id, json!({"status": 200, "result": {}}));
    let (id, params, _) = rig.ws_request("userDataStream.subscribe").expect("it subscribes");
    assert_eq!(params, json!({}));
    rig.ws_answer(
        WS_API,
        &id,
        json!({"status": 200, "result": {"subscriptionId": 0}}),
    );
    rig.answer_routine();
    rig.submit("k-1", Purpose::Entry).expect("it may be sent");
    let (_, params, _) = rig.ws_request("order.place").expect("it was sent");
    assert_eq!((params.get("signature"), params.get("apiKey")), (None, None));
    assert_eq!(
        (&params["type"], &params["quantity"], &params["price"]),
        (&json!("LIMIT"), &json!("1"), &json!("100"))
    );
    assert_eq!(params["selfTradePreventionMode"], json!("EXPIRE_MAKER"));
}

#[test]
fn a_refused_log_on_is_told_and_tried_again_after_a_while() {
    let mut rig = Rig::new(KeyKind::Hmac);
    rig.input(Input::Opened(WS_API));
    let (id, _, _) = rig
        .ws_request("userDataStream.subscribe.signature")
        .expect("it subscribes");
    rig.ws_answer(
        WS_API,
        &id,
        json!({"status": 401, "error": {"code": -2015, "msg": "Invalid API-key"}}),
    );
    let reports = rig.reports();
    assert!(
        matches!(&reports[..], [VenueReport::Refused { .. }, VenueReport::QueryFailed { what }] if what.contains("-2015")),
        "{reports:?}"
    );
    assert_eq!(rig.closes, [WS_API]);
    rig.opens.clear();
    rig.pass(secs(1));
    assert!(rig.opens.iter().any(|(_, link)| *link == WS_API));
}

#[test]
fn an_unusable_private_key_is_an_error_without_its_text() {
    let credentials = Credentials {
        api_key: "key".into(),
        secret: "-----nonsense-----".into(),
        kind: KeyKind::Ed25519,
    };
    let settings = keel_binance::SessionSettings::new(vec![btc()]);
    let endpoints = keel_binance::Endpoints {
        rest_url: String::new(),
        stream_url: String::new(),
        ws_api_url: String::new(),
    };
    let error = keel_binance::Session::new(T0, endpoints, settings, &credentials).expect_err("no key");
    assert!(!error.to_string().contains("nonsense"));
}

#[test]
fn the_balances_are_asked_for_again_until_they_come() {
    let mut rig = Rig::new(KeyKind::Hmac);
    rig.open_ws_api(WS_API);
    let (id, _) = rig
        .asked(HttpMethod::Get, "/api/v3/account")
        .expect("the balances are asked for");
    rig.fail(id, HttpFailure::Lost);
    rig.pass(secs(2));
    assert!(rig.closes.is_empty(), "the connection is not given up for it");
    rig.answer_routine();
    assert!(rig.reports().contains(&VenueReport::SessionUp {
        account: "7".to_owned()
    }));
}

/// As in the recording of BTCUSDT.
#[test]
fn f37_a_snapshot_inside_an_event_synchronises() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.depth(MARKET, btc(), 5, 8);
    rig.snapshot(btc(), 6);
    let updates = rig.updates();
    let [
        MarketUpdate::BookSnapshot(snapshot),
        MarketUpdate::BookDelta(delta),
    ] = &updates[..]
    else {
        panic!("{updates:?}")
    };
    assert_eq!(
        (
            snapshot.last_update_id,
            delta.first_update_id,
            delta.last_update_id
        ),
        (6, 5, 8)
    );
}

/// As in the recording of ETHUSDT.
#[test]
fn f37_a_snapshot_equal_to_an_events_last_drops_that_event() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.depth(MARKET, btc(), 5, 8);
    rig.snapshot(btc(), 8);
    rig.depth(MARKET, btc(), 9, 9);
    let updates = rig.updates();
    let [MarketUpdate::BookSnapshot(_), MarketUpdate::BookDelta(delta)] = &updates[..] else {
        panic!("{updates:?}")
    };
    assert_eq!(delta.first_update_id, 9);
}

#[test]
fn f37_a_snapshot_behind_the_events_is_fetched_again_half_a_second_later() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.depth(MARKET, btc(), 5, 8);
    rig.snapshot(btc(), 3);
    assert_eq!(
        (rig.updates(), rig.asked(HttpMethod::Get, "/api/v3/depth")),
        (Vec::new(), None)
    );
    rig.pass(millis(500));
    rig.snapshot(btc(), 5);
    assert_eq!(rig.updates().len(), 2);
}

#[test]
fn f37_a_gap_loses_the_book_and_the_next_snapshot_heals_it() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.synchronise(btc(), 5);
    rig.pass(secs(1));
    rig.updates();
    rig.depth(MARKET, btc(), 9, 9);
    assert_eq!(
        (rig.updates(), rig.session.stats().gaps),
        (lost(LostReason::Gap), 1)
    );
    rig.snapshot(btc(), 9);
    assert!(matches!(rig.updates()[..], [MarketUpdate::BookSnapshot(_)]));
}

#[test]
fn f36_a_disconnect_loses_every_book_and_asks_for_new_snapshots() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.synchronise(btc(), 5);
    rig.input(Input::Closed(MARKET, "gone".to_owned()));
    let reasons: Vec<_> = rig.updates().iter().map(MarketUpdate::symbol).collect();
    assert_eq!(reasons, [btc(), eth()]);
    rig.pass_with(secs(1), Rig::answer_routine);
    rig.open_market(MARKET);
    rig.depth(MARKET, btc(), 20, 21);
    rig.snapshot(btc(), 20);
    assert_eq!(rig.updates().len(), 2);
}

#[test]
fn f37_a_snapshot_without_an_answer_is_asked_for_again() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.depth(MARKET, btc(), 5, 8);
    let (id, _) = rig
        .asked(HttpMethod::Get, "/api/v3/depth")
        .expect("a snapshot is asked for");
    rig.fail(id, HttpFailure::Lost);
    rig.pass(millis(500));
    rig.snapshot(btc(), 6);
    assert_eq!(rig.updates().len(), 2);
}

#[test]
fn a_frame_that_cannot_be_read_loses_every_book() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.synchronise(btc(), 5);
    rig.frame(
        MARKET,
        r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate"}}"#,
    );
    assert!(rig.updates().iter().all(|u| matches!(
        u,
        MarketUpdate::BookLost {
            reason: LostReason::Undecodable,
            ..
        }
    )));
    assert_eq!(rig.session.stats().undecodable, 1);
}

#[test]
fn what_the_user_finds_wrong_is_fetched_anew() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.synchronise(btc(), 5);
    rig.call(|session, now| session.resync(now, btc(), LostReason::Gap));
    assert_eq!(rig.updates(), lost(LostReason::Gap));
    rig.pass(millis(500));
    rig.depth(MARKET, btc(), 7, 7);
    rig.snapshot(btc(), 7);
    assert!(matches!(rig.updates()[..], [MarketUpdate::BookSnapshot(_)]));
}

#[test]
fn an_unreadable_user_event_brings_the_session_up_anew() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.frame(
        WS_API,
        r#"{"subscriptionId":0,"event":{"e":"executionReport","x":"TOMORROWS"}}"#,
    );
    assert!(matches!(rig.reports()[..], [VenueReport::SessionDown { .. }]));
    assert_eq!(rig.closes, [WS_API]);
}

#[test]
fn f38_a_user_stream_that_the_venue_ends_is_subscribed_again() {
    let mut rig = Rig::up(KeyKind::Hmac);
    rig.frame(
        WS_API,
        r#"{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}"#,
    );
    assert!(matches!(rig.reports()[..], [VenueReport::SessionDown { .. }]));
    rig.pass_with(secs(1), Rig::answer_routine);
    rig.open_ws_api(WS_API);
    rig.answer_routine();
    assert!(rig.reports().contains(&VenueReport::SessionUp {
        account: "7".to_owned()
    }));
}

#[test]
fn f49_money_that_moves_from_outside_is_told_as_a_transfer_and_asked_about() {
    for kind in ["balanceUpdate", "externalLockUpdate"] {
        let mut rig = Rig::up(KeyKind::Hmac);
        rig.reports();
        let event = json!({"e": kind, "E": 1, "a": "BTC", "d": "-1.0", "T": 1});
        rig.frame(WS_API, json!({"subscriptionId": 0, "event": event}));
        assert!(rig.asked(HttpMethod::Get, "/api/v3/account").is_some(), "{kind}");
        let (asset, delta) = ("BTC".parse().unwrap(), keel_domain::Money::from(-1));
        let transact_time = keel_domain::Timestamp::from_millis(1);
        let told = if kind == "balanceUpdate" {
            VenueReport::Transfer {
                asset,
                delta,
                transact_time,
            }
        } else {
            VenueReport::ExternalLock {
                asset,
                delta,
                transact_time,
            }
        };
        assert_eq!(rig.reports(), [told]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes on any connection at any time, nothing panics and the session goes on.
    #[test]
    fn no_bytes_stop_the_session(
        steps in proptest::collection::vec((0u8..8, proptest::collection::vec(any::<u8>(), 0..40), 0u64..3_000), 1..60),
    ) {
        let mut rig = Rig::up(KeyKind::Hmac);
        for (kind, bytes, wait_ms) in steps {
            let links = [MARKET, common::MARKET_B, WS_API, common::WS_API_B];
            let link = links[bytes.first().map_or(0, |b| usize::from(*b % 4))];
            match kind {
                0 => rig.input(Input::Opened(link)),
                1 => rig.input(Input::Closed(link, "x".to_owned())),
                2 => rig.input(Input::Refused(link, 429, Some(1))),
                3 => rig.input(Input::Frame(link, bytes)),
                4 => rig.depth(link, btc(), wait_ms, wait_ms + 1),
                5 => { let _ = rig.submit("k-1", Purpose::Entry); }
                6 => rig.answer_routine(),
                _ => rig.input(Input::WallClock(Timestamp::from_millis(i64::try_from(wait_ms).expect("small")))),
            }
            rig.pass(millis(wait_ms));
            rig.reports();
            rig.updates();
        }
    }
}
