//! Orders on request.

use keel_binance_wire::convert::order_terms;
use keel_binance_wire::enums::{WireOrderStatus, WireOrderType, WireRespType, WireSide, WireTimeInForce};
use keel_binance_wire::error::{ApiError, code, text};
use keel_binance_wire::params::Params;
use keel_binance_wire::rest::{Fill, OrderCanceled, OrderPlaced, OrderResult, OrderStatusReport};
use keel_domain::{ClOrdId, Money, NumberError, OrdStatus, OrdType, OrderId, Price, Qty, Timestamp};
use serde_json::{Value, json};

use super::Protocol;
use super::endpoint::{Answer, Refusal};
use super::market::{limit, symbol, to_value};
use crate::core::{AccountId, NewOrder, OrderError, OrderRef, OrderState, Quantity, TradeQuery};

const NUMBER_PATTERN: &str = r"^([0-9]{1,20})(\.[0-9]{1,20})?$";
const CLIENT_ID_PATTERN: &str = r"^[\.A-Z\:/a-z0-9_-]{1,36}$";

/// The venue's words for a refusal. `on_cancel` and `on_query` differ for an order that is not there.
fn refused(error: OrderError, unknown: (i32, &str)) -> Refusal {
    let rejected = |text: &str| ApiError::new(code::NEW_ORDER_REJECTED, text);
    let error = match error {
        OrderError::UnknownSymbol => ApiError::new(code::BAD_SYMBOL, text::BAD_SYMBOL),
        OrderError::MarketClosed => ApiError::new(code::INVALID_MESSAGE, text::MARKET_CLOSED),
        OrderError::Filter(filter) => {
            ApiError::new(code::INVALID_MESSAGE, format!("Filter failure: {filter}"))
        }
        OrderError::InsufficientBalance => rejected(text::INSUFFICIENT_BALANCE),
        OrderError::WouldMatch => rejected(text::WOULD_MATCH),
        OrderError::Duplicate => rejected(text::DUPLICATE_ORDER),
        OrderError::UnknownOrder => ApiError::new(unknown.0, unknown.1),
        OrderError::IdMismatch => ApiError::new(
            code::CLIENT_ORDER_ID_MISMATCH,
            "Client order ID is not correct for this order ID",
        ),
    };
    error.into()
}

const NOT_FOUND_BY_QUERY: (i32, &str) = (code::NO_SUCH_ORDER, text::NO_SUCH_ORDER);
const NOT_FOUND_BY_CANCEL: (i32, &str) = (code::CANCEL_REJECTED, text::UNKNOWN_ORDER);

/// A mandatory word of one of the venue's enumerations.
fn word<T: std::str::FromStr>(params: &Params, name: &str, code: i32, msg: &str) -> Result<T, ApiError> {
    let text = params
        .get(name)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| ApiError::mandatory(name))?;
    text.parse().map_err(|_| ApiError::new(code, msg))
}

/// An optional number.
fn number<T: std::str::FromStr<Err = NumberError>>(
    params: &Params,
    name: &str,
) -> Result<Option<T>, ApiError> {
    let Some(text) = params.get(name) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) => Ok(Some(number)),
        Err(NumberError::TooPrecise) => Err(ApiError::too_much_precision(name)),
        Err(NumberError::OutOfRange) => Err(ApiError::new(
            -1108,
            format!("Parameter '{name}' was overflowing."),
        )),
        Err(NumberError::Malformed | NumberError::Negative) => {
            Err(ApiError::illegal_chars(name, NUMBER_PATTERN))
        }
    }
}

