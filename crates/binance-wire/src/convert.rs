//! Between the venue's messages and the domain's words.

use keel_domain::{
    Asset, ClOrdId, ExecType, ExecutionReport, IdError, Instrument, InstrumentStatus, Money, OrdStatus,
    OrdType, OrderId, Price, Qty, Symbol, Timestamp, Trade, TradeId,
};

use crate::enums::{WireOrderType, WireSymbolStatus, WireTimeInForce};
use crate::filters::Filters;
use crate::order_answers::{Fill, MyTrade, OrderCanceled, OrderPlaced, OrderStatusReport};
use crate::rest::SymbolInfo;
use crate::ws_api::ExecutionReportEvent;

/// A message whose words are the venue's but whose meaning is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// A name that cannot be one.
    #[error("{what}: {source}")]
    Id {
        /// Which field.
        what: &'static str,
        /// What is wrong with it.
        source: IdError,
    },
    /// A pair without a filter that orders need.
    #[error("{symbol} has no {filter}")]
    NoFilter {
        /// The pair.
        symbol: String,
        /// The filter.
        filter: &'static str,
    },
    /// Amounts whose sum no number holds.
    #[error("the amounts are out of range")]
    OutOfRange,
    /// An answer of the kind ACK, which does not tell the state.
    #[error("the answer does not tell the order's state")]
    NoState,
    /// A fill by an allocation, which is no trade; only orders that use smart order routing have any.
    #[error("a fill of the answer is an allocation, not a trade")]
    NoTrade,
}

fn id<T>(what: &'static str, parsed: Result<T, IdError>) -> Result<T, ConvertError> {
    parsed.map_err(|source| ConvertError::Id { what, source })
}

fn fill_id(fill: &Fill) -> Result<u64, ConvertError> {
    u64::try_from(fill.trade_id).map_err(|_| ConvertError::NoTrade)
}

/// The domain's report of a user event.
///
/// # Errors
/// A name that cannot be one.
pub fn execution_report(event: &ExecutionReportEvent<'_>) -> Result<ExecutionReport, ConvertError> {
    let own = if event.orig_client_order_id.is_empty() {
        &event.client_order_id
    } else {
        &event.orig_client_order_id
    };
    let symbol = id("s", Symbol::new(&event.symbol))?;
    let exec_type = ExecType::from(event.exec_type);
    let transact_time = Timestamp::from_millis(event.transact_time);
    let trade = match u64::try_from(event.trade_id) {
        Ok(trade_id) if exec_type == ExecType::Trade => Some(Trade {
            symbol,
            trade_id: TradeId(trade_id),
            order_id: OrderId(event.order_id),
            side: event.side.into(),
            last_px: event.last_px,
            last_qty: event.last_qty,
            commission: event.commission,
            commission_asset: event
                .commission_asset
                .as_deref()
                .map(Asset::new)
                .transpose()
                .or_else(|e| id("N", Err(e)))?,
            is_maker: event.is_maker,
            transact_time,
        }),
        _ => None,
    };
    Ok(ExecutionReport {
        symbol,
        cl_ord_id: id("c", ClOrdId::new(own))?,
        order_id: OrderId(event.order_id),
        side: event.side.into(),
        exec_type,
        ord_status: event.status.into(),
        order_qty: event.order_qty,
        price: event.price,
        cum_qty: event.cum_qty,
        cum_quote: event.cum_quote,
        trade,
        transact_time,
    })
}

/// The domain's report of a queried order.
///
/// # Errors
/// A name that cannot be one.
pub fn order_status(order: &OrderStatusReport) -> Result<ExecutionReport, ConvertError> {
    Ok(ExecutionReport {
        symbol: id("symbol", Symbol::new(&order.symbol))?,
        cl_ord_id: id("clientOrderId", ClOrdId::new(&order.client_order_id))?,
        order_id: OrderId(order.order_id),
        side: order.side.into(),
        exec_type: ExecType::OrderStatus,
        ord_status: order.status.into(),
        order_qty: order.orig_qty,
        price: order.price,
        cum_qty: order.executed_qty,
        cum_quote: order.cummulative_quote_qty,
        trade: None,
        transact_time: Timestamp::from_millis(order.update_time),
    })
}

