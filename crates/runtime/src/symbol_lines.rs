//! One pair as monitoring shows it.

use std::time::Duration;

use keel_domain::{Symbol, Timestamp};
use keel_engine::Trader;
use keel_execution::OrderState;
use keel_market_data::Stream;
use keel_monitoring::{DataAge, OrderLine, SymbolSnapshot};

use crate::restrictions::pair_cause;
use crate::valuation::mark;

/// One pair as the dashboard shows it.
pub(crate) fn symbol_snapshot(now: Timestamp, trader: &Trader, symbol: Symbol) -> SymbolSnapshot {
    let top = trader.top(now, symbol).ok();
    let book = trader.state().ledger().book(symbol);
    let order = |order: &keel_execution::Order| OrderLine {
        cl_ord_id: order.cl_ord_id().to_string(),
        side: order.side().to_string(),
        price: order.intent().ord_type.price(),
        order_qty: order.intent().order_qty,
        cum_qty: order.cum_qty(),
        state: match order.state() {
            OrderState::Submitted => "submitted".to_owned(),
            OrderState::Unknown(cause) => format!("unknown: {cause}"),
            OrderState::Live => "live".to_owned(),
            OrderState::Done(ending) => format!("{ending:?}"),
        },
    };
    let condition = trader.market_condition(now, symbol);
    let closable = mark(now, trader, symbol);
    SymbolSnapshot {
        symbol: symbol.to_string(),
        state: trader.trading_state_of(symbol).to_string(),
        cause: pair_cause(trader, symbol),
        bid: top.map(|top| top.bid.price),
        ask: top.map(|top| top.ask.price),
        book_age_ms: trader.book_age(now, symbol).map(millis),
        condition: condition.to_string(),
        is_usable: condition.is_usable(),
        data_ages: trader.data_ages(now, symbol).map(data_age).collect(),
        position: trader.position(symbol),
        avg_px: trader.avg_px(symbol),
        realised: book.map(|book| book.realised()).unwrap_or_default(),
        unrealised: book
            .zip(closable)
            .and_then(|(book, price)| book.unrealised(price.to_decimal()).ok()),
        dust: trader.dust(symbol),
        fees: book.map(|book| book.fees_in_quote()).unwrap_or_default(),
        unprotected_ms: trader
            .unprotected_since(symbol)
            .map(|since| u64::try_from(now.since(since).as_millis()).unwrap_or(u64::MAX)),
        orders: trader
            .leftovers()
            .chain(trader.resting_stops())
            .filter(|o| o.symbol() == symbol)
            .map(order)
            .collect(),
    }
}

fn data_age((stream, age): (Stream, Duration)) -> DataAge {
    DataAge {
        stream: stream.name().to_owned(),
        age_ms: millis(age),
    }
}

fn millis(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}
