//! Icebergs: what is shown, and its place in the queue.

use keel_domain::{FilterFailure, Money, OrdStatus, Side};
use keel_sim_exchange::core::{OrderError, OrderRef};

use crate::support::*;

#[test]
fn an_iceberg_shows_its_part_and_its_next_part_goes_behind_the_others() {
    let mut venue = Venue::new(3);
    let berg = venue
        .place(0, iceberg(limit(Side::Sell, "100", "3"), "1"))
        .unwrap();
    let other = venue.place(1, limit(Side::Sell, "100", "1")).unwrap();
    assert_eq!(venue.levels(Side::Sell), [("100".to_owned(), "2".to_owned())]);
    venue.place(2, ioc(Side::Buy, "100", "1")).unwrap();
    assert_eq!(venue.order(0, berg).cum_qty, qty("1"));
    assert_eq!(venue.levels(Side::Sell), [("100".to_owned(), "2".to_owned())]);
    venue.place(2, ioc(Side::Buy, "100", "1")).unwrap();
    assert_eq!(venue.status(1, other), OrdStatus::Filled);
    assert_eq!(venue.order(0, berg).cum_qty, qty("1"));
    venue.place(2, ioc(Side::Buy, "100", "1.5")).unwrap();
    assert_eq!(venue.order(0, berg).cum_qty, qty("2.5"));
    assert_eq!(venue.levels(Side::Sell), [("100".to_owned(), "0.5".to_owned())]);
}

#[test]
fn what_an_iceberg_hides_trades_at_once_and_counts_for_fill_or_kill() {
    let mut venue = Venue::new(2);
    venue
        .place(0, iceberg(limit(Side::Sell, "100", "3"), "0.7"))
        .unwrap();
    let killed = venue.place(1, fok(Side::Buy, "100", "3.001")).unwrap();
    assert_eq!(venue.status(1, killed), OrdStatus::Expired);
    let filled = venue.place(1, fok(Side::Buy, "100", "3")).unwrap();
    assert_eq!(venue.status(1, filled), OrdStatus::Filled);
    assert!(venue.levels(Side::Sell).is_empty());
    assert_eq!(venue.locked(0, "BTC"), Money::ZERO);
    // A market order is valued with what is hidden too.
    venue
        .place(0, iceberg(limit(Side::Sell, "100", "3"), "0.7"))
        .unwrap();
    let bought = venue.place(1, market(Side::Buy, "3")).unwrap();
    assert_eq!(venue.status(1, bought), OrdStatus::Filled);
}

#[test]
fn a_canceled_iceberg_leaves_nothing_behind() {
    let mut venue = Venue::new(2);
    let berg = venue
        .place(0, iceberg(limit(Side::Sell, "100", "3"), "1"))
        .unwrap();
    let (now, owner) = (venue.now, venue.account(0));
    venue
        .exchange
        .cancel(now, owner, btcusdt(), OrderRef::OrderId(berg), None)
        .unwrap();
    let killed = venue.place(1, fok(Side::Buy, "100", "1")).unwrap();
    assert_eq!(venue.status(1, killed), OrdStatus::Expired);
}

#[test]
fn an_iceberg_has_at_most_a_hundred_parts_and_shows_no_more_than_it_has() {
    let mut venue = Venue::new(1);
    let berg = |quantity, shown| iceberg(limit(Side::Sell, "100", quantity), shown);
    assert!(venue.place(0, berg("10", "0.1")).is_ok());
    let parts = Err(OrderError::Filter(FilterFailure::IcebergParts));
    assert_eq!(venue.place(0, berg("10.001", "0.1")), parts);
    assert!(venue.place(0, berg("1", "1")).is_ok());
    assert_eq!(
        venue.place(0, berg("1", "1.001")),
        Err(OrderError::IcebergTooLarge)
    );
    let hidden = iceberg(ioc(Side::Sell, "100", "1"), "0.5");
    assert_eq!(venue.place(0, hidden), Err(OrderError::Combination));
}
