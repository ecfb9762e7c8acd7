//! Order lists on request: OCO, OTO, OTOCO, OPO, OPOCO (rest-api.md, "Order lists").

use keel_binance_wire::enums::{WireOrderType, WireRespType, WireSide};
use keel_binance_wire::error::{ApiError, code};
use keel_binance_wire::params::Params;
use keel_domain::{ClOrdId, OrdType, Qty, Side, Symbol, TimeInForce, Timestamp};
use serde_json::{Value, json};

use super::Protocol;
use super::endpoint::{Answer, Refusal};
use super::market::{limit, symbol};
use super::order_answers::{NOT_FOUND_BY_CANCEL, NOT_FOUND_BY_QUERY, canceled, placed, refused};
use super::order_params::{Leg, client_id, either, resp_type, whole, word};
use super::trading::time_window;
use crate::core::{
    AccountId, Contingency, Exchange, ListLegs, NewOrder, NewOrderList, OrderList, OrderRef, Quantity,
};

/// The venue's word for how a list's orders depend on each other.
pub(super) const fn contingency_word(contingency: Contingency) -> &'static str {
    match contingency {
        Contingency::Oco => "OCO",
        Contingency::Oto => "OTO",
    }
}

/// A list without its orders' states.
pub(super) fn list_summary(exchange: &Exchange, list: &OrderList) -> Value {
    let (status_type, status) = if list.is_done {
        ("ALL_DONE", "ALL_DONE")
    } else {
        ("EXEC_STARTED", "EXECUTING")
    };
    let orders: Vec<Value> = exchange
        .list_orders(list)
        .iter()
        .map(|(id, cl_ord_id)| {
            json!({ "symbol": list.symbol.as_str(), "orderId": id.0, "clientOrderId": cl_ord_id.as_str() })
        })
        .collect();
    json!({
        "orderListId": list.id,
        "contingencyType": contingency_word(list.contingency),
        "listStatusType": status_type,
        "listOrderStatus": status,
        "listClientOrderId": list.cl_ord_id.as_str(),
        "transactionTime": list.time.as_millis(),
        "symbol": list.symbol.as_str(),
        "orders": orders,
    })
}

fn place(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
    new: NewOrderList,
) -> Answer {
    let resp_type = match params.get("newOrderRespType") {
        Some(_) => resp_type(params, OrdType::Market)?,
        None => WireRespType::Result,
    };
    let exchange = &mut protocol.exchange;
    let (list_id, states) = exchange
        .place_list(now, account, new)
        .map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?;
    let list = exchange
        .order_list(account, Some(list_id), None)
        .map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?;
    let mut answer = list_summary(exchange, list);
    let reports: Result<Vec<Value>, Refusal> = states
        .iter()
        .map(|state| placed(exchange, state, now, resp_type))
        .collect();
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("listStatusType".to_owned(), json!("EXEC_STARTED"));
        answer.insert("listOrderStatus".to_owned(), json!("EXECUTING"));
        answer.insert("orderReports".to_owned(), Value::Array(reports?));
    }
    Ok(answer)
}

const fn is_limit(ord_type: OrdType) -> bool {
    matches!(ord_type, OrdType::LimitMaker { .. })
}

const fn is_stop(ord_type: OrdType) -> bool {
    matches!(ord_type, OrdType::StopLoss { .. } | OrdType::StopLossLimit { .. })
}

/// Whether the kinds of a pair's orders fit the places they were given.
fn check_pair(above: &NewOrder, below: &NewOrder) -> Result<(), ApiError> {
    let error = |code, msg: &str| Err(ApiError::new(code, msg));
    for order in [above, below] {
        if matches!(order.ord_type, OrdType::Market | OrdType::Limit { .. }) {
            return error(-1158, "Order type not supported in OCO.");
        }
        let rests = order
            .ord_type
            .time_in_force()
            .is_none_or(|tif| tif == TimeInForce::Gtc);
        if !order.options.iceberg_qty.is_zero() && !rests {
            let msg = "Parameter 'icebergQty' is not supported if `aboveTimeInForce`/`belowTimeInForce` is not GTC.";
            return error(-1160, msg);
        }
    }
    if is_limit(above.ord_type) && is_limit(below.ord_type) {
        return error(-1168, "At least one OCO order must be contingent.");
    }
    let (near, far, words) = match above.side {
        Side::Buy => (
            below,
            above,
            [
                (-1165, "A limit order in a buy OCO must be below."),
                (-1198, "A take profit order in a buy OCO must be below."),
                (-1196, "A stop loss order in a buy OCO must be above."),
            ],
        ),
        Side::Sell => (
            above,
            below,
            [
                (-1166, "A limit order in a sell OCO must be above."),
                (-1199, "A take profit order in a sell OCO must be above."),
                (-1197, "A stop loss order in a sell OCO must be below."),
            ],
        ),
    };
    let [limit, take_profit, stop] = words;
    if is_limit(far.ord_type) {
        return error(limit.0, limit.1);
    }
    if is_stop(near.ord_type) {
        return error(stop.0, stop.1);
    }
    if !is_stop(far.ord_type) {
        return error(take_profit.0, take_profit.1);
    }
    Ok(())
}

