//! What both test files need.
#![allow(clippy::unwrap_used, reason = "helpers outside #[test] functions")]

use keel_domain::{Asset, Money, Symbol, Trade};
use keel_positions::{Applied, Ledger, LedgerError};

pub(crate) fn asset(name: &str) -> Asset {
    name.parse().unwrap()
}

pub(crate) fn money(text: &str) -> Money {
    text.parse().unwrap()
}

pub(crate) fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

/// Books a trade of BTC against USDT.
pub(crate) fn apply(ledger: &mut Ledger, trade: &Trade) -> Result<Applied, LedgerError> {
    ledger.apply(trade, asset("BTC"), asset("USDT"))
}

/// A ledger of these trades, booked in this order.
pub(crate) fn ledger_of<'a>(trades: impl IntoIterator<Item = &'a Trade>) -> Ledger {
    let mut ledger = Ledger::new();
    for trade in trades {
        apply(&mut ledger, trade).unwrap();
    }
    ledger
}
