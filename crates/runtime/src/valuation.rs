//! What positions are worth at prices that can be had.

use std::collections::BTreeMap;

use keel_domain::{Asset, Money, Price, Symbol, Timestamp};
use keel_engine::Trader;
use keel_report::QuotePnl;

/// The pairs that may be traded.
pub(crate) fn symbols(trader: &Trader) -> impl Iterator<Item = Symbol> {
    trader.limits().per_symbol.keys().copied()
}

/// The price at which a position could be closed now; the last one known where the book gives none.
pub(crate) fn mark(now: Timestamp, trader: &Trader, symbol: Symbol) -> Option<Price> {
    let is_short = trader.position(symbol) < keel_domain::SignedQty::ZERO;
    match trader.top(now, symbol) {
        Ok(top) if is_short => Some(top.ask.price),
        Ok(top) => Some(top.bid.price),
        Err(_) => trader.last_trade(symbol),
    }
}

/// Profit by currency: realised, and unrealised at the price at which a position could be closed.
pub(crate) fn pnl(now: Timestamp, trader: &Trader) -> Vec<QuotePnl> {
    let mut lines: BTreeMap<Asset, QuotePnl> = BTreeMap::new();
    for (symbol, book) in trader.state().ledger().books() {
        let zero = Money::ZERO;
        let currency = book.quote();
        let line = lines.entry(currency).or_insert(QuotePnl {
            currency,
            realised: zero,
            unrealised: zero,
            fees: zero,
            turnover: zero,
        });
        line.realised += book.realised();
        line.fees += book.fees_in_quote();
        line.turnover += book.turnover();
        let mark = mark(now, trader, symbol);
        line.unrealised += mark
            .and_then(|price| book.unrealised(price.to_decimal()).ok())
            .unwrap_or_default();
    }
    lines.into_values().collect()
}

/// Profit after fees in the first currency.
pub(crate) fn net_pnl(now: Timestamp, trader: &Trader) -> Option<Money> {
    pnl(now, trader)
        .first()
        .map(|line| line.realised + line.unrealised - line.fees)
}
