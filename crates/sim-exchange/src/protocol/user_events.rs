//! User data events (user-data-stream.md).

use std::borrow::Cow;

use keel_binance_wire::convert::order_terms;
use keel_binance_wire::enums::WireExecType;
use keel_binance_wire::number::EightPlaces;
use keel_binance_wire::orders::ConditionalEventFields;
use keel_binance_wire::ws_api::{AccountPositionEvent, ExecutionReportEvent, PositionBalance};
use keel_domain::{Asset, Money, OrdStatus, Price, Qty, Timestamp, notional};
use serde::Serialize;
use serde_json::json;

use super::order_answers::{
    MATCH_TYPE, expiry_word, floor_word, peg_words, stop_px, stp_word, told_trade_id, trailing_time,
};
use super::order_lists::contingency_word;
use crate::core::{AssetBalance, ListReport, ListStatus, OrderReport, OrderState, ReportKind};

/// JSON of an event; serialising these plain structs cannot fail.
fn to_json(event: impl serde::Serialize) -> String {
    serde_json::to_string(&event).unwrap_or_default()
}

pub(super) fn execution_report(report: &OrderReport) -> String {
    let order = &report.order;
    let (order_type, time_in_force, _) = order_terms(order.ord_type);
    let own_id = order.cl_ord_id.to_string();
    let (exec_type, client_order_id, orig_client_order_id) = match report.kind {
        ReportKind::New => (WireExecType::New, own_id, String::new()),
        ReportKind::Trade(_) => (WireExecType::Trade, own_id, String::new()),
        ReportKind::Expired(_) => (WireExecType::Expired, own_id, String::new()),
        ReportKind::Canceled(cancel_id) => (WireExecType::Canceled, cancel_id.to_string(), own_id),
        ReportKind::Replaced(before) => (WireExecType::Replaced, own_id, before.to_string()),
        ReportKind::Prevented(_) => (WireExecType::TradePrevention, own_id, String::new()),
    };
    let trade = match report.kind {
        ReportKind::Trade(trade) => Some(trade),
        _ => None,
    };
    let time = order.updated_at.as_millis();
    let event = ExecutionReportEvent {
        event: "executionReport".into(),
        event_time: time,
        symbol: order.symbol.as_str().into(),
        client_order_id: client_order_id.into(),
        side: order.side.into(),
        order_type,
        time_in_force,
        order_qty: order.order_qty,
        price: order.named_price(),
        stop_price: stop_px(order),
        iceberg_qty: order.iceberg_qty,
        order_list_id: order.list_id(),
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
        trade_id: trade.map_or(-1, |trade| told_trade_id(&trade)),
        execution_id: report.execution_id,
        is_on_book: is_on_book(order),
        is_maker: trade.is_some_and(|trade| trade.is_maker),
        ignored: false,
        order_time: order.created_at.as_millis(),
        cum_quote: order.cum_quote,
        last_quote: trade.map_or(Money::ZERO, |trade| notional(trade.qty, trade.price)),
        quote_order_qty: order.quote_order_qty,
        working_time: working_time(order),
        self_trade_prevention_mode: stp_word(order.options.stp_mode).into(),
        expiry_reason: match report.kind {
            ReportKind::Expired(reason) => Some(Cow::Borrowed(expiry_word(reason))),
            _ => None,
        },
    };
    to_json(Report {
        event,
        conditional: conditional(report),
    })
}

/// A report with the fields that only some orders have.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    event: ExecutionReportEvent<'a>,
    #[serde(flatten)]
    conditional: ConditionalEventFields,
}

/// An order that waits, for a trigger or for another order, is in no book; any other is, from the moment it is accepted.
fn is_on_book(order: &OrderState) -> bool {
    !order.ord_status.is_terminal() && order.ord_type.can_rest() && working_time(order).is_some()
}

fn working_time(order: &OrderState) -> Option<i64> {
    let waits = order.ord_type.trigger().is_some() || order.ord_status == OrdStatus::PendingNew;
    let working_at = order.working_at.or((!waits).then_some(order.created_at));
    working_at.map(Timestamp::as_millis)
}

fn conditional(report: &OrderReport) -> ConditionalEventFields {
    let order = &report.order;
    let is_prevented = !order.prevented_qty.is_zero();
    let prevention = match report.kind {
        ReportKind::Prevented(prevention) => Some(prevention),
        _ => None,
    };
    let allocation_id = match report.kind {
        ReportKind::Trade(trade) => trade.allocation_id,
        _ => None,
    };
    let (peg_price_type, peg_offset_type) = order.options.peg.map(peg_words).unzip();
    ConditionalEventFields {
        trailing_delta: order
            .ord_type
            .trigger()
            .and_then(keel_domain::Trigger::delta_bips),
        trailing_time: trailing_time(order),
        strategy_id: order.options.strategy_id,
        strategy_type: order.options.strategy_type,
        prevented_match_id: order.prevented_match_id.filter(|_| is_prevented),
        prevented_qty: Some(order.prevented_qty).filter(|_| is_prevented),
        last_prevented_qty: prevention.map(|p| p.qty),
        trade_group_id: prevention.and_then(|p| p.trade_group),
        counter_order_id: prevention.map(|p| p.counter_order_id.0),
        counter_symbol: prevention.map(|p| p.counter_symbol.to_string()),
        prevented_execution_qty: prevention.map(|p| p.execution_qty),
        prevented_execution_px: prevention.map(|p| p.execution_px),
        prevented_execution_quote: prevention.map(|p| notional(p.execution_qty, p.execution_px)),
        peg_price_type,
        peg_offset_type: peg_offset_type.flatten(),
        peg_offset_value: order.options.peg.and_then(|peg| peg.offset),
        pegged_price: order.pegged_price,
        match_type: allocation_id.map(|_| MATCH_TYPE.to_owned()),
        allocation_id,
        working_floor: order.working_floor.map(|floor| floor_word(floor).to_owned()),
        used_sor: order.working_floor.map(|_| true),
    }
}

/// A list moved.
pub(super) fn list_status(report: &ListReport) -> String {
    let list = &report.list;
    let (status_type, status) = match report.status {
        ListStatus::ExecStarted => ("EXEC_STARTED", "EXECUTING"),
        ListStatus::Updated => ("UPDATED", "EXECUTING"),
        ListStatus::AllDone => ("ALL_DONE", "ALL_DONE"),
    };
    let orders: Vec<_> = report
        .orders
        .iter()
        .map(|(id, cl_ord_id)| json!({ "s": list.symbol.as_str(), "i": id.0, "c": cl_ord_id.as_str() }))
        .collect();
    json!({
        "e": "listStatus",
        "E": report.time.as_millis(),
        "s": list.symbol.as_str(),
        "g": list.id,
        "c": contingency_word(list.contingency),
        "l": status_type,
        "L": status,
        "r": "NONE",
        "C": list.cl_ord_id.as_str(),
        "T": report.time.as_millis(),
        "O": orders,
    })
    .to_string()
}

/// Money came from outside, or went there.
pub(super) fn balance_update(asset: Asset, delta: Money, time: Timestamp) -> String {
    json!({
        "e": "balanceUpdate",
        "E": time.as_millis(),
        "a": asset.as_str(),
        "d": delta.write(),
        "T": time.as_millis(),
    })
    .to_string()
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
