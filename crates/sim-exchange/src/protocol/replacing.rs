//! Requests that replace or amend orders, and what self-trade prevention kept.

use keel_binance_wire::convert::order_terms;
use keel_binance_wire::enums::{WireOrderStatus, WireSide};
use keel_binance_wire::error::ApiError;
use keel_binance_wire::number::EightPlaces;
use keel_binance_wire::params::Params;
use keel_domain::{OrderId, Qty, Timestamp};
use serde_json::{Value, json};

use super::Protocol;
use super::endpoint::{Answer, Refusal};
use super::market::{limit, symbol};
use super::order_answers::{
    NOT_FOUND_BY_AMEND, NOT_FOUND_BY_CANCEL, NOT_FOUND_BY_QUERY, canceled, placed, refused, stp_word,
};
use super::order_lists::list_summary;
use super::order_params::{client_id, number, order_ref, restriction, single, whole};
use crate::core::{AccountId, OrderRef, OrderState, PreventedMatch, Replacement, Step};

fn error_value(error: &ApiError) -> Value {
    json!({ "code": error.code, "msg": error.msg })
}

/// A half's result and its answer.
fn half<T>(
    step: Step<T>,
    unknown: (i32, &str),
    answer: impl FnOnce(T) -> Answer,
) -> Result<(&'static str, Value), Refusal> {
    Ok(match step {
        Step::Done(done) => ("SUCCESS", answer(done)?),
        Step::Failed(error) => ("FAILURE", error_value(&refused(error, unknown))),
        Step::NotAttempted => ("NOT_ATTEMPTED", Value::Null),
    })
}

pub(super) fn cancel_replace(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let (order, resp_type) = single(params, symbol)?;
    let stops_on_failure = match params.get("cancelReplaceMode") {
        Some("STOP_ON_FAILURE") => true,
        Some("ALLOW_FAILURE") => false,
        _ => return Err(ApiError::mandatory("cancelReplaceMode").into()),
    };
    let request = Replacement {
        symbol,
        by: order_ref(params, "cancelOrderId", "cancelOrigClientOrderId")?,
        cancel_id: client_id(params, "cancelNewClientOrderId")?,
        restriction: restriction(params)?,
        stops_on_failure,
        order,
    };
    let replaced = protocol
        .exchange
        .cancel_replace(now, account, &request)
        .map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?;
    let exchange = &protocol.exchange;
    let (cancel_result, cancel_response) = half(replaced.cancel, NOT_FOUND_BY_CANCEL, |(state, id)| {
        canceled(&state, id, now)
    })?;
    let (order_result, order_response) = half(replaced.order, NOT_FOUND_BY_QUERY, |order_id| {
        let state = exchange
            .order(account, symbol, OrderRef::OrderId(order_id))
            .map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?;
        placed(exchange, state, now, resp_type)
    })?;
    let data = json!({
        "cancelResult": cancel_result,
        "newOrderResult": order_result,
        "cancelResponse": cancel_response,
        "newOrderResponse": order_response,
    });
    let failed = |status, code, msg: &str| Refusal {
        data: Some(data.clone()),
        ..Refusal::new(status, ApiError::new(code, msg))
    };
    match (cancel_result, order_result) {
        ("SUCCESS", "SUCCESS") => Ok(data),
        ("SUCCESS", _) | (_, "SUCCESS") => Err(failed(409, -2021, "Order cancel-replace partially failed.")),
        _ => Err(failed(400, -2022, "Order cancel-replace failed.")),
    }
}

pub(super) fn amend(protocol: &mut Protocol, now: Timestamp, account: AccountId, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let by = order_ref(params, "orderId", "origClientOrderId")?;
    let new_qty: Qty = number(params, "newQty")?.ok_or_else(|| ApiError::mandatory("newQty"))?;
    if new_qty.is_zero() {
        return Err(ApiError::mandatory("newQty").into());
    }
    let new_id = client_id(params, "newClientOrderId")?;
    let exchange = &mut protocol.exchange;
    let state = exchange
        .amend(now, account, symbol, by, (new_qty, new_id))
        .map_err(|e| refused(e, NOT_FOUND_BY_AMEND))?;
    let mut answer = json!({
        "transactTime": now.as_millis(),
        "executionId": state.amendments.last().map_or(0, |amendment| amendment.execution_id),
        "amendedOrder": amended(&state),
    });
    let list = state
        .order_list_id
        .and_then(|id| exchange.order_list(account, Some(id), None).ok());
    if let (Some(list), Some(answer)) = (list, answer.as_object_mut()) {
        let mut summary = list_summary(exchange, list);
        if let Some(summary) = summary.as_object_mut() {
            summary.remove("listStatusType");
            summary.remove("transactionTime");
        }
        answer.insert("listStatus".to_owned(), summary);
    }
    Ok(answer)
}

