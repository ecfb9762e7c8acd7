//! Orders of one pair at a price of 100, in lots of 0.01, and the venue's reports of them.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers, not all of them used by each test"
)]

use keel_domain::{
    ClOrdId, ExecType, ExecutionReport, Money, OrdStatus, OrdType, OrderId, OrderIntent, Price, Purpose, Qty,
    Side, Symbol, TimeInForce, Timestamp,
};
use keel_execution::{Order, Orders};

pub(crate) const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

pub(crate) fn id(sequence: u32) -> ClOrdId {
    ClOrdId::new(&format!("k1-1-{sequence}")).unwrap()
}

pub(crate) fn qty(lots: i64) -> Qty {
    Qty::from_units(lots * 1_000_000).unwrap()
}

pub(crate) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub(crate) fn intent(side: Side, lots: i64) -> OrderIntent {
    OrderIntent {
        symbol: symbol(),
        side,
        ord_type: OrdType::Limit {
            price: price("100"),
            time_in_force: TimeInForce::Gtc,
        },
        order_qty: qty(lots),
        purpose: Purpose::Entry,
    }
}

pub(crate) fn report(id: ClOrdId, side: Side, of: i64, cum: i64, ord_status: OrdStatus) -> ExecutionReport {
    ExecutionReport {
        symbol: symbol(),
        cl_ord_id: id,
        order_id: OrderId(7),
        side,
        exec_type: ExecType::OrderStatus,
        ord_status,
        order_qty: qty(of),
        price: price("100"),
        cum_qty: qty(cum),
        cum_quote: Money::from(cum),
        trade: None,
        transact_time: T0,
    }
}

pub(crate) fn with_one(lots: i64) -> Orders {
    let mut orders = Orders::new();
    orders.submit(id(1), intent(Side::Buy, lots), T0).unwrap();
    orders
}

/// The buy order of [`with_one`] as the venue tells it.
pub(crate) fn told(of: i64, cum: i64, ord_status: OrdStatus) -> ExecutionReport {
    report(id(1), Side::Buy, of, cum, ord_status)
}

pub(crate) fn order(orders: &Orders, sequence: u32) -> &Order {
    orders.get(id(sequence)).unwrap()
}
