//! The life of one order, event by event.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod common;

use common::{T0, id, intent, qty, report, symbol, with_one};
use keel_domain::{ExecutionReport, Money, OrdStatus, OrderId, Qty, Side, Timestamp};
use keel_execution::{
    Applied, CancelState, Contradiction, Ending, Exposure, OrderState, Orders, OrdersError, UnknownCause,
};
use proptest::prelude::*;

#[test]
fn a_submitted_order_counts_in_full_before_any_answer() {
    let orders = with_one(10);
    let expected = Exposure {
        buy_leaves: qty(10),
        sell_leaves: Qty::ZERO,
        lowest_sell: None,
        unknown_orders: 0,
    };
    assert_eq!(orders.exposure(symbol()), expected);
}

#[test]
fn f56_an_id_is_used_once() {
    let mut orders = with_one(10);
    assert_eq!(
        orders.submit(id(1), intent(Side::Sell, 1), T0),
        Err(OrdersError::IdUsed(id(1)))
    );
    assert_eq!(orders.get(id(1)).unwrap().side(), Side::Buy);
}

#[test]
fn f1_f2_a_lost_answer_is_unknown_and_keeps_its_exposure() {
    let mut orders = with_one(10);
    orders.mark_unknown(id(1), UnknownCause::TimedOut).unwrap();
    let exposure = orders.exposure(symbol());
    assert_eq!((exposure.buy_leaves, exposure.unknown_orders), (qty(10), 1));
    assert_eq!(orders.live().count(), 1);
}

#[test]
fn f2_unknown_ends_by_the_venues_word() {
    let mut orders = with_one(10);
    orders
        .mark_unknown(id(1), UnknownCause::VenueUnsure(-1007))
        .unwrap();
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 10, OrdStatus::Filled))
        .unwrap();
    assert_eq!(
        orders.get(id(1)).unwrap().state(),
        OrderState::Done(Ending::Ended(OrdStatus::Filled))
    );
}

#[test]
fn a_late_unknown_does_not_unsettle_a_confirmed_order() {
    let mut orders = with_one(10);
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 0, OrdStatus::New))
        .unwrap();
    assert_eq!(
        orders.mark_unknown(id(1), UnknownCause::TimedOut),
        Ok(Applied::Unchanged)
    );
    assert_eq!(orders.get(id(1)).unwrap().state(), OrderState::Live);
}

#[test]
fn what_traded_counts_until_the_ledger_has_booked_it() {
    let mut orders = with_one(10);
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 10, OrdStatus::Filled))
        .unwrap();
    assert_eq!(orders.live().count(), 0);
    assert_eq!(orders.exposure(symbol()).buy_leaves, qty(10));
    orders.mark_booked(id(1), qty(4)).unwrap();
    assert_eq!(orders.exposure(symbol()).buy_leaves, qty(6));
    orders.mark_booked(id(1), qty(6)).unwrap();
    assert_eq!(orders.exposure(symbol()).buy_leaves, Qty::ZERO);
}

#[test]
fn booking_more_than_was_ordered_is_a_contradiction() {
    let mut orders = with_one(10);
    orders.mark_booked(id(1), qty(10)).unwrap();
    let over = orders.mark_booked(id(1), Qty::UNIT);
    assert_eq!(over, Err(Contradiction::Overfilled(id(1)).into()));
}

#[test]
fn an_older_total_changes_nothing() {
    let mut orders = with_one(10);
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 5, OrdStatus::PartiallyFilled))
        .unwrap();
    let late = orders.apply(T0, &report(id(1), Side::Buy, 10, 2, OrdStatus::PartiallyFilled));
    assert_eq!(late, Ok(Applied::Unchanged));
    assert_eq!(orders.get(id(1)).unwrap().cum_qty(), qty(5));
}

