//! Drills: what happens to orders whose answers, events or trades go astray.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::collections::BTreeSet;
use std::time::Duration;

use keel_domain::ClOrdId;
use keel_engine::{Fact, Record};
use keel_execution::CancelState;
use keel_tests::{CANCEL, Drill, FAR, PLACE, eventually};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(20);
/// An order that never arrived is proven absent within this time.
const PROVEN: Duration = Duration::from_secs(30);
/// The period of reconciliation and a margin.
const PERIOD: Duration = Duration::from_secs(32);

/// No report of an order comes, so that only answers and questions tell.
fn hide_reports(drill: &Drill) {
    drill.fault(json!({ "id": "hidden", "event": "executionReport", "action": "drop" }));
}

/// Those of the orders that the venue has taken. It has not taken one that would have traded at once, nor one that was on its way when
/// the connection ended.
fn taken(drill: &Drill, mut ids: BTreeSet<ClOrdId>) -> BTreeSet<ClOrdId> {
    if !ids.is_empty() {
        // Each question has its weight.
        std::thread::sleep(Duration::from_millis(500));
        let orders = drill.all_orders();
        ids.retain(|id| orders.iter().any(|order| order["clientOrderId"] == id.as_str()));
    }
    ids
}

/// Whether the records say of such an order that the venue refused it, or never had it.
fn is_any_given_up(drill: &Drill) -> bool {
    let unknown = taken(drill, drill.unknown());
    let given_up = |fact: &Fact| match fact {
        Fact::SubmitRejected { cl_ord_id, .. } | Fact::NeverArrived { cl_ord_id } => {
            unknown.contains(cl_ord_id)
        }
        _ => false,
    };
    drill.records().iter().any(|record| given_up(&record.fact))
}

#[test]
fn f1_an_order_whose_answer_is_lost_is_asked_for_and_never_sent_again() {
    let drill = Drill::start(101);
    hide_reports(&drill);
    drill.fault(json!({ "id": "lost", "request": PLACE, "action": "lose_answer", "max": 1 }));
    let trader = drill.trader(&[]);
    drill.wait_for_fault("lost", 1, SOON);
    assert_eq!(drill.placed(), 1, "it was the first order");
    drill.force_fill();
    eventually("the outcome is unknown", SOON, || drill.unknown().len() == 1);
    eventually("the fill is found", SOON, || drill.is_position_right(&trader));
    drill.heal("hidden");
    let said = drill.end(trader);
    assert!(!is_any_given_up(&drill), "{said}");
}

/// Each of these is told of an order that the venue has taken.
#[test]
fn f2_no_answer_that_leaves_the_outcome_open_is_taken_for_a_rejection() {
    let drill = Drill::start(102);
    hide_reports(&drill);
    let mut trader = drill.trader(&[]);
    let answers = [
        json!({ "action": "status", "status": 500 }),
        json!({ "action": "status", "status": 502 }),
        json!({ "action": "status", "status": 503 }),
        json!({ "action": "status", "status": 504 }),
        json!({ "action": "unknown_outcome", "code": -1006 }),
        json!({ "action": "unknown_outcome", "code": -1007 }),
        json!({ "action": "cut_body" }),
        // A reset connection may lose other requests too: `bad_wire` and `f1_a_lost_connection_…` are about those.
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let id = format!("answer-{number}");
        // A connection that is reset may take other orders with it; of those that never arrived only proof ends the wait.
        let before = drill.unknown().len();
        let mut rule = answer.clone();
        rule["id"] = json!(id);
        rule["request"] = json!(PLACE);
        rule["max"] = json!(1);
        drill.fault(rule);
        eventually(&format!("{answer}"), SOON + PROVEN, || {
            // The market moves on, so that there is something to order.
            drill.force_fill();
            drill.rule(&id, "fired") == 1
        });
        eventually(&format!("{answer}: unknown"), SOON, || {
            drill.unknown().len() > before
        });
        eventually(&format!("{answer}: found"), SOON, || {
            let found = |fact: &Fact, id| matches!(fact, Fact::Execution(r) if r.cl_ord_id == id);
            let records = drill.records();
            let mut missing = drill.unknown();
            missing.retain(|id| !records.iter().any(|record| found(&record.fact, *id)));
            taken(&drill, missing).is_empty()
        });
        assert!(!is_any_given_up(&drill), "{answer}: {}", trader.process.said());
    }
    let hit = taken(&drill, drill.unknown()).len();
    assert!(
        hit >= 4,
        "only {hit} of them were told of an order that the venue has taken"
    );
    drill.heal("hidden");
    let _ = drill.end(trader);
}

