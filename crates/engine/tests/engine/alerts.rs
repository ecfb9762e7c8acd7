//! Alerts whose cause no simulated exchange gives: each comes with the event that causes it, before any time passes.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use std::time::Duration;

use crate::common::{World, entry, lots, price, symbol};
use keel_domain::{AlertClass, ExecutionReport, Money, Side};
use keel_engine::{Event, Fact, Operator};
use keel_execution::{NotSent, VenueReport};
use keel_market_data::{BookSnapshot, Level, LostReason, MarketUpdate};
use keel_risk::{HaltCause, LossBreach, LossTrip, Trip};

/// What the event raises.
fn raised(world: &mut World, event: Event) -> Vec<AlertClass> {
    world.classes.clear();
    world.on(event);
    std::mem::take(&mut world.classes)
}

fn book(bid: &str, ask: &str) -> Event {
    let level = |at| Level {
        price: price(at),
        qty: lots(1_000),
    };
    Event::Market(MarketUpdate::BookSnapshot(BookSnapshot {
        symbol: symbol(),
        last_update_id: 100,
        bids: vec![level(bid)],
        asks: vec![level(ask)],
    }))
}

#[test]
fn every_restriction_is_an_alert_of_its_causes_class() {
    let what = || "drill".to_owned();
    let causes = [
        (HaltCause::Operator { reason: what() }, AlertClass::OperatorHalt),
        (
            HaltCause::Contradiction { what: what() },
            AlertClass::Contradiction,
        ),
        (HaltCause::Difference { what: what() }, AlertClass::Difference),
        (HaltCause::Journal { what: what() }, AlertClass::Journal),
        (HaltCause::KeyRefused { what: what() }, AlertClass::KeyRefused),
        (HaltCause::Unprotected { what: what() }, AlertClass::Unprotected),
        (HaltCause::Runaway { what: what() }, AlertClass::Runaway),
        (HaltCause::LastInch(Trip::NotItsIntent), AlertClass::LastInch),
        (
            HaltCause::Loss(LossTrip {
                breach: LossBreach::Day {
                    lost: Money::TWO,
                    limit: Money::ONE,
                },
                inputs: None,
            }),
            AlertClass::Loss,
        ),
        (HaltCause::MarketData { what: what() }, AlertClass::VenueChanged),
        (HaltCause::Clock { what: what() }, AlertClass::Clock),
        (HaltCause::Internal { what: what() }, AlertClass::Internal),
    ];
    for (cause, class) in causes {
        let mut world = World::started();
        let halt = Event::Operator(Operator::Halt(cause));
        assert_eq!(raised(&mut world, halt), [class]);
    }
    let mut world = World::started();
    let reason = what();
    let word = Event::Operator(Operator::ReduceOnly { reason });
    assert_eq!(raised(&mut world, word), [AlertClass::OperatorHalt]);
}

#[test]
fn an_end_in_order_is_no_alert() {
    let mut world = World::started();
    assert_eq!(raised(&mut world, Event::Operator(Operator::Shutdown)), []);
}

#[test]
fn venue_changed_is_told_with_a_field_that_is_not_documented() {
    let mut world = World::started();
    let unknown = MarketUpdate::UnknownField {
        symbol: symbol(),
        field: "x".to_owned(),
    };
    assert_eq!(
        raised(&mut world, Event::Market(unknown)),
        [AlertClass::VenueChanged]
    );
}

#[test]
fn price_jump_is_told_with_the_price_that_jumped() {
    let mut world = World::started();
    assert_eq!(
        raised(&mut world, book("49.99", "50.01")),
        [AlertClass::PriceJump]
    );
}

#[test]
fn overflow_is_told_with_what_was_dropped_or_not_sent() {
    let mut world = World::started();
    let overrun = MarketUpdate::BookLost {
        symbol: symbol(),
        reason: LostReason::Overrun,
    };
    assert_eq!(raised(&mut world, Event::Market(overrun)), [AlertClass::Overflow]);

    let mut world = World::started();
    let (cl_ord_id, _) = world.submit(entry(Side::Buy, 10));
    let cause = NotSent::TooManyInFlight;
    let full = VenueReport::SubmitNotSent { cl_ord_id, cause };
    assert_eq!(raised(&mut world, Event::Venue(full)), [AlertClass::Overflow]);

    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 100));
    world
        .log
        .records
        .retain(|record| !matches!(record.fact, Fact::Instrument(_)));
    world.restart();
    let fill = world.venue.fill(world.now, id, lots(1)).unwrap();
    for _ in 0..256 {
        assert_eq!(raised(&mut world, Event::Venue(fill.clone())), []);
    }
    assert_eq!(raised(&mut world, Event::Venue(fill)), [AlertClass::Overflow]);
}

#[test]
fn contradiction_is_told_with_the_report_that_cannot_be() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    let VenueReport::Execution(report) = world.venue.fill(world.now, id, lots(10)).unwrap() else {
        panic!("a fill is an execution");
    };
    let side = Side::Sell;
    let wrong = VenueReport::Execution(ExecutionReport { side, ..report });
    assert_eq!(
        raised(&mut world, Event::Venue(wrong)),
        [AlertClass::Contradiction]
    );
}

#[test]
fn internal_is_told_with_the_event_at_which_the_strategy_panics() {
    let mut world = World::started();
    world.script.lock().unwrap().panics = true;
    assert_eq!(raised(&mut world, Event::Timer), [AlertClass::Internal]);
}

#[test]
fn market_data_is_told_once_of_a_pair_that_has_had_no_price_for_two_seconds() {
    let mut world = World::started();
    let lost = MarketUpdate::BookLost {
        symbol: symbol(),
        reason: LostReason::Disconnected,
    };
    assert_eq!(raised(&mut world, Event::Market(lost)), []);
    assert_eq!(raised(&mut world, Event::Timer), []);
    world.now = world.now.plus(Duration::from_millis(1_999));
    assert_eq!(raised(&mut world, Event::Timer), []);
    world.now = world.now.plus(Duration::from_millis(1));
    assert_eq!(raised(&mut world, Event::Timer), [AlertClass::MarketData]);
    assert_eq!(raised(&mut world, Event::Timer), [], "told once");
    world.on(book("99.99", "100.01"));
    assert_eq!(raised(&mut world, Event::Timer), []);
}
