//! Orders as answers tell them.

use keel_binance_wire::convert::order_terms;
use keel_binance_wire::enums::WireRespType;
use keel_binance_wire::error::{ApiError, code, text};
use keel_binance_wire::order_answers::{Fill, OrderCanceled, OrderPlaced, OrderResult, OrderStatusReport};
use keel_binance_wire::orders::ConditionalFields;
use keel_domain::{ClOrdId, FilterFailure, Price, Timestamp, Trigger};
use serde::Serialize;

use super::endpoint::Answer;
use super::market::to_value;
use crate::core::{
    AccountTrade, AllocationQuery, Exchange, ExpiryReason, OrderError, OrderState, Peg, PegPriceType,
    StpMode, TradeQuery, WorkingFloor,
};

/// The venue's words for an order that is not there, on a query.
pub(super) const NOT_FOUND_BY_QUERY: (i32, &str) = (code::NO_SUCH_ORDER, text::NO_SUCH_ORDER);
/// The same on a cancel.
pub(super) const NOT_FOUND_BY_CANCEL: (i32, &str) = (code::CANCEL_REJECTED, text::UNKNOWN_ORDER);
/// The same on an amend.
pub(super) const NOT_FOUND_BY_AMEND: (i32, &str) = (AMEND_REJECTED, text::UNKNOWN_ORDER);
const AMEND_REJECTED: i32 = -2038;

/// The venue's words for a refusal; those for an order that is not there differ by what was asked.
pub(super) fn refused(error: OrderError, unknown: (i32, &str)) -> ApiError {
    let rejected = |text: &str| ApiError::new(code::NEW_ORDER_REJECTED, text);
    let amend = |text: &str| ApiError::new(AMEND_REJECTED, text);
    match error {
        OrderError::UnknownSymbol => ApiError::new(code::BAD_SYMBOL, text::BAD_SYMBOL),
        OrderError::MarketClosed => ApiError::new(code::INVALID_MESSAGE, text::MARKET_CLOSED),
        OrderError::Filter(filter) => {
            let code = if filter == FilterFailure::MaxNumOrderAmends {
                AMEND_REJECTED
            } else {
                code::INVALID_MESSAGE
            };
            ApiError::new(code, format!("Filter failure: {filter}"))
        }
        OrderError::InsufficientBalance => rejected(text::INSUFFICIENT_BALANCE),
        OrderError::WouldMatch => rejected(text::WOULD_MATCH),
        OrderError::WouldTrigger => rejected("Order would trigger immediately."),
        OrderError::IcebergTooLarge => rejected("IcebergQty exceeds QTY."),
        OrderError::NoSor => ApiError::new(code::INVALID_MESSAGE, "This symbol is not enabled for SOR."),
        OrderError::Combination => rejected("Unsupported order combination"),
        OrderError::NoLiquidity => rejected("Order book liquidity is less than symbol minimum quantity."),
        OrderError::LittleLiquidity => {
            rejected("Order book liquidity is less than LOT_SIZE filter minimum quantity.")
        }
        OrderError::PriceRelationship => {
            rejected("The relationship of the prices for the orders is not correct.")
        }
        OrderError::PegOrderType => rejected("This order type may not use pegged price."),
        OrderError::PegPriceType => rejected("This price peg cannot be used with this order type."),
        OrderError::PegLiquidity => rejected("Order book liquidity is too low for this pegged order."),
        OrderError::Duplicate => rejected(text::DUPLICATE_ORDER),
        OrderError::UnknownOrder => ApiError::new(unknown.0, unknown.1),
        OrderError::CancelRestricted => ApiError::new(
            code::CANCEL_REJECTED,
            "Order was not canceled due to cancel restrictions.",
        ),
        OrderError::AmendIncrease => amend("Order amend (quantity increase) is not supported."),
        OrderError::AmendNoChange => amend("The requested action would change no state; rejecting"),
        OrderError::AmendPendingProceeds => amend("Order amend (pending OPO order) is not supported."),
        OrderError::IdMismatch => ApiError::new(
            code::CLIENT_ORDER_ID_MISMATCH,
            "Client order ID is not correct for this order ID",
        ),
    }
}

/// The venue's word for a mode.
pub(super) const fn stp_word(mode: StpMode) -> &'static str {
    match mode {
        StpMode::None => "NONE",
        StpMode::ExpireTaker => "EXPIRE_TAKER",
        StpMode::ExpireMaker => "EXPIRE_MAKER",
        StpMode::ExpireBoth => "EXPIRE_BOTH",
        StpMode::Decrement => "DECREMENT",
        StpMode::Transfer => "TRANSFER",
    }
}

