//! User data events (user-data-stream.md).

use std::borrow::Cow;

use keel_binance_wire::convert::order_terms;
use keel_binance_wire::enums::WireExecType;
use keel_binance_wire::ws_api::{AccountPositionEvent, ExecutionReportEvent, PositionBalance};
use keel_domain::{Money, Price, Qty, Timestamp, notional};

use crate::core::{AssetBalance, OrderReport, ReportKind};

/// JSON of an event; serialising these plain structs cannot fail.
fn to_json(event: impl serde::Serialize) -> String {
    serde_json::to_string(&event).unwrap_or_default()
}

pub(super) fn execution_report(report: &OrderReport) -> String {
    let order = &report.order;
    let (order_type, time_in_force, price) = order_terms(order.ord_type);
    let own_id = order.cl_ord_id.to_string();
    let (exec_type, client_order_id, orig_client_order_id) = match report.kind {
        ReportKind::New => (WireExecType::New, own_id, String::new()),
        ReportKind::Trade(_) => (WireExecType::Trade, own_id, String::new()),
        ReportKind::Expired(_) => (WireExecType::Expired, own_id, String::new()),
        ReportKind::Canceled(cancel_id) => (WireExecType::Canceled, cancel_id.to_string(), own_id),
    };
    let trade = match report.kind {
        ReportKind::Trade(trade) => Some(trade),
        _ => None,
    };
    let time = order.updated_at.as_millis();
    to_json(ExecutionReportEvent {
        event: "executionReport".into(),
        event_time: time,
        symbol: order.symbol.as_str().into(),
        client_order_id: client_order_id.into(),
        side: order.side.into(),
        order_type,
        time_in_force,
        order_qty: order.order_qty,
        price,
        stop_price: Price::ZERO,
        iceberg_qty: Qty::ZERO,
        order_list_id: -1,
        orig_client_order_id: orig_client_order_id.into(),
        exec_type,
        status: order.ord_status.into(),
        reject_reason: "NONE".into(),
        order_id: order.order_id.0,
        last_qty: trade.map_or(Qty::ZERO, |trade| trade.qty),
        cum_qty: order.cum_qty,
        last_px: trade.map_or(Price::ZERO, |trade| trade.price),
        commission: trade.map_or(Money::ZERO, |trade| trade.commission),
        commission_asset: trade.map(|trade| trade.commission_asset.to_string().into()),
        transact_time: time,
        trade_id: trade
            .and_then(|trade| i64::try_from(trade.trade_id.0).ok())
            .unwrap_or(-1),
        execution_id: report.execution_id,
        is_on_book: !order.ord_status.is_terminal() && order.ord_type.can_rest(),
        is_maker: trade.is_some_and(|trade| trade.is_maker),
        ignored: false,
        order_time: order.created_at.as_millis(),
        cum_quote: order.cum_quote,
        last_quote: trade.map_or(Money::ZERO, |trade| notional(trade.qty, trade.price)),
        quote_order_qty: order.quote_order_qty,
        working_time: Some(order.created_at.as_millis()),
        self_trade_prevention_mode: "NONE".into(),
        expiry_reason: match report.kind {
            ReportKind::Expired(reason) => Some(Cow::Borrowed(reason)),
            _ => None,
        },
    })
}

pub(super) fn account_position(balances: &[AssetBalance], time: Timestamp) -> String {
    let balance = |b: &AssetBalance| PositionBalance {
        asset: b.asset.to_string(),
        free: b.free,
        locked: b.locked,
    };
    to_json(AccountPositionEvent {
        event: "outboundAccountPosition".to_owned(),
        event_time: time.as_millis(),
        update_time: time.as_millis(),
        balances: balances.iter().map(balance).collect(),
    })
}
