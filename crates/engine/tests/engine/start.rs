//! What keeps a start from trading.

use std::time::Duration;

use crate::common::{World, entry, submissions, symbol};
use keel_domain::Side;
use keel_engine::{Event, StartRefusal};
use keel_execution::VenueReport;
use keel_strategy::Action;

#[test]
fn f70_records_of_another_account_refuse_the_start_and_nothing_is_asked_there() {
    let mut world = World::started();
    assert_eq!(world.trader.start_refusal(), None);
    world.restart();
    let before = world.log.records.len();
    let account = "2".to_owned();
    let commands = world.on_venue(VenueReport::SessionUp { account });
    assert_eq!(
        commands,
        [],
        "whatever is told now would be booked as account 1's"
    );
    let (recorded, told) = ("1".to_owned(), "2".to_owned());
    let refusal = world.trader.start_refusal();
    assert_eq!(refusal, Some(StartRefusal::OtherAccount { recorded, told }));
    assert_eq!(world.alerts.len(), 1, "{:?}", world.alerts);
    let commands = world.wish(vec![Action::Submit(entry(Side::Buy, 1))]);
    assert_eq!(submissions(&commands), 0);
    assert_eq!(
        world.log.records.len(),
        before,
        "the right key finds all as it was"
    );
    world.restart();
    world.connect();
    assert_eq!(world.trader.start_refusal(), None);
    world.submit(entry(Side::Buy, 1));
}

#[test]
fn f42_an_open_order_of_another_instance_on_our_pair_refuses_the_start() {
    let mut world = World::booted();
    let theirs = "k2-quoter-3-71".parse().unwrap();
    world.venue.place(world.now, theirs, entry(Side::Buy, 10));
    world.connect();
    let Some(StartRefusal::OtherInstance {
        tag,
        symbol: on,
        cl_ord_id,
    }) = world.trader.start_refusal()
    else {
        panic!("{:?}", world.trader.start_refusal())
    };
    assert_eq!(
        (tag.to_string().as_str(), on, cl_ord_id),
        ("k2", symbol(), theirs)
    );
}

#[test]
fn f42_what_is_no_instances_or_comes_after_the_start_refuses_nothing() {
    let mut world = World::booted();
    let a_persons = "k2-quoter-3-x".parse().unwrap();
    world.venue.place(world.now, a_persons, entry(Side::Buy, 10));
    world.connect();
    assert_eq!(world.trader.start_refusal(), None);
    let late = "k2-quoter-3-72".parse().unwrap();
    world.venue.place(world.now, late, entry(Side::Buy, 10));
    world.pass(Duration::from_secs(31));
    assert_eq!(world.trader.start_refusal(), None);
    assert!(world.alerts.iter().any(|text| text.contains("k2-quoter-3-72")));
    world.exchange(Event::Timer);
}
