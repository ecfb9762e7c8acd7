//! One pair as monitoring shows it.

use std::time::Duration;

use keel_domain::{SignedQty, StrategyId, Symbol, Timestamp};
use keel_engine::Trader;
use keel_execution::OrderState;
use keel_market_data::Stream;
use keel_monitoring::{DataAge, HoldingLine, OrderLine, SymbolSnapshot};
use keel_positions::SymbolBook;

use crate::restrictions::pair_cause;
use crate::valuation::{books, unrealised};

/// One pair as the dashboard shows it.
pub(crate) fn symbol_snapshot(now: Timestamp, trader: &Trader, symbol: Symbol) -> SymbolSnapshot {
    let top = trader.top(now, symbol).ok();
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
        dust: trader.dust(symbol),
        holdings: books(trader, symbol)
            .map(|(strategy, book)| holding_line(now, trader, (strategy, symbol), book))
            .collect(),
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

fn holding_line(
    now: Timestamp,
    trader: &Trader,
    (strategy, symbol): (StrategyId, Symbol),
    book: &SymbolBook,
) -> HoldingLine {
    let ledger = trader.state().ledgers().of(strategy);
    HoldingLine {
        strategy: strategy.to_string(),
        runs: trader
            .strategies()
            .any(|running| running.id() == strategy && running.symbols().contains(&symbol)),
        position: ledger.map_or(SignedQty::ZERO, |ledger| ledger.position(symbol)),
        dust: book.dust().position(),
        avg_px: book.average().avg_px(),
        realised: book.realised(),
        unrealised: unrealised(now, trader, symbol, book),
        fees: book.fees_in_quote(),
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