fn client_id(params: &Params, name: &str) -> Result<Option<ClOrdId>, ApiError> {
    let Some(text) = params.get(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    ClOrdId::new(text)
        .map(Some)
        .map_err(|_| ApiError::illegal_chars(name, CLIENT_ID_PATTERN))
}

/// Refuses a parameter that the order type does not take.
fn forbid(params: &Params, names: &[&str]) -> Result<(), ApiError> {
    match names.iter().find(|name| params.get(name).is_some()) {
        Some(name) => Err(ApiError::not_required(name)),
        None => Ok(()),
    }
}

fn new_order(protocol: &Protocol, params: &Params) -> Result<(NewOrder, WireRespType), Refusal> {
    let symbol = symbol(protocol, params)?;
    let side: WireSide = word(params, "side", code::INVALID_SIDE, "Invalid side.")?;
    let order_type: WireOrderType = word(params, "type", code::INVALID_ORDER_TYPE, "Invalid orderType.")?;
    let base: Option<Qty> = number(params, "quantity")?;
    let quote: Option<Price> = number(params, "quoteOrderQty")?;
    let price = |params: &Params| number(params, "price")?.ok_or_else(|| ApiError::mandatory("price"));
    let (ord_type, quantity) = match order_type {
        WireOrderType::Limit => {
            forbid(params, &["quoteOrderQty", "stopPrice"])?;
            let time_in_force: WireTimeInForce =
                word(params, "timeInForce", code::INVALID_TIF, "Invalid timeInForce.")?;
            let ord_type = OrdType::Limit {
                price: price(params)?,
                time_in_force: time_in_force.into(),
            };
            (ord_type, base.map(Quantity::Base))
        }
        WireOrderType::LimitMaker => {
            forbid(params, &["quoteOrderQty", "stopPrice", "timeInForce"])?;
            (
                OrdType::LimitMaker {
                    price: price(params)?,
                },
                base.map(Quantity::Base),
            )
        }
        WireOrderType::Market => {
            forbid(params, &["price", "stopPrice", "timeInForce"])?;
            let by_value = quote.map(|value| Quantity::Quote(value.to_decimal()));
            if base.is_some() && by_value.is_some() {
                return Err(ApiError::not_required("quoteOrderQty").into());
            }
            (OrdType::Market, base.map(Quantity::Base).or(by_value))
        }
        WireOrderType::StopLoss
        | WireOrderType::StopLossLimit
        | WireOrderType::TakeProfit
        | WireOrderType::TakeProfitLimit => {
            let msg = "This order type is not supported by this exchange yet.";
            return Err(ApiError::new(code::INVALID_ORDER_TYPE, msg).into());
        }
    };
    let quantity = quantity.ok_or_else(|| ApiError::mandatory("quantity"))?;
    let cl_ord_id = client_id(params, "newClientOrderId")?;
    let default = if matches!(ord_type, OrdType::LimitMaker { .. }) {
        WireRespType::Ack
    } else {
        WireRespType::Full
    };
    let resp_type = match params.get("newOrderRespType") {
        Some(text) => text
            .parse()
            .map_err(|_| ApiError::new(-1122, "Invalid newOrderRespType."))?,
        None => default,
    };
    Ok((
        NewOrder {
            symbol,
            side: side.into(),
            ord_type,
            quantity,
            cl_ord_id,
        },
        resp_type,
    ))
}

pub(super) fn place(protocol: &mut Protocol, now: Timestamp, account: AccountId, params: &Params) -> Answer {
    let (order, resp_type) = new_order(protocol, params)?;
    let exchange = &mut protocol.exchange;
    let order_id = exchange
        .place(now, account, order)
        .map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?;
    let by = OrderRef::OrderId(order_id);
    let state = exchange
        .order(account, order.symbol, by)
        .map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?;
    let fills = (resp_type == WireRespType::Full).then(|| {
        let query = TradeQuery {
            order_id: Some(order_id),
            limit: usize::MAX,
            ..TradeQuery::default()
        };
        let trades = exchange.my_trades(account, order.symbol, query).into_iter();
        trades.map(|trade| Fill {
            price: trade.price,
            qty: trade.qty,
            commission: trade.commission,
            commission_asset: trade.commission_asset.to_string(),
            trade_id: trade.trade_id.0,
        })
    });
    to_value(OrderPlaced {
        symbol: state.symbol.to_string(),
        order_id: order_id.0,
        order_list_id: -1,
        client_order_id: state.cl_ord_id.to_string(),
        transact_time: now.as_millis(),
        result: (resp_type != WireRespType::Ack).then(|| result_of(state)),
        fills: fills.map(Iterator::collect),
    })
}

fn result_of(state: &OrderState) -> OrderResult {
    let (order_type, time_in_force, price) = order_terms(state.ord_type);
    OrderResult {
        price,
        orig_qty: state.order_qty,
        executed_qty: state.cum_qty,
        orig_quote_order_qty: state.quote_order_qty,
        cummulative_quote_qty: state.cum_quote,
        status: state.ord_status.into(),
        time_in_force,
        order_type,
        side: state.side.into(),
        working_time: Some(state.created_at.as_millis()),
        self_trade_prevention_mode: "NONE".to_owned(),
        expiry_reason: expiry_reason(state).map(str::to_owned),
    }
}

pub(super) fn expiry_reason(state: &OrderState) -> Option<&'static str> {
    match (state.ord_status, state.ord_type) {
        (OrdStatus::Expired, OrdType::Market) => Some("INSUFFICIENT_LIQUIDITY"),
        (OrdStatus::Expired, _) => Some("TIMEINFORCE"),
        _ => None,
    }
}

pub(super) fn test(protocol: &mut Protocol, _: Timestamp, account: AccountId, params: &Params) -> Answer {
    let (order, _) = new_order(protocol, params)?;
    protocol
        .exchange
        .test(account, &order)
        .map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?;
    Ok(json!({}))
}