#[test]
fn an_end_stays_an_end() {
    let mut orders = with_one(10);
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 5, OrdStatus::Canceled))
        .unwrap();
    let late = orders.apply(T0, &report(id(1), Side::Buy, 10, 0, OrdStatus::New));
    assert_eq!(late, Ok(Applied::Unchanged));
    assert_eq!(
        orders.get(id(1)).unwrap().state(),
        OrderState::Done(Ending::Ended(OrdStatus::Canceled))
    );
}

#[test]
fn f4_a_fill_that_comes_after_the_cancel_still_counts() {
    let mut orders = with_one(10);
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 5, OrdStatus::Canceled))
        .unwrap();
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 8, OrdStatus::PartiallyFilled))
        .unwrap();
    let order = orders.get(id(1)).unwrap();
    assert_eq!(order.cum_qty(), qty(8));
    assert_eq!(
        order.state(),
        OrderState::Done(Ending::Ended(OrdStatus::Canceled))
    );
}

#[test]
fn two_endings_that_exclude_each_other_are_a_contradiction() {
    let mut orders = with_one(10);
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 5, OrdStatus::Canceled))
        .unwrap();
    let other = orders.apply(T0, &report(id(1), Side::Buy, 10, 5, OrdStatus::Expired));
    let expected = Contradiction::OtherEnding(id(1), OrdStatus::Canceled, OrdStatus::Expired);
    assert_eq!(other, Err(expected.into()));
}

#[test]
fn filled_and_whole_go_together() {
    for (cum, status) in [
        (9, OrdStatus::Filled),
        (10, OrdStatus::PartiallyFilled),
        (10, OrdStatus::Canceled),
    ] {
        let mut orders = with_one(10);
        let applied = orders.apply(T0, &report(id(1), Side::Buy, 10, cum, status));
        assert_eq!(
            applied,
            Err(Contradiction::StatusAgainstQty(id(1)).into()),
            "{cum} {status:?}"
        );
    }
}

#[test]
fn other_terms_than_ordered_are_a_contradiction() {
    let mut orders = with_one(10);
    let wrong = [
        report(id(1), Side::Sell, 10, 0, OrdStatus::New),
        report(id(1), Side::Buy, 11, 0, OrdStatus::New),
    ];
    for report in wrong {
        assert_eq!(
            orders.apply(T0, &report),
            Err(Contradiction::OtherTerms(id(1)).into())
        );
    }
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 0, OrdStatus::New))
        .unwrap();
    let other_id = ExecutionReport {
        order_id: OrderId(8),
        ..report(id(1), Side::Buy, 10, 0, OrdStatus::New)
    };
    assert_eq!(
        orders.apply(T0, &other_id),
        Err(Contradiction::OtherOrderId(id(1)).into())
    );
}

#[test]
fn a_refused_order_that_is_at_the_venue_is_a_contradiction_and_counts_again() {
    for ending in [Ending::Rejected, Ending::NotSent] {
        let mut orders = with_one(10);
        orders.mark_ended(id(1), ending).unwrap();
        assert_eq!(orders.exposure(symbol()).buy_leaves, Qty::ZERO);
        let applied = orders.apply(T0, &report(id(1), Side::Buy, 10, 0, OrdStatus::New));
        assert_eq!(applied, Err(Contradiction::Resurrected(id(1), ending).into()));
        assert_eq!(orders.exposure(symbol()).buy_leaves, qty(10));
    }
}

#[test]
fn f24_an_order_thought_absent_is_adopted_again() {
    let mut orders = with_one(10);
    orders.mark_unknown(id(1), UnknownCause::Disconnected).unwrap();
    orders.mark_ended(id(1), Ending::NeverArrived).unwrap();
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 0, OrdStatus::New))
        .unwrap();
    assert_eq!(orders.get(id(1)).unwrap().state(), OrderState::Live);
    assert_eq!(orders.exposure(symbol()).buy_leaves, qty(10));
}

#[test]
fn a_confirmed_order_cannot_be_declared_refused() {
    let mut orders = with_one(10);
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 0, OrdStatus::New))
        .unwrap();
    assert!(orders.mark_ended(id(1), Ending::Rejected).is_err());
    assert_eq!(orders.get(id(1)).unwrap().state(), OrderState::Live);
}

