//! The guard asks the venue while the trader lives, so that what it cannot do is told before it is needed.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use std::time::Duration;

use keel_domain::{AlertClass, Symbol, Timestamp};
use keel_guard::{Answer, Event, Guard, Request};

fn pair() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

fn at(ms: u64) -> Timestamp {
    Timestamp::EPOCH.plus(Duration::from_millis(ms))
}

fn open() -> Answer {
    Answer::Open {
        stops: 1,
        others: vec![],
    }
}

fn refused() -> Answer {
    Answer::Failed {
        problem: "-2015".to_owned(),
        wait: None,
    }
}

/// Heard once a second until `ms`; what was asked meanwhile, and when.
fn heard_until(guard: &mut Guard, from: u64, to: u64, answer: &Answer) -> Vec<(u64, Request)> {
    let mut asked = Vec::new();
    for ms in (from..=to).step_by(1_000) {
        guard.on_beat(at(ms));
        if let Some(request) = guard.next_request(at(ms)) {
            asked.push((ms, request));
            guard.on_answer(at(ms + 50), answer);
        }
    }
    asked
}

fn events(guard: &mut Guard) -> Vec<Event> {
    std::iter::from_fn(|| guard.next_event()).collect()
}

fn guard() -> Guard {
    let other = "ETHUSDT".parse().unwrap();
    Guard::new(vec![pair(), other], Duration::from_secs(10))
}

#[test]
fn f33_while_the_trader_lives_the_venue_is_asked_once_a_minute_and_nothing_is_told_of_it() {
    let mut guard = guard();
    let asked = heard_until(&mut guard, 0, 180_000, &open());
    let look = Request::Look(pair());
    assert_eq!(asked, [(60_000, look), (120_000, look), (180_000, look)]);
    assert_eq!(
        events(&mut guard),
        [Event::Armed],
        "and its orders are none of its business"
    );
}

#[test]
fn f33_a_key_that_was_revoked_is_told_each_time_and_its_return_once() {
    let mut guard = guard();
    heard_until(&mut guard, 0, 120_000, &refused());
    let told = Event::Unreachable {
        symbol: pair(),
        problem: "-2015".to_owned(),
    };
    assert_eq!(events(&mut guard), [Event::Armed, told.clone(), told]);
    heard_until(&mut guard, 121_000, 240_000, &open());
    assert_eq!(events(&mut guard), [Event::Reachable]);
}

#[test]
fn a_probe_begins_right_after_a_heartbeat_only_and_is_none_of_the_canceling() {
    let mut guard = guard();
    heard_until(&mut guard, 0, 59_000, &open());
    assert_eq!(
        guard.next_request(at(60_000)),
        None,
        "its answer might come into the silence"
    );
    guard.on_beat(at(60_001));
    assert_eq!(guard.next_request(at(61_000)), Some(Request::Look(pair())));
    // It takes longer than the silence: the canceling begins with its answer.
    assert_eq!(guard.next_request(at(70_001)), None);
    guard.on_answer(at(70_100), &open());
    assert_eq!(guard.next_request(at(70_100)), Some(Request::Look(pair())));
    assert!(guard.is_canceling());
    guard.on_answer(at(70_200), &open());
    let other = "ETHUSDT".parse().unwrap();
    assert_eq!(guard.next_request(at(70_200)), Some(Request::Look(other)));
}

#[test]
fn f34_what_the_venue_wants_after_a_probe_is_kept_by_probes_and_by_the_canceling() {
    let banned = Answer::Failed {
        problem: "418".to_owned(),
        wait: Some(Duration::from_secs(150)),
    };
    let mut guard = guard();
    let look = Request::Look(pair());
    assert_eq!(heard_until(&mut guard, 0, 60_000, &banned), [(60_000, look)]);
    // The answer came at 60.05 s.
    assert_eq!(heard_until(&mut guard, 61_000, 200_000, &open()), []);
    assert_eq!(guard.next_request(at(210_049)), None, "silent, and banned still");
    assert!(guard.is_canceling());
    assert_eq!(guard.next_deadline(), Some(at(210_050)));
    assert_eq!(guard.next_request(at(210_050)), Some(look));
}

#[test]
fn guard_is_told_with_the_answer_to_a_probe_that_the_venue_refuses() {
    let mut guard = guard();
    let asked = heard_until(&mut guard, 0, 60_000, &refused());
    assert_eq!(asked.len(), 1);
    let classes: Vec<AlertClass> = events(&mut guard).iter().filter_map(Event::alert_class).collect();
    assert_eq!(classes, [AlertClass::Guard]);
}
