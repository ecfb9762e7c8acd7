//! What the test files share.

use keel_domain::{
    Asset, Instrument, LotSize, Money, NotionalRange, OrderId, Side, Symbol, Timestamp, Trade, TradeId,
};
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

/// A trade of `last_qty` at `last_px`, an order of its own, without commission.
pub(crate) fn trade(trade_id: u64, side: Side, last_qty: &str, last_px: &str) -> Trade {
    Trade {
        symbol: symbol(),
        trade_id: TradeId(trade_id),
        order_id: OrderId(trade_id),
        side,
        last_px: last_px.parse().unwrap(),
        last_qty: last_qty.parse().unwrap(),
        commission: Money::ZERO,
        commission_asset: None,
        is_maker: false,
        transact_time: Timestamp::from_millis(1_700_000_000_000),
    }
}

/// The same trade with a commission.
pub(crate) fn taking(trade: Trade, commission: &str, commission_asset: &str) -> Trade {
    Trade {
        commission: money(commission),
        commission_asset: Some(asset(commission_asset)),
        ..trade
    }
}

pub(crate) fn realised(ledger: &Ledger) -> Money {
    ledger.book(symbol()).map_or(Money::ZERO, |book| book.realised())
}

/// BTC against USDT: step 0.001, smallest quantity 0.002, largest 10, smallest value 5.
pub(crate) fn instrument() -> Instrument {
    let lot_size = LotSize {
        min: "0.002".parse().unwrap(),
        max: "10".parse().unwrap(),
        step: "0.001".parse().unwrap(),
    };
    Instrument {
        lot_size,
        market_lot_size: lot_size,
        notional: NotionalRange {
            min: money("5"),
            apply_min_to_market: true,
            ..NotionalRange::OFF
        },
        ..Instrument::unfiltered(symbol(), asset("BTC"), asset("USDT"))
    }
}
