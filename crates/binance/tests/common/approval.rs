//! An order that a real gate has approved.

use std::collections::BTreeMap;
use std::time::Duration;

use keel_domain::{
    Instrument, OrdType, OrderIntent, Purpose, Qty, Side, SignedQty, StopLeg, TimeInForce, Trigger,
};
use keel_risk::{ApprovedOrder, Reference, RiskGate, RiskLimits, RiskView, SymbolLimits};

use super::{T0, btc, id, secs};

fn limits(one: Qty) -> RiskLimits {
    RiskLimits {
        stage: keel_domain::Stage::Normal,
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
    let ord_type = OrdType::Limit {
        price: "100".parse().unwrap(),
        time_in_force: TimeInForce::Gtc,
    };
    approved_as(cl_ord_id, ord_type, purpose, None)
}

/// A sale above the market that carries a stop.
pub(crate) fn approved_pair(cl_ord_id: &str, stop_id: &str) -> ApprovedOrder {
    let ord_type = OrdType::LimitMaker {
        price: "102".parse().unwrap(),
    };
    let stop_px = "99".parse().unwrap();
    let stop = StopLeg {
        cl_ord_id: id(stop_id),
        ord_type: OrdType::StopLoss {
            trigger: Trigger::Stop { stop_px },
        },
    };
    approved_as(cl_ord_id, ord_type, Purpose::ReduceOnly, Some(stop))
}

fn approved_as(cl_ord_id: &str, ord_type: OrdType, purpose: Purpose, stop: Option<StopLeg>) -> ApprovedOrder {
    let one: Qty = "1".parse().unwrap();
    let (base, quote) = ("BTC".parse().unwrap(), "USDT".parse().unwrap());
    let instrument = Instrument::unfiltered(btc(), base, quote);
    let mut gate = RiskGate::new(limits(one)).unwrap();
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
        held_by_others: Qty::ZERO,
        lowest_sell: None,
        gross_exposure: Some(0.into()),
        quote_free: Some(1_000.into()),
        unknown_orders: 0,
    };
    let intent = OrderIntent {
        symbol: btc(),
        side: Side::Sell,
        ord_type,
        order_qty: one,
        purpose,
    };
    let id = id(cl_ord_id);
    let approved = match stop {
        Some(stop) => gate.approve_with_stop(T0, intent, id, stop, &view),
        None => gate.approve(T0, intent, id, &view),
    };
    approved.expect("within every limit")
}