fn amended(state: &OrderState) -> Value {
    let (order_type, time_in_force, _) = order_terms(state.ord_type);
    let price = state.named_price();
    let before = state
        .amendments
        .last()
        .map_or(state.cl_ord_id, |amendment| amendment.orig_cl_ord_id);
    let mut order = json!({
        "symbol": state.symbol.as_str(),
        "orderId": state.order_id.0,
        "orderListId": state.list_id(),
        "origClientOrderId": before.as_str(),
        "clientOrderId": state.cl_ord_id.as_str(),
        "price": price.write(),
        "qty": state.order_qty.write(),
        "executedQty": state.cum_qty.write(),
        "preventedQty": state.prevented_qty.write(),
        "quoteOrderQty": state.quote_order_qty.write(),
        "cumulativeQuoteQty": state.cum_quote.write(),
        "status": WireOrderStatus::from(state.ord_status),
        "timeInForce": time_in_force,
        "type": order_type,
        "side": WireSide::from(state.side),
        "selfTradePreventionMode": stp_word(state.options.stp_mode),
    });
    if let (Some(working_at), Some(order)) = (state.working_at, order.as_object_mut()) {
        order.insert("workingTime".to_owned(), json!(working_at.as_millis()));
    }
    order
}

pub(super) fn amendments(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let order_id: u64 = whole(params, "orderId")?.ok_or_else(|| ApiError::mandatory("orderId"))?;
    let from: u64 = whole(params, "fromExecutionId")?.unwrap_or(0);
    let limit = limit(params, 500, 1_000)?;
    let state = protocol
        .exchange
        .order(account, symbol, OrderRef::OrderId(OrderId(order_id)))
        .map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?;
    let wanted = state.amendments.iter().filter(|a| a.execution_id >= from);
    let amendments = wanted.take(limit).map(|amendment| {
        json!({
            "symbol": symbol.as_str(),
            "orderId": order_id,
            "executionId": amendment.execution_id,
            "origClientOrderId": amendment.orig_cl_ord_id.as_str(),
            "newClientOrderId": amendment.new_cl_ord_id.as_str(),
            "origQty": amendment.orig_qty.write(),
            "newQty": amendment.new_qty.write(),
            "time": amendment.time.as_millis(),
        })
    });
    Ok(amendments.collect())
}

fn prevented(prevented: &PreventedMatch) -> Value {
    let mut body = json!({
        "symbol": prevented.symbol.as_str(),
        "preventedMatchId": prevented.prevented_match_id,
        "takerOrderId": prevented.taker_order_id.0,
        "makerSymbol": prevented.maker_symbol.as_str(),
        "makerOrderId": prevented.maker_order_id.0,
        "tradeGroupId": prevented.trade_group.and_then(|id| i64::try_from(id).ok()).unwrap_or(-1),
        "selfTradePreventionMode": stp_word(prevented.mode),
        "price": prevented.price.write(),
        "transactTime": prevented.time.as_millis(),
    });
    let quantities = [
        ("takerPreventedQuantity", prevented.taker_prevented_qty),
        ("makerPreventedQuantity", prevented.maker_prevented_qty),
    ];
    for (name, qty) in quantities {
        if let (false, Some(body)) = (qty.is_zero(), body.as_object_mut()) {
            body.insert(name.to_owned(), json!(qty.write()));
        }
    }
    body
}

pub(super) fn prevented_matches(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let id: Option<u64> = whole(params, "preventedMatchId")?;
    let order_id: Option<u64> = whole(params, "orderId")?;
    let from: u64 = whole(params, "fromPreventedMatchId")?.unwrap_or(0);
    if id.is_none() && order_id.is_none() {
        return Err(super::order_params::either("preventedMatchId", "orderId").into());
    }
    let wanted = protocol
        .exchange
        .prevented_matches(account, symbol)
        .filter(|prevented| {
            id.is_none_or(|id| id == prevented.prevented_match_id)
                && order_id
                    .is_none_or(|id| id == prevented.taker_order_id.0 || id == prevented.maker_order_id.0)
                && prevented.prevented_match_id >= from
        });
    Ok(wanted.take(limit(params, 500, 1_000)?).map(prevented).collect())
}
