//! The whole system against the exchange in virtual time, in the emergencies that must end by themselves.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod common;

use std::time::Duration;

use keel_domain::AlertClass;
use keel_engine::Operator;
use keel_risk::{HaltCause, Rule, TradingState, Trip};
use keel_runtime::{CLOSE_WITHIN, Ending};
use keel_sim_exchange::core::Scenario;

use crate::common::{Drill, PLACE};

/// What a new user sees first.
#[test]
fn ten_minutes_of_a_calm_market_on_the_model_configuration_trade_and_need_nobody() {
    let mut drill = Drill::on(Scenario::Calm, &[]);
    drill.pass_until("the first fill", Duration::from_secs(10), |drill| {
        !drill.held().is_zero()
    });
    drill.pass(Duration::from_secs(600));
    let counters = drill.simulation.desk().trader().counters().clone();
    assert_eq!(counters.refused.values().sum::<u64>(), 0, "{counters:?}");
    assert!(counters.fills > 100, "{counters:?}");
    assert!(counters.rejected * 50 <= counters.submitted, "{counters:?}");
    let outcome = drill.end().0;
    assert_eq!(outcome.report.alerts, Vec::<String>::new());
    assert_eq!(outcome.ending, Ending::Closed);
}

#[test]
fn f6_a_volatile_market_makes_the_quoter_run_into_no_order_rate() {
    let mut drill = Drill::trading(&[]);
    drill.pass(Duration::from_secs(300));
    let refused = &drill.simulation.desk().trader().counters().refused;
    assert_eq!(refused.get(&Rule::OrderRate), None, "{refused:?}");
}

#[test]
fn f8_the_last_inch_stops_everything_behind_a_gate_that_lets_pass() {
    let mut drill = Drill::start(&["risk.last_inch.orders_per_60s_max=5"]);
    drill.pass_until("halted", Duration::from_secs(60), |drill| {
        drill.state().0 == TradingState::Halted
    });
    let cause = HaltCause::LastInch(Trip::Orders { max: 5 });
    assert_eq!(drill.state().1, Some(cause));
    drill.pass_until("nothing is open", Duration::from_secs(1), |drill| {
        drill.open_orders() == 0
    });
    let reason = "the limit was too low".to_owned();
    drill.simulation.operate(Operator::Resume { reason });
    drill.pass_until("it trades again", Duration::from_secs(5), |drill| {
        drill.open_orders() > 0
    });
}

#[test]
fn an_operator_can_sell_what_is_held_after_the_last_inch_has_tripped() {
    let mut drill = Drill::start(&["risk.last_inch.orders_per_60s_max=20"]);
    drill.pass_until("halted with something held", Duration::from_secs(300), |drill| {
        let (state, _) = drill.state();
        let reason = "again".to_owned();
        if state == TradingState::Halted && drill.held().is_zero() {
            drill.simulation.operate(Operator::Resume { reason });
        }
        state == TradingState::Halted && !drill.held().is_zero()
    });
    let reason = "enough".to_owned();
    drill.simulation.operate(Operator::Flatten { reason });
    drill.pass_until(
        "nothing that can be sold is held",
        Duration::from_secs(30),
        |drill| drill.simulation.desk().trader().is_flat(),
    );
    assert_eq!(drill.state().0, TradingState::ReduceOnly);
}

#[test]
fn f6_a_venue_that_refuses_every_order_for_ten_minutes_receives_three() {
    let mut drill = Drill::start(&[]);
    drill.faults(&format!(
        "[[rule]]\nid = \"no\"\nrequest = {PLACE}\naction = \"reject\"\ncode = -2010\nmsg = \"This action is disabled on this account.\""
    ));
    drill.pass(Duration::from_secs(600));
    assert_eq!(drill.submitted(), 3);
    let (outcome, faults) = drill.end();
    assert_eq!(faults["no"], 3);
    let told = |alert: &String| alert.contains("still allowed: exits and cancels: runaway");
    assert_eq!(
        outcome.report.alerts.iter().filter(|a| told(a)).count(),
        1,
        "{:?}",
        outcome.report.alerts
    );
    assert_eq!(outcome.ending, Ending::Closed);
}