/// The domain's reports of the answer to a new order: one a fill with growing totals, or one without a trade.
///
/// # Errors
/// A name that cannot be one, or an answer that does not tell the state.
pub fn order_placed(placed: &OrderPlaced) -> Result<Vec<ExecutionReport>, ConvertError> {
    let result = placed.result.as_ref().ok_or(ConvertError::NoState)?;
    let last = ExecutionReport {
        symbol: id("symbol", Symbol::new(&placed.symbol))?,
        cl_ord_id: id("clientOrderId", ClOrdId::new(&placed.client_order_id))?,
        order_id: OrderId(placed.order_id),
        side: result.side.into(),
        exec_type: ExecType::OrderStatus,
        ord_status: result.status.into(),
        order_qty: result.orig_qty,
        price: result.price,
        cum_qty: result.executed_qty,
        cum_quote: result.cummulative_quote_qty,
        trade: None,
        transact_time: Timestamp::from_millis(placed.transact_time),
    };
    let mut reports = Vec::new();
    let (mut cum_qty, mut cum_quote) = (Qty::ZERO, Money::ZERO);
    for fill in placed.fills.iter().flatten() {
        cum_qty = cum_qty.saturating_add(fill.qty);
        cum_quote = cum_quote
            .checked_add(keel_domain::notional(fill.qty, fill.price))
            .ok_or(ConvertError::OutOfRange)?;
        let is_whole = cum_qty == last.order_qty;
        let trade = Trade {
            symbol: last.symbol,
            trade_id: TradeId(fill_id(fill)?),
            order_id: last.order_id,
            side: last.side,
            last_px: fill.price,
            last_qty: fill.qty,
            commission: fill.commission,
            commission_asset: Some(id("commissionAsset", Asset::new(&fill.commission_asset))?),
            // The answer to a new order tells of trades in which it took.
            is_maker: false,
            transact_time: last.transact_time,
        };
        reports.push(ExecutionReport {
            exec_type: ExecType::Trade,
            ord_status: if is_whole {
                OrdStatus::Filled
            } else {
                OrdStatus::PartiallyFilled
            },
            cum_qty,
            cum_quote,
            trade: Some(trade),
            ..last
        });
    }
    let told = reports
        .last()
        .is_some_and(|report| report.ord_status == last.ord_status);
    if !told {
        reports.push(last);
    }
    Ok(reports)
}

/// The domain's report of the answer to a cancel.
///
/// # Errors
/// A name that cannot be one.
pub fn order_canceled(canceled: &OrderCanceled) -> Result<ExecutionReport, ConvertError> {
    Ok(ExecutionReport {
        symbol: id("symbol", Symbol::new(&canceled.symbol))?,
        cl_ord_id: id("origClientOrderId", ClOrdId::new(&canceled.orig_client_order_id))?,
        order_id: OrderId(canceled.order_id),
        side: canceled.side.into(),
        exec_type: ExecType::Canceled,
        ord_status: canceled.status.into(),
        order_qty: canceled.orig_qty,
        price: canceled.price,
        cum_qty: canceled.executed_qty,
        cum_quote: canceled.cummulative_quote_qty,
        trade: None,
        transact_time: Timestamp::from_millis(canceled.transact_time),
    })
}

/// The domain's trade.
///
/// # Errors
/// A name that cannot be one.
pub fn my_trade(trade: &MyTrade) -> Result<Trade, ConvertError> {
    Ok(Trade {
        symbol: id("symbol", Symbol::new(&trade.symbol))?,
        trade_id: TradeId(trade.id),
        order_id: OrderId(trade.order_id),
        side: if trade.is_buyer {
            keel_domain::Side::Buy
        } else {
            keel_domain::Side::Sell
        },
        last_px: trade.price,
        last_qty: trade.qty,
        commission: trade.commission,
        commission_asset: Some(id("commissionAsset", Asset::new(&trade.commission_asset))?),
        is_maker: trade.is_maker,
        transact_time: Timestamp::from_millis(trade.time),
    })
}