/// How an order was filled that did not trade itself (enums.md).
pub(super) const MATCH_TYPE: &str = "ONE_PARTY_TRADE_REPORT";

/// The trade's id as its owner is told it: -1 where an allocation filled the order.
pub(super) fn told_trade_id(trade: &AccountTrade) -> i64 {
    let own = trade.allocation_id.is_none().then_some(trade.trade_id.0);
    own.and_then(|id| i64::try_from(id).ok()).unwrap_or(-1)
}

/// The venue's word for a floor.
pub(super) const fn floor_word(floor: WorkingFloor) -> &'static str {
    match floor {
        WorkingFloor::Exchange => "EXCHANGE",
        WorkingFloor::Sor => "SOR",
    }
}

/// The venue's word for a reason.
pub(super) const fn expiry_word(reason: ExpiryReason) -> &'static str {
    match reason {
        ExpiryReason::Rejected => "REJECTED",
        ExpiryReason::ExchangeCanceled => "EXCHANGE_CANCELED",
        ExpiryReason::OcoTrigger => "OCO_TRIGGER",
        ExpiryReason::OtoPhaseOneExpired => "OTO_PHASE_ONE_EXPIRED",
        ExpiryReason::UnfilledIoc => "UNFILLED_IOC_QUANTITY_EXPIRED",
        ExpiryReason::UnfilledFok => "UNFILLED_FOK_ORDER_EXPIRED",
        ExpiryReason::InsufficientLiquidity => "INSUFFICIENT_LIQUIDITY",
        ExpiryReason::PriceRangeExceeded => "EXECUTION_RULE_PRICE_RANGE_EXCEEDED",
    }
}

/// The venue's words for a peg: which side, and that an offset counts levels.
pub(super) fn peg_words(peg: Peg) -> (String, Option<String>) {
    let price_type = match peg.price_type {
        PegPriceType::Primary => "PRIMARY_PEG",
        PegPriceType::Market => "MARKET_PEG",
    };
    (
        price_type.to_owned(),
        peg.offset.map(|_| "PRICE_LEVEL".to_owned()),
    )
}

/// The stop price as the venue tells it where there must be one: zero without.
pub(super) fn stop_px(state: &OrderState) -> Price {
    let trigger = state.ord_type.trigger();
    trigger.and_then(Trigger::stop_px).unwrap_or_default()
}

/// When a trailing order began to follow the price: -1 while it does not; none for other orders.
pub(super) fn trailing_time(state: &OrderState) -> Option<i64> {
    let trigger = state.ord_type.trigger();
    trigger
        .and_then(Trigger::delta_bips)
        .map(|_| state.trailing_at.map_or(-1, Timestamp::as_millis))
}

fn conditional(state: &OrderState) -> ConditionalFields {
    let trigger = state.ord_type.trigger();
    let is_prevented = !state.prevented_qty.is_zero();
    let (peg_price_type, peg_offset_type) = state.options.peg.map(peg_words).unzip();
    ConditionalFields {
        stop_price: trigger.map(|_| stop_px(state)),
        iceberg_qty: Some(state.iceberg_qty).filter(|qty| !qty.is_zero()),
        trailing_delta: trigger.and_then(Trigger::delta_bips),
        trailing_time: trailing_time(state),
        strategy_id: state.options.strategy_id,
        strategy_type: state.options.strategy_type,
        prevented_match_id: state.prevented_match_id.filter(|_| is_prevented),
        prevented_quantity: Some(state.prevented_qty).filter(|_| is_prevented),
        peg_price_type,
        peg_offset_type: peg_offset_type.flatten(),
        peg_offset_value: state.options.peg.and_then(|peg| peg.offset),
        pegged_price: state.pegged_price,
        used_sor: state.working_floor.map(|_| true),
        working_floor: state.working_floor.map(|floor| floor_word(floor).to_owned()),
    }
}

/// An answer with the fields that only some orders have.
#[derive(Serialize)]
struct With<T: Serialize> {
    #[serde(flatten)]
    answer: T,
    #[serde(flatten)]
    conditional: ConditionalFields,
}

fn working_time(state: &OrderState) -> i64 {
    state.working_at.map_or(-1, Timestamp::as_millis)
}

