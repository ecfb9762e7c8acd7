//! What an order knows of itself, and what a report of the venue may and may not change in it.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

mod common;

use std::time::Duration;

use common::{T0, id, intent, order, price, qty, report, symbol, told, with_one};
use keel_domain::{ClOrdId, ExecutionReport, Money, OrdStatus, OrdType, OrderId, OrderIntent, Qty, Side};
use keel_execution::{
    Applied, CancelState, Contradiction, Ending, OrderState, Orders, OrdersError, RefusedCause,
};

#[test]
fn an_order_tells_what_was_meant_and_what_the_venue_said() {
    let mut orders = with_one(10);
    let fresh = order(&orders, 1);
    assert_eq!((fresh.cl_ord_id(), fresh.symbol()), (id(1), symbol()));
    assert_eq!((fresh.order_id(), fresh.confirmed_at()), (None, None));
    assert_eq!((fresh.submitted_at(), fresh.pair()), (T0, None));
    let first = T0.plus(Duration::from_secs(1));
    let later = T0.plus(Duration::from_secs(2));
    orders.apply(first, &told(10, 0, OrdStatus::New)).unwrap();
    orders
        .apply(later, &told(8, 5, OrdStatus::PartiallyFilled))
        .unwrap();
    orders.mark_booked(id(1), qty(2)).unwrap();
    let known = order(&orders, 1);
    assert_eq!(*known.intent(), intent(Side::Buy, 10));
    assert_eq!(known.order_id(), Some(OrderId(7)));
    assert_eq!(known.confirmed_at(), Some(first), "the first confirmation stays");
    assert_eq!((known.order_qty(), known.cum_qty()), (qty(8), qty(5)));
    assert_eq!((known.cum_quote(), known.booked_qty()), (Money::from(5), qty(2)));
    assert_eq!((known.leaves_qty(), known.unbooked_qty()), (qty(3), qty(6)));
}

#[test]
fn the_same_total_at_another_price_changes_nothing() {
    let mut orders = with_one(10);
    let half = told(10, 5, OrdStatus::PartiallyFilled);
    orders.apply(T0, &half).unwrap();
    let dearer = ExecutionReport {
        cum_quote: Money::from(6),
        ..half
    };
    assert_eq!(orders.apply(T0, &dearer), Ok(Applied::Unchanged));
    assert_eq!(order(&orders, 1).cum_quote(), Money::from(5));
}

#[test]
fn f4_an_end_that_tells_more_is_another_end_unless_it_is_a_late_fill() {
    for (of, cum, status) in [(10, 8, OrdStatus::Expired), (5, 5, OrdStatus::Filled)] {
        let mut orders = with_one(10);
        orders.apply(T0, &told(10, 5, OrdStatus::Canceled)).unwrap();
        let expected = Contradiction::OtherEnding(id(1), OrdStatus::Canceled, status);
        assert_eq!(
            orders.apply(T0, &told(of, cum, status)),
            Err(expected.into()),
            "{status:?}"
        );
        assert_eq!(order(&orders, 1).cum_qty(), qty(5));
    }
}

#[test]
fn a_cancel_stays_asked_for_until_the_order_has_ended() {
    let asked = CancelState::Requested { at: T0 };
    let mut orders = with_one(10);
    orders.mark_cancel(id(1), asked).unwrap();
    orders
        .apply(T0, &told(10, 5, OrdStatus::PartiallyFilled))
        .unwrap();
    assert_eq!(order(&orders, 1).cancel_state(), asked);
    orders.apply(T0, &told(10, 5, OrdStatus::Canceled)).unwrap();
    assert_eq!(order(&orders, 1).cancel_state(), CancelState::None);
    assert_eq!(
        orders.mark_cancel(id(1), asked),
        Ok(Applied::Unchanged),
        "nothing is left to cancel"
    );
}

#[test]
fn f5_a_restart_leaves_alone_what_nobody_asked_to_cancel() {
    let mut orders = with_one(10);
    orders.apply(T0, &told(10, 0, OrdStatus::New)).unwrap();
    let before = orders.clone();
    orders.mark_restarted();
    assert_eq!(orders, before);
}

#[test]
fn ends_without_the_venue_are_told_once_and_exclude_each_other() {
    let end = |known: OrdStatus, ending| {
        let mut orders = with_one(10);
        orders.apply(T0, &told(10, 0, known)).unwrap();
        orders.mark_ended(id(1), ending)
    };
    let mut orders = with_one(10);
    assert_eq!(orders.mark_ended(id(1), Ending::NotSent), Ok(Applied::Changed));
    assert_eq!(orders.mark_ended(id(1), Ending::NotSent), Ok(Applied::Unchanged));
    let excluded = |ending| Err(Contradiction::Resurrected(id(1), ending).into());
    assert_eq!(
        orders.mark_ended(id(1), Ending::Rejected),
        excluded(Ending::Rejected)
    );
    assert_eq!(end(OrdStatus::Rejected, Ending::Rejected), Ok(Applied::Unchanged));
    assert_eq!(
        end(OrdStatus::Rejected, Ending::NotSent),
        excluded(Ending::NotSent)
    );
    assert_eq!(
        end(OrdStatus::Canceled, Ending::Rejected),
        excluded(Ending::Rejected)
    );
    let none = orders.mark_ended(id(9), Ending::NotSent);
    assert_eq!(none, Err(OrdersError::NotFound(id(9))));
}

