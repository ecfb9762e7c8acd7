//! Amending, and canceling and placing in one (faqs/order_amend_keep_priority.md).

use keel_domain::{ClOrdId, FilterFailure, OrdStatus, OrderId, Side};
use keel_sim_exchange::core::{
    CancelRestriction, NewOrder, OrderError, OrderRef, OrderState, Replaced, Replacement, ReportKind, Step,
};

use crate::support::*;

fn amend(venue: &mut Venue, account: usize, order: OrderId, to: &str) -> Result<OrderState, OrderError> {
    amend_as(venue, account, order, to, None)
}

fn amend_as(
    venue: &mut Venue,
    account: usize,
    order: OrderId,
    to: &str,
    new_id: Option<ClOrdId>,
) -> Result<OrderState, OrderError> {
    let (now, owner) = (venue.now, venue.account(account));
    let by = OrderRef::OrderId(order);
    venue.exchange.amend(now, owner, btcusdt(), by, (qty(to), new_id))
}

#[test]
fn an_amended_order_is_smaller_keeps_its_place_and_has_a_new_client_id() {
    let mut venue = Venue::new(3);
    let first = venue.place(0, limit(Side::Buy, "100", "5.5")).unwrap();
    let second = venue.place(1, limit(Side::Buy, "100", "4")).unwrap();
    let before = venue.order(0, first).cl_ord_id;
    let amended = amend(&mut venue, 0, first, "5").unwrap();
    assert_ne!(amended.cl_ord_id, before);
    assert_eq!(venue.locked(0, "USDT"), money("500"));
    assert_eq!(venue.levels(Side::Buy), [("100".to_owned(), "9".to_owned())]);
    venue.place(2, ioc(Side::Sell, "100", "5")).unwrap();
    assert_eq!(venue.status(0, first), OrdStatus::Filled);
    assert_eq!(venue.status(1, second), OrdStatus::New);
    let kinds: Vec<ReportKind> = venue.reports(first).iter().map(|report| report.kind).collect();
    assert_eq!(kinds[1], ReportKind::Replaced(before));
}

#[test]
fn only_less_is_an_amend_and_at_most_ten_times() {
    let mut venue = Venue::new(1);
    let order = venue.place(0, limit(Side::Buy, "100", "5")).unwrap();
    assert_eq!(
        amend(&mut venue, 0, order, "5.001"),
        Err(OrderError::AmendIncrease)
    );
    assert_eq!(amend(&mut venue, 0, order, "5"), Err(OrderError::AmendNoChange));
    for to in ["4.9", "4.8", "4.7", "4.6", "4.5", "4.4", "4.3", "4.2", "4.1", "4"] {
        assert!(amend(&mut venue, 0, order, to).is_ok());
    }
    let too_often = Err(OrderError::Filter(FilterFailure::MaxNumOrderAmends));
    assert_eq!(amend(&mut venue, 0, order, "3.9"), too_often);
    assert_eq!(venue.order(0, order).amendments.len(), 10);
    assert_eq!(venue.order(0, order).order_qty, qty("4"));
}

#[test]
fn an_amend_keeps_to_the_filters_and_to_ids_that_are_free() {
    let mut venue = Venue::new(1);
    let order = venue.place(0, limit(Side::Buy, "100", "5")).unwrap();
    let off_step = Err(OrderError::Filter(FilterFailure::LotSize));
    assert_eq!(amend(&mut venue, 0, order, "4.0001"), off_step);
    let mut other = limit(Side::Buy, "99", "1");
    other.cl_ord_id = Some(id("taken"));
    venue.place(0, other).unwrap();
    let taken = amend_as(&mut venue, 0, order, "4", Some(id("taken")));
    assert_eq!(taken, Err(OrderError::Duplicate));
    let own = venue.order(0, order).cl_ord_id;
    assert_eq!(
        amend_as(&mut venue, 0, order, "4", Some(own)).unwrap().cl_ord_id,
        own
    );
}

