//! What positions are worth at prices that can be had.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, Price, StrategyId, Symbol, Timestamp};
use keel_engine::Trader;
use keel_positions::SymbolBook;
use keel_report::QuotePnl;

/// The pairs that may be traded.
pub(crate) fn symbols(trader: &Trader) -> impl Iterator<Item = Symbol> {
    trader.limits().per_symbol.keys().copied()
}

/// The price at which what is held in the book could be closed now; none where the market gives no fresh one.
pub(crate) fn mark(now: Timestamp, trader: &Trader, symbol: Symbol, book: &SymbolBook) -> Option<Price> {
    let top = trader.top(now, symbol).ok()?;
    let is_short = book.average().position().is_sign_negative() && !book.average().position().is_zero();
    Some(if is_short { top.ask.price } else { top.bid.price })
}

/// Profit of what is held at the price at which it could be closed; none without a fresh one.
pub(crate) fn unrealised(
    now: Timestamp,
    trader: &Trader,
    symbol: Symbol,
    book: &SymbolBook,
) -> Option<Money> {
    if book.average().position().is_zero() && book.dust().position().is_zero() {
        return Some(Money::ZERO);
    }
    let price = mark(now, trader, symbol, book)?;
    book.unrealised(price.to_decimal()).ok()
}

/// Every strategy that has traded, with its book of the pair.
pub(crate) fn books(trader: &Trader, symbol: Symbol) -> impl Iterator<Item = (StrategyId, &SymbolBook)> {
    trader.state().ledgers().books_of(symbol)
}

/// Profit by currency: realised, and unrealised at the price at which a position could be closed.
pub(crate) fn pnl(now: Timestamp, trader: &Trader) -> Vec<QuotePnl> {
    let mut lines: BTreeMap<Asset, QuotePnl> = BTreeMap::new();
    for (strategy, symbol, book) in trader.state().ledgers().books() {
        let zero = Money::ZERO;
        let currency = book.quote();
        let line = lines.entry(currency).or_insert(QuotePnl {
            currency,
            realised: zero,
            unrealised: Some(zero),
            fees: zero,
            fees_unvalued: 0,
            turnover: zero,
        });
        line.realised += book.realised();
        let elsewhere = trader.state().other_fees(strategy, symbol);
        line.fees += book.fees_in_quote() + elsewhere.value;
        line.fees_unvalued += elsewhere.unvalued;
        line.turnover += book.turnover();
        let unrealised = unrealised(now, trader, symbol, book);
        line.unrealised = line.unrealised.zip(unrealised).map(|(sum, more)| sum + more);
    }
    lines.into_values().collect()
}

/// Profit after fees in the first currency; none where what is held has no fresh price.
pub(crate) fn net_pnl(now: Timestamp, trader: &Trader) -> Option<Money> {
    pnl(now, trader).first()?.net()
}
