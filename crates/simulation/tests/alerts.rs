//! Each class of alert is raised within 5 s of its cause, in virtual time. Where a threshold belongs to the cause, such as a
//! silence that has lasted, from the moment on at which it is reached. docs/ALERTS.md names a test for every class.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod common;

use std::time::Duration;

use keel_domain::{AlertClass, Money, Symbol, Timestamp};
use keel_engine::Operator;
use keel_risk::{HaltCause, TradingState};
use keel_runtime::Ending;

use crate::common::{Drill, PLACE};

const WITHIN: Duration = Duration::from_secs(5);
/// What is silent or refused in these tests is that for longer than anything waits.
const LONG: Duration = Duration::from_secs(120);

/// Waits for the cause, before which no alert of the class may come, and from there on for the alert.
fn assert_told(drill: &mut Drill, class: AlertClass, is_caused: impl Fn(&mut Drill) -> bool) {
    let begin = drill.simulation.now();
    while !is_caused(drill) {
        assert_eq!(drill.raised(class), 0, "{class} before its cause");
        assert!(drill.simulation.now().since(begin) < LONG, "no cause of {class}");
        drill.pass(Duration::from_millis(10));
    }
    drill.pass_until(class.name(), WITHIN, |drill| drill.raised(class) > 0);
}

/// The faults are the cause as soon as one of them, `rule`, hits something.
fn assert_told_of_fault(drill: &mut Drill, class: AlertClass, rule: &str, faults: &str) {
    assert_eq!(drill.raised(class), 0);
    drill.faults(faults);
    assert_told(drill, class, |drill| drill.has_fired(rule));
}

/// What was done just now is the cause.
fn assert_told_now(drill: &mut Drill, class: AlertClass) {
    drill.pass_until(class.name(), WITHIN, |drill| drill.raised(class) > 0);
}

/// A rule that refuses such requests.
fn refusing(id: &str, request: &str, code: i32, more: &str) -> String {
    format!(
        "[[rule]]\nid = \"{id}\"\nrequest = {request}\naction = \"reject\"\ncode = {code}\nmsg = \"no\"\n{more}\n"
    )
}

fn pair() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

fn has_bought(drill: &mut Drill) -> bool {
    drill.held().units() > 0
}

#[test]
fn session_down_is_told_within_5_s_of_the_end_of_the_connection() {
    let mut drill = Drill::trading(&[]);
    assert_told_of_fault(
        &mut drill,
        AlertClass::SessionDown,
        "gone",
        "[[rule]]\nid = \"gone\"\nconnection = \"ws_api\"\naction = \"disconnect\"",
    );
}

#[test]
fn query_failed_is_told_within_5_s_of_an_answer_that_is_none() {
    let mut drill = Drill::trading(&[]);
    assert_told_of_fault(
        &mut drill,
        AlertClass::QueryFailed,
        "busy",
        "[[rule]]\nid = \"busy\"\nrequest = \"GET *\"\naction = \"status\"\nstatus = 503\nstage = \"before\"",
    );
}

#[test]
fn rate_limited_is_told_within_5_s_of_a_429_or_a_ban() {
    for action in ["rate_limit", "ban"] {
        let mut drill = Drill::trading(&[]);
        assert_told_of_fault(
            &mut drill,
            AlertClass::RateLimited,
            "wait",
            &format!(
                "[[rule]]\nid = \"wait\"\nrequest = \"*\"\naction = \"{action}\"\nretry_after_s = 60\nmax = 1"
            ),
        );
    }
}

#[test]
fn key_refused_is_told_within_5_s_of_the_first_refusal() {
    let mut drill = Drill::trading(&[]);
    let rule = refusing("revoked", "\"*\"", -2015, "status = 401");
    assert_told_of_fault(&mut drill, AlertClass::KeyRefused, "revoked", &rule);
}

#[test]
fn start_refused_is_told_within_5_s_of_the_look_at_an_account_that_another_instance_trades() {
    let mut drill = Drill::start(&[]);
    let begin = drill.simulation.now();
    drill.order_by_hand(
        "k2-quoter-1-1",
        "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000",
    );
    drill.pass(LONG);
    assert!(drill.simulation.desk().is_refused());
    let (outcome, _) = drill.end();
    assert!(outcome.report.ended_at.since(begin) <= WITHIN);
    let alerts = outcome.report.alerts;
    assert!(
        alerts.iter().any(|alert| alert.starts_with("start-refused: ")),
        "{alerts:?}"
    );
}