#[test]
fn an_amend_to_what_has_traded_already_ends_the_order() {
    let mut venue = Venue::new(2);
    let order = venue.place(0, limit(Side::Buy, "100", "5")).unwrap();
    venue.place(1, ioc(Side::Sell, "100", "2")).unwrap();
    let amended = amend(&mut venue, 0, order, "2").unwrap();
    assert_eq!(amended.ord_status, OrdStatus::Expired);
    assert!(venue.levels(Side::Buy).is_empty());
    assert_eq!(venue.locked(0, "USDT"), money("0"));
}

#[test]
fn an_amended_iceberg_shows_less_only_when_it_has_less() {
    let mut venue = Venue::new(1);
    let order = venue
        .place(0, iceberg(limit(Side::Buy, "100", "5"), "1"))
        .unwrap();
    amend(&mut venue, 0, order, "2").unwrap();
    assert_eq!(venue.levels(Side::Buy), [("100".to_owned(), "1".to_owned())]);
    amend(&mut venue, 0, order, "0.4").unwrap();
    assert_eq!(venue.levels(Side::Buy), [("100".to_owned(), "0.4".to_owned())]);
}

fn replace(
    venue: &mut Venue,
    by: OrderRef,
    stops_on_failure: bool,
    order: NewOrder,
) -> Result<Replaced, OrderError> {
    let (now, owner) = (venue.now, venue.account(0));
    let request = Replacement {
        symbol: btcusdt(),
        by,
        cancel_id: None,
        restriction: None,
        stops_on_failure,
        order,
    };
    venue.exchange.cancel_replace(now, owner, &request)
}

#[test]
fn cancel_replace_does_both_or_says_which_half_failed() {
    let mut venue = Venue::new(1);
    let old = venue.place(0, limit(Side::Buy, "100", "1")).unwrap();
    let done = replace(
        &mut venue,
        OrderRef::OrderId(old),
        true,
        limit(Side::Buy, "99", "1"),
    )
    .unwrap();
    assert!(matches!(
        (&done.cancel, &done.order),
        (Step::Done(_), Step::Done(_))
    ));
    let gone = OrderRef::OrderId(old);
    let stopped = replace(&mut venue, gone, true, limit(Side::Buy, "98", "1")).unwrap();
    assert_eq!(stopped.cancel, Step::Failed(OrderError::UnknownOrder));
    assert_eq!(stopped.order, Step::NotAttempted);
    let allowed = replace(&mut venue, gone, false, limit(Side::Buy, "98", "1")).unwrap();
    let Step::Done(placed) = allowed.order else {
        panic!("placed")
    };
    let poor = replace(
        &mut venue,
        OrderRef::OrderId(placed),
        true,
        limit(Side::Buy, "98", "1000000"),
    );
    // The lot size forbids it: nothing is canceled.
    assert_eq!(poor, Err(OrderError::Filter(FilterFailure::LotSize)));
    assert_eq!(venue.status(0, placed), OrdStatus::New);
    let poor = replace(
        &mut venue,
        OrderRef::OrderId(placed),
        true,
        limit(Side::Sell, "98", "9000"),
    )
    .unwrap();
    assert!(matches!(poor.cancel, Step::Done(_)));
    assert_eq!(poor.order, Step::Failed(OrderError::InsufficientBalance));
    assert_eq!(venue.status(0, placed), OrdStatus::Canceled);
}

#[test]
fn a_cancel_restricted_to_a_state_leaves_an_order_in_another() {
    let mut venue = Venue::new(2);
    let order = venue.place(0, limit(Side::Buy, "100", "2")).unwrap();
    let (owner, by) = (venue.account(0), OrderRef::OrderId(order));
    let cancel = |venue: &mut Venue, only| {
        let now = venue.now;
        venue
            .exchange
            .cancel_if(now, owner, btcusdt(), by, None, Some(only))
            .map(|_| ())
    };
    let restricted = Err(OrderError::CancelRestricted);
    assert_eq!(
        cancel(&mut venue, CancelRestriction::OnlyPartiallyFilled),
        restricted
    );
    venue.place(1, ioc(Side::Sell, "100", "1")).unwrap();
    assert_eq!(cancel(&mut venue, CancelRestriction::OnlyNew), restricted);
    assert_eq!(cancel(&mut venue, CancelRestriction::OnlyPartiallyFilled), Ok(()));
}