/// Each of these is told of an order that the venue never took: only its absence everywhere ends it, and only late.
#[test]
fn f2_an_order_of_open_outcome_that_never_arrived_ends_by_proof_only() {
    let drill = Drill::start(103);
    drill.fault(json!({ "id": "refused", "request": PLACE, "action": "status", "status": 503, "stage": "before", "max": 1 }));
    let trader = drill.trader(&[]);
    drill.wait_for_fault("refused", 1, SOON);
    eventually("the outcome is unknown", SOON, || drill.unknown().len() == 1);
    let proven_after = |records: &[Record]| {
        let unknown = records
            .iter()
            .find(|r| matches!(r.fact, Fact::SubmitUnknown { .. }));
        let proven = records
            .iter()
            .find(|r| matches!(r.fact, Fact::NeverArrived { .. }));
        Some(proven?.at.since(unknown?.at))
    };
    eventually("its absence is proven", PROVEN, || {
        let placed = drill.placed();
        let is_proven = proven_after(&drill.records()).is_some();
        assert!(is_proven || placed == 1, "no entry while the outcome is open");
        is_proven
    });
    let after = proven_after(&drill.records()).unwrap();
    assert!(
        after >= Duration::from_secs(19),
        "receive window, venue's time and margin: {after:?}"
    );
    eventually("trading goes on", SOON, || drill.placed() > 1);
    let said = drill.end(trader);
    let unknown = drill.unknown();
    assert!(
        !drill.records().iter().any(
            |r| matches!(r.fact, Fact::SubmitRejected { cl_ord_id, .. } if unknown.contains(&cl_ord_id))
        ),
        "{said}"
    );
}

/// The cancel is carried out late, and the order trades before: -2011 is a question, and the answer a fill.
#[test]
fn f3_a_fill_before_the_cancel_is_found_by_asking_and_booked_once() {
    let drill = Drill::start(104);
    // The first order always rests too far from the market's next price.
    let trader = drill.trader(&["strategy.quoter.requote_ticks=1"]);
    eventually("an open order", SOON, || !drill.open_orders().is_empty());
    hide_reports(&drill);
    drill.fault(
        json!({ "id": "late", "request": CANCEL, "action": "delay", "ms": 2500,
        "stage": "before" }),
    );
    let unclear_and_filled = |records: &[Record]| {
        let unclear: Vec<_> = records
            .iter()
            .filter_map(|record| match record.fact {
                Fact::Cancel {
                    cl_ord_id,
                    state: CancelState::Unclear,
                } => Some(cl_ord_id),
                _ => None,
            })
            .collect();
        let is_fill = |fact: &Fact| {
            matches!(fact, Fact::Execution(report) if unclear.contains(&report.cl_ord_id)
            && report.ord_status == keel_domain::OrdStatus::Filled)
        };
        records.iter().any(|record| is_fill(&record.fact))
    };
    eventually("a refused cancel turns out to be a fill", SOON, || {
        drill.force_fill();
        unclear_and_filled(&drill.records())
    });
    eventually("the position is right", SOON, || drill.is_position_right(&trader));
    drill.heal("late");
    drill.heal("hidden");
    let _ = drill.end(trader);
}

#[test]
fn f5_f31_killed_while_answers_and_reports_are_lost_the_trader_forgets_nothing() {
    let drill = Drill::start(105);
    drill.fault(json!({ "id": "lost", "request": PLACE, "action": "lose_answer", "probability": 0.5 }));
    drill.fault(json!({ "id": "hidden", "event": "executionReport", "action": "drop", "probability": 0.5 }));
    for round in 1..=4 {
        let trader = drill.trader(&[]);
        let before = drill.placed();
        eventually(&format!("an order in round {round}"), SOON, || {
            drill.placed() > before
        });
        if round % 2 == 0 {
            drill.force_fill();
        }
        trader.process.signal("KILL");
        let (code, said) = trader.process.finish(SOON);
        assert_eq!(code, None, "killed by the signal: {said}");
    }
    drill.heal("lost");
    drill.heal("hidden");
    let last = drill.trader(&[]);
    eventually("the position is right", SOON, || drill.is_position_right(&last));
    let _ = drill.end(last);
}