/// The two legs of a pair.
fn pair(
    params: &Params,
    symbol: Symbol,
    (side, qty): (Side, Qty),
    [above, below]: [&str; 2],
) -> Result<(NewOrder, NewOrder), ApiError> {
    let leg = |prefix| Leg::of_list(params, prefix).order(symbol, side, Quantity::Base(qty));
    let (above, below) = (leg(above)?, leg(below)?);
    check_pair(&above, &below)?;
    Ok((above, below))
}

pub(super) fn place_oco(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let leg = Leg::alone(params);
    let (above, below) = pair(params, symbol, (leg.side()?, leg.quantity()?), ["above", "below"])?;
    let new = NewOrderList {
        symbol,
        cl_ord_id: client_id(params, "listClientOrderId")?,
        legs: ListLegs::Oco { above, below },
        by_proceeds: false,
    };
    place(protocol, now, account, params, new)
}

/// The older spelling: a post-only order at `price` and a stop order.
pub(super) fn place_old_oco(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let side: WireSide = word(params, "side", code::INVALID_SIDE, "Invalid side.")?;
    let (limit, stop) = match side {
        WireSide::Buy => ("below", "above"),
        WireSide::Sell => ("above", "below"),
    };
    let stop_type = if params.get("stopLimitPrice").is_some() {
        WireOrderType::StopLossLimit
    } else {
        WireOrderType::StopLoss
    };
    let mut renamed = Params::new()
        .with(&format!("{limit}Type"), WireOrderType::LimitMaker)
        .with(&format!("{stop}Type"), stop_type);
    for (name, value) in params.iter() {
        let new_name = match name {
            "price" => format!("{limit}Price"),
            "limitClientOrderId" => format!("{limit}ClientOrderId"),
            "limitStrategyId" => format!("{limit}StrategyId"),
            "limitStrategyType" => format!("{limit}StrategyType"),
            "limitIcebergQty" => format!("{limit}IcebergQty"),
            "stopPrice" => format!("{stop}StopPrice"),
            "trailingDelta" => format!("{stop}TrailingDelta"),
            "stopLimitPrice" => format!("{stop}Price"),
            "stopLimitTimeInForce" => format!("{stop}TimeInForce"),
            "stopClientOrderId" => format!("{stop}ClientOrderId"),
            "stopStrategyId" => format!("{stop}StrategyId"),
            "stopStrategyType" => format!("{stop}StrategyType"),
            "stopIcebergQty" => format!("{stop}IcebergQty"),
            other => other.to_owned(),
        };
        renamed.push(&new_name, value);
    }
    if params.get("price").is_none() {
        return Err(ApiError::mandatory("price").into());
    }
    place_oco(protocol, now, account, &renamed)
}

/// The first order of a chain.
fn working(params: &Params, symbol: Symbol) -> Result<NewOrder, ApiError> {
    let leg = Leg::of_list(params, "working");
    if !matches!(
        leg.order_type()?,
        WireOrderType::Limit | WireOrderType::LimitMaker
    ) {
        return Err(ApiError::new(code::INVALID_ORDER_TYPE, "Invalid orderType."));
    }
    leg.order(symbol, leg.side()?, Quantity::Base(leg.quantity()?))
}

/// Side and quantity of the orders that wait; the quantity is the first order's where they sell its proceeds.
fn pending_terms(params: &Params, working: &NewOrder, by_proceeds: bool) -> Result<(Side, Qty), ApiError> {
    let leg = Leg::of_list(params, "pending");
    let side = leg.side()?;
    if !by_proceeds {
        return Ok((side, leg.quantity()?));
    }
    if working.side != Side::Buy {
        let msg = "Working order in an OPO list must be a bid.";
        return Err(ApiError::new(-1222, msg));
    }
    if side != Side::Sell {
        let msg = "Pending orders in an OPO list must be asks.";
        return Err(ApiError::new(-1223, msg));
    }
    if params.get("pendingQuantity").is_some() {
        let msg = "Pending orders should not include the 'pendingQuantity' tag.";
        return Err(ApiError::new(-1225, msg));
    }
    match working.quantity {
        Quantity::Base(qty) => Ok((side, qty)),
        Quantity::Quote(_) => Err(ApiError::mandatory("workingQuantity")),
    }
}

