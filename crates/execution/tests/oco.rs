//! An exit and the stop that it carries: two orders, of which at most one trades.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod common;

use common::{T0, id, intent, order, price, qty, report, symbol};
use keel_domain::{ExecutionReport, OrdStatus, OrdType, OrderId, Qty, Side, StopLeg, TimeInForce, Trigger};
use keel_execution::{
    Applied, CancelState, Contradiction, Ending, OrderState, Orders, OrdersError, UnknownCause,
};

/// A stop at 98 that may sell down to 97.
fn stop(sequence: u32) -> StopLeg {
    StopLeg {
        cl_ord_id: id(sequence),
        ord_type: OrdType::StopLossLimit {
            trigger: Trigger::Stop { stop_px: price("98") },
            price: price("97"),
            time_in_force: TimeInForce::Gtc,
        },
    }
}

/// A sale of ten, with its stop as the second order.
fn pair() -> Orders {
    let mut orders = Orders::new();
    let exit = intent(Side::Sell, 10);
    orders.submit_with(id(1), exit, Some(stop(2)), T0).unwrap();
    orders
}

fn exit_told(cum: i64, ord_status: OrdStatus) -> ExecutionReport {
    report(id(1), Side::Sell, 10, cum, ord_status)
}

fn stop_told(cum: i64, ord_status: OrdStatus) -> ExecutionReport {
    ExecutionReport {
        order_id: OrderId(8),
        price: price("97"),
        ..report(id(2), Side::Sell, 10, cum, ord_status)
    }
}

fn states(orders: &Orders) -> [OrderState; 2] {
    [order(orders, 1).state(), order(orders, 2).state()]
}

fn sell_leaves(orders: &Orders) -> Qty {
    orders.exposure(symbol()).sell_leaves
}

#[test]
fn f29_an_exit_and_its_stop_know_each_other_and_count_once() {
    let orders = pair();
    assert_eq!(order(&orders, 1).pair(), Some(id(2)));
    assert_eq!(order(&orders, 2).pair(), Some(id(1)));
    assert_eq!(order(&orders, 2).intent().ord_type, stop(2).ord_type);
    assert_eq!(orders.live().count(), 2);
    assert_eq!(sell_leaves(&orders), qty(10));
}

#[test]
fn f29_the_larger_remainder_of_the_two_counts() {
    for (traded, other) in [(1, 2), (2, 1)] {
        let mut orders = pair();
        orders.mark_booked(id(traded), qty(4)).unwrap();
        assert_eq!(sell_leaves(&orders), qty(10));
        assert!(orders.is_counted_by_pair(order(&orders, traded)));
        assert!(!orders.is_counted_by_pair(order(&orders, other)));
        orders.mark_ended(id(other), Ending::NeverArrived).unwrap();
        assert_eq!(sell_leaves(&orders), qty(6), "the other is gone");
    }
}

#[test]
fn an_exit_without_a_stop_is_an_order_like_any_other() {
    let mut orders = Orders::new();
    let exit = intent(Side::Sell, 10);
    orders.submit_with(id(1), exit, None, T0).unwrap();
    assert_eq!((order(&orders, 1).pair(), sell_leaves(&orders)), (None, qty(10)));
}

#[test]
fn f56_no_order_of_a_pair_takes_an_id_that_was_used() {
    let mut orders = Orders::new();
    orders.submit(id(3), intent(Side::Buy, 1), T0).unwrap();
    for (exit, stop_id, used) in [(1, 3, 3), (1, 1, 1), (3, 1, 3)] {
        let before = orders.clone();
        let refused = orders.submit_with(id(exit), intent(Side::Sell, 10), Some(stop(stop_id)), T0);
        assert_eq!(refused, Err(OrdersError::IdUsed(id(used))));
        assert_eq!(orders, before);
    }
}

#[test]
fn f1_a_lost_answer_leaves_both_unknown() {
    let mut orders = pair();
    let cause = UnknownCause::Disconnected;
    assert_eq!(orders.mark_unknown(id(1), cause), Ok(Applied::Changed));
    assert_eq!(states(&orders), [OrderState::Unknown(cause); 2]);
    assert_eq!(orders.exposure(symbol()).unknown_orders, 2);
    let again = orders.mark_unknown(id(1), UnknownCause::TimedOut);
    assert_eq!(again, Ok(Applied::Unchanged), "the first cause stays");
    assert_eq!(states(&orders), [OrderState::Unknown(cause); 2]);
    let none = orders.mark_unknown(id(9), cause);
    assert_eq!(none, Err(OrdersError::NotFound(id(9))));
}

