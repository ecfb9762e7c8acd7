//! Every documented status and execution type, legal and not.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use keel_domain::{
    ClOrdId, ExecType, ExecutionReport, Money, OrdStatus, OrdType, OrderId, OrderIntent, Price, Purpose, Qty,
    Side, Symbol, Timestamp, Trade, TradeId,
};
use keel_execution::{Applied, Contradiction, Ending, OrderState, Orders, OrdersError};

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);
const STATUSES: [OrdStatus; 9] = [
    OrdStatus::PendingNew,
    OrdStatus::New,
    OrdStatus::PartiallyFilled,
    OrdStatus::Filled,
    OrdStatus::Canceled,
    OrdStatus::PendingCancel,
    OrdStatus::Rejected,
    OrdStatus::Expired,
    OrdStatus::ExpiredInMatch,
];
const EXEC_TYPES: [ExecType; 8] = [
    ExecType::New,
    ExecType::Canceled,
    ExecType::Replaced,
    ExecType::Rejected,
    ExecType::Trade,
    ExecType::Expired,
    ExecType::TradePrevention,
    ExecType::OrderStatus,
];

fn id() -> ClOrdId {
    "k1-1-1".parse().unwrap()
}

fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

fn price() -> Price {
    "100".parse().unwrap()
}

fn qty(lots: i64) -> Qty {
    Qty::from_units(lots * 1_000_000).unwrap()
}

fn submitted() -> Orders {
    let mut orders = Orders::new();
    let intent = OrderIntent {
        symbol: symbol(),
        side: Side::Buy,
        ord_type: OrdType::LimitMaker { price: price() },
        order_qty: qty(10),
        purpose: Purpose::Entry,
    };
    orders.submit(id(), intent, T0).unwrap();
    orders
}

fn trade(last: i64) -> Trade {
    Trade {
        symbol: symbol(),
        trade_id: TradeId(1),
        order_id: OrderId(7),
        side: Side::Buy,
        last_px: price(),
        last_qty: qty(last),
        commission: Money::ZERO,
        commission_asset: None,
        is_maker: true,
        transact_time: T0,
    }
}

fn report(exec_type: ExecType, ord_status: OrdStatus, of: i64, cum: i64) -> ExecutionReport {
    ExecutionReport {
        symbol: symbol(),
        cl_ord_id: id(),
        order_id: OrderId(7),
        side: Side::Buy,
        exec_type,
        ord_status,
        order_qty: qty(of),
        price: price(),
        cum_qty: qty(cum),
        cum_quote: Money::from(cum),
        trade: (exec_type == ExecType::Trade).then(|| trade(cum)),
        transact_time: T0,
    }
}

fn apply(report: &ExecutionReport) -> Result<OrderState, OrdersError> {
    let mut orders = submitted();
    orders.apply(T0, report)?;
    Ok(orders.get(id()).unwrap().state())
}

/// What each status may have traded of 10, and where it leaves the order.
fn leaves(status: OrdStatus, cum: i64) -> Option<OrderState> {
    let done = OrderState::Done(Ending::Ended(status));
    match (status, cum) {
        (OrdStatus::PendingNew | OrdStatus::New, 0)
        | (OrdStatus::PartiallyFilled, 5)
        | (OrdStatus::PendingCancel, 0 | 5) => Some(OrderState::Live),
        (OrdStatus::Filled, 10) | (OrdStatus::Rejected, 0) => Some(done),
        (OrdStatus::Canceled | OrdStatus::Expired | OrdStatus::ExpiredInMatch, 0 | 5) => Some(done),
        _ => None,
    }
}

#[test]
fn f55_every_status_leaves_the_order_where_it_says_or_contradicts_its_quantity() {
    for status in STATUSES {
        for cum in [0, 5, 10] {
            let found = apply(&report(ExecType::OrderStatus, status, 10, cum));
            let expected = leaves(status, cum).ok_or(Contradiction::StatusAgainstQty(id()).into());
            assert_eq!(found, expected, "{status:?} {cum}");
        }
    }
}

#[test]
fn every_execution_type_goes_with_its_statuses_and_no_others() {
    use OrdStatus::{Canceled, Expired, ExpiredInMatch, Filled, New, PartiallyFilled, PendingNew, Rejected};
    for exec_type in EXEC_TYPES {
        let legal: &[OrdStatus] = match exec_type {
            ExecType::New => &[New, PendingNew],
            ExecType::Canceled => &[Canceled],
            ExecType::Replaced => &[New, PendingNew, PartiallyFilled],
            ExecType::Rejected => &[Rejected],
            ExecType::Trade => &[PartiallyFilled, Filled],
            ExecType::Expired => &[Expired, ExpiredInMatch],
            ExecType::TradePrevention => &[ExpiredInMatch, New, PartiallyFilled],
            ExecType::OrderStatus => &STATUSES,
        };
        for status in STATUSES {
            let cum = [0, 5, 10]
                .into_iter()
                .find(|cum| leaves(status, *cum).is_some())
                .unwrap();
            let applied = apply(&report(exec_type, status, 10, cum));
            assert_eq!(
                applied.is_ok(),
                legal.contains(&status),
                "{exec_type:?} {status:?}: {applied:?}"
            );
        }
    }
}