fn place_chain(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
    (is_pair, by_proceeds): (bool, bool),
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let working = working(params, symbol)?;
    let terms = pending_terms(params, &working, by_proceeds)?;
    let legs = if is_pair {
        let (above, below) = pair(params, symbol, terms, ["pendingAbove", "pendingBelow"])?;
        ListLegs::Otoco {
            working,
            above,
            below,
        }
    } else {
        let leg = Leg::of_list(params, "pending");
        let pending = leg.order(symbol, terms.0, Quantity::Base(terms.1))?;
        ListLegs::Oto { working, pending }
    };
    let new = NewOrderList {
        symbol,
        cl_ord_id: client_id(params, "listClientOrderId")?,
        legs,
        by_proceeds,
    };
    place(protocol, now, account, params, new)
}

pub(super) fn place_oto(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    place_chain(protocol, now, account, params, (false, false))
}

pub(super) fn place_otoco(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    place_chain(protocol, now, account, params, (true, false))
}

pub(super) fn place_opo(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    place_chain(protocol, now, account, params, (false, true))
}

pub(super) fn place_opoco(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    place_chain(protocol, now, account, params, (true, true))
}

/// The list that a request names.
fn list_ref(params: &Params, client_name: &str) -> Result<(Option<u64>, Option<ClOrdId>), ApiError> {
    let by = (whole(params, "orderListId")?, client_id(params, client_name)?);
    if by == (None, None) {
        return Err(either(client_name, "orderListId"));
    }
    Ok(by)
}

/// Cancels a list and tells its orders.
pub(super) fn cancel_one(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    by: (Option<u64>, Option<ClOrdId>),
    cancel_id: Option<ClOrdId>,
) -> Answer {
    let exchange = &mut protocol.exchange;
    let (list, cancel_id) = exchange
        .cancel_list(now, account, by, cancel_id)
        .map_err(|e| refused(e, NOT_FOUND_BY_CANCEL))?;
    let mut reports = Vec::with_capacity(list.orders.len());
    for id in &list.orders {
        let state = exchange
            .order(account, list.symbol, OrderRef::OrderId(*id))
            .map_err(|e| refused(e, NOT_FOUND_BY_CANCEL))?;
        reports.push(canceled(state, cancel_id, now)?);
    }
    let mut answer = list_summary(exchange, &list);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("transactionTime".to_owned(), json!(now.as_millis()));
        answer.insert("orderReports".to_owned(), Value::Array(reports));
    }
    Ok(answer)
}

pub(super) fn cancel(protocol: &mut Protocol, now: Timestamp, account: AccountId, params: &Params) -> Answer {
    symbol(protocol, params)?;
    let by = list_ref(params, "listClientOrderId")?;
    let cancel_id = client_id(params, "newClientOrderId")?;
    cancel_one(protocol, now, account, by, cancel_id)
}

pub(super) fn status(protocol: &mut Protocol, _: Timestamp, account: AccountId, params: &Params) -> Answer {
    let (id, cl_ord_id) = list_ref(params, "origClientOrderId")?;
    let exchange = &protocol.exchange;
    let list = exchange
        .order_list(account, id, cl_ord_id)
        .map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?;
    Ok(list_summary(exchange, list))
}

/// The latest first, as the venue tells lists.
pub(super) fn all(protocol: &mut Protocol, _: Timestamp, account: AccountId, params: &Params) -> Answer {
    let from: Option<u64> = whole(params, "fromId")?;
    let (start, end) = time_window(params)?;
    if from.is_some() && (start.is_some() || end.is_some()) {
        let msg = "Combination of optional parameters invalid.";
        return Err(ApiError::new(-1128, msg).into());
    }
    let exchange = &protocol.exchange;
    let wanted = exchange.order_lists(account).filter(|list| {
        from.is_none_or(|from| list.id >= from)
            && start.is_none_or(|start| list.time >= start)
            && end.is_none_or(|end| list.time <= end)
    });
    let limit = limit(params, 500, 1_000)?;
    let lists: Vec<&OrderList> = if from.is_some() || start.is_some() {
        wanted.take(limit).collect()
    } else {
        wanted.rev().take(limit).collect()
    };
    Ok(lists
        .into_iter()
        .map(|list| list_summary(exchange, list))
        .collect())
}

pub(super) fn open(protocol: &mut Protocol, _: Timestamp, account: AccountId, _: &Params) -> Answer {
    let exchange = &protocol.exchange;
    let open = exchange.order_lists(account).filter(|list| !list.is_done);
    Ok(open.map(|list| list_summary(exchange, list)).collect())
}
