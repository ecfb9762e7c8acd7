//! A pair, its limits and a market of 99 to 101.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "helpers, not all of them used by each test"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{
    Instrument, LotSize, Money, NotionalRange, OrdType, OrderIntent, Price, PriceFilter, Purpose, Qty, Side,
    SignedQty, Symbol, TimeInForce, Timestamp,
};
use keel_risk::{Reference, RiskLimits, RiskView, SymbolLimits};

pub(crate) const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub(crate) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub(crate) fn qty(text: &str) -> Qty {
    text.parse().unwrap()
}

pub(crate) fn position(text: &str) -> SignedQty {
    text.parse().unwrap()
}

pub(crate) fn symbol() -> Symbol {
    "BTCUSDT".parse().unwrap()
}

pub(crate) fn instrument() -> Instrument {
    let lot_size = LotSize {
        min: qty("0.001"),
        max: qty("1000"),
        step: qty("0.001"),
    };
    let (base, quote) = ("BTC".parse().unwrap(), "USDT".parse().unwrap());
    Instrument {
        price_filter: PriceFilter {
            tick_size: price("0.01"),
            ..PriceFilter::OFF
        },
        lot_size,
        market_lot_size: lot_size,
        notional: NotionalRange {
            min: Money::from(5),
            apply_min_to_market: true,
            avg_price_mins: 5,
            ..NotionalRange::OFF
        },
        ..Instrument::unfiltered(symbol(), base, quote)
    }
}

pub(crate) fn limits() -> RiskLimits {
    let of_symbol = SymbolLimits {
        order_qty_max: qty("2"),
        order_notional_max: Money::from(250),
        position_max: qty("3"),
    };
    RiskLimits {
        stage: keel_domain::Stage::Normal,
        per_symbol: BTreeMap::from([(symbol(), of_symbol)]),
        gross_exposure_max: Money::from(1_000),
        orders_per_10s_max: 9,
        collar_through_bps: 200,
        collar_away_bps: 1_000,
        book_age_max: Duration::from_secs(2),
        rejections_per_60s_max: 3,
        entry_fills_per_60s_max: 10,
    }
}

/// Flat, rich, at a market of 99 to 101.
pub(crate) fn view(instrument: &Instrument) -> RiskView<'_> {
    RiskView {
        instrument,
        reference: Ok(Reference {
            bid: price("99"),
            ask: price("101"),
            age: Duration::ZERO,
        }),
        position: SignedQty::ZERO,
        buy_leaves: Qty::ZERO,
        sell_leaves: Qty::ZERO,
        held_by_others: Qty::ZERO,
        lowest_sell: None,
        gross_exposure: Some(Money::ZERO),
        quote_free: Some(Money::from(1_000_000)),
        unknown_orders: 0,
    }
}

pub(crate) fn limit(side: Side, at: &str, order_qty: &str) -> OrderIntent {
    let ord_type = OrdType::Limit {
        price: price(at),
        time_in_force: TimeInForce::Gtc,
    };
    OrderIntent {
        symbol: symbol(),
        side,
        ord_type,
        order_qty: qty(order_qty),
        purpose: Purpose::Entry,
    }
}