/// Reports are dropped on a stream that is well otherwise.
#[test]
fn f18_a_report_that_never_came_is_found_within_one_period_counted_and_told() {
    let drill = Drill::start(106);
    // The answer makes the order live; nothing tells of its fill.
    hide_reports(&drill);
    // No cancel reveals the fill.
    let mut trader = drill.trader(&FAR);
    eventually("an open order", SOON, || !drill.open_orders().is_empty());
    drill.force_fill();
    drill.heal("hidden");
    eventually("the position is right", PERIOD, || {
        drill.is_position_right(&trader)
    });
    assert!(trader.counter("differences") >= 1, "counted");
    assert!(
        trader.process.said().contains("ALERT"),
        "{}",
        trader.process.said()
    );
    let _ = drill.end(trader);
}

#[test]
fn f19_what_traded_while_the_connection_was_down_is_fetched_after_it() {
    let drill = Drill::start(107);
    let mut trader = drill.trader(&FAR);
    eventually("an open order", SOON, || !drill.open_orders().is_empty());
    // The order stays open when it is canceled for want of a connection.
    drill
        .fault(json!({ "id": "slow", "request": CANCEL, "action": "delay", "ms": 5_000, "stage": "before" }));
    drill.fault(json!({ "id": "closed", "connection": "ws_api", "action": "refuse_connection" }));
    drill.fault(json!({ "id": "cut", "connection": "ws_api", "action": "disconnect", "how": "reset" }));
    drill.wait_for_fault("cut", 1, SOON);
    trader.process.wait_for("session with the venue is down", SOON);
    drill.force_fill();
    drill.heal("slow");
    drill.heal("closed");
    eventually("the position is right", SOON, || drill.is_position_right(&trader));
    let _ = drill.end(trader);
}

#[test]
fn f20_f21_reports_twice_late_and_out_of_order_end_in_the_same_position() {
    let drill = Drill::start(108);
    let faults: [Value; 4] = [
        json!({ "id": "twice", "event": "user", "action": "duplicate", "probability": 0.5 }),
        json!({ "id": "late", "event": "user", "action": "delay", "ms": [50, 2000], "probability": 0.4 }),
        json!({ "id": "swapped", "event": "user", "action": "reorder", "probability": 0.3 }),
        json!({ "id": "answer", "request": PLACE, "action": "delay", "ms": [100, 800] }),
    ];
    for fault in faults {
        drill.fault(fault);
    }
    let trader = drill.trader(&FAR);
    for _ in 0..6 {
        eventually("an open order", SOON, || !drill.open_orders().is_empty());
        drill.force_fill();
    }
    for id in ["twice", "late", "swapped", "answer"] {
        assert!(drill.rule(id, "fired") > 0, "{id} never struck");
    }
    eventually("the position is right", SOON, || drill.is_position_right(&trader));
    assert_eq!(trader.counter("differences"), 0, "late is not lost");
    let said = drill.end(trader);
    assert!(!said.contains("STATE"), "nothing halted: {said}");
}

/// The venue knows nothing of a fresh order for a while, wherever it is asked.
#[test]
fn f24_an_order_that_the_venue_denies_for_a_while_stays_unknown_and_is_taken_up_again() {
    let drill = Drill::start(109);
    hide_reports(&drill);
    drill.fault(json!({ "id": "lost", "request": PLACE, "action": "lose_answer", "how": "reset", "max": 1 }));
    drill.fault(
        json!({ "id": "denied", "request": ["GET /api/v3/order", "DELETE /api/v3/order", "order.cancel"],
        "action": "deny_order", "for_s": 12, "lists": "hide", "max": 1 }),
    );
    let trader = drill.trader(&[]);
    drill.wait_for_fault("denied", 2, SOON);
    assert_eq!(drill.placed(), 1);
    eventually("the venue shows it again", SOON, || {
        !drill.open_orders().is_empty() || !drill.held().is_zero()
    });
    let id = *drill.unknown().first().unwrap();
    let taken_up = || {
        let mut records = drill.records().into_iter();
        records.position(|r| matches!(&r.fact, Fact::Execution(report) if report.cl_ord_id == id))
    };
    eventually("it is taken up", SOON, || taken_up().is_some());
    let before = drill.records().into_iter().take(taken_up().unwrap());
    let intents = before.filter(|r| matches!(r.fact, Fact::Intent { .. }));
    assert_eq!(intents.count(), 1, "no entry while its outcome is open");
    drill.heal("hidden");
    let said = drill.end(trader);
    assert!(!is_any_given_up(&drill), "{said}");
}
