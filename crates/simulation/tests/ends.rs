//! What an end in order leaves of a position at the exchange: stops of exactly its size, or an alert.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod common;

use std::time::Duration;

use keel_domain::{Money, Qty};
use keel_runtime::{CLOSE_WITHIN, Ending};
use keel_sim_exchange::core::{AccountId, Exchange};

use crate::common::{Drill, PLACE};

/// What is held at the exchange, and what stops have of it.
fn held_and_stopped(exchange: &Exchange, account: AccountId) -> (Money, Money) {
    let stops = exchange.open_orders(account, None);
    let stopped = stops.filter(|order| order.ord_type.trigger().is_some());
    let stopped = stopped.fold(Qty::ZERO, |sum, order| sum.saturating_add(order.leaves_qty()));
    let balances = exchange.balances(account);
    let held = balances.iter().find(|balance| balance.asset.as_str() == "BTC");
    let held = held.map_or(Money::ZERO, |balance| balance.free + balance.locked);
    (held, stopped.to_decimal())
}

/// An exit that rests alone claims its coins, so that they have no stop; the end cancels it, and what was bought right before has
/// none yet either.
#[test]
fn f25_f11_an_end_in_order_leaves_a_position_with_exactly_its_size_in_stops() {
    let mut was_bare = 0;
    for begins_after in 0..6 {
        let mut drill = Drill::trading(&[]);
        drill.pass(Duration::from_secs(begins_after * 7));
        let account = drill.account;
        let (held, stopped) = held_and_stopped(drill.simulation.protocol().exchange(), account);
        was_bare += u32::from(held - stopped > LEFT_MAX);
        let begin = drill.simulation.now();
        let (outcome, protocol) = drill.simulation.close();
        assert_eq!(outcome.ending, Ending::Closed);
        let (held, stopped) = held_and_stopped(protocol.exchange(), account);
        let left = held - stopped;
        assert!(left >= Money::ZERO && left < LEFT_MAX, "{held} {stopped}");
        let alerts = &outcome.report.alerts;
        assert!(!alerts.iter().any(|alert| tells_of_the_end(alert)), "{alerts:?}");
        let taken = outcome.report.ended_at.since(begin);
        assert!(taken < CLOSE_WITHIN, "{taken:?}");
    }
    assert!(was_bare > 0);
}

/// Too little to be sold, or less than a step.
const LEFT_MAX: Money = Money::from_parts(2, 0, 0, false, 4);

fn tells_of_the_end(alert: &str) -> bool {
    alert.contains("is held at the end")
}

#[test]
fn f25_an_end_that_leaves_a_position_without_its_stop_tells_so() {
    let mut bare = 0;
    for begins_after in 0..6 {
        let mut drill = Drill::trading(&[]);
        drill.pass(Duration::from_secs(begins_after * 7));
        drill.faults(&format!(
            "[[rule]]\nid = \"no\"\nrequest = {PLACE}\naction = \"reject\"\ncode = -2010\nmsg = \"This action is disabled on this account.\""
        ));
        let account = drill.account;
        let (outcome, protocol) = drill.simulation.close();
        assert_eq!(outcome.ending, Ending::Closed);
        let (held, stopped) = held_and_stopped(protocol.exchange(), account);
        let is_bare = held - stopped > LEFT_MAX;
        let alerts = &outcome.report.alerts;
        let is_told = alerts.iter().any(|alert| tells_of_the_end(alert));
        assert_eq!(is_told, is_bare, "{held} {stopped} {alerts:?}");
        bare += u32::from(is_bare);
    }
    assert!(bare > 0);
}

#[test]
fn f25_f11_an_end_waits_for_a_stop_that_the_venue_takes_a_moment_later() {
    let mut refused = 0;
    for begins_after in 0..6 {
        let mut drill = Drill::trading(&[]);
        drill.pass(Duration::from_secs(begins_after * 7));
        drill.faults(&format!(
            "[[rule]]\nid = \"rate\"\nrequest = {PLACE}\naction = \"reject\"\ncode = -1015\nmsg = \"Too many new orders.\"\nmax = 2"
        ));
        let account = drill.account;
        let begin = drill.simulation.now();
        let (outcome, protocol) = drill.simulation.close();
        assert_eq!(outcome.ending, Ending::Closed);
        let (held, stopped) = held_and_stopped(protocol.exchange(), account);
        assert!(held - stopped < LEFT_MAX, "{held} {stopped}");
        // After one second, and after two more.
        refused += u32::from(outcome.report.ended_at.since(begin) > Duration::from_secs(3));
    }
    assert!(refused > 0);
}

/// The venue takes no order for a minute: the end is given up after its time, and tells what has no stop.
#[test]
fn f25_f11_an_end_whose_stop_is_not_confirmed_is_given_up_after_its_time() {
    let mut unconfirmed = 0;
    for begins_after in 0..6 {
        let mut drill = Drill::trading(&[]);
        drill.pass(Duration::from_secs(begins_after * 7));
        drill.faults(&format!(
            "[[rule]]\nid = \"no\"\nrequest = {PLACE}\naction = \"rate_limit\"\nretry_after_s = 60"
        ));
        let begin = drill.simulation.now();
        let outcome = drill.end().0;
        let alerts = &outcome.report.alerts;
        let taken = outcome.report.ended_at.since(begin);
        assert!(taken <= CLOSE_WITHIN + Duration::from_millis(200), "{taken:?}");
        unconfirmed += u32::from(alerts.iter().any(|alert| tells_of_the_end(alert)));
    }
    assert!(unconfirmed > 0);
}