#[test]
fn news_is_what_would_change_an_order_or_contradicts_it() {
    let mut orders = with_one(10);
    let live = told(10, 0, OrdStatus::New);
    assert!(orders.is_news(T0, &live));
    assert_eq!(order(&orders, 1).state(), OrderState::Submitted, "only asked");
    orders.apply(T0, &live).unwrap();
    assert!(!orders.is_news(T0, &live));
    assert!(
        orders.is_news(T0, &told(10, 10, OrdStatus::New)),
        "a contradiction"
    );
    let strange = report(id(9), Side::Buy, 10, 0, OrdStatus::New);
    assert!(!orders.is_news(T0, &strange), "not ours");
    assert_eq!(orders.apply(T0, &strange), Err(OrdersError::NotFound(id(9))));
}

#[test]
fn money_is_in_flight_for_purchases_of_the_symbol_only() {
    let market = price("200");
    let in_flight = |orders: &Orders| orders.quote_in_flight(symbol(), T0, market);
    let mut orders = with_one(10);
    orders.submit(id(2), intent(Side::Sell, 10), T0).unwrap();
    let elsewhere = OrderIntent {
        symbol: "ETHUSDT".parse().unwrap(),
        ..intent(Side::Buy, 10)
    };
    orders.submit(id(3), elsewhere, T0).unwrap();
    assert_eq!(in_flight(&orders), Money::from(10));
    let at_the_market = OrderIntent {
        ord_type: OrdType::Market,
        ..intent(Side::Buy, 10)
    };
    orders.submit(id(4), at_the_market, T0).unwrap();
    assert_eq!(in_flight(&orders), Money::from(10 + 20));
}

#[test]
fn exposure_counts_one_symbol() {
    let mut orders = with_one(10);
    let elsewhere = OrderIntent {
        symbol: "ETHUSDT".parse().unwrap(),
        ..intent(Side::Buy, 3)
    };
    orders.submit(id(2), elsewhere, T0).unwrap();
    assert_eq!(orders.exposure(symbol()).buy_leaves, qty(10));
    assert_eq!(orders.exposure(elsewhere.symbol).buy_leaves, qty(3));
}

/// Those that have ended and are booked, as they are written down.
fn ended(orders: &Orders) -> Vec<ClOrdId> {
    let written = serde_json::to_value(orders).unwrap();
    let ended = written.get("ended").unwrap().as_array().unwrap();
    let id = |order: &serde_json::Value| order.get("cl_ord_id").unwrap().as_str().unwrap().parse().unwrap();
    ended.iter().map(id).collect()
}

#[test]
fn f24_an_order_that_comes_back_leaves_the_ended_ones_and_no_other_does() {
    let mut orders = with_one(10);
    for sequence in [2, 3] {
        orders.submit(id(sequence), intent(Side::Buy, 1), T0).unwrap();
    }
    for sequence in [1, 2, 3] {
        orders.mark_ended(id(sequence), Ending::NeverArrived).unwrap();
    }
    assert_eq!(ended(&orders), [id(1), id(2), id(3)]);
    let back = report(id(2), Side::Buy, 1, 0, OrdStatus::New);
    orders.apply(T0, &back).unwrap();
    assert_eq!(ended(&orders), [id(1), id(3)]);
    assert_eq!(
        orders.active().map(|order| order.cl_ord_id()).collect::<Vec<_>>(),
        [id(2)]
    );
}

#[test]
fn what_has_ended_is_active_until_it_is_booked() {
    let mut orders = with_one(10);
    orders.apply(T0, &told(10, 4, OrdStatus::Canceled)).unwrap();
    assert_eq!((orders.live().count(), orders.active().count()), (0, 1));
    assert_eq!(order(&orders, 1).leaves_qty(), Qty::ZERO);
    orders.mark_booked(id(1), qty(4)).unwrap();
    assert_eq!((orders.active().count(), ended(&orders)), (0, vec![id(1)]));
}

#[test]
fn a_refused_configuration_tells_where_to_look() {
    let look = [
        (RefusedCause::Key, "[credentials]"),
        (RefusedCause::Signature, "[credentials] kind"),
        (RefusedCause::Symbol(symbol()), "[trading] symbols"),
    ];
    for (cause, place) in look {
        assert!(cause.remedy().contains(place), "{cause}: {}", cause.remedy());
    }
}