/// The domain's pair. A pair without a value filter takes any value.
///
/// # Errors
/// A name that cannot be one, or no PRICE_FILTER or LOT_SIZE.
pub fn instrument(info: &SymbolInfo) -> Result<Instrument, ConvertError> {
    let filters = Filters::gather(&info.filters);
    let missing = |filter| ConvertError::NoFilter {
        symbol: info.symbol.clone(),
        filter,
    };
    Ok(Instrument {
        symbol: id("symbol", Symbol::new(&info.symbol))?,
        base: id("baseAsset", Asset::new(&info.base_asset))?,
        quote: id("quoteAsset", Asset::new(&info.quote_asset))?,
        status: match info.status {
            WireSymbolStatus::Trading => InstrumentStatus::Trading,
            WireSymbolStatus::Halt | WireSymbolStatus::EndOfDay => InstrumentStatus::Halt,
            WireSymbolStatus::Break => InstrumentStatus::Break,
            WireSymbolStatus::CancelOnly => InstrumentStatus::CancelOnly,
        },
        price_filter: filters.price.ok_or_else(|| missing("PRICE_FILTER"))?,
        lot_size: filters.lot_size.ok_or_else(|| missing("LOT_SIZE"))?,
        market_lot_size: filters.market_lot_size,
        notional: filters.notional,
        limits: Box::new(filters.limits),
    })
}

/// The venue's description of a pair that takes orders of every type.
#[must_use]
pub fn symbol_info(instrument: &Instrument) -> SymbolInfo {
    SymbolInfo {
        symbol: instrument.symbol.to_string(),
        status: match instrument.status {
            InstrumentStatus::Trading => WireSymbolStatus::Trading,
            InstrumentStatus::Halt => WireSymbolStatus::Halt,
            InstrumentStatus::Break => WireSymbolStatus::Break,
            InstrumentStatus::CancelOnly => WireSymbolStatus::CancelOnly,
        },
        base_asset: instrument.base.to_string(),
        base_asset_precision: 8,
        quote_asset: instrument.quote.to_string(),
        quote_precision: 8,
        quote_asset_precision: 8,
        base_commission_precision: 8,
        quote_commission_precision: 8,
        order_types: vec![
            WireOrderType::Limit,
            WireOrderType::LimitMaker,
            WireOrderType::Market,
            WireOrderType::StopLoss,
            WireOrderType::StopLossLimit,
            WireOrderType::TakeProfit,
            WireOrderType::TakeProfitLimit,
        ],
        iceberg_allowed: true,
        oco_allowed: true,
        oto_allowed: true,
        opo_allowed: true,
        quote_order_qty_market_allowed: true,
        allow_trailing_stop: true,
        cancel_replace_allowed: true,
        amend_allowed: true,
        peg_instructions_allowed: true,
        is_spot_trading_allowed: true,
        is_margin_trading_allowed: false,
        filters: crate::filters::list(instrument),
        permissions: Vec::new(),
        permission_sets: vec![vec!["SPOT".to_owned()]],
        default_self_trade_prevention_mode: "NONE".to_owned(),
        allowed_self_trade_prevention_modes: [
            "NONE",
            "EXPIRE_TAKER",
            "EXPIRE_MAKER",
            "EXPIRE_BOTH",
            "DECREMENT",
            "TRANSFER",
        ]
        .map(str::to_owned)
        .to_vec(),
    }
}

/// The venue's type, time in force and price of an order's terms. The venue tells GTC for types that have none.
#[must_use]
pub fn order_terms(ord_type: OrdType) -> (WireOrderType, WireTimeInForce, Price) {
    let order_type = match ord_type {
        OrdType::Market => WireOrderType::Market,
        OrdType::Limit { .. } => WireOrderType::Limit,
        OrdType::LimitMaker { .. } => WireOrderType::LimitMaker,
        OrdType::StopLoss { .. } => WireOrderType::StopLoss,
        OrdType::StopLossLimit { .. } => WireOrderType::StopLossLimit,
        OrdType::TakeProfit { .. } => WireOrderType::TakeProfit,
        OrdType::TakeProfitLimit { .. } => WireOrderType::TakeProfitLimit,
    };
    let time_in_force = ord_type.time_in_force().map_or(WireTimeInForce::Gtc, Into::into);
    (order_type, time_in_force, ord_type.price().unwrap_or(Price::ZERO))
}