fn result_of(state: &OrderState) -> OrderResult {
    let (order_type, time_in_force, _) = order_terms(state.ord_type);
    OrderResult {
        price: state.named_price(),
        orig_qty: state.order_qty,
        executed_qty: state.cum_qty,
        orig_quote_order_qty: state.quote_order_qty,
        cummulative_quote_qty: state.cum_quote,
        status: state.ord_status.into(),
        time_in_force,
        order_type,
        side: state.side.into(),
        working_time: Some(working_time(state)),
        self_trade_prevention_mode: stp_word(state.options.stp_mode).to_owned(),
        expiry_reason: state.expiry_reason.map(|reason| expiry_word(reason).to_owned()),
    }
}

/// The answer to a new order.
pub(super) fn placed(
    exchange: &Exchange,
    state: &OrderState,
    now: Timestamp,
    resp_type: WireRespType,
) -> Answer {
    let fills = (resp_type == WireRespType::Full).then(|| {
        let query = TradeQuery {
            order_id: Some(state.order_id),
            limit: usize::MAX,
            ..TradeQuery::default()
        };
        let trades = exchange.my_trades(state.account, state.symbol, query).into_iter();
        let allocations = AllocationQuery {
            order_id: Some(state.order_id),
            limit: usize::MAX,
            ..AllocationQuery::default()
        };
        let allocations = exchange.allocations(state.account, state.symbol, allocations);
        allocations.into_iter().chain(trades).map(|trade| Fill {
            price: trade.price,
            qty: trade.qty,
            commission: trade.commission,
            commission_asset: trade.commission_asset.to_string(),
            trade_id: told_trade_id(&trade),
            match_type: trade.allocation_id.map(|_| MATCH_TYPE.to_owned()),
            alloc_id: trade.allocation_id,
        })
    });
    let is_ack = resp_type == WireRespType::Ack;
    to_value(With {
        answer: OrderPlaced {
            symbol: state.symbol.to_string(),
            order_id: state.order_id.0,
            order_list_id: state.list_id(),
            client_order_id: state.cl_ord_id.to_string(),
            transact_time: now.as_millis(),
            result: (!is_ack).then(|| result_of(state)),
            fills: fills.map(Iterator::collect),
        },
        conditional: if is_ack {
            ConditionalFields::default()
        } else {
            conditional(state)
        },
    })
}

/// The answer to a query.
pub(super) fn status_of(state: &OrderState) -> Answer {
    let (order_type, time_in_force, _) = order_terms(state.ord_type);
    to_value(With {
        answer: OrderStatusReport {
            symbol: state.symbol.to_string(),
            order_id: state.order_id.0,
            order_list_id: state.list_id(),
            client_order_id: state.cl_ord_id.to_string(),
            price: state.named_price(),
            orig_qty: state.order_qty,
            executed_qty: state.cum_qty,
            cummulative_quote_qty: state.cum_quote,
            status: state.ord_status.into(),
            time_in_force,
            order_type,
            side: state.side.into(),
            stop_price: stop_px(state),
            iceberg_qty: state.iceberg_qty,
            time: state.created_at.as_millis(),
            update_time: state.updated_at.as_millis(),
            is_working: state.working_at.is_some(),
            working_time: working_time(state),
            orig_quote_order_qty: state.quote_order_qty,
            self_trade_prevention_mode: stp_word(state.options.stp_mode).to_owned(),
            expiry_reason: state.expiry_reason.map(|reason| expiry_word(reason).to_owned()),
        },
        conditional: ConditionalFields {
            stop_price: None,
            iceberg_qty: None,
            ..conditional(state)
        },
    })
}

/// The answer to a cancel.
pub(super) fn canceled(state: &OrderState, cancel_id: ClOrdId, now: Timestamp) -> Answer {
    let (order_type, time_in_force, _) = order_terms(state.ord_type);
    to_value(With {
        answer: OrderCanceled {
            symbol: state.symbol.to_string(),
            orig_client_order_id: state.cl_ord_id.to_string(),
            order_id: state.order_id.0,
            order_list_id: state.list_id(),
            client_order_id: cancel_id.to_string(),
            transact_time: now.as_millis(),
            price: state.named_price(),
            orig_qty: state.order_qty,
            executed_qty: state.cum_qty,
            orig_quote_order_qty: state.quote_order_qty,
            cummulative_quote_qty: state.cum_quote,
            status: state.ord_status.into(),
            time_in_force,
            order_type,
            side: state.side.into(),
            self_trade_prevention_mode: stp_word(state.options.stp_mode).to_owned(),
        },
        conditional: conditional(state),
    })
}
