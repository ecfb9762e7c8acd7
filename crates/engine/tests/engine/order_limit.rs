//! The budget of orders against the venue's own limit.

use crate::common::{World, entry, submissions};
use keel_domain::{AlertClass, Side};
use keel_engine::Event;
use keel_execution::VenueReport;
use keel_risk::Rule;
use keel_strategy::Action;

fn told(world: &mut World, per_10s_max: u32) -> usize {
    world.alerts.clear();
    world.exchange(Event::Venue(VenueReport::OrderLimit { per_10s_max }));
    world.alerts.len()
}

/// How many of a hundred entries leave.
fn leave(world: &mut World) -> usize {
    let wishes = (1..=100).map(|lots| Action::Submit(entry(Side::Buy, lots % 3 + 1)));
    let mut sent = 0;
    for wish in wishes {
        world.now = world.now.plus(std::time::Duration::from_millis(50));
        world.quote("99.99", "100.01");
        sent += submissions(&world.wish(vec![wish]));
    }
    sent
}

#[test]
fn f6_all_orders_together_take_at_most_half_of_what_the_venue_takes() {
    let mut world = World::started();
    assert_eq!(told(&mut world, 100), 1);
    assert_eq!(world.classes.last(), Some(&AlertClass::OrderLimit));
    assert_eq!(
        world.alerts,
        [
            "risk.orders_per_10s_max is 1000, more than half of the 100 orders that the venue takes in 10 s: 50 it is"
        ]
    );
    assert_eq!(leave(&mut world), 20, "two fifths of 50 are for entries");
    assert!(world.trader.counters().refused[&Rule::OrderRate] >= 1);
    assert_eq!(told(&mut world, 100), 0, "told once");
}

#[test]
fn f6_half_of_the_venues_limit_itself_is_taken_as_configured_and_one_order_less_is_not() {
    let mut world = World::started();
    assert_eq!(told(&mut world, 2_000), 0);
    assert_eq!(told(&mut world, 1_999), 1);
    assert_eq!(told(&mut world, 1_998), 0, "half of it is the same");
    assert_eq!(told(&mut world, 2_000), 0, "as configured again");
    assert_eq!(told(&mut world, 1_998), 1);
}