/// Orders that stay where they are, so that nothing but upkeep asks the venue anything.
const QUIET: [&str; 3] = [
    "strategy.quoter.quote_offset_ticks=100000",
    "strategy.quoter.requote_ticks=90000",
    "risk.collar_away_bps=5000",
];
const REVOKED: &str = "[[rule]]\nid = \"revoked\"\nrequest = \"*\"\naction = \"reject\"\nstatus = 401\ncode = -2015\nmsg = \"Invalid API-key, IP, or permissions for action.\"";

#[test]
fn f33_a_key_that_is_revoked_while_orders_rest_halts_and_alerts_within_five_seconds_however_quiet_trading_is()
{
    for phase in [0, 1, 3] {
        let mut drill = Drill::trading(&QUIET);
        drill.pass(Duration::from_secs(phase));
        drill.faults(REVOKED);
        drill.pass_until("halted", Duration::from_secs(5), |drill| {
            drill.state().0 == TradingState::Halted
        });
        assert!(
            matches!(drill.state().1, Some(HaltCause::KeyRefused { .. })),
            "{:?}",
            drill.state()
        );
        let submitted = drill.submitted();
        drill.pass(Duration::from_secs(120));
        assert_eq!(drill.submitted(), submitted, "nothing is sent any more");
        let alerts = drill.end().0.report.alerts;
        let told = |alert: &String| alert.contains("trading halted") && alert.contains("-2015");
        assert!(alerts.iter().any(told), "{alerts:?}");
    }
}

#[test]
fn f62_a_pair_that_is_gone_while_it_is_traded_is_told_and_ends_nothing() {
    let mut drill = Drill::trading(&[]);
    // Asked for all pairs at once, and then for each.
    drill.faults(
        "[[rule]]\nid = \"gone\"\nrequest = \"GET /api/v3/exchangeInfo\"\naction = \"reject\"\nstatus = 400\ncode = -1121\nmsg = \"Invalid symbol.\"\nmax = 2",
    );
    drill.pass_until("the venue denies the pair", Duration::from_secs(7_200), |drill| {
        drill.has_fired("gone")
    });
    drill.pass(Duration::from_secs(5));
    assert!(drill.raised(AlertClass::PairStatus) > 0);
    let outcome = drill.end().0;
    assert_eq!(outcome.ending, Ending::Closed);
}

/// What an end may take where the venue confirms nothing; a service manager has to wait for longer.
#[test]
fn f11_an_end_that_the_venue_does_not_confirm_is_given_up_after_its_time_and_not_before() {
    let mut drill = Drill::trading(&QUIET);
    drill.faults(
        "[[rule]]\nid = \"no\"\nrequest = [\"order.cancel\", \"DELETE /api/v3/order\"]\naction = \"status\"\nstatus = 503\nstage = \"before\"",
    );
    let begin = drill.simulation.now();
    let (outcome, _) = drill.end();
    assert!(
        matches!(outcome.ending, Ending::Unverified(_)),
        "{}",
        outcome.ending
    );
    let taken = outcome.report.ended_at.since(begin);
    let more = taken.checked_sub(CLOSE_WITHIN).unwrap();
    assert!(more <= Duration::from_millis(200), "{taken:?}");
}

#[test]
fn f9_a_halt_cancels_within_a_second_and_sends_nothing_after() {
    let mut drill = Drill::trading(&[]);
    drill.halt();
    let submitted = drill.submitted();
    drill.pass_until("nothing is open", Duration::from_secs(1), |drill| {
        drill.open_orders() == 0
    });
    drill.pass(Duration::from_secs(60));
    assert_eq!(drill.submitted(), submitted);
    assert_eq!(drill.end().0.ending, Ending::Closed);
}