#[test]
fn f1_a_lost_answer_makes_only_that_one_unknown_that_the_venue_has_not_told() {
    let mut orders = pair();
    orders.apply(T0, &exit_told(0, OrdStatus::New)).unwrap();
    let cause = UnknownCause::TimedOut;
    assert_eq!(orders.mark_unknown(id(1), cause), Ok(Applied::Changed));
    assert_eq!(states(&orders), [OrderState::Live, OrderState::Unknown(cause)]);
}

#[test]
fn a_pair_is_refused_or_not_sent_as_a_whole() {
    for ending in [Ending::Rejected, Ending::NotSent] {
        let mut orders = pair();
        assert_eq!(orders.mark_ended(id(2), ending), Ok(Applied::Changed));
        assert_eq!(states(&orders), [OrderState::Done(ending); 2]);
        assert_eq!(orders.mark_ended(id(1), ending), Ok(Applied::Unchanged));
    }
}

#[test]
fn f24_absence_is_proven_for_each_order_of_a_pair() {
    let mut orders = pair();
    let absent = Ending::NeverArrived;
    assert_eq!(orders.mark_ended(id(1), absent), Ok(Applied::Changed));
    assert_eq!(states(&orders), [OrderState::Done(absent), OrderState::Submitted]);
}

#[test]
fn a_cancel_is_of_both_orders_while_they_live() {
    let asked = CancelState::Requested { at: T0 };
    let cancels = |orders: &Orders| [1, 2].map(|sequence| order(orders, sequence).cancel_state());
    let mut orders = pair();
    assert_eq!(cancels(&orders), [CancelState::None; 2]);
    assert_eq!(orders.mark_cancel(id(2), asked), Ok(Applied::Changed));
    assert_eq!(cancels(&orders), [asked; 2]);
    assert_eq!(orders.mark_cancel(id(1), asked), Ok(Applied::Unchanged));
    orders.apply(T0, &stop_told(0, OrdStatus::Canceled)).unwrap();
    assert_eq!(cancels(&orders), [asked, CancelState::None]);
    assert_eq!(
        orders.mark_cancel(id(1), CancelState::Unclear),
        Ok(Applied::Changed)
    );
    assert_eq!(cancels(&orders), [CancelState::Unclear, CancelState::None]);
    let none = orders.mark_cancel(id(9), asked);
    assert_eq!(none, Err(OrdersError::NotFound(id(9))));
}

#[test]
fn the_lowest_sale_in_the_book_is_no_stop_no_purchase_and_none_that_has_ended() {
    let lowest = |orders: &Orders| orders.exposure(symbol()).lowest_sell;
    let mut orders = pair();
    assert_eq!(
        lowest(&orders),
        Some(price("100")),
        "the stop's 97 waits elsewhere"
    );
    let mut purchase = intent(Side::Buy, 1);
    purchase.ord_type = OrdType::LimitMaker { price: price("95") };
    orders.submit(id(3), purchase, T0).unwrap();
    assert_eq!(lowest(&orders), Some(price("100")));
    let mut sale = intent(Side::Sell, 1);
    sale.ord_type = OrdType::LimitMaker { price: price("99") };
    orders.submit(id(4), sale, T0).unwrap();
    assert_eq!(lowest(&orders), Some(price("99")));
    orders.mark_ended(id(4), Ending::NotSent).unwrap();
    orders.apply(T0, &exit_told(10, OrdStatus::Filled)).unwrap();
    assert_eq!(lowest(&orders), None, "filled, though not booked");
}

#[test]
fn a_pair_whose_exit_the_venue_has_cannot_be_declared_refused() {
    let mut orders = pair();
    orders.apply(T0, &exit_told(0, OrdStatus::New)).unwrap();
    let refused = orders.mark_ended(id(1), Ending::Rejected);
    assert_eq!(
        refused,
        Err(Contradiction::Resurrected(id(1), Ending::Rejected).into())
    );
    assert_eq!(states(&orders), [OrderState::Live, OrderState::Submitted]);
}