#[test]
fn f5_f31_a_restart_makes_unanswered_orders_unknown_and_their_cancels_unclear() {
    let mut orders = with_one(10);
    orders.submit(id(2), intent(Side::Buy, 3), T0).unwrap();
    orders
        .apply(T0, &report(id(2), Side::Buy, 3, 0, OrdStatus::New))
        .unwrap();
    orders
        .mark_cancel(id(2), CancelState::Requested { at: T0 })
        .unwrap();
    orders.mark_restarted();
    assert_eq!(
        orders.get(id(1)).unwrap().state(),
        OrderState::Unknown(UnknownCause::Restarted)
    );
    assert_eq!(orders.get(id(2)).unwrap().state(), OrderState::Live);
    assert_eq!(orders.get(id(2)).unwrap().cancel_state(), CancelState::Unclear);
}

#[test]
fn money_in_flight_is_what_the_balances_cannot_show_yet() {
    let mut orders = with_one(10);
    let later = Timestamp::from_nanos(T0.as_nanos() + 1);
    let market = "100".parse().unwrap();
    assert_eq!(orders.quote_in_flight(symbol(), later, market), Money::from(10));
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 0, OrdStatus::New))
        .unwrap();
    assert_eq!(orders.quote_in_flight(symbol(), T0, market), Money::from(10));
    assert_eq!(orders.quote_in_flight(symbol(), later, market), Money::ZERO);
}

#[test]
fn f65_ended_orders_are_let_go_oldest_first_at_the_bound() {
    let mut orders = Orders::new();
    let total = u32::try_from(Orders::ENDED_MAX).unwrap() + 1;
    for sequence in 0..total {
        orders.submit(id(sequence), intent(Side::Buy, 1), T0).unwrap();
        orders.mark_ended(id(sequence), Ending::NotSent).unwrap();
    }
    assert!(orders.get(id(0)).is_none());
    assert!(orders.get(id(1)).is_some());
}

proptest! {
    /// F20: the true history of an order, delivered twice, late and in any order, ends in the same state.
    #[test]
    fn f20_any_order_and_duplication_of_reports_ends_the_same(
        fills in proptest::collection::vec(1i64..5, 0..5),
        canceled in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let total: i64 = fills.iter().sum::<i64>() + i64::from(canceled || fills.is_empty());
        let mut history = vec![report(id(1), Side::Buy, total, 0, OrdStatus::New)];
        let mut cum = 0;
        for fill in &fills {
            cum += fill;
            let status = if cum == total { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
            history.push(report(id(1), Side::Buy, total, cum, status));
        }
        if canceled {
            history.push(report(id(1), Side::Buy, total, cum, OrdStatus::Canceled));
        }
        let deliver = |reports: &[ExecutionReport]| {
            let mut orders = with_one(total);
            for report in reports {
                orders.apply(T0, report).unwrap();
            }
            orders
        };
        let straight = deliver(&history);
        let mut shuffled = history.clone();
        shuffled.extend_from_slice(&history);
        let mut state = seed;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(i, usize::try_from(state >> 33).unwrap() % (i + 1));
        }
        prop_assert_eq!(deliver(&shuffled), straight);
    }
}

#[test]
fn written_down_and_read_back_the_orders_are_the_same() {
    let mut orders = with_one(10);
    orders.submit(id(2), intent(Side::Sell, 3), T0).unwrap();
    orders
        .apply(T0, &report(id(1), Side::Buy, 10, 4, OrdStatus::PartiallyFilled))
        .unwrap();
    orders.mark_ended(id(2), Ending::NotSent).unwrap();
    let text = serde_json::to_string(&orders).unwrap();
    let read: Orders = serde_json::from_str(&text).unwrap();
    assert_eq!(read, orders);
    assert_eq!(read.by_order_id(symbol(), OrderId(7)).unwrap().cl_ord_id(), id(1));
}