#[test]
fn f10_a_halt_needs_no_disk() {
    let mut drill = Drill::trading(&[]);
    drill.simulation.disk().fill_after(0);
    drill.pass_until("halted", Duration::from_secs(5), |drill| {
        drill.state().0 == TradingState::Halted
    });
    assert!(
        matches!(drill.state().1, Some(HaltCause::Journal { .. })),
        "{:?}",
        drill.state()
    );
    let submitted = drill.submitted();
    drill.pass_until("nothing is open", Duration::from_secs(1), |drill| {
        drill.open_orders() == 0
    });
    drill.pass(Duration::from_secs(60));
    assert_eq!(drill.submitted(), submitted);

    // There is room again: the next process is halted all the same, by the mark.
    drill.simulation.kill_and_restart().unwrap();
    drill.pass(Duration::from_secs(60));
    let (state, cause) = drill.state();
    assert_eq!((state, drill.submitted()), (TradingState::Halted, 0));
    let cause = cause.unwrap().to_string();
    assert!(cause.contains("there was no room for its reason"), "{cause}");
    let reason = "the disk was cleared".to_owned();
    drill.simulation.operate(Operator::Resume { reason });
    drill.pass_until("it trades again", Duration::from_secs(10), |drill| {
        drill.open_orders() > 0
    });
    drill.simulation.kill_and_restart().unwrap();
    assert_eq!(drill.state().0, TradingState::Active, "the mark is gone");
}

#[test]
fn f10_a_halt_for_a_failed_sync_is_kept_with_its_cause() {
    let mut drill = Drill::trading(&[]);
    drill.simulation.disk().fail_syncs();
    drill.pass_until("halted", Duration::from_secs(5), |drill| {
        drill.state().0 == TradingState::Halted
    });
    drill.simulation.kill_and_restart().unwrap();
    let (state, cause) = drill.state();
    assert_eq!(state, TradingState::Halted);
    let cause = cause.unwrap().to_string();
    assert!(cause.contains("the journal failed"), "{cause}");
}

#[test]
fn f10_a_disk_that_takes_no_mark_is_told() {
    let mut drill = Drill::trading(&[]);
    drill.simulation.disk().crash_after(0);
    drill.pass_until("halted and nothing open", Duration::from_secs(6), |drill| {
        drill.state().0 == TradingState::Halted && drill.open_orders() == 0
    });
    let (outcome, _) = drill.end();
    let told = |alert: &String| alert.contains("the halt is not kept over a restart");
    assert!(
        outcome.report.alerts.iter().any(told),
        "{:?}",
        outcome.report.alerts
    );
    assert!(outcome.halted_by.unwrap().contains("the journal failed"));
}

#[test]
fn f9_a_panic_on_the_trading_task_cancels_within_a_second_and_is_latched() {
    let mut drill = Drill::trading(&[]);
    let submitted = drill.submitted();
    drill.simulation.panic("injected");
    drill.pass_until("nothing is open", Duration::from_secs(1), |drill| {
        drill.open_orders() == 0
    });
    drill.pass(Duration::from_secs(60));
    assert_eq!(drill.submitted(), submitted);
    drill.simulation.panic("injected again, while it ends");
    drill.simulation.kill_and_restart().unwrap();
    drill.pass(Duration::from_secs(60));
    let (state, cause) = drill.state();
    assert_eq!((state, drill.submitted()), (TradingState::Halted, 0));
    let cause = cause.unwrap().to_string();
    assert_eq!(cause, "internal fault: the program panicked: injected");
    let reason = "looked into".to_owned();
    drill.simulation.operate(Operator::Resume { reason });
    drill.pass_until("it trades again", Duration::from_secs(10), |drill| {
        drill.open_orders() > 0
    });
}

