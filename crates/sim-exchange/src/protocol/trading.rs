//! Orders on request.

use keel_binance_wire::enums::WireRespType;
use keel_binance_wire::error::ApiError;
use keel_binance_wire::number::EightPlaces;
use keel_binance_wire::params::Params;
use keel_domain::{OrderId, Side, Symbol, Timestamp};
use serde_json::{Map, Value, json};

use super::Protocol;
use super::account::discount;
use super::endpoint::{Answer, Refusal};
use super::market::{limit, millis, symbol, symbol_if_told};
use super::order_answers::{NOT_FOUND_BY_CANCEL, NOT_FOUND_BY_QUERY, canceled, placed, refused, status_of};
use super::order_lists;
use super::order_params::{client_id, order_ref, restriction, routed, single, whole};
use crate::core::{AccountId, NewOrder, OrderError, OrderQuery, OrderRef, Rates};

/// The longest time between the start and the end of a list of orders.
const LIST_HOURS_MAX: i64 = 24;

pub(super) fn place(protocol: &mut Protocol, now: Timestamp, account: AccountId, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    enter(protocol, now, (account, symbol), single(params, symbol)?)
}

/// Places an order that is routed over several books.
pub(super) fn place_routed(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    enter(protocol, now, (account, symbol), routed(params, symbol)?)
}

fn enter(
    protocol: &mut Protocol,
    now: Timestamp,
    (account, symbol): (AccountId, Symbol),
    (order, resp_type): (NewOrder, WireRespType),
) -> Answer {
    let exchange = &mut protocol.exchange;
    let order_id = exchange
        .place(now, account, order)
        .map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?;
    let state = exchange
        .order(account, symbol, OrderRef::OrderId(order_id))
        .map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?;
    placed(exchange, state, now, resp_type)
}

pub(super) fn test(protocol: &mut Protocol, now: Timestamp, account: AccountId, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let (order, _) = single(params, symbol)?;
    try_out(protocol, now, account, &order)?;
    if !wants_rates(params) {
        return Ok(json!({}));
    }
    let special = protocol.exchange.account_rates(account).special;
    let mut told = rates_for(protocol, account, order.side);
    told.insert(
        "specialCommissionForOrder".to_owned(),
        for_side(&special, order.side),
    );
    Ok(Value::Object(told))
}

/// The same for an order that is routed; its special commission is not documented.
pub(super) fn test_routed(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let (order, _) = routed(params, symbol)?;
    try_out(protocol, now, account, &order)?;
    if !wants_rates(params) {
        return Ok(json!({}));
    }
    Ok(Value::Object(rates_for(protocol, account, order.side)))
}

fn try_out(
    protocol: &Protocol,
    now: Timestamp,
    account: AccountId,
    order: &NewOrder,
) -> Result<(), ApiError> {
    let tested = protocol.exchange.test(now, account, order);
    tested.map_err(|e| refused(e, NOT_FOUND_BY_QUERY))
}

fn wants_rates(params: &Params) -> bool {
    params.get("computeCommissionRates") == Some("true")
}

fn for_side(rates: &Rates, side: Side) -> Value {
    let extra = match side {
        Side::Buy => rates.buyer,
        Side::Sell => rates.seller,
    };
    json!({ "maker": (rates.maker + extra).write(), "taker": (rates.taker + extra).write() })
}

fn rates_for(protocol: &Protocol, account: AccountId, side: Side) -> Map<String, Value> {
    let rates = protocol.exchange.account_rates(account);
    let told = [
        ("standardCommissionForOrder", for_side(&rates.standard, side)),
        ("taxCommissionForOrder", for_side(&rates.tax, side)),
        ("discount", discount(rates.discount)),
    ];
    told.map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

pub(super) fn status(protocol: &mut Protocol, _: Timestamp, account: AccountId, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let by = order_ref(params, "orderId", "origClientOrderId")?;
    let state = protocol.exchange.order(account, symbol, by);
    status_of(state.map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?)
}

pub(super) fn cancel(protocol: &mut Protocol, now: Timestamp, account: AccountId, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let by = order_ref(params, "orderId", "origClientOrderId")?;
    let cancel_id = client_id(params, "newClientOrderId")?;
    let restriction = restriction(params)?;
    let ended = protocol
        .exchange
        .cancel_if(now, account, symbol, by, cancel_id, restriction);
    let (state, cancel_id) = ended.map_err(|e| refused(e, NOT_FOUND_BY_CANCEL))?;
    canceled(&state, cancel_id, now)
}

pub(super) fn cancel_all(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let open: Vec<(OrderId, Option<u64>)> = protocol
        .exchange
        .open_orders(account, Some(symbol))
        .map(|order| (order.order_id, order.order_list_id))
        .collect();
    if open.is_empty() {
        return Err(refused(OrderError::UnknownOrder, NOT_FOUND_BY_CANCEL).into());
    }
    let mut ended: Vec<Value> = Vec::with_capacity(open.len());
    for (order_id, list) in open {
        let by = OrderRef::OrderId(order_id);
        let answer = if let Some(list_id) = list {
            order_lists::cancel_one(protocol, now, account, (Some(list_id), None), None)
        } else {
            let result = protocol.exchange.cancel(now, account, symbol, by, None);
            result
                .map_err(|e| Refusal::from(refused(e, NOT_FOUND_BY_CANCEL)))
                .and_then(|(state, cancel_id)| canceled(&state, cancel_id, now))
        };
        match answer {
            Ok(answer) => ended.push(answer),
            // It went with its list.
            Err(_) if list.is_some() => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(Value::Array(ended))
}

pub(super) fn open_orders(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let wanted = symbol_if_told(protocol, params)?;
    let open = protocol.exchange.open_orders(account, wanted);
    open.map(status_of)
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

/// Start and end of a list, at most a day apart.
pub(super) fn time_window(params: &Params) -> Result<(Option<Timestamp>, Option<Timestamp>), ApiError> {
    let (start, end) = (millis(params, "startTime")?, millis(params, "endTime")?);
    let too_long = start
        .zip(end)
        .is_some_and(|(start, end)| end.saturating_sub(start) > LIST_HOURS_MAX * 3_600_000);
    if too_long {
        let msg = format!("More than {LIST_HOURS_MAX} hours between startTime and endTime.");
        return Err(ApiError::new(-1127, msg));
    }
    Ok((start.map(Timestamp::from_millis), end.map(Timestamp::from_millis)))
}

pub(super) fn all_orders(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let (start, end) = time_window(params)?;
    let query = OrderQuery {
        from_id: whole(params, "orderId")?.map(OrderId),
        start,
        end,
        limit: limit(params, 500, 1_000)?,
    };
    let orders = protocol.exchange.all_orders(account, symbol, query);
    orders
        .iter()
        .map(status_of)
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}