#[test]
fn pair_status_is_told_within_5_s_of_a_halt_of_the_pair() {
    let mut drill = Drill::trading(&[]);
    drill.keel("/keel/symbol/BTCUSDT/status", r#"{"status": "HALT"}"#);
    assert_told_now(&mut drill, AlertClass::PairStatus);
}

#[test]
fn market_data_is_told_within_5_s_of_silence_of_an_end_of_the_connection_and_of_broken_frames() {
    for what in [
        "event = \"market\"\naction = \"stall\"\nfor_s = 600",
        "event = \"depth\"\naction = \"corrupt\"\nwhat = \"broken_json\"",
        "event = \"depth\"\naction = \"corrupt\"\nwhat = \"crossed\"",
        "event = \"depth\"\naction = \"corrupt\"\nwhat = \"zero_price\"",
    ] {
        let mut drill = Drill::trading(&[]);
        let rule = format!("[[rule]]\nid = \"data\"\n{what}");
        assert_told_of_fault(&mut drill, AlertClass::MarketData, "data", &rule);
    }
    let mut drill = Drill::trading(&[]);
    let rules = "[[rule]]\nid = \"data\"\nconnection = \"streams\"\naction = \"disconnect\"\n\n\
                 [[rule]]\nid = \"refused\"\nconnection = \"streams\"\naction = \"refuse_connection\"";
    assert_told_of_fault(&mut drill, AlertClass::MarketData, "data", rules);
}

#[test]
fn market_data_is_told_within_5_s_of_a_bar_that_differs_from_its_trades() {
    let mut drill = Drill::trading(&["market_data.kline_interval=1m"]);
    drill.pass(LONG);
    assert_eq!(drill.raised(AlertClass::MarketData), 0);
    drill.faults("[[rule]]\nid = \"unheard\"\nevent = \"trade\"\naction = \"drop\"\nprobability = 0.5");
    assert_told(&mut drill, AlertClass::MarketData, |drill| {
        drill.simulation.desk().trader().counters().bars_differing > 0
    });
}

#[test]
fn clock_is_told_within_5_s_of_a_jump() {
    let mut drill = Drill::trading(&[]);
    drill.simulation.set_wall_clock_ahead(Duration::from_secs(3));
    assert_told_now(&mut drill, AlertClass::Clock);
}

#[test]
fn clock_is_told_within_5_s_of_a_comparison_with_a_venue_that_is_far_apart() {
    let mut drill = Drill::trading(&[]);
    assert_told_of_fault(
        &mut drill,
        AlertClass::Clock,
        "compared",
        "[[rule]]\nid = \"skew\"\naction = \"clock_skew\"\nms = 5000\n\n\
         [[rule]]\nid = \"compared\"\nrequest = [\"GET /api/v3/time\", \"time\"]\naction = \"delay\"\nms = 1",
    );
    drill.pass_until("halted", WITHIN, |drill| drill.state().0 == TradingState::Halted);
    assert!(matches!(drill.state().1, Some(HaltCause::Clock { .. })));
    assert_eq!(drill.raised(AlertClass::Internal), 0);
}

#[test]
fn unknown_outcome_is_told_within_5_s_of_an_order_of_which_the_venue_is_not_sure() {
    let mut drill = Drill::trading(&[]);
    let rule = format!(
        "[[rule]]\nid = \"unsure\"\nrequest = {PLACE}\naction = \"unknown_outcome\"\ncode = -1007\nmax = 1"
    );
    assert_told_of_fault(&mut drill, AlertClass::UnknownOutcome, "unsure", &rule);
}

#[test]
fn cancel_failed_is_told_within_5_s_of_a_cancel_that_the_venue_refuses() {
    let mut drill = Drill::trading(&[]);
    let rule = refusing(
        "refused",
        r#"["DELETE /api/v3/order", "order.cancel"]"#,
        -2010,
        "",
    );
    assert_told_of_fault(&mut drill, AlertClass::CancelFailed, "refused", &rule);
}

#[test]
fn foreign_order_is_told_within_5_s() {
    let mut drill = Drill::trading(&[]);
    drill.order_by_hand(
        "x-human",
        "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price=50000",
    );
    assert_told_now(&mut drill, AlertClass::ForeignOrder);
}

#[test]
fn transfer_is_told_within_5_s_of_a_deposit() {
    let mut drill = Drill::trading(&[]);
    drill.keel(
        "/keel/account/drill-key/deposit",
        r#"{"asset": "USDT", "amount": "100"}"#,
    );
    assert_told_now(&mut drill, AlertClass::Transfer);
}

#[test]
fn difference_is_told_within_5_s_of_a_trade_that_is_not_ours() {
    let mut drill = Drill::trading(&[]);
    assert_eq!(drill.raised(AlertClass::Difference), 0);
    drill.order_by_hand("x-human", "side=BUY&type=MARKET&quantity=0.001");
    assert_told_now(&mut drill, AlertClass::Difference);
}

#[test]
fn protection_is_told_within_5_s_of_a_stop_that_the_venue_refuses() {
    let mut drill = Drill::start(&[]);
    let rule = refusing("no-stop", PLACE, -2010, "cl_ord_id = \"k1-quoter-1-stop\"");
    assert_told_of_fault(&mut drill, AlertClass::Protection, "no-stop", &rule);
}

#[test]
fn unprotected_is_told_within_5_s_of_a_position_that_was_bare_for_as_long_as_is_allowed() {
    let mut drill = Drill::start(&[]);
    // Nothing that sells is answered: no stop is known to be there.
    drill.faults(&format!(
        "[[rule]]\nid = \"mute\"\nrequest = {PLACE}\naction = \"lose_request\"\ncl_ord_id = \"k1-quoter-1-stop\""
    ));
    let bare_max = Duration::from_secs(5);
    assert_told(&mut drill, AlertClass::Unprotected, |drill| {
        let now = drill.simulation.now();
        let since = drill.simulation.desk().trader().unprotected_since(pair());
        since.is_some_and(|since| now.since(since) >= bare_max)
    });
}

#[test]
fn not_flat_is_told_within_5_s_of_the_minute_that_flattening_has() {
    let mut drill = Drill::trading(&[]);
    drill.pass_until("something is held", LONG, has_bought);
    let rule = refusing("no-sale", PLACE, -1013, "cl_ord_id = \"k1-quoter-1-flat\"");
    drill.faults(&rule);
    let reason = "drill".to_owned();
    drill.simulation.operate(Operator::Flatten { reason });
    let until = drill.simulation.now().plus(Duration::from_secs(60));
    assert_told(&mut drill, AlertClass::NotFlat, |drill| {
        drill.simulation.now() >= until
    });
}

#[test]
fn loss_is_told_within_5_s_of_a_loss_that_passes_the_limit_and_stays() {
    let limit = Money::ONE;
    let mut drill = Drill::start(&["risk.loss.day_max=1"]);
    let mut beyond_since: Option<Timestamp> = None;
    let end = drill.simulation.now().plus(LONG);
    while drill.raised(AlertClass::Loss) == 0 {
        let now = drill.simulation.now();
        assert!(now < end, "nothing was lost");
        let standing = drill.simulation.desk().trader().loss_standing(now);
        let is_beyond = standing.is_some_and(|standing| standing.day_lost >= limit);
        beyond_since = is_beyond.then(|| beyond_since.unwrap_or(now));
        assert!(beyond_since.is_none_or(|since| now.since(since) <= WITHIN));
        drill.pass(Duration::from_millis(10));
    }
    assert!(beyond_since.is_some(), "an alert without a loss");
}

#[test]
fn runaway_is_told_within_5_s_of_the_third_refusal() {
    let mut drill = Drill::start(&[]);
    drill.faults(&refusing("no", PLACE, -2010, ""));
    assert_told(&mut drill, AlertClass::Runaway, |drill| {
        drill.simulation.faults().get("no") == Some(&3)
    });
}

#[test]
fn last_inch_is_told_within_5_s_of_the_first_order_beyond_its_limit() {
    let mut drill = Drill::start(&["risk.last_inch.orders_per_60s_max=5"]);
    assert_told(&mut drill, AlertClass::LastInch, |drill| drill.submitted() > 5);
}

#[test]
fn operator_halt_is_told_within_5_s_of_each_of_an_operators_words_and_after_a_restart() {
    let reason = || "drill".to_owned();
    for word in [
        Operator::Halt(HaltCause::Operator { reason: reason() }),
        Operator::ReduceOnly { reason: reason() },
        Operator::Flatten { reason: reason() },
    ] {
        let mut drill = Drill::trading(&[]);
        drill.simulation.operate(word);
        assert_told_now(&mut drill, AlertClass::OperatorHalt);
        drill.simulation.kill_and_restart().unwrap();
        assert_eq!(drill.raised(AlertClass::OperatorHalt), 1, "of an earlier run");
    }
}

#[test]
fn journal_is_told_within_5_s_of_a_disk_that_is_full_or_does_not_sync() {
    for fail in [
        |drill: &Drill| drill.simulation.disk().fill_after(0),
        |drill: &Drill| drill.simulation.disk().fail_syncs(),
    ] {
        let mut drill = Drill::trading(&[]);
        fail(&drill);
        assert_told_now(&mut drill, AlertClass::Journal);
    }
}

#[test]
fn disk_is_told_within_5_s_of_a_snapshot_that_has_no_room() {
    let mut drill = Drill::trading(&["state.snapshot_records=10"]);
    drill.simulation.disk().fill_after(4_000);
    assert_told_now(&mut drill, AlertClass::Disk);
    assert_eq!(drill.raised(AlertClass::Journal), 0);
}

#[test]
fn leftover_is_told_with_the_end_of_a_process_whose_orders_the_venue_did_not_confirm_to_be_gone() {
    let mut drill = Drill::trading(&[]);
    drill.faults("[[rule]]\nid = \"mute\"\nrequest = \"*\"\naction = \"lose_request\"");
    let (outcome, _) = drill.end();
    assert!(matches!(outcome.ending, Ending::Unverified(_)));
    let alerts = outcome.report.alerts;
    assert!(
        alerts.iter().any(|alert| alert.starts_with("leftover: ")),
        "{alerts:?}"
    );
}