#[test]
fn f9_a_panic_with_a_disk_that_fails_too_is_latched_by_a_mark() {
    let mut drill = Drill::trading(&[]);
    drill.simulation.disk().fail_syncs();
    drill.simulation.panic("injected");
    drill.pass_until("nothing is open", Duration::from_secs(1), |drill| {
        drill.open_orders() == 0
    });
    drill.simulation.kill_and_restart().unwrap();
    let (state, cause) = drill.state();
    assert_eq!(state, TradingState::Halted);
    assert!(cause.unwrap().to_string().contains("panicked: injected"));
}

#[test]
fn f10_a_disk_that_hangs_for_a_minute_delays_no_cancel_of_a_halt() {
    // No order that rests may be gone by a fill.
    let mut drill = Drill::trading(&QUIET);
    drill.simulation.disk().hang_syncs(Duration::from_secs(60));
    drill.halt();
    let submitted = drill.submitted();
    drill.pass_until("nothing is open", Duration::from_secs(1), |drill| {
        drill.open_orders() == 0
    });
    assert_eq!(drill.state().0, TradingState::Halted);
    drill.simulation.disk().hang_syncs(Duration::ZERO);
    drill.pass(Duration::from_secs(120));
    assert_eq!(drill.submitted(), submitted);
    drill.simulation.kill_and_restart().unwrap();
    assert_eq!(
        drill.state().0,
        TradingState::Halted,
        "it was recorded in the end"
    );
}

/// The book may be 2 s old, and so may the decision that rests on it.
#[test]
fn f40_no_entry_leaves_a_disk_that_held_it_up_for_longer_than_a_book_may_be_old() {
    let mut drill = Drill::start(&[]);
    drill.simulation.disk().hang_syncs(Duration::from_millis(2_100));
    drill.pass_until("entries are decided", Duration::from_secs(120), |drill| {
        drill.submitted() > 3
    });
    drill.pass(Duration::from_secs(10));
    assert_eq!(drill.placed(), 0);
    assert!(drill.raised(AlertClass::Overflow) > 0, "it is told");
    assert_eq!(drill.state(), (TradingState::Active, None));
    drill.simulation.disk().hang_syncs(Duration::ZERO);
    drill.pass_until("it trades", Duration::from_secs(60), |drill| {
        drill.open_orders() > 0 && drill.placed() > 0
    });
}

#[test]
fn f34_a_halt_during_a_429_sends_no_order_and_is_verified_once_the_wait_is_over() {
    let mut drill = Drill::trading(&[]);
    drill.faults(
        "[[rule]]\nid = \"limited\"\nrequest = \"*\"\naction = \"rate_limit\"\nretry_after_s = 20\nmax = 1",
    );
    drill.pass_until("the venue limits", Duration::from_secs(60), |drill| {
        drill.simulation.faults().contains_key("limited")
    });
    drill.halt();
    let submitted = drill.submitted();
    drill.pass_until("nothing is open", Duration::from_secs(30), |drill| {
        drill.open_orders() == 0
    });
    // The venue answers questions again after its 20 s.
    drill.pass(Duration::from_secs(30));
    assert_eq!(drill.submitted(), submitted);
    assert_eq!(drill.end().0.ending, Ending::Closed);
}

#[test]
fn f60_a_halt_with_every_websocket_down_cancels_by_rest() {
    let mut drill = Drill::trading(&[]);
    drill.faults(
        "[[rule]]\nid = \"down\"\nconnection = \"*\"\naction = \"disconnect\"\n\n[[rule]]\nid = \"refused\"\nconnection = \"*\"\naction = \"refuse_connection\"",
    );
    drill.pass_until("the connections are down", Duration::from_secs(5), |drill| {
        !drill.simulation.desk().trader().is_session_up()
    });
    drill.halt();
    drill.pass_until("nothing is open", Duration::from_secs(1), |drill| {
        drill.open_orders() == 0
    });
}
