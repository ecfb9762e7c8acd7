//! What keeps a start from trading.

use std::time::Duration;

use crate::common::{World, entry, identity, instrument, lots, other_symbol, submissions, symbol};
use crate::reconciliation::holding;
use keel_domain::{OrdStatus, OrderIntent, Purpose, Side};
use keel_engine::{Event, Identity, MarketCondition, RecoverError, StartRefusal};
use keel_execution::VenueReport;
use keel_market_data::BookFault;
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
fn f70_records_of_another_mode_or_venue_refuse_the_start_and_nothing_changes() {
    for (mode, venue, is_refused) in [
        ("paper", "127.0.0.1", false),
        ("testnet", "127.0.0.1", true),
        ("live", "127.0.0.1", true),
        ("paper", "api.binance.com", true),
    ] {
        let mut world = World::started();
        let configured = Identity {
            mode: mode.to_owned(),
            venue: venue.to_owned(),
            ..identity()
        };
        let before = world.trader.state().clone();
        let (recorded, wanted) = (Box::new(identity()), Box::new(configured.clone()));
        let refused = world.trader.boot(world.now, configured).err();
        let expected = RecoverError::OtherIdentity {
            recorded,
            configured: wanted,
        };
        assert_eq!(refused, is_refused.then_some(expected), "{mode} at {venue}");
        assert_eq!(*world.trader.state() == before, is_refused);
    }
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

#[test]
fn f42_an_ended_order_of_another_instance_and_one_on_another_pair_refuse_nothing() {
    let mut world = World::booted();
    world.symbols = vec![symbol()];
    world.restart();
    let ended = "k2-quoter-3-71".parse().unwrap();
    world.venue.place(world.now, ended, entry(Side::Buy, 10));
    let report = world.venue.end(world.now, ended, OrdStatus::Canceled).unwrap();
    world.on_venue(report);
    assert_eq!(world.trader.start_refusal(), None);
    let elsewhere = OrderIntent {
        symbol: other_symbol(),
        ..entry(Side::Buy, 10)
    };
    let report = world
        .venue
        .place(world.now, "k2-quoter-3-72".parse().unwrap(), elsewhere);
    world.on_venue(report);
    assert_eq!(world.trader.start_refusal(), None);
}

#[test]
fn what_is_held_of_a_traded_pair_and_what_was_sold_of_another_are_not_told_as_untraded() {
    let mut world = holding();
    let of_other = |side, purpose| OrderIntent {
        symbol: other_symbol(),
        purpose,
        ..entry(side, 10)
    };
    for intent in [
        of_other(Side::Buy, Purpose::Entry),
        of_other(Side::Sell, Purpose::ReduceOnly),
    ] {
        let id = world.submit_live(intent);
        let fill = world.venue.fill(world.now, id, lots(10)).unwrap();
        world.exchange(Event::Venue(fill));
    }
    world.symbols = vec![symbol()];
    world.restart();
    world.alerts.clear();
    world.connect();
    assert_eq!(world.alerts, Vec::<String>::new());
}

/// Nobody would protect what it buys.
#[test]
fn an_order_that_is_open_on_a_pair_that_is_traded_no_more_is_canceled() {
    let mut world = holding();
    let other = OrderIntent {
        symbol: other_symbol(),
        ..entry(Side::Buy, 10)
    };
    let (left, own) = (world.submit_live(other), world.submit_live(entry(Side::Buy, 10)));
    world.symbols = vec![symbol()];
    world.restart();
    world.connect();
    world.exchange(Event::Timer);
    let is_open = |id| !world.venue.orders[&id].status.is_terminal();
    assert_eq!((is_open(left), is_open(own)), (false, true));
    assert_eq!(world.trader.leftovers().count(), 1);
}

#[test]
fn f69_without_market_data_nothing_is_usable_and_nothing_is_ordered() {
    let mut world = World::booted();
    for symbol in [symbol(), other_symbol()] {
        world.exchange(Event::Venue(VenueReport::Instrument(instrument(symbol))));
    }
    let account = "1".to_owned();
    world.exchange(Event::Venue(VenueReport::SessionUp { account }));
    world.exchange(Event::Timer);
    assert_eq!(world.trader.first_comparison(), Some(Ok(())), "all else is ready");
    let no_price = MarketCondition::NoPrice(BookFault::NotSynchronised);
    assert_eq!(world.trader.market_condition(world.now, symbol()), no_price);
    let wish = || vec![Action::Submit(entry(Side::Buy, 1))];
    assert_eq!(submissions(&world.wish(wish())), 0);
    world.quote("99.99", "100.01");
    assert!(world.trader.market_condition(world.now, symbol()).is_usable());
    assert_eq!(submissions(&world.wish(wish())), 1);
}
