//! Reports that come before their pair's description.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers outside #[test] functions"
)]

use crate::common::{World, entry, lots, symbol};
use keel_domain::{Side, SignedQty};
use keel_engine::Fact;
use keel_execution::VenueReport;
use keel_risk::TradingState;

#[test]
fn f20_a_fill_that_comes_before_the_pairs_description_is_kept_and_booked() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 10));
    // Records of an older version, say, without the description.
    world
        .log
        .records
        .retain(|record| !matches!(record.fact, Fact::Instrument(_)));
    world.restart();
    let fill = world.venue.fill(world.now, id, lots(4)).unwrap();
    world.on_venue(fill);
    assert_eq!(world.trader.position(symbol()), SignedQty::ZERO);
    world.on_venue(VenueReport::Instrument(crate::common::instrument(symbol())));
    assert_eq!(world.trader.position(symbol()), Side::Buy.signed(lots(4)));
    assert_eq!(world.trader.trading_state_of(symbol()), TradingState::Active);
}

#[test]
fn f65_reports_before_the_pairs_description_are_bounded_and_the_loss_is_told() {
    let mut world = World::started();
    let id = world.submit_live(entry(Side::Buy, 100));
    world
        .log
        .records
        .retain(|record| !matches!(record.fact, Fact::Instrument(_)));
    world.restart();
    let fill = world.venue.fill(world.now, id, lots(1)).unwrap();
    for _ in 0..256 {
        world.on_venue(fill.clone());
    }
    assert_eq!(world.alerts, Vec::<String>::new());
    world.on_venue(fill);
    assert!(world.alerts[0].contains("256"), "{:?}", world.alerts);
}