/// The order that a request names.
fn order_ref(params: &Params) -> Result<OrderRef, ApiError> {
    let order_id = match params.get("orderId") {
        Some(text) => Some(
            text.parse()
                .map_err(|_| ApiError::illegal_chars("orderId", "^[0-9]{1,20}$"))?,
        ),
        None => None,
    };
    let cl_ord_id = client_id(params, "origClientOrderId")?;
    match (order_id.map(OrderId), cl_ord_id) {
        (Some(order_id), Some(id)) => Ok(OrderRef::Both(order_id, id)),
        (Some(order_id), None) => Ok(OrderRef::OrderId(order_id)),
        (None, Some(id)) => Ok(OrderRef::ClOrdId(id)),
        (None, None) => Err(ApiError::new(
            code::MANDATORY_PARAM_EMPTY_OR_MALFORMED,
            "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
        )),
    }
}

fn status_of(state: &OrderState) -> OrderStatusReport {
    let (order_type, time_in_force, price) = order_terms(state.ord_type);
    OrderStatusReport {
        symbol: state.symbol.to_string(),
        order_id: state.order_id.0,
        order_list_id: -1,
        client_order_id: state.cl_ord_id.to_string(),
        price,
        orig_qty: state.order_qty,
        executed_qty: state.cum_qty,
        cummulative_quote_qty: state.cum_quote,
        status: state.ord_status.into(),
        time_in_force,
        order_type,
        side: state.side.into(),
        stop_price: Price::ZERO,
        iceberg_qty: Qty::ZERO,
        time: state.created_at.as_millis(),
        update_time: state.updated_at.as_millis(),
        is_working: true,
        working_time: state.created_at.as_millis(),
        orig_quote_order_qty: state.quote_order_qty,
        self_trade_prevention_mode: "NONE".to_owned(),
        expiry_reason: expiry_reason(state).map(str::to_owned),
    }
}

pub(super) fn status(protocol: &mut Protocol, _: Timestamp, account: AccountId, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let state = protocol.exchange.order(account, symbol, order_ref(params)?);
    to_value(status_of(state.map_err(|e| refused(e, NOT_FOUND_BY_QUERY))?))
}

fn canceled(state: &OrderState, cancel_id: ClOrdId, now: Timestamp) -> OrderCanceled {
    let (order_type, time_in_force, price) = order_terms(state.ord_type);
    OrderCanceled {
        symbol: state.symbol.to_string(),
        orig_client_order_id: state.cl_ord_id.to_string(),
        order_id: state.order_id.0,
        order_list_id: -1,
        client_order_id: cancel_id.to_string(),
        transact_time: now.as_millis(),
        price,
        orig_qty: state.order_qty,
        executed_qty: state.cum_qty,
        orig_quote_order_qty: Money::ZERO,
        cummulative_quote_qty: state.cum_quote,
        status: WireOrderStatus::Canceled,
        time_in_force,
        order_type,
        side: state.side.into(),
        self_trade_prevention_mode: "NONE".to_owned(),
    }
}

pub(super) fn cancel(protocol: &mut Protocol, now: Timestamp, account: AccountId, params: &Params) -> Answer {
    let symbol = symbol(protocol, params)?;
    let (by, cancel_id) = (order_ref(params)?, client_id(params, "newClientOrderId")?);
    let ended = protocol.exchange.cancel(now, account, symbol, by, cancel_id);
    let (state, cancel_id) = ended.map_err(|e| refused(e, NOT_FOUND_BY_CANCEL))?;
    to_value(canceled(&state, cancel_id, now))
}

pub(super) fn cancel_all(
    protocol: &mut Protocol,
    now: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let open: Vec<OrderId> = protocol
        .exchange
        .open_orders(account, Some(symbol))
        .map(|order| order.order_id)
        .collect();
    if open.is_empty() {
        return Err(refused(OrderError::UnknownOrder, NOT_FOUND_BY_CANCEL));
    }
    let mut ended: Vec<Value> = Vec::with_capacity(open.len());
    for order_id in open {
        let result = protocol
            .exchange
            .cancel(now, account, symbol, OrderRef::OrderId(order_id), None);
        let (state, cancel_id) = result.map_err(|e| refused(e, NOT_FOUND_BY_CANCEL))?;
        ended.push(to_value(canceled(&state, cancel_id, now))?);
    }
    Ok(Value::Array(ended))
}

pub(super) fn open_orders(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let wanted = if params.get("symbol").is_some() {
        Some(symbol(protocol, params)?)
    } else {
        None
    };
    to_value(
        protocol
            .exchange
            .open_orders(account, wanted)
            .map(status_of)
            .collect::<Vec<_>>(),
    )
}

pub(super) fn all_orders(
    protocol: &mut Protocol,
    _: Timestamp,
    account: AccountId,
    params: &Params,
) -> Answer {
    let symbol = symbol(protocol, params)?;
    let limit = limit(params, 500, 1_000)?;
    let from = params
        .get("orderId")
        .and_then(|text| text.parse().ok())
        .map(OrderId);
    let orders = protocol.exchange.all_orders(account, symbol, from, limit);
    to_value(orders.iter().map(status_of).collect::<Vec<_>>())
}
