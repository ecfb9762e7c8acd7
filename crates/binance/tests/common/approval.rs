//! An order that a real gate has approved.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{
    Instrument, InstrumentStatus, LotSize, Money, NotionalRange, OrdType, OrderIntent, Price, PriceFilter,
    Purpose, Qty, Side, SignedQty, TimeInForce,
};
use keel_risk::{ApprovedOrder, Reference, RiskGate, RiskLimits, RiskView, SymbolLimits};

use super::{T0, btc, id, secs};

fn limits(one: Qty) -> RiskLimits {
    RiskLimits {
        per_symbol: BTreeMap::from([(
            btc(),
            SymbolLimits {
                order_qty_max: one,
                order_notional_max: 1_000.into(),
                position_max: one,
            },
        )]),
        gross_exposure_max: 1_000_000.into(),
        orders_per_10s_max: 10,
        collar_through_bps: 200,
        collar_away_bps: 1_000,
        book_age_max: secs(2),
        rejections_per_60s_max: 3,
        entry_fills_per_60s_max: 10,
    }
}

/// An approval by a real gate: a sale of 1 BTC at 100.
pub(crate) fn approved(cl_ord_id: &str, purpose: Purpose) -> ApprovedOrder {
    let one: Qty = "1".parse().unwrap();
    let zero_lot = LotSize {
        min: Qty::ZERO,
        max: Qty::ZERO,
        step: Qty::ZERO,
    };
    let instrument = Instrument {
        symbol: btc(),
        base: "BTC".parse().unwrap(),
        quote: "USDT".parse().unwrap(),
        status: InstrumentStatus::Trading,
        price_filter: PriceFilter {
            min: Price::ZERO,
            max: Price::ZERO,
            tick_size: Price::ZERO,
        },
        lot_size: zero_lot,
        market_lot_size: zero_lot,
        notional: NotionalRange {
            min: Money::ZERO,
            max: None,
            apply_min_to_market: false,
            apply_max_to_market: false,
            avg_price_mins: 5,
        },
        limits: Box::default(),
    };
    let mut gate = RiskGate::new(limits(one)).unwrap();
    let intent = OrderIntent {
        symbol: btc(),
        side: Side::Sell,
        ord_type: OrdType::Limit {
            price: "100".parse().unwrap(),
            time_in_force: TimeInForce::Gtc,
        },
        order_qty: one,
        purpose,
    };
    let view = RiskView {
        instrument: &instrument,
        reference: Ok(Reference {
            bid: "100".parse().unwrap(),
            ask: "101".parse().unwrap(),
            age: Duration::ZERO,
        }),
        position: SignedQty::from(one),
        buy_leaves: Qty::ZERO,
        sell_leaves: Qty::ZERO,
        lowest_sell: None,
        gross_exposure: Some(0.into()),
        quote_free: Some(1_000.into()),
        unknown_orders: 0,
    };
    gate.approve(T0, intent, id(cl_ord_id), &view)
        .expect("within every limit")
}