#[test]
fn a_pending_order_becomes_new_and_both_count_in_full() {
    let mut orders = submitted();
    for status in [OrdStatus::PendingNew, OrdStatus::New] {
        orders
            .apply(T0, &report(ExecType::OrderStatus, status, 10, 0))
            .unwrap();
        assert_eq!(orders.exposure(symbol()).buy_leaves, qty(10));
    }
}

#[test]
fn an_amended_order_counts_at_its_lower_quantity_whatever_comes_late() {
    let amended = report(ExecType::Replaced, OrdStatus::PartiallyFilled, 6, 5);
    let before = report(ExecType::OrderStatus, OrdStatus::PartiallyFilled, 10, 5);
    let filled = report(ExecType::OrderStatus, OrdStatus::Filled, 6, 6);
    for reports in [[&before, &amended, &before], [&amended, &before, &amended]] {
        let mut orders = submitted();
        for report in reports {
            orders.apply(T0, report).unwrap();
        }
        assert_eq!(orders.get(id()).unwrap().leaves_qty(), qty(1));
        orders.apply(T0, &filled).unwrap();
        assert_eq!(
            orders.get(id()).unwrap().state(),
            OrderState::Done(Ending::Ended(OrdStatus::Filled))
        );
        assert_eq!(orders.apply(T0, &before), Ok(Applied::Unchanged));
    }
    let mut orders = submitted();
    orders.apply(T0, &amended).unwrap();
    let beyond = orders.apply(
        T0,
        &report(ExecType::OrderStatus, OrdStatus::PartiallyFilled, 10, 8),
    );
    assert_eq!(beyond, Err(Contradiction::Overfilled(id()).into()));
}

#[test]
fn a_trade_of_another_order_is_a_contradiction() {
    let wrong = [
        Trade {
            symbol: "ETHUSDT".parse().unwrap(),
            ..trade(5)
        },
        Trade {
            side: Side::Sell,
            ..trade(5)
        },
        Trade {
            order_id: OrderId(8),
            ..trade(5)
        },
        Trade {
            last_qty: qty(6),
            ..trade(5)
        },
    ];
    for trade in wrong {
        let report = ExecutionReport {
            trade: Some(trade),
            ..report(ExecType::Trade, OrdStatus::PartiallyFilled, 10, 5)
        };
        assert_eq!(
            apply(&report),
            Err(Contradiction::OtherTrade(id()).into()),
            "{trade:?}"
        );
    }
}

#[test]
fn another_price_than_ordered_is_a_contradiction() {
    let report = ExecutionReport {
        price: "101".parse().unwrap(),
        ..report(ExecType::New, OrdStatus::New, 10, 0)
    };
    assert_eq!(apply(&report), Err(Contradiction::OtherTerms(id()).into()));
}

#[test]
fn a_refusal_told_twice_in_two_ways_is_one_refusal() {
    let refused = report(ExecType::Rejected, OrdStatus::Rejected, 10, 0);
    let mut orders = submitted();
    orders.mark_ended(id(), Ending::Rejected).unwrap();
    assert_eq!(orders.apply(T0, &refused), Ok(Applied::Unchanged));
    let mut orders = submitted();
    orders.apply(T0, &refused).unwrap();
    assert_eq!(orders.mark_ended(id(), Ending::Rejected), Ok(Applied::Unchanged));
}

#[test]
fn f4_late_fills_add_up_to_the_quantity_and_an_older_end_changes_nothing() {
    let end = |status, cum| report(ExecType::OrderStatus, status, 10, cum);
    let mut orders = submitted();
    orders.apply(T0, &end(OrdStatus::Canceled, 5)).unwrap();
    assert_eq!(
        orders.apply(T0, &end(OrdStatus::Filled, 10)),
        Ok(Applied::Changed)
    );
    assert_eq!(
        orders.apply(T0, &end(OrdStatus::Canceled, 5)),
        Ok(Applied::Unchanged)
    );
    assert_eq!(
        orders.get(id()).unwrap().state(),
        OrderState::Done(Ending::Ended(OrdStatus::Filled))
    );
    let mut orders = submitted();
    orders.apply(T0, &end(OrdStatus::Canceled, 5)).unwrap();
    assert_eq!(
        orders.apply(T0, &end(OrdStatus::Expired, 0)),
        Ok(Applied::Unchanged)
    );
    assert_eq!(
        orders.get(id()).unwrap().state(),
        OrderState::Done(Ending::Ended(OrdStatus::Canceled))
    );
}
